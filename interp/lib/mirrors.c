#include "lib/rows_int.h"

#include <errno.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "logs/backup.h"
#include "logs/check.h"
#include "logs/clone.h"
#include "logs/copy_state.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/sessions.h"
#include "mirrors/follow.h"
#include "mirrors/install.h"
#include "mirrors/remove.h"
#include "mirrors/state.h"
#include "os/files.h"

/* What the embedded engine remembers between cloning and recording. */
struct embedded {
    const struct bsc_sys *sys;
    struct bsc_logs_state state;  /* sidecar of the mirror that was cloned */
    struct bsc_logs_guard *guard; /* of the principal, from before it is cloned */
};

static bool embedded_clone(void *self, const char *principal, const char *temporary,
                           const struct bsc_mirrors_watch *watch, int64_t *ret_bytes,
                           int64_t *ret_lsn, struct bsc_err *err)
{
    struct embedded *embedded = self;
    const struct bsc_logs_clone_order order = {.sys = embedded->sys,
                                               .from = principal,
                                               .to = temporary,
                                               .cancel = watch->cancel,
                                               .progress = watch->progress,
                                               .progress_arg = watch->progress_arg};

    bsc_logs_state_release(&embedded->state);
    if (!bsc_logs_shipping_begin(embedded->sys, principal, err))
        return false;
    /* A client that leaves as the last one while the copy is checked, which may take long, would
     * take commits with it that are not in the copy. */
    embedded->guard = bsc_logs_guard_open(embedded->sys, principal, err);
    if (embedded->guard == NULL || !bsc_logs_clone(&order, &embedded->state, ret_bytes, err))
        return false;
    *ret_lsn = embedded->state.lsn;
    return true;
}

static bool embedded_check(void *self, const char *path, const struct bsc_mirrors_watch *watch,
                           struct bsc_err *err)
{
    (void)self;
    return bsc_logs_check(path, BSC_LOGS_CHECK_FULL, watch->cancel, err);
}

static bool embedded_shut(void *self, const char *path, struct bsc_err *err)
{
    const struct embedded *embedded = self;

    return bsc_logs_db_header_set(embedded->sys, path, BSC_LOGS_MARK_RESTORING, err);
}

static bool embedded_record(void *self, const char *mirror, struct bsc_err *err)
{
    const struct embedded *embedded = self;

    return bsc_logs_state_save(embedded->sys, mirror, &embedded->state, err);
}

static bool embedded_may_replace(void *self, const char *mirror, struct bsc_err *err)
{
    const struct embedded *embedded = self;
    struct bsc_logs_sessions sessions = {0};
    bool ok = bsc_logs_sessions_find(embedded->sys, mirror, &sessions, err);

    if (ok && sessions.count > 0)
        ok = bsc_logs_sessions_refuse(&sessions, mirror, err);
    bsc_logs_sessions_release(&sessions);
    return ok;
}

static bool set_one_aside(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    char *aside;
    bool ok;

    if (!bsc_files_exists(sys, path))
        return true;
    aside = bsc_logs_leftover_name(sys, path);
    ok = sys->rename(sys->self, path, aside) == 0 ||
         bsc_err_sys(err, errno, "could not rename '%s' aside", path);
    bsc_mem_free(aside);
    return ok;
}

/* The file goes last: as long as it is there, so is the reason to set its companions aside. */
static bool embedded_set_aside(void *self, const char *mirror, struct bsc_err *err)
{
    const struct embedded *embedded = self;
    char *state = bsc_logs_path_state(mirror);
    bool ok =
        bsc_logs_leftover_set_aside(embedded->sys, mirror, err) &&
        (!bsc_files_exists(embedded->sys, mirror) || set_one_aside(embedded->sys, state, err)) &&
        set_one_aside(embedded->sys, mirror, err) &&
        bsc_files_sync_parent(embedded->sys, mirror, err);

    bsc_mem_free(state);
    return ok;
}

static struct bsc_value *embedded_look(void *self, const char *path)
{
    const struct embedded *embedded = self;

    return bsc_logs_copy_state(embedded->sys, path);
}

static struct bsc_mirrors_engine engine_of(struct embedded *embedded)
{
    return (struct bsc_mirrors_engine){.self = embedded,
                                       .clone = embedded_clone,
                                       .check = embedded_check,
                                       .shut = embedded_shut,
                                       .record = embedded_record,
                                       .may_replace = embedded_may_replace,
                                       .set_aside = embedded_set_aside,
                                       .look = embedded_look};
}

#define MIRROR_ARGS "principal: text, mirror: text"

