#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/pg_feed_int.h"
#include "lib/pg_install_int.h"
#include "lib/rows_int.h"
#include "os/files.h"

/* A server being made the standby of another side. */
struct seeding {
    struct bsc_lib_pg_install install;
    struct bsc_lib_pg_side side;
    const char *share;   /* where the other side's log files go */
    const char *restore; /* folder that it takes them from */
    bool has_old;        /* a server's data is there now */
    bool is_whole;       /* what is there is the copy, which was not started yet */
    bool is_beside;      /* the copy is whole, and what was there has made room for it */
    bool is_stale;       /* what is there is such a copy, and the log that it needs is gone */
    bool rewound;        /* it was made of that */
};

static bool do_words(const struct seeding *s, const char *what, const char *const *argv,
                     struct bsc_err *err)
{
    return bsc_lib_pg_place_do(&s->side.place, what, argv, err);
}

/* A server that does not answer is closed if it does not run, or runs as a standby, which its
 * control file tells; a whole copy of ours that is being started is one before that does. */
static bool is_closed_unasked(const struct seeding *s, const struct bsc_err *failure,
                              struct bsc_err *err)
{
    struct bsc_mirrors_pg_control control;
    bool running = false;
    if (!bsc_lib_pg_place_runs(&s->side.place, &running, err))
        return false;
    if (!running || s->is_whole)
        return true;
    if (!bsc_lib_pg_place_control(&s->side.place, &control, err))
        return false;
    if (control.standby)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "%s runs and does not answer, so it may be online and be written to: %.200s",
                s->side.place.server, failure->message);
    return bsc_err_hint(err, "Stop it, or mend what keeps it from answering, and resume.");
}

/* A copy that can be written to is nobody's to take away. */
static bool is_closed(const struct seeding *s, struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    int64_t restoring = 1;
    if (!bsc_lib_pg_number(&s->side.asked, "SELECT pg_is_in_recovery()::int", &restoring, &failure))
        return is_closed_unasked(s, &failure, err);
    return restoring == 1 || bsc_err_set(err, BSC_ERR_REFUSED, "%s is online and can be written to",
                                         s->side.place.server);
}

/* ------------------------------------------------------------ the copy */

/* The words for people are those of the tool that failed; a base backup is made then. */
static bool rewind_copy(struct seeding *s, struct bsc_err *err)
{
    struct bsc_buf conninfo;
    const char *folder = s->side.place.folder;
    char *program = bsc_lib_pg_place_program(&s->side.place, "pg_rewind");
    bsc_buf_init(&conninfo);
    bsc_buf_add_text(&conninfo, "--source-server=dbname=postgres ");
    bool ok = bsc_lib_pg_install_conninfo(&s->install, "bascule_copy", &conninfo, err);
    const char *const copy[] = {"cp", "-a", "--reflink=auto", "--", folder, s->install.temporary,
                                NULL};
    const char *const rewind[] = {program, "-D", s->install.temporary, conninfo.data, NULL};
    ok = ok && do_words(s, "could not copy the data folder", copy, err) &&
         do_words(s, "could not rewind the copy", rewind, err);
    bsc_buf_release(&conninfo);
    bsc_mem_free(program);
    return ok;
}

/* Only a server that was ended in good order can be rewound, so it is; and it is marked as one that
 * is not to be counted on until this is over. Somebody may have opened it since it was looked at.
 */
static bool stop_old(struct seeding *s, struct bsc_err *err)
{
    if (!s->has_old || s->is_stale)
        return true;
    return is_closed(s, err) && bsc_lib_pg_feed_mark(&s->side.place, BSC_LIB_PG_LEAVING, err) &&
           bsc_lib_pg_feed_mark(&s->side.place, BSC_LIB_PG_UNFINISHED, err) &&
           bsc_lib_pg_feed_stop(&s->side, err);
}

/* A copy would lead to the very files that the links in the old folder lead to, and what is kept
 * would be changed with it. All but tablespaces comes anew with a base backup. */
