#include "cli/old_run.h"

#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli/amend.h"
#include "cli/opening.h"
#include "cli/options.h"
#include "cli/prompt.h"
#include "cli/show.h"
#include "cli/typed.h"
#include "os/files.h"
#include "run/about.h"
#include "run/drift.h"
#include "run/inputs.h"
#include "run/leases.h"
#include "run/outcome.h"
#include "run/plan.h"
#include "run/record.h"
#include "run/standing.h"

static bool never_began(const struct bsc_cli_old_run *run, const char *why, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_REFUSED, "%s never began: %s", run->folder.id, why);
    return bsc_err_hint(err, "Nothing was done. Plan the runbook and run it again.");
}

static char *plan_path(const struct bsc_cli_old_run *run)
{
    char *file = bsc_run_inputs_file(run->inputs, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(&run->folder, file);
    bsc_mem_free(file);
    return path;
}

static bool find(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    const struct bsc_cli_old_wishes *wishes = run->wishes;
    if (!bsc_cli_where_find(run->cli, &wishes->where, wishes->run, &run->folder, err))
        return false;
    /* Its process was gone while it made the folder. */
    if (!bsc_files_exists(run->cli->sys, run->folder.journal))
        return never_began(run, "it has no journal", err);
    if (!bsc_run_inputs_newest(&run->folder, &run->inputs, err))
        return false;
    char *path = plan_path(run);
    run->plan = bsc_run_plan_read_head(run->cli->sys, path, err);
    bsc_mem_free(path);
    return run->plan != NULL;
}

/* A runbook that is what it was planned from has the items of the plan; of a long one they need not
 * be read again. */
static bool take_items(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    run->past.items = bsc_value_get(bsc_run_session_runbook(&run->session), "items");
    if (bsc_run_drift_same_inputs(run->plan, &run->session))
        return true;
    char *path = plan_path(run);
    struct bsc_value *whole = bsc_run_plan_read(run->cli->sys, path, err);
    bsc_mem_free(path);
    if (whole == NULL)
        return false;
    bsc_value_set(run->plan, "items", bsc_value_take(whole, "items"));
    run->past.items = bsc_value_get(run->plan, "items");
    bsc_value_free(whole);
    return true;
}

/* Whoever names a site means that one to be changed. */
static bool is_its_site(const struct bsc_cli_old_run *run, const char *own, struct bsc_err *err)
{
    if (run->wishes->where.site == NULL)
        return true;
    char *named = bsc_files_real_path(run->wishes->where.site, err);
    bool same = named != NULL && strcmp(named, own) == 0;
    if (named != NULL && !same) {
        bsc_err_set(err, BSC_ERR_REFUSED, "%s is a run of the site '%s', not of '%s'",
                    run->folder.id, own, named);
        bsc_err_hint(err, "If that site was moved, put it back where it was.");
    }
    bsc_mem_free(named);
    return same;
}

/* Where what is missing or broken now is kept as it was. Always false. */
static bool say_where_kept(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    char *file = bsc_run_inputs_file(run->inputs, BSC_JOURNAL_RUNBOOK_FILE);
    char *path = bsc_journal_folder_file(&run->folder, file);
    char *folder = bsc_files_folder_of(path);
    bsc_err_hint(err, "The run's folder has its files as they were: %s", folder);
    bsc_mem_free(folder);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return false;
}

/* The files that it was begun with, from where they were then. */
static bool open_session(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_run_session_options options = bsc_cli_session_options(run->cli);
    const struct bsc_value *made = bsc_value_get(run->plan, "made");
    options.runbook_path = bsc_value_get_string(made, "runbook");
    options.site_path = bsc_value_get_string(made, "site");
    if (options.runbook_path == NULL || options.site_path == NULL)
        return bsc_err_set(err, BSC_ERR_INVALID, "the plan of %s does not say where its files were",
                           run->folder.id);
    if (!is_its_site(run, options.site_path, err) || !bsc_cli_amend_params(run, &options, err))
        return false;
    if (!bsc_run_session_open(&run->session, &options, err))
        return err->hint[0] != '\0' ? false : say_where_kept(run, err);
    if (bsc_value_count(bsc_run_session_errors(&run->session)) == 0)
        return true;
    bsc_err_set(err, BSC_ERR_INVALID, "the runbook has errors now");
    return say_where_kept(run, err);
}

bool bsc_cli_old_run_is_over(const struct bsc_cli_old_run *run)
{
    return run->past.ended && (!run->wishes->back || run->past.goes_back);
}

/* Its files cannot be read any more, which is nothing to a run that is over. */
static bool looks_over(struct bsc_cli_old_run *run)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_run_standing standing = {0};
    bool read = bsc_run_standing_read(&standing, run->cli->sys, &run->folder, &ignored);
    run->past.goes_back = standing.stand == BSC_RUN_STAND_ROLLED_BACK;
    run->past.ended = run->past.goes_back || standing.stand == BSC_RUN_STAND_DONE;
    bsc_run_standing_release(&standing);
    return read && bsc_cli_old_run_is_over(run);
}

