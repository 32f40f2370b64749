#include "run/explore_int.h"

#include <string.h>

#include "base/mem.h"
#include "run/outcome.h"

enum { VERDICT_FORMAT = 1, SHOWN_BYTES = 100 };

static bool is_halted(const struct bsc_run_explorer *explorer, uint32_t number)
{
    return bsc_run_state_mode(explorer, number) == BSC_RUN_MODE_HALTED;
}

/* Where a run stays when nothing more goes wrong: done, or halted in a way that resuming it leads
 * back to. Each state is gone through once: the way from it is marked with `number` while it is not
 * known where it leads. */
static uint32_t *destinies_of(const struct bsc_run_explorer *explorer)
{
    size_t count = bsc_run_words_count(explorer->states);
    uint32_t *destiny = bsc_mem_new(count, sizeof *destiny);
    uint32_t *mark = bsc_mem_new(count, sizeof *mark);
    for (uint32_t i = 0; i < count; i++)
        destiny[i] = BSC_RUN_NOWHERE;
    for (uint32_t number = 0; number < count; number++) {
        uint32_t at = number, halted = BSC_RUN_NOWHERE;
        while (destiny[at] == BSC_RUN_NOWHERE && mark[at] != number + 1 &&
               explorer->next[at] != BSC_RUN_NOWHERE) {
            mark[at] = number + 1;
            halted = is_halted(explorer, at) ? at : halted;
            at = explorer->next[at];
        }
        uint32_t end = destiny[at] != BSC_RUN_NOWHERE ? destiny[at]
                       : mark[at] == number + 1       ? halted
                                                      : at;
        for (uint32_t back = number; destiny[back] == BSC_RUN_NOWHERE;
             back = explorer->next[back]) {
            destiny[back] = end;
            if (explorer->next[back] == BSC_RUN_NOWHERE)
                break;
        }
    }
    bsc_mem_free(mark);
    return destiny;
}

static void tell_stuck(struct bsc_run_explorer *explorer, uint32_t number,
                       const struct bsc_run_state *end, const struct bsc_value *halted)
{
    const struct bsc_run_spot *spot = bsc_run_state_at(explorer, end);
    struct bsc_value *about = bsc_value_map();
    bsc_value_set_text(about, "title",
                       end->goes_back ? "a rollback can be brought to its end"
                                      : "a halted run can be resumed to its end");
    bsc_value_set(about, "text",
                  bsc_value_format("each time it is resumed it ends as %s again: %s",
                                   bsc_value_get_string(halted, "outcome"),
                                   bsc_value_get_string(halted, "reason")));
    bsc_value_set_text(about, "mend", "Let the step find out for itself what is left to be done.");
    bsc_run_explore_violated(explorer, number, spot, BSC_RUN_FAULT_NONE, about);
}

struct ends {
    bool succeeds; /* a run in which nothing goes wrong */
    int64_t done, refused, halted, parked, rolled_back;
};

static void look_at_halt(struct bsc_run_explorer *explorer, uint32_t number, bool stays,
                         const struct bsc_run_state *state, struct ends *ends)
{
    const struct bsc_value *halted = bsc_run_atoms_get(explorer->atoms, state->halt);
    const char *outcome = bsc_value_get_string(halted, "outcome");
    bool refused = strcmp(outcome, "refused") == 0, parked = strcmp(outcome, "parked") == 0;
    *(refused ? &ends->refused : parked ? &ends->parked : &ends->halted) += 1;
    /* What the runbook has not done itself, and what stops it anyway, is no fault of its steps. */
    if (stays && !state->excused && (ends->succeeds || state->goes_back))
        tell_stuck(explorer, number, state, halted);
}

static void look_at_end(struct bsc_run_explorer *explorer, uint32_t number,
                        const uint32_t *destinies, struct ends *ends)
{
    struct bsc_run_state state = {0};
    enum bsc_run_mode mode = bsc_run_state_mode(explorer, number);
    /* Where a search was broken off nothing is known of the last states. */
    if ((mode != BSC_RUN_MODE_DONE && mode != BSC_RUN_MODE_HALTED) || number >= explorer->explored)
        return;
    bsc_run_state_load(explorer, number, &state);
    if (mode == BSC_RUN_MODE_HALTED)
        look_at_halt(explorer, number, destinies[number] == number, &state, ends);
    else
        *(state.goes_back ? &ends->rolled_back : &ends->done) += 1;
    bsc_run_state_release(&state);
}

