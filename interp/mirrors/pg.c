#include "mirrors/pg.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* ------------------------------------------------------------ libpq's words */

static void add_keyword(struct bsc_buf *out, const char *keyword, const char *value, size_t length)
{
    bsc_buf_printf(out, "%s%s='", out->length > 0 ? " " : "", keyword);
    for (size_t i = 0; i < length; i++) {
        if (value[i] == '\'' || value[i] == '\\')
            bsc_buf_add_char(out, '\\');
        bsc_buf_add_char(out, value[i]);
    }
    bsc_buf_add_char(out, '\'');
}

/* The keyword of libpq for one of ODBC's, or NULL; "pqopt", which holds keywords, is itself, and
 * what names another place where some are is "elsewhere". */
static const char *keyword_of(const char *name, size_t length)
{
    static const char *const pairs[][2] = {
        {"servername", "host"}, {"server", "host"},   {"port", "port"},
        {"uid", "user"},        {"username", "user"}, {"sslmode", "sslmode"},
        {"pqopt", "pqopt"},     {"dsn", "elsewhere"}, {"d5", "elsewhere"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strlen(pairs[i][0]) == length && strncasecmp(pairs[i][0], name, length) == 0)
            return pairs[i][1];
    }
    return NULL;
}

/* Reads the value at `at`, in braces or up to a semicolon; returns where it ends. */
static const char *read_value(const char *at, struct bsc_buf *value)
{
    bsc_buf_clear(value);
    if (*at != '{') {
        size_t length = strcspn(at, ";");
        bsc_buf_add(value, at, length);
        return at + length;
    }
    for (at++; *at != '\0' && (at[0] != '}' || at[1] == '}'); at++) {
        if (at[0] == '}')
            at++;
        bsc_buf_add_char(value, *at);
    }
    return at + strcspn(at, ";");
}

/* Reads the next pair of a connection string; *ret_keyword is NULL where libpq has no such word.
 * False at its end. */
static bool next_pair(const char **at, const char **ret_keyword, struct bsc_buf *value)
{
    const char *next = *at + strspn(*at, "; ");
    size_t name = strcspn(next, "=;");
    if (*next == '\0')
        return false;
    *ret_keyword = keyword_of(next, name);
    next += name;
    if (*next == '=')
        next = read_value(next + 1, value);
    else
        bsc_buf_clear(value);
    *at = next;
    return true;
}

static bool is_for_libpq(const char *keyword)
{
    return strcmp(keyword, "pqopt") != 0 && strcmp(keyword, "elsewhere") != 0;
}

static void translate(const char *connection, struct bsc_buf *out, bool *ret_host)
{
    struct bsc_buf value;
    const char *keyword = NULL;
    bsc_buf_init(&value);
    while (next_pair(&connection, &keyword, &value)) {
        if (keyword != NULL && value.length > 0 && is_for_libpq(keyword)) {
            add_keyword(out, keyword, value.data, value.length);
            *ret_host = *ret_host || strcmp(keyword, "host") == 0;
        }
    }
    bsc_buf_release(&value);
}

