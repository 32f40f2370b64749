#include "pools/haproxy_old.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/dial.h"
#include "pools/haproxy.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, PROCESSES_MAX = 256 };

/* Who waits for the next command, and how: a runtime socket gives no name. */
#define WHO    "master"
#define PROMPT "> "

/* The pids of those that are still there. */
struct old {
    int64_t pid[PROCESSES_MAX];
    size_t count;
};

/* A line of its own for each question: the master hangs up on whoever asks for a process that has
 * ended. */
static bool ask(const struct bsc_pools_haproxy_talk *talk, const char *command,
                struct bsc_buf *answer, struct bsc_err *err)
{
    struct bsc_dial_order order = {.address = talk->master,
                                   .answer_max = ANSWER_MAX,
                                   .timeout_ms = talk->timeout_ms,
                                   .deadline_us = talk->deadline_us,
                                   .cancel = talk->cancel};
    struct bsc_dial *dial = bsc_dial_open(&order, err);
    char *line = bsc_mem_format("%s\n", command);
    bool ok = dial != NULL && bsc_dial_talk(dial, "prompt\n", PROMPT, answer, err);
    if (ok && strcmp(answer->data, WHO) != 0)
        ok = bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is not its socket", talk->master);
    bsc_buf_clear(answer);
    ok = ok && bsc_dial_talk(dial, line, WHO PROMPT, answer, err);
    bsc_dial_close(dial);
    bsc_mem_free(line);
    return ok || bsc_err_wrap(err, "the master of HAProxy at \"%s\"", talk->address);
}

static void old_read(const char *answer, struct old *ret)
{
    bool are_old = false;
    for (const char *line = answer; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        int64_t pid = 0;
        if (line[0] == '#')
            are_old = strncmp(line, "# old workers", 13) == 0;
        else if (are_old && ret->count < PROCESSES_MAX &&
                 bsc_num_parse(line, strcspn(line, " \n"), &pid))
            ret->pid[ret->count++] = pid;
        line += length + (line[length] == '\n');
    }
}

static bool old_list(const struct bsc_pools_haproxy_talk *talk, struct old *ret,
                     struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    ret->count = 0;
    bool ok = ask(talk, "show proc", &answer, err);
    if (ok)
        old_read(answer.data, ret);
    bsc_buf_release(&answer);
    return ok;
}

static bool lives(const struct old *old, int64_t pid)
{
    for (size_t i = 0; i < old->count; i++) {
        if (old->pid[i] == pid)
            return true;
    }
    return false;
}

/* One that has ended meanwhile has no sessions any more: the answer is then empty. */
static bool ask_old(const struct bsc_pools_haproxy_talk *talk, int64_t pid, const char *command,
                    struct bsc_buf *answer, struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    struct old old = {0};
    char *line = bsc_mem_format("@!%lld %s", (long long)pid, command);
    bool ok = ask(talk, line, answer, &failure);
    bsc_mem_free(line);
    if (ok)
        return true;
    bsc_buf_clear(answer);
    if (failure.code != BSC_ERR_UNREACHABLE || !old_list(talk, &old, &failure) ||
        lives(&old, pid)) {
        *err = failure;
        return false;
    }
    return true;
}

bool bsc_pools_haproxy_old_add(const struct bsc_pools_haproxy_talk *talk, struct bsc_value *servers,
                               struct bsc_err *err)
{
    struct old old = {0};
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = talk->master == NULL || old_list(talk, &old, err);
    for (size_t i = 0; ok && i < old.count; i++) {
        bsc_buf_clear(&answer);
        ok = ask_old(talk, old.pid[i], BSC_POOLS_HAPROXY_STREAMS, &answer, err);
        if (ok)
            bsc_pools_haproxy_add_old(answer.data, servers);
    }
    bsc_buf_release(&answer);
    return ok;
}

/* Its backends are stopped, so that it refuses to shut down all sessions of a server: they are shut
 * down one by one. One that has ended meanwhile is no failure. */
static bool shut_one(const struct bsc_pools_haproxy_talk *talk, int64_t pid, const char *session,
                     struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    char *command = bsc_mem_format("shutdown session %.*s", (int)strcspn(session, ":"), session);
    bool ok = ask_old(talk, pid, command, &answer, err);
    const char *said = answer.data + strspn(answer.data, " \n");
    if (ok && strncmp(said, "No such session", 15) != 0)
        ok = bsc_pools_haproxy_done(said, talk->master, command, err);
    bsc_buf_release(&answer);
    bsc_mem_free(command);
    return ok;
}

static bool shut_all(const struct bsc_pools_haproxy_talk *talk, int64_t pid, const char *name,
                     struct bsc_err *err)
{
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = ask_old(talk, pid, BSC_POOLS_HAPROXY_STREAMS, &answer, err);
    for (const char *line = answer.data; ok && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (bsc_pools_haproxy_is_of(line, length, name))
            ok = shut_one(talk, pid, line, err);
        line += length + (line[length] == '\n');
    }
    bsc_buf_release(&answer);
    return ok;
}

bool bsc_pools_haproxy_old_shut(const struct bsc_pools_haproxy_talk *talk, const char *name,
                                struct bsc_err *err)
{
    struct old old = {0};
    bool ok = talk->master == NULL || old_list(talk, &old, err);
    for (size_t i = 0; ok && i < old.count; i++)
        ok = shut_all(talk, old.pid[i], name, err);
    return ok;
}
