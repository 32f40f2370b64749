#include "run/evidence.h"

#include <string.h>

#include "base/mem.h"
#include "journal/folder.h"
#include "os/files.h"
#include "run/inputs.h"
#include "run/plan.h"
#include "value/digest.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

/* One run_begin record and the inputs that it names. */
struct search {
    struct bsc_run_evidence *evidence;
    const struct bsc_sys *sys;
    const char *folder;
    const struct bsc_value *begin;
};

static void differs(const struct search *search, const char *file, const char *what)
{
    struct bsc_value *entry = bsc_value_map();
    bsc_value_set_text(entry, "file", file);
    bsc_value_set_text(entry, "what", what);
    bsc_value_append(search->evidence->files, entry);
}

/* Whether two processes say that they had the same files. */
static bool same_inputs(const struct bsc_value *a, const struct bsc_value *b)
{
    static const char *const keys[] = {"plan_digest",   "runbook_digest", "site_digest",
                                       "stdlib_digest", "modules",        "params"};
    bool same = true;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        same = same && bsc_value_equal(bsc_value_get(a, keys[i]), bsc_value_get(b, keys[i]));
    return same;
}

/* Keeps the first record of each number. What was accepted once counts until something else is, so
 * whoever goes on says the same or has a number of his own. */
static bool begin_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    const struct search *search = arg;
    struct bsc_value *begins = search->evidence->begins;
    if (record->kind != BSC_JOURNAL_RUN_BEGIN)
        return true;
    struct bsc_value *begin = bsc_journal_record_payload(record, err);
    if (begin == NULL)
        return false;
    size_t count = bsc_value_count(begins);
    const struct bsc_value *last = count > 0 ? bsc_value_at(begins, count - 1) : NULL;
    if (last == NULL || bsc_run_inputs_of(begin) != bsc_run_inputs_of(last)) {
        bsc_value_append(begins, begin);
        return true;
    }
    if (!same_inputs(last, begin))
        differs(search, BSC_JOURNAL_FILE, "a process went on with other files and kept none");
    bsc_value_free(begin);
    return true;
}

/* What the system does not let us read proves nothing, for or against the run; what is gone or is
 * no such file does. */
static bool unread(const struct search *search, const char *file, const struct bsc_err *why,
                   struct bsc_err *err)
{
    if (why->sys_errno != 0 && why->code != BSC_ERR_NOT_FOUND) {
        *err = *why;
        return false;
    }
    differs(search, file, why->message);
    return true;
}

/* These are false only when it cannot be told whether the file is the right one. */
static bool file_check(const struct search *search, const char *name, const char *wanted,
                       struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    bool told = true;
    struct bsc_buf bytes;
    char hex[BSC_DIGEST_HEX];
    char *file = bsc_run_inputs_file(bsc_run_inputs_of(search->begin), name);
    char *path = bsc_files_join(search->folder, file);
    bsc_buf_init(&bytes);
    if (!bsc_files_read(search->sys, path, FILE_BYTES_MAX, &bytes, &why)) {
        told = unread(search, file, &why, err);
    } else {
        bsc_digest_text(bytes.data, bytes.length, hex);
        if (wanted == NULL || strcmp(hex, wanted) != 0)
            differs(search, file,
                    bsc_run_inputs_of(search->begin) == 0
                        ? "it is not the file that the run began with"
                        : "it is not the file that the run was gone on with");
    }
    bsc_buf_release(&bytes);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return told;
}

/* The digest of a plan leaves out when it was made, so it is not that of the file. */
static bool plan_check(const struct search *search, struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    bool told = true;
    int64_t number = bsc_run_inputs_of(search->begin);
    char *file = bsc_run_inputs_file(number, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_files_join(search->folder, file);
    const char *wanted = bsc_value_get_string(search->begin, "plan_digest");
    struct bsc_value *plan = bsc_run_plan_read(search->sys, path, &why);
    const char *found = bsc_value_get_string(plan, "digest");
    if (plan == NULL)
        told = unread(search, file, &why, err);
    else if (wanted == NULL || found == NULL || strcmp(wanted, found) != 0)
        differs(search, file,
                number == 0 ? "it is not the plan that the run began with"
                            : "it is not the plan that the run was gone on with");
    bsc_value_free(plan);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return told;
}

/* Whoever wrote the journal may have written anything into it, and nothing outside of the run's
 * folder is read for it. */
static bool is_module_name(const char *name)
{
    return name != NULL && name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool modules_check(const struct search *search, struct bsc_err *err)
{
    const struct bsc_value *modules = bsc_value_get(search->begin, "modules");
    bool told = true;
    for (size_t i = 0; told && i < bsc_value_count(modules); i++) {
        const struct bsc_value *module = bsc_value_at(modules, i);
        const char *name = bsc_value_get_string(module, "name");
        if (!is_module_name(name)) {
            differs(search, BSC_JOURNAL_MODULES, "the journal names a module that cannot be one");
            continue;
        }
        char *file = bsc_mem_format(BSC_JOURNAL_MODULES "/%s.lua", name);
        told = file_check(search, file, bsc_value_get_string(module, "digest"), err);
        bsc_mem_free(file);
    }
    return told;
}

static bool files_check(const struct search *search, struct bsc_err *err)
{
    const struct bsc_value *begin = search->begin;
    return plan_check(search, err) &&
           file_check(search, BSC_JOURNAL_RUNBOOK_FILE,
                      bsc_value_get_string(begin, "runbook_digest"), err) &&
           file_check(search, BSC_JOURNAL_SITE_FILE, bsc_value_get_string(begin, "site_digest"),
                      err) &&
           modules_check(search, err);
}

static bool all_files_check(struct search *search, struct bsc_err *err)
{
    const struct bsc_value *begins = search->evidence->begins;
    bool told = true;
    for (size_t i = 0; told && i < bsc_value_count(begins); i++) {
        search->begin = bsc_value_at(begins, i);
        if (bsc_run_inputs_of(search->begin) == 0 && i > 0)
            differs(search, BSC_JOURNAL_FILE, "a process went back to files that were replaced");
        told = files_check(search, err);
    }
    return told;
}

bool bsc_run_evidence_read(struct bsc_run_evidence *evidence, const struct bsc_sys *sys,
                           const char *run_folder, struct bsc_err *err)
{
    struct search search = {evidence, sys, run_folder, NULL};
    *evidence = (struct bsc_run_evidence){.begins = bsc_value_list(), .files = bsc_value_list()};
    char *journal = bsc_files_join(run_folder, BSC_JOURNAL_FILE);
    bool done = bsc_journal_read(sys, journal, begin_seen, &search, &evidence->journal, err);
    bsc_mem_free(journal);
    if (!done || !all_files_check(&search, err))
        return false;
    evidence->sound = evidence->journal.state == BSC_JOURNAL_ENDED &&
                      bsc_value_count(evidence->begins) > 0 &&
                      bsc_value_count(evidence->files) == 0;
    return true;
}

void bsc_run_evidence_release(struct bsc_run_evidence *evidence)
{
    bsc_value_free(evidence->begins);
    bsc_value_free(evidence->files);
    *evidence = (struct bsc_run_evidence){0};
}
