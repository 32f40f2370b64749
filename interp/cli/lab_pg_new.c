#include <string.h>

#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"

enum {
    MESSAGES_AT_FIRST = 100000,
    APPLIED_ROUNDS = 4,
    SHARED_ROUNDS = 6,
    COMMITS_PER_ROUND = 5,
    MESSAGES_PER_COMMIT = 30,
    MESSAGES_UNSHIPPED = 37,
    ARCHIVED_WITHIN_MS = 30000,
    LOOK_EVERY_MS = 5
};

/* The same chat as on the embedded platform: the same names, the same number of lines. The keys
 * come after the lines: to look each of them up would take longer than all the rest. */
static const char *const chat_schema[] = {
    "CREATE TABLE tblRoom (id bigint PRIMARY KEY, name text NOT NULL)",
    "CREATE TABLE tblPrincipal (id bigint PRIMARY KEY, sip text NOT NULL UNIQUE)",
    "CREATE TABLE tblChatMessage (id bigint NOT NULL, room bigint NOT NULL,"
    " author bigint NOT NULL, sent timestamptz NOT NULL, body text NOT NULL)",
    "INSERT INTO tblRoom SELECT i, 'room-' || i FROM generate_series(1, 40) i",
    "INSERT INTO tblPrincipal SELECT i, 'sip:user' || i || '@litware.example'"
    " FROM generate_series(1, 500) i",
    "INSERT INTO tblChatMessage SELECT i, 1 + i * 7 % 40, 1 + i * 13 % 500,"
    " to_timestamp(1780000000 + i * 9), 'Line ' || i || ' about ' ||"
    " substr('the release, lunch, the on-call rota, a customer', 1 + i % 30, 18)"
    " FROM generate_series(1, 100000) i",
    "ALTER TABLE tblChatMessage ADD PRIMARY KEY (id), ADD FOREIGN KEY (room) REFERENCES tblRoom,"
    " ADD FOREIGN KEY (author) REFERENCES tblPrincipal",
    "CREATE INDEX ixChatMessageRoom ON tblChatMessage (room, sent)",
    "VACUUM ANALYZE",
    NULL};

bool bsc_lab_pg_can_enter(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_err reason = BSC_ERR_INIT;
    char *above = bsc_files_folder_of(lab->folder);
    const char *const words[] = {"test", "-x", above, NULL};
    bool can = bsc_lab_pg_run(words, true, &reason);
    bsc_mem_free(above);
    if (can)
        return true;
    bsc_err_set(err, BSC_ERR_DENIED, "the user postgres cannot get to \"%s\"", lab->folder);
    return bsc_err_hint(err,
                        "PostgreSQL does not run as root. Use a folder whose parents everybody "
                        "may enter, such as /srv/lab.");
}

static bool make_folders(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const folders[] = {".lab",
                                          BSC_LAB_PIDS,
                                          BSC_LAB_LOST,
                                          BSC_LAB_PG_PRIMARY,
                                          BSC_LAB_PG_MIRROR,
                                          BSC_LAB_PG_COPIED,
                                          BSC_LAB_PG_NEW_MIRROR,
                                          BSC_LAB_SHARE,
                                          BSC_LAB_PG_FRONT,
                                          BSC_LAB_PG_READERS,
                                          NULL};
    return bsc_lab_folders_make(lab, folders, err) && bsc_lab_ledger_make(lab, err) &&
           bsc_lab_pg_haproxy_write(lab, err) && bsc_lab_pg_give(lab, err);
}

/* Small log files: a practice site fills its disk slowly, and has many of them soon. */
bool bsc_lab_pg_cluster_make(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             const char *server, struct bsc_err *err)
{
    char *name = bsc_mem_format("%s/data", server);
    char *data = bsc_lab_path(lab, name);
    const char *const words[] = {programs->initdb,
                                 "-D",
                                 data,
                                 "-U",
                                 "postgres",
                                 "-A",
                                 "trust",
                                 "--no-sync",
                                 "--data-checksums",
                                 "--wal-segsize=1",
                                 "--encoding=UTF8",
                                 "--locale=C",
                                 NULL};
    bool ok = bsc_lab_pg_run(words, true, err);
    bsc_mem_free(name);
    bsc_mem_free(data);
    return ok;
}

