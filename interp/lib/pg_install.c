#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/pg_feed_int.h"
#include "lib/pg_install_int.h"
#include "lib/pg_wait_int.h"
#include "lib/rows_int.h"
#include "mirrors/pg.h"
#include "site/site.h"

enum { TIDY_WITHIN_MS = 30000, STREAMS_WITHIN_S = 60, DIALS_WITHIN_S = 7 };

void bsc_lib_pg_install_release(struct bsc_lib_pg_install *install)
{
    bsc_mem_free(install->temporary);
    bsc_mem_free(install->passfile);
    bsc_mem_free(install->aside);
}

/* ------------------------------------------------------------ what is in the way */

static bool refuse(const struct bsc_lib_pg_install *install, const char *why, const char *name,
                   struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_REFUSED, "the folder %s on %s is not empty: it holds %s%.200s",
                install->to.folder, install->to.server, why, name);
    return bsc_err_hint(err, "Look whose it is; rename it when it is not needed, and resume.");
}

/* Only what can be had again at any time may go: a copy of the principal that was never online. */
static bool is_old_mirror(const struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    struct bsc_mirrors_pg_control control;
    char *system = NULL;
    if (!bsc_lib_pg_place_control(&install->to, &control, err) ||
        !bsc_lib_pg_ask(&install->from, "SELECT system_identifier::text FROM pg_control_system()",
                        NULL, &system, err))
        return false;
    bool ok = true;
    if (strcmp(system, control.system) != 0)
        ok = refuse(install, "another database than the principal's", "", err);
    else if (!control.standby)
        ok = refuse(install, "a copy that has been online by itself", "", err);
    bsc_mem_free(system);
    return ok;
}

static bool await_stream(const struct bsc_lib_pg_install *install, int within_s,
                         struct bsc_err *err)
{
    char *missed = bsc_mem_format("%s runs, but does not stream from %s", install->to.server,
                                  install->from.server);
    bool ok = bsc_lib_pg_await(&install->from,
                               "SELECT count(*) FROM pg_stat_replication"
                               " WHERE application_name = ? AND state = 'streaming'",
                               install->to.server, within_s, missed, err);
    bsc_mem_free(missed);
    return ok;
}

/* Whether the mirror has log that its principal has not: one that followed another primary beyond
 * where the principal's timeline left that one's. */
static bool has_parted(const struct bsc_lib_pg_install *install, bool *ret)
{
    static const char where[] =
        "SELECT (SELECT greatest(timeline_id, min_recovery_end_timeline) FROM"
        " pg_control_checkpoint(), pg_control_recovery()) || ' ' || pg_last_wal_replay_lsn()";
    static const char parted[] =
        "SELECT count(*) FROM (SELECT string_to_array(?::text, ' ') AS at) mirror,"
        " regexp_matches(pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()),"
        " 1, 8) || '.history', 0, 1048576, true), '^(\\d+)\\t([0-9A-F]+/[0-9A-F]+)', 'gn')"
        " AS left_at WHERE left_at[1] = at[1] AND left_at[2]::pg_lsn < at[2]::pg_lsn";
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_lib_pg_asked mirror = install->from;
    char *place = NULL, *count = NULL;
    mirror.server = install->to.server;
    *ret = bsc_lib_pg_ask(&mirror, where, NULL, &place, &ignored) &&
           bsc_lib_pg_ask(&install->from, parted, place, &count, &ignored) &&
           strcmp(count, "0") != 0;
    bsc_mem_free(place);
    bsc_mem_free(count);
    return *ret;
}

/* A mirror that followed another timeline streams the end of that first, then stops, and dials
 * again for the next one: only on the principal's own timeline it stays. */
static bool stays(const struct bsc_lib_pg_install *install)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_lib_pg_asked mirror = install->from;
    int64_t timeline = 0;
    mirror.server = install->to.server;
    if (!bsc_lib_pg_timeline(&install->from, &timeline, &ignored))
        return false;
    char *number = bsc_mem_format("%lld", (long long)timeline);
    bool ok = bsc_lib_pg_await(&mirror,
                               "SELECT count(*) FROM pg_stat_wal_receiver WHERE status ="
                               " 'streaming' AND received_tli = ?::int",
                               number, DIALS_WITHIN_S, "it follows another timeline", &ignored);
    bsc_mem_free(number);
    return ok;
}

/* A mirror that has lost its principal for a moment, since that was started anew, dials again every
 * few seconds. One that was put in its place and stopped there is whole: it is started. Neither is
 * copied once more, which may take hours. */