static struct bsc_value *look_at_ends(struct bsc_run_explorer *explorer, bool succeeds)
{
    struct ends ends = {.succeeds = succeeds};
    uint32_t *destinies = destinies_of(explorer);
    for (uint32_t i = 0; i < bsc_run_words_count(explorer->states); i++)
        look_at_end(explorer, i, destinies, &ends);
    bsc_mem_free(destinies);
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "done", ends.done);
    bsc_value_set_int(map, "refused", ends.refused);
    bsc_value_set_int(map, "halted", ends.halted);
    bsc_value_set_int(map, "parked", ends.parked);
    bsc_value_set_int(map, "rolled_back", ends.rolled_back);
    return map;
}

static const struct bsc_value *item_of(const struct bsc_run_explorer *explorer,
                                       const struct bsc_run_spot *spot)
{
    return bsc_run_script_item(explorer->script, spot->item);
}

/* The line of the action under way, or of its item. */
static int64_t line_of(const struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot)
{
    const struct bsc_value *item = item_of(explorer, spot);
    const struct bsc_value *actions = bsc_value_get(item, "actions");
    const struct bsc_value *action = spot->action > 0 && spot->action <= bsc_value_count(actions)
                                         ? bsc_value_at(actions, spot->action - 1)
                                         : NULL;
    int64_t line = bsc_value_get_number(action, "line", 0);
    return line > 0 ? line : bsc_value_get_number(item, "line", 0);
}

/* Bytes of the text that are shown: a statement may name a thousand files. */
static int shown_length(const char *text)
{
    size_t length = strlen(text);
    if (length <= SHOWN_BYTES)
        return (int)length;
    length = SHOWN_BYTES;
    while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}

static void add_line(struct bsc_value *trace, const struct bsc_run_explorer *explorer,
                     const struct bsc_run_spot *spot, const char *what, const char *more)
{
    const struct bsc_value *item = item_of(explorer, spot);
    int shown = shown_length(what);
    bsc_value_append(trace, bsc_value_format("%lld %s: %.*s%s%s%s",
                                             (long long)bsc_value_get_number(item, "index", 0),
                                             bsc_value_get_string(item, "title"), shown, what,
                                             what[shown] != '\0' ? "…" : "",
                                             more != NULL ? ": " : "", more != NULL ? more : ""));
}

static const char *about_what(const struct bsc_run_spot *spot)
{
    switch (spot->op) {
    case BSC_RUN_OP_CHANGE:
        return bsc_value_get_string(spot->value, "statement");
    case BSC_RUN_OP_OBSERVE:
        return bsc_value_get_string(spot->value, "resource");
    case BSC_RUN_OP_ASK:
        return bsc_value_get_string(spot->value, "title");
    default:
        return bsc_value_get_string(spot->value, "op");
    }
}

/* One way from a state to the next, if a person has to know of it. */
static void trace_edge(struct bsc_value *trace, const struct bsc_run_explorer *explorer,
                       const struct bsc_run_edge *edge)
{
    const struct bsc_run_spot *spot = bsc_run_state_spot(explorer, edge->from);
    if (edge->move != 0)
        add_line(trace, explorer, spot, "meanwhile",
                 bsc_value_string(bsc_run_atoms_get(explorer->atoms, edge->move)));
    else if (edge->fault != BSC_RUN_FAULT_NONE)
        add_line(trace, explorer, spot, about_what(spot),
                 bsc_run_fault_kind((enum bsc_run_fault)edge->fault)->words);
    else if (edge->guessed)
        add_line(trace, explorer, spot, "suppose it is otherwise", NULL);
    else if (edge->turned)
        add_line(trace, explorer, spot, "the run is taken back", NULL);
    else if (edge->parked)
        add_line(trace, explorer, spot, "the run is parked", NULL);
    else if (edge->resumed)
        add_line(trace, explorer, spot, "the run is resumed", NULL);
    else if (spot->op == BSC_RUN_OP_CHANGE)
        add_line(trace, explorer, spot, about_what(spot), NULL);
}

/* The states on the way to one, last first. Returns their count; the array is owned. */
static size_t way_to(const struct bsc_run_explorer *explorer, uint32_t number, uint32_t **ret)
{
    size_t count = 0;
    for (uint32_t at = number; at != BSC_RUN_NOWHERE; at = explorer->edges[at].from)
        count++;
    *ret = bsc_mem_new(count, sizeof **ret);
    count = 0;
    for (uint32_t at = number; at != BSC_RUN_NOWHERE; at = explorer->edges[at].from)
        (*ret)[count++] = at;
    return count;
}

