#include "mirrors/follow.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/process.h"

enum {
    PID_FILE_MAX = 4096,
    COMMAND_LINE_MAX = 256 * 1024,
    AGENT_WORDS = 5, /* program, "agent", "mirror", principal, mirror */
    END_WAIT_MS = 5000,
    FOLLOW_WAIT_MS = 10000,
    STATE_WAIT_MS = 1000,
    LOOK_NS = 10 * 1000 * 1000
};

static char *pid_file_of(const char *mirror)
{
    return bsc_mem_format("%s.agent", mirror);
}

static int64_t now_ms(void)
{
    const struct bsc_clock *clock = bsc_clock_real();

    return clock->mono_us(clock->self) / 1000;
}

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};

    (void)nanosleep(&pause, NULL);
}

/* Gives the agent's pid as the file has it, 0 when there is no such file or no number in it. */
static bool read_pid(const struct bsc_sys *sys, const char *mirror, pid_t *ret_pid,
                     struct bsc_err *err)
{
    char *path = pid_file_of(mirror);
    struct bsc_buf text = {0};
    bool ok;

    bsc_buf_init(&text);
    *ret_pid = 0;
    ok = bsc_files_read(sys, path, PID_FILE_MAX, &text, err);
    if (ok) {
        long number = strtol(text.data, NULL, 10);

        *ret_pid = number > 0 && number <= INT32_MAX ? (pid_t)number : 0;
    } else if (err->code == BSC_ERR_NOT_FOUND) {
        *err = (struct bsc_err)BSC_ERR_INIT;
        ok = true;
    }
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

/* Takes the words of a command line, which are NUL-terminated, apart. */
static size_t split(const struct bsc_buf *line, const char *words[AGENT_WORDS])
{
    size_t count = 0;

    for (size_t at = 0; at < line->length && count < AGENT_WORDS; at += strlen(line->data + at) + 1)
        words[count++] = line->data + at;
    return count;
}

/* Returns owned what the process follows when it is the agent of this mirror, else NULL. */
static char *principal_of(const struct bsc_sys *sys, pid_t pid, const char *mirror)
{
    char *path = bsc_mem_format("/proc/%d/cmdline", (int)pid);
    const char *words[AGENT_WORDS] = {NULL};
    struct bsc_err gone = BSC_ERR_INIT;
    struct bsc_buf line = {0};
    char *principal = NULL;

    bsc_buf_init(&line);
    if (bsc_files_read(sys, path, COMMAND_LINE_MAX, &line, &gone) &&
        split(&line, words) == AGENT_WORDS && strcmp(words[1], "agent") == 0 &&
        strcmp(words[2], "mirror") == 0 && strcmp(words[4], mirror) == 0)
        principal = bsc_mem_text(words[3]);
    bsc_buf_release(&line);
    bsc_mem_free(path);
    return principal;
}

bool bsc_mirrors_agent_find(const struct bsc_sys *sys, const char *mirror,
                            struct bsc_mirrors_agent *ret, struct bsc_err *err)
{
    pid_t pid = 0;

    *ret = (struct bsc_mirrors_agent){0};
    if (!read_pid(sys, mirror, &pid, err))
        return false;
    if (pid > 0 && bsc_process_alive(pid))
        ret->principal = principal_of(sys, pid, mirror);
    if (ret->principal != NULL)
        ret->pid = pid;
    return true;
}

void bsc_mirrors_agent_release(struct bsc_mirrors_agent *agent)
{
    bsc_mem_free(agent->principal);
    *agent = (struct bsc_mirrors_agent){0};
}

static bool end_agent(const struct bsc_mirrors_agent *agent, struct bsc_err *err)
{
    return agent->pid == 0 || bsc_process_end(agent->pid, SIGTERM, END_WAIT_MS, err);
}

bool bsc_mirrors_agent_end(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    bool ok = bsc_mirrors_agent_find(sys, mirror, &agent, err) && end_agent(&agent, err);

    bsc_mirrors_agent_release(&agent);
    return ok;
}

static bool start(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid, struct bsc_err *err)
{
    const char *const words[] = {order->program,   "agent",       "mirror",
                                 order->principal, order->mirror, NULL};
    char *log = bsc_mem_format("%s.agent.log", order->mirror);
    char *path = pid_file_of(order->mirror);
    char *text = NULL;
    bool ok = bsc_process_detach(words, log, ret_pid, err);

    if (ok) {
        text = bsc_mem_format("%d\n", (int)*ret_pid);
        ok = bsc_files_write(order->sys, path, text, strlen(text), 0640, err);
        /* An agent that nobody can find again would go on unseen. */
        if (!ok)
            (void)bsc_process_end(*ret_pid, SIGTERM, END_WAIT_MS, &(struct bsc_err){0});
    }
    bsc_mem_free(text);
    bsc_mem_free(path);
    bsc_mem_free(log);
    return ok;
}

static bool start_or_keep(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                          struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    bool ok = bsc_mirrors_agent_find(order->sys, order->mirror, &agent, err);

    if (ok && agent.pid != 0 && strcmp(agent.principal, order->principal) == 0)
        *ret_pid = agent.pid;
    else
        ok = ok && end_agent(&agent, err) && start(order, ret_pid, err);
    bsc_mirrors_agent_release(&agent);
    return ok;
}

/* The LSN of a copy, -1 while it is not known. */
static int64_t lsn_of(const struct bsc_mirrors_engine *engine, const char *path)
{
    struct bsc_value *facts = engine->look(engine->self, path);
    int64_t lsn = bsc_value_get_number(facts, "lsn", -1);

    bsc_value_free(facts);
    return lsn;
}

static bool await_lsn(const struct bsc_mirrors_follow_order *order, pid_t pid, int64_t target,
                      struct bsc_err *err)
{
    const int64_t wait_ms = order->wait_ms > 0 ? order->wait_ms : FOLLOW_WAIT_MS;
    const int64_t until_ms = now_ms() + wait_ms;
    int64_t lsn;

