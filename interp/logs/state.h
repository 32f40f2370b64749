/*
 * What is kept beside a database: `<db>.state`, which says what this copy is and how far it has
 * come, and `<db>.shipping`, the log-shipping job of a secondary.
 *
 * Both are canonical JSON, replaced atomically and durably. May include base, os and value.
 */
#ifndef BSC_LOGS_STATE_H
#define BSC_LOGS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/format.h"
#include "logs/wal.h"
#include "os/sys.h"
#include "value/value.h"

enum bsc_logs_role {
    BSC_LOGS_ONLINE,    /* recovered here, not shipped from */
    BSC_LOGS_PRIMARY,   /* log backups or a mirror are fed from it */
    BSC_LOGS_RESTORING, /* takes log backups, cannot be opened */
    BSC_LOGS_STANDBY,   /* takes log backups, can be read */
    BSC_LOGS_MIRROR     /* follows a principal, cannot be opened */
};

/* "primary", "restoring", …; never NULL. */
const char *bsc_logs_role_name(enum bsc_logs_role role);

/* How the database file looked when every frame up to `place` had been checkpointed into it. A
 * file that still looks so has had no checkpoint since, hence lost no frame to a WAL reset. */
struct bsc_logs_settled {
    bool known;
    int64_t bytes;
    int64_t mtime_ns;
};

/* Where this copy was brought online, on a recovery fork of its own. A fork may be followed by
 * another, of the same copy, when the count of its log was lost; this stays. */
struct bsc_logs_parting {
    char fork[BSC_LOGS_ID_HEX]; /* the fork it left; empty: it was never brought online */
    int64_t lsn;
    int64_t time_ms; /* wall time of the commit at that LSN; 0 when unknown */
};

struct bsc_logs_state {
    char database_id[BSC_LOGS_ID_HEX];
    char fork[BSC_LOGS_ID_HEX];
    char previous_fork[BSC_LOGS_ID_HEX]; /* empty for the first fork */
    int64_t fork_lsn;                    /* the LSN at which the fork began */
    struct bsc_logs_parting parting;     /* kept for an online copy or a primary only */
    struct bsc_value *own_forks;         /* owned list of texts, NULL for none: the forks that this
                                            copy has had between the parting and this one */
    struct bsc_value *handed_over;       /* owned, NULL when it was not: what a copy that gave up
                                            its last commit was before, so that it can be opened
                                            again (logs/hand_over.h); gone once it takes more */
    enum bsc_logs_role role;
    int64_t lsn;     /* what this copy holds (restoring, standby, mirror), or what of it has been
                        shipped (primary) */
    int64_t time_ms; /* wall time of the commit at that LSN; 0 when unknown */
    uint32_t page_size;
    bool placed;                            /* `place` means something */
    struct bsc_logs_wal_place place;        /* a point of the principal's WAL (primary, mirror) */
    int64_t place_lsn;                      /* the LSN at that point; lsn is at or after it */
    char place_next[BSC_LOGS_WAL_SLOT_HEX]; /* what stood in the WAL right after that point: as long
                                               as it stands there, no frame was ever written behind
                                               it (bsc_logs_wal_slot) */
    struct bsc_logs_settled settled; /* the principal's file at that point (primary, mirror) */
    bool backed_up;                  /* log backups are taken, which decide when the WAL may be
                                        reset (primary) */
    bool applying;                   /* pages of the range below are being written */
    int64_t applying_first;
    int64_t applying_last;
    struct bsc_value *applying_files; /* owned list of texts; NULL when not applying */
};

#define BSC_LOGS_STATE_INIT                                                                        \
    {                                                                                              \
        .role = BSC_LOGS_ONLINE                                                                    \
    }

void bsc_logs_state_release(struct bsc_logs_state *state);

/* Notes that a primary is about to give up its last commit, or has done so. */
void bsc_logs_state_hand_over(struct bsc_logs_state *state);
/* Makes it the primary again that it was; the note stays. False when there is none, or when the
 * copy has taken something since. */
bool bsc_logs_state_take_back(struct bsc_logs_state *state);
/* Whether a restoring copy can be opened again as the primary that it was. */
bool bsc_logs_state_is_handed_over(const struct bsc_logs_state *state);
/* It goes on by other means: the note goes. */
void bsc_logs_state_forget(struct bsc_logs_state *state);

/* Reads `<db>.state`. *state must be in its initial state; release it in any case. Errors:
 * BSC_ERR_NOT_FOUND when there is none, BSC_ERR_DAMAGED when it makes no sense. */
bool bsc_logs_state_load(const struct bsc_sys *sys, const char *db, struct bsc_logs_state *state,
                         struct bsc_err *err);
/* Replaces `<db>.state` durably. */
bool bsc_logs_state_save(const struct bsc_sys *sys, const char *db,
                         const struct bsc_logs_state *state, struct bsc_err *err);

/* A log-shipping job. */
struct bsc_logs_job {
    char *share;       /* owned: folder the primary writes its log backups to */
    char *destination; /* owned: folder they are copied to */
    int64_t interval_ms;
};

#define BSC_LOGS_JOB_INIT                                                                          \
    {                                                                                              \
        0                                                                                          \
    }

void bsc_logs_job_release(struct bsc_logs_job *job);

/* Reads a job's JSON; `name` is for errors. DAMAGED when it is no job. */
bool bsc_logs_job_parse(const char *name, const char *text, size_t length, struct bsc_logs_job *job,
                        struct bsc_err *err);
/* Reads `<db>.shipping`. Errors as above. */
bool bsc_logs_job_load(const struct bsc_sys *sys, const char *db, struct bsc_logs_job *job,
                       struct bsc_err *err);
bool bsc_logs_job_save(const struct bsc_sys *sys, const char *db, const struct bsc_logs_job *job,
                       struct bsc_err *err);
/* Removes `<db>.shipping` durably; one that is not there is fine. */
bool bsc_logs_job_remove(const struct bsc_sys *sys, const char *db, struct bsc_err *err);
/* The job's canonical JSON; returns owned. */
char *bsc_logs_job_text(const struct bsc_logs_job *job);

/* "<db>.state", "<db>.shipping", "<db>-wal"; each returns owned. */
char *bsc_logs_path_state(const char *db);
char *bsc_logs_path_shipping(const char *db);
char *bsc_logs_path_wal(const char *db);

#endif
