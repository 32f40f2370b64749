#include <string.h>

#include "base/mem.h"
#include "os/crew.h"
#include "pools/users_int.h"

static void lock(struct bsc_pools_moving *moving)
{
    BSC_BUG_ON(pthread_mutex_lock(&moving->lock) != 0);
}

static void unlock(struct bsc_pools_moving *moving)
{
    BSC_BUG_ON(pthread_mutex_unlock(&moving->lock) != 0);
}

static void moving_init(struct bsc_pools_moving *moving, const struct bsc_pools_users_order *order,
                        const struct bsc_pools_users_tally *tally)
{
    memset(moving, 0, sizeof *moving);
    moving->order = order;
    moving->tally = *tally;
    BSC_BUG_ON(pthread_mutex_init(&moving->lock, NULL) != 0);
    BSC_BUG_ON(pthread_cond_init(&moving->work, NULL) != 0);
    BSC_BUG_ON(pthread_cond_init(&moving->news, NULL) != 0);
}

static void moving_release(struct bsc_pools_moving *moving)
{
    for (size_t i = 0; i < BSC_POOLS_PARTS_OPEN; i++)
        bsc_pools_part_release(&moving->parts[i]);
    pthread_cond_destroy(&moving->news);
    pthread_cond_destroy(&moving->work);
    pthread_mutex_destroy(&moving->lock);
    bsc_mem_free(moving->first);
}

/* With the lock held. */
static void stop_if_it_must(struct bsc_pools_moving *moving, const struct bsc_crew *crew)
{
    const atomic_bool *cancel = moving->order->cancel;
    if (cancel != NULL && atomic_load(cancel))
        bsc_pools_moving_stop(moving, NULL);
    if (moving->idle == bsc_crew_size(crew) && !moving->stopping)
        bsc_pools_moving_stop(moving, &moving->no_seat);
}

static bool has_ended(const struct bsc_pools_moving *moving, const struct bsc_pools_part *part)
{
    return part->number != 0 && part->done == part->begun &&
           (part->begun == part->count || moving->stopping);
}

/* What there is to do for the one who keeps the record. */
enum duty { DUTY_END, DUTY_BEGIN, DUTY_WAIT, DUTY_NONE };

/* The earliest part that has ended; NULL: none has. */
static struct bsc_pools_part *ended_part(struct bsc_pools_moving *moving)
{
    struct bsc_pools_part *first = NULL;
    for (size_t i = 0; i < BSC_POOLS_PARTS_OPEN; i++) {
        struct bsc_pools_part *part = &moving->parts[i];
        if (has_ended(moving, part) && (first == NULL || part->number < first->number))
            first = part;
    }
    return first;
}

/* With the lock held. *ret_part is the one that has ended, or where a new one may be put. */
static enum duty duty_of(struct bsc_pools_moving *moving, bool more,
                         struct bsc_pools_part **ret_part)
{
    struct bsc_pools_part *free_place = NULL;
    size_t open = 0;
    *ret_part = ended_part(moving);
    if (*ret_part != NULL)
        return DUTY_END;
    for (size_t i = 0; i < BSC_POOLS_PARTS_OPEN; i++) {
        if (moving->parts[i].number == 0)
            free_place = &moving->parts[i];
        else
            open++;
    }
    *ret_part = free_place;
    if (more && !moving->stopping && free_place != NULL)
        return DUTY_BEGIN;
    return open > 0 ? DUTY_WAIT : DUTY_NONE;
}

static bool end_part(struct bsc_pools_moving *moving, struct bsc_pools_part *part,
                     struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = moving->order;
    struct bsc_value *told = bsc_pools_users_told(part->users, part->count);
    bool good = told == NULL || order->end(order->arg, part->number, told, err);
    bsc_value_free(told);
    lock(moving);
    bsc_pools_part_release(part);
    unlock(moving);
    return good;
}

/* The threads leave a part without a number alone, so that it can be filled without them. Takes the
 * names. */
static bool begin_part(struct bsc_pools_moving *moving, struct bsc_pools_part *place,
                       struct bsc_value *names, struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = moving->order;
    struct bsc_pools_part part;
    int64_t number = moving->tally.parts + 1;
    bsc_pools_part_fill(&part, number, names);
    if (!order->begin(order->arg, number, names, &part.there, err)) {
        bsc_pools_part_release(&part);
        return false;
    }
    lock(moving);
    *place = part;
    moving->tally.parts = number;
    pthread_cond_broadcast(&moving->work);
    unlock(moving);
    return true;
}

/* Keeps the record while the crew works, until all is done that will be. Names are fetched before
 * there is a place for them, so that the crew need not wait for that. */
