#include "sql/sql_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"

/* Bytes asked for at first; what is longer is asked for in further pieces. Sizes that drivers
 * declare for a column are not to be relied on. */
enum { PIECE_BYTES = 4096, NAME_BYTES = 128, COLUMNS_MAX = 4096 };

/* How the values of a column are read. */
enum shape { SHAPE_TEXT, SHAPE_INTEGER, SHAPE_BINARY };

struct columns {
    SQLSMALLINT count;
    enum shape *shapes; /* owned array */
};

static enum shape shape_of(SQLSMALLINT sql_type)
{
    switch (sql_type) {
    case SQL_BIT:
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT:
        return SHAPE_INTEGER;
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY:
        return SHAPE_BINARY;
    default:
        return SHAPE_TEXT;
    }
}

static bool fail(struct bsc_sql_job *job, const char *what, struct bsc_err *err)
{
    bsc_sql_diag_read(job->sql, job->statement, job->result->messages, what, err);
    return false;
}

static void keep_warnings(struct bsc_sql_job *job, SQLRETURN rc)
{
    if (rc == SQL_SUCCESS_WITH_INFO)
        bsc_sql_diag_read(job->sql, job->statement, job->result->messages, "", NULL);
}

/* Reads a column's name and type. A name that was cut is read once more with enough room. */
static bool describe(struct bsc_sql_job *job, SQLUSMALLINT number, struct bsc_value *names,
                     enum shape *ret_shape, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    SQLSMALLINT size = NAME_BYTES, length = 0, type = 0;
    struct bsc_buf name;
    bsc_buf_init(&name);
    bool good = true;
    for (int attempt = 0; attempt < 2 && good; attempt++) {
        char *room = bsc_buf_room(&name, (size_t)size);
        room[0] = '\0';
        SQLRETURN rc = calls->describe_col(calls->self, job->statement.handle, number, room, size,
                                           &length, &type);
        good = SQL_SUCCEEDED(rc);
        if (length < size || length >= 16000)
            break;
        size = (SQLSMALLINT)(length + 1);
    }
    if (good) {
        bsc_value_append(names, bsc_value_bytes(name.data, strnlen(name.data, (size_t)size - 1)));
        *ret_shape = shape_of(type);
    } else {
        fail(job, "cannot describe a column", err);
    }
    bsc_buf_release(&name);
    return good;
}

static bool describe_all(struct bsc_sql_job *job, struct columns *columns, struct bsc_value *names,
                         struct bsc_err *err)
{
    columns->shapes = bsc_mem_new((size_t)columns->count, sizeof *columns->shapes);
    for (SQLSMALLINT i = 0; i < columns->count; i++) {
        if (!describe(job, (SQLUSMALLINT)(i + 1), names, &columns->shapes[i], err))
            return false;
    }
    return true;
}

/* What one SQLGetData brought. */
enum piece { PIECE_LAST, PIECE_MORE, PIECE_NULL, PIECE_FAILED };

/* Works out from return code and indicator how many bytes of the room were filled. `terminator` is
 * the NUL that ends each piece of text and is not counted. The indicator holds the bytes that were
 * left before this piece, or SQL_NO_TOTAL, and means nothing unless the call succeeded. */
static enum piece measure(SQLRETURN rc, SQLLEN indicator, const char *room, size_t size,
                          size_t terminator, size_t *ret_filled)
{
    *ret_filled = 0;
    if (rc == SQL_NO_DATA)
        return PIECE_LAST;
    if (!SQL_SUCCEEDED(rc))
        return PIECE_FAILED;
    if (indicator == SQL_NULL_DATA)
        return PIECE_NULL;
    if (indicator < 0 && indicator != SQL_NO_TOTAL)
        return PIECE_FAILED;
    bool cut = indicator == SQL_NO_TOTAL || (size_t)indicator > size - terminator;
    if (!cut) {
        *ret_filled = (size_t)indicator;
        return PIECE_LAST;
    }
    if (rc == SQL_SUCCESS && indicator == SQL_NO_TOTAL && terminator != 0) {
        *ret_filled = strnlen(room, size - terminator);
        return PIECE_LAST;
    }
    *ret_filled = size - terminator;
    return rc == SQL_SUCCESS_WITH_INFO ? PIECE_MORE : PIECE_FAILED;
}

/* Reads one value whole, however long it is. *ret_null is set when it is NULL. */
static bool read_bytes(struct bsc_sql_job *job, SQLUSMALLINT column, SQLSMALLINT c_type,
                       struct bsc_buf *out, bool *ret_null, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    size_t terminator = c_type == SQL_C_CHAR ? 1 : 0, size = PIECE_BYTES, filled = 0;
    enum piece piece = PIECE_MORE;
    while (piece == PIECE_MORE) {
        SQLLEN indicator = 0;
        char *room = bsc_buf_room(out, size);
        SQLRETURN rc = calls->get_data(calls->self, job->statement.handle, column, c_type, room,
                                       (SQLLEN)size, &indicator);
        piece = measure(rc, indicator, room, size, terminator, &filled);
        if (piece == PIECE_FAILED)
            return fail(job, "cannot read a value", err);
        bsc_buf_grown(out, filled);
        int64_t rest = indicator > (SQLLEN)filled ? indicator - (SQLLEN)filled : 0;
        if ((int64_t)out->length > job->bytes_left - rest)
            return bsc_err_set(err, BSC_ERR_LIMIT, "the result is longer than allowed");
        size = rest > 0 ? (size_t)rest + terminator : size * 2;
    }
    *ret_null = piece == PIECE_NULL;
    job->bytes_left -= (int64_t)out->length;
    return true;
}

