#include "pools/haproxy.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum {
    /* Columns of the only version of the answer that there is. */
    BACKEND = 1,
    SERVER = 3,
    ADMIN = 6,
    COLUMNS = 7,
    /* Bits of the administrative state. */
    MAINTENANCE = 0x01 | 0x02 | 0x04 | 0x20 | 0x40,
    DRAIN = 0x08 | 0x10
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
    int64_t admin = 0;
    if (split(line, length, words) < COLUMNS ||
        !bsc_num_parse(words[ADMIN].begin, words[ADMIN].length, &admin))
        return false;
    struct bsc_value *server = bsc_value_map();
    const char *state = (admin & DRAIN) != 0 ? "drain" : "ready";
    bsc_value_set(server, "backend", bsc_value_bytes(words[BACKEND].begin, words[BACKEND].length));
    bsc_value_set(server, "server", bsc_value_bytes(words[SERVER].begin, words[SERVER].length));
    bsc_value_set_text(server, "state", (admin & MAINTENANCE) != 0 ? "maint" : state);
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
