#include "cli/carry.h"
#include "cli/cli.h"
#include "cli/old_run.h"
#include "run/back.h"
#include "run/plan.h"

static bool may_go_back(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    if (run->past.beyond == 0)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "step %lld of %s is its point of no return, and has been carried out, or may have",
                (long long)run->past.beyond, run->folder.id);
    if (run->past.ended)
        return false;
    return bsc_cli_old_run_hint(run, "There is only the way forward: ", "resume", err);
}

static int carry_back(struct bsc_cli_old_run *run, const struct bsc_value *items,
                      const struct bsc_value *ahead, struct bsc_err *err)
{
    struct bsc_cli_carry carry = {.cli = run->cli,
                                  .session = &run->session,
                                  .lock = run->lock,
                                  .folder = &run->folder,
                                  .plan = run->plan,
                                  .ahead = ahead,
                                  .items = items,
                                  .past = &run->past,
                                  .claim = &run->claim.claim,
                                  .facts = run->facts,
                                  .journal = run->journal,
                                  .yes = run->wishes->yes};
    run->facts = NULL;
    run->journal = NULL;
    bsc_cli_say(run->cli, "\nRun %s, taken back\n", run->folder.id);
    int code = bsc_cli_carry_out(&carry, err);
    bsc_cli_carry_release(&carry);
    return code;
}

static int rollback(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    int code = -1;
    if (!bsc_cli_old_run_open(run, err))
        return -1;
    if (bsc_cli_old_run_is_over(run)) {
        bsc_cli_old_run_tell(run, "rolled back");
        return BSC_EXIT_DONE;
    }
    if (!may_go_back(run, err))
        return -1;
    struct bsc_value *items = bsc_run_back_items(
        bsc_value_get(bsc_run_session_runbook(&run->session), "items"), run->past.trail);
    const struct bsc_run_rest rest = {.items = items, .past = &run->past};
    /* What the run made on its way forward is no reason to leave out a change of the way back. */
    run->past.goes_back = true;
    struct bsc_value *ahead =
        bsc_run_plan_make_of(&run->session, &rest, bsc_value_copy(run->facts), err);
    if (ahead != NULL && bsc_cli_old_run_confirm(run, ahead, "Take it back?", err) &&
        bsc_cli_old_run_take(run, "rollback", ahead, err))
        code = carry_back(run, items, ahead, err);
    bsc_value_free(ahead);
    bsc_value_free(items);
    return code;
}

int bsc_cli_rollback(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_cli_old_wishes wishes = {.back = true};
    int code = bsc_cli_old_run_parse(
        cli, "rollback RUN [--site SITE|--runs DIR] [--settle made|not-made] [--yes]",
        "Takes back what a run has done, the last first, up to its point of no return. RUN is an "
        "id, a folder, or last.",
        argc, argv, &wishes);
    if (code >= 0)
        return code;
    struct bsc_cli_old_run run = {.cli = cli, .wishes = &wishes};
    code = rollback(&run, &err);
    code = code >= 0 ? code : bsc_cli_old_run_fail(cli, &err);
    bsc_cli_old_run_release(&run);
    return code;
}
