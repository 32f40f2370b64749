/*
 * A PostgreSQL server that takes its log from a folder: how it is made one, started as one, and
 * brought up to a place in the log of another. Private to the files of this room.
 */
#ifndef BSC_LIB_PG_FEED_INT_H
#define BSC_LIB_PG_FEED_INT_H

#include "lib/env.h"
#include "lib/pg_place_int.h"
#include "lib/pg_wait_int.h"
#include "mirrors/pg.h"

/* In the data folder of a server that is being handed over, while it is down for that. */
#define BSC_LIB_PG_CLOSING "bascule.closing"

/* Beside that, where the server has a restore_command of its own, which it keeps. */
#define BSC_LIB_PG_OWN_RESTORE "bascule.own-restore"

/* In the data folder of a standby while it is down to follow another server. */
#define BSC_LIB_PG_FOLLOWING "bascule.following"

/* In the data folder of a server that is about to make room for another, while it is down. */
#define BSC_LIB_PG_LEAVING "bascule.leaving"

/* In the data folder of a copy that was made in the place of another, for as long as it is there.
 */
#define BSC_LIB_PG_SEEDED "bascule.seeded"

/* Both the place of a server and the way to ask it. */
struct bsc_lib_pg_side {
    struct bsc_lib_pg_place place;
    struct bsc_lib_pg_asked asked;
};

/* Takes the arguments `server` and `database`; all of it is borrowed from the call. */
bool bsc_lib_pg_side_find(struct bsc_lib_call *call, struct bsc_lib_pg_side *ret,
                          struct bsc_err *err);

/* Writes the settings of a standby that is fed so; the server is down. */
bool bsc_lib_pg_feed_settings(const struct bsc_lib_pg_place *place,
                              const struct bsc_mirrors_pg_feed *feed, struct bsc_err *err);

/* Puts an empty file into the data folder, durably, or takes it away. */
bool bsc_lib_pg_feed_mark(const struct bsc_lib_pg_place *place, const char *name,
                          struct bsc_err *err);
bool bsc_lib_pg_feed_unmark(const struct bsc_lib_pg_place *place, const char *name,
                            struct bsc_err *err);
bool bsc_lib_pg_feed_marked(const struct bsc_lib_pg_place *place, const char *name, bool *ret,
                            struct bsc_err *err);

/* Starts the server and waits until it answers, in recovery or not. */
bool bsc_lib_pg_feed_start(const struct bsc_lib_pg_side *side, bool restoring, struct bsc_err *err);
bool bsc_lib_pg_feed_stop(const struct bsc_lib_pg_side *side, struct bsc_err *err);

/* Asks for one number. */
bool bsc_lib_pg_number(const struct bsc_lib_pg_asked *asked, const char *sql, int64_t *ret,
                       struct bsc_err *err);

/* Where a server's log is to be followed to. */
struct bsc_lib_pg_end {
    bool restoring; /* its log is at its end */
    int64_t timeline;
    int64_t segment; /* bytes */
    int64_t lsn;
};

/* What a server has logged so far, all of which is in the share when this is true: the log file in
 * use of one that is online is closed for that. */
bool bsc_lib_pg_ship(const struct bsc_lib_pg_asked *from, const char *share,
                     struct bsc_lib_pg_end *ret, struct bsc_err *err);

/* Copies the log files in which [first_lsn, end) lies from the call's argument `share` to its
 * `destination`, with the history of the timeline where there is one. */
bool bsc_lib_pg_carry(struct bsc_lib_call *call, const char *share, int64_t first_lsn,
                      const struct bsc_lib_pg_end *end, struct bsc_err *err);

/* Which timeline a server is on, as far as its control file tells of a standby. */
bool bsc_lib_pg_timeline(const struct bsc_lib_pg_asked *asked, int64_t *ret, struct bsc_err *err);

/* Waits until a file of the server is in the share; the returned path is owned, NULL on failure. */
char *bsc_lib_pg_await_shared(const struct bsc_lib_pg_asked *from, const char *share,
                              const char *name, struct bsc_err *err);

/* Has the standby replay what the other server has shipped until now, and proves that it is on the
 * timeline of that server then; the call's `share`, and `destination` where there is one, are in
 * between. */
bool bsc_lib_pg_feed_settle(const struct bsc_lib_pg_side *side, const struct bsc_lib_pg_asked *from,
                            const char *share, int64_t *ret_lsn, struct bsc_err *err);

/* Waits until the standby of the call's `server` has replayed its log up to there. */
bool bsc_lib_standby_replay(struct bsc_lib_call *call, int64_t lsn, struct bsc_err *err);

#endif
