#include "cli/amend.h"

#include <string.h>

#include "base/mem.h"
#include "base/shell.h"
#include "cli/show_drift.h"
#include "cli/typed.h"
#include "run/amend.h"
#include "run/drift.h"
#include "run/inputs.h"
#include "run/plan.h"

/* -------------------------------------------------------------- parameters */

/* A runbook that cannot be read is the business of whoever loads it. */
static bool is_edited(const struct bsc_cli_old_run *run, const char *path)
{
    enum { BYTES_MAX = 1024 * 1024 };
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_buf text;
    char hex[BSC_DIGEST_HEX];
    const char *then = bsc_value_get_string(bsc_value_get(run->plan, "runbook"), "sha256");
    bsc_buf_init(&text);
    bool read = bsc_files_read(run->cli->sys, path, BYTES_MAX, &text, &ignored);
    bsc_digest_text(text.data, text.length, hex);
    bsc_buf_release(&text);
    return read && (then == NULL || strcmp(hex, then) != 0);
}

/* Once: it stays open until the run is let go. */
static bool open_kept(struct bsc_cli_old_run *run, const struct bsc_run_session_options *with,
                      struct bsc_err *err)
{
    return run->amend.kept.vm != NULL ||
           bsc_run_amend_open(&run->amend.kept, with, &run->folder, run->inputs, run->plan, err);
}

bool bsc_cli_amend_params(struct bsc_cli_old_run *run, struct bsc_run_session_options *options,
                          struct bsc_err *err)
{
    const struct bsc_value *anew = run->wishes->set;
    options->set = bsc_value_get(run->plan, "params");
    if (run->wishes->back || (bsc_value_count(anew) == 0 && !is_edited(run, options->runbook_path)))
        return true;
    if (!open_kept(run, options, err))
        return false;
    struct bsc_value *said = bsc_run_amend_said(&run->amend.kept, 0, run->plan, err);
    if (said == NULL)
        return false;
    run->amend.set = bsc_run_amend_set(said, run->plan);
    bsc_value_free(said);
    for (size_t i = 0; i < bsc_value_count(anew); i++)
        bsc_value_set(run->amend.set, bsc_value_key_at(anew, i),
                      bsc_value_copy(bsc_value_item_at(anew, i)));
    options->set = run->amend.set;
    return true;
}

/* -------------------------------------------------------------- looking */

/* The facts that the run was planned from, and those of what only the present files speak of.
 * Returns owned, NULL on failure. */
static struct bsc_value *planned_facts(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_value *facts = bsc_value_copy(bsc_value_get(run->plan, "facts"));
    const struct bsc_value *ids = bsc_value_get(run->session.listing, "resources");
    struct bsc_value *missing = bsc_value_list(), *seen = NULL;
    for (size_t i = 0; i < bsc_value_count(ids); i++) {
        if (bsc_value_get(facts, bsc_value_string(bsc_value_at(ids, i))) == NULL)
            bsc_value_append(missing, bsc_value_copy(bsc_value_at(ids, i)));
    }
    bool ok = bsc_value_count(missing) == 0;
    if (!ok) {
        seen = bsc_run_session_look(&run->session, missing, err);
        ok = seen != NULL;
    }
    for (size_t i = 0; i < bsc_value_count(seen); i++)
        bsc_value_set(facts, bsc_value_key_at(seen, i), bsc_value_copy(bsc_value_item_at(seen, i)));
    bsc_value_free(seen);
    bsc_value_free(missing);
    if (ok)
        return facts;
    bsc_value_free(facts);
    return NULL;
}

/* The whole run, planned with the present files from where it began. */
static bool plan_anew(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_cli_amend *amend = &run->amend;
    struct bsc_value *facts = planned_facts(run, err);
    if (facts == NULL)
        return false;
    amend->plan = bsc_run_plan_make(&run->session, facts, err);
    if (amend->plan == NULL)
        return false;
    amend->drift = bsc_run_drift_between(run->plan, amend->plan, run->session.schema);
    /* Facts of what was not spoken of before are no news. */
    bsc_value_set(amend->drift, "facts", bsc_value_list());
    bsc_value_set_int(amend->drift, "planned",
                      (int64_t)bsc_value_count(bsc_value_get(amend->plan, "items")));
    return true;
}

static bool compare(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_cli_amend *amend = &run->amend;
    int64_t reached = bsc_run_amend_reached(&run->past);
    if (!open_kept(run, &run->session.with, err))
        return false;
    struct bsc_value *then = bsc_run_amend_said(&amend->kept, reached, run->plan, err);
    struct bsc_value *now =
        then != NULL ? bsc_run_amend_said(&run->session, reached, run->plan, err) : NULL;
    if (now != NULL)
        bsc_value_set(amend->drift, "amendment",
                      bsc_run_amend_compare(then, now, amend->drift, reached));
    bsc_value_free(now);
    bsc_value_free(then);
    return now != NULL;
}

static bool begun_with_others(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    return bsc_err_set(err, BSC_ERR_REFUSED,
                       "%s was begun with other files than those there are now", run->folder.id);
}

static char *kept_folder(const struct bsc_cli_old_run *run)
{
    char *file = bsc_run_inputs_file(run->inputs, ".");
    char *path = bsc_journal_folder_file(&run->folder, file);
    bsc_mem_free(file);
    path[strlen(path) - strlen("/.")] = '\0';
    return path;
}

/* Nothing can be accepted: another verb, or nothing is ahead. A run that is parked can be gone on
 * with up to its gate, which accepts them. */
