#include "run/explore_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { AT_ITEM, AT_ACTION, AT_ESSENCE, AT_REPETITION, DOING };

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static bool has(const struct bsc_run_explorer *explorer, uint32_t set, uint32_t number)
{
    size_t length = 0;
    const uint32_t *known = bsc_run_words_get(explorer->ledgers, set, &length);
    return length > 0 && bsearch(&number, known, length, sizeof *known, by_number) != NULL;
}

static uint32_t with(struct bsc_run_explorer *explorer, uint32_t set, uint32_t number)
{
    bool is_new = false;
    size_t length = 0;
    if (has(explorer, set, number))
        return set;
    const uint32_t *known = bsc_run_words_get(explorer->ledgers, set, &length);
    uint32_t *more = bsc_mem_new(length + 1, sizeof *more);
    if (length > 0)
        memcpy(more, known, length * sizeof *more);
    more[length] = number;
    qsort(more, length + 1, sizeof *more, by_number);
    uint32_t result = bsc_run_words_add(explorer->ledgers, more, length + 1, &is_new);
    bsc_mem_free(more);
    return result;
}

/* Two equal changes of one action that both succeed are two. */
static uint32_t doing_of(struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot,
                         uint32_t essence)
{
    bool is_new = false;
    const uint32_t doing[DOING] = {[AT_ITEM] = (uint32_t)spot->item,
                                   [AT_ACTION] = (uint32_t)spot->action,
                                   [AT_ESSENCE] = essence,
                                   [AT_REPETITION] =
                                       (uint32_t)bsc_run_script_repeats(explorer->script, spot)};
    return bsc_run_words_add(explorer->doings, doing, DOING, &is_new);
}

bool bsc_run_ledger_enter(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence)
{
    uint32_t before = state->ledger;
    state->ledger = with(explorer, before, doing_of(explorer, spot, essence));
    return state->ledger != before;
}

void bsc_run_ledger_learn(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence)
{
    state->known = with(explorer, state->known, doing_of(explorer, spot, essence));
}

bool bsc_run_ledger_knows(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence)
{
    return has(explorer, state->known, doing_of(explorer, spot, essence));
}

void bsc_run_ledger_find_out(struct bsc_run_explorer *explorer, struct bsc_run_state *state)
{
    const struct bsc_run_spot *spot = bsc_run_script_spot(explorer->script, state->spot);
    size_t count = 0, length = 0;
    (void)bsc_run_words_get(explorer->ledgers, state->ledger, &count);
    for (size_t i = 0; i < count; i++) {
        /* Adding to a set may move the others. */
        uint32_t number = bsc_run_words_get(explorer->ledgers, state->ledger, &count)[i];
        const uint32_t *doing = bsc_run_words_get(explorer->doings, number, &length);
        if (doing[AT_ITEM] == spot->item && doing[AT_ACTION] == spot->action)
            state->known = with(explorer, state->known, number);
    }
}
