#include "pools/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum { COLUMNS = 4 };

void bsc_pools_statement_release(struct bsc_pools_statement *statement)
{
    if (statement->params != NULL)
        bsc_buf_release(&statement->sql);
    bsc_value_free(statement->params);
    *statement = (struct bsc_pools_statement){0};
}

bool bsc_pools_state_known(const char *state)
{
    return state != NULL && (strcmp(state, "Normal") == 0 || strcmp(state, "FailedOver") == 0);
}

/* Each part of the name in double quotes, so that no name can be more than a name. */
static void name_quote(struct bsc_buf *sql, const char *name)
{
    bsc_buf_add_char(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '.')
            bsc_buf_add_text(sql, "\".\"");
        else if (*name == '"')
            bsc_buf_add_text(sql, "\"\"");
        else
            bsc_buf_add_char(sql, *name);
    }
    bsc_buf_add_char(sql, '"');
}

static void statement_init(struct bsc_pools_statement *statement)
{
    bsc_buf_init(&statement->sql);
    statement->params = bsc_value_list();
}

void bsc_pools_table_read(const char *table, const char *pool, struct bsc_pools_statement *ret)
{
    statement_init(ret);
    bsc_buf_add_text(&ret->sql, "SELECT name, state, active_servers, version FROM ");
    name_quote(&ret->sql, table);
    bsc_buf_add_text(&ret->sql, " WHERE name = ?");
    bsc_value_append(ret->params, bsc_value_text(pool));
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts of a list in order and without repetition, as an owned list. */
static struct bsc_value *list_sort(const struct bsc_value *list)
{
    size_t count = bsc_value_count(list), kept = 0;
    const char **texts = bsc_mem_new(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const char *text = bsc_value_string(bsc_value_at(list, i));
        if (text != NULL)
            texts[kept++] = text;
    }
    qsort(texts, kept, sizeof *texts, text_compare);
    struct bsc_value *sorted = bsc_value_list();
    for (size_t i = 0; i < kept; i++)
        if (i == 0 || strcmp(texts[i], texts[i - 1]) != 0)
            bsc_value_append(sorted, bsc_value_text(texts[i]));
    bsc_mem_free(texts);
    return sorted;
}

static struct bsc_value *servers_join(const struct bsc_value *servers)
{
    struct bsc_value *sorted = list_sort(servers);
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (size_t i = 0; i < bsc_value_count(sorted); i++) {
        if (i > 0)
            bsc_buf_add_char(&text, ',');
        bsc_buf_add_text(&text, bsc_value_string(bsc_value_at(sorted, i)));
    }
    struct bsc_value *joined = bsc_value_bytes(text.data, text.length);
    bsc_buf_release(&text);
    bsc_value_free(sorted);
    return joined;
}

/* People write blanks after commas; applications that read the table must not mind, nor may we. */
static struct bsc_value *servers_split(const char *text)
{
    struct bsc_value *list = bsc_value_list();
    while (*text != '\0') {
        text += strspn(text, " ,\t");
        size_t length = strcspn(text, ",");
        size_t kept = length;
        while (kept > 0 && (text[kept - 1] == ' ' || text[kept - 1] == '\t'))
            kept--;
        if (kept > 0)
            bsc_value_append(list, bsc_value_bytes(text, kept));
        text += length;
    }
    struct bsc_value *sorted = list_sort(list);
    bsc_value_free(list);
    return sorted;
}

void bsc_pools_table_swap(const char *table, const char *pool, const struct bsc_pools_version *from,
                          const struct bsc_pools_version *to, struct bsc_pools_statement *ret)
{
    statement_init(ret);
    bsc_buf_add_text(&ret->sql, "UPDATE ");
    name_quote(&ret->sql, table);
    bsc_buf_add_text(&ret->sql, " SET state = ?, active_servers = ?, version = version + 1"
                                " WHERE name = ? AND state = ? AND version = ?");
    bsc_value_append(ret->params, bsc_value_text(to->state));
    bsc_value_append(ret->params, servers_join(to->active_servers));
    bsc_value_append(ret->params, bsc_value_text(pool));
    bsc_value_append(ret->params, bsc_value_text(from->state));
    bsc_value_append(ret->params, bsc_value_int(from->version));
}

/* Some drivers give whole numbers as texts. */
static bool version_read(const struct bsc_value *value, int64_t *ret_version)
{
    if (bsc_value_kind(value) == BSC_VALUE_TEXT)
        return bsc_num_parse(bsc_value_string(value), bsc_value_string_length(value), ret_version);
    *ret_version = bsc_value_number(value, -1);
    return bsc_value_kind(value) == BSC_VALUE_INT;
}

static struct bsc_value *row_facts(const char *pool, const struct bsc_value *row,
                                   struct bsc_err *err)
{
    const char *state = bsc_value_string(bsc_value_at(row, 1));
    const char *servers = bsc_value_string(bsc_value_at(row, 2));
    int64_t version = 0;
    if (!bsc_pools_state_known(state)) {
        bsc_err_set(err, BSC_ERR_INVALID, "pool '%s' has the state '%s'", pool,
                    state != NULL ? state : "NULL");
        bsc_err_hint(err, "A pool is Normal or FailedOver; correct the pool table.");
        return NULL;
    }
    if (!version_read(bsc_value_at(row, 3), &version) || version < 0) {
        bsc_err_set(err, BSC_ERR_INVALID, "the version of pool '%s' is not a number", pool);
        bsc_err_hint(err, "The column version must hold whole numbers from 0; correct the table.");
        return NULL;
    }
    struct bsc_value *facts = bsc_value_map();
    bsc_value_set_text(facts, "state", state);
    bsc_value_set(facts, "active_servers", servers_split(servers != NULL ? servers : ""));
    bsc_value_set_int(facts, "version", version);
    return facts;
}

struct bsc_value *bsc_pools_table_facts(const char *pool, const struct bsc_value *rows,
                                        struct bsc_err *err)
{
    const struct bsc_value *row = bsc_value_at(rows, 0);
    if (bsc_value_count(rows) == 0) {
        bsc_err_set(err, BSC_ERR_NOT_FOUND, "pool '%s' has no row in the pool table", pool);
        bsc_err_hint(err, "Add a row for it, or correct the pool's table in the site file.");
        return NULL;
    }
    if (bsc_value_count(rows) > 1 || bsc_value_count(row) != COLUMNS) {
        bsc_err_set(err, BSC_ERR_INVALID, "pool '%s' has %zu rows in the pool table", pool,
                    bsc_value_count(rows));
        return NULL;
    }
    return row_facts(pool, row, err);
}
