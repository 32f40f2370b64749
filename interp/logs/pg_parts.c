#include "logs/pg_parts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/thread.h"

enum { THREADS_MAX = 4, PARTS_MAX = 8 };

struct part {
    struct bsc_logs_pg_order order;
    uint64_t stop; /* where the next part's first file begins, with the first record of which this
                      one ends; UINT64_MAX of the last part */
    struct bsc_logs_pg_reader reader;
    uint64_t first_lsn; /* of its first record; 0 while there is none */
    uint64_t first_previous;
    int64_t time_us; /* of the last end of a transaction; 0 for none */
};

/* The parts, which the threads take one after the other: some take longer than others, and so do
 * processors that have other work. */
struct work {
    struct part *parts;
    size_t count;
    atomic_size_t next;
};

static void read_part(struct part *part)
{
    struct bsc_logs_pg_reader *reader = &part->reader;
    const struct bsc_logs_pg_record *record = &reader->record;
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ok = bsc_logs_pg_open(reader, &part->order, &ignored) && bsc_logs_pg_next(reader);
    if (!ok)
        return;
    part->first_lsn = record->lsn;
    part->first_previous = record->previous;
    for (; ok; ok = record->lsn < part->stop && bsc_logs_pg_skim(reader, part->stop)) {
        if (record->kind != BSC_LOGS_PG_PREPARE && record->time_us != 0)
            part->time_us = record->time_us;
    }
}

static void *read_parts(void *arg)
{
    struct work *work = arg;
    for (;;) {
        const size_t i = atomic_fetch_add(&work->next, 1);
        if (i >= work->count)
            return NULL;
        read_part(&work->parts[i]);
    }
}

/* Whether one part goes on with the next one: it has come to the record with which that begins, and
 * what it has looked at up to there is all that the other one took as it was. */
static bool goes_on(const struct part *part, const struct part *next)
{
    const struct bsc_logs_pg_reader *here = &part->reader, *there = &next->reader;
    return next->first_lsn != 0 && here->end == BSC_LOGS_PG_END_NONE &&
           here->record.lsn == next->first_lsn && here->record.previous == next->first_previous &&
           here->magic == there->magic && here->block == there->block &&
           here->order.system == there->order.system;
}

/* Where threads cannot be had, all is read here. */
static void read_all(struct part *parts, size_t count, size_t processors)
{
    struct work work = {.parts = parts, .count = count};
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    while (started + 1 < processors && started + 1 < count &&
           bsc_thread_begin(&threads[started], read_parts, &work) == 0)
        started++;
    (void)read_parts(&work);
    while (started > 0)
        (void)pthread_join(threads[--started], NULL);
}

static size_t processor_count(void)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 1)
        return 1;
    return processors < THREADS_MAX ? (size_t)processors : THREADS_MAX;
}

static void divide(const struct bsc_logs_pg_order *order, uint64_t files, struct part *parts,
                   size_t count)
{
    const uint64_t first = order->first_lsn / order->segment;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct part){.order = *order, .stop = UINT64_MAX, .reader = {.fd = -1}};
        if (i == 0)
            continue;
        parts[i].order.first_lsn = (first + files * i / count) * order->segment;
        parts[i].order.find = true;
        parts[i - 1].stop = parts[i].order.first_lsn;
    }
}

bool bsc_logs_pg_parts_read(const struct bsc_logs_pg_order *order, uint64_t last_file,
                            struct bsc_logs_pg_reader *ret_reader, int64_t *ret_time_us)
{
    struct part parts[PARTS_MAX];
    if (order->segment == 0 || last_file < order->first_lsn)
        return false;
    const uint64_t files = last_file / order->segment - order->first_lsn / order->segment + 1;
    const size_t processors = processor_count();
    const size_t count = files < PARTS_MAX ? (size_t)files : PARTS_MAX;
    if (count < 2 || processors < 2)
        return false;
    divide(order, files, parts, count);
    read_all(parts, count, processors);
    bool ok = parts[count - 1].first_lsn != 0;
    int64_t time_us = 0;
    for (size_t i = 0; i < count; i++) {
        ok = ok && (i + 1 == count || goes_on(&parts[i], &parts[i + 1]));
        if (parts[i].time_us != 0)
            time_us = parts[i].time_us;
    }
    for (size_t i = 0; i + (ok ? 1 : 0) < count; i++)
        bsc_logs_pg_release(&parts[i].reader);
    if (ok) {
        *ret_reader = parts[count - 1].reader;
        *ret_time_us = time_us;
    }
    return ok;
}