static bool make_primary(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                         struct bsc_err *err)
{
    return bsc_lab_pg_cluster_make(lab, programs, BSC_LAB_PG_PRIMARY, err) &&
           bsc_lab_pg_settings_write(lab, BSC_LAB_PG_PRIMARY, err) && bsc_lab_pg_give(lab, err);
}

static bool run_in(const struct bsc_lab *lab, const char *database, const char *const *statements,
                   struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_pg_open(lab, BSC_LAB_PG_PRIMARY, database, err);
    bool ok = sql != NULL && bsc_lab_sql_run(sql, statements, err);
    bsc_sql_close(sql);
    return ok;
}

/* Nothing can be lost yet, so nothing is archived, mirrored or synced yet. */
static bool fill_cluster(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                         struct bsc_err *err)
{
    static const char *const alone[] = {"-c", "archive_mode=off",           "-c", "fsync=off",
                                        "-c", "synchronous_standby_names=", NULL};
    static const char *const create[] = {"CREATE DATABASE mgc", NULL};
    return bsc_lab_pg_server_start(lab, programs, BSC_LAB_PG_PRIMARY, alone, err) &&
           bsc_lab_pg_server_await(lab, BSC_LAB_PG_PRIMARY, err) &&
           run_in(lab, "postgres", create, err) && run_in(lab, "mgc", chat_schema, err) &&
           bsc_lab_pg_server_stop(lab, BSC_LAB_PG_PRIMARY, err);
}

/* A copy of a server that was ended in good order is a whole backup. */
static bool clone(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    char *from = bsc_lab_path(lab, BSC_LAB_PG_PRIMARY "/data");
    char *name = bsc_mem_format("%s/data", server);
    char *to = bsc_lab_path(lab, name);
    char *signal = bsc_files_join(to, "standby.signal");
    const char *const words[] = {"cp", "-a", from, to, NULL};
    bool ok = bsc_lab_pg_run(words, false, err) &&
              bsc_files_write(lab->cli->sys, signal, "", 0, 0600, err) &&
              bsc_lab_pg_settings_write(lab, server, err);
    bsc_mem_free(from);
    bsc_mem_free(name);
    bsc_mem_free(to);
    bsc_mem_free(signal);
    return ok;
}

struct history {
    const struct bsc_lab *lab;
    struct bsc_sql *primary;
    struct bsc_sql *ledger;
    int64_t last; /* message */
};

static bool add_messages(struct history *h, int64_t count, struct bsc_err *err)
{
    int64_t first = h->last + 1;
    h->last += count;
    return bsc_lab_pg_add_messages(h->primary, first, h->last, err) &&
           bsc_lab_acknowledge(h->ledger, first, h->last, err);
}

static bool await_archived(const struct bsc_lab *lab, const char *file, struct bsc_err *err)
{
    char *name = bsc_mem_format(BSC_LAB_SHARE "/%s", file);
    char *path = bsc_lab_path(lab, name);
    bool there = false;
    for (int waited = 0; !there && waited < ARCHIVED_WITHIN_MS; waited += LOOK_EVERY_MS) {
        there = bsc_files_exists(lab->cli->sys, path);
        if (!there)
            bsc_clock_pause(LOOK_EVERY_MS, NULL);
    }
    bsc_mem_free(name);
    bsc_mem_free(path);
    return there || bsc_err_set(err, BSC_ERR_TIMEOUT, "%s does not reach the share", file);
}

char *bsc_lab_pg_switch_log(struct bsc_sql *sql, struct bsc_err *err)
{
    struct bsc_sql_limits limits = {0};
    struct bsc_sql_result result = {0};
    if (!bsc_sql_run(sql, "SELECT pg_walfile_name(pg_switch_wal())", NULL, &limits, &result, err))
        return NULL;
    const struct bsc_value *rows = bsc_value_get(bsc_value_at(result.sets, 0), "rows");
    const char *file = bsc_value_string(bsc_value_at(bsc_value_at(rows, 0), 0));
    char *name = file != NULL ? bsc_mem_text(file) : NULL;
    if (name == NULL)
        bsc_err_set(err, BSC_ERR_SQL, "the server switched no log file");
    bsc_sql_result_release(&result);
    return name;
}

/* The log file in use is closed and archived: a log backup. */
static bool take_backup(const struct history *h, struct bsc_err *err)
{
    char *file = bsc_lab_pg_switch_log(h->primary, err);
    bool ok = file != NULL && await_archived(h->lab, file, err);
    bsc_mem_free(file);
    return ok;
}

