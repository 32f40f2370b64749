#include <stdio.h>
#include <string.h>

#include "lib/args.h"
#include "lib/pg_feed_int.h"
#include "lib/rows_int.h"
#include "lib/standby_haste_int.h"
#include "lib/standby_int.h"
#include "os/clock.h"

#define REPLAY_ARGS "server: text, database: text, lsn: int, plain: text?, quick: text?"

enum {
    LOOK_EVERY_MS = 10,
    LOOK_SOON_MS = 1, /* near the end, for which everybody waits, while it moves */
    NEAR_BYTES = 8 << 20,
    STILL_AFTER_MS = 5,
    RESTS_AFTER_MS = 100,
    WAKE_EVERY_MS = 100,
    WAKES = 30,
    STALLED_AFTER_MS = 60000,
    STUCK_AFTER_MS = 600000,
    HELD_UP_AFTER_MS = 2000
};

/* What the standby says of its recovery. */
struct look {
    bool recovering;
    bool paused;
    int64_t lsn;
    int64_t retry_ms;    /* how long it waits for its next look */
    int64_t conflict_ms; /* for how long a query may hold replay up; -1 is for ever */
    char file[32];       /* the log file that it is in */
    char event[96];      /* what its startup process waits for; "" for nothing, or not told */
    char time[BSC_CLOCK_TEXT];
};

struct watch {
    struct bsc_lib_call *call;
    struct bsc_lib_target target;
    int64_t wanted; /* LSN */
    int64_t began;  /* LSN at first */
    struct look now;
    int64_t moved_us; /* when it moved last */
    int64_t woken_us;
    int wakes; /* since it moved last */
    bool deaf; /* the role may not wake it: it looks by itself, later */
    struct bsc_lib_haste haste;
};

/* Asked all the time, so it costs the standby next to nothing: its replay needs the processor. */
static const char question[] =
    "SELECT pg_is_in_recovery()::int,"
    " (CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END)::int,"
    " coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0),"
    " coalesce(to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC',"
    " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), '')";

/* Why it does not move. */
static const char close_question[] =
    "SELECT (SELECT setting::bigint FROM pg_settings WHERE name = 'max_standby_archive_delay'),"
    " coalesce((SELECT wait_event_type || ':' || wait_event FROM pg_stat_activity"
    " WHERE backend_type = 'startup' LIMIT 1), ''),"
    /* The server itself gives the name of a log file only when it is out of recovery. */
    " (SELECT upper(lpad(to_hex(timeline), 8, '0') || lpad(to_hex(lsn >> 32), 8, '0') ||"
    " lpad(to_hex((lsn & 4294967295) / bytes), 8, '0')) FROM"
    " (SELECT greatest(timeline_id, min_recovery_end_timeline) AS timeline,"
    " coalesce((pg_last_wal_replay_lsn() - '0/0')::bigint, 0) AS lsn"
    " FROM pg_control_checkpoint(), pg_control_recovery()) AS at,"
    " pg_size_bytes(current_setting('wal_segment_size')) AS bytes),"
    " (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_retrieve_retry_interval')";

static void take_text(const struct bsc_value *row, size_t column, char *ret, size_t size)
{
    const char *text = bsc_value_string(bsc_value_at(row, column));
    snprintf(ret, size, "%s", text != NULL ? text : "");
}

static bool look(struct watch *watch, struct bsc_err *err)
{
    enum { RECOVERING, PAUSED, LSN, TIME };
    struct look *now = &watch->now;
    struct bsc_value *row = bsc_lib_standby_ask(watch->call, &watch->target, question, NULL, err);
    if (row == NULL)
        return false;
    now->recovering = bsc_value_number(bsc_value_at(row, RECOVERING), 0) == 1;
    now->paused = bsc_value_number(bsc_value_at(row, PAUSED), 0) == 1;
    now->lsn = bsc_value_number(bsc_value_at(row, LSN), 0);
    take_text(row, TIME, now->time, sizeof now->time);
    now->event[0] = '\0';
    bsc_value_free(row);
    return true;
}

static bool look_closely(struct watch *watch, struct bsc_err *err)
{
    enum { CONFLICT, EVENT, FILE_NAME, RETRY };
    struct look *now = &watch->now;
    struct bsc_value *row =
        bsc_lib_standby_ask(watch->call, &watch->target, close_question, NULL, err);
    if (row == NULL)
        return false;
    now->conflict_ms = bsc_value_number(bsc_value_at(row, CONFLICT), 0);
    now->retry_ms = bsc_value_number(bsc_value_at(row, RETRY), 0);
    take_text(row, EVENT, now->event, sizeof now->event);
    take_text(row, FILE_NAME, now->file, sizeof now->file);
    bsc_value_free(row);
    return true;
}

