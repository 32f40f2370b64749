#include "sql/sql_int.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/sys.h"

/* From SQLite's list of result codes. */
enum {
    CODE_BUSY = 5,
    CODE_LOCKED = 6,
    CODE_READONLY = 8,
    CODE_IOERR = 10,
    CODE_CORRUPT = 11,
    CODE_FULL = 13,
    CODE_CANTOPEN = 14,
    CODE_NOTADB = 26
};

static bool has_content(const char *path, const char *suffix)
{
    const struct bsc_sys *sys = bsc_sys_real();
    struct stat found;
    char *name = bsc_mem_format("%s%s", path, suffix);
    bool content = sys->stat(sys->self, name, &found) == 0 && found.st_size > 0;
    bsc_mem_free(name);
    return content;
}

static bool is_there(const char *path, struct bsc_err *err)
{
    const struct bsc_sys *sys = bsc_sys_real();
    struct stat found;
    if (sys->stat(sys->self, path, &found) == 0)
        return S_ISREG(found.st_mode) ||
               bsc_err_set(err, BSC_ERR_INVALID, "database \"%s\" is not an ordinary file", path);
    int failed = errno;
    bsc_err_sys(err, failed, "cannot find database file \"%s\"", path);
    char *folder = bsc_files_folder_of(path);
    if (failed == ENOENT && sys->stat(sys->self, folder, &found) != 0)
        err->code = BSC_ERR_UNREACHABLE;
    bsc_mem_free(folder);
    return false;
}

/* The file itself is never opened here: closing any descriptor of it would drop the locks that
 * SQLite holds on it for other connections of this process. */
bool bsc_sql_sqlite_inspect(const char *path, bool read_only, bool *ret_mode_ro,
                            struct bsc_err *err)
{
    if (!is_there(path, err))
        return false;
    /* A journal with content is work that somebody else has to finish, or that is wanted as
     * evidence; only mode=ro keeps SQLite from copying it into the database. Without a journal
     * mode=ro would leave new -wal and -shm files behind, which a plain connection tidies up. */
    *ret_mode_ro = read_only && (has_content(path, "-wal") || has_content(path, "-journal"));
    return true;
}

bool bsc_sql_sqlite_screen(const char *text, bool read_only, struct bsc_err *err)
{
    static const char *const never[] = {"load_extension", "blob_import", "blob_export"};
    static const char *const when_reading[] = {"attach", "vacuum", "query_only"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof never / sizeof never[0] && found == NULL; i++)
        found = strcasestr(text, never[i]) != NULL ? never[i] : NULL;
    for (size_t i = 0; read_only && i < sizeof when_reading / sizeof when_reading[0]; i++)
        found = strcasestr(text, when_reading[i]) != NULL ? when_reading[i] : found;
    if (found == NULL)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "a %s must not contain \"%s\"",
                read_only ? "statement that only reads" : "statement", found);
    return bsc_err_hint(err, "It reaches past the database into other files.");
}

bool bsc_sql_sqlite_has_journal(const struct bsc_sql *sql)
{
    return sql->file != NULL && has_content(sql->file, "-journal");
}

/* To read past the journal of a killed writer, SQLite would have to write. */
static void refine_readonly(const struct bsc_sql *sql, struct bsc_err *err)
{
    if (sql->mode_ro && bsc_sql_sqlite_has_journal(sql)) {
        err->code = BSC_ERR_UNSETTLED;
        bsc_err_hint(err, "A writer was killed; the next client that may write takes its change "
                          "back.");
    } else {
        bsc_err_hint(err, "The connection is read-only, or the copy is a standby.");
    }
}

void bsc_sql_sqlite_refine(const struct bsc_sql *sql, struct bsc_err *err)
{
    switch (err->native & 0xff) {
    case CODE_BUSY:
    case CODE_LOCKED:
        err->retryable = BSC_RETRY_YES;
        bsc_err_hint(err, "Another process holds a lock on the database.");
        break;
    case CODE_READONLY:
        refine_readonly(sql, err);
        break;
    case CODE_IOERR:
        err->code = BSC_ERR_IO;
        break;
    case CODE_CORRUPT:
        err->code = BSC_ERR_DAMAGED;
        break;
    case CODE_NOTADB:
        err->code = BSC_ERR_REFUSED;
        bsc_err_hint(err, "The copy is closed to every client since it is being restored or is a "
                          "mirror; or the file is no database.");
        break;
    case CODE_FULL:
        err->code = BSC_ERR_NO_SPACE;
        break;
    case CODE_CANTOPEN:
        err->code = BSC_ERR_NOT_FOUND;
        break;
    default:
        break;
    }
}

bool bsc_sql_sqlite_busy(const struct bsc_err *err)
{
    return (err->native & 0xff) == CODE_BUSY;
}

bool bsc_sql_sqlite_single(const char *text)
{
    char quote = '\0';
    for (const char *c = text; *c != '\0'; c++) {
        if (quote != '\0')
            quote = *c == quote ? '\0' : quote;
        else if (*c == '\'' || *c == '"' || *c == '`')
            quote = *c;
        else if (*c == ';')
            return c[1 + strspn(c + 1, " \t\r\n;")] == '\0';
        else if ((c[0] == '-' && c[1] == '-') || (c[0] == '/' && c[1] == '*'))
            return false;
    }
    return true;
}

/* Behind blanks and comments. */
static const char *first_word(const char *text)
{
    for (;;) {
        const char *end = NULL;
        text += strspn(text, " \t\r\n");
        if (text[0] == '-' && text[1] == '-')
            text += strcspn(text, "\n");
        else if (text[0] == '/' && text[1] == '*' && (end = strstr(text + 2, "*/")) != NULL)
            text = end + 2;
        else
            return text;
    }
}

bool bsc_sql_sqlite_counts(const char *text)
{
    static const char *const words[] = {"insert", "update", "delete", "replace", "with"};
    text = first_word(text);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncasecmp(text, words[i], strlen(words[i])) == 0)
            return true;
    }
    return false;
}