static void add_fault(struct bsc_buf *text, const struct bsc_run_explorer *explorer,
                      const struct bsc_run_spot *spot, const char *name)
{
    if (text->length > 0)
        bsc_buf_add_char(text, ',');
    bsc_run_spot_name(explorer, spot, text);
    bsc_buf_printf(text, ":%s", name);
}

static void replay_edge(struct bsc_buf *text, const struct bsc_run_explorer *explorer,
                        const struct bsc_run_edge *edge)
{
    const struct bsc_run_spot *spot = bsc_run_state_spot(explorer, edge->from);
    if (edge->move != 0)
        add_fault(text, explorer, spot,
                  bsc_value_string(bsc_run_atoms_get(explorer->atoms, edge->move)));
    else if (edge->fault != BSC_RUN_FAULT_NONE)
        add_fault(text, explorer, spot, bsc_run_fault_kind((enum bsc_run_fault)edge->fault)->name);
}

static void tell_way(const struct bsc_run_explorer *explorer,
                     const struct bsc_run_violation *violation, struct bsc_value *entry)
{
    uint32_t *way = NULL;
    struct bsc_buf replay;
    struct bsc_value *trace = bsc_value_list();
    size_t count = way_to(explorer, violation->state, &way);
    bsc_buf_init(&replay);
    for (size_t i = count - 1; i > 0; i--) {
        trace_edge(trace, explorer, &explorer->edges[way[i - 1]]);
        replay_edge(&replay, explorer, &explorer->edges[way[i - 1]]);
    }
    if (violation->fault != BSC_RUN_FAULT_NONE) {
        add_fault(&replay, explorer, violation->spot, bsc_run_fault_kind(violation->fault)->name);
        add_line(trace, explorer, violation->spot, about_what(violation->spot),
                 bsc_run_fault_kind(violation->fault)->words);
    } else if (violation->spot->op == BSC_RUN_OP_CHANGE) {
        add_line(trace, explorer, violation->spot, about_what(violation->spot), NULL);
    }
    bsc_value_set(entry, "trace", trace);
    bsc_value_set_text(entry, "replay", replay.length > 0 ? replay.data : "");
    bsc_buf_release(&replay);
    bsc_mem_free(way);
}

static struct bsc_value *violation_value(const struct bsc_run_explorer *explorer,
                                         const struct bsc_run_violation *violation)
{
    static const char *const keys[] = {"title", "text", "mend"};
    const struct bsc_value *item = item_of(explorer, violation->spot);
    struct bsc_value *entry = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        bsc_value_set_text(entry, keys[i], bsc_value_get_string(violation->about, keys[i]));
    bsc_value_set_int(entry, "item", bsc_value_get_number(item, "index", 0));
    bsc_value_set_text(entry, "step", bsc_value_get_string(item, "title"));
    bsc_value_set_int(entry, "line", line_of(explorer, violation->spot));
    tell_way(explorer, violation, entry);
    return entry;
}

static struct bsc_value *all_violations(const struct bsc_run_explorer *explorer)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < explorer->violation_count; i++)
        bsc_value_append(list, violation_value(explorer, &explorer->violations[i]));
    return list;
}

/* Where the run ends when nothing at all goes wrong. */
static struct bsc_value *undisturbed(const struct bsc_run_explorer *explorer)
{
    uint32_t number = 0;
    struct bsc_run_state state = {0};
    struct bsc_value *map = bsc_value_map();
    bsc_run_state_load(explorer, number, &state);
    while (state.mode == BSC_RUN_MODE_RUNNING && explorer->next[number] != BSC_RUN_NOWHERE) {
        number = explorer->next[number];
        bsc_run_state_load(explorer, number, &state);
    }
    const struct bsc_run_spot *spot = bsc_run_state_spot(explorer, number);
    const struct bsc_value *halted = bsc_run_atoms_get(explorer->atoms, state.halt);
    if (state.mode == BSC_RUN_MODE_DONE || halted == NULL) {
        bool done = state.mode == BSC_RUN_MODE_DONE;
        bsc_value_set_text(map, "outcome", done ? "done" : "unknown");
        bsc_value_set_text(map, "reason", done ? "" : "it does not come to an end");
    } else {
        bsc_value_set(map, "outcome", bsc_value_copy(bsc_value_get(halted, "outcome")));
        bsc_value_set(map, "reason", bsc_value_copy(bsc_value_get(halted, "reason")));
    }
    bsc_value_set_int(map, "item", (int64_t)spot->item + 1);
    bsc_value_set_int(map, "line", line_of(explorer, spot));
    bsc_run_state_release(&state);
    return map;
}