static bool is_back(const struct bsc_lib_pg_install *install, bool is_new, bool *ret,
                    struct bsc_err *err)
{
    struct bsc_err failure = BSC_ERR_INIT;
    bool running = false, parted = false;
    *ret = false;
    if (!bsc_lib_pg_place_runs(&install->to, &running, err))
        return false;
    if (!running && !is_new)
        return true;
    if (running && has_parted(install, &parted))
        return true;
    *ret = (running || bsc_lib_pg_place_start(&install->to, &failure)) &&
           await_stream(install, is_new ? STREAMS_WITHIN_S : DIALS_WITHIN_S, &failure);
    if (*ret) {
        *ret = stays(install);
        return *ret || bsc_lib_call_continue(install->call, err);
    }
    if (failure.code == BSC_ERR_IO || failure.code == BSC_ERR_DENIED)
        return true;
    *err = failure;
    return false;
}

/* Said before hours are spent on a copy that could not be put in its place, and before a server is
 * stopped of which the folder cannot be renamed. */
static bool clear_folder(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "";
    if (!bsc_lib_pg_place_look(&install->to, &content, name, err))
        return false;
    bool is_new = content == BSC_LIB_PG_INSTALLING;
    if (content == BSC_LIB_PG_SOMEBODYS)
        return refuse(install, "what is no server's data, such as ", name, err);
    if (content == BSC_LIB_PG_CLUSTER && !is_old_mirror(install, err))
        return false;
    if (content != BSC_LIB_PG_NOTHING &&
        (!is_back(install, is_new, &install->is_back, err) || install->is_back))
        return install->is_back;
    if (!bsc_lib_pg_place_can_move(&install->to, err))
        return false;
    return content == BSC_LIB_PG_NOTHING ||
           (bsc_lib_pg_place_stop(&install->to, err) &&
            bsc_lib_pg_place_set_aside(&install->to, install->to.folder, is_new ? "half" : "before",
                                       &install->aside, err));
}

static bool is_away(const struct bsc_lib_pg_install *install)
{
    return bsc_value_get_string(install->to.map, "ssh") != NULL;
}

/* What pg_basebackup has started on another machine to keep up with the log goes on by itself when
 * the line to it is cut. Here it belongs to a process group, which is ended as a whole. Whatever
 * writes into our folder was started by us; where nothing does, that is no failure. */
static void end_copiers_away(const struct bsc_lib_pg_install *install)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_process_result result = {0};
    struct bsc_buf pattern;
    bsc_buf_init(&pattern);
    bsc_buf_add_text(&pattern, "pg_basebackup -D ");
    for (const char *at = install->temporary; *at != '\0'; at++) {
        if (strchr("\\^$.[]|()*+?{}", *at) != NULL)
            bsc_buf_add_char(&pattern, '\\');
        bsc_buf_add_char(&pattern, *at);
    }
    bsc_buf_add_char(&pattern, ' ');
    const char *const argv[] = {"pkill", "-TERM", "-f", "--", pattern.data, NULL};
    struct bsc_lib_program program = {
        .argv = argv, .uncancelled = true, .timeout_ms = TIDY_WITHIN_MS};
    if (is_away(install))
        (void)bsc_lib_pg_place_run(&install->to, "could not end the copy", &program, &result,
                                   &ignored);
    bsc_process_result_release(&result);
    bsc_buf_release(&pattern);
}

/* pg_basebackup begins with the folder of the log. */
static bool is_half(const struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    struct bsc_lib_pg_place half = install->to;
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "", *log = bsc_mem_format("%s/pg_wal", install->temporary);
    bool has_log = false;
    half.folder = install->temporary;
    bool ok = bsc_lib_pg_place_look(&half, &content, name, err) &&
              bsc_lib_pg_place_can_move(&half, err) &&
              bsc_lib_pg_place_has(&half, log, &has_log, err);
    bsc_mem_free(log);
    if (!ok || has_log || content == BSC_LIB_PG_NOTHING)
        return ok;
    bsc_err_set(err, BSC_ERR_REFUSED, "%s on %s is where the copy is made, and holds %s",
                install->temporary, install->to.server, name);
    return bsc_err_hint(err, "Look whose it is; rename it when it is not needed, and resume.");
}

/* Whoever made it is gone: the run's lock is ours, and a program that outlives its run has a share
 * in it, or is on another machine. */
