/*
 * The tail of a dead PostgreSQL server's log: what it has committed and no log file that was
 * shipped contains, read from its disk.
 *
 * The disk is only ever read, so it may be mounted read-only. The tail is handed to the standby as
 * log files of the full length: what follows its last whole record there is zeros, as in a log that
 * goes on. A note in the destination tells which log files were salvaged and not shipped.
 * May include base, os and value.
 */
#ifndef BSC_LOGS_PG_TAIL_H
#define BSC_LOGS_PG_TAIL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"
#include "value/value.h"

/* What was told of a tail that can be salvaged. */
struct bsc_logs_pg_told {
    uint64_t last_lsn;
    int64_t commits;
    int64_t time_ms; /* of the last of them; 0: none is known */
};

struct bsc_logs_pg_tail_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    /* Data folders of dead servers, or their folders of log files: the primary's, and those of
       mirrors, which hold the same log. The one that tells the most is taken. */
    const char *const *salvage;
    size_t salvage_count;
    size_t mirrors; /* of these, the last ones: the primary's log may be longer than theirs */
    const char *destination; /* from where the standby takes its log files */
    const char *share;       /* where the server has archived them; may be NULL */
    uint32_t timeline;
    uint32_t segment;   /* bytes of a log file */
    uint64_t system;    /* identifier that all servers of the site have */
    uint64_t after_lsn; /* the tail begins here */
    uint64_t last_lsn;  /* to be salvaged up to here, no less and no more; 0 is all there is */
    bool parted;        /* the copy was brought online at after_lsn: it takes nothing any more */
    bool rests;         /* bsc_logs_pg_tail_rests has just said so of these disks */
    /* For salvaging, of the only disk: what was told of it when all of its files were as they are
       now, so that they need not be read for that again; NULL: it is not known. */
    const struct bsc_logs_pg_told *told;
    int64_t list_from;         /* commits that are left out before those */
    int64_t list_max;          /* commits that are told one by one */
    const atomic_bool *cancel; /* may be NULL */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes written; may be NULL */
    void *progress_arg;
};

/* Returns an owned map: state, first_lsn, last_lsn, time, commits, commit_list, prepared and
 * reason, as stdlib/facts/tail.lua describes them. NULL with CANCELLED, or INVALID for an order
 * that cannot be carried out whatever the disk holds. */
struct bsc_value *bsc_logs_pg_tail(const struct bsc_logs_pg_tail_order *order, struct bsc_err *err);

/* Whether the disks are there and no server on this machine works with any of them. Their files may
 * be the same as before, and yet somebody be about to write to them. */
bool bsc_logs_pg_tail_rests(const struct bsc_logs_pg_tail_order *order);

struct bsc_logs_pg_salvaged {
    uint64_t first_lsn;
    uint64_t last_lsn;
    int64_t commits;
    int64_t files; /* that were handed over */
};

/* Hands the tail over: each file is written under a temporary name and made durable, the whole tail
 * is read again from there, and only then the files get their names, in order. One of a name that
 * is there already is replaced: it holds less. A killed run leaves temporary files, which the next
 * one replaces, and perhaps the first of the files. REFUSED when there is nothing to salvage, IO
 * where the system does not let it be read; errors of looking at the tail;
 * CONFLICT when it does not end at last_lsn; DAMAGED when what was written is not what was read. */
bool bsc_logs_pg_salvage(const struct bsc_logs_pg_tail_order *order,
                         struct bsc_logs_pg_salvaged *ret, struct bsc_err *err);

#endif
