/*
 * A process of the lab: it does `round` now and then, until a signal ends it.
 */
#ifndef BSC_CLI_LAB_PG_WORK_INT_H
#define BSC_CLI_LAB_PG_WORK_INT_H

#include "cli/lab_pg.h"
#include "os/loop.h"

struct bsc_lab_pg_worker {
    const struct bsc_lab *lab;
    struct bsc_loop *loop;
    bool (*round)(struct bsc_lab_pg_worker *w, int64_t *ret_pause_ms);
    struct bsc_err *err;
    struct bsc_sql *front; /* the writer's way to the database; NULL while there is none */
    struct bsc_sql *ledger;
    void *own;    /* what else its rounds need; borrowed */
    int64_t last; /* message that was tried */
    bool stop;
    bool failed;
};

/* The first round comes before the role says that it is ready. */
bool bsc_lab_pg_worker_go_on(struct bsc_lab_pg_worker *w, const char *role);

/* Has a lease on each file of the share, so that whoever opens one waits. */
bool bsc_lab_pg_slow_down(const struct bsc_lab *lab, struct bsc_err *err);

#endif