bool bsc_lib_pg_install_clear_half(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    bool there = false;
    char *name = NULL;
    if (!bsc_lib_pg_place_has(&install->to, install->temporary, &there, err))
        return false;
    if (!there)
        return true;
    if (!is_half(install, err))
        return false;
    end_copiers_away(install);
    if (!bsc_lib_pg_place_set_aside(&install->to, install->temporary, "half", &name, err))
        return false;
    bsc_mem_free(install->aside);
    install->aside = name;
    return true;
}

/* ------------------------------------------------------------ the copy */

/* pg_basebackup would make them at the same paths on the copy's machine, beside the data folder:
 * where that is the principal's own, on top of its data. */
bool bsc_lib_pg_install_has_no_tablespaces(const struct bsc_lib_pg_install *install,
                                           struct bsc_err *err)
{
    char *names = NULL;
    if (!bsc_lib_pg_ask(&install->from,
                        "SELECT coalesce(string_agg(spcname, ', ' ORDER BY spcname), '')"
                        " FROM pg_tablespace WHERE pg_tablespace_location(oid) LIKE '/%'",
                        NULL, &names, err))
        return false;
    bool none = names[0] == '\0';
    if (!none) {
        bsc_err_set(err, BSC_ERR_REFUSED, "%s has tablespaces outside its data folder: %.200s",
                    install->from.server, names);
        bsc_err_hint(err, "Such a copy has to be made by hand.");
    }
    bsc_mem_free(names);
    return none;
}

/* The mirror needs the password for as long as it follows, so the file stays; it lies beside the
 * data, not in it, since the data is copied. */
bool bsc_lib_pg_install_write_passfile(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    const struct bsc_lib_env *env = install->call->env;
    struct bsc_buf password, line;
    bsc_buf_init(&password);
    bsc_buf_init(&line);
    bool ok = bsc_site_password(env->site, install->from.server, &password, env->redactor, err);
    if (ok && password.length > 0) {
        bool there = false;
        install->passfile = bsc_mem_format("%s.pgpass", install->to.folder);
        ok = bsc_mirrors_pg_passfile(password.data, &line, err) &&
             bsc_lib_pg_place_has(&install->to, install->passfile, &there, err);
        install->has_made_passfile = ok && !there;
        ok = ok && bsc_lib_pg_place_make(&install->to, install->passfile, err) &&
             bsc_lib_pg_place_fill(&install->to, install->passfile, line.data, err);
    }
    bsc_site_string_wipe(&line);
    bsc_site_string_wipe(&password);
    return ok;
}

bool bsc_lib_pg_install_forget_passfile(const struct bsc_lib_pg_install *install, bool always,
                                        struct bsc_err *err)
{
    if (install->passfile == NULL || !(always || install->has_made_passfile))
        return true;
    const char *const argv[] = {"rm", "-f", "--", install->passfile, NULL};
    struct bsc_lib_program program = {
        .argv = argv, .uncancelled = true, .timeout_ms = TIDY_WITHIN_MS};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(&install->to, "could not remove the password file", &program,
                                   &result, err);
    bsc_process_result_release(&result);
    return ok;
}

bool bsc_lib_pg_install_conninfo(const struct bsc_lib_pg_install *install, const char *name,
                                 struct bsc_buf *out, struct bsc_err *err)
{
    const struct bsc_value *principal =
        bsc_site_server(install->call->env->site, install->from.server);
    struct bsc_mirrors_pg_way way = {.connection = bsc_value_get_string(principal, "connection"),
                                     .conninfo = bsc_value_get_string(principal, "conninfo"),
                                     .name = name,
                                     .passfile = install->passfile};
    return bsc_mirrors_pg_conninfo(&way, out, err);
}

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

/* What the program says of its failure is the last of what it says, and may be beyond what is kept
 * of it; so it is listened to. On another machine it ends with the line to it: nobody else would
 * end it there. Here it goes on when nobody listens any more: ended by that, it would leave behind
 * the process that it has for the log, which waits for the log of a server that nobody writes to.
 */
static bool run_backup(struct bsc_lib_pg_install *install, const char *program,
                       const char *conninfo, struct bsc_err *err)
{
    static const char what[] = "could not copy the principal";
    enum { LINE_WORDS = 4 };
    const char *const argv[] = {"setpriv",    "--pdeathsig", "TERM",
                                "--",         "env",         "--ignore-signal=PIPE",
                                program,      "-D",          install->temporary,
                                "-d",         conninfo,      "-X",
                                install->log, "-c",          "fast",
                                "-P",         "-w",          NULL};
    struct bsc_lib_program order = {.argv = is_away(install) ? argv : argv + LINE_WORDS,
                                    .heard = bsc_mirrors_pg_hear,
                                    .heard_arg = &install->ear};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(&install->to, what, &order, &result, err);
    bool lost = bsc_lib_program_lost(&order, &result);
    if (!ok && result.exit_status > 0 && !lost && install->ear.words[0] != '\0') {
        bsc_redact_text(install->call->env->redactor, install->ear.words,
                        sizeof install->ear.words);
        bsc_lib_pg_place_complain(&install->to, what, install->ear.words, err);
    }
    bsc_process_result_release(&result);
    return ok;
}

