#include "base/mem.h"
#include "cli/lab_mig.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/process.h"

#define DATABASE "directory"

static const char server_settings[] =
    "# The directory's server of a practice site, made by `bascule lab new`.\n"
    "listen_addresses = ''\n"
    "unix_socket_directories = '@/" BSC_LAB_MIG_HQ "'\n"
    "unix_socket_permissions = 0700\n"
    "dynamic_shared_memory_type = mmap\n"
    "shared_buffers = 64MB\n"
    "max_connections = 40\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n";

static bool write_settings(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, BSC_LAB_MIG_HQ "/data/postgresql.conf");
    bsc_buf_init(&text);
    bsc_lab_pg_fill(lab, server_settings, &text);
    bool ok = bsc_files_write(lab->cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

static bool start_with(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                       struct bsc_err *err)
{
    return bsc_lab_pg_server_start(lab, programs, BSC_LAB_MIG_HQ, NULL, err) &&
           bsc_lab_pg_server_await(lab, BSC_LAB_MIG_HQ, err);
}

static bool create_database(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const create[] = {"CREATE DATABASE " DATABASE, NULL};
    struct bsc_sql *sql = bsc_lab_pg_open(lab, BSC_LAB_MIG_HQ, "postgres", err);
    bool ok = sql != NULL && bsc_lab_sql_run(sql, create, err);
    bsc_sql_close(sql);
    return ok;
}

static bool make_server(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_lab_pg_programs programs = {0};
    if (!bsc_lab_pg_folder_check(lab, err) || !bsc_lab_pg_programs_find(lab, &programs, err))
        return false;
    bool ok = bsc_lab_pg_can_enter(lab, err) && bsc_lab_mig_folders_make(lab, err) &&
              bsc_lab_pg_give(lab, err) &&
              bsc_lab_pg_cluster_make(lab, &programs, BSC_LAB_MIG_HQ, err) &&
              write_settings(lab, err) && bsc_lab_pg_give(lab, err) &&
              start_with(lab, &programs, err) && create_database(lab, err);
    bsc_lab_pg_programs_release(&programs);
    if (!ok)
        (void)bsc_lab_mig_end(lab, &ignored);
    return ok;
}

static bool start_server(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_pg_programs programs = {0};
    if (bsc_lab_pg_server_alive(lab, BSC_LAB_MIG_HQ))
        return true;
    bool ok = bsc_lab_pg_programs_find(lab, &programs, err) && start_with(lab, &programs, err);
    bsc_lab_pg_programs_release(&programs);
    return ok;
}

static bool end_server(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_pg_server_stop(lab, BSC_LAB_MIG_HQ, err);
}

/* Nobody waits for another writer here but for the row itself. */
static struct bsc_sql *open_server(const struct bsc_lab *lab, int64_t patience_ms,
                                   struct bsc_err *err)
{
    (void)patience_ms;
    return bsc_lab_pg_open(lab, BSC_LAB_MIG_HQ, DATABASE, err);
}

static bool add_server(const struct bsc_lab *lab, struct bsc_buf *out, struct bsc_err *err)
{
    (void)err;
    bsc_lab_pg_fill(lab,
                    "  hq: { data_centre: hq, platform: postgresql,\n"
                    "        connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
                    "                     Servername=@/" BSC_LAB_MIG_HQ "\" }\n",
                    out);
    return true;
}

static bool work(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    return bsc_process_become_owner(lab->folder, err) && bsc_lab_mig_work(lab, role, err);
}

static const char *const settings[] = {NULL};
static const char *const lock[] = {
    "CREATE FUNCTION locked_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF old.sip IN (SELECT sip FROM locked) THEN"
    " RAISE EXCEPTION 'the user is in a meeting and cannot be moved'; END IF;"
    " RETURN new; END $$",
    "CREATE TRIGGER locked_stay BEFORE UPDATE ON homes FOR EACH ROW"
    " EXECUTE FUNCTION locked_stays()",
    NULL};
static const char *const unlock[] = {"DROP TRIGGER IF EXISTS locked_stay ON homes",
                                     "DROP FUNCTION IF EXISTS locked_stays()", NULL};

static const struct bsc_lab_directory server = {
    .make = make_server,
    .start = start_server,
    .end = end_server,
    .open = open_server,
    .site_server = add_server,
    .now = "to_char(clock_timestamp(), 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')",
    .seconds = "CAST(extract(epoch FROM now()) AS bigint)",
    .place = "database: " DATABASE,
    .settings = settings,
    .lock = lock,
    .unlock = unlock,
};

const struct bsc_lab_kind bsc_lab_migration_postgresql = {
    .scenario = BSC_LAB_MIGRATION,
    .platform = "postgresql",
    .mark = "postgresql migration",
    .faults = bsc_lab_mig_faults,
    .make = bsc_lab_mig_new,
    .work = work,
    .failed_over = bsc_lab_mig_failed_over,
    .restart = bsc_lab_mig_restart,
    .end = bsc_lab_mig_end,
    .gather = bsc_lab_mig_gather,
    .show = bsc_lab_mig_show,
    .directory = &server,
};
