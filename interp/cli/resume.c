#include "base/mem.h"
#include "cli/amend.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "cli/meanwhile.h"
#include "cli/old_run.h"
#include "cli/show_parked.h"
#include "cli/typed.h"
#include "run/drift.h"
#include "run/outcome.h"
#include "run/plan.h"
#include "run/wait.h"

/* Where the run goes on: at the action that was under way, or at the item after the last one that
 * was carried out. What was optional and did not work is tried once more first, as long as nothing
 * has been begun behind it that goes on in its middle. */
static struct bsc_run_start start_of(const struct bsc_run_past *past)
{
    if (past->skipped > 0 && !past->tried)
        return (struct bsc_run_start){.item = (size_t)past->skipped - 1, .changed = past->changed};
    bool within = past->at.item == (int64_t)past->items_done + 1;
    return (struct bsc_run_start){
        .item = past->items_done, .action = within ? past->at.action : 0, .changed = past->changed};
}

static bool may_go_on(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    if (!run->past.goes_back)
        return true;
    if (run->past.ended)
        return bsc_err_set(err, BSC_ERR_REFUSED, "%s has been taken back", run->folder.id);
    bsc_err_set(err, BSC_ERR_REFUSED, "%s is being taken back", run->folder.id);
    return bsc_cli_old_run_hint(run, "Go on with that: ", "rollback", err);
}

/* To ask for more than there is to do is no mistake: it may have been done just now. */
static int tell_done(struct bsc_cli_old_run *run)
{
    bsc_cli_old_run_tell(run, "done");
    return BSC_EXIT_DONE;
}

/* The gate that it waits at, as the runbook has it. */
static const struct bsc_value *gate_of(const struct bsc_cli_old_run *run)
{
    const struct bsc_value *items = bsc_value_get(bsc_run_session_runbook(&run->session), "items");
    int64_t index = bsc_value_get_number(run->past.parked, "item", 0);
    return index > 0 ? bsc_value_at(items, (size_t)index - 1) : NULL;
}

/* Only a named reason shortens the wait: the command that gives one. */
static void say_override(const struct bsc_cli_old_run *run)
{
    const char *name = bsc_value_get_string(gate_of(run), "override");
    if (name == NULL)
        return;
    char *where = bsc_cli_typed_where(&run->wishes->where, &run->folder);
    char *command = bsc_cli_typed("resume", &run->folder, where);
    bsc_cli_say(run->cli,
                "to be answered earlier it wants a reason: %s --accept-changes --set "
                "%s=REASON\n",
                command, name);
    bsc_mem_free(command);
    bsc_mem_free(where);
}

/* Whether the gate that it is parked at waits for its time still, so that nothing need be looked
 * at. With other files than it was begun with it may be another gate. */
static bool is_too_early(const struct bsc_cli_old_run *run)
{
    const struct bsc_clock *clock = run->cli->clock;
    return run->past.parked != NULL &&
           bsc_run_wait_time(run->past.parked, "until", 0) > clock->wall_ms(clock->self) &&
           bsc_run_drift_same_inputs(run->plan, &run->session);
}

/* It stays as it is, down to the last byte of its journal. */
static int tell_too_early(const struct bsc_cli_old_run *run)
{
    const struct bsc_clock *clock = run->cli->clock;
    bsc_cli_say(run->cli, "%s stays parked: it is too early\n", run->folder.id);
    bsc_cli_show_parked(run->cli, run->past.parked, clock->wall_ms(clock->self), "");
    say_override(run);
    if (!run->cli->json)
        return BSC_EXIT_PARKED;
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "run", run->folder.id);
    bsc_value_set_text(value, "folder", run->folder.path);
    bsc_value_set_text(value, "outcome", bsc_run_outcome_name(BSC_OUTCOME_PARKED));
    bsc_value_set(value, "parked", bsc_value_copy(run->past.parked));
    bsc_value_set_int(value, "changes", 0);
    bsc_value_set_int(value, "exit", BSC_EXIT_PARKED);
    bsc_cli_json(run->cli, value);
    bsc_value_free(value);
    return BSC_EXIT_PARKED;
}

/* The no that stopped it, where nobody is there to decide anew. With other files than it was begun
 * with there may be another question, or none. */
static const struct bsc_value *standing_no(const struct bsc_cli_old_run *run)
{
    bool asks = run->cli->terminal && !run->cli->json;
    if (asks || !bsc_run_drift_same_inputs(run->plan, &run->session))
        return NULL;
    return bsc_run_denied_by_item(&run->past.denied, (int64_t)run->past.items_done + 1);
}

