#include "logs/copy_state.h"

#include <errno.h>

#include "base/mem.h"
#include "logs/header.h"
#include "logs/position.h"
#include "logs/state.h"
#include "os/clock.h"
#include "os/files.h"

struct look {
    const struct bsc_sys *sys;
    const char *path;
    struct bsc_logs_db_header header;
    struct bsc_logs_state state;
    bool has_state;
    struct bsc_value *facts; /* the map being filled */
};

static void set_state(struct look *look, const char *state, const char *reason)
{
    bsc_value_set_text(look->facts, "state", state);
    bsc_value_set_bool(look->facts, "writable", false);
    bsc_value_set_text(look->facts, "reason", reason);
}

static void set_format(struct look *look, const char *state, char *owned_reason)
{
    set_state(look, state, owned_reason);
    bsc_mem_free(owned_reason);
}

/* What the system says when the server, its disk or the way to it is gone. Anything else, a refused
 * permission above all, tells nothing about the copy: clients may be writing to it. */
static bool is_gone(int reason)
{
    static const int gone[] = {ENOENT,    ENOTDIR,   ENXIO,        ENODEV,
                               ESTALE,    ETIMEDOUT, EHOSTUNREACH, ENETUNREACH,
                               EHOSTDOWN, ENOTCONN,  ECONNREFUSED};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        if (gone[i] == reason)
            return true;
    return false;
}

static void set_unknown(struct look *look, int reason, const char *doing)
{
    struct bsc_err err = BSC_ERR_INIT;

    (void)bsc_err_sys(&err, reason, "%s", doing);
    bsc_value_set_text(look->facts, "state", "unknown");
    bsc_value_set_text(look->facts, "reason", err.message);
}

/* False when there is no file to look at; the facts then say why. */
static bool find_file(struct look *look)
{
    const struct bsc_sys *sys = look->sys;
    char *folder = bsc_files_folder_of(look->path);
    struct stat status = {0};
    bool answers = sys->stat(sys->self, folder, &status) == 0;
    bool found = false;

    if (!answers && !is_gone(errno))
        set_unknown(look, errno, "its folder cannot be looked at");
    else if (!answers || !S_ISDIR(status.st_mode))
        set_format(look, "unreachable", bsc_mem_format("the folder '%s' does not answer", folder));
    else if (sys->stat(sys->self, look->path, &status) == 0)
        found = true;
    else if (errno == ENOENT)
        set_state(look, "missing", "there is no such file");
    else if (is_gone(errno))
        set_state(look, "unreachable", "the file does not answer");
    else
        set_unknown(look, errno, "it cannot be looked at");
    bsc_mem_free(folder);
    return found;
}

static bool is_normal(enum bsc_logs_mark mark)
{
    return mark == BSC_LOGS_MARK_WAL || mark == BSC_LOGS_MARK_ROLLBACK;
}

static void set_time(struct look *look, const char *key, int64_t time_ms)
{
    char text[BSC_CLOCK_TEXT] = "";

    if (time_ms <= 0)
        return;
    bsc_clock_format(time_ms, text);
    bsc_value_set_text(look->facts, key, text);
}

static void set_identity(struct look *look)
{
    const struct bsc_logs_state *state = &look->state;

    bsc_value_set_text(look->facts, "database_id", state->database_id);
    bsc_value_set_text(look->facts, "fork", state->fork);
    bsc_value_set_int(look->facts, "lsn", state->lsn);
    set_time(look, "time", state->time_ms);
    if (state->parting.fork[0] == '\0')
        return;
    bsc_value_set_int(look->facts, "recovered_lsn", state->parting.lsn);
    set_time(look, "recovered_time", state->parting.time_ms);
}

static void look_online(struct look *look)
{
    struct bsc_logs_position position = {0};
    struct bsc_err lost = BSC_ERR_INIT;

    set_state(look, "online", "");
    bsc_value_set_bool(look->facts, "writable", true);
    if (!look->has_state) {
        bsc_value_set_text(look->facts, "database_id", "");
        bsc_value_set_text(look->facts, "fork", "");
        return;
    }
    set_identity(look);
    if (look->state.role != BSC_LOGS_PRIMARY)
        return;
    if (!bsc_logs_position_read(look->sys, look->path, &look->state, &position, &lost)) {
        bsc_value_set_text(look->facts, "reason", lost.message);
        return;
    }
    bsc_value_set_int(look->facts, "lsn", position.lsn);
    set_time(look, "time", position.time_ms);
}

/* Clients go by the header alone, whatever is wrong beside it. */
static void set_writable(struct look *look)
{
    bsc_value_set_bool(look->facts, "writable", is_normal(look->header.mark));
}

static void look_disagreeing(struct look *look)
{
    const char *mark = bsc_logs_mark_name(look->header.mark);

    if (!look->has_state)
        set_format(look, "damaged",
                   bsc_mem_format("its header says %s, and there is no sidecar", mark));
    else
        set_format(look, "damaged",
                   bsc_mem_format("its header says %s, its sidecar %s", mark,
                                  bsc_logs_role_name(look->state.role)));
    set_writable(look);
}

