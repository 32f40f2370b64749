#include "pools/haproxy.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum {
    /* Columns of the only version of the answer that there is. */
    BACKEND = 1,
    SERVER = 3,
    OPERATION = 5,
    ADMIN = 6,
    COLUMNS = 7,
    /* Bits of the administrative state. 0x04 only tells what stands in the configuration. */
    MAINTENANCE = 0x01 | 0x02 | 0x20 | 0x40,
    DRAIN = 0x08 | 0x10,
    /* Bits of a request's channel once its client has closed it and the server was told so. */
    NOTHING_MORE = 0x20 | 0x2000
};

struct word {
    const char *begin;
    size_t length;
};

/* Splits at blanks; returns how many of the first `COLUMNS` words there are. */
static size_t split(const char *line, size_t length, struct word words[COLUMNS])
{
    size_t count = 0, at = 0;
    while (count < COLUMNS && at < length) {
        at += strspn(line + at, " ");
        size_t word = strcspn(line + at, " \n");
        if (word == 0 || at >= length)
            break;
        words[count++] = (struct word){line + at, word};
        at += word;
    }
    return count;
}

static bool add_server(const char *line, size_t length, struct bsc_value *servers)
{
    struct word words[COLUMNS];
    int64_t admin = 0, operation = 0;
    if (split(line, length, words) < COLUMNS ||
        !bsc_num_parse(words[OPERATION].begin, words[OPERATION].length, &operation) ||
        !bsc_num_parse(words[ADMIN].begin, words[ADMIN].length, &admin))
        return false;
    struct bsc_value *server = bsc_value_map();
    const char *state = (admin & DRAIN) != 0 ? "drain" : "ready";
    bsc_value_set(server, "backend", bsc_value_bytes(words[BACKEND].begin, words[BACKEND].length));
    bsc_value_set(server, "server", bsc_value_bytes(words[SERVER].begin, words[SERVER].length));
    bsc_value_set_text(server, "state", (admin & MAINTENANCE) != 0 ? "maint" : state);
    bsc_value_set_bool(server, "up", operation != 0);
    bsc_value_append(servers, server);
    return true;
}

/* The first line is the version of the form; a line with # names the columns. */
struct bsc_value *bsc_pools_haproxy_servers(const char *answer, struct bsc_err *err)
{
    struct bsc_value *servers = bsc_value_list();
    bool ok = strncmp(answer, "1\n", 2) == 0;
    const char *line = ok ? answer + 2 : answer;
    while (ok && *line != '\0') {
        size_t length = strcspn(line, "\n");
        ok = length == 0 || line[0] == '#' || add_server(line, length, servers);
        line += length + (line[length] == '\n');
    }
    if (ok)
        return servers;
    bsc_value_free(servers);
    bsc_err_set(err, BSC_ERR_INVALID, "this is no state of servers as HAProxy tells it: %.80s",
                answer);
    return NULL;
}

/* Which of the comma-separated fields has the name; the count of fields when none has. */
static size_t field_named(const char *line, const char *name)
{
    size_t index = 0, length = strlen(name);
    for (;; index++, line++) {
        size_t field = strcspn(line, ",\n");
        bool found = field == length && memcmp(line, name, length) == 0;
        line += field;
        if (found || *line != ',')
            return found ? index : index + 1;
    }
}

static struct word field_at(const char *line, size_t index)
{
    for (; index > 0 && line[strcspn(line, ",\n")] == ','; index--)
        line += strcspn(line, ",\n") + 1;
    return (struct word){line, index == 0 ? strcspn(line, ",\n") : 0};
}

static bool is_word(struct word word, const char *text)
{
    return text != NULL && strlen(text) == word.length &&
           memcmp(word.begin, text, word.length) == 0;
}

static void add_sessions(const char *line, size_t column, struct bsc_value *servers)
{
    int64_t sessions = 0;
    struct word backend = field_at(line, 0), name = field_at(line, 1);
    struct word current = field_at(line, column);
    if (!bsc_num_parse(current.begin, current.length, &sessions))
        return;
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        struct bsc_value *server = bsc_value_at(servers, i);
        if (is_word(backend, bsc_value_get_string(server, "backend")) &&
            is_word(name, bsc_value_get_string(server, "server")))
            bsc_value_set_int(server, "sessions", sessions);
    }
}

/* The first line names the columns; their order is another in each version. */
bool bsc_pools_haproxy_sessions(const char *answer, struct bsc_value *servers, struct bsc_err *err)
{
    static const char head[] = "# pxname,svname,";
    size_t column = field_named(answer, "scur");
    for (size_t i = 0; i < bsc_value_count(servers); i++)
        bsc_value_set_int(bsc_value_at(servers, i), "sessions", 0);
    if (strncmp(answer, head, sizeof head - 1) != 0 || !is_word(field_at(answer, column), "scur"))
        return bsc_err_set(err, BSC_ERR_INVALID,
                           "these are no statistics as HAProxy tells them: %.80s", answer);
    for (const char *line = answer; *line != '\0';) {
        line += strcspn(line, "\n");
        line += *line == '\n';
        add_sessions(line, column, servers);
    }
    return true;
}

/* What follows `key` in a line, up to a blank; empty where the key is not there. */
static struct word told_of(const char *line, size_t length, const char *key)
{
    size_t size = strlen(key);
    for (size_t at = 0; at + size <= length; at++) {
        if (memcmp(line + at, key, size) == 0)
            return (struct word){line + at + size, strcspn(line + at + size, " \n")};
    }
    return (struct word){line, 0};
}