    while ((lsn = lsn_of(order->engine, order->mirror)) < target) {
        if (order->cancel != NULL && atomic_load(order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "waiting for '%s' was cancelled",
                               order->mirror);
        if (!bsc_process_alive(pid)) {
            bsc_err_set(err, BSC_ERR_IO, "the agent of the mirror '%s' ended at LSN %lld",
                        order->mirror, (long long)lsn);
            return bsc_err_hint(err, "'%s.agent.log' says why.", order->mirror);
        }
        if (now_ms() >= until_ms)
            return bsc_err_set(err, BSC_ERR_TIMEOUT,
                               "the mirror '%s' is at LSN %lld after %lld ms, its principal was at "
                               "LSN %lld",
                               order->mirror, (long long)lsn, (long long)wait_ms,
                               (long long)target);
        pause_a_little();
    }
    return true;
}

bool bsc_mirrors_follow(const struct bsc_mirrors_follow_order *order, pid_t *ret_pid,
                        struct bsc_err *err)
{
    int64_t target = lsn_of(order->engine, order->principal);
    pid_t pid = 0;

    if (target < 0)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "the principal '%s' does not say its LSN",
                           order->principal);
    if (!start_or_keep(order, &pid, err) || !await_lsn(order, pid, target, err))
        return false;
    *ret_pid = pid;
    return true;
}

static bool is(const struct bsc_value *facts, const char *key, const char *text)
{
    const char *found = bsc_value_get_string(facts, key);

    return found != NULL && strcmp(found, text) == 0;
}

static bool same(const struct bsc_value *left, const struct bsc_value *right, const char *key)
{
    const char *found = bsc_value_get_string(left, key);

    return found != NULL && is(right, key, found);
}

/* Whether the mirror reaches `target` or moves at all within the time that state may take. */
static bool moves(const struct bsc_mirrors_engine *engine, const char *mirror, int64_t from,
                  int64_t target)
{
    const int64_t until_ms = now_ms() + STATE_WAIT_MS;
    int64_t lsn = from;

    while (lsn < target && lsn <= from && now_ms() < until_ms) {
        pause_a_little();
        lsn = lsn_of(engine, mirror);
    }
    return lsn >= target || lsn > from;
}

static const char *judge(const struct bsc_mirrors_engine *engine, const char *mirror_path,
                         const struct bsc_value *principal, const struct bsc_value *mirror,
                         const struct bsc_mirrors_agent *agent)
{
    int64_t have = bsc_value_get_number(mirror, "lsn", -1);
    int64_t want = bsc_value_get_number(principal, "lsn", -1);

    if (is(mirror, "state", "missing"))
        return "none";
    if (!is(mirror, "state", "mirror"))
        return is(mirror, "state", "online") || is(mirror, "state", "restoring") ? "none"
                                                                                 : "broken";
    if (!is(principal, "state", "online"))
        return "stalled";
    if (!same(principal, mirror, "fork") || !same(principal, mirror, "database_id"))
        return "broken";
    if (agent->pid == 0 || want < 0)
        return "stalled";
    return moves(engine, mirror_path, have, want) ? "following" : "stalled";
}

static struct bsc_value *make_facts(const struct bsc_mirrors_engine *engine,
                                    const char *principal_path, const char *mirror_path,
                                    const struct bsc_mirrors_agent *agent)
{
    struct bsc_value *principal = engine->look(engine->self, principal_path);
    struct bsc_value *mirror = engine->look(engine->self, mirror_path);
    struct bsc_value *facts = bsc_value_map();
    const char *state = judge(engine, mirror_path, principal, mirror, agent);
    int64_t lsn = bsc_value_get_number(mirror, "lsn", -1);
    int64_t lag = bsc_value_get_number(principal, "lsn", -1) - lsn;

    bsc_value_set_text(facts, "state", state);
    bsc_value_set_text(facts, "principal", agent->pid != 0 ? agent->principal : "");
    if (is(mirror, "state", "mirror")) {
        bsc_value_set_int(facts, "lsn", lsn);
        if (bsc_value_get(principal, "lsn") != NULL)
            bsc_value_set_int(facts, "lag", lag > 0 ? lag : 0);
    }
    if (agent->pid != 0)
        bsc_value_set(facts, "agent", bsc_value_format("pid %d", (int)agent->pid));
    else
        bsc_value_set_text(facts, "agent", "none");
    bsc_value_free(principal);
    bsc_value_free(mirror);
    return facts;
}

struct bsc_value *bsc_mirrors_state(const struct bsc_sys *sys,
                                    const struct bsc_mirrors_engine *engine, const char *principal,
                                    const char *mirror, struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    struct bsc_value *facts = NULL;

    if (!bsc_mirrors_agent_find(sys, mirror, &agent, err))
        return NULL;
    /* Whether it follows is asked of this principal. */
    if (agent.pid != 0 && strcmp(agent.principal, principal) != 0)
        bsc_mirrors_agent_release(&agent);
    facts = make_facts(engine, principal, mirror, &agent);
    bsc_mirrors_agent_release(&agent);
    return facts;
}
