#ifndef BSC_EXPLORE_UNIT_H
#define BSC_EXPLORE_UNIT_H

#include "session_unit.h"

#include "run/explore.h"

/* What is explored never touches anything: there is no such database. */
#define BOOK(body)                                                                                 \
    "runbook 'x' { summary = 'Own' }\n"                                                            \
    "local queue = sql.facts 'queue' { server = 'db', file = 'q.db', query = 'SELECT 1' }\n" body

static inline struct bsc_value *explore_only(struct stage *stage, unsigned faults, const char *only)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = from_json("{'sql:queue':{'reachable':true,'rows':3,'mark':1}}");
    const struct bsc_run_explore_order order = {
        .session = &stage->session, .facts = facts, .faults = faults, .only = only};
    struct bsc_value *verdict = bsc_run_explore(&order, &err);
    if (verdict == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    bsc_value_free(facts);
    return verdict;
}

static inline struct bsc_value *explore(struct stage *stage, unsigned faults)
{
    return explore_only(stage, faults, NULL);
}

static inline void begin(struct stage *stage, void **state, const char *book)
{
    stage_set(stage, state, book);
    stage->options.look_only = true;
    stage_open(stage);
}

static inline const struct bsc_value *violation(const struct bsc_value *verdict, size_t index)
{
    return bsc_value_at(bsc_value_get(verdict, "violations"), index);
}

static inline size_t violations(const struct bsc_value *verdict)
{
    return bsc_value_count(bsc_value_get(verdict, "violations"));
}

/* With a primitive of the author's own beside the runbook, own.lua. */
static inline void begin_with(struct stage *stage, void **state, const char *primitive,
                              const char *book)
{
    char *module = unit_path(*state, "own.lua");
    put_text(module, primitive);
    free(module);
    begin(stage, state, book);
}

#endif
