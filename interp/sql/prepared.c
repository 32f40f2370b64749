#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "sql/sql_int.h"
#include "value/digest.h"

enum { NAME_DIGITS = 32 };

/* The name tells the text, since behind a pool of connections others may prepare in the same
 * session of the server. */
static char *name_of(const char *text)
{
    char hex[BSC_DIGEST_HEX];
    bsc_digest_text(text, strlen(text), hex);
    return bsc_mem_format("bascule_%.*s", NAME_DIGITS, hex);
}

/* One query and nothing behind it, which would be carried out beside. */
static bool is_preparable(const struct bsc_sql *sql, const char *text,
                          const struct bsc_value *params)
{
    text += strspn(text, " \t\r\n");
    return sql->read_only && bsc_value_count(params) == 0 &&
           strcasecmp(sql->product, "PostgreSQL") == 0 && strncasecmp(text, "SELECT", 6) == 0 &&
           strchr(text, ';') == NULL;
}

static struct bsc_sql_asked *find(struct bsc_sql *sql, const char *text)
{
    for (size_t i = 0; i < BSC_SQL_ASKED_MAX; i++) {
        if (sql->asked[i].text != NULL && strcmp(sql->asked[i].text, text) == 0)
            return &sql->asked[i];
    }
    return NULL;
}

/* What was prepared keeps its place, so that the server never has more of them than there are
 * places here, and so does what was refused, so that it is not tried again. The shipped runbooks
 * prepare a dozen texts in a session. With the facts that a site has of its own there may be more
 * than there are places for: what finds none is asked plainly, which costs no more than before.
 * NULL where none is left. */
static struct bsc_sql_asked *note(struct bsc_sql *sql, const char *text)
{
    for (size_t i = 0; i < BSC_SQL_ASKED_MAX; i++) {
        struct bsc_sql_asked *asked = &sql->asked[sql->asked_next];
        sql->asked_next = (sql->asked_next + 1) % BSC_SQL_ASKED_MAX;
        if (asked->state != BSC_SQL_ASKED_ONCE)
            continue;
        bsc_mem_free(asked->text);
        asked->text = bsc_mem_text(text);
        return asked;
    }
    return NULL;
}

char *bsc_sql_prepared_text(struct bsc_sql *sql, const char *text, const struct bsc_value *params,
                            bool often)
{
    if (!is_preparable(sql, text, params))
        return NULL;
    struct bsc_sql_asked *asked = find(sql, text);
    const bool is_new = asked == NULL;
    if (is_new)
        asked = note(sql, text);
    if (asked == NULL || asked->state == BSC_SQL_ASKED_PLAIN || (is_new && !often))
        return NULL;
    char *name = name_of(text);
    char *instead = asked->state == BSC_SQL_ASKED_PREPARED
                        ? bsc_mem_format("EXECUTE %s", name)
                        : bsc_mem_format("PREPARE %s AS %s\n; EXECUTE %s", name, text, name);
    asked->state = BSC_SQL_ASKED_PREPARED;
    bsc_mem_free(name);
    return instead;
}

/* Somebody between us and the server may have given us another session of it, or its tables may
 * have become others. */
bool bsc_sql_prepared_refused(struct bsc_sql *sql, const char *text, const struct bsc_err *failure)
{
    static const char *const states[] = {"26000", "42P05", "42601", "0A000"};
    struct bsc_sql_asked *asked = find(sql, text);
    bool refused = false;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        refused = refused || strcmp(failure->sqlstate, states[i]) == 0;
    if (refused && asked != NULL)
        asked->state = BSC_SQL_ASKED_PLAIN;
    return refused;
}

void bsc_sql_prepared_release(struct bsc_sql *sql)
{
    for (size_t i = 0; i < BSC_SQL_ASKED_MAX; i++)
        bsc_mem_free(sql->asked[i].text);
}
