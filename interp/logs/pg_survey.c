#include "logs/pg_survey.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "os/clock.h"

void bsc_logs_pg_survey_release(struct bsc_logs_pg_survey *survey)
{
    bsc_value_free(survey->list);
    survey->list = NULL;
}

bool bsc_logs_pg_survey_matters(const struct bsc_logs_pg_survey *survey)
{
    return survey->commits > 0 || survey->prepared > 0;
}

static void add_commit(const struct bsc_logs_pg_record *record, size_t list_max,
                       struct bsc_logs_pg_survey *survey)
{
    char time[BSC_CLOCK_TEXT] = "-";
    if (record->time_us > 0)
        bsc_clock_format(record->time_us / 1000, time);
    if (survey->list != NULL && bsc_value_count(survey->list) < list_max)
        bsc_value_append(survey->list, bsc_value_format("%s %" PRIu32 " %" PRIu64, time,
                                                        record->xid, record->end_lsn));
    survey->commits++;
}

static void count(const struct bsc_logs_pg_record *record, size_t list_max,
                  struct bsc_logs_pg_survey *survey)
{
    survey->records++;
    if (record->kind != BSC_LOGS_PG_PREPARE && record->time_us > 0)
        survey->last_time_us = record->time_us;
    if (record->kind == BSC_LOGS_PG_COMMIT)
        add_commit(record, list_max, survey);
    else if (record->kind == BSC_LOGS_PG_PREPARE)
        survey->prepared++;
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
        count(&reader->record, order->list_max, survey);
        survey->last_lsn = reader->lsn;
    }
    end_at(reader, survey);
    while (order->look_beyond && bsc_logs_pg_resume(reader))
        while (bsc_logs_pg_next(reader))
            survey->beyond_lsn = reader->lsn;
}

/* Comes to first_lsn by the records before it in its file. False when that cannot be done; *ret_odd
 * is set when a record lies across it. */
static bool approach(const struct bsc_logs_pg_survey_order *order,
                     struct bsc_logs_pg_reader *reader, bool *ret_odd, struct bsc_err *err)
{
    struct bsc_logs_pg_order before = order->log;
    const uint64_t first_lsn = order->log.first_lsn;
    before.first_lsn = first_lsn - first_lsn % before.segment;
    before.find = true;
    if (first_lsn == before.first_lsn || !bsc_logs_pg_open(reader, &before, err))
        return false;
    while (bsc_logs_pg_next(reader)) {
        if (reader->lsn >= first_lsn) {
            *ret_odd = reader->lsn != first_lsn && reader->record.lsn < first_lsn;
            return reader->lsn == first_lsn;
        }
    }
    return false;
}

static bool start(const struct bsc_logs_pg_survey_order *order, struct bsc_logs_pg_reader *reader,
                  bool *ret_odd, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (order->log.segment > 0 && !order->log.find && approach(order, reader, ret_odd, &ignored))
        return true;
    bsc_logs_pg_release(reader);
    return bsc_logs_pg_open(reader, &order->log, err);
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
    if (order->list_max > 0)
        ret->list = bsc_value_list();
    bool ok = start(order, &reader, &odd, err);
    if (ok && odd)
        say_odd(order, ret);
    else if (ok)
        read_on(order, &reader, ret);
    if (ok && ret->end == BSC_LOGS_PG_END_CANCELLED)
        ok = bsc_err_set(err, BSC_ERR_CANCELLED, "%s", ret->reason);
    bsc_logs_pg_release(&reader);
    return ok;
}
