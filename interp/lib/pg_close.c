#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/pg_feed_int.h"
#include "lib/rows_int.h"
#include "os/files.h"

enum { PAGE = 8192, CHECKPOINT_BYTES = 120 };

/* A server that is closed or opened again. */
struct closing {
    struct bsc_lib_pg_side side;
    const char *share;       /* where its log files go */
    const char *destination; /* where log files are put for a standby; NULL where it is the share */
    struct bsc_mirrors_pg_control control;
};

#define CLOSE_ARGS "server: text, database: text, share: text, destination: text?"

static bool read_closing(struct bsc_lib_call *call, struct closing *c, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, CLOSE_ARGS, err) &&
           bsc_lib_args_path(call->args, "share", &c->share, err) &&
           bsc_lib_args_path_or(call->args, "destination", NULL, &c->destination, err) &&
           bsc_lib_pg_side_find(call, &c->side, err);
}

static bool read_control(struct closing *c, struct bsc_err *err)
{
    if (!bsc_lib_pg_place_control(&c->side.place, &c->control, err))
        return false;
    return c->control.file[0] != '\0' ||
           bsc_lib_pg_place_complain(&c->side.place, "could not read the control file",
                                     "pg_controldata tells of no last checkpoint", err);
}

/* ------------------------------------------------------------ the last log files */

static bool ship_words(const struct closing *c, const char *const *argv, struct bsc_err *err)
{
    return bsc_lib_pg_place_do(&c->side.place, "could not ship the last log file", argv, err);
}

/* Nobody asks for the name that it has until it is whole. */
static bool put_on_share(const struct closing *c, const char *name, int64_t pages,
                         struct bsc_err *err)
{
    char *from = bsc_mem_format("if=%s/pg_wal/%s", c->side.place.folder, name);
    char *part = bsc_mem_format("%s/.%s.bascule", c->share, name);
    char *to = bsc_mem_format("of=%s", part);
    char *count = bsc_mem_format("count=%lld", (long long)pages);
    char *length = bsc_mem_format("%lld", (long long)c->control.segment);
    char *final = bsc_files_join(c->share, name);
    const char *const copy[] = {"dd", "status=none", "bs=8192", count, from, to, NULL};
    const char *const fill[] = {"truncate", "-s", length, "--", part, NULL};
    const char *const sync[] = {"sync", "--", part, NULL};
    const char *const rename[] = {"mv", "-T", "--", part, final, NULL};
    const char *const settle[] = {"sync", "--", c->share, NULL};
    bool ok = ship_words(c, copy, err) && ship_words(c, fill, err) && ship_words(c, sync, err) &&
              ship_words(c, rename, err) && ship_words(c, settle, err);
    bsc_mem_free(from);
    bsc_mem_free(part);
    bsc_mem_free(to);
    bsc_mem_free(count);
    bsc_mem_free(length);
    bsc_mem_free(final);
    return ok;
}

/* A server that is told to stop closes its log file, has it archived, and begins another with the
 * record that says so; that one is never archived. What comes behind the record in it is of no
 * meaning, since files are used again. */
static bool ship_last(const struct closing *c, struct bsc_err *err)
{
    int64_t at = c->control.lsn % c->control.segment;
    int64_t pages = at / PAGE + 1 + (at % PAGE + CHECKPOINT_BYTES > PAGE);
    return put_on_share(c, c->control.file, pages, err);
}

/* The name before ".ready" in a line, or NULL. */
static char *ready_name(const char *line, size_t length)
{
    static const char ending[] = ".ready";
    size_t tail = sizeof ending - 1;
    if (length <= tail || strncmp(line + length - tail, ending, tail) != 0)
        return NULL;
    return bsc_mem_format("%.*s", (int)(length - tail), line);
}

/* The length of what the share has under the name; 0 for nothing. */
static int64_t length_on_share(const struct closing *c, const char *name)
{
    const struct bsc_sys *sys = c->side.asked.call->env->sys;
    struct stat found = {0};
    char *path = bsc_files_join(c->share, name);
    bool there = sys->stat(sys->self, path, &found) == 0;
    bsc_mem_free(path);
    return there ? found.st_size : 0;
}

