/*
 * A process of the lab: it does `round` now and then, until a signal ends it.
 */
#ifndef BSC_CLI_LAB_WORKER_H
#define BSC_CLI_LAB_WORKER_H

#include <sys/stat.h>

#include "cli/lab.h"
#include "os/loop.h"

struct bsc_lab_worker {
    const struct bsc_lab *lab; /* borrowed */
    struct bsc_loop *loop;
    bool (*round)(struct bsc_lab_worker *w, int64_t *ret_pause_ms);
    struct bsc_err *err; /* borrowed */
    void *own;           /* what its rounds need; borrowed */
    struct stat mark;    /* of the lab, as it was in the beginning */
    bool stop;
    bool failed;
};

/* The first round comes before the role says that it is ready. */
bool bsc_lab_worker_go_on(struct bsc_lab_worker *w, const char *role);

#endif
