/*
 * Journals of small runs, by a clock that goes on one second with each record.
 */
#ifndef BSC_UNIT_STANDING_H
#define BSC_UNIT_STANDING_H

#include "run_fixture.h"

#include "journal/lock.h"
#include "run/standing.h"

struct seconds {
    struct bsc_clock clock;
    int64_t now_ms;
};

static inline int64_t seconds_wall(void *self)
{
    struct seconds *seconds = self;
    return seconds->now_ms += 1000;
}

static inline int64_t seconds_mono(void *self)
{
    struct seconds *seconds = self;
    return seconds->now_ms * 1000;
}

/* 2026-11-20T23:15:01Z. */
static inline void seconds_init(struct seconds *seconds)
{
    seconds->clock = (struct bsc_clock){seconds, seconds_wall, seconds_mono};
    seconds->now_ms = 1795216501000;
}

/* One run's folder with a journal that is open. */
struct notes {
    struct seconds seconds;
    struct bsc_journal_folder folder;
    struct bsc_journal *journal;
};

static inline void notes_find(struct notes *notes, const char *runs, const char *id)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_journal_folder_find(bsc_sys_real(), runs, id, &notes->folder, &err))
        fail_msg("%s", err.message);
}

static inline void notes_begin(struct notes *notes, const char *runs, const char *id)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(runs, id);
    (void)mkdir(runs, 0700);
    assert_int_equal(mkdir(path, 0700), 0);
    free(path);
    memset(notes, 0, sizeof *notes);
    seconds_init(&notes->seconds);
    notes_find(notes, runs, id);
    const struct bsc_journal_options options = {bsc_sys_real(), &notes->seconds.clock, NULL,
                                                notes->folder.journal, true};
    notes->journal = bsc_journal_create(&options, &err);
    assert_non_null(notes->journal);
}

static inline void notes_end(struct notes *notes)
{
    if (notes->journal != NULL)
        fixture_close(notes->journal);
    bsc_journal_folder_release(&notes->folder);
}

static inline void notes_run(struct notes *notes, const char *mode)
{
    char *json = bsc_mem_format(
        "{\"run\":\"r\",\"mode\":\"%s\",\"stdlib_digest\":\"l\",\"plan_digest\":\"p\","
        "\"runbook_digest\":\"r\",\"site_digest\":\"s\",\"tool\":\"0.1.0\",\"host\":\"ops1\","
        "\"user\":\"anna\",\"pid\":4242,\"boot_id\":\"b\",\"params\":{},\"modules\":[],"
        "\"runbook\":\"failover\",\"items\":3,\"point_of_no_return\":3}",
        mode);
    fixture_append(notes->journal, BSC_JOURNAL_RUN_BEGIN, json);
    bsc_mem_free(json);
}

static inline void notes_item(struct notes *notes, int item)
{
    char *json = bsc_mem_format(
        "{\"item\":%d,\"title\":\"Item %d\",\"kind\":\"step\",\"attempt\":1}", item, item);
    fixture_append(notes->journal, BSC_JOURNAL_ITEM_BEGIN, json);
    bsc_mem_free(json);
}

static inline void notes_item_end(struct notes *notes, int item, const char *outcome)
{
    char *json = bsc_mem_format(
        "{\"item\":%d,\"outcome\":\"%s\",\"reason\":\"because\",\"actions\":[]}", item, outcome);
    fixture_append(notes->journal, BSC_JOURNAL_ITEM_END, json);
    bsc_mem_free(json);
}

static inline void notes_intent(struct notes *notes, int effect, int item)
{
    char *json =
        bsc_mem_format("{\"effect\":%d,\"item\":%d,\"action\":1,\"resource\":\"pool:chat\","
                       "\"statement\":\"statement %d\",\"row\":\"r\",\"args\":{},"
                       "\"becomes\":{},\"before\":{}}",
                       effect, item, effect);
    fixture_append(notes->journal, BSC_JOURNAL_INTENT, json);
    bsc_mem_free(json);
}

static inline void notes_outcome(struct notes *notes, int effect, const char *outcome)
{
    char *json = bsc_mem_format("{\"effect\":%d,\"outcome\":\"%s\",\"result\":null,"
                                "\"error\":null,\"duration_us\":5}",
                                effect, outcome);
    fixture_append(notes->journal, BSC_JOURNAL_OUTCOME, json);
    bsc_mem_free(json);
}

/* An item that makes one change. */
static inline void notes_change(struct notes *notes, int effect, int item)
{
    notes_item(notes, item);
    notes_intent(notes, effect, item);
    notes_outcome(notes, effect, "changed");
    notes_item_end(notes, item, "changed");
}

static inline void notes_run_end(struct notes *notes, const char *outcome, int exit_code)
{
    char *json = bsc_mem_format("{\"outcome\":\"%s\",\"exit\":%d,\"summary\":{\"text\":\"why\"}}",
                                outcome, exit_code);
    fixture_append(notes->journal, BSC_JOURNAL_RUN_END, json);
    bsc_mem_free(json);
}

static inline void read_on(struct bsc_run_standing *standing, const struct notes *notes)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_run_standing_read(standing, bsc_sys_real(), &notes->folder, &err))
        fail_msg("%s", err.message);
}

static inline struct bsc_journal_lock *lock_for(struct notes *notes, const char *run)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_lock *lock =
        bsc_journal_lock_take(bsc_sys_real(), &notes->seconds.clock, notes->folder.runs, run, &err);
    assert_non_null(lock);
    return lock;
}

#endif