static bool look_for_links(const struct seeding *s, bool *ret_any, struct bsc_err *err)
{
    const char *const argv[] = {"find", s->side.place.folder, "-ignore_readdir_race", "-type", "l",
                                NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok =
        bsc_lib_pg_place_run(&s->side.place, "could not look for links", &program, &result, err);
    *ret_any = ok && result.out.length > 0;
    if (ok && strstr(result.out.data, "/pg_tblspc/") != NULL) {
        ok = bsc_err_set(err, BSC_ERR_REFUSED, "%s has tablespaces outside of %s",
                         s->side.place.server, s->side.place.folder);
        bsc_err_hint(err, "Make it the standby of the other side by hand, and resume.");
    }
    bsc_process_result_release(&result);
    return ok;
}

static bool can_rewind(struct seeding *s, bool *ret, struct bsc_err *err)
{
    struct bsc_mirrors_pg_control control;
    char *system = NULL;
    bool linked = false;
    *ret = false;
    if (!s->has_old || s->is_stale)
        return true;
    if (!look_for_links(s, &linked, err) ||
        !bsc_lib_pg_place_control(&s->side.place, &control, err) ||
        !bsc_lib_pg_ask(&s->install.from, "SELECT system_identifier::text FROM pg_control_system()",
                        NULL, &system, err))
        return false;
    *ret = !linked && strcmp(system, control.system) == 0;
    bsc_mem_free(system);
    return true;
}

/* What a rewind needs may be missing in the end: checksums or hints in the log, or the log itself
 * back to where the two parted. Then all of it is copied. */
static bool rewind_or_copy(struct seeding *s, struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    bool can = false;
    if (!bsc_lib_pg_install_has_no_tablespaces(&s->install, err) || !can_rewind(s, &can, err) ||
        !bsc_lib_pg_install_write_passfile(&s->install, err))
        return false;
    if (can) {
        if (!stop_old(s, err))
            return false;
        s->rewound = rewind_copy(s, &failure);
        if (s->rewound)
            return true;
        if (!bsc_lib_call_continue(s->install.call, err) ||
            !bsc_lib_pg_install_clear_half(&s->install, err))
            return false;
    }
    return bsc_lib_pg_install_copy(&s->install, err);
}

/* The copy takes its log from a folder: nobody needs the password once it is made. */
static bool make_copy(struct seeding *s, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ok = rewind_or_copy(s, err);
    bool forgotten = bsc_lib_pg_install_forget_passfile(&s->install, ok, ok ? err : &ignored);
    return ok && forgotten;
}

/* ------------------------------------------------------------ putting it in place */

/* What it was told of its own place in the world stays: the settings that came with the copy are
 * those of the other side. */
static bool keep_own_settings(const struct seeding *s, struct bsc_err *err)
{
    static const char *const names[] = {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf",
                                        "pg_ident.conf"};
    bool ok = true;
    for (size_t i = 0; ok && s->has_old && i < sizeof names / sizeof names[0]; i++) {
        bool there = false;
        char *path = bsc_files_join(s->side.place.folder, names[i]);
        const char *const argv[] = {"cp", "-p", "-t", s->install.temporary, "--", path, NULL};
        ok = bsc_lib_pg_place_has(&s->side.place, path, &there, err) &&
             (!there || do_words(s, "could not keep the settings", argv, err));
        bsc_mem_free(path);
    }
    return ok;
}

static bool write_feed(const struct seeding *s, const struct bsc_lib_pg_place *there,
                       struct bsc_err *err)
{
    static const char timeline[] =
        "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int";
    struct bsc_mirrors_pg_feed feed = {0};
    struct bsc_buf command;
    int64_t number = 0;
    if (!bsc_lib_pg_number(&s->install.from, timeline, &number, err))
        return false;
    char *text = bsc_mem_format("%lld", (long long)number);
    bsc_buf_init(&command);
    bsc_mirrors_pg_restore_command(s->restore, &command);
    feed.restore_command = command.data;
    feed.timeline = text;
    bool ok = bsc_lib_pg_feed_settings(there, &feed, err);
    bsc_buf_release(&command);
    bsc_mem_free(text);
    return ok;
}

/* From then on the copy needs nothing but its name. */
static bool make_whole(struct seeding *s, struct bsc_err *err)
{
    struct bsc_lib_pg_place there = s->side.place;
    there.folder = s->install.temporary;
    return keep_own_settings(s, err) && write_feed(s, &there, err) &&
           bsc_lib_pg_feed_unmark(&there, BSC_LIB_PG_CLOSING, err) &&
           bsc_lib_pg_feed_unmark(&there, BSC_LIB_PG_LEAVING, err) &&
           bsc_lib_pg_feed_unmark(&there, BSC_LIB_PG_FOLLOWING, err) &&
           bsc_lib_pg_feed_mark(&there, BSC_LIB_PG_SEEDED, err) &&
           bsc_lib_pg_feed_mark(&there, "standby.signal", err) &&
           bsc_lib_pg_feed_mark(&there, BSC_LIB_PG_UNFINISHED, err);
}

/* Only a folder that is whole gets its name, all at once. */
static bool put_in_place(struct seeding *s, struct bsc_err *err)
{
    const char *const rename[] = {"mv", "-T", "--", s->install.temporary, s->side.place.folder,
                                  NULL};
    return stop_old(s, err) &&
           (!s->has_old ||
            bsc_lib_pg_place_set_aside(&s->side.place, s->side.place.folder,
                                       s->is_stale ? "half" : "before", &s->install.aside, err)) &&
           do_words(s, "could not put the copy in place", rename, err);
}

/* ------------------------------------------------------------ standby.seed */

#define SEED_ARGS "from: text, server: text, database: text, share: text, destination: text?"

/* The label of a base backup says from which log file on the copy needs the log, "(file …)"; once
 * that was replayed the control file does. */
static bool read_label(const struct bsc_lib_pg_place *place, const char *label, char ret[32],
                       struct bsc_err *err)
{
    static const char before[] = "(file ";
    const char *const argv[] = {"head", "-n", "1", "--", label, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, "could not read the label", &program, &result, err);
    const char *at = ok ? strstr(result.out.data, before) : NULL;
    size_t length = at != NULL ? strspn(at + sizeof before - 1, "0123456789ABCDEF") : 0;
    if (length > 0 && length < 32) {
        memcpy(ret, at + sizeof before - 1, length);
        ret[length] = '\0';
    }
    bsc_process_result_release(&result);
    return ok;
}

static bool first_needed(const struct bsc_lib_pg_place *place, char ret[32], struct bsc_err *err)
{
    struct bsc_mirrors_pg_control control;
    bool labelled = false;
    char *label = bsc_files_join(place->folder, "backup_label");
    bool ok = bsc_lib_pg_place_control(place, &control, err) &&
              bsc_lib_pg_place_has(place, label, &labelled, err);
    ret[0] = '\0';
    if (ok && labelled)
        ok = read_label(place, label, ret, err);
    else if (ok)
        memcpy(ret, control.file, sizeof control.file);
    bsc_mem_free(label);
    return ok;
}

/* Whether a folder has the log file, of whatever timeline: the one of a later timeline has what the
 * one before it held until it was left. */
static bool has_log_file(const struct bsc_lib_pg_place *place, const char *folder, const char *name,
                         bool *ret, struct bsc_err *err)
{
    enum { TIMELINE = 8 };
    struct bsc_process_result result = {0};
    char *pattern = bsc_mem_format("????????%s", name + TIMELINE);
    const char *const argv[] = {"find",  folder,   "-maxdepth", "1", "-name",
                                pattern, "-print", "-quit",     NULL};
    struct bsc_lib_program program = {.argv = argv};
    bool ok = bsc_lib_pg_place_run(place, "could not look for log files", &program, &result, err);
    *ret = ok && result.out.length > 0;
    bsc_process_result_release(&result);
    bsc_mem_free(pattern);
    return ok;
}

/* A copy that has been lying there for so long that the log it needs was tidied away is of no use:
 * it would be started, and fail, each time that the run is gone on with. */
static bool find_stale(struct seeding *s, struct bsc_err *err)
{
    enum { NAME = 24 };
    char name[32] = "";
    bool running = false, there = false;
    const struct bsc_lib_pg_place *place = &s->side.place;
    char *own = bsc_files_join(place->folder, "pg_wal");
    const char *const folders[] = {own, s->restore, s->share};
    bool ok =
        bsc_lib_pg_place_runs(place, &running, err) && (running || first_needed(place, name, err));
    bool known = ok && strlen(name) == NAME;
    for (size_t i = 0; ok && known && !there && i < sizeof folders / sizeof folders[0]; i++)
        ok = has_log_file(place, folders[i], name, &there, err);
    s->is_stale = ok && known && !there;
    bsc_mem_free(own);
    return ok;
}

/* The copy got its name when it was whole, so it has only to be started; or the old one is still
 * there. */
static bool look_closer(struct seeding *s, struct bsc_err *err)
{
    bool leaving = false;
    if (!bsc_lib_pg_feed_marked(&s->side.place, BSC_LIB_PG_LEAVING, &leaving, err) ||
        (!leaving && !find_stale(s, err)))
        return false;
    s->is_whole = !leaving && !s->is_stale;
    return true;
}

/* Where what was there has made room, and its copy has not got the name, that copy alone has the
 * settings that are to be kept: another one would have those of the other side. */
static bool look_beside(struct seeding *s, struct bsc_err *err)
{
    struct bsc_lib_pg_place there = s->side.place;
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "";
    bool leaving = false;
    there.folder = s->install.temporary;
    if (!bsc_lib_pg_place_look(&there, &content, name, err) ||
        !bsc_lib_pg_feed_marked(&there, BSC_LIB_PG_LEAVING, &leaving, err) ||
        !bsc_lib_pg_feed_marked(&there, BSC_LIB_PG_SEEDED, &s->is_beside, err))
        return false;
    s->is_beside = s->is_beside && content == BSC_LIB_PG_INSTALLING && !leaving;
    return true;
}

static bool read_seeding(struct bsc_lib_call *call, struct seeding *s, struct bsc_err *err)
{
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "";
    s->install.call = call;
    s->install.log = "none";
    s->install.from.call = call;
    if (!bsc_lib_args_known(call->args, SEED_ARGS, err) ||
        !bsc_lib_args_text(call->args, "from", &s->install.from.server, err) ||
        !bsc_lib_args_text(call->args, "database", &s->install.from.database, err) ||
        !bsc_lib_args_path(call->args, "share", &s->share, err) ||
        !bsc_lib_args_path_or(call->args, "destination", s->share, &s->restore, err) ||
        !bsc_lib_pg_side_find(call, &s->side, err) ||
        !bsc_lib_pg_place_look(&s->side.place, &content, name, err))
        return false;
    s->install.to = s->side.place;
    s->install.temporary = bsc_mem_format("%s.installing", s->side.place.folder);
    s->has_old = content == BSC_LIB_PG_CLUSTER || content == BSC_LIB_PG_INSTALLING;
    if (content == BSC_LIB_PG_INSTALLING)
        return look_closer(s, err);
    if (content == BSC_LIB_PG_NOTHING)
        return look_beside(s, err);
    if (content != BSC_LIB_PG_SOMEBODYS)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "the folder %s on %s is not empty: it holds what is no server's data, such as "
                "%.200s",
                s->side.place.folder, s->side.place.server, name);
    return bsc_err_hint(err, "Look whose it is; rename it when it is not needed, and resume.");
}

