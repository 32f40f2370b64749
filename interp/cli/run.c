#include <string.h>

#include "base/mem.h"
#include "cli/beside.h"
#include "cli/carry.h"
#include "cli/claim.h"
#include "cli/cli.h"
#include "cli/opening.h"
#include "cli/options.h"
#include "cli/prompt.h"
#include "cli/show.h"
#include "cli/show_drift.h"
#include "journal/folder.h"
#include "journal/lock.h"
#include "journal/place.h"
#include "os/files.h"
#include "run/about.h"
#include "run/drift.h"
#include "run/inputs.h"
#include "run/leases.h"
#include "run/outcome.h"
#include "run/plan.h"
#include "run/record.h"

struct wishes {
    const char *what;      /* plan or runbook, as given */
    const char *site;      /* as given, or NULL */
    const char *runs;      /* as given, or NULL */
    struct bsc_value *set; /* owned */
    bool yes;
    const char *take_over; /* the reason, or NULL */
    bool force;            /* also on a network file system */
};

/* One invocation from the arguments to the exit code. */
struct undertaking {
    struct bsc_cli *cli;         /* borrowed */
    const struct wishes *wishes; /* borrowed */
    struct bsc_value *given;     /* owned: the plan from a file; NULL for a runbook */
    struct bsc_value *made;      /* owned: where it says that its files are, for the session */
    struct bsc_run_session session;
    struct bsc_value *facts; /* owned: observed just now */
    struct bsc_value *plan;  /* owned: what will be carried out */
    struct bsc_value *drift; /* owned: what is different since it was made; NULL: new */
    char *runs;              /* owned: the folder of all runs */
    const char *network;     /* the file system it lies on, where --force is needed; or NULL */
    struct bsc_journal_lock *lock; /* owned */
    struct bsc_cli_claim claim;
    struct bsc_cli_beside beside; /* a parked run that this one sets aside; else zeroed */
    struct bsc_journal_folder folder;
    struct bsc_journal *journal; /* owned */
};

static bool is_plan(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

static bool set_again(struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_USAGE, "a plan has its parameters already");
    return bsc_err_hint(err, "Make a new plan with --set, or leave --set out.");
}

static bool open_session(struct undertaking *u, struct bsc_err *err)
{
    struct bsc_run_session_options options = bsc_cli_session_options(u->cli);
    options.runbook_path = u->wishes->what;
    options.site_path = u->wishes->site != NULL ? u->wishes->site : "site.yaml";
    options.set = u->wishes->set;
    if (is_plan(u->wishes->what)) {
        u->given = bsc_run_plan_read(u->cli->sys, u->wishes->what, err);
        if (u->given == NULL)
            return false;
        if (bsc_value_count(u->wishes->set) > 0)
            return set_again(err);
        /* The plan will say where they are now. */
        u->made = bsc_value_copy(bsc_value_get(u->given, "made"));
        options.runbook_path = bsc_value_get_string(u->made, "runbook");
        if (u->wishes->site == NULL)
            options.site_path = bsc_value_get_string(u->made, "site");
        options.set = bsc_value_get(u->given, "params");
    }
    if (options.runbook_path == NULL || options.site_path == NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "the plan does not say where its %s is",
                           options.runbook_path == NULL ? "runbook" : "site");
    return bsc_run_session_open(&u->session, &options, err);
}

/* Before anything is made there: whether locks and syncs can be relied on. */
static bool place_is_fit(struct undertaking *u, struct bsc_err *err)
{
    u->runs = bsc_journal_runs_folder(u->session.with.site_path, u->wishes->runs);
    if (!u->wishes->force)
        return bsc_journal_place_check(u->cli->sys, u->runs, err);
    return bsc_journal_place_look(u->cli->sys, u->runs, &u->network, err);
}

static bool take_lock(struct undertaking *u, struct bsc_err *err)
{
    const char *name = bsc_value_get_string(bsc_run_session_runbook(&u->session), "name");
    u->lock = bsc_journal_lock_take(u->cli->sys, u->cli->clock, u->runs, name, err);
    return u->lock != NULL;
}

/* Whether the plan may be carried out with the facts just observed. */
static bool still_holds(struct undertaking *u, struct bsc_err *err)
{
    bsc_value_free(u->drift);
    u->drift = bsc_run_drift_since(&u->session, u->plan, u->facts, err);
    if (u->drift == NULL)
        return false;
    bsc_cli_show_drift(u->cli, u->drift);
    return bsc_run_drift_holds(u->drift, err);
}

/* Observes, and settles which plan is to be carried out. */
static bool prepare(struct undertaking *u, struct bsc_err *err)
{
    u->facts = bsc_run_session_observe(&u->session, err);
    if (u->facts == NULL)
        return false;
    if (u->given == NULL) {
        u->plan = bsc_run_plan_make(&u->session, bsc_value_copy(u->facts), err);
        return u->plan != NULL && bsc_run_plan_can_be_kept(&u->session, u->plan, err);
    }
    u->plan = u->given;
    u->given = NULL;
    bsc_run_plan_place(u->plan, &u->session);
    return still_holds(u, err) && bsc_run_plan_can_be_kept(&u->session, u->plan, err);
}