static void look_closed(struct look *look, const char *state, const char *reason)
{
    set_state(look, state, reason);
    set_identity(look);
    if (bsc_logs_state_is_handed_over(&look->state))
        bsc_value_set_int(look->facts, "handed_over_lsn", look->state.lsn);
    if (!look->state.applying)
        return;
    bsc_value_set_int(look->facts, "incomplete_lsn", look->state.applying_last);
    set_format(look, state,
               bsc_mem_format("log backups from LSN %lld to %lld are in it in part only",
                              (long long)look->state.applying_first,
                              (long long)look->state.applying_last));
}

static void look_at_both(struct look *look)
{
    static const char interrupted[] = "its recovery was interrupted: recover it again";
    const enum bsc_logs_mark mark = look->header.mark;
    const enum bsc_logs_role role = look->state.role;
    const bool online = role == BSC_LOGS_PRIMARY || role == BSC_LOGS_ONLINE;

    if (is_normal(mark) && (!look->has_state || online))
        look_online(look);
    else if (!look->has_state)
        look_disagreeing(look);
    else if (mark == BSC_LOGS_MARK_RESTORING && role == BSC_LOGS_RESTORING)
        look_closed(look, "restoring", "");
    else if (mark == BSC_LOGS_MARK_RESTORING && role == BSC_LOGS_STANDBY)
        look_closed(look, "restoring", "an apply to this standby was interrupted");
    else if (mark == BSC_LOGS_MARK_RESTORING && role == BSC_LOGS_PRIMARY &&
             look->state.handed_over != NULL)
        look_closed(look, "online",
                    "its hand-over was interrupted: hand it over again, or open "
                    "it again");
    else if (mark == BSC_LOGS_MARK_RESTORING && role == BSC_LOGS_PRIMARY)
        look_closed(look, "restoring", interrupted);
    else if (mark == BSC_LOGS_MARK_STANDBY && role == BSC_LOGS_PRIMARY)
        look_closed(look, "standby", interrupted);
    else if (mark == BSC_LOGS_MARK_STANDBY && role == BSC_LOGS_STANDBY)
        look_closed(look, "standby", "");
    else if (mark == BSC_LOGS_MARK_RESTORING && role == BSC_LOGS_MIRROR)
        look_closed(look, "mirror", "");
    else
        look_disagreeing(look);
}

/* What cannot be read tells nothing, what was read and makes no sense is damaged. */
static void set_unread(struct look *look, const struct bsc_err *err)
{
    if (err->code == BSC_ERR_DAMAGED)
        set_state(look, "damaged", err->message);
    else if (err->code == BSC_ERR_UNREACHABLE || is_gone(err->sys_errno))
        set_state(look, "unreachable", err->message);
    else {
        bsc_value_set_text(look->facts, "state", "unknown");
        bsc_value_set_text(look->facts, "reason", err->message);
    }
}

/* False when the header or the sidecar cannot be read; the facts then say why. */
static bool read_both(struct look *look)
{
    struct bsc_err err = BSC_ERR_INIT;

    if (!bsc_logs_db_header_read(look->sys, look->path, &look->header, &err)) {
        set_unread(look, &err);
        return false;
    }
    bsc_value_set_int(look->facts, "page_size", look->header.page_size);
    look->has_state = bsc_logs_state_load(look->sys, look->path, &look->state, &err);
    if (!look->has_state && err.code != BSC_ERR_NOT_FOUND) {
        set_unread(look, &err);
        set_writable(look);
        return false;
    }
    if (look->has_state && look->state.page_size != look->header.page_size) {
        set_format(look, "damaged",
                   bsc_mem_format("its pages have %u bytes, its sidecar says %u",
                                  look->header.page_size, look->state.page_size));
        return false;
    }
    return true;
}

/* A job that cannot be read is one all the same. */
static void set_shipping(struct look *look)
{
    struct bsc_logs_job job = BSC_LOGS_JOB_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    bool readable = bsc_logs_job_load(look->sys, look->path, &job, &err);
    bool there = readable || err.code != BSC_ERR_NOT_FOUND;
    bsc_value_set_text(look->facts, "log_shipping", there ? "configured" : "none");
    char *text = readable ? bsc_logs_job_text(&job) : bsc_mem_text("");
    bsc_value_set_text(look->facts, "log_shipping_job", text);
    bsc_mem_free(text);
    bsc_logs_job_release(&job);
}

struct bsc_value *bsc_logs_copy_state(const struct bsc_sys *sys, const char *path)
{
    struct look look = {
        .sys = sys, .path = path, .state = BSC_LOGS_STATE_INIT, .facts = bsc_value_map()};

    if (find_file(&look) && read_both(&look))
        look_at_both(&look);
    set_shipping(&look);
    bsc_logs_state_release(&look.state);
    return look.facts;
}