/* Where it was seeded before, it is what makes room now. A stale copy stays what it is until then:
 * what it has made room for is what comes back when all of this is taken back. */
static bool copy_anew(struct seeding *s, struct bsc_err *err)
{
    return (!s->has_old || s->is_stale ||
            bsc_lib_pg_feed_unmark(&s->side.place, BSC_LIB_PG_SEEDED, err)) &&
           bsc_lib_pg_install_clear_half(&s->install, err) && make_copy(s, err) &&
           make_whole(s, err);
}

/* A link instead of the folder would be copied as a link, and what it leads to be changed. */
static bool take_place(struct seeding *s, struct bsc_err *err)
{
    return s->is_whole || (bsc_lib_pg_place_can_move(&s->side.place, err) &&
                           (s->is_beside || copy_anew(s, err)) && put_in_place(s, err));
}

/* A copy can be asked nothing before it has the log of the time in which it was made: that is
 * shipped before it is started. */
static bool seed_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct seeding s = {0};
    struct bsc_lib_pg_end end;
    int64_t lsn = 0;
    bool ok = read_seeding(call, &s, err) && is_closed(&s, err) && take_place(&s, err) &&
              bsc_lib_pg_ship(&s.install.from, s.share, &end, err) &&
              bsc_lib_pg_feed_start(&s.side, true, err) &&
              bsc_lib_pg_feed_settle(&s.side, &s.install.from, s.share, &lsn, err) &&
              bsc_lib_pg_place_finish(&s.side.place, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_bool(*ret, "rewound", s.rewound);
        bsc_value_set_text(*ret, "aside", s.install.aside != NULL ? s.install.aside : "");
    }
    bsc_lib_env_close_connections(call->env);
    bsc_lib_pg_install_release(&s.install);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_seed = {
    .name = "standby.seed",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = seed_run,
    .lane = "server",
    .args = SEED_ARGS,
    .result = "map {rewound: bool, aside: text}",
    .doc = "Makes a PostgreSQL server the standby of another that takes the log files that "
           "are shipped: a copy of what is there is rewound (pg_rewind), or, where that cannot be, "
           "everything is copied (pg_basebackup). What is there is renamed.",
};