static struct bsc_value *hexadecimal(const struct bsc_buf *bytes)
{
    static const char digits[] = "0123456789abcdef";
    struct bsc_buf hex;
    bsc_buf_init(&hex);
    for (size_t i = 0; i < bytes->length; i++) {
        bsc_buf_add_char(&hex, digits[(unsigned char)bytes->data[i] >> 4]);
        bsc_buf_add_char(&hex, digits[(unsigned char)bytes->data[i] & 15]);
    }
    struct bsc_value *value = bsc_value_bytes(hex.data, hex.length);
    bsc_buf_release(&hex);
    return value;
}

/* Integers travel as text, too, so that what does not fit or is no integer after all (a column of
 * SQLite may hold anything) stays as it is instead of becoming another number or NULL. */
static struct bsc_value *make_value(enum shape shape, const struct bsc_buf *bytes)
{
    int64_t number = 0;
    if (shape == SHAPE_BINARY)
        return hexadecimal(bytes);
    if (shape == SHAPE_INTEGER && bsc_num_parse(bytes->data, bytes->length, &number))
        return bsc_value_int(number);
    return bsc_value_bytes(bytes->data, bytes->length);
}

static bool read_row(struct bsc_sql_job *job, const struct columns *columns, struct bsc_value *row,
                     struct bsc_err *err)
{
    struct bsc_buf bytes;
    bsc_buf_init(&bytes);
    bool good = true;
    for (SQLSMALLINT i = 0; i < columns->count && good; i++) {
        bool null = false;
        bsc_buf_clear(&bytes);
        good = read_bytes(job, (SQLUSMALLINT)(i + 1),
                          columns->shapes[i] == SHAPE_BINARY ? SQL_C_BINARY : SQL_C_CHAR, &bytes,
                          &null, err);
        if (good)
            bsc_value_append(row, null ? bsc_value_null() : make_value(columns->shapes[i], &bytes));
    }
    bsc_buf_release(&bytes);
    return good;
}

static bool fetch_rows(struct bsc_sql_job *job, const struct columns *columns,
                       struct bsc_value *rows, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    for (;;) {
        if (bsc_sql_watch_verdict(job->sql->watch) != BSC_ERR_NONE)
            return bsc_err_set(err, BSC_ERR_CANCELLED, "stopped while rows were read");
        if (job->limits->cut && job->rows_left <= 0)
            return true;
        SQLRETURN rc = calls->fetch(calls->self, job->statement.handle);
        if (rc == SQL_NO_DATA)
            return true;
        if (!SQL_SUCCEEDED(rc))
            return fail(job, "cannot fetch a row", err);
        keep_warnings(job, rc);
        if (job->rows_left-- <= 0)
            return bsc_err_set(err, BSC_ERR_LIMIT, "the result has more rows than allowed");
        struct bsc_value *row = bsc_value_list();
        bsc_value_append(rows, row);
        if (!read_row(job, columns, row, err))
            return false;
    }
}

static bool count_changes(struct bsc_sql_job *job, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    SQLLEN count = 0;
    SQLRETURN rc = calls->row_count(calls->self, job->statement.handle, &count);
    if (!SQL_SUCCEEDED(rc))
        return fail(job, "cannot read the number of changed rows", err);
    if (count > 0 && (!job->sql->is_sqlite || bsc_sql_sqlite_counts(job->text)))
        job->result->affected += count;
    return true;
}

bool bsc_sql_fetch_set(struct bsc_sql_job *job, struct bsc_err *err)
{
    const struct bsc_sql_calls *calls = job->sql->calls;
    struct columns columns = {0, NULL};
    SQLRETURN rc = calls->num_result_cols(calls->self, job->statement.handle, &columns.count);
    if (!SQL_SUCCEEDED(rc))
        return fail(job, "cannot count the columns", err);
    if (columns.count <= 0)
        return count_changes(job, err);
    if (columns.count > COLUMNS_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "the result has %d columns", columns.count);
    struct bsc_value *set = bsc_value_map(), *names = bsc_value_list(), *rows = bsc_value_list();
    bsc_value_set(set, "columns", names);
    bsc_value_set(set, "rows", rows);
    bsc_value_append(job->result->sets, set);
    bool good = describe_all(job, &columns, names, err) && fetch_rows(job, &columns, rows, err);
    bsc_mem_free(columns.shapes);
    return good;
}