static int64_t now_us(const struct watch *watch)
{
    const struct bsc_clock *clock = watch->call->env->clock;
    return clock->mono_us(clock->self);
}

/* For how long it has not moved. */
static int64_t still_ms(const struct watch *watch)
{
    return (now_us(watch) - watch->moved_us) / 1000;
}

static bool waits_for(const struct look *now, const char *event)
{
    return strcmp(now->event, event) == 0;
}

/* Nothing more can be got for now. The events are those of PostgreSQL 13 and later. */
static bool is_idle(const struct look *now)
{
    return waits_for(now, "Timeout:RecoveryRetrieveRetryInterval") ||
           waits_for(now, "Activity:RecoveryWalStream");
}

/* A query of a reader needs what replay is about to change. */
static bool is_held_up(const struct look *now)
{
    return waits_for(now, "IPC:RecoveryConflictSnapshot") ||
           waits_for(now, "IPC:RecoveryConflictTablespace") ||
           waits_for(now, "BufferPin:BufferPin") || strncmp(now->event, "Lock:", 5) == 0;
}

static bool complain(const struct watch *watch, enum bsc_err_code code, const char *why,
                     const char *hint, struct bsc_err *err)
{
    char at[BSC_LIB_STANDBY_LSN], wanted[BSC_LIB_STANDBY_LSN];
    bsc_err_set(
        err, code, "\"%s\" has replayed its log up to LSN %lld (%s) instead of %lld (%s): %s",
        watch->target.server, (long long)watch->now.lsn, bsc_lib_standby_lsn(watch->now.lsn, at),
        (long long)watch->wanted, bsc_lib_standby_lsn(watch->wanted, wanted), why);
    return bsc_err_hint(err, "%s", hint);
}

/* Each wait that does not end by itself, or not for that reason, has words of its own. */
static bool check_state(const struct watch *watch, struct bsc_err *err)
{
    const struct look *now = &watch->now;
    if (!now->recovering)
        return complain(watch, BSC_ERR_CONFLICT, "it is not in recovery any more",
                        "Somebody has brought it online, or its recovery target has.", err);
    if (now->paused)
        return complain(watch, BSC_ERR_REFUSED, "its replay is paused",
                        "SELECT pg_wal_replay_resume() lets it go on.", err);
    if (waits_for(now, "Timeout:RecoveryApplyDelay"))
        return complain(watch, BSC_ERR_REFUSED, "recovery_min_apply_delay keeps it back",
                        "Set it to 0 and let the server read its settings anew.", err);
    return true;
}

/* Whether there is still a look to come that may find something: those it is woken for, or, where
 * it cannot be woken, two of its own. */
static bool has_hope(const struct watch *watch)
{
    return watch->wakes < WAKES || (watch->deaf && still_ms(watch) < 2 * watch->now.retry_ms);
}

/* Where it is woken and woken again and finds nothing to go on with, what follows cannot be read:
 * damaged, missing, or not whole. */
static bool check_idle(struct watch *watch, struct bsc_err *err)
{
    if (has_hope(watch)) {
        if (now_us(watch) - watch->woken_us >= (int64_t)WAKE_EVERY_MS * 1000) {
            watch->deaf = !bsc_lib_standby_wake(watch->call, &watch->target);
            watch->woken_us = now_us(watch);
            watch->wakes++;
        }
        return true;
    }
    char why[96];
    snprintf(why, sizeof why, "what follows in %s is damaged or not there", watch->now.file);
    return complain(watch, BSC_ERR_DAMAGED, why,
                    "The messages of the server say what it finds wrong with the log file there.",
                    err);
}

/* It works, reads or writes, or waits for its restore_command: a long record, a slow disk or a file
 * that comes from far away takes its time. */
static bool is_busy(const struct look *now)
{
    return now->event[0] == '\0' || strncmp(now->event, "IO:", 3) == 0 ||
           waits_for(now, "IPC:RestoreCommand");
}

static bool check_stall(const struct watch *watch, struct bsc_err *err)
{
    const int64_t for_ms = still_ms(watch);
    const struct look *now = &watch->now;
    bool held_up = is_held_up(now);
    int64_t limit_ms = is_busy(now) ? STUCK_AFTER_MS : STALLED_AFTER_MS;
    char why[64];
    if (held_up && now->conflict_ms < 0 && for_ms > HELD_UP_AFTER_MS)
        return complain(watch, BSC_ERR_CONFLICT,
                        "a query holds it up, and max_standby_archive_delay is -1",
                        "End the sessions of its readers first, with sessions.kill_all.", err);
    if (for_ms <= limit_ms + (held_up ? now->conflict_ms : 0))
        return true;
    snprintf(why, sizeof why, "it has not moved for %lld s", (long long)(for_ms / 1000));
    complain(watch, BSC_ERR_TIMEOUT, why, "Look at the messages of the server.", err);
    return bsc_err_detail(err, "Its startup process waits for %s.",
                          now->event[0] != '\0' ? now->event : "nothing that it tells");
}