/* ------------------------------------------------------------ standby.unseed */

#define UNSEED_ARGS "server: text, database: text, restore: bool?, start: bool?"

/* What somebody has put there by hand has no such time in its name. */
static bool is_time(const char *text, size_t length)
{
    return length == strlen("20261120T230501042Z") && strspn(text, "0123456789TZ") >= length;
}

/* The newest of what lies beside the folder under its name, ".before-" and a time; owned. */
static bool find_aside(const struct bsc_lib_pg_place *place, char **ret, struct bsc_err *err)
{
    char *folder = bsc_files_folder_of(place->folder);
    char *prefix = bsc_mem_format("%s.before-", bsc_files_name_of(place->folder));
    const char *const argv[] = {"ls", "-A", "--", folder, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, "could not look for what was set aside", &program,
                                   &result, err);
    size_t named = strlen(prefix);
    *ret = NULL;
    for (const char *at = ok ? result.out.data : ""; *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        if (strncmp(at, prefix, named) == 0 && is_time(at + named, length - named)) {
            bsc_mem_free(*ret);
            *ret = bsc_mem_format("%s/%.*s", folder, (int)length, at);
        }
        at += length;
    }
    if (ok && *ret == NULL)
        ok = bsc_err_set(err, BSC_ERR_NOT_FOUND, "nothing was set aside beside %s on %s",
                         place->folder, place->server);
    bsc_process_result_release(&result);
    bsc_mem_free(folder);
    bsc_mem_free(prefix);
    return ok;
}

