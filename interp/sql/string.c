#include "sql/sql_int.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* One "key=value" of a connection string, as a part of it. */
struct attribute {
    const char *key;
    size_t key_length;
    const char *value; /* with its braces */
    size_t value_length;
    const char *next; /* where the following one begins */
};

/* Where a value ends: at the next semicolon, or after the closing brace of a value in braces,
 * inside of which "}}" stands for one brace. */
static const char *value_end(const char *value)
{
    if (value[0] != '{')
        return value + strcspn(value, ";");
    for (const char *c = value + 1; *c != '\0'; c++) {
        if (c[0] == '}' && c[1] == '}')
            c++;
        else if (c[0] == '}')
            return c + 1;
    }
    return value + strlen(value);
}

static bool read_attribute(const char *from, struct attribute *ret)
{
    from += strspn(from, "; ");
    const char *equals = strchr(from, '=');
    if (equals == NULL)
        return false;
    ret->key = from;
    ret->key_length = (size_t)(equals - from);
    ret->value = equals + 1;
    const char *end = value_end(ret->value);
    ret->value_length = (size_t)(end - ret->value);
    ret->next = end + strcspn(end, ";");
    return true;
}

static bool is_key(const struct attribute *attribute, const char *key)
{
    return strlen(key) == attribute->key_length &&
           strncasecmp(attribute->key, key, attribute->key_length) == 0;
}

/* Returns the owned value of a key without braces; NULL when it is not there. */
static char *get(const char *string, const char *key)
{
    struct attribute at = {0};
    for (const char *from = string; read_attribute(from, &at); from = at.next) {
        if (!is_key(&at, key))
            continue;
        if (at.value_length < 2 || at.value[0] != '{')
            return bsc_mem_bytes(at.value, at.value_length);
        struct bsc_buf plain;
        bsc_buf_init(&plain);
        for (size_t i = 1; i + 1 < at.value_length; i++) {
            if (at.value[i] == '}' && at.value[i + 1] == '}' && i + 2 < at.value_length)
                i++;
            bsc_buf_add_char(&plain, at.value[i]);
        }
        char *value = bsc_mem_bytes(plain.data, plain.length);
        bsc_buf_release(&plain);
        return value;
    }
    return NULL;
}

static bool contains(const char *text, const char *word)
{
    return text != NULL && strcasestr(text, word) != NULL;
}

/* As a URI the path can carry SQLite's own options, and no byte of it can be taken for a part of
 * the connection string. */
static void add_uri(struct bsc_buf *out, const char *path, bool mode_ro)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    bsc_buf_add_text(out, "file:");
    for (const char *c = path; *c != '\0'; c++) {
        if (strchr(plain, *c) != NULL) {
            bsc_buf_add_char(out, *c);
            continue;
        }
        bsc_buf_add_char(out, '%');
        bsc_buf_add_char(out, hex[(unsigned char)*c >> 4]);
        bsc_buf_add_char(out, hex[(unsigned char)*c & 15]);
    }
    bsc_buf_add_text(out, mode_ro ? "?mode=ro" : "?mode=rw");
}

/* The driver takes the first of equal keys, so ours stand in front. Waiting for locks is done by
 * bsc_sql_run: inside the driver it cannot be cancelled. 1 ms is the least that it knows. */
static void tune_sqlite(const char *string, const char *path, bool mode_ro, struct bsc_buf *out)
{
    struct attribute at = {0};
    bsc_buf_add_text(out, "NoCreat=Yes;Timeout=1;SyncPragma=FULL;");
    if (path != NULL) {
        bsc_buf_add_text(out, "Database=");
        add_uri(out, path, mode_ro);
        bsc_buf_add_char(out, ';');
    }
    for (const char *from = string; read_attribute(from, &at); from = at.next) {
        if (is_key(&at, "NoCreat") || is_key(&at, "Timeout") || is_key(&at, "SyncPragma") ||
            (path != NULL && is_key(&at, "Database")))
            continue;
        bsc_buf_add(out, at.key, (size_t)(at.value + at.value_length - at.key));
        bsc_buf_add_char(out, ';');
    }
}

static bool is_for_sqlite(const char *string)
{
    char *driver = get(string, "Driver");
    bool is = contains(driver, "sqlite");
    bsc_mem_free(driver);
    return is;
}

static bool is_for_postgresql(const char *string)
{
    char *driver = get(string, "Driver");
    bool is = contains(driver, "postgresql") || contains(driver, "psqlodbc");
    bsc_mem_free(driver);
    return is;
}

static bool has(const char *string, const char *const keys[])
{
    for (; keys[0] != NULL; keys++) {
        char *value = get(string, keys[0]);
        bool is_there = value != NULL;
        bsc_mem_free(value);
        if (is_there)
            return true;
    }
    return false;
}

static bool speaks_of_keepalive(const char *string)
{
    static const char *const own[] = {"KeepaliveTime", "KeepaliveInterval", "D1", "D2", NULL};
    char *options = get(string, "pqopt"), *same = get(string, "D5");
    bool speaks =
        has(string, own) || contains(options, "keepalives") || contains(same, "keepalives");
    bsc_mem_free(options);
    bsc_mem_free(same);
    return speaks;
}

/* The system asks a silent host for a sign of life after two hours, and repeats what was not
 * confirmed for a quarter of an hour. Whoever says anything of that in the string has decided it,
 * for the driver refuses to hear it twice. pqopt is one text for all that libpq is to know, and a
 * DSN may have one. */
static void tune_postgresql(const char *string, struct bsc_buf *out)
{
    static const char *const options[] = {"pqopt", "D5", "DSN", NULL};
    if (!speaks_of_keepalive(string))
        bsc_buf_add_text(out, "KeepaliveTime=10;KeepaliveInterval=5;");
    if (!has(string, options))
        bsc_buf_add_text(out, "pqopt={tcp_user_timeout=30000};");
    bsc_buf_add_text(out, string);
}

char *bsc_sql_string_file(const char *string)
{
    char *path = is_for_sqlite(string) ? get(string, "Database") : NULL;
    if (path == NULL || path[0] == '/')
        return path;
    bsc_mem_free(path);
    return NULL;
}

bool bsc_sql_string_tune(const char *string, bool read_only, bool *ret_mode_ro, struct bsc_buf *out,
                         struct bsc_err *err)
{
    *ret_mode_ro = false;
    if (is_for_postgresql(string)) {
        tune_postgresql(string, out);
        return true;
    }
    if (!is_for_sqlite(string)) {
        bsc_buf_add_text(out, string);
        return true;
    }
    char *path = bsc_sql_string_file(string);
    bool good = path == NULL || bsc_sql_sqlite_inspect(path, read_only, ret_mode_ro, err);
    if (good)
        tune_sqlite(string, path, *ret_mode_ro, out);
    bsc_mem_free(path);
    return good;
}
