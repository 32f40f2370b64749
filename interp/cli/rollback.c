#include "cli/carry.h"
#include "cli/cli.h"
#include "cli/meanwhile.h"
#include "cli/old_run.h"
#include "cli/show.h"
#include "run/back.h"
#include "run/caveats.h"
#include "run/plan.h"
#include "run/record.h"

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

/* What is taken back, and what is not. */
struct way_back {
    struct bsc_value *items; /* owned */
    struct bsc_value *stays; /* owned: sentences about what has no undo */
    struct bsc_value *ahead; /* owned: the plan */
    struct bsc_cli_meanwhile meanwhile;
};

static bool leads_anywhere(const struct bsc_cli_old_run *run, const struct way_back *way,
                           struct bsc_err *err)
{
    if (bsc_value_count(way->items) > 0 || bsc_value_count(way->stays) == 0)
        return true;
    return bsc_err_set(err, BSC_ERR_REFUSED, "nothing of %s can be taken back", run->folder.id);
}

static struct bsc_value *warning(const struct bsc_value *text)
{
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "warning");
    bsc_value_set(note, "text", bsc_value_copy(text));
    return note;
}

static void show_stays(const struct bsc_cli_old_run *run, const struct way_back *way)
{
    for (size_t i = 0; i < bsc_value_count(way->stays); i++) {
        struct bsc_value *note = warning(bsc_value_at(way->stays, i));
        bsc_cli_show_note(run->cli, note);
        bsc_value_free(note);
    }
}

static bool record_stays(const struct bsc_cli_old_run *run, const struct way_back *way,
                         struct bsc_err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(way->stays); i++) {
        struct bsc_value *note = warning(bsc_value_at(way->stays, i));
        ok = bsc_run_record_note(run->journal, 0, note, err);
        bsc_value_free(note);
    }
    return ok;
}

/* Who went back must be seen to have known what that costs. */
static bool record_caveats(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_value *note = bsc_run_caveats_note(run->caveats);
    bool ok = note == NULL || bsc_run_record_note(run->journal, 0, note, err);
    bsc_value_free(note);
    return ok;
}

static int carry_back(struct bsc_cli_old_run *run, const struct way_back *way, struct bsc_err *err)
{
    struct bsc_cli_carry carry = {.cli = run->cli,
                                  .session = &run->session,
                                  .lock = run->lock,
                                  .folder = &run->folder,
                                  .plan = run->plan,
                                  .ahead = way->ahead,
                                  .items = way->items,
                                  .stays = way->stays,
                                  .since = way->meanwhile.facts,
                                  .caveats = run->caveats,
                                  .start = {.changed = run->past.changed},
                                  .past = &run->past,
                                  .claim = &run->claim.claim,
                                  .where = &run->wishes->where,
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

static bool plan_back(struct bsc_cli_old_run *run, struct way_back *way, struct bsc_err *err)
{
    const struct bsc_value *items = bsc_value_get(bsc_run_session_runbook(&run->session), "items");
    way->items = bsc_run_back_items(items, run->past.trail);
    way->stays = bsc_run_back_stays(items, run->past.stays);
    /* What the run made on its way forward is no reason to leave out a change of the way back. */
    run->past.goes_back = true;
    const struct bsc_run_rest rest = {
        .items = way->items, .start = {.changed = run->past.changed}, .past = &run->past};
    if (!bsc_cli_meanwhile_look(run, &way->meanwhile, err))
        return false;
    show_stays(run, way);
    if (!leads_anywhere(run, way, err))
        return false;
    run->caveats = bsc_run_caveats(&run->session, way->items, run->facts);
    way->ahead = bsc_run_plan_make_of(&run->session, &rest, bsc_value_copy(run->facts), err);
    return way->ahead != NULL;
}

static int rollback(struct bsc_cli_old_run *run, struct way_back *way, struct bsc_err *err)
{
    if (!bsc_cli_old_run_open(run, err))
        return -1;
    if (bsc_cli_old_run_is_over(run)) {
        bsc_cli_old_run_tell(run, "rolled back");
        return BSC_EXIT_DONE;
    }
    /* The look may tell that the point of no return was passed just when it stopped. */
    if (!may_go_back(run, err) || !bsc_cli_old_run_look(run, err) || !may_go_back(run, err) ||
        !plan_back(run, way, err) ||
        !bsc_cli_old_run_confirm(run, way->ahead, "Take it back?", err) ||
        !bsc_cli_old_run_take(run, "rollback", way->ahead, err) || !record_stays(run, way, err) ||
        !record_caveats(run, err) || !bsc_cli_meanwhile_record(run, &way->meanwhile, err))
        return -1;
    return carry_back(run, way, err);
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
    struct way_back way = {0};
    code = rollback(&run, &way, &err);
    bsc_cli_meanwhile_release(&way.meanwhile);
    bsc_value_free(way.ahead);
    bsc_value_free(way.stays);
    bsc_value_free(way.items);
    code = code >= 0 ? code : bsc_cli_old_run_fail(cli, &err);
    bsc_cli_old_run_release(&run);
    return code;
}
