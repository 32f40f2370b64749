#include "pools/haproxy_talk.h"

#include <string.h>

#include "base/mem.h"
#include "os/dial.h"
#include "pools/haproxy.h"
#include "pools/haproxy_old.h"

/* A list of all sessions takes about 300 bytes for each. */
enum { ANSWER_MAX = 64 * 1024 * 1024 };

/* What follows every answer once a prompt was asked for, without which HAProxy hangs up after the
 * first. */
#define PROMPT "\n> "

bool bsc_pools_haproxy_talk_begin(struct bsc_pools_haproxy_talk *talk, const char *address,
                                  int64_t timeout_ms, const atomic_bool *cancel,
                                  struct bsc_err *err)
{
    struct bsc_buf answer;
    struct bsc_dial_order order = {.address = address,
                                   .answer_max = ANSWER_MAX,
                                   .timeout_ms = timeout_ms,
                                   .deadline_us = talk->deadline_us,
                                   .cancel = cancel};
    talk->address = address;
    talk->timeout_ms = timeout_ms;
    talk->cancel = cancel;
    talk->dial = bsc_dial_open(&order, err);
    if (talk->dial == NULL)
        return false;
    bsc_buf_init(&answer);
    bool ok = bsc_pools_haproxy_talk_ask(talk, "prompt", &answer, err);
    bsc_buf_release(&answer);
    return ok;
}

void bsc_pools_haproxy_talk_end(struct bsc_pools_haproxy_talk *talk)
{
    bsc_dial_close(talk->dial);
    talk->dial = NULL;
}

bool bsc_pools_haproxy_talk_ask(struct bsc_pools_haproxy_talk *talk, const char *command,
                                struct bsc_buf *answer, struct bsc_err *err)
{
    char *line = bsc_mem_format("%s\n", command);
    bool ok = bsc_dial_talk(talk->dial, line, PROMPT, answer, err);
    bsc_mem_free(line);
    return ok;
}

static bool has_leftovers(const struct bsc_value *servers)
{
    for (size_t i = 0; i < bsc_value_count(servers); i++) {
        const struct bsc_value *server = bsc_value_at(servers, i);
        if (strcmp(bsc_value_get_string(server, "state"), "ready") != 0 &&
            bsc_value_get_number(server, "sessions", 0) > 0)
            return true;
    }
    return false;
}

/* Sessions at servers that take no new ones are looked at one by one: a busy HAProxy has many, and
 * of the others it does not matter. */
static bool sessions_ask(struct bsc_pools_haproxy_talk *talk, struct bsc_value *servers,
                         struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = bsc_pools_haproxy_talk_ask(talk, BSC_POOLS_HAPROXY_SESSIONS, &answer, err) &&
              bsc_pools_haproxy_sessions(answer.data, servers, err);
    if (ok && has_leftovers(servers)) {
        bsc_buf_clear(&answer);
        ok = bsc_pools_haproxy_talk_ask(talk, BSC_POOLS_HAPROXY_STREAMS, &answer, err);
        if (ok)
            bsc_pools_haproxy_closed(answer.data, servers);
    }
    bsc_buf_release(&answer);
    return ok;
}

struct bsc_value *bsc_pools_haproxy_talk_servers(struct bsc_pools_haproxy_talk *talk,
                                                 struct bsc_err *err)
{
    struct bsc_value *servers = NULL;
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    if (bsc_pools_haproxy_talk_ask(talk, BSC_POOLS_HAPROXY_SERVERS, &answer, err))
        servers = bsc_pools_haproxy_servers(answer.data, err);
    bsc_buf_release(&answer);
    if (servers == NULL ||
        (sessions_ask(talk, servers, err) && bsc_pools_haproxy_old_add(talk, servers, err)))
        return servers;
    bsc_value_free(servers);
    return NULL;
}

static bool command_run(struct bsc_pools_haproxy_talk *talk, const char *command, const char *name,
                        struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = bsc_pools_haproxy_talk_ask(talk, command, &answer, err) &&
              bsc_pools_haproxy_done(answer.data, talk->address, name, err);
    bsc_buf_release(&answer);
    return ok;
}

/* An old HAProxy does not know the question; it will refuse the first command instead. */
bool bsc_pools_haproxy_talk_may_change(struct bsc_pools_haproxy_talk *talk, struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = bsc_pools_haproxy_talk_ask(talk, "show cli level", &answer, err);
    if (ok && (strncmp(answer.data, "user", 4) == 0 || strncmp(answer.data, "operator", 8) == 0))
        ok = bsc_pools_haproxy_done("Permission denied", talk->address, "", err);
    bsc_buf_release(&answer);
    return ok;
}

bool bsc_pools_haproxy_talk_set(struct bsc_pools_haproxy_talk *talk, const char *name,
                                const char *state, struct bsc_err *err)
{
    char *command = bsc_mem_format("set server %s state %s", name, state);
    bool ok = command_run(talk, command, name, err);
    bsc_mem_free(command);
    return ok;
}

bool bsc_pools_haproxy_talk_shut(struct bsc_pools_haproxy_talk *talk, const char *name,
                                 struct bsc_err *err)
{
    char *command = bsc_mem_format("shutdown sessions server %s", name);
    bool ok = command_run(talk, command, name, err) && bsc_pools_haproxy_old_shut(talk, name, err);
    bsc_mem_free(command);
    return ok;
}
