/*
 * Asking a PostgreSQL server over ODBC, for the rows that change a standby.
 *
 * Rows work in the lane of their server, so that all of them share its connections.
 */
#ifndef BSC_LIB_STANDBY_INT_H
#define BSC_LIB_STANDBY_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/env.h"
#include "lib/row.h"
#include "logs/segments.h"

/* The arguments `server` and `database`, for the connection over which the server is observed as
 * well: another one would be a session among those that are counted and ended. What these rows ask
 * for are functions, which may be called where nothing else may be written. */
bool bsc_lib_standby_target(const struct bsc_lib_call *call, struct bsc_lib_target *ret,
                            struct bsc_err *err);

/* Runs a statement with the call's deadline and gives the first row of its first result set:
 * an owned list, or NULL on failure. */
struct bsc_value *bsc_lib_standby_ask(const struct bsc_lib_call *call,
                                      const struct bsc_lib_target *target, const char *text,
                                      const struct bsc_value *params, struct bsc_err *err);

/* Has the server read its settings anew, which makes a standby that waits for its next look at the
 * archive look at once: the handler of SIGHUP in its startup process wakes recovery (PostgreSQL's
 * startup.c, StartupProcSigHupHandler). False where the role may not. */
bool bsc_lib_standby_wake(const struct bsc_lib_call *call, const struct bsc_lib_target *target);

/* Has a setting of a server be `to` (ALTER SYSTEM) where it is `from`: false where nothing was
 * tried. Else it need not have succeeded, nor count at once: bsc_lib_standby_reset finds out. */
bool bsc_lib_standby_replace(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                             const char *name, const char *from, const char *to);

/* Gives up what ALTER SYSTEM has written of a setting where that is `value` still: what somebody
 * has set meanwhile stays. */
bool bsc_lib_standby_reset(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                           const char *name, const char *value, struct bsc_err *err);

/* Closes a connection that nothing is observed over: it would be counted as somebody's session. */
void bsc_lib_standby_hang_up(const struct bsc_lib_call *call, const struct bsc_lib_target *target);

/* Copies the log files and histories that a list names from the call's argument `share` to its
 * `destination`, for the standby of its arguments to take (wal.c). Where `way` is not NULL, log
 * files go into the standby's own folder if its argument `data` names that; the caller releases it
 * in any case. */
struct bsc_lib_wal_way;
bool bsc_lib_wal_copy(struct bsc_lib_call *call, const struct bsc_value *list,
                      struct bsc_lib_wal_way *way, struct bsc_logs_segments_result *ret,
                      struct bsc_err *err);

/* What tells one start of a server from every other, as SQL. */
#define BSC_LIB_STANDBY_SINCE                                                                      \
    "to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* For how long an order to come online holds, by the server's clock: one that is still on its way
 * then is left aside. */
enum { BSC_LIB_STANDBY_ORDER_MS = 5000 };
#define BSC_LIB_STANDBY_CLOCK_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

/* "0/39FFFE8", as the server writes an LSN. */
enum { BSC_LIB_STANDBY_LSN = 24 };
const char *bsc_lib_standby_lsn(int64_t lsn, char ret_text[BSC_LIB_STANDBY_LSN]);

#endif
