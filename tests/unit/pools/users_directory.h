/*
 * A directory in memory, and the order to move its users.
 *
 * What happens to a user is in the first letter of the name: `b` is locked, `d` was moved by
 * somebody else, `g` is gone, `k` loses the connection once and `l` each time before anything is
 * done, and `m` after it was; `s` is as `k`, and no seat can be had for a while; `t` takes too
 * long, `x` loses the connection for good.
 */
#ifndef BSC_USERS_DIRECTORY_H
#define BSC_USERS_DIRECTORY_H

#include "unit.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pools/users.h"

struct directory {
    struct bsc_value *homes; /* owned {name=pool} */
    struct bsc_value *lost;  /* owned {name=true}: by whom a connection was, once is enough */
    pthread_mutex_t lock;
    atomic_int seats; /* that are taken */
    int seats_max;    /* 0: as many as are wanted */
    atomic_bool down; /* no seat can be taken any more */
    atomic_int shut;  /* nor for so many times */
    bool find_fails;  /* nobody can be looked up */
    atomic_int waits; /* for what was begun before */
    bool as_one;
    atomic_bool cancel;
    const char *names; /* the first letters of the users of all parts, parts with blanks between */
    int64_t begin_fails_at; /* the part that cannot be put on record */
    int64_t end_fails_at;
    int64_t cancel_at;             /* the part before which somebody stops it */
    bool cancel_later;             /* as soon as a seat was lost */
    const struct bsc_value *there; /* borrowed: who was in the new pool before each part, or NULL */
    struct bsc_buf story;

    int number;
    int64_t open; /* parts that were begun and have not ended */
    int64_t most_open;
};

static inline void *seat_open(void *self, struct bsc_err *err)
{
    struct directory *directory = self;
    if (directory->shut > 0)
        directory->shut--;
    else if (!directory->down &&
             (directory->seats_max == 0 || directory->seats < directory->seats_max)) {
        directory->seats++;
        return directory;
    }
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody lets us in");
    return NULL;
}

static inline void seat_close(void *self, void *seat)
{
    struct directory *directory = self;
    assert_ptr_equal(seat, self);
    directory->seats--;
}

static inline void put(struct directory *directory, const char *name, const char *pool)
{
    pthread_mutex_lock(&directory->lock);
    bsc_value_set_text(directory->homes, name, pool);
    pthread_mutex_unlock(&directory->lock);
}

/* The first letter, or one that means the same this time. */
static inline char way_of(struct directory *directory, const char *name)
{
    if (name[0] != 'k' && name[0] != 's')
        return name[0];
    pthread_mutex_lock(&directory->lock);
    bool again = bsc_value_get(directory->lost, name) != NULL;
    bsc_value_set_bool(directory->lost, name, true);
    directory->shut += name[0] == 's' && !again ? 3 : 0;
    pthread_mutex_unlock(&directory->lock);
    return again ? 'a' : 'l';
}

static inline bool move_user(struct directory *directory, struct bsc_pools_user *user)
{
    char way = way_of(directory, user->name);
    if (way == 'm' || way == 'a')
        put(directory, user->name, "new");
    directory->down = directory->down || way == 'x';
    if (way == 'l' || way == 'm' || way == 't' || way == 'x') {
        user->outcome = BSC_POOLS_USER_UNSETTLED;
        user->reason = way == 'l'   ? bsc_mem_text("the connection was lost")
                       : way == 't' ? bsc_mem_text("it took too long")
                                    : NULL;
        return false;
    }
    if (way == 'b')
        user->reason = bsc_mem_text("locked");
    user->outcome = way == 'b'                 ? BSC_POOLS_USER_FAILED
                    : way == 'd' || way == 'g' ? BSC_POOLS_USER_UNTOUCHED
                                               : BSC_POOLS_USER_MOVED;
    return true;
}

static inline bool move(void *self, void *seat, const struct bsc_pools_users_stroke *stroke,
                        struct bsc_err *err)
{
    size_t failed = 0;
    (void)seat;
    for (size_t i = 0; i < stroke->count && failed < stroke->failures_max; i++) {
        if (!stroke->goes_on(stroke->arg))
            return true;
        bool slow = stroke->users[i].name[0] == 't';
        if (!move_user(self, &stroke->users[i]))
            return bsc_err_set(err, slow ? BSC_ERR_TIMEOUT : BSC_ERR_UNREACHABLE, "it broke");
        failed += stroke->users[i].outcome == BSC_POOLS_USER_FAILED ? 1 : 0;
    }
    return true;
}

static inline bool find(void *self, void *seat, const char *name, struct bsc_value **ret_pools,
                        struct bsc_err *err)
{
    struct directory *directory = self;
    (void)seat;
    if (directory->find_fails)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "nobody answers");
    *ret_pools = bsc_value_list();
    pthread_mutex_lock(&directory->lock);
    const char *pool = bsc_value_get_string(directory->homes, name);
    if (pool != NULL)
        bsc_value_append(*ret_pools, bsc_value_text(pool));
    pthread_mutex_unlock(&directory->lock);
    return true;
}

