#include "run/testing.h"

#include <stdio.h>

#include "base/mem.h"
#include "os/files.h"
#include "run/fault.h"
#include "run/recorded.h"
#include "run/walk.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

struct testing {
    struct bsc_run_session_options with; /* names the runbook and the site, once they are known */
    const char *path;                    /* borrowed */
    char *folder;                        /* owned: of the file */
    struct bsc_vm *vm;                   /* owned: holds the expectations */
    struct bsc_value *loaded;            /* owned */
    struct bsc_value *facts;             /* owned: where the tests begin */
    struct bsc_value *checked;           /* owned */
    char *runbook, *site;                /* owned */
    char *record;                        /* owned: the file of the facts, or NULL */
    struct bsc_value *result;            /* owned */
};

static bool has_errors(struct testing *testing, const struct bsc_value *errors)
{
    if (bsc_value_count(errors) == 0)
        return false;
    bsc_value_set(testing->result, "errors", bsc_value_copy(errors));
    bsc_value_set_int(testing->result, "failed", 1);
    return true;
}

static bool open_vm(struct testing *testing, struct bsc_err *err)
{
    struct bsc_vm_options options = {.folder = testing->folder};
    options.sources = bsc_vm_embedded(&options.source_count);
    testing->vm = bsc_vm_new(&options, err);
    return testing->vm != NULL;
}

static bool load(struct testing *testing, struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (bsc_files_read(testing->with.sys, testing->path, FILE_BYTES_MAX, &text, err) &&
        open_vm(testing, err)) {
        struct bsc_value *args = bsc_value_map();
        bsc_value_set_text(args, "path", testing->path);
        bsc_value_set(args, "source", bsc_value_bytes(text.data, text.length));
        testing->loaded = bsc_vm_call(testing->vm, "tests", args, err);
        bsc_value_free(args);
    }
    bsc_buf_release(&text);
    return testing->loaded != NULL;
}

static bool read_facts(struct testing *testing, const char *name, struct bsc_err *err)
{
    testing->record = bsc_files_join(testing->folder, name);
    testing->facts = bsc_run_recorded_read(testing->with.sys, testing->record, err);
    return testing->facts != NULL;
}

/* Where the file says that everything is; names are relative to its folder. */
static bool find(struct testing *testing, struct bsc_err *err)
{
    const struct bsc_value *about = bsc_value_get(testing->loaded, "about");
    const struct bsc_value *facts = bsc_value_get(about, "facts");
    testing->runbook = bsc_files_join(testing->folder, bsc_value_get_string(about, "runbook"));
    testing->site = bsc_files_join(testing->folder, bsc_value_get_string(about, "site"));
    testing->with.runbook_path = testing->runbook;
    testing->with.site_path = testing->site;
    testing->with.look_only = true;
    if (bsc_value_kind(facts) == BSC_VALUE_TEXT)
        return read_facts(testing, bsc_value_string(facts), err);
    testing->facts = bsc_value_copy(facts);
    return true;
}

/* {name, change, look}: what of the model's faults can happen to what. */
static struct bsc_value *faults_there_are(void)
{
    struct bsc_value *list = bsc_value_list();
    for (int i = BSC_RUN_FAULT_NONE + 1; i < BSC_RUN_FAULT_COUNT; i++) {
        enum bsc_run_fault fault = (enum bsc_run_fault)i;
        struct bsc_value *entry = bsc_value_map();
        bsc_value_set_text(entry, "name", bsc_run_fault_kind(fault)->name);
        bsc_value_set_bool(entry, "change", bsc_run_fault_fits(fault, BSC_RUN_OP_CHANGE));
        bsc_value_set_bool(entry, "look", bsc_run_fault_fits(fault, BSC_RUN_OP_OBSERVE));
        bsc_value_append(list, entry);
    }
    return list;
}

