#include "logs/pg_survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "logs/io.h"
#include "logs/pg_log_int.h"
#include "os/clock.h"

void bsc_logs_pg_survey_release(struct bsc_logs_pg_survey *survey)
{
    bsc_buf_release(&survey->waiting);
    bsc_value_free(survey->list);
    survey->list = NULL;
}

bool bsc_logs_pg_survey_matters(const struct bsc_logs_pg_survey *survey)
{
    return survey->commits > 0 || survey->prepared > 0;
}

static void add_commit(const struct bsc_logs_pg_survey_order *order,
                       const struct bsc_logs_pg_record *record, struct bsc_logs_pg_survey *survey)
{
    char time[BSC_CLOCK_TEXT] = "-";
    if (record->time_us > 0)
        bsc_clock_format(record->time_us / 1000, time);
    if (survey->list != NULL && survey->commits >= order->list_from &&
        bsc_value_count(survey->list) < order->list_max)
        bsc_value_append(survey->list, bsc_value_format("%s %" PRIu32 " %" PRIu64, time,
                                                        record->xid, record->end_lsn));
    survey->commits++;
}

/* One that was prepared is ended. */
static void forget(uint32_t xid, struct bsc_logs_pg_survey *survey)
{
    struct bsc_buf *waiting = &survey->waiting;
    for (size_t at = 0; at < waiting->length; at += sizeof xid) {
        if (memcmp(waiting->data + at, &xid, sizeof xid) != 0)
            continue;
        memmove(waiting->data + at, waiting->data + at + sizeof xid,
                waiting->length - at - sizeof xid);
        waiting->length -= sizeof xid;
        return;
    }
}

static void count(const struct bsc_logs_pg_survey_order *order,
                  const struct bsc_logs_pg_record *record, struct bsc_logs_pg_survey *survey)
{
    survey->records++;
    if (record->kind != BSC_LOGS_PG_PREPARE && record->time_us > 0)
        survey->last_time_us = record->time_us;
    if (record->kind == BSC_LOGS_PG_COMMIT)
        add_commit(order, record, survey);
    if (record->kind == BSC_LOGS_PG_PREPARE)
        bsc_buf_add(&survey->waiting, &record->xid, sizeof record->xid);
    else if (record->kind == BSC_LOGS_PG_COMMIT || record->kind == BSC_LOGS_PG_FORGET)
        forget(record->xid, survey);
    survey->prepared = (int64_t)(survey->waiting.length / sizeof record->xid);
}

static void end_at(const struct bsc_logs_pg_reader *reader, struct bsc_logs_pg_survey *survey)
{
    survey->last_lsn = reader->end_lsn;
    survey->end = reader->end;
    survey->bad_lsn = reader->bad_lsn;
    memcpy(survey->reason, reader->reason, sizeof survey->reason);
}

/* Reads on from where the reader stands, counting. */
static void read_on(const struct bsc_logs_pg_survey_order *order, struct bsc_logs_pg_reader *reader,
                    struct bsc_logs_pg_survey *survey)
{
    survey->last_lsn = reader->lsn;
    while (bsc_logs_pg_next(reader)) {
        count(order, &reader->record, survey);
        survey->last_lsn = reader->lsn;
    }
    end_at(reader, survey);
    while (order->look_beyond && bsc_logs_pg_resume(reader)) {
        do
            survey->beyond_lsn = reader->lsn;
        while (bsc_logs_pg_next(reader));
    }
}

/* The same log, from the first record that begins behind an LSN. */
static bool open_from(const struct bsc_logs_pg_order *log, uint64_t lsn,
                      struct bsc_logs_pg_reader *ret)
{
    struct bsc_logs_pg_order order = *log;
    struct bsc_err ignored = BSC_ERR_INIT;
    order.first_lsn = lsn;
    order.find = true;
    return bsc_logs_pg_open(ret, &order, &ignored);
}

static uint64_t approach_from(const struct bsc_logs_pg_order *log, uint64_t lsn, bool *ret_odd)
{
    struct bsc_logs_pg_reader reader = {.fd = -1};
    uint64_t previous = 0;
    if (open_from(log, lsn, &reader)) {
        while (reader.lsn < log->first_lsn && bsc_logs_pg_next(&reader))
            continue;
        if (reader.lsn == log->first_lsn)
            previous = reader.previous;
        *ret_odd = reader.lsn > log->first_lsn && reader.record.lsn < log->first_lsn &&
                   reader.previous != 0;
    }
    bsc_logs_pg_release(&reader);
    return previous;
}

enum { NEAR = 128 * 1024 }; /* whole pages of every size */