static bool take_lock(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    run->lock = bsc_journal_lock_take(run->cli->sys, run->cli->clock, run->folder.runs,
                                      run->folder.id, err);
    if (run->lock == NULL ||
        !bsc_cli_claim_init(&run->claim, run->cli, run->folder.runs, run->wishes->take_over, err))
        return false;
    run->claim.claim.run = run->folder.id;
    return true;
}

static bool no_such_word(const char *given, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_USAGE, "there is no --settle \"%s\"", given);
    return bsc_err_hint(err, "Write made or not-made, or of change number 7: 7=made.");
}

/* "made", or "7=made" of the change with that number and no other: a command that is typed a second
 * time, after another stop, must not settle another change. */
static bool read_word(struct bsc_cli_old_run *run, struct bsc_run_word *ret, struct bsc_err *err)
{
    const char *given = run->wishes->settle;
    const char *equals = given != NULL ? strchr(given, '=') : NULL;
    const char *word = equals != NULL ? equals + 1 : given;
    int64_t number = 0;
    bsc_process_user(run->user);
    *ret = (struct bsc_run_word){BSC_RUN_MADE_MAYBE, run->user};
    if (given == NULL)
        return true;
    if (equals != NULL && !bsc_num_parse(given, (size_t)(equals - given), &number))
        return no_such_word(given, err);
    if (strcmp(word, "made") == 0)
        ret->made = BSC_RUN_MADE;
    else if (strcmp(word, "not-made") == 0)
        ret->made = BSC_RUN_MADE_NOT;
    else
        return no_such_word(given, err);
    if (equals == NULL || run->past.open == NULL || number == run->open)
        return true;
    return bsc_err_set(
        err, BSC_ERR_REFUSED, "--settle speaks of change %lld, but in doubt is change %lld: %s",
        (long long)number, (long long)run->open, bsc_value_get_string(run->past.open, "statement"));
}

/* The two commands of which one is to be typed; a hint that has no room for both has the first,
 * and one that has no room for that stays as it is. */
static bool ask_for_a_word(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    const char *resource = bsc_value_get_string(run->past.open, "resource");
    char *where = bsc_cli_typed_where(&run->wishes->where, &run->folder);
    char *command = bsc_cli_typed(run->wishes->back ? "rollback" : "resume", &run->folder, where);
    char *both =
        bsc_mem_format("Look at %s yourself. If it was made: %s --settle %lld=made; if "
                       "it was not: %s --settle %lld=not-made",
                       resource, command, (long long)run->open, command, (long long)run->open);
    char *one = bsc_mem_format("Look at %s yourself. If it was not made, say not-made in: %s "
                               "--settle %lld=made",
                               resource, command, (long long)run->open);
    if (strlen(both) < sizeof err->hint)
        bsc_err_hint(err, "%s", both);
    else if (strlen(one) < sizeof err->hint)
        bsc_err_hint(err, "%s", one);
    bsc_mem_free(one);
    bsc_mem_free(both);
    bsc_mem_free(command);
    bsc_mem_free(where);
    return false;
}