static bool go_on(struct watch *watch, bool *ret_over, struct bsc_err *err)
{
    int64_t before = watch->now.lsn;
    if (!look(watch, err))
        return false;
    bool moves = watch->now.lsn != before || still_ms(watch) < STILL_AFTER_MS;
    if (watch->now.lsn != before) {
        watch->moved_us = now_us(watch);
        watch->wakes = 0;
    }
    bsc_lib_call_progress(watch->call, watch->now.lsn - watch->began, watch->wanted - watch->began,
                          "bytes");
    *ret_over = watch->now.lsn >= watch->wanted;
    if (*ret_over)
        return true;
    if ((!moves && !look_closely(watch, err)) || !check_state(watch, err))
        return false;
    return moves || (is_idle(&watch->now) ? check_idle(watch, err) : check_stall(watch, err));
}

/* Replay needs the processors more than whoever watches it. */
static int64_t next_look_ms(const struct watch *watch)
{
    bool is_near = watch->wanted - watch->now.lsn <= NEAR_BYTES;
    return is_near && still_ms(watch) < RESTS_AFTER_MS ? LOOK_SOON_MS : LOOK_EVERY_MS;
}

static bool end_haste(struct watch *watch, struct bsc_err *err)
{
    return bsc_lib_haste_end(watch->call, &watch->target, &watch->haste, err);
}

/* Where that does not work, it is tried once more at the end: the replay goes on all the same. */
static void end_haste_in_time(struct watch *watch)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (watch->now.lsn < watch->haste.until_lsn)
        return;
    watch->haste.until_lsn = INT64_MAX;
    (void)end_haste(watch, &ignored);
}

static bool replay_all(struct watch *watch, struct bsc_err *err)
{
    bool over = false;
    while (go_on(watch, &over, err) && !over) {
        end_haste_in_time(watch);
        bsc_clock_pause(next_look_ms(watch), watch->call->cancel);
        if (!bsc_lib_call_continue(watch->call, err))
            return false;
    }
    return over;
}

static bool replay(struct watch *watch, struct bsc_err *err)
{
    struct bsc_err left = BSC_ERR_INIT;
    if (!look(watch, err))
        return false;
    watch->began = watch->now.lsn;
    watch->moved_us = now_us(watch);
    bsc_lib_haste_begin(watch->call, &watch->target, watch->now.lsn, watch->wanted, &watch->haste);
    if (replay_all(watch, err))
        return end_haste(watch, err);
    return end_haste(watch, &left) ? false : bsc_err_wrap(err, "%s", left.message);
}

bool bsc_lib_standby_replay(struct bsc_lib_call *call, int64_t lsn, struct bsc_err *err)
{
    struct watch watch = {.call = call, .wanted = lsn};
    return bsc_lib_standby_target(call, &watch.target, err) && replay(&watch, err);
}

static bool replay_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct watch watch = {.call = call};
    if (!bsc_lib_args_known(call->args, REPLAY_ARGS, err) ||
        !bsc_lib_standby_target(call, &watch.target, err) ||
        !bsc_lib_args_count(call->args, "lsn", &watch.wanted, err))
        return false;
    watch.haste.plain = bsc_value_get_string(call->args, "plain");
    watch.haste.quick = bsc_value_get_string(call->args, "quick");
    if (!replay(&watch, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "lsn", watch.now.lsn);
    bsc_value_set_text(*ret, "time", watch.now.time);
    return true;
}

const struct bsc_lib_row bsc_lib_row_standby_replay = {
    .name = "standby.replay",
    .effect = BSC_LIB_WRITE,
    .resumes = true,
    .run = replay_run,
    .lane = "server",
    .args = REPLAY_ARGS,
    .result = "map {lsn: int, time: text}",
    .doc =
        "Waits until a standby of PostgreSQL has replayed its log up to `lsn`, wakes it where it "
        "waits for its next look, and says what holds it up. Where `plain` is the restore_command "
        "in its configuration file and there are four log files or more to replay, it has `quick` "
        "instead until the last of them (ALTER SYSTEM); what it has got since stays.",
};
