#include "mirrors/state.h"

#include <string.h>

#include "mirrors/agent.h"
#include "mirrors/wait_int.h"

/* A round of the agent syncs some files, and a disk may be busy. */
enum { STATE_WAIT_MS = 5000 };

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

/* A mirror, as far as it is looked at again and again. */
struct sight {
    const struct bsc_sys *sys;
    const struct bsc_mirrors_engine *engine;
    const char *path;
    const struct bsc_mirrors_agent *agent;
    int64_t wait_ms;
};

/* Whether the agent holds the log, and the mirror reaches `target` or moves at all, within the time
 * that state may take. */
static bool moves(const struct sight *sight, int64_t from, int64_t target)
{
    const int64_t until_ms = bsc_mirrors_now_ms() + sight->wait_ms;
    int64_t lsn = from;
    bool holds = bsc_mirrors_agent_holds(sight->sys, sight->path, sight->agent->pid);

    while ((!holds || (lsn < target && lsn <= from)) && bsc_mirrors_now_ms() < until_ms) {
        bsc_mirrors_pause();
        lsn = bsc_mirrors_lsn_of(sight->engine, sight->path);
        holds = bsc_mirrors_agent_holds(sight->sys, sight->path, sight->agent->pid);
    }
    return holds && (lsn >= target || lsn > from);
}

static const char *judge(const struct sight *sight, const struct bsc_value *principal,
                         const struct bsc_value *mirror)
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
    if (sight->agent->pid == 0 || want < 0)
        return "stalled";
    return moves(sight, have, want) ? "following" : "stalled";
}

static struct bsc_value *make_facts(const struct sight *sight, const char *principal_path)
{
    const struct bsc_mirrors_engine *engine = sight->engine;
    const struct bsc_mirrors_agent *agent = sight->agent;
    struct bsc_value *principal = engine->look(engine->self, principal_path);
    struct bsc_value *mirror = engine->look(engine->self, sight->path);
    struct bsc_value *facts = bsc_value_map();
    const char *state = judge(sight, principal, mirror);
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
                                    const char *mirror, int64_t wait_ms, struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    const struct sight sight = {.sys = sys,
                                .engine = engine,
                                .path = mirror,
                                .agent = &agent,
                                .wait_ms = wait_ms > 0 ? wait_ms : STATE_WAIT_MS};
    struct bsc_value *facts = NULL;

    if (!bsc_mirrors_agent_find(sys, mirror, &agent, err))
        return NULL;
    /* Whether it follows is asked of this principal. */
    if (agent.pid != 0 && strcmp(agent.principal, principal) != 0)
        bsc_mirrors_agent_release(&agent);
    facts = make_facts(&sight, principal);
    bsc_mirrors_agent_release(&agent);
    return facts;
}