static bool put_back(const struct bsc_lib_pg_place *place, const char *aside, struct bsc_err *err)
{
    const char *const argv[] = {"mv", "-T", "--", aside, place->folder, NULL};
    return bsc_lib_pg_place_do(place, "could not put back what was set aside", argv, err);
}

/* The old copy is in its place still, or again. While it is down its marks tell why, so that this
 * can go on after a stop: they go last. */
static bool stay(const struct bsc_lib_pg_side *side, bool start, struct bsc_err *err)
{
    return (!start || bsc_lib_pg_feed_start(side, true, err)) &&
           bsc_lib_pg_place_finish(&side->place, err) &&
           bsc_lib_pg_feed_unmark(&side->place, BSC_LIB_PG_LEAVING, err);
}

static bool make_room(const struct bsc_lib_pg_side *side, struct bsc_err *err)
{
    return bsc_lib_pg_feed_stop(side, err) &&
           bsc_lib_pg_place_set_aside(&side->place, side->place.folder, "seeded", NULL, err);
}

/* Nothing but the seeded copy makes room: what is there may be what was there before it, not moved
 * yet or put back already. And it stays while there is nothing to put in its place. */
static bool change_places(const struct bsc_lib_pg_side *side, bool restore, struct bsc_err *err)
{
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "", *aside = NULL;
    bool seeded = false;
    if (!bsc_lib_pg_place_look(&side->place, &content, name, err) ||
        !bsc_lib_pg_feed_marked(&side->place, BSC_LIB_PG_SEEDED, &seeded, err))
        return false;
    if (content != BSC_LIB_PG_NOTHING && !seeded)
        return true;
    bool ok = (!restore || find_aside(&side->place, &aside, err)) &&
              (!seeded || make_room(side, err)) && (!restore || put_back(&side->place, aside, err));
    bsc_mem_free(aside);
    return ok;
}

static bool unseed_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_side side = {0};
    bool restore = false, start = false;
    if (!bsc_lib_args_known(call->args, UNSEED_ARGS, err) ||
        !bsc_lib_args_bool_or(call->args, "restore", false, &restore, err) ||
        !bsc_lib_args_bool_or(call->args, "start", false, &start, err) ||
        !bsc_lib_pg_side_find(call, &side, err))
        return false;
    bool ok = change_places(&side, restore, err) && (!restore || stay(&side, start, err));
    if (ok)
        *ret = bsc_value_map();
    bsc_lib_env_close_connections(call->env);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_standby_unseed = {
    .name = "standby.unseed",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = unseed_run,
    .lane = "server",
    .args = UNSEED_ARGS,
    .result = "map {}",
    .doc = "Stops a standby and renames its folder; with `restore` what was there before it gets "
           "its place again, and with `start` is started.",
};