static bool is_closed(struct word channel)
{
    char *end = NULL;
    unsigned long flags = channel.length > 0 ? strtoul(channel.begin, &end, 16) : 0;
    return channel.length > 0 && *end == 'h' && (flags & NOTHING_MORE) == NOTHING_MORE;
}

static struct bsc_value *server_of(const char *line, size_t length, struct bsc_value *servers)
{
    struct word backend = told_of(line, length, " be="), name = told_of(line, length, " srv=");
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        struct bsc_value *server = bsc_value_at(servers, i);
        if (is_word(backend, bsc_value_get_string(server, "backend")) &&
            is_word(name, bsc_value_get_string(server, "server")))
            return server;
    }
    return NULL;
}

/* Finds the server of a session's line, or NULL. */
typedef struct bsc_value *server_fn(const char *line, size_t length, struct bsc_value *servers);

/* Each line is a session: closed by its client, or of the kind given. */
static void count_each(const char *answer, struct bsc_value *servers, server_fn *find,
                       const char *open)
{
    for (const char *line = answer; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        struct bsc_value *server = find(line, length, servers);
        const char *kind = is_closed(told_of(line, length, " rq[f=")) ? "closed" : open;
        if (server != NULL)
            bsc_value_set_int(server, kind, bsc_value_get_number(server, kind, 0) + 1);
        line += length + (line[length] == '\n');
    }
}

/* The sessions were counted before these were listed: who is listed as open is open, and of those
 * counted no more are closed than are listed so. */
void bsc_pools_haproxy_closed(const char *answer, struct bsc_value *servers)
{
    count_each(answer, servers, server_of, "open");
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        struct bsc_value *server = bsc_value_at(servers, i);
        int64_t listed = bsc_value_get_number(server, "open", 0);
        int64_t left =
            bsc_value_get_number(server, "sessions", 0) - bsc_value_get_number(server, "closed", 0);
        bsc_value_set_int(server, "sessions", left > listed ? left : listed);
        bsc_value_remove(server, "open");
    }
}

static bool has_backend(const struct bsc_value *servers, struct word backend)
{
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        if (is_word(backend, bsc_value_get_string(bsc_value_at(servers, i), "backend")))
            return true;
    }
    return false;
}

/* NULL for a session that is on no server, or is another backend's. */
static struct bsc_value *server_or_gone(const char *line, size_t length, struct bsc_value *servers)
{
    struct word backend = told_of(line, length, " be="), name = told_of(line, length, " srv=");
    struct bsc_value *server = server_of(line, length, servers);
    if (server != NULL || name.length == 0 || *name.begin == '<' || !has_backend(servers, backend))
        return server;
    server = bsc_value_map();
    bsc_value_set(server, "backend", bsc_value_bytes(backend.begin, backend.length));
    bsc_value_set(server, "server", bsc_value_bytes(name.begin, name.length));
    bsc_value_set_text(server, "state", "gone");
    bsc_value_set_bool(server, "up", true);
    bsc_value_append(servers, server);
    return server;
}

void bsc_pools_haproxy_add_old(const char *answer, struct bsc_value *servers)
{
    count_each(answer, servers, server_or_gone, "sessions");
}

bool bsc_pools_haproxy_is_of(const char *line, size_t length, const char *name)
{
    struct word backend = told_of(line, length, " be="), server = told_of(line, length, " srv=");
    return strlen(name) == backend.length + 1 + server.length &&
           memcmp(name, backend.begin, backend.length) == 0 && name[backend.length] == '/' &&
           memcmp(name + backend.length + 1, server.begin, server.length) == 0;
}

const struct bsc_value *bsc_pools_haproxy_find(const struct bsc_value *servers, const char *name)
{
    size_t slash = strcspn(name, "/");
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        const struct bsc_value *server = bsc_value_at(servers, i);
        if (name[slash] == '/' &&
            is_word((struct word){name, slash}, bsc_value_get_string(server, "backend")) &&
            strcmp(name + slash + 1, bsc_value_get_string(server, "server")) == 0)
            return server;
    }
    return NULL;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool bsc_pools_haproxy_done(const char *answer, const char *address, const char *name,
                            struct bsc_err *err)
{
    answer += strspn(answer, " \n");
    if (*answer == '\0')
        return true;
    if (begins(answer, "Permission denied")) {
        bsc_err_set(err, BSC_ERR_DENIED, "HAProxy at \"%s\" lets nobody change it there", address);
        return bsc_err_hint(err, "In its configuration, give that \"stats socket\" the words "
                                 "\"level admin\".");
    }
    if (begins(answer, "No such server") || begins(answer, "No such backend") ||
        begins(answer, "Can't find backend")) {
        bsc_err_set(err, BSC_ERR_NOT_FOUND, "HAProxy at \"%s\" has no server %s", address, name);
        return bsc_err_hint(err, "Its configuration and the site file must use the same names of "
                                 "backends and servers.");
    }
    return bsc_err_set(err, BSC_ERR_INVALID, "HAProxy at \"%s\" says of %s: %.*s", address, name,
                       (int)strcspn(answer, "\n"), answer);
}

bool bsc_pools_haproxy_name_valid(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.:";
    size_t backend = strspn(name, plain);
    size_t server = name[backend] == '/' ? strspn(name + backend + 1, plain) : 0;
    return backend > 0 && server > 0 && name[backend + 1 + server] == '\0';
}