static bool is_used(const struct bsc_logs_pg_reader *reader, uint64_t page)
{
    unsigned char magic[2] = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    size_t got = 0;
    return bsc_logs_io_read_at(reader->order.sys, reader->fd, reader->path, magic, sizeof magic,
                               (int64_t)(page * reader->block), &got, &ignored) &&
           pg_16(magic) != 0;
}

/* Where to look for the last record of a file that begins at `first` and that was closed early: a
 * little before the zeros that follow it. */
static uint64_t closed_near(const struct bsc_logs_pg_order *log, uint64_t first)
{
    struct bsc_logs_pg_reader reader = {.fd = -1};
    uint64_t used = 0;
    if (!pg_is_cancelled(log) && open_from(log, first, &reader) && bsc_logs_pg_begin(&reader)) {
        uint64_t unused = log->segment / reader.block;
        while (unused - used > 1 && !pg_is_cancelled(log)) {
            const uint64_t middle = used + (unused - used) / 2;
            if (is_used(&reader, middle))
                used = middle;
            else
                unused = middle;
        }
        used *= reader.block;
    }
    bsc_logs_pg_release(&reader);
    return used < NEAR ? first : first + (used - NEAR) / NEAR * NEAR;
}

/* Comes to first_lsn by the records before it, and tells where the last of them begins; 0 when none
 * ends there. *ret_odd is set when one lies across it. A few pages are enough for most, wherever
 * the file was closed, but not where the last record is a long one. */
static uint64_t approach(const struct bsc_logs_pg_order *log, bool *ret_odd)
{
    if (log->find || log->segment == 0 || log->first_lsn == 0)
        return 0;
    const uint64_t first = log->first_lsn - 1 - (log->first_lsn - 1) % log->segment;
    const uint64_t near = (log->first_lsn - 1) / NEAR * NEAR;
    uint64_t previous = near >= first + NEAR ? approach_from(log, near - NEAR, ret_odd) : 0;
    const uint64_t closed = previous == 0 && !*ret_odd ? closed_near(log, first) : first;
    if (closed > first)
        previous = approach_from(log, closed, ret_odd);
    return previous != 0 || *ret_odd ? previous : approach_from(log, first, ret_odd);
}

bool bsc_logs_pg_survey_reaches(const struct bsc_logs_pg_order *log, uint64_t previous)
{
    struct bsc_logs_pg_reader reader = {.fd = -1};
    struct bsc_err ignored = BSC_ERR_INIT;
    bool odd = false;
    const uint64_t found = approach(log, &odd);
    if (odd || found != 0)
        return !odd && (previous == 0 || found == previous);
    bool reaches = false;
    if (previous != 0 && bsc_logs_pg_open(&reader, log, &ignored)) {
        reader.previous = previous;
        reaches = bsc_logs_pg_next(&reader);
    }
    bsc_logs_pg_release(&reader);
    return reaches;
}

static bool start(const struct bsc_logs_pg_survey_order *order, struct bsc_logs_pg_reader *reader,
                  uint64_t *ret_previous, bool *ret_odd, struct bsc_err *err)
{
    struct bsc_logs_pg_order before = order->log;
    before.folders = order->before;
    before.folder_count = order->before_count;
    *ret_previous = order->before_count > 0 ? approach(&before, ret_odd) : 0;
    if (*ret_previous == 0 && !*ret_odd)
        *ret_previous = approach(&order->log, ret_odd);
    if (!bsc_logs_pg_open(reader, &order->log, err))
        return false;
    reader->previous = *ret_previous;
    return true;
}

static void say_odd(const struct bsc_logs_pg_survey_order *order, struct bsc_logs_pg_survey *survey)
{
    survey->end = BSC_LOGS_PG_END_FOREIGN;
    survey->bad_lsn = order->log.first_lsn;
    (void)snprintf(survey->reason, sizeof survey->reason,
                   "no record begins at LSN %" PRIu64 ": this is another log",
                   order->log.first_lsn);
}

bool bsc_logs_pg_survey_make(const struct bsc_logs_pg_survey_order *order,
                             struct bsc_logs_pg_survey *ret, struct bsc_err *err)
{
    struct bsc_logs_pg_reader reader = {.fd = -1};
    bool odd = false;
    *ret = (struct bsc_logs_pg_survey){.first_lsn = order->log.first_lsn,
                                       .last_lsn = order->log.first_lsn};
    bsc_buf_init(&ret->waiting);
    if (order->list_max > 0)
        ret->list = bsc_value_list();
    bool ok = start(order, &reader, &ret->previous, &odd, err);
    if (ok && odd)
        say_odd(order, ret);
    else if (ok)
        read_on(order, &reader, ret);
    if (ok && ret->end == BSC_LOGS_PG_END_CANCELLED)
        ok = bsc_err_set(err, BSC_ERR_CANCELLED, "%s", ret->reason);
    bsc_logs_pg_release(&reader);
    return ok;
}