static bool keep_record(struct bsc_pools_moving *moving, const struct bsc_crew *crew,
                        struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = moving->order;
    struct bsc_value *names = NULL;
    bool good = true, more = true;
    while (good) {
        struct bsc_pools_part *part = NULL;
        if (more && names == NULL) {
            good = order->next(order->arg, &names, err);
            more = good && names != NULL;
        }
        lock(moving);
        stop_if_it_must(moving, crew);
        enum duty duty = duty_of(moving, more, &part);
        if (good && duty == DUTY_WAIT)
            BSC_BUG_ON(pthread_cond_wait(&moving->news, &moving->lock) != 0);
        unlock(moving);
        if (!good || duty == DUTY_NONE)
            break;
        if (duty == DUTY_END)
            good = end_part(moving, part, err);
        if (duty == DUTY_BEGIN) {
            good = begin_part(moving, part, names, err);
            names = NULL;
        }
    }
    bsc_value_free(names);
    return good;
}

/* After a failure of the record, or of the list: what is under way is brought to its end, and put
 * on record as far as that goes. */
static void wind_up(struct bsc_pools_moving *moving, const struct bsc_err *why)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    for (;;) {
        struct bsc_pools_part *part = NULL;
        lock(moving);
        bsc_pools_moving_stop(moving, why);
        enum duty duty = duty_of(moving, false, &part);
        if (duty == DUTY_WAIT)
            BSC_BUG_ON(pthread_cond_wait(&moving->news, &moving->lock) != 0);
        unlock(moving);
        if (duty == DUTY_NONE)
            return;
        if (duty == DUTY_END)
            (void)end_part(moving, part, &ignored);
    }
}

/* With everybody gone. */
static bool conclude(const struct bsc_pools_moving *moving, struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = moving->order;
    const struct bsc_pools_users_tally *tally = &moving->tally;
    long long failed = (long long)tally->failed;
    if (moving->stopping && moving->broken.code != BSC_ERR_NONE) {
        *err = moving->broken;
        return bsc_err_wrap(err, "it came to an end when %lld had been moved",
                            (long long)tally->moved);
    }
    if (order->cancel != NULL && atomic_load(order->cancel) && moving->stopping)
        return bsc_err_set(err, BSC_ERR_CANCELLED, "stopped when %lld had been moved",
                           (long long)tally->moved);
    if (failed == 0)
        return true;
    bsc_err_set(err, BSC_ERR_SQL, "%lld %s%s could not be moved, the first is %.400s", failed,
                order->noun, failed == 1 ? "" : "s", moving->first);
    return bsc_err_hint(err,
                        "%s%lld were moved. Those that failed are tried again when it is "
                        "done again.",
                        moving->stopping ? "Nothing more was begun. " : "",
                        (long long)tally->moved);
}

bool bsc_pools_users_move(const struct bsc_pools_users_order *order,
                          struct bsc_pools_users_tally *tally, struct bsc_err *err)
{
    struct bsc_pools_moving moving;
    struct bsc_err failure = BSC_ERR_INIT;
    moving_init(&moving, order, tally);
    struct bsc_crew *crew = bsc_crew_start(order->driver->as_one ? 1 : order->parallel,
                                           bsc_pools_moving_work, &moving, err);
    bool good = crew != NULL;
    if (good) {
        if (!keep_record(&moving, crew, &failure))
            wind_up(&moving, &failure);
        lock(&moving);
        moving.closing = true;
        pthread_cond_broadcast(&moving.work);
        unlock(&moving);
        bsc_crew_join(crew);
        good = conclude(&moving, err);
    }
    *tally = moving.tally;
    moving_release(&moving);
    return good;
}

static bool look_up(const struct bsc_pools_users_order *order, void *seat,
                    struct bsc_pools_user *user, const struct bsc_value *there, struct bsc_err *err)
{
    const struct bsc_pools_users_driver *driver = order->driver;
    struct bsc_value *pools = NULL;
    if (order->cancel != NULL && atomic_load(order->cancel))
        return bsc_err_set(err, BSC_ERR_CANCELLED, "stopped before anything was begun");
    if (!driver->find(driver->self, seat, user->name, &pools, err))
        return false;
    bsc_pools_part_settle(order, there, pools, user);
    bsc_value_free(pools);
    return true;
}

struct bsc_value *bsc_pools_users_look(const struct bsc_pools_users_order *order,
                                       const struct bsc_value *names, const struct bsc_value *there,
                                       struct bsc_err *err)
{
    const struct bsc_pools_users_driver *driver = order->driver;
    struct bsc_pools_part part;
    void *seat = driver->open(driver->self, err);
    if (seat == NULL)
        return NULL;
    bsc_pools_part_fill(&part, 1, bsc_value_copy(names));
    bool good = driver->outlast == NULL || driver->outlast(driver->self, seat, err);
    for (size_t i = 0; i < part.count && good; i++) {
        part.users[i].outcome = BSC_POOLS_USER_UNSETTLED;
        good = look_up(order, seat, &part.users[i], there, err);
    }
    struct bsc_value *told = good ? bsc_pools_users_told(part.users, part.count) : NULL;
    bsc_pools_part_release(&part);
    driver->close(driver->self, seat);
    return told;
}