static inline bool outlast(void *self, void *seat, struct bsc_err *err)
{
    struct directory *directory = self;
    (void)seat;
    (void)err;
    directory->waits++;
    if (directory->cancel_later)
        atomic_store(&directory->cancel, true);
    return true;
}

/* A user for each letter up to the next blank; "b" of the third is "b3". */
static inline bool next(void *arg, struct bsc_value **ret_names, struct bsc_err *err)
{
    struct directory *directory = arg;
    (void)err;
    *ret_names = NULL;
    if (*directory->names == '\0')
        return true;
    if (*directory->names == '!')
        return bsc_err_set(err, BSC_ERR_SQL, "the list is gone");
    *ret_names = bsc_value_list();
    for (; *directory->names != '\0' && *directory->names != ' '; directory->names++) {
        char *name = bsc_mem_format("%c%d", *directory->names, ++directory->number);
        bsc_value_append(*ret_names, bsc_value_text(name));
        if (name[0] != 'g')
            put(directory, name, name[0] == 'd' ? "new" : "old");
        bsc_mem_free(name);
    }
    directory->names += *directory->names == ' ' ? 1 : 0;
    return true;
}

static inline bool begin(void *arg, int64_t part, const struct bsc_value *names,
                         struct bsc_value **ret_there, struct bsc_err *err)
{
    struct directory *directory = arg;
    *ret_there = directory->there != NULL ? bsc_value_copy(directory->there) : NULL;
    (void)names;
    if (part == directory->cancel_at)
        atomic_store(&directory->cancel, true);
    if (part == directory->begin_fails_at)
        return bsc_err_set(err, BSC_ERR_IO, "no record");
    directory->open++;
    if (directory->open > directory->most_open)
        directory->most_open = directory->open;
    return true;
}

static inline bool end(void *arg, int64_t part, const struct bsc_value *told, struct bsc_err *err)
{
    struct directory *directory = arg;
    const struct bsc_value *others = bsc_value_get(told, "others");
    directory->open--;
    if (part == directory->end_fails_at)
        return bsc_err_set(err, BSC_ERR_IO, "no record");
    bsc_buf_printf(&directory->story, "%lld: %lld", (long long)part,
                   (long long)bsc_value_get_number(told, "moved", -1));
    for (size_t i = 0; i < bsc_value_count(others); i++)
        bsc_buf_printf(&directory->story, " %s=%s", bsc_value_key_at(others, i),
                       bsc_value_string(bsc_value_at(bsc_value_item_at(others, i), 0)));
    if (bsc_value_get_number(told, "left", 0) > 0)
        bsc_buf_printf(&directory->story, " left %lld",
                       (long long)bsc_value_get_number(told, "left", 0));
    bsc_buf_add_text(&directory->story, "\n");
    return true;
}

static inline void directory_open(struct directory *directory, const char *names)
{
    memset(directory, 0, sizeof *directory);
    directory->homes = bsc_value_map();
    directory->lost = bsc_value_map();
    directory->names = names;
    bsc_buf_init(&directory->story);
    assert_int_equal(pthread_mutex_init(&directory->lock, NULL), 0);
}

static inline void directory_close(struct directory *directory)
{
    assert_int_equal(directory->seats, 0);
    assert_true(directory->most_open <= 2);
    bsc_value_free(directory->homes);
    bsc_value_free(directory->lost);
    bsc_buf_release(&directory->story);
    pthread_mutex_destroy(&directory->lock);
}

static inline struct bsc_pools_users_order
order_of(struct directory *directory, struct bsc_pools_users_driver *driver, size_t parallel)
{
    *driver = (struct bsc_pools_users_driver){.self = directory,
                                              .open = seat_open,
                                              .close = seat_close,
                                              .move = move,
                                              .find = find,
                                              .outlast = outlast,
                                              .as_one = directory->as_one};
    return (struct bsc_pools_users_order){.driver = driver,
                                          .clock = bsc_clock_real(),
                                          .cancel = &directory->cancel,
                                          .from = "old",
                                          .to = "new",
                                          .noun = "user",
                                          .parallel = parallel,
                                          .stop_after = 3,
                                          .arg = directory,
                                          .next = next,
                                          .begin = begin,
                                          .end = end};
}

static inline bool move_all(struct directory *directory, size_t parallel,
                            struct bsc_pools_users_tally *tally, struct bsc_err *err)
{
    struct bsc_pools_users_driver driver;
    const struct bsc_pools_users_order order = order_of(directory, &driver, parallel);
    *err = (struct bsc_err)BSC_ERR_INIT;
    *tally = (struct bsc_pools_users_tally){0};
    bool good = bsc_pools_users_move(&order, tally, err);
    assert_int_equal(good, err->code == BSC_ERR_NONE);
    return good;
}

static inline void assert_tally(const struct bsc_pools_users_tally *tally, const char *expected)
{
    char text[128];
    snprintf(text, sizeof text, "%lld moved %lld already %lld gone %lld failed of %lld",
             (long long)tally->moved, (long long)tally->already, (long long)tally->gone,
             (long long)tally->failed, (long long)tally->parts);
    assert_string_equal(text, expected);
}

#endif
