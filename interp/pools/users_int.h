/*
 * What the files about moving users share. Private to this room.
 */
#ifndef BSC_POOLS_USERS_INT_H
#define BSC_POOLS_USERS_INT_H

#include <pthread.h>

#include "pools/users.h"

/* One is at work while the next is put on record. */
enum { BSC_POOLS_PARTS_OPEN = 2 };

struct bsc_pools_part {
    int64_t number;               /* from 1; 0: there is none here */
    struct bsc_value *names;      /* owned */
    struct bsc_value *there;      /* owned: who of them was at the new pool before, or NULL */
    struct bsc_pools_user *users; /* owned array; the names are those of `names` */
    size_t count;
    size_t begun; /* the first so many were given to somebody */
    size_t done;  /* and of so many it is known what came of it, or cannot be found out */
};

void bsc_pools_part_fill(struct bsc_pools_part *part, int64_t number, struct bsc_value *names);
void bsc_pools_part_release(struct bsc_pools_part *part);

/* What the threads of one move share. */
struct bsc_pools_moving {
    const struct bsc_pools_users_order *order; /* borrowed */
    pthread_mutex_t lock;                      /* guards all that follows */
    pthread_cond_t work;                       /* there is something to take, or nothing any more */
    pthread_cond_t news;                       /* a part has ended, or nobody can work */
    struct bsc_pools_part parts[BSC_POOLS_PARTS_OPEN];
    struct bsc_pools_users_tally tally;
    bool closing;           /* no further part will come */
    bool stopping;          /* nothing new is begun */
    size_t idle;            /* threads that could not open their seat */
    struct bsc_err no_seat; /* why one of those could not */
    struct bsc_err broken;  /* what ended it, if anything did */
    char *first;            /* owned: the first that failed, and why; or NULL */
    int64_t next_us;        /* when the rate lets the next one begin */
};

/* What was looked up settles what became of the user, and whoever was there before was not moved.
 */
void bsc_pools_part_settle(const struct bsc_pools_users_order *order, const struct bsc_value *there,
                           const struct bsc_value *pools, struct bsc_pools_user *user);

/* What each thread does. */
void bsc_pools_moving_work(void *arg);

/* With the lock held: nothing new is begun, for this reason (borrowed) or, when it is NULL, no
 * other than what is known. */
void bsc_pools_moving_stop(struct bsc_pools_moving *moving, const struct bsc_err *why);

#endif