static bool refuse_any(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    char *folder = kept_folder(run);
    begun_with_others(run, err);
    if (run->past.parked == NULL) {
        bsc_err_hint(err, "Put them back as they are kept in %s, or begin a new run.", folder);
    } else {
        bsc_err_detail(err,
                       "Put them back as they are kept in %s; or accept them, say no at its gate, "
                       "and take it back then.",
                       folder);
        bsc_cli_old_run_hint_with(run, "To accept them: ", "resume", " --accept-changes", err);
    }
    bsc_mem_free(folder);
    return false;
}

static bool refuse_done(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    char *folder = kept_folder(run);
    begun_with_others(run, err);
    bsc_err_detail(err,
                   "They differ in what was carried out already, or may have been, so nobody can "
                   "accept that. Put that back as it is kept in %s.",
                   folder);
    bsc_mem_free(folder);
    if (run->past.beyond != 0)
        return false;
    return bsc_cli_old_run_hint(run, "Or put all back and take the run back first: ", "rollback",
                                err);
}

static void add_set(struct bsc_buf *out, const struct bsc_value *set)
{
    for (size_t i = 0; i < bsc_value_count(set); i++) {
        const char *value = bsc_value_string(bsc_value_item_at(set, i));
        char *pair = bsc_mem_format("%s=%s", bsc_value_key_at(set, i), value != NULL ? value : "");
        bsc_buf_add_text(out, " --set ");
        bsc_shell_add(out, pair);
        bsc_mem_free(pair);
    }
}

/* The whole command, to be pasted. */
static bool refuse_unaccepted(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_buf options;
    bsc_buf_init(&options);
    bsc_buf_add_text(&options, " --accept-changes");
    add_set(&options, run->wishes->set);
    if (run->wishes->settle != NULL) {
        bsc_buf_add_text(&options, " --settle ");
        bsc_shell_add(&options, run->wishes->settle);
    }
    if (run->wishes->take_over != NULL) {
        bsc_buf_add_text(&options, " --take-over ");
        bsc_shell_add(&options, run->wishes->take_over);
    }
    if (run->wishes->force)
        bsc_buf_add_text(&options, " --force");
    begun_with_others(run, err);
    bsc_err_detail(err, "Nothing of what was carried out differs, so you may accept that.");
    bsc_cli_old_run_hint_with(run, "To go on with them: ", "resume", options.data, err);
    bsc_buf_release(&options);
    return false;
}

static bool decide(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    const struct bsc_value *amendment = bsc_value_get(run->amend.drift, "amendment");
    if (!bsc_value_get_truth(amendment, "holds"))
        return refuse_done(run, err);
    if (!run->wishes->accept)
        return refuse_unaccepted(run, err);
    /* Of an item that may be another one now nothing was made: it begins anew. */
    if (run->past.at.item > bsc_value_get_number(amendment, "reached", 0))
        run->past.at.action = 0;
    return true;
}

bool bsc_cli_amend_look(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_cli_amend *amend = &run->amend;
    if (bsc_run_drift_same_inputs(run->plan, &run->session)) {
        if (run->wishes->accept)
            bsc_cli_say(run->cli, "No file has changed: there is nothing to accept.\n");
        return true;
    }
    if (!plan_anew(run, err))
        return false;
    if (run->wishes->back || run->past.ended || run->past.goes_back) {
        bsc_cli_show_drift(run->cli, amend->drift);
        return refuse_any(run, err);
    }
    if (!compare(run, err))
        return false;
    bsc_cli_show_drift(run->cli, amend->drift);
    bsc_cli_show_amendment(run->cli, amend->drift);
    return decide(run, err);
}

/* -------------------------------------------------------------- accepting */

bool bsc_cli_amend_keep(struct bsc_cli_old_run *run, const struct bsc_value *ahead,
                        struct bsc_err *err)
{
    struct bsc_cli_amend *amend = &run->amend;
    if (amend->plan == NULL)
        return true;
    bsc_run_plan_complete(amend->plan, ahead);
    if (!bsc_run_plan_can_be_kept(&run->session, amend->plan, err))
        return false;
    int64_t number = bsc_run_inputs_next(&run->folder);
    if (!bsc_run_inputs_keep(&run->session, &run->folder, number, amend->plan, err))
        return false;
    amend->earlier = run->plan;
    run->plan = amend->plan;
    run->past.items = bsc_value_get(run->plan, "items");
    run->inputs = number;
    amend->plan = NULL;
    return true;
}

void bsc_cli_amend_tell(const struct bsc_cli_old_run *run, struct bsc_value *about)
{
    const struct bsc_value *drift = run->amend.drift;
    if (run->inputs > 0)
        bsc_value_set_int(about, "inputs", run->inputs);
    if (drift == NULL)
        return;
    const struct bsc_value *amendment = bsc_value_get(drift, "amendment");
    struct bsc_value *accepted = bsc_value_map();
    bsc_value_set_text(accepted, "by", bsc_value_get_string(about, "user"));
    bsc_value_set(accepted, "inputs", bsc_value_copy(bsc_value_get(drift, "inputs")));
    bsc_value_set(accepted, "items", bsc_value_copy(bsc_value_get(amendment, "items")));
    bsc_value_set(about, "accepted", accepted);
}

int bsc_cli_amend_fail(struct bsc_cli_old_run *run, const struct bsc_err *err)
{
    bool differs = run->amend.drift != NULL && err->code == BSC_ERR_REFUSED;
    return differs ? bsc_cli_fail_drifted(run->cli, err, run->amend.drift)
                   : bsc_cli_old_run_fail(run->cli, err);
}

void bsc_cli_amend_release(struct bsc_cli_amend *amend)
{
    bsc_value_free(amend->drift);
    bsc_value_free(amend->plan);
    bsc_value_free(amend->earlier);
    bsc_run_session_close(&amend->kept);
    amend->drift = amend->plan = amend->earlier = NULL;
}