static void say_found(const struct bsc_cli_old_run *run, const struct bsc_buf *why)
{
    bsc_cli_say(run->cli, "under way when it stopped: %s\n  found: %s\n",
                bsc_value_get_string(run->past.open, "statement"),
                bsc_run_settle_words(run->found.made));
    if (why->length > 0)
        bsc_cli_say(run->cli, "  %s\n", why->data);
}

/* Why nothing is made of what a person says. */
static const char *why_aside(const struct bsc_cli_old_run *run)
{
    if (run->found.made != BSC_RUN_MADE_MAYBE)
        return "the site shows it";
    return bsc_value_get_string(run->past.open, "settles") != NULL
               ? "what was ordered may still be carried out, whatever is said of it"
               : "its step looks what is left to do";
}

static bool settle(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    struct bsc_run_word said;
    struct bsc_buf why;
    run->open = bsc_value_get_number(run->past.open, "effect", 0);
    if (!read_word(run, &said, err))
        return false;
    if (run->past.open == NULL) {
        if (said.made != BSC_RUN_MADE_MAYBE)
            bsc_cli_say(run->cli, "--settle is left aside: nothing is in doubt\n");
        return true;
    }
    bsc_buf_init(&why);
    bool found = bsc_run_settle_look(&run->session, &run->past, &said, &run->found, &why, err);
    if (found)
        say_found(run, &why);
    bsc_buf_release(&why);
    if (!found)
        return err->code == BSC_ERR_UNKNOWN && ask_for_a_word(run, err);
    if (said.made != BSC_RUN_MADE_MAYBE && run->found.by != said.by)
        bsc_cli_say(run->cli, "  --settle is left aside: %s\n", why_aside(run));
    bsc_run_past_settle(&run->past, run->found.made);
    return true;
}

/* The journal names other inputs than those in the folder: nobody has just put them there, or they
 * would be there. */
static bool refuse_other_inputs(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    char *file = bsc_run_inputs_file(run->past.inputs, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(&run->folder, file);
    if (bsc_files_exists(run->cli->sys, path))
        bsc_err_set(err, BSC_ERR_CONFLICT, "somebody else has just gone on with %s",
                    run->folder.id);
    else
        bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is missing, with which %s was gone on with", path,
                    run->folder.id);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return false;
}

static bool read_past(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    run->past.schema = run->session.schema;
    run->past.with_trail = run->wishes->back;
    if (!bsc_run_past_read(&run->past, run->cli->sys, run->folder.journal, err))
        return false;
    if (run->past.inputs != run->inputs)
        return refuse_other_inputs(run, err);
    run->session.env.folder = run->past.working_folder;
    if (run->past.begun)
        return true;
    return never_began(run, "its journal has no record", err);
}

/* Whether there is a journal in the folder, and it is not the run's own by another name. */
static bool is_another_journal(const struct bsc_cli_old_run *run, const char *folder)
{
    const struct bsc_sys *sys = run->cli->sys;
    struct stat own = {0}, other = {0};
    char *path = bsc_files_join(folder, BSC_JOURNAL_FILE);
    bool both = sys->stat(sys->self, run->folder.journal, &own) == 0 &&
                sys->stat(sys->self, path, &other) == 0;
    bsc_mem_free(path);
    return both && (own.st_dev != other.st_dev || own.st_ino != other.st_ino);
}

/* Two folders of one run would both make what is left of it. */
static bool is_no_copy(const struct bsc_cli_old_run *run, struct bsc_err *err)
{
    if (run->past.folder == NULL || !is_another_journal(run, run->past.folder))
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "'%s' is a copy of the run that is kept in '%s'",
                run->folder.path, run->past.folder);
    return bsc_err_hint(err, "Give that folder as RUN. Only where it is gone is this one the run.");
}

bool bsc_cli_old_run_open(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    if (!find(run, err))
        return false;
    if (!open_session(run, err)) {
        if (looks_over(run))
            return true;
        bsc_cli_stops_at_errors(run->cli, &run->session);
        return false;
    }
    return take_lock(run, err) && take_items(run, err) && read_past(run, err) &&
           (bsc_cli_old_run_is_over(run) || is_no_copy(run, err));
}