/* Whether the plan gets through on the twin; what cannot even be planned is not started. */
static bool plan_gets_through(const struct bsc_value *plan, enum bsc_outcome *ret_outcome)
{
    *ret_outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(bsc_value_get_string(plan, "outcome"), ret_outcome);
    return bsc_run_outcome_exit(*ret_outcome) == 0;
}

/* Whether nobody else is at work on what the plan changes. */
static bool leases_are_free(struct undertaking *u, struct bsc_err *err)
{
    struct bsc_value *targets = bsc_run_plan_targets(u->plan);
    bool ok = bsc_cli_claim_init(&u->claim, u->cli, u->runs, u->wishes->take_over, err) &&
              bsc_run_leases_allow(&u->session, targets, &u->claim.claim, NULL, err);
    bsc_value_free(targets);
    return ok;
}

static struct bsc_cli_where where_of(const struct undertaking *u)
{
    return (struct bsc_cli_where){.site = u->wishes->site, .runs = u->wishes->runs};
}

/* Whether no run of the same is parked, or somebody says why this one is begun beside it. */
static bool none_is_parked(struct undertaking *u, struct bsc_err *err)
{
    const struct bsc_cli_where where = where_of(u);
    bsc_cli_beside_release(&u->beside);
    if (!bsc_cli_beside_find(u->cli, u->runs, u->plan, &u->beside, err))
        return false;
    return u->beside.folder.id == NULL || u->claim.reason != NULL ||
           bsc_cli_beside_refuse(&u->beside, &where, err);
}

static bool confirmed(struct undertaking *u, struct bsc_err *err)
{
    if (!u->cli->terminal || u->cli->json) {
        bsc_err_set(err, BSC_ERR_REFUSED, "nobody can confirm the plan");
        return bsc_err_hint(err, "There is no terminal; give --yes to run the plan as shown.");
    }
    if (bsc_cli_prompt(u->cli, "Run this plan?") == BSC_ANSWER_YES)
        return true;
    return bsc_err_set(err, BSC_ERR_REFUSED, "the plan was not confirmed; nothing was changed");
}

/* While somebody read the plan the site went on: what was true then must still be true now that
 * nobody else can run anything. */
static bool still_as_shown(struct undertaking *u, struct bsc_err *err)
{
    bsc_value_free(u->facts);
    u->facts = bsc_run_session_observe(&u->session, err);
    return u->facts != NULL && still_holds(u, err) && none_is_parked(u, err);
}

/* Whoever reads the journal must know what it was written on. */
static struct bsc_value *network_note(const struct undertaking *u)
{
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "warning");
    bsc_value_set(
        note, "text",
        bsc_value_format("the runs lie on a file system of kind %s, where locks and syncs "
                         "may not hold; --force was given",
                         u->network));
    return note;
}

/* Takes the note. */
static bool tell(struct undertaking *u, struct bsc_value *note, struct bsc_err *err)
{
    bsc_cli_show_note(u->cli, note);
    bool ok = bsc_run_record_note(u->journal, 0, note, err);
    bsc_value_free(note);
    return ok;
}

/* What the run was begun in spite of. */
static bool note_all(struct undertaking *u, struct bsc_err *err)
{
    return (u->network == NULL || tell(u, network_note(u), err)) &&
           (u->beside.folder.id == NULL ||
            tell(u, bsc_cli_beside_note(&u->beside, u->claim.reason), err));
}

static bool open_journal(struct undertaking *u, struct bsc_err *err)
{
    const char *name = bsc_value_get_string(bsc_value_get(u->plan, "runbook"), "name");
    struct bsc_journal_options options = {u->cli->sys, u->cli->clock, u->cli->redactor, NULL,
                                          u->wishes->force};
    if (!bsc_journal_folder_create(u->cli->sys, u->cli->clock, u->runs, name, &u->folder, err) ||
        !bsc_journal_lock_name(u->lock, u->folder.id, err) ||
        !bsc_run_inputs_keep(&u->session, &u->folder, 0, u->plan, err))
        return false;
    options.path = u->folder.journal;
    u->journal = bsc_journal_create(&options, err);
    if (u->journal == NULL)
        return false;
    struct bsc_value *about = bsc_run_about(&u->session, u->plan, u->folder.id, "run");
    bsc_run_about_place(about, &u->session, u->folder.path);
    bool ok = bsc_run_record_begin(u->journal, about, err) && note_all(u, err);
    bsc_value_free(about);
    return ok;
}