/* A name of its own: as the mirror's, the copy would be taken for the mirror. What pg_basebackup
 * leaves when it is ended is kept under a name that says what it is. */
bool bsc_lib_pg_install_copy(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_buf conninfo;
    char *program = bsc_lib_pg_place_program(&install->to, "pg_basebackup");
    bsc_buf_init(&conninfo);
    install->ear.progress = report;
    install->ear.progress_arg = install->call;
    bool ok = bsc_lib_pg_install_conninfo(install, "bascule_copy", &conninfo, err) &&
              run_backup(install, program, conninfo.data, err);
    if (!ok)
        end_copiers_away(install);
    if (!ok && bsc_lib_pg_place_set_aside(&install->to, install->temporary, "half", &install->aside,
                                          &ignored))
        bsc_err_detail(err, "What was copied until then is in %.200s.", install->aside);
    bsc_buf_release(&conninfo);
    bsc_mem_free(program);
    return ok;
}

static bool read_settings(struct bsc_lib_pg_install *install, const char *path, struct bsc_buf *out,
                          struct bsc_err *err)
{
    const char *const argv[] = {"cat", "--", path, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok =
        bsc_lib_pg_place_run(&install->to, "could not read the settings", &program, &result, err);
    if (ok)
        bsc_buf_add(out, result.out.data, result.out.length);
    bsc_process_result_release(&result);
    return ok;
}

static bool write_settings(struct bsc_lib_pg_install *install, const char *path,
                           struct bsc_err *err)
{
    struct bsc_buf own, conninfo, settings;
    bsc_buf_init(&own);
    bsc_buf_init(&conninfo);
    bsc_buf_init(&settings);
    bool ok = read_settings(install, path, &own, err) &&
              bsc_lib_pg_install_conninfo(install, install->to.server, &conninfo, err);
    if (ok) {
        bsc_mirrors_pg_settings(own.data, conninfo.data, &settings);
        ok = settings.length <= BSC_PROCESS_INPUT
                 ? bsc_lib_pg_place_fill(&install->to, path, settings.data, err)
                 : bsc_err_set(err, BSC_ERR_LIMIT, "%s has more than 64 KiB", path);
    }
    bsc_buf_release(&own);
    bsc_buf_release(&conninfo);
    bsc_buf_release(&settings);
    return ok;
}

/* Only a folder that is whole gets its name, all at once. */
static bool put_in_place(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    static const char what[] = "could not put the copy in place";
    char *settings = bsc_mem_format("%s/postgresql.auto.conf", install->temporary);
    char *standby = bsc_mem_format("%s/standby.signal", install->temporary);
    char *mark = bsc_mem_format("%s/%s", install->temporary, BSC_LIB_PG_UNFINISHED);
    const char *const touch[] = {"touch", "--", standby, mark, NULL};
    const char *const sync[] = {"sync", "--", standby, mark, install->temporary, NULL};
    const char *const rename[] = {"mv", "-T", "--", install->temporary, install->to.folder, NULL};
    bool ok = write_settings(install, settings, err) &&
              bsc_lib_pg_place_do(&install->to, what, touch, err) &&
              bsc_lib_pg_place_do(&install->to, what, sync, err) &&
              bsc_lib_pg_place_do(&install->to, what, rename, err);
    bsc_mem_free(settings);
    bsc_mem_free(standby);
    bsc_mem_free(mark);
    return ok;
}

/* A run that fails before there is a mirror has nothing to take back, so nobody else would remove
 * the password that it has put there. */
static bool make_copy(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ok = bsc_lib_pg_install_write_passfile(install, err) &&
              bsc_lib_pg_install_copy(install, err) && put_in_place(install, err);
    if (!ok)
        (void)bsc_lib_pg_install_forget_passfile(install, false, &ignored);
    return ok;
}

static bool make_mirror(struct bsc_lib_pg_install *install, struct bsc_err *err)
{
    return bsc_lib_pg_install_has_no_tablespaces(install, err) &&
           bsc_lib_pg_install_clear_half(install, err) && make_copy(install, err) &&
           bsc_lib_pg_place_start(&install->to, err) &&
           await_stream(install, STREAMS_WITHIN_S, err);
}

/* ------------------------------------------------------------ mirrors.pg_make */

#define INSTALL_ARGS "principal: text, mirror: text, database: text"

static bool read_install(struct bsc_lib_call *call, struct bsc_lib_pg_install *install,
                         struct bsc_err *err)
{
    const char *mirror = NULL;
    install->call = call;
    install->log = "stream";
    install->from.call = call;
    if (!bsc_lib_args_known(call->args, INSTALL_ARGS, err) ||
        !bsc_lib_args_text(call->args, "principal", &install->from.server, err) ||
        !bsc_lib_args_text(call->args, "database", &install->from.database, err) ||
        !bsc_lib_args_text(call->args, "mirror", &mirror, err) ||
        !bsc_lib_pg_place_find(call, mirror, &install->to, err) ||
        !bsc_lib_call_continue(call, err))
        return false;
    install->temporary = bsc_mem_format("%s.installing", install->to.folder);
    return true;
}

static bool install_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_install install = {0};
    bool ok = read_install(call, &install, err) && clear_folder(&install, err) &&
              (install.is_back || make_mirror(&install, err)) &&
              bsc_lib_pg_place_finish(&install.to, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_bool(*ret, "copied", !install.is_back);
        bsc_value_set_text(*ret, "aside", install.aside != NULL ? install.aside : "");
    }
    bsc_lib_env_close_connections(call->env);
    bsc_lib_pg_install_release(&install);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_mirrors_pg_make = {
    .name = "mirrors.pg_make",
    .effect = BSC_LIB_WRITE,
    .run = install_run,
    .resumes = true,
    .args = INSTALL_ARGS,
    .result = "map {copied: bool, aside: text}",
    .doc = "Makes a mirror of a PostgreSQL server with pg_basebackup, in the folder that the site "
           "names, starts it and waits until it streams. What is in the way is renamed where it is "
           "a mirror or the half of one, and refused where it is anything else.",
};

/* ------------------------------------------------------------ mirrors.pg_remove */

#define REMOVE_ARGS "mirror: text"

/* A mirror that was brought online since has become somebody's only copy. */
static bool may_remove(const struct bsc_lib_pg_place *place, struct bsc_err *err)
{
    struct bsc_mirrors_pg_control control;
    if (!bsc_lib_pg_place_control(place, &control, err))
        return false;
    return control.standby || bsc_err_set(err, BSC_ERR_REFUSED,
                                          "the copy in %s on %s is no mirror: it has been online "
                                          "by itself",
                                          place->folder, place->server);
}

static bool remove_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_pg_place place;
    enum bsc_lib_pg_content content = BSC_LIB_PG_NOTHING;
    char name[256] = "";
    char *aside = NULL;
    const char *mirror = NULL;
    if (!bsc_lib_args_known(call->args, REMOVE_ARGS, err) ||
        !bsc_lib_args_text(call->args, "mirror", &mirror, err) ||
        !bsc_lib_pg_place_find(call, mirror, &place, err) ||
        !bsc_lib_pg_place_look(&place, &content, name, err))
        return false;
    if (content == BSC_LIB_PG_SOMEBODYS)
        return bsc_err_set(err, BSC_ERR_REFUSED, "%s on %s holds \"%s\" and is no mirror",
                           place.folder, place.server, name);
    char *passfile = bsc_mem_format("%s.pgpass", place.folder);
    const char *const forget[] = {"rm", "-f", "--", passfile, NULL};
    bool ok = content == BSC_LIB_PG_NOTHING ||
              (may_remove(&place, err) && bsc_lib_pg_place_can_move(&place, err) &&
               bsc_lib_pg_place_stop(&place, err) &&
               bsc_lib_pg_place_set_aside(&place, place.folder, "removed", &aside, err));
    ok = ok && bsc_lib_pg_place_do(&place, "could not remove the password file", forget, err);
    if (ok) {
        *ret = bsc_value_map();
        bsc_value_set_text(*ret, "aside", aside != NULL ? aside : "");
    }
    bsc_mem_free(passfile);
    bsc_mem_free(aside);
    return ok;
}

const struct bsc_lib_row bsc_lib_row_mirrors_pg_remove = {
    .name = "mirrors.pg_remove",
    .effect = BSC_LIB_WRITE,
    .run = remove_run,
    .resumes = true,
    .args = REMOVE_ARGS,
    .result = "map {aside: text}",
    .doc = "Stops a mirror on PostgreSQL that was never online by itself, and renames its folder.",
};