/* Where each change of the undisturbed run stands, as `--only` names it. */
static struct bsc_value *changes_of(const struct bsc_run_explorer *explorer)
{
    struct bsc_value *list = bsc_value_list();
    for (uint32_t number = 0; number != BSC_RUN_NOWHERE; number = explorer->next[number]) {
        const struct bsc_run_spot *spot = bsc_run_state_spot(explorer, number);
        if (bsc_run_state_mode(explorer, number) != BSC_RUN_MODE_RUNNING)
            break;
        if (spot->op != BSC_RUN_OP_CHANGE)
            continue;
        struct bsc_value *change = bsc_value_map();
        bsc_value_set(change, "at", bsc_value_format("%zu.%zu", spot->item + 1, spot->depth));
        bsc_value_set_text(change, "statement", bsc_value_get_string(spot->value, "statement"));
        bsc_value_append(list, change);
    }
    return list;
}

/* How the site is right after the last of the faults that the order names, before anything else
 * happens; as in the beginning when none of them fits. */
static struct bsc_value *left_behind(const struct bsc_run_explorer *explorer)
{
    struct bsc_run_state state = {0};
    struct bsc_value *world = NULL, *all = bsc_value_copy(explorer->order->facts);
    for (uint32_t i = 0; world == NULL && i < bsc_run_words_count(explorer->states); i++) {
        const struct bsc_run_edge *edge = &explorer->edges[i];
        bsc_run_state_load(explorer, i, &state);
        if (state.left == 0 && (edge->fault != BSC_RUN_FAULT_NONE || edge->move != 0))
            world = bsc_run_explore_world(explorer, &state);
    }
    for (size_t i = 0; i < bsc_value_count(world); i++)
        bsc_value_set(all, bsc_value_key_at(world, i), bsc_value_copy(bsc_value_item_at(world, i)));
    bsc_run_state_release(&state);
    bsc_value_free(world);
    return all;
}

static struct bsc_value *coverage(const struct bsc_run_explorer *explorer)
{
    static const char *const labels[] = {"modelled", "evaluated", "declared", "assumed"};
    struct bsc_value *map = bsc_value_map();
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        bsc_value_set_int(map, labels[i], 0);
    for (size_t i = 0; i < bsc_run_script_length(explorer->script); i++) {
        const struct bsc_value *actions =
            bsc_value_get(bsc_run_script_item(explorer->script, i), "actions");
        for (size_t k = 0; k < bsc_value_count(actions); k++) {
            const char *label = bsc_value_get_string(bsc_value_at(actions, k), "label");
            if (label != NULL)
                bsc_value_set_int(map, label, bsc_value_get_number(map, label, 0) + 1);
        }
    }
    return map;
}

struct bsc_value *bsc_run_explore_verdict(struct bsc_run_explorer *explorer)
{
    struct bsc_value *verdict = bsc_value_map();
    struct bsc_value *alone = undisturbed(explorer);
    bool succeeds = strcmp(bsc_value_get_string(alone, "outcome"), "done") == 0;
    struct bsc_value *ends = look_at_ends(explorer, succeeds);
    bsc_value_set_int(verdict, "format", VERDICT_FORMAT);
    bsc_value_set_int(verdict, "faults", explorer->order->faults);
    bsc_value_set_int(verdict, "tried", (int64_t)explorer->tried);
    bsc_value_set_int(verdict, "states", (int64_t)bsc_run_words_count(explorer->states));
    bsc_value_set_int(verdict, "effects", (int64_t)bsc_run_script_spots(explorer->script));
    bsc_value_set_bool(verdict, "complete", !explorer->incomplete);
    bsc_value_set(verdict, "ends", ends);
    bsc_value_set(verdict, "undisturbed", alone);
    bsc_value_set(verdict, "coverage", coverage(explorer));
    bsc_value_set(verdict, "changes", changes_of(explorer));
    bsc_value_set(verdict, "violations", all_violations(explorer));
    if (explorer->order->only != NULL)
        bsc_value_set(verdict, "left", left_behind(explorer));
    return verdict;
}