/* Where the way is barred, it may be for what another run has left behind. */
static void tell_unfinished(const struct undertaking *u)
{
    const struct bsc_cli_where where = where_of(u);
    bsc_cli_beside_tell_unfinished(u->cli, u->runs, u->plan, u->folder.id, &where);
}

static int carry_out(struct undertaking *u, struct bsc_err *err)
{
    const struct bsc_cli_where where = where_of(u);
    struct bsc_cli_carry carry = {.cli = u->cli,
                                  .session = &u->session,
                                  .lock = u->lock,
                                  .folder = &u->folder,
                                  .plan = u->plan,
                                  .ahead = u->plan,
                                  .claim = &u->claim.claim,
                                  .drift = u->drift,
                                  .where = &where,
                                  .facts = u->facts,
                                  .journal = u->journal,
                                  .yes = u->wishes->yes};
    u->claim.claim.run = u->folder.id;
    u->facts = NULL;
    u->journal = NULL;
    bsc_cli_say(u->cli, "\nRun %s\n", u->folder.id);
    int code = bsc_cli_carry_out(&carry, err);
    bsc_cli_carry_release(&carry);
    if (code == BSC_EXIT_REFUSED)
        tell_unfinished(u);
    return code;
}

/* Why nothing was begun. */
static int fail(struct undertaking *u, const struct bsc_err *err)
{
    bool drifted = u->drift != NULL && !bsc_value_get_truth(u->drift, "holds");
    return drifted ? bsc_cli_fail_drifted(u->cli, err, u->drift) : bsc_cli_fail(u->cli, err);
}

/* Returns the exit code, or -1 with *err. */
static int undertake(struct undertaking *u, struct bsc_err *err)
{
    enum bsc_outcome outcome;
    if (!open_session(u, err))
        return -1;
    if (bsc_cli_stops_at_errors(u->cli, &u->session))
        return BSC_EXIT_FAILED;
    if (!place_is_fit(u, err))
        return -1;
    /* Where nobody is waited for, one look will do, as long as nobody else can run anything from
     * then on. A person may take all day, and must not keep others out. */
    if ((u->wishes->yes && !take_lock(u, err)) || !prepare(u, err))
        return -1;
    bsc_cli_show_plan(u->cli, u->plan);
    if (!plan_gets_through(u->plan, &outcome)) {
        tell_unfinished(u);
        if (u->cli->json)
            bsc_cli_json(u->cli, u->plan);
        return bsc_run_outcome_exit(outcome);
    }
    if (!leases_are_free(u, err) || !none_is_parked(u, err))
        return -1;
    if (!u->wishes->yes && (!confirmed(u, err) || !take_lock(u, err) || !still_as_shown(u, err)))
        return -1;
    if (!open_journal(u, err))
        return -1;
    return carry_out(u, err);
}

static void release(struct undertaking *u)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (u->journal != NULL)
        bsc_journal_close(u->journal, &ignored);
    bsc_run_session_close(&u->session); /* its threads share in the lock */
    bsc_cli_claim_release(&u->claim);
    bsc_cli_beside_release(&u->beside);
    bsc_journal_lock_free(u->lock);
    bsc_journal_folder_release(&u->folder);
    bsc_mem_free(u->runs);
    bsc_value_free(u->given);
    bsc_value_free(u->made);
    bsc_value_free(u->facts);
    bsc_value_free(u->plan);
    bsc_value_free(u->drift);
}

int bsc_cli_run(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct wishes wishes = {.set = bsc_value_map()};
    const struct bsc_cli_option options[] = {
        {"--site", NULL, "FILE", "the site (default: site.yaml, or the plan's)", NULL, &wishes.site,
         NULL},
        {"--set", NULL, "NAME=VALUE", "set a parameter of the runbook", NULL, NULL, wishes.set},
        {"--runs", NULL, "DIR", "where runs are kept (default: runs beside the site)", NULL,
         &wishes.runs, NULL},
        {"--yes", NULL, NULL, "confirm the plan and answer its gates with yes", &wishes.yes, NULL,
         NULL},
        {"--take-over", NULL, "REASON", "go on although another run may be at work on the same",
         NULL, &wishes.take_over, NULL},
        {"--force", NULL, NULL, "keep the run on a network file system, where locks may not hold",
         &wishes.force, NULL, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "run PLAN|RUNBOOK [--site SITE] [--set NAME=VALUE]… [--yes]",
        "Carries out a plan under a journal. A runbook is planned, shown and confirmed first.",
        options, 1, 1};
    struct undertaking undertaking = {.cli = cli, .wishes = &wishes};
    size_t operands = 0;
    bool help = false;
    int code = -1;
    if (bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err)) {
        wishes.what = argv[1];
        code = help ? BSC_EXIT_DONE : undertake(&undertaking, &err);
    }
    code = code >= 0 ? code : fail(&undertaking, &err);
    release(&undertaking);
    bsc_value_free(wishes.set);
    return code;
}
