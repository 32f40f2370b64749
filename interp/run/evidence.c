#include "run/evidence.h"

#include <string.h>

#include "base/mem.h"
#include "journal/folder.h"
#include "os/files.h"
#include "run/plan.h"
#include "value/digest.h"

enum { FILE_BYTES_MAX = 64 * 1024 * 1024 };

struct search {
    struct bsc_run_evidence *evidence;
    const struct bsc_sys *sys;
    const char *folder;
};

static bool begin_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_run_evidence *evidence = arg;
    if (evidence->begin != NULL || record->kind != BSC_JOURNAL_RUN_BEGIN)
        return true;
    evidence->begin = bsc_journal_record_payload(record, err);
    return evidence->begin != NULL;
}

static void differs(const struct search *search, const char *file, const char *what)
{
    struct bsc_value *entry = bsc_value_map();
    bsc_value_set_text(entry, "file", file);
    bsc_value_set_text(entry, "what", what);
    bsc_value_append(search->evidence->files, entry);
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
static bool file_check(const struct search *search, const char *file, const char *wanted,
                       struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    bool told = true;
    struct bsc_buf bytes;
    char hex[BSC_DIGEST_HEX];
    char *path = bsc_files_join(search->folder, file);
    bsc_buf_init(&bytes);
    if (!bsc_files_read(search->sys, path, FILE_BYTES_MAX, &bytes, &why)) {
        told = unread(search, file, &why, err);
    } else {
        bsc_digest_text(bytes.data, bytes.length, hex);
        if (wanted == NULL || strcmp(hex, wanted) != 0)
            differs(search, file, "it is not the file that the run began with");
    }
    bsc_buf_release(&bytes);
    bsc_mem_free(path);
    return told;
}

/* The digest of a plan leaves out when it was made, so it is not that of the file. */
static bool plan_check(const struct search *search, struct bsc_err *err)
{
    struct bsc_err why = BSC_ERR_INIT;
    bool told = true;
    char *path = bsc_files_join(search->folder, BSC_JOURNAL_PLAN_FILE);
    const char *wanted = bsc_value_get_string(search->evidence->begin, "plan_digest");
    struct bsc_value *plan = bsc_run_plan_read(search->sys, path, &why);
    const char *found = bsc_value_get_string(plan, "digest");
    if (plan == NULL)
        told = unread(search, BSC_JOURNAL_PLAN_FILE, &why, err);
    else if (wanted == NULL || found == NULL || strcmp(wanted, found) != 0)
        differs(search, BSC_JOURNAL_PLAN_FILE, "it is not the plan that the run began with");
    bsc_value_free(plan);
    bsc_mem_free(path);
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
    const struct bsc_value *modules = bsc_value_get(search->evidence->begin, "modules");
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
    const struct bsc_value *begin = search->evidence->begin;
    return begin == NULL || (plan_check(search, err) &&
                             file_check(search, BSC_JOURNAL_RUNBOOK_FILE,
                                        bsc_value_get_string(begin, "runbook_digest"), err) &&
                             file_check(search, BSC_JOURNAL_SITE_FILE,
                                        bsc_value_get_string(begin, "site_digest"), err) &&
                             modules_check(search, err));
}

bool bsc_run_evidence_read(struct bsc_run_evidence *evidence, const struct bsc_sys *sys,
                           const char *run_folder, struct bsc_err *err)
{
    struct search search = {evidence, sys, run_folder};
    *evidence = (struct bsc_run_evidence){.files = bsc_value_list()};
    char *journal = bsc_files_join(run_folder, BSC_JOURNAL_FILE);
    bool done = bsc_journal_read(sys, journal, begin_seen, evidence, &evidence->journal, err);
    bsc_mem_free(journal);
    if (!done || !files_check(&search, err))
        return false;
    evidence->sound = evidence->journal.state == BSC_JOURNAL_ENDED && evidence->begin != NULL &&
                      bsc_value_count(evidence->files) == 0;
    return true;
}

void bsc_run_evidence_release(struct bsc_run_evidence *evidence)
{
    bsc_value_free(evidence->begin);
    bsc_value_free(evidence->files);
    *evidence = (struct bsc_run_evidence){0};
}