static bool add_rounds(struct history *h, int rounds, struct bsc_err *err)
{
    for (int i = 0; i < rounds * COMMITS_PER_ROUND; i++) {
        if (!add_messages(h, MESSAGES_PER_COMMIT, err))
            return false;
        if (i % COMMITS_PER_ROUND == COMMITS_PER_ROUND - 1 && !take_backup(h, err))
            return false;
    }
    return true;
}

/* The copy job comes when some log files are there, copies them, and does not come again soon: the
 * later ones lie on the share alone, and the last messages are in none. */
static bool live_through(struct history *h, const struct bsc_lab_pg_programs *programs,
                         struct bsc_err *err)
{
    return add_rounds(h, APPLIED_ROUNDS, err) &&
           bsc_lab_staff_hire(h->lab, BSC_LAB_PG_COPY_JOB, err) &&
           bsc_lab_pg_server_start(h->lab, programs, BSC_LAB_PG_SECONDARY, NULL, err) &&
           add_rounds(h, SHARED_ROUNDS, err) && add_messages(h, MESSAGES_UNSHIPPED, err) &&
           bsc_lab_pg_server_await(h->lab, BSC_LAB_PG_SECONDARY, err);
}

static bool make_history(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                         struct bsc_err *err)
{
    struct history h = {.lab = lab, .last = MESSAGES_AT_FIRST};
    bool ok = (h.primary = bsc_lab_pg_open(lab, BSC_LAB_PG_PRIMARY, "mgc", err)) != NULL &&
              (h.ledger = bsc_lab_sql_open(lab, BSC_LAB_LEDGER, false, err)) != NULL &&
              live_through(&h, programs, err);
    bsc_sql_close(h.primary);
    bsc_sql_close(h.ledger);
    return ok;
}

/* A mirror that does not find its principal at first waits for seconds before it tries again, and
 * the principal for its mirror. */
static bool make_servers(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                         struct bsc_err *err)
{
    return make_primary(lab, programs, err) && fill_cluster(lab, programs, err) &&
           clone(lab, BSC_LAB_PG_MIRROR, err) && clone(lab, BSC_LAB_PG_SECONDARY, err) &&
           bsc_lab_pg_give(lab, err) &&
           bsc_lab_pg_server_start(lab, programs, BSC_LAB_PG_PRIMARY, NULL, err) &&
           bsc_lab_pg_server_await(lab, BSC_LAB_PG_PRIMARY, err) &&
           bsc_lab_pg_server_start(lab, programs, BSC_LAB_PG_MIRROR, NULL, err) &&
           bsc_lab_pg_server_await(lab, BSC_LAB_PG_MIRROR, err) &&
           make_history(lab, programs, err) && bsc_lab_pg_staff_start(lab, programs, err);
}

/* The job has come once; how much log a version writes is its own affair. */
static size_t count_copied(const struct bsc_lab *lab)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    char *folder = bsc_lab_path(lab, BSC_LAB_PG_COPIED);
    size_t count = bsc_files_list(folder, &list, &ignored) ? list.count : 0;
    bsc_files_list_release(&list);
    bsc_mem_free(folder);
    return count;
}

/* What was started is ended again when not all of it could be. */
bool bsc_lab_pg_new(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_lab_pg_programs programs = {0};
    if (!bsc_lab_pg_folder_check(lab, err) || !bsc_lab_pg_programs_find(lab, &programs, err))
        return false;
    bool ok = bsc_lab_pg_can_enter(lab, err) && make_folders(lab, err) &&
              bsc_lab_pg_site_write(lab, &programs, err) && make_servers(lab, &programs, err);
    bsc_lab_pg_programs_release(&programs);
    if (!ok) {
        (void)bsc_lab_pg_end(lab, &ignored);
        return false;
    }
    bsc_cli_say(lab->cli,
                "practice site on PostgreSQL in %s\n"
                "  Atlanta (dc1)  sql1: chat database \"mgc\", primary; sql2: its mirror\n"
                "  Boston  (dc2)  sql3: log-shipped secondary; sql4: place for a new mirror\n"
                "  office         HAProxy, and clients that write through it\n"
                "  100,000 messages and more coming in; of the log files, %zu are copied to the\n"
                "  secondary, the others lie on the share, and the newest messages are in none\n",
                lab->folder, count_copied(lab));
    return true;
}