/* Holds the file against the runbook that it is about. */
static bool check(struct testing *testing, const struct bsc_run_session *session,
                  struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map();
    const struct bsc_value *runbook = bsc_run_session_runbook(session);
    bsc_value_set(args, "items", bsc_value_copy(bsc_value_get(runbook, "items")));
    bsc_value_set(args, "resources", bsc_value_copy(bsc_value_get(session->listing, "resources")));
    bsc_value_set(args, "facts", bsc_value_copy(testing->facts));
    bsc_value_set(args, "faults", faults_there_are());
    testing->checked = bsc_vm_call(testing->vm, "tests_check", args, err);
    bsc_value_free(args);
    return testing->checked != NULL;
}

/* The complaints as errors of the file of facts. */
static struct bsc_value *errors_of(const char *path, const struct bsc_value *complaints)
{
    struct bsc_value *errors = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(complaints); i++) {
        struct bsc_value *error = bsc_value_copy(bsc_value_at(complaints, i));
        bsc_value_set_text(error, "file", path);
        bsc_value_append(errors, error);
    }
    return errors;
}

/* Holds recorded facts against the schema: false on failure, *ret_fine false on mistakes. What the
 * file of tests gives itself is checked with all that it says. */
static bool check_record(struct testing *testing, struct bsc_run_session *session, bool *ret_fine,
                         struct bsc_err *err)
{
    if (testing->record == NULL)
        return true;
    struct bsc_value *complaints =
        bsc_run_recorded_complaints(session, testing->record, testing->facts, err);
    struct bsc_value *errors = errors_of(testing->record, complaints);
    bool ok = complaints != NULL;
    *ret_fine = ok && !has_errors(testing, errors);
    bsc_value_free(errors);
    bsc_value_free(complaints);
    return ok;
}

/* False on failure, *ret_fine false on mistakes in the runbook or in what is said of it. */
static bool meet(struct testing *testing, bool *ret_fine, struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    testing->with.set = bsc_value_get(bsc_value_get(testing->loaded, "about"), "set");
    bool ok = bsc_run_session_open(&session, &testing->with, err);
    *ret_fine = ok && !has_errors(testing, bsc_run_session_errors(&session));
    if (*ret_fine)
        ok = check_record(testing, &session, ret_fine, err);
    if (*ret_fine) {
        ok = check(testing, &session, err);
        *ret_fine = ok && !has_errors(testing, bsc_value_get(testing->checked, "errors"));
    }
    bsc_run_session_close(&session);
    return ok;
}

static struct bsc_value *judge(struct testing *testing, size_t index,
                               const struct bsc_value *account, struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_int(args, "index", (int64_t)index + 1);
    bsc_value_set(args, "account", bsc_value_copy(account));
    struct bsc_value *differences = bsc_vm_call(testing->vm, "tests_judge", args, err);
    bsc_value_free(args);
    return differences;
}

/* The settings of this one test made mistakes of what was right before. */
static struct bsc_value *mistakes(const struct bsc_value *errors)
{
    struct bsc_value *difference = bsc_value_map(), *lines = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(errors); i++) {
        const struct bsc_value *error = bsc_value_at(errors, i);
        bsc_value_append(lines,
                         bsc_value_format("+ %s:%lld: %s", bsc_value_get_string(error, "file"),
                                          (long long)bsc_value_get_number(error, "line", 0),
                                          bsc_value_get_string(error, "message")));
    }
    bsc_value_set_text(difference, "about", "errors of the runbook");
    bsc_value_set(difference, "lines", lines);
    struct bsc_value *differences = bsc_value_list();
    bsc_value_append(differences, difference);
    return differences;
}

/* Takes the differences. */
static void add_entry(struct testing *testing, const struct bsc_value *test,
                      const struct bsc_value *account, struct bsc_value *differences)
{
    bool passed = bsc_value_count(differences) == 0;
    const char *tally = passed ? "passed" : "failed";
    const char *outcome = bsc_value_get_string(account, "outcome");
    const char *reason = bsc_value_get_string(account, "reason");
    struct bsc_value *entry = bsc_value_map();
    bsc_value_set_text(entry, "title", bsc_value_get_string(test, "title"));
    bsc_value_set_int(entry, "line", bsc_value_get_number(test, "line", 0));
    bsc_value_set_bool(entry, "passed", passed);
    bsc_value_set_text(entry, "outcome", outcome != NULL ? outcome : "failed");
    bsc_value_set_text(entry, "reason", reason != NULL ? reason : "");
    bsc_value_set(entry, "differences", differences);
    bsc_value_append(bsc_value_get(testing->result, "tests"), entry);
    bsc_value_set_int(testing->result, tally, bsc_value_get_number(testing->result, tally, 0) + 1);
}

