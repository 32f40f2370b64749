#include "cli/amend.h"
#include "cli/carry.h"
#include "cli/cli.h"
#include "cli/old_run.h"
#include "run/plan.h"

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

static const char *question_of(const struct bsc_cli_old_run *run)
{
    return run->amend.drift != NULL ? "Go on with it, changed as shown?" : "Go on with it?";
}

static int resume(struct bsc_cli_old_run *run, struct bsc_value **ret_ahead, struct bsc_err *err)
{
    if (!bsc_cli_old_run_open(run, err) || !may_go_on(run, err))
        return -1;
    if (run->past.ended)
        return tell_done(run);
    if (!bsc_cli_old_run_look(run, err))
        return -1;
    const struct bsc_run_rest rest = {
        .items = bsc_value_get(bsc_run_session_runbook(&run->session), "items"),
        .start = start_of(&run->past),
        .past = &run->past};
    struct bsc_value *ahead =
        bsc_run_plan_make_of(&run->session, &rest, bsc_value_copy(run->facts), err);
    *ret_ahead = ahead;
    if (ahead == NULL || !bsc_cli_old_run_confirm(run, ahead, question_of(run), err) ||
        !bsc_cli_old_run_take(run, "resume", ahead, err))
        return -1;
    struct bsc_cli_carry carry = {.cli = run->cli,
                                  .session = &run->session,
                                  .lock = run->lock,
                                  .folder = &run->folder,
                                  .plan = run->plan,
                                  .ahead = ahead,
                                  .start = rest.start,
                                  .past = &run->past,
                                  .claim = &run->claim.claim,
                                  .drift = run->amend.drift,
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
    struct bsc_value *ahead = NULL;
    code = resume(&run, &ahead, &err);
    bsc_value_free(ahead);
    code = code >= 0 ? code : bsc_cli_amend_fail(&run, &err);
    bsc_cli_old_run_release(&run);
    bsc_value_free(wishes.set);
    return code;
}