bool bsc_cli_old_run_look(struct bsc_cli_old_run *run, struct bsc_err *err)
{
    if (!bsc_cli_amend_look(run, err) || !settle(run, err))
        return false;
    run->facts = bsc_run_session_observe(&run->session, err);
    return run->facts != NULL;
}

static bool record_begin(struct bsc_cli_old_run *run, const char *mode,
                         const struct bsc_value *ahead, struct bsc_err *err)
{
    struct bsc_value *about = bsc_run_about(&run->session, run->plan, run->folder.id, mode);
    bsc_run_about_place(about, &run->session, run->folder.path);
    bsc_value_set_text(about, "ahead_digest", bsc_value_get_string(ahead, "digest"));
    bsc_cli_amend_tell(run, about);
    bool ok = bsc_run_record_begin(run->journal, about, err);
    bsc_value_free(about);
    return ok;
}

bool bsc_cli_old_run_take(struct bsc_cli_old_run *run, const char *mode,
                          const struct bsc_value *ahead, struct bsc_err *err)
{
    struct bsc_journal_options options = {run->cli->sys, run->cli->clock, run->cli->redactor,
                                          run->folder.journal, run->wishes->force};
    if (!bsc_cli_amend_keep(run, ahead, err))
        return false;
    run->journal = bsc_journal_open(&options, &run->past.report, err);
    return run->journal != NULL && record_begin(run, mode, ahead, err) &&
           (run->open == 0 || bsc_run_settle_record(run->journal, run->open, &run->found, err));
}

/* What is indented names one of many: a screen that rolls by would hide what comes before. */
static void show_caveats(const struct bsc_cli_old_run *run)
{
    enum { NAMED_MOST = 10 };
    size_t named = 0;
    if (bsc_value_count(run->caveats) > 0)
        bsc_cli_say(run->cli, "\n%sWhat it costs:%s\n", bsc_cli_style(run->cli, BSC_STYLE_BOLD),
                    bsc_cli_style(run->cli, BSC_STYLE_PLAIN));
    for (size_t i = 0; i < bsc_value_count(run->caveats); i++) {
        const char *line = bsc_value_string(bsc_value_at(run->caveats, i));
        int indent = (int)strspn(line, " ");
        named += indent > 0 ? 1 : 0;
        if (indent == 0 || named <= NAMED_MOST)
            bsc_cli_show_folded(run->cli, 2 + (indent < 40 ? indent : 40), line + indent);
    }
    if (named > NAMED_MOST)
        bsc_cli_say(run->cli, "    and %zu more; the journal names them all\n", named - NAMED_MOST);
}

bool bsc_cli_old_run_confirm(struct bsc_cli_old_run *run, const struct bsc_value *ahead,
                             const char *question, struct bsc_err *err)
{
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    struct bsc_value *targets = bsc_run_plan_targets(ahead);
    bool free_to_go =
        bsc_run_leases_allow(&run->session, targets, &run->claim.claim, run->past.leases, err);
    bsc_value_free(targets);
    if (!free_to_go)
        return false;
    bsc_cli_show_plan(run->cli, ahead);
    show_caveats(run);
    bsc_run_outcome_parse(bsc_value_get_string(ahead, "outcome"), &outcome);
    if (bsc_run_outcome_exit(outcome) != 0)
        return bsc_err_set(err, BSC_ERR_REFUSED, "it would be %s: %s",
                           bsc_run_outcome_name(outcome), bsc_value_get_string(ahead, "reason"));
    if (run->wishes->yes)
        return true;
    if (!run->cli->terminal || run->cli->json) {
        bsc_err_set(err, BSC_ERR_REFUSED, "nobody can confirm this");
        return bsc_err_hint(err, "There is no terminal; give --yes to do as shown.");
    }
    if (bsc_cli_prompt(run->cli, question) == BSC_ANSWER_YES)
        return true;
    return bsc_err_set(err, BSC_ERR_REFUSED, "it was not confirmed; nothing was changed");
}