static void add_address(const char *host, const char *port, struct bsc_buf *out)
{
    if (host[0] == '/')
        bsc_buf_printf(out, "%s/.s.PGSQL.%s", host, port);
    else
        bsc_buf_printf(out, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static void set_value(struct bsc_buf *buf, const struct bsc_buf *value)
{
    bsc_buf_clear(buf);
    bsc_buf_add(buf, value->data, value->length);
}

/* Whether options of libpq's say where the server is: whatever stands beside them, they decide. */
static bool has_way(const struct bsc_buf *options)
{
    return options->length > 0 &&
           (strstr(options->data, "host") != NULL || strstr(options->data, "port") != NULL ||
            strstr(options->data, "service") != NULL);
}

bool bsc_mirrors_pg_address(const char *connection, struct bsc_buf *out)
{
    struct bsc_buf value, host, port;
    const char *keyword = NULL;
    bool elsewhere = getenv("PGHOSTADDR") != NULL || getenv("PGSERVICE") != NULL;
    bsc_buf_init(&value);
    bsc_buf_init(&host);
    bsc_buf_init(&port);
    while (next_pair(&connection, &keyword, &value)) {
        if (keyword != NULL && strcmp(keyword, "host") == 0)
            set_value(&host, &value);
        else if (keyword != NULL && strcmp(keyword, "port") == 0)
            set_value(&port, &value);
        else if (keyword != NULL && !is_for_libpq(keyword))
            elsewhere = elsewhere || strcmp(keyword, "pqopt") != 0 || has_way(&value);
    }
    elsewhere = elsewhere || (port.length == 0 && getenv("PGPORT") != NULL);
    bool found = host.length > 0 && !elsewhere && strpbrk(host.data, "@,") == NULL;
    if (found)
        add_address(host.data, port.length > 0 ? port.data : "5432", out);
    bsc_buf_release(&value);
    bsc_buf_release(&host);
    bsc_buf_release(&port);
    return found;
}

static bool is_uri(const char *conninfo)
{
    return strncmp(conninfo, "postgresql://", 13) == 0 || strncmp(conninfo, "postgres://", 11) == 0;
}

bool bsc_mirrors_pg_conninfo(const struct bsc_mirrors_pg_way *way, struct bsc_buf *out,
                             struct bsc_err *err)
{
    bool has_host = way->conninfo != NULL;
    if (has_host && is_uri(way->conninfo)) {
        bsc_err_set(err, BSC_ERR_INVALID, "\"conninfo\" of the principal is a URI");
        return bsc_err_hint(err,
                            "Write it in keywords, such as host=db3 port=5432 user=replicator.");
    }
    if (way->conninfo != NULL)
        bsc_buf_add_text(out, way->conninfo);
    else
        translate(way->connection, out, &has_host);
    if (!has_host) {
        bsc_err_set(err, BSC_ERR_INVALID, "the connection of the principal names no Servername");
        return bsc_err_hint(err,
                            "Say with \"conninfo\" in the site file how its mirror reaches it.");
    }
    add_keyword(out, "application_name", way->name, strlen(way->name));
    if (way->passfile != NULL)
        add_keyword(out, "passfile", way->passfile, strlen(way->passfile));
    return true;
}

bool bsc_mirrors_pg_passfile(const char *password, struct bsc_buf *out, struct bsc_err *err)
{
    if (strpbrk(password, "\n\r") != NULL)
        return bsc_err_set(err, BSC_ERR_INVALID,
                           "a password with a line end cannot stand in a password file");
    /* Room is made first, since a buffer that grows leaves the old bytes behind. */
    (void)bsc_buf_room(out, strlen(password) * 2 + 16);
    bsc_buf_add_text(out, "*:*:*:*:");
    for (; *password != '\0'; password++) {
        if (*password == ':' || *password == '\\')
            bsc_buf_add_char(out, '\\');
        bsc_buf_add_char(out, *password);
    }
    bsc_buf_add_char(out, '\n');
    return true;
}

/* ------------------------------------------------------------ settings */

static void add_quoted(const char *value, bool in_file, struct bsc_buf *out)
{
    bsc_buf_add_char(out, '\'');
    for (; *value != '\0'; value++) {
        if (*value == '\'' || (in_file && *value == '\\'))
            bsc_buf_add_char(out, *value);
        bsc_buf_add_char(out, *value);
    }
    bsc_buf_add_char(out, '\'');
}

void bsc_mirrors_pg_literal(const char *value, struct bsc_buf *out)
{
    add_quoted(value, false, out);
}

const char *bsc_mirrors_pg_without(const char *names, const char *earlier)
{
    return strcmp(names, earlier) == 0 ? "" : earlier;
}

/* Of a setting that is given twice, the last one counts. What the server that was cloned had for
 * its own recovery, and whom its commits wait for, is no business of its mirror: a restore_command
 * that is not there would end it, and a target would bring it online. */
static void add_own(const char *own, struct bsc_buf *out)
{
    size_t length = strlen(own);
    bsc_buf_add(out, own, length);
    if (length > 0 && own[length - 1] != '\n')
        bsc_buf_add_char(out, '\n');
}

static void add_setting(const char *name, const char *value, struct bsc_buf *out)
{
    bsc_buf_printf(out, "%s = ", name);
    add_quoted(value, true, out);
    bsc_buf_add_char(out, '\n');
}

static void add_none(const char *const *names, size_t count, struct bsc_buf *out)
{
    for (size_t i = 0; i < count; i++)
        bsc_buf_printf(out, "%s = ''\n", names[i]);
}

void bsc_mirrors_pg_settings(const char *own, const char *conninfo, struct bsc_buf *out)
{
    static const char *const none[] = {"primary_slot_name",    "restore_command",
                                       "recovery_target",      "recovery_target_lsn",
                                       "recovery_target_name", "recovery_target_time",
                                       "recovery_target_xid",  "synchronous_standby_names"};
    add_own(own, out);
    add_setting("primary_conninfo", conninfo, out);
    bsc_buf_add_text(out, "recovery_target_timeline = 'latest'\nrecovery_min_apply_delay = 0\n");
    add_none(none, sizeof none / sizeof none[0], out);
}

/* Streaming from another side would be another way in. Where it was handed over, and
 * what it follows, are settings that mean nothing to the server: whoever asks it finds them there.
 */
void bsc_mirrors_pg_feed_settings(const char *own, const struct bsc_mirrors_pg_feed *feed,
                                  struct bsc_buf *out)
{
    static const char *const none[] = {"primary_conninfo",     "primary_slot_name",
                                       "recovery_target",      "recovery_target_lsn",
                                       "recovery_target_name", "recovery_target_time",
                                       "recovery_target_xid",  "synchronous_standby_names"};
    add_own(own, out);
    add_none(none, sizeof none / sizeof none[0], out);
    if (feed->restore_command != NULL)
        add_setting("restore_command", feed->restore_command, out);
    add_setting("recovery_target_timeline", feed->timeline, out);
    bsc_buf_printf(out, "recovery_min_apply_delay = 0\nbascule.handed_over = '%lld'\n",
                   (long long)feed->handed_over_lsn);
    bsc_buf_printf(out, "bascule.follows = '%lld %lld'\n", (long long)feed->follows,
                   (long long)feed->follows_lsn);
}

/* %p and %f are the server's; a percent sign of ours stands for itself when it is doubled. */
static void add_shell_path(const char *path, struct bsc_buf *out)
{
    bsc_buf_add_char(out, '\'');
    for (; *path != '\0'; path++) {
        if (*path == '\'')
            bsc_buf_add_text(out, "'\\'");
        if (*path == '%')
            bsc_buf_add_char(out, '%');
        bsc_buf_add_char(out, *path);
    }
}

/* A file that is not there yet is nothing that the server's messages should be full of. */
void bsc_mirrors_pg_restore_command(const char *folder, struct bsc_buf *out)
{
    bsc_buf_add_text(out, "test -e ");
    add_shell_path(folder, out);
    bsc_buf_add_text(out, "/%f' && cp -- ");
    add_shell_path(folder, out);
    bsc_buf_add_text(out, "/%f' \"%p\"");
}

/* ------------------------------------------------------------ what programs say */

/* "  1234/56789 kB (2%), 0/1 tablespace" */
static bool read_progress(const char *line, int64_t *ret_done, int64_t *ret_total)
{
    line += strspn(line, " ");
    size_t done = strspn(line, "0123456789");
    const char *behind = line + done;
    if (done == 0 || *behind != '/' || !bsc_num_parse(line, done, ret_done))
        return false;
    size_t total = strspn(behind + 1, "0123456789");
    return strncmp(behind + 1 + total, " kB", 3) == 0 &&
           bsc_num_parse(behind + 1, total, ret_total) && *ret_done < INT64_MAX / 1024 &&
           *ret_total < INT64_MAX / 1024;
}

static void take_line(struct bsc_mirrors_pg_ear *ear)
{
    int64_t done = 0, total = 0;
    ear->line[ear->length] = '\0';
    ear->length = 0;
    const char *error = strstr(ear->line, "error: ");
    if (read_progress(ear->line, &done, &total)) {
        if (ear->progress != NULL)
            ear->progress(ear->progress_arg, done * 1024,
                          total > done ? total * 1024 : done * 1024);
    } else if (ear->line[0] != '\0' && !ear->is_error) {
        const char *words = error != NULL ? error + strlen("error: ") : ear->line;
        memcpy(ear->words, words, strlen(words) + 1);
        ear->is_error = error != NULL;
    }
}

void bsc_mirrors_pg_hear(void *ear, const char *bytes, size_t length)
{
    struct bsc_mirrors_pg_ear *self = ear;
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r')
            take_line(self);
        else if (self->length < sizeof self->line - 1)
            self->line[self->length++] = bytes[i];
    }
}

/* What follows a label at the beginning of a line, or NULL. */
static const char *behind_label(const char *text, const char *label, size_t *ret_length)
{
    const char *at = strstr(text, label);
    if (at == NULL || (at != text && at[-1] != '\n'))
        return NULL;
    at += strlen(label);
    at += strspn(at, " ");
    *ret_length = strcspn(at, "\n");
    return at;
}

/* Copies what follows a label; false where it is not there or does not fit. */
static bool take_label(const char *text, const char *label, char *ret, size_t size)
{
    size_t length = 0;
    const char *at = behind_label(text, label, &length);
    if (at == NULL || length == 0 || length >= size)
        return false;
    memcpy(ret, at, length);
    ret[length] = '\0';
    return true;
}

static bool read_lsn(const char *text, int64_t *ret)
{
    char *end = NULL;
    unsigned long long high = strtoull(text, &end, 16);
    if (end == text || *end != '/')
        return false;
    const char *low = end + 1;
    *ret = (int64_t)(high << 32 | strtoull(low, &end, 16));
    return end != low && *end == '\0';
}

bool bsc_mirrors_pg_control_read(const char *text, struct bsc_mirrors_pg_control *ret)
{
    char state[64], lsn[32], segment[32];
    memset(ret, 0, sizeof *ret);
    if (!take_label(text, "Database system identifier:", ret->system, sizeof ret->system) ||
        !take_label(text, "Database cluster state:", state, sizeof state))
        return false;
    /* One "in crash recovery" was online, and is about to be so again. */
    ret->standby =
        strcmp(state, "in archive recovery") == 0 || strcmp(state, "shut down in recovery") == 0;
    ret->shut_down = strcmp(state, "shut down") == 0;
    if (!take_label(text, "Latest checkpoint's REDO WAL file:", ret->file, sizeof ret->file) ||
        !take_label(text, "Latest checkpoint location:", lsn, sizeof lsn) ||
        !read_lsn(lsn, &ret->lsn) ||
        !take_label(text, "Bytes per WAL segment:", segment, sizeof segment) ||
        !bsc_num_parse(segment, strlen(segment), &ret->segment))
        ret->file[0] = '\0';
    return true;
}
