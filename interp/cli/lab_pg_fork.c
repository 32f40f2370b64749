#include <string.h>

#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/tree.h"

/* Somebody gets the old mirror's disk, brings it online elsewhere, lets people work on it and its
 * log files go to the share. */
#define ELSEWHERE BSC_LAB_PG_ELSEWHERE
#define ARCHIVE   ELSEWHERE "/archive"

enum { WITHIN_MS = 30000, LOOK_EVERY_MS = 5 };

/* Where a loss has put the mirror's disk; NULL when it is in use. Returns owned. */
static char *mirror_disk(const struct bsc_lab *lab)
{
    static const char *const places[] = {BSC_LAB_LOST "/" BSC_LAB_PG_MIRROR "/data",
                                         BSC_LAB_LOST "/dc1-sql2/data"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char *path = bsc_lab_path(lab, places[i]);
        if (bsc_files_exists(lab->cli->sys, path))
            return path;
        bsc_mem_free(path);
    }
    return NULL;
}

static bool copy_disk(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *from = mirror_disk(lab);
    char *archive = bsc_lab_path(lab, ARCHIVE);
    char *to = bsc_lab_path(lab, ELSEWHERE "/data");
    const char *const words[] = {"cp", "-a", from, to, NULL};
    bool ok = from != NULL || bsc_err_set(err, BSC_ERR_NOT_FOUND, "the mirror's disk is in use");
    ok = ok && bsc_files_make_folder(lab->cli->sys, archive, 0700, err) &&
         bsc_lab_pg_run(words, false, err) && bsc_lab_pg_give(lab, err);
    bsc_mem_free(from);
    bsc_mem_free(archive);
    bsc_mem_free(to);
    return ok;
}

static bool start(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_pg_programs programs = {0};
    char *sockets = bsc_mem_format("unix_socket_directories=%s/" ELSEWHERE, lab->folder);
    char *archive = bsc_mem_format("archive_command=cp %%p %s/" ARCHIVE "/%%f", lab->folder);
    const char *const settings[] = {"-c", "primary_conninfo=", "-c", sockets, "-c", archive,
                                    "-c", "fsync=off",         NULL};
    bool ok = bsc_lab_pg_programs_find(lab, &programs, err) &&
              bsc_lab_pg_server_start(lab, &programs, ELSEWHERE, settings, err) &&
              bsc_lab_pg_server_await(lab, ELSEWHERE, err);
    bsc_lab_pg_programs_release(&programs);
    bsc_mem_free(sockets);
    bsc_mem_free(archive);
    return ok;
}

/* The name of the log file with the work in it; returns owned, NULL on failure. */
static char *work(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const statements[] = {"SELECT pg_promote()",
                                             "DELETE FROM tblChatMessage WHERE id = 1", NULL};
    char *name = NULL;
    struct bsc_sql *sql = bsc_lab_pg_open(lab, ELSEWHERE, "mgc", err);
    if (sql != NULL && bsc_lab_sql_run(sql, statements, err))
        name = bsc_lab_pg_switch_log(sql, err);
    bsc_sql_close(sql);
    return name;
}

static bool await_archived(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    char *relative = bsc_mem_format(ARCHIVE "/%s", name);
    char *path = bsc_lab_path(lab, relative);
    bool there = false;
    for (int waited = 0; !there && waited < WITHIN_MS; waited += LOOK_EVERY_MS) {
        there = bsc_files_exists(lab->cli->sys, path);
        if (!there)
            bsc_clock_pause(LOOK_EVERY_MS, NULL);
    }
    bsc_mem_free(relative);
    bsc_mem_free(path);
    return there || bsc_err_set(err, BSC_ERR_TIMEOUT, "%s is not archived", name);
}

/* Only what the share has not: the mirror may archive again what the primary had. */
static bool bring(struct bsc_lab_moves *moves, const char *name, struct bsc_err *err)
{
    char *from = bsc_mem_format(ARCHIVE "/%s", name);
    char *to = bsc_mem_format(BSC_LAB_SHARE "/%s", name);
    char *path = bsc_lab_path(moves->lab, to);
    bool ok = bsc_files_exists(moves->lab->cli->sys, path) || bsc_lab_move(moves, from, to, err);
    bsc_mem_free(from);
    bsc_mem_free(to);
    bsc_mem_free(path);
    return ok;
}

/* Of its own timeline, that is: a file of the old one would make the tail whole. */
static bool is_of_new_timeline(const char *name)
{
    return strncmp(name, "00000001", strlen("00000001")) != 0;
}

static bool bring_all(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    char *archive = bsc_lab_path(moves->lab, ARCHIVE);
    bool ok = bsc_files_list(archive, &list, err);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = !is_of_new_timeline(list.names[i]) || bring(moves, list.names[i], err);
    bsc_files_list_release(&list);
    bsc_mem_free(archive);
    return ok;
}

/* What a lab that was interrupted has left there goes first. */
bool bsc_lab_pg_mix_timelines(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    const struct bsc_lab *lab = moves->lab;
    char *path = bsc_lab_path(lab, ELSEWHERE);
    bool ok = bsc_lab_note(moves, NULL, ELSEWHERE, err) &&
              bsc_lab_pg_server_crash(lab, ELSEWHERE, err) &&
              bsc_tree_remove(lab->cli->sys, path, err) && copy_disk(lab, err) && start(lab, err);
    char *name = ok ? work(lab, err) : NULL;
    ok = name != NULL && await_archived(lab, name, err);
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ended = bsc_lab_pg_server_stop(lab, ELSEWHERE, ok ? err : &ignored);
    ok = ok && ended && bring_all(moves, err);
    if (ok)
        bsc_cli_say(lab->cli, "of another timeline: %s\n", name);
    bsc_mem_free(name);
    bsc_mem_free(path);
    return ok;
}
