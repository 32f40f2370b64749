#include "base/mem.h"
#include "pools/users_int.h"

/* How often somebody who waits for his turn looks whether it will come. */
enum { LOOK_MS = 50 };

/* What one thread has in hand. */
struct hand {
    struct bsc_pools_moving *moving;
    void *seat; /* owned; NULL when there is none any more */
    struct bsc_pools_part *part;
    struct bsc_pools_user *users; /* of that part */
    size_t count;
    size_t failures_max;
    int64_t due_us; /* when the rate lets it begin */
    bool lost;      /* a seat was, under somebody of these */
    bool again;     /* they are tried for the second time */
};

static void lock(struct bsc_pools_moving *moving)
{
    BSC_BUG_ON(pthread_mutex_lock(&moving->lock) != 0);
}

static void unlock(struct bsc_pools_moving *moving)
{
    BSC_BUG_ON(pthread_mutex_unlock(&moving->lock) != 0);
}

static bool cancelled(const struct bsc_pools_users_order *order)
{
    return order->cancel != NULL && atomic_load(order->cancel);
}

void bsc_pools_moving_stop(struct bsc_pools_moving *moving, const struct bsc_err *why)
{
    if (why != NULL && moving->broken.code == BSC_ERR_NONE)
        moving->broken = *why;
    moving->stopping = true;
    pthread_cond_broadcast(&moving->work);
    pthread_cond_broadcast(&moving->news);
}

/* One at a time, or, where there is one writer only, a whole part: but no more than a tenth of a
 * second's worth where there is a rate. */
static size_t stroke_size(const struct bsc_pools_users_order *order, size_t left)
{
    if (!order->driver->as_one)
        return 1;
    size_t most = order->rate > 0 ? (size_t)(order->rate / 10) + 1 : left;
    return most < left ? most : left;
}

static int64_t now_us(const struct bsc_pools_users_order *order)
{
    return order->clock->mono_us(order->clock->self);
}

/* What is not used of a rate is not saved up. */
static int64_t due_us(struct bsc_pools_moving *moving, size_t count)
{
    int64_t rate = moving->order->rate, now = now_us(moving->order);
    if (rate <= 0)
        return now;
    int64_t due = moving->next_us > now ? moving->next_us : now;
    moving->next_us = due + (int64_t)count * 1000000 / rate;
    return due;
}

static struct bsc_pools_part *unbegun(struct bsc_pools_moving *moving)
{
    struct bsc_pools_part *first = NULL;
    for (size_t i = 0; i < BSC_POOLS_PARTS_OPEN; i++) {
        struct bsc_pools_part *part = &moving->parts[i];
        if (part->number != 0 && part->begun < part->count &&
            (first == NULL || part->number < first->number))
            first = part;
    }
    return first;
}

/* With the lock held: takes the next ones, or waits for some. False when there will be none. */
static bool take(struct bsc_pools_moving *moving, struct hand *hand)
{
    struct bsc_pools_part *part = NULL;
    for (;;) {
        if (cancelled(moving->order))
            bsc_pools_moving_stop(moving, NULL);
        if (moving->stopping)
            return false;
        part = unbegun(moving);
        if (part != NULL)
            break;
        if (moving->closing)
            return false;
        BSC_BUG_ON(pthread_cond_wait(&moving->work, &moving->lock) != 0);
    }
    hand->part = part;
    hand->users = part->users + part->begun;
    hand->count = stroke_size(moving->order, part->count - part->begun);
    hand->failures_max = moving->order->stop_after - (size_t)moving->tally.failed;
    hand->due_us = due_us(moving, hand->count);
    part->begun += hand->count;
    return true;
}

static bool goes_on(void *arg)
{
    struct bsc_pools_moving *moving = ((const struct hand *)arg)->moving;
    lock(moving);
    bool stopping = moving->stopping;
    unlock(moving);
    return !stopping && !cancelled(moving->order);
}

