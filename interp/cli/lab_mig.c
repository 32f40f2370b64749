#include "cli/lab_mig.h"

#include <string.h>

#include "base/mem.h"

bool bsc_lab_mig_folders_make(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const folders[] = {".lab", BSC_LAB_PIDS, BSC_LAB_MIG_HQ, "office", NULL};
    return bsc_lab_folders_make(lab, folders, err) && bsc_lab_mig_office_make(lab, err) &&
           bsc_lab_mig_site_write(lab, err);
}

static bool start_staff(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const roles[] = {BSC_LAB_MIG_CLIENTS, BSC_LAB_MIG_OBSERVER};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof roles / sizeof roles[0]; i++)
        ok = bsc_lab_staff_alive(lab, roles[i]) || bsc_lab_staff_hire(lab, roles[i], err);
    return ok;
}

bool bsc_lab_mig_clients_renew(const struct bsc_lab *lab, struct bsc_err *err)
{
    return !bsc_lab_staff_alive(lab, BSC_LAB_MIG_CLIENTS) ||
           (bsc_lab_staff_dismiss(lab, BSC_LAB_MIG_CLIENTS, err) &&
            bsc_lab_staff_hire(lab, BSC_LAB_MIG_CLIENTS, err));
}

/* What was started is ended again when not all of it could be. */
bool bsc_lab_mig_new(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (!lab->kind->directory->make(lab, err))
        return false;
    if (!bsc_lab_mig_directory_fill(lab, err) || !start_staff(lab, err)) {
        (void)bsc_lab_mig_end(lab, &ignored);
        return false;
    }
    bsc_cli_say(lab->cli,
                "practice site of a migration in %s\n"
                "  legacy   " BSC_LAB_MIG_LEGACY ", where all of the %lld users but the 4 test\n"
                "           users are at home, and all applications\n"
                "  new      " BSC_LAB_MIG_NEW ", deployed beside it, with the test users\n"
                "  clients  send messages through both pools all the time\n"
                "  observer counts all the time in how many pools each user is at home\n",
                lab->folder, (long long)lab->users);
    return true;
}

/* There is no way back that a repair would have to keep away from: faults are undone in any case.
 */
bool bsc_lab_mig_failed_over(const struct bsc_lab *lab, bool *ret, struct bsc_err *err)
{
    (void)lab;
    (void)err;
    *ret = false;
    return true;
}

bool bsc_lab_mig_restart(const struct bsc_lab *lab, struct bsc_err *err)
{
    return lab->kind->directory->start(lab, err) && bsc_lab_mig_clients_renew(lab, err) &&
           start_staff(lab, err);
}

/* The clients first, so that they find the directory to their end. */
bool bsc_lab_mig_end(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_dismiss(lab, BSC_LAB_MIG_CLIENTS, err) &&
           bsc_lab_staff_dismiss(lab, BSC_LAB_MIG_OBSERVER, err) &&
           lab->kind->directory->end(lab, err);
}

bool bsc_lab_mig_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    if (strcmp(role, BSC_LAB_MIG_CLIENTS) == 0)
        return bsc_lab_mig_talk(lab, err);
    if (strcmp(role, BSC_LAB_MIG_OBSERVER) == 0)
        return bsc_lab_mig_watch(lab, err);
    return bsc_err_set(err, BSC_ERR_USAGE, "there is no such work in a lab: \"%s\"", role);
}

/* The embedded platform: the directory is a file, which the clients read while others write. */

static struct bsc_sql *open_file(const struct bsc_lab *lab, int64_t patience_ms,
                                 struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, BSC_LAB_MIG_DIRECTORY);
    char *connection = bsc_mem_format("Driver=SQLite3;NoCreat=Yes;SyncPragma=FULL;Timeout=%lld;"
                                      "Database=%s",
                                      (long long)patience_ms, path);
    struct bsc_sql_options options = {.name = BSC_LAB_MIG_DIRECTORY,
                                      .connection = connection,
                                      .redactor = lab->cli->redactor,
                                      .calls = lab->cli->sql_calls};
    struct bsc_sql *sql = bsc_sql_open(&options, err);
    bsc_mem_free(connection);
    bsc_mem_free(path);
    return sql;
}

static bool make_file(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const nothing[] = {NULL};
    return bsc_lab_mig_folders_make(lab, err) &&
           bsc_lab_database_make(lab, BSC_LAB_MIG_DIRECTORY, nothing, err);
}

static bool nothing_to_do(const struct bsc_lab *lab, struct bsc_err *err)
{
    (void)lab;
    (void)err;
    return true;
}

static bool add_file_server(const struct bsc_lab *lab, struct bsc_buf *out, struct bsc_err *err)
{
    (void)lab;
    (void)err;
    bsc_buf_add_text(out, "  hq: { data_centre: hq, platform: sqlite, folder: " BSC_LAB_MIG_HQ ",\n"
                          "        connection: \"Driver=SQLite3;NoCreat=Yes;SyncPragma=FULL;"
                          "Timeout=5000\" }\n");
    return true;
}

static const char *const settings[] = {"PRAGMA journal_mode=WAL", NULL};
static const char *const lock[] = {
    "CREATE TRIGGER locked_stay BEFORE UPDATE ON homes"
    " WHEN old.sip IN (SELECT sip FROM locked) BEGIN"
    " SELECT raise(ABORT, 'the user is in a meeting and cannot be moved'); END",
    NULL};
static const char *const unlock[] = {"DROP TRIGGER IF EXISTS locked_stay", NULL};

static const struct bsc_lab_directory file = {
    .make = make_file,
    .start = nothing_to_do,
    .end = nothing_to_do,
    .open = open_file,
    .site_server = add_file_server,
    .now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    .seconds = "CAST(strftime('%s', 'now') AS bigint)",
    .place = "file: directory.db",
    .settings = settings,
    .lock = lock,
    .unlock = unlock,
};

const struct bsc_lab_kind bsc_lab_migration = {
    .scenario = BSC_LAB_MIGRATION,
    .platform = "sqlite",
    .mark = "sqlite migration",
    .faults = bsc_lab_mig_faults,
    .make = bsc_lab_mig_new,
    .work = bsc_lab_mig_work,
    .failed_over = bsc_lab_mig_failed_over,
    .restart = bsc_lab_mig_restart,
    .end = bsc_lab_mig_end,
    .gather = bsc_lab_mig_gather,
    .show = bsc_lab_mig_show,
    .directory = &file,
};