bool bsc_cli_old_run_hint_with(const struct bsc_cli_old_run *run, const char *text,
                               const char *verb, const char *options, struct bsc_err *err)
{
    char *where = bsc_cli_typed_where(&run->wishes->where, &run->folder);
    char *command = bsc_cli_typed(verb, &run->folder, where);
    /* Half a command is worse than none. */
    if (strlen(text) + strlen(command) + strlen(options) < sizeof err->hint)
        bsc_err_hint(err, "%s%s%s", text, command, options);
    else
        bsc_err_hint(err, "%sbascule %s %s%s, with --site or --runs", text, verb, run->folder.id,
                     strlen(options) < sizeof err->hint / 2 ? options : "");
    bsc_mem_free(command);
    bsc_mem_free(where);
    return false;
}

bool bsc_cli_old_run_hint(const struct bsc_cli_old_run *run, const char *text, const char *verb,
                          struct bsc_err *err)
{
    return bsc_cli_old_run_hint_with(run, text, verb, "", err);
}

void bsc_cli_old_run_tell(struct bsc_cli_old_run *run, const char *word)
{
    bsc_cli_say(run->cli, "%s is %s: there is nothing left to do\n", run->folder.id, word);
    if (!run->cli->json)
        return;
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "run", run->folder.id);
    bsc_value_set_text(value, "folder", run->folder.path);
    bsc_value_set_text(value, "outcome", "kept");
    bsc_value_set_int(value, "changes", 0);
    bsc_value_set_int(value, "exit", BSC_EXIT_DONE);
    bsc_cli_json(run->cli, value);
    bsc_value_free(value);
}

int bsc_cli_old_run_fail(struct bsc_cli *cli, const struct bsc_err *err)
{
    return err->code == BSC_ERR_DAMAGED ? bsc_cli_fail_with(cli, err, BSC_EXIT_NOT_VERIFIED)
                                        : bsc_cli_fail(cli, err);
}

void bsc_cli_old_run_release(struct bsc_cli_old_run *run)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (run->journal != NULL)
        bsc_journal_close(run->journal, &ignored);
    bsc_run_past_release(&run->past);
    bsc_run_session_close(&run->session); /* its threads share in the lock */
    bsc_cli_claim_release(&run->claim);
    bsc_journal_lock_free(run->lock);
    bsc_cli_amend_release(&run->amend);
    bsc_value_free(run->amend.set);
    bsc_value_free(run->facts);
    bsc_value_free(run->caveats);
    bsc_value_free(run->plan);
    bsc_journal_folder_release(&run->folder);
}

int bsc_cli_old_run_parse(struct bsc_cli *cli, const char *synopsis, const char *summary, int argc,
                          char **argv, struct bsc_cli_old_wishes *wishes)
{
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_cli_option options[] = {
        bsc_cli_where_site(&wishes->where),
        bsc_cli_where_runs(&wishes->where),
        {"--settle", NULL, "WORD",
         "made or not-made, or N=made: of the change that was under way and that nothing shows",
         NULL, &wishes->settle, NULL},
        {"--yes", NULL, NULL, "confirm what is shown and answer gates with yes", &wishes->yes, NULL,
         NULL},
        {"--take-over", NULL, "REASON", "go on although another run may be at work on the same",
         NULL, &wishes->take_over, NULL},
        {"--force", NULL, NULL, "keep the run on a network file system, where locks may not hold",
         &wishes->force, NULL, NULL},
        {wishes->back ? NULL : "--accept-changes", NULL, NULL,
         "go on with what was changed since, where only what is ahead differs", &wishes->accept,
         NULL, NULL},
        {"--set", NULL, "NAME=VALUE",
         "give a parameter another value; a change like one of the runbook", NULL, NULL,
         wishes->set},
        {0}};
    const struct bsc_cli_usage usage = {synopsis, summary, options, 1, 1};
    size_t operands = 0;
    bool help = false;
    if (!bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err))
        return bsc_cli_fail(cli, &err);
    wishes->run = argv[1];
    return help ? BSC_EXIT_DONE : -1;
}