/* Whether it may begin, once its turn has come: meanwhile others may have come to an end. */
static bool wait_for_turn(struct hand *hand)
{
    const struct bsc_pools_users_order *order = hand->moving->order;
    for (;;) {
        int64_t early_ms = (hand->due_us - now_us(order) + 999) / 1000;
        if (!goes_on(hand))
            return false;
        if (early_ms <= 0)
            return true;
        bsc_clock_pause(early_ms < LOOK_MS ? early_ms : LOOK_MS, order->cancel);
    }
}

/* A new seat for one that is worn out. Where none can be had, a server that is started anew will
 * have some in a while. */
static bool sit_down_again(struct hand *hand, struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = hand->moving->order;
    const struct bsc_pools_users_driver *driver = order->driver;
    int64_t until_us = now_us(order) + order->patience_ms * 1000;
    if (hand->seat != NULL)
        driver->close(driver->self, hand->seat);
    while ((hand->seat = driver->open(driver->self, err)) == NULL) {
        if (now_us(order) >= until_us || cancelled(order))
            return false;
        bsc_clock_pause(LOOK_MS, order->cancel);
    }
    return driver->outlast == NULL || driver->outlast(driver->self, hand->seat, err);
}

/* Looks one up, over a new seat where the old one turns out to be worn. */
static bool look_up(struct hand *hand, struct bsc_pools_user *user, struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = hand->moving->order;
    const struct bsc_pools_users_driver *driver = order->driver;
    struct bsc_value *pools = NULL;
    if (!driver->find(driver->self, hand->seat, user->name, &pools, err) &&
        (!sit_down_again(hand, err) ||
         !driver->find(driver->self, hand->seat, user->name, &pools, err)))
        return false;
    bsc_pools_part_settle(order, hand->part->there, pools, user);
    bsc_value_free(pools);
    return true;
}

static bool is_known(const struct bsc_pools_user *user)
{
    return user->outcome != BSC_POOLS_USER_UNTOUCHED && user->outcome != BSC_POOLS_USER_UNSETTLED;
}

static bool look_all_up(struct hand *hand, struct bsc_err *err)
{
    for (size_t i = 0; i < hand->count; i++) {
        if (!is_known(&hand->users[i]) && !look_up(hand, &hand->users[i], err))
            return false;
    }
    return true;
}

static size_t count_of(const struct bsc_pools_user *users, size_t count,
                       enum bsc_pools_user_outcome outcome)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += users[i].outcome == outcome ? 1 : 0;
    return found;
}

/* Whoever was lost with a seat is not to blame for that: found where he was, he is one who was
 * left. */
static void forgive(struct hand *hand)
{
    for (size_t i = 0; i < hand->count; i++) {
        struct bsc_pools_user *user = &hand->users[i];
        if (user->outcome != BSC_POOLS_USER_UNSETTLED)
            continue;
        bsc_mem_free(user->reason);
        user->reason = NULL;
    }
}

/* So many in hand from that one on, who are all left. False when nobody can go on, with the reason
 * in *err. */
static bool strike(struct hand *hand, size_t first, size_t count, struct bsc_err *err)
{
    const struct bsc_pools_users_order *order = hand->moving->order;
    const struct bsc_pools_users_driver *driver = order->driver;
    size_t failed = count_of(hand->users, hand->count, BSC_POOLS_USER_FAILED);
    const struct bsc_pools_users_stroke stroke = {.users = hand->users + first,
                                                  .count = count,
                                                  .failures_max = hand->failures_max - failed,
                                                  .goes_on = goes_on,
                                                  .arg = hand};
    struct bsc_err worn = BSC_ERR_INIT;
    if (driver->move(driver->self, hand->seat, &stroke, &worn))
        return look_all_up(hand, err);
    if (count_of(stroke.users, count, BSC_POOLS_USER_LEFT) == count) {
        *err = worn;
        return cancelled(order);
    }
    /* A statement that took too long, or was stopped, wears its seat out as well. */
    hand->lost = worn.code != BSC_ERR_TIMEOUT && worn.code != BSC_ERR_CANCELLED;
    if (hand->lost && !hand->again)
        forgive(hand);
    return sit_down_again(hand, err) && look_all_up(hand, err);
}

