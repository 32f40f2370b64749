#include "sql/sql_int.h"

#include <string.h>

#include "base/mem.h"

/* A driver that answers for ever must not hold us for ever, and none has been seen to keep more
 * than a few records of one call. */
enum { RECORDS_MAX = 100, TEXT_FIRST = 4096, TEXT_MAX = 32000 };

struct record {
    char sqlstate[6];
    SQLINTEGER native;
    struct bsc_buf text;
};

/* Reads the record with this number; a text that was cut is read once more with enough room. */
static bool read_record(const struct bsc_sql *sql, struct bsc_sql_handle handle, SQLSMALLINT number,
                        struct record *record)
{
    SQLSMALLINT size = TEXT_FIRST, length = 0;
    for (int attempt = 0; attempt < 2; attempt++) {
        bsc_buf_clear(&record->text);
        char *room = bsc_buf_room(&record->text, (size_t)size);
        room[0] = '\0';
        SQLRETURN rc =
            sql->calls->get_diag_rec(sql->calls->self, handle.type, handle.handle, number,
                                     record->sqlstate, &record->native, room, size, &length);
        record->sqlstate[5] = '\0';
        if (!SQL_SUCCEEDED(rc))
            return false;
        bsc_buf_grown(&record->text, strnlen(room, (size_t)size - 1));
        if (length < size)
            return true;
        size = length < TEXT_MAX ? (SQLSMALLINT)(length + 1) : TEXT_MAX;
    }
    return true;
}

static void keep_record(struct bsc_value *messages, const struct record *record)
{
    struct bsc_value *kept = bsc_value_map();
    bsc_value_set_text(kept, "sqlstate", record->sqlstate);
    bsc_value_set_int(kept, "native", record->native);
    bsc_value_set(kept, "text", bsc_value_bytes(record->text.data, record->text.length));
    bsc_value_append(messages, kept);
}

/* Drivers put their names in brackets before the text of the server. */
static const char *without_prefix(const char *text)
{
    while (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || end[1] == '\0')
            break;
        text = end + 1;
        text += strspn(text, " ");
    }
    return text;
}

static enum bsc_err_code code_of(const char *sqlstate)
{
    if (strncmp(sqlstate, "08", 2) == 0)
        return BSC_ERR_UNREACHABLE;
    if (strcmp(sqlstate, "28000") == 0)
        return BSC_ERR_DENIED;
    if (strcmp(sqlstate, "HYT00") == 0 || strcmp(sqlstate, "HYT01") == 0)
        return BSC_ERR_TIMEOUT;
    if (strcmp(sqlstate, "HY008") == 0)
        return BSC_ERR_CANCELLED;
    return BSC_ERR_SQL;
}

static enum bsc_err_retry retry_of(const char *sqlstate)
{
    if (strncmp(sqlstate, "08", 2) == 0 || strcmp(sqlstate, "40001") == 0 ||
        strcmp(sqlstate, "40P01") == 0 || strncmp(sqlstate, "HYT0", 4) == 0)
        return BSC_RETRY_YES;
    return BSC_RETRY_NO;
}

static void fill(const struct bsc_sql *sql, const char *what, const struct record *record,
                 struct bsc_err *err)
{
    const char *text = without_prefix(record->text.data);
    const enum bsc_err_code code = code_of(record->sqlstate);
    /* Of this class are others too, which a server raises that could not reach a third one. */
    const bool is_lost = sql->connected && strcmp(record->sqlstate, "08S01") == 0;
    bsc_err_set(err, code, "%s: %s", is_lost ? "the connection was lost" : what,
                text[0] == '\0' ? "the driver gives no reason" : text);
    memcpy(err->sqlstate, record->sqlstate, sizeof err->sqlstate);
    err->native = record->native;
    err->retryable = retry_of(record->sqlstate);
    if (sql->is_sqlite)
        bsc_sql_sqlite_refine(sql, err);
}

static bool is_warning(const struct record *record)
{
    return strncmp(record->sqlstate, "01", 2) == 0 || strncmp(record->sqlstate, "00", 2) == 0;
}

/* Takes the first record that is no mere warning, or else the first of all: what keeps a driver
 * from being loaded is reported as a warning. */
static void weigh(const struct bsc_sql *sql, const char *what, const struct record *record,
                  int *rank, struct bsc_err *err)
{
    int weight = is_warning(record) ? 1 : 2;
    if (weight <= *rank)
        return;
    fill(sql, what, record, err);
    *rank = weight;
}

void bsc_sql_diag_read(const struct bsc_sql *sql, struct bsc_sql_handle handle,
                       struct bsc_value *messages, const char *what, struct bsc_err *err)
{
    int rank = 0;
    if (err != NULL)
        bsc_err_set(err, BSC_ERR_SQL, "%s: the driver gives no reason", what);
    for (SQLSMALLINT i = 1; i <= RECORDS_MAX && handle.handle != SQL_NULL_HANDLE; i++) {
        struct record record = {.sqlstate = "", .native = 0};
        bsc_buf_init(&record.text);
        bool there = read_record(sql, handle, i, &record);
        if (there && sql->redactor != NULL)
            bsc_redact_apply(sql->redactor, &record.text);
        if (there && messages != NULL)
            keep_record(messages, &record);
        if (there && err != NULL)
            weigh(sql, what, &record, &rank, err);
        bsc_buf_release(&record.text);
        if (!there)
            break;
    }
}
