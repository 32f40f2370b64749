/*
 * What this room needs of the database engine whose databases it mirrors.
 *
 * The room knows the procedure, the engine knows the files. Whoever sees both fills the table in.
 * May include base, os and value.
 */
#ifndef BSC_MIRRORS_ENGINE_H
#define BSC_MIRRORS_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "value/value.h"

/* How long work is watched and stopped. */
struct bsc_mirrors_watch {
    const atomic_bool *cancel; /* borrowed; NULL, or set when the operator wants to stop */
    void (*progress)(void *arg, int64_t done, int64_t total); /* bytes; may be NULL */
    void *progress_arg;
};

struct bsc_mirrors_engine {
    void *self; /* passed back as the first argument; borrowed */
    /* Copies the live principal into a file at `temporary`, replacing what is there, durable but
     * for its name, and remembers in `self` what `record` will need. */
    bool (*clone)(void *self, const char *principal, const char *temporary,
                  const struct bsc_mirrors_watch *watch, int64_t *ret_bytes, int64_t *ret_lsn,
                  struct bsc_err *err);
    /* Proves the structure of the copy. */
    bool (*check)(void *self, const char *path, const struct bsc_mirrors_watch *watch,
                  struct bsc_err *err);
    /* Makes the file one that no client opens, durably. */
    bool (*shut)(void *self, const char *path, struct bsc_err *err);
    /* Writes what belongs beside the mirror that was cloned last, durably. */
    bool (*record)(void *self, const char *mirror, struct bsc_err *err);
    /* Whether the file at `mirror` may be replaced: CONFLICT naming the processes that use it. */
    bool (*may_replace)(void *self, const char *mirror, struct bsc_err *err);
    /* Renames the file at `mirror` aside with everything that belongs to it; none is fine. */
    bool (*set_aside)(void *self, const char *mirror, struct bsc_err *err);
    /* The facts of a copy, an owned map: state, fork, database_id, lsn. Never fails. */
    struct bsc_value *(*look)(void *self, const char *path);
};

#endif