/* Tries whoever is left. */
static bool attempt(struct hand *hand, struct bsc_err *err)
{
    size_t first = 0, end = 0;
    while (first < hand->count &&
           count_of(hand->users, hand->count, BSC_POOLS_USER_FAILED) < hand->failures_max) {
        for (end = first; end < hand->count && hand->users[end].outcome == BSC_POOLS_USER_LEFT;)
            end++;
        if (end > first && !strike(hand, first, end - first, err))
            return false;
        first = end + 1;
    }
    return true;
}

/* Whoever was lost with a connection is tried once more, over another. */
static bool carry_out(struct hand *hand, struct bsc_err *err)
{
    hand->lost = hand->again = false;
    if (!wait_for_turn(hand))
        return true;
    if (!attempt(hand, err))
        return false;
    hand->again = true;
    return !hand->lost || !goes_on(hand) || attempt(hand, err);
}

static void keep_first(struct bsc_pools_moving *moving, const struct bsc_pools_user *user)
{
    if (moving->first == NULL)
        moving->first = bsc_mem_format("\"%s\": %s", user->name,
                                       user->reason != NULL ? user->reason : "no reason given");
}

static void count_in(struct bsc_pools_moving *moving, const struct bsc_pools_user *user)
{
    struct bsc_pools_users_tally *tally = &moving->tally;
    if (user->outcome == BSC_POOLS_USER_MOVED)
        tally->moved++;
    else if (user->outcome == BSC_POOLS_USER_ALREADY)
        tally->already++;
    else if (user->outcome == BSC_POOLS_USER_GONE)
        tally->gone++;
    else if (user->outcome == BSC_POOLS_USER_FAILED) {
        tally->failed++;
        keep_first(moving, user);
    }
}

/* With the lock held. */
static void put_down(struct hand *hand)
{
    struct bsc_pools_moving *moving = hand->moving;
    const struct bsc_pools_users_order *order = moving->order;
    struct bsc_pools_part *part = hand->part;
    for (size_t i = 0; i < hand->count; i++)
        count_in(moving, &hand->users[i]);
    part->done += hand->count;
    if ((size_t)moving->tally.failed >= order->stop_after)
        bsc_pools_moving_stop(moving, NULL);
    if (part->done == part->begun && (part->begun == part->count || moving->stopping))
        pthread_cond_broadcast(&moving->news);
    if (order->progress != NULL)
        order->progress(order->arg, &moving->tally);
}

/* Others may have had more luck: that nobody has a seat is for the one to see who waits for news.
 */
static void stay_away(struct bsc_pools_moving *moving, const struct bsc_err *err)
{
    moving->no_seat = *err;
    moving->idle++;
    pthread_cond_broadcast(&moving->news);
}

void bsc_pools_moving_work(void *arg)
{
    struct bsc_pools_moving *moving = arg;
    const struct bsc_pools_users_driver *driver = moving->order->driver;
    struct bsc_err err = BSC_ERR_INIT;
    struct hand hand = {.moving = moving, .seat = driver->open(driver->self, &err)};
    lock(moving);
    if (hand.seat == NULL)
        stay_away(moving, &err);
    while (hand.seat != NULL && take(moving, &hand)) {
        unlock(moving);
        bool good = carry_out(&hand, &err);
        lock(moving);
        if (!good)
            bsc_pools_moving_stop(moving, &err);
        put_down(&hand);
    }
    unlock(moving);
    if (hand.seat != NULL)
        driver->close(driver->self, hand.seat);
}