static bool is_same_there(const struct closing *c, const char *name, struct bsc_err *err)
{
    char *own = bsc_mem_format("%s/pg_wal/%s", c->side.place.folder, name);
    char *there = bsc_files_join(c->share, name);
    char *what = bsc_mem_format("%s is not the log file that is to be shipped", there);
    const char *const argv[] = {"cmp", "--", own, there, NULL};
    bool ok = bsc_lib_pg_place_do(&c->side.place, what, argv, err);
    bsc_mem_free(own);
    bsc_mem_free(there);
    bsc_mem_free(what);
    return ok;
}

/* A program that was to archive it and was ended has left a piece, under its very name. */
static bool ship_one(const struct closing *c, const char *name, struct bsc_err *err)
{
    if (strspn(name, "0123456789ABCDEF") != strlen(name))
        return true;
    return length_on_share(c, name) < c->control.segment
               ? put_on_share(c, name, c->control.segment / PAGE, err)
               : is_same_there(c, name, err);
}

/* What the server itself could not archive before it ended. */
static bool ship_rest(const struct closing *c, struct bsc_err *err)
{
    char *folder = bsc_mem_format("%s/pg_wal/archive_status", c->side.place.folder);
    const char *const argv[] = {"ls", "-A", "--", folder, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(&c->side.place, "could not look for log files", &program,
                                   &result, err);
    for (const char *at = ok ? result.out.data : ""; ok && *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        char *name = ready_name(at, length);
        ok = name == NULL || ship_one(c, name, err);
        bsc_mem_free(name);
        at += length;
    }
    bsc_process_result_release(&result);
    bsc_mem_free(folder);
    return ok;
}

/* ------------------------------------------------------------ standby.hand_over */

/* The server's own command where it has one, since its log files may not lie there as they are.
 * What it said is kept for whoever goes on with it while it is down. */
static bool feed_of(const struct closing *c, struct bsc_buf *command,
                    struct bsc_mirrors_pg_feed *feed, struct bsc_err *err)
{
    struct bsc_err unasked = BSC_ERR_INIT;
    const struct bsc_lib_pg_place *place = &c->side.place;
    char *own = NULL;
    bool has_own = false;
    bool asked = bsc_lib_pg_ask(&c->side.asked, "SELECT current_setting('restore_command')", NULL,
                                &own, &unasked);
    if (asked)
        has_own = own[0] != '\0';
    bsc_mem_free(own);
    if (!asked && !bsc_lib_pg_feed_marked(place, BSC_LIB_PG_OWN_RESTORE, &has_own, err))
        return false;
    if (asked && !(has_own ? bsc_lib_pg_feed_mark(place, BSC_LIB_PG_OWN_RESTORE, err)
                           : bsc_lib_pg_feed_unmark(place, BSC_LIB_PG_OWN_RESTORE, err)))
        return false;
    if (!has_own) {
        bsc_mirrors_pg_restore_command(c->destination != NULL ? c->destination : c->share, command);
        feed->restore_command = command->data;
    }
    return true;
}

static bool forget_marks(const struct closing *c, struct bsc_err *err)
{
    return bsc_lib_pg_feed_unmark(&c->side.place, BSC_LIB_PG_CLOSING, err) &&
           bsc_lib_pg_feed_unmark(&c->side.place, BSC_LIB_PG_FOLLOWING, err) &&
           bsc_lib_pg_feed_unmark(&c->side.place, BSC_LIB_PG_OWN_RESTORE, err);
}

static bool check_archiving(const struct closing *c, struct bsc_err *err)
{
    char *mode = NULL;
    if (!bsc_lib_pg_ask(&c->side.asked, "SELECT current_setting('archive_mode')", NULL, &mode, err))
        return false;
    bool ok = strcmp(mode, "off") != 0;
    if (!ok) {
        bsc_err_set(err, BSC_ERR_REFUSED, "%s archives no log files (archive_mode is off)",
                    c->side.place.server);
        bsc_err_hint(err, "Its last log files could not be shipped.");
    }
    bsc_mem_free(mode);
    return ok;
}

/* The mark tells whoever looks meanwhile why nobody answers: it lies there only while the server is
 * down in good order. */
static bool close_server(struct closing *c, struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    int64_t restoring = 0;
    bool running = false;
    if (!bsc_lib_pg_place_runs(&c->side.place, &running, err))
        return false;
    if (running &&
        bsc_lib_pg_number(&c->side.asked, "SELECT pg_is_in_recovery()::int", &restoring,
                          &failure) &&
        restoring == 1)
        return true;
    return (!running || check_archiving(c, err)) &&
           bsc_lib_pg_feed_mark(&c->side.place, BSC_LIB_PG_CLOSING, err) &&
           bsc_lib_pg_feed_stop(&c->side, err) && read_control(c, err) &&
           (!c->control.shut_down || (ship_rest(c, err) && ship_last(c, err)));
}

/* What it was told when it was started counts until it is started again. */
static bool turn_round(struct closing *c, const struct bsc_mirrors_pg_feed *feed,
                       struct bsc_err *err)
{
    struct bsc_mirrors_pg_feed whole = *feed;
    if (!c->control.shut_down)
        return true;
    whole.handed_over_lsn = c->control.lsn;
    whole.timeline = "current";
    return bsc_lib_pg_feed_settings(&c->side.place, &whole, err) &&
           bsc_lib_pg_feed_mark(&c->side.place, "standby.signal", err);
}

static bool hand_over_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct closing c = {0};
    struct bsc_mirrors_pg_feed feed = {0};
    struct bsc_buf command;
    int64_t lsn = 0;
    bsc_buf_init(&command);
    bool ok = read_closing(call, &c, err) && feed_of(&c, &command, &feed, err) &&
              close_server(&c, err) && turn_round(&c, &feed, err) &&
              bsc_lib_pg_feed_start(&c.side, true, err) &&
              bsc_lib_pg_number(&c.side.asked, "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint",
                                &lsn, err) &&
              forget_marks(&c, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_int(*ret, "lsn", lsn);
    }
    bsc_lib_env_close_connections(call->env);
    bsc_buf_release(&command);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_hand_over = {
    .name = "standby.hand_over",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = hand_over_run,
    .lane = "server",
    .args = CLOSE_ARGS,
    .result = "map {lsn: int}",
    .doc = "Stops a PostgreSQL server in good order, ships its log to the last record and starts "
           "it as a standby: nobody can write to it any more.",
};

/* ------------------------------------------------------------ standby.reopen */

/* The server goes on in the very file that was shipped as its last one; what it archives under that
 * name in the end must find no other there. One that ended in another way has shipped no such file:
 * where its last checkpoint lies was archived, and others need it. */
static bool take_back_last(const struct closing *c, struct bsc_err *err)
{
    const char *const folders[] = {c->share, c->destination};
    bool ok = true;
    if (!c->control.shut_down && !c->control.standby)
        return true;
    for (size_t i = 0; ok && i < sizeof folders / sizeof folders[0]; i++) {
        char *path = folders[i] == NULL ? NULL : bsc_files_join(folders[i], c->control.file);
        const char *const argv[] = {"rm", "-f", "--", path, NULL};
        ok = path == NULL || ship_words(c, argv, err);
        bsc_mem_free(path);
    }
    return ok;
}

static bool reopen_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct closing c = {0};
    const struct bsc_mirrors_pg_feed feed = {.timeline = "latest"};
    bool ok = read_closing(call, &c, err) && bsc_lib_pg_feed_stop(&c.side, err) &&
              read_control(&c, err) && take_back_last(&c, err) &&
              bsc_lib_pg_feed_settings(&c.side.place, &feed, err) &&
              bsc_lib_pg_feed_unmark(&c.side.place, "standby.signal", err) &&
              bsc_lib_pg_feed_start(&c.side, false, err) && forget_marks(&c, err);
    if (ok)
        *ret = bsc_value_map();
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_reopen = {
    .name = "standby.reopen",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = reopen_run,
    .lane = "server",
    .args = CLOSE_ARGS,
    .result = "map {}",
    .doc = "Starts a PostgreSQL server again that was handed over, as a primary on the timeline "
           "that it had, and takes back the log file that was shipped as its last one.",
};