static bool try_in(struct testing *testing, struct bsc_run_session *session, size_t index,
                   struct bsc_err *err)
{
    const struct bsc_value *test = bsc_value_at(bsc_value_get(testing->checked, "tests"), index);
    const struct bsc_value *errors = bsc_run_session_errors(session);
    struct bsc_value *account = NULL, *differences = NULL;
    if (bsc_value_count(errors) > 0) {
        differences = mistakes(errors);
    } else {
        const struct bsc_run_walk_order order = {.session = session,
                                                 .facts = bsc_value_get(test, "facts"),
                                                 .faults = bsc_value_get(test, "faults"),
                                                 .resume = bsc_value_get_truth(test, "resume")};
        account = bsc_run_walk(&order, err);
        differences = account != NULL ? judge(testing, index, account, err) : NULL;
    }
    if (differences != NULL)
        add_entry(testing, test, account, differences);
    bsc_value_free(account);
    return differences != NULL;
}

/* Each test has a Lua state of its own: nothing that a runbook keeps can pass from one to another.
 */
static bool try_one(struct testing *testing, size_t index, struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    const struct bsc_value *test = bsc_value_at(bsc_value_get(testing->checked, "tests"), index);
    testing->with.set = bsc_value_get(test, "set");
    bool ok = bsc_run_session_open(&session, &testing->with, err) &&
              try_in(testing, &session, index, err);
    bsc_run_session_close(&session);
    return ok;
}

/* The file is to blame for naming what cannot be read. */
static bool blame(const struct testing *testing, struct bsc_err *err)
{
    const struct bsc_value *about = bsc_value_get(testing->loaded, "about");
    if (err->where[0] == '\0')
        snprintf(err->where, sizeof err->where, "%s:%lld", testing->path,
                 (long long)bsc_value_get_number(about, "line", 1));
    return false;
}

static bool try_all(struct testing *testing, struct bsc_err *err)
{
    bool fine = false;
    if (!load(testing, err))
        return false;
    if (has_errors(testing, bsc_value_get(testing->loaded, "errors")))
        return true;
    if (!find(testing, err) || !meet(testing, &fine, err))
        return blame(testing, err);
    const struct bsc_value *tests = bsc_value_get(testing->checked, "tests");
    for (size_t i = 0; fine && i < bsc_value_count(tests); i++) {
        if (!try_one(testing, i, err))
            return false;
    }
    return true;
}

static struct bsc_value *empty_result(const char *path)
{
    struct bsc_value *result = bsc_value_map();
    bsc_value_set_text(result, "path", path);
    bsc_value_set_int(result, "passed", 0);
    bsc_value_set_int(result, "failed", 0);
    bsc_value_set(result, "errors", bsc_value_list());
    bsc_value_set(result, "tests", bsc_value_list());
    return result;
}

struct bsc_value *bsc_run_test_file(const struct bsc_run_session_options *with, const char *path,
                                    struct bsc_err *err)
{
    struct testing testing = {.with = *with,
                              .path = path,
                              .folder = bsc_files_folder_of(path),
                              .result = empty_result(path)};
    if (!try_all(&testing, err)) {
        bsc_value_free(testing.result);
        testing.result = NULL;
    }
    bsc_value_free(testing.checked);
    bsc_value_free(testing.facts);
    bsc_value_free(testing.loaded);
    bsc_vm_free(testing.vm);
    bsc_mem_free(testing.folder);
    bsc_mem_free(testing.runbook);
    bsc_mem_free(testing.site);
    bsc_mem_free(testing.record);
    return testing.result;
}
