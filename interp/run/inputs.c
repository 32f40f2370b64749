#include "run/inputs.h"

#include "base/mem.h"
#include "journal/reader.h"
#include "run/plan.h"

#define INPUTS "inputs"

char *bsc_run_inputs_file(int64_t number, const char *name)
{
    return number == 0 ? bsc_mem_text(name)
                       : bsc_mem_format(INPUTS "/%lld/%s", (long long)number, name);
}

int64_t bsc_run_inputs_of(const struct bsc_value *begin)
{
    return bsc_value_get_number(begin, INPUTS, 0);
}

static bool begin_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    int64_t *number = arg;
    if (record->kind != BSC_JOURNAL_RUN_BEGIN)
        return true;
    struct bsc_value *begin = bsc_journal_record_payload(record, err);
    if (begin == NULL)
        return false;
    *number = bsc_run_inputs_of(begin);
    bsc_value_free(begin);
    return true;
}

static bool is_there(const struct bsc_journal_folder *folder, const char *name)
{
    char *path = bsc_journal_folder_file(folder, name);
    bool there = bsc_files_exists(folder->sys, path);
    bsc_mem_free(path);
    return there;
}

bool bsc_run_inputs_newest(const struct bsc_journal_folder *folder, int64_t *ret_number,
                           struct bsc_err *err)
{
    struct bsc_journal_report report;
    *ret_number = 0;
    return !is_there(folder, INPUTS) ||
           bsc_journal_read(folder->sys, folder->journal, begin_seen, ret_number, &report, err);
}

int64_t bsc_run_inputs_next(const struct bsc_journal_folder *folder)
{
    for (int64_t number = 1;; number++) {
        char *name = bsc_mem_format(INPUTS "/%lld", (long long)number);
        bool taken = is_there(folder, name);
        bsc_mem_free(name);
        if (!taken)
            return number;
    }
}

/* Writes a file of these inputs. */
static bool keep(const struct bsc_journal_folder *folder, int64_t number, const char *name,
                 const char *bytes, size_t length, struct bsc_err *err)
{
    char *file = bsc_run_inputs_file(number, name);
    bool ok = bsc_journal_folder_write(folder, file, bytes, length, err);
    bsc_mem_free(file);
    return ok;
}

static bool keep_modules(const struct bsc_run_session *session,
                         const struct bsc_journal_folder *folder, int64_t number,
                         struct bsc_err *err)
{
    const struct bsc_value *modules = bsc_value_get(session->listing, "modules");
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(modules); i++) {
        const struct bsc_value *module = bsc_value_at(modules, i);
        const struct bsc_value *source = bsc_value_get(module, "source");
        char *name =
            bsc_mem_format(BSC_JOURNAL_MODULES "/%s.lua", bsc_value_get_string(module, "name"));
        ok = keep(folder, number, name, bsc_value_string(source), bsc_value_string_length(source),
                  err);
        bsc_mem_free(name);
    }
    return ok;
}

/* After a file of the same inputs, which has made their folder. */
static bool keep_plan(const struct bsc_run_session *session,
                      const struct bsc_journal_folder *folder, int64_t number,
                      const struct bsc_value *plan, struct bsc_err *err)
{
    char *file = bsc_run_inputs_file(number, BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_journal_folder_file(folder, file);
    bool ok = bsc_run_plan_write(session, path, plan, err);
    bsc_mem_free(path);
    bsc_mem_free(file);
    return ok;
}

bool bsc_run_inputs_keep(const struct bsc_run_session *session,
                         const struct bsc_journal_folder *folder, int64_t number,
                         const struct bsc_value *plan, struct bsc_err *err)
{
    const struct bsc_buf *book = &session->runbook_text;
    return keep(folder, number, BSC_JOURNAL_RUNBOOK_FILE, book->data, book->length, err) &&
           keep(folder, number, BSC_JOURNAL_SITE_FILE, bsc_site_source(session->site),
                bsc_site_source_length(session->site), err) &&
           keep_modules(session, folder, number, err) &&
           keep_plan(session, folder, number, plan, err);
}