static bool take_pair(const struct bsc_lib_call *call, const char **ret_principal,
                      const char **ret_mirror, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, MIRROR_ARGS, err) &&
           bsc_lib_args_path(call->args, "principal", ret_principal, err) &&
           bsc_lib_args_path(call->args, "mirror", ret_mirror, err);
}

/* mirrors.install */

static void report(void *arg, int64_t done, int64_t total)
{
    bsc_lib_call_progress(arg, done, total, "bytes");
}

static bool install(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct embedded embedded = {.sys = call->env->sys, .state = BSC_LOGS_STATE_INIT};
    const struct bsc_mirrors_engine engine = engine_of(&embedded);
    struct bsc_mirrors_install_order order = {
        .sys = call->env->sys,
        .engine = &engine,
        .watch = {.cancel = call->cancel, .progress = report, .progress_arg = call}};
    struct bsc_mirrors_installed installed = {0};
    bool ok;

    if (!take_pair(call, &order.principal, &order.mirror, err))
        return false;
    ok = bsc_mirrors_install(&order, &installed, err);
    bsc_logs_guard_close(embedded.guard);
    bsc_logs_state_release(&embedded.state);
    if (!ok)
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "bytes", installed.bytes);
    bsc_value_set_int(*ret, "lsn", installed.lsn);
    bsc_value_set_text(*ret, "sha256", installed.sha256);
    return true;
}

const struct bsc_lib_row bsc_lib_row_mirrors_install = {
    .name = "mirrors.install",
    .effect = BSC_LIB_WRITE,
    .run = install,
    .args = MIRROR_ARGS,
    .result = "map {bytes: int, lsn: int, sha256: text}",
    .doc = "Makes a mirror of a live database: cloned under a temporary name, checked, closed to "
           "clients, and only then put in place of an existing one, which is renamed.",
};

/* mirrors.follow */

static bool follow(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct embedded embedded = {.sys = call->env->sys, .state = BSC_LOGS_STATE_INIT};
    const struct bsc_mirrors_engine engine = engine_of(&embedded);
    struct bsc_mirrors_follow_order order = {.sys = call->env->sys,
                                             .engine = &engine,
                                             .program = call->env->own_path,
                                             .cancel = call->cancel};
    pid_t pid = 0;

    if (order.program == NULL)
        return bsc_err_set(err, BSC_ERR_UNSUPPORTED, "the path of bascule itself is not known");
    if (!take_pair(call, &order.principal, &order.mirror, err) ||
        !bsc_mirrors_follow(&order, &pid, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "pid", pid);
    return true;
}

const struct bsc_lib_row bsc_lib_row_mirrors_follow = {
    .name = "mirrors.follow",
    .effect = BSC_LIB_WRITE,
    .run = follow,
    .args = MIRROR_ARGS,
    .result = "map {pid: int}",
    .doc = "Starts the agent that keeps a mirror up to date, or keeps the one there is, and waits "
           "until the mirror has caught up once.",
};

/* mirrors.remove */

#define REMOVE_ARGS "mirror: text"

static bool remove_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct embedded embedded = {.sys = call->env->sys, .state = BSC_LOGS_STATE_INIT};
    const struct bsc_mirrors_engine engine = engine_of(&embedded);
    const char *mirror = NULL;

    if (!bsc_lib_args_known(call->args, REMOVE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "mirror", &mirror, err) ||
        !bsc_mirrors_remove(call->env->sys, &engine, mirror, err))
        return false;
    *ret = bsc_value_map();
    return true;
}

const struct bsc_lib_row bsc_lib_row_mirrors_remove = {
    .name = "mirrors.remove",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = remove_run,
    .args = REMOVE_ARGS,
    .result = "map {}",
    .doc = "Ends the agent of a mirror and renames the mirror.",
};

/* mirrors.state */

static bool state(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct embedded embedded = {.sys = call->env->sys, .state = BSC_LOGS_STATE_INIT};
    const struct bsc_mirrors_engine engine = engine_of(&embedded);
    const char *principal = NULL, *mirror = NULL;

    if (!take_pair(call, &principal, &mirror, err))
        return false;
    *ret = bsc_mirrors_state(call->env->sys, &engine, principal, mirror, 0, err);
    return *ret != NULL;
}

const struct bsc_lib_row bsc_lib_row_mirrors_state = {
    .name = "mirrors.state",
    .effect = BSC_LIB_READ,
    .run = state,
    .args = MIRROR_ARGS,
    .result = "map {state: text, principal: text, lsn: int?, lag: int?, agent: text}",
    .doc = "Says whether a mirror is being kept up to date and how far it is behind.",
};
