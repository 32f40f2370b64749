
#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "pools/haproxy_change.h"

/* The one that HAProxy makes after the others. */
#define LAST_SOCKET BSC_LAB_PG_READERS "/.s.PGSQL.5432"

enum { LISTENS_WITHIN_MS = 10000, ANSWERS_WITHIN_MS = 5000, LOOK_EVERY_MS = 5 };

static const char *const servers[] = {BSC_LAB_PG_PRIMARY, BSC_LAB_PG_MIRROR, BSC_LAB_PG_SECONDARY,
                                      BSC_LAB_PG_NEW_MIRROR, BSC_LAB_PG_ELSEWHERE};

struct bsc_sql *bsc_lab_pg_open(const struct bsc_lab *lab, const char *folder, const char *database,
                                struct bsc_err *err)
{
    enum { LOGIN_WITHIN_MS = 5000 };
    char *connection = bsc_mem_format("Driver=PostgreSQL Unicode;Servername=%s/%s;Port=5432;"
                                      "UID=postgres;Database=%s",
                                      lab->folder, folder, database);
    struct bsc_sql_options options = {.name = folder,
                                      .connection = connection,
                                      .login_timeout_ms = LOGIN_WITHIN_MS,
                                      .redactor = lab->cli->redactor,
                                      .calls = lab->cli->sql_calls};
    struct bsc_sql *sql = bsc_sql_open(&options, err);
    bsc_mem_free(connection);
    return sql;
}

bool bsc_lab_pg_add_messages(struct bsc_sql *sql, int64_t first, int64_t last, struct bsc_err *err)
{
    return bsc_lab_sql_range(sql,
                             "INSERT INTO tblChatMessage (id, room, author, sent, body) SELECT id,"
                             " 1 + id % 40, 1 + id % 500, now(), 'Line ' || id"
                             " FROM generate_series(?::bigint, ?::bigint) AS n (id)",
                             first, last, err);
}

/* HAProxy leaves its sockets behind; there shall be none until it listens. */
static void remove_sockets(const struct bsc_lab *lab)
{
    static const char *const sockets[] = {LAST_SOCKET, BSC_LAB_PG_FRONT "/.s.PGSQL.5432",
                                          BSC_LAB_PG_RUNTIME};
    for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
        char *path = bsc_lab_path(lab, sockets[i]);
        lab->cli->sys->unlink(lab->cli->sys->self, path);
        bsc_mem_free(path);
    }
}

static bool await_haproxy(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, LAST_SOCKET);
    bool there = false;
    for (int waited = 0; !there && waited < LISTENS_WITHIN_MS; waited += LOOK_EVERY_MS) {
        there = bsc_files_exists(lab->cli->sys, path);
        if (!there)
            bsc_clock_pause(LOOK_EVERY_MS, NULL);
    }
    bsc_mem_free(path);
    if (there)
        return true;
    bsc_err_set(err, BSC_ERR_TIMEOUT, "the lab's HAProxy did not start");
    return bsc_err_hint(err, "Its messages are in .lab/log.");
}

/* A HAProxy that was told nothing yet shall come back as it was all the same. */
static bool save_states(const struct bsc_lab *lab, struct bsc_err *err)
{
    const struct bsc_sys *sys = lab->cli->sys;
    char *socket = bsc_lab_path(lab, BSC_LAB_PG_RUNTIME);
    char *states = bsc_lab_path(lab, BSC_LAB_PG_STATES);
    bool ok = bsc_files_exists(sys, states) ||
              bsc_pools_haproxy_save(sys, socket, states, ANSWERS_WITHIN_MS, err);
    bsc_mem_free(socket);
    bsc_mem_free(states);
    return ok;
}

/* In the foreground, so that the process we know is the one that works. */
bool bsc_lab_pg_haproxy_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                              struct bsc_err *err)
{
    struct bsc_lab_pg_argv argv;
    char *settings = bsc_lab_path(lab, BSC_LAB_PG_HAPROXY);
    const char *const words[] = {programs->haproxy, "-db", "-f", settings, NULL};
    bsc_lab_pg_argv_make(&argv, words);
    remove_sockets(lab);
    bool ok = bsc_lab_staff_begin(lab, "haproxy", argv.words, BSC_LAB_LOG, err) &&
              await_haproxy(lab, err) && save_states(lab, err);
    bsc_mem_free(settings);
    return ok;
}

/* The roles end with NULL. */
static bool start_all(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                      const char *const *roles, struct bsc_err *err)
{
    if (!bsc_lab_staff_alive(lab, "haproxy") && !bsc_lab_pg_haproxy_start(lab, programs, err))
        return false;
    for (; *roles != NULL; roles++) {
        if (!bsc_lab_staff_alive(lab, *roles) && !bsc_lab_staff_hire(lab, *roles, err))
            return false;
    }
    return true;
}

bool bsc_lab_pg_staff_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                            struct bsc_err *err)
{
    static const char *const roles[] = {BSC_LAB_PG_COPY_JOB, "session", "writer", NULL};
    return start_all(lab, programs, roles, err);
}

bool bsc_lab_pg_staff_return(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             struct bsc_err *err)
{
    static const char *const roles[] = {"writer", NULL};
    return start_all(lab, programs, roles, err);
}

/* The clients first, so that no server waits for them; then the primary, whose last words its
 * mirror shall hear. */
bool bsc_lab_pg_end(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const names[] = {"writer", "session", "haproxy", BSC_LAB_PG_COPY_JOB,
                                        BSC_LAB_PG_SLOW_SHARE};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof names / sizeof names[0]; i++)
        ok = bsc_lab_staff_dismiss(lab, names[i], err);
    for (size_t i = 0; ok && i < sizeof servers / sizeof servers[0]; i++)
        ok = bsc_lab_pg_server_stop(lab, servers[i], err);
    return ok && bsc_lab_pg_disk_free(lab, err);
}