/* It stays as it is. Always -1. */
static int refuse_denied(const struct bsc_cli_old_run *run, const struct bsc_value *no,
                         struct bsc_err *err)
{
    char *words = bsc_run_denied_words(no);
    bsc_err_set(err, BSC_ERR_REFUSED, "%s stays refused at its item %lld: %s", run->folder.id,
                (long long)bsc_value_get_number(no, "item", 0), words);
    bsc_mem_free(words);
    bsc_cli_old_run_hint(run, "Only a person at a terminal can decide anew: ", "resume", err);
    return -1;
}

static const char *question_of(const struct bsc_cli_old_run *run)
{
    return run->amend.drift != NULL ? "Go on with it, changed as shown?" : "Go on with it?";
}

/* What is carried out, and what is told of it; all owned. */
struct way_on {
    struct bsc_cli_meanwhile meanwhile;
    struct bsc_value *ahead; /* the plan of what is left */
};

static int carry_on(struct bsc_cli_old_run *run, const struct way_on *way,
                    const struct bsc_run_rest *rest, struct bsc_err *err)
{
    struct bsc_cli_carry carry = {.cli = run->cli,
                                  .session = &run->session,
                                  .lock = run->lock,
                                  .folder = &run->folder,
                                  .plan = run->plan,
                                  .ahead = way->ahead,
                                  .start = rest->start,
                                  .past = &run->past,
                                  .claim = &run->claim.claim,
                                  .drift = run->amend.drift,
                                  .since = way->meanwhile.facts,
                                  .where = &run->wishes->where,
                                  .facts = run->facts,
                                  .journal = run->journal,
                                  .yes = run->wishes->yes};
    run->facts = NULL;
    run->journal = NULL;
    bsc_cli_say(run->cli, "\nRun %s, resumed\n", run->folder.id);
    int code = bsc_cli_carry_out(&carry, err);
    bsc_cli_carry_release(&carry);
    return code;
}

static int resume(struct bsc_cli_old_run *run, struct way_on *way, struct bsc_err *err)
{
    if (!bsc_cli_old_run_open(run, err) || !may_go_on(run, err))
        return -1;
    if (run->past.ended)
        return tell_done(run);
    if (is_too_early(run))
        return tell_too_early(run);
    const struct bsc_value *no = standing_no(run);
    if (no != NULL)
        return refuse_denied(run, no, err);
    if (!bsc_cli_old_run_look(run, err))
        return -1;
    const struct bsc_run_rest rest = {
        .items = bsc_value_get(bsc_run_session_runbook(&run->session), "items"),
        .start = start_of(&run->past),
        .past = &run->past};
    if (!bsc_cli_meanwhile_look(run, &way->meanwhile, err))
        return -1;
    way->ahead = bsc_run_plan_make_of(&run->session, &rest, bsc_value_copy(run->facts), err);
    if (way->ahead == NULL || !bsc_cli_old_run_confirm(run, way->ahead, question_of(run), err) ||
        !bsc_cli_old_run_take(run, "resume", way->ahead, err) ||
        !bsc_cli_meanwhile_record(run, &way->meanwhile, err))
        return -1;
    return carry_on(run, way, &rest, err);
}

int bsc_cli_resume(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_cli_old_wishes wishes = {.set = bsc_value_map()};
    int code = bsc_cli_old_run_parse(
        cli,
        "resume RUN [--site SITE|--runs DIR] [--settle made|not-made] [--accept-changes] [--yes]",
        "Goes on with a run that has stopped, where it stopped. RUN is an id, a folder, or last. "
        "If the runbook, a module, the site file or bascule itself was changed since, it shows "
        "what differs and refuses; where that is only in what is ahead, --accept-changes goes on "
        "with it.",
        argc, argv, &wishes);
    if (code >= 0) {
        bsc_value_free(wishes.set);
        return code;
    }
    struct bsc_cli_old_run run = {.cli = cli, .wishes = &wishes};
    struct way_on way = {0};
    code = resume(&run, &way, &err);
    bsc_cli_meanwhile_release(&way.meanwhile);
    bsc_value_free(way.ahead);
    code = code >= 0 ? code : bsc_cli_amend_fail(&run, &err);
    bsc_cli_old_run_release(&run);
    bsc_value_free(wishes.set);
    return code;
}
