#include "cli/carry.h"

#include "base/mem.h"
#include "cli/show_parked.h"
#include "cli/show_standing.h"
#include "cli/typed.h"
#include "cli/view.h"
#include "run/cursor.h"
#include "run/drift.h"
#include "run/errors.h"
#include "run/execute.h"
#include "run/outcome.h"
#include "run/plan.h"
#include "run/report.h"
#include "run/standing.h"

#define REPORT_FILE "report.html"

static bool execute(struct bsc_cli_carry *carry, struct bsc_err *err)
{
    struct bsc_cli_view view;
    bsc_cli_view_init(&view, carry->cli, carry->yes);
    view.run = carry->folder->path;
    struct bsc_value *targets = bsc_run_plan_targets(carry->ahead);
    struct bsc_run_order order = {.session = carry->session,
                                  .items = carry->items,
                                  .start = carry->start,
                                  .past = carry->past,
                                  .targets = targets,
                                  .claim = carry->claim,
                                  .cursor = bsc_run_cursor_new(carry->ahead),
                                  .facts = carry->facts,
                                  .journal = carry->journal,
                                  .hooks = &view.items,
                                  .live = &view.live,
                                  .progress = bsc_cli_view_progress,
                                  .stopping = bsc_cli_view_stopping,
                                  .progress_self = &view};
    carry->facts = NULL;
    carry->session->env.lock = carry->lock;
    carry->session->env.runs = carry->folder->runs;
    bsc_run_plan_lighten(carry->plan);
    bool ok = bsc_run_execute(&order, &carry->end, err);
    bsc_value_free(targets);
    carry->parked = order.parked;
    carry->changes = view.changes;
    struct bsc_err later = BSC_ERR_INIT;
    bool closed = bsc_journal_close(carry->journal, ok ? err : &later);
    carry->journal = NULL;
    return ok && closed;
}

static size_t item_count(const struct bsc_cli_carry *carry)
{
    const struct bsc_value *own = bsc_value_get(bsc_run_session_runbook(carry->session), "items");
    return bsc_value_count(carry->items != NULL ? carry->items : own);
}

/* How the run goes on, on the screen or (not NULL) into `map`. Where it cannot be told, nothing is
 * said: everything else has been. */
static void tell_way_on(const struct bsc_cli_carry *carry, struct bsc_value *map)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_run_standing standing = {0};
    char *where = bsc_cli_typed_where(carry->where, carry->folder);
    if (bsc_run_standing_read(&standing, carry->cli->sys, carry->folder, &ignored)) {
        const struct bsc_cli_standing shown = {carry->cli, &standing, carry->folder, where,
                                               0,          -1,        NULL};
        /* The process that holds the lock is this one, and it goes now. */
        if (standing.stand == BSC_RUN_STAND_RUNNING)
            standing.stand = BSC_RUN_STAND_INTERRUPTED;
        if (map != NULL)
            bsc_value_set(map, "next", bsc_cli_way_on(&shown));
        else
            bsc_cli_show_way_on(&shown, "");
    }
    bsc_run_standing_release(&standing);
    bsc_mem_free(where);
}

/* Why it is so follows as an error. */
static void tell_unrecorded(struct bsc_cli_carry *carry)
{
    if (carry->end.broke)
        bsc_cli_say(carry->cli,
                    "\nThe run stopped after %zu of %zu items; its journal may lack its end: %s\n",
                    carry->end.items_done, item_count(carry), carry->folder->journal);
    else
        bsc_cli_say(carry->cli,
                    "\nThe run came to its end (%s), but its journal may lack that: %s\n",
                    bsc_run_outcome_name(carry->end.outcome), carry->folder->journal);
    tell_way_on(carry, NULL);
}

/* Its failure is told and changes nothing: the journal holds all of it. */
static void write_report(struct bsc_cli_carry *carry, struct bsc_err *err)
{
    struct bsc_buf page;
    bsc_buf_init(&page);
    if (bsc_run_report_html(carry->cli->sys, carry->folder->path, carry->plan, &page, err))
        bsc_journal_folder_write(carry->folder, REPORT_FILE, page.data, page.length, err);
    bsc_buf_release(&page);
}

/* Everything in one line. `report_err` says why there is no report, or nothing. */
static void tell_json(struct bsc_cli_carry *carry, int code, const struct bsc_err *report_err)
{
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "run", carry->folder->id);
    bsc_value_set_text(value, "folder", carry->folder->path);
    bsc_value_set_text(value, "outcome", bsc_run_outcome_name(carry->end.outcome));
    bsc_value_set_text(value, "reason", carry->end.reason);
    bsc_value_set_int(value, "items_done", (int64_t)carry->end.items_done);
    bsc_value_set_int(value, "changes", (int64_t)carry->changes);
    bsc_value_set_int(value, "exit", code);
    if (carry->parked != NULL)
        bsc_value_set(value, "parked", bsc_value_copy(carry->parked));
    if (carry->end.broke)
        bsc_value_set(value, "error", bsc_run_error_value(&carry->end.err));
    if (carry->drift != NULL && bsc_run_drift_any(carry->drift))
        bsc_value_set(value, "drift", bsc_value_copy(carry->drift));
    if (bsc_value_count(carry->stays) > 0)
        bsc_value_set(value, "stays", bsc_value_copy(carry->stays));
    if (bsc_value_count(carry->since) > 0)
        bsc_value_set(value, "since", bsc_value_copy(carry->since));
    if (bsc_value_count(carry->caveats) > 0)
        bsc_value_set(value, "caveats", bsc_value_copy(carry->caveats));
    if (report_err->code != BSC_ERR_NONE)
        bsc_value_set(value, "report_error", bsc_run_error_value(report_err));
    if (code != BSC_EXIT_DONE)
        tell_way_on(carry, value);
    bsc_cli_json(carry->cli, value);
    bsc_value_free(value);
}

static enum bsc_cli_style style_of(int code)
{
    return code == BSC_EXIT_DONE     ? BSC_STYLE_GOOD
           : code == BSC_EXIT_PARKED ? BSC_STYLE_BOLD
                                     : BSC_STYLE_BAD;
}

static void tell_parked(const struct bsc_cli_carry *carry)
{
    char *where = bsc_cli_typed_where(carry->where, carry->folder);
    bsc_cli_tell_parked(carry->cli, carry->parked, carry->folder, where);
    bsc_mem_free(where);
}

static void tell(struct bsc_cli_carry *carry, int code, const struct bsc_err *report_err)
{
    if (carry->end.broke)
        bsc_cli_fail(carry->cli, &carry->end.err);
    bsc_cli_say(carry->cli, "\n%s%s%s: %zu of %zu items, %zu change%s\n",
                bsc_cli_style(carry->cli, style_of(code)),
                code == 0 ? (carry->items != NULL ? "rolled back" : "done")
                          : bsc_run_outcome_name(carry->end.outcome),
                bsc_cli_style(carry->cli, BSC_STYLE_PLAIN), carry->end.items_done,
                item_count(carry), carry->changes, carry->changes == 1 ? "" : "s");
    bsc_cli_say(carry->cli, "journal  %s\n", carry->folder->journal);
    if (report_err->code == BSC_ERR_NONE)
        bsc_cli_say(carry->cli, "report   %s/" REPORT_FILE "\n", carry->folder->path);
    else
        bsc_cli_fail(carry->cli, report_err);
    if (code == BSC_EXIT_PARKED)
        tell_parked(carry);
    else if (code != BSC_EXIT_DONE)
        tell_way_on(carry, NULL);
}

/* What was done, what was not, and where it is written. The exit code is the journal's. */
static int conclude(struct bsc_cli_carry *carry)
{
    int code = bsc_run_outcome_exit(carry->end.outcome);
    struct bsc_err report_err = BSC_ERR_INIT;
    write_report(carry, &report_err);
    if (carry->cli->json)
        tell_json(carry, code, &report_err);
    else
        tell(carry, code, &report_err);
    return code;
}

int bsc_cli_carry_out(struct bsc_cli_carry *carry, struct bsc_err *err)
{
    if (execute(carry, err))
        return conclude(carry);
    tell_unrecorded(carry);
    return -1;
}

void bsc_cli_carry_release(struct bsc_cli_carry *carry)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (carry->journal != NULL)
        bsc_journal_close(carry->journal, &ignored);
    bsc_value_free(carry->facts);
    bsc_value_free(carry->parked);
}
