/*
 * A small journal that says the same every time: one record of every kind, by a clock that ticks
 * 7 ms for each look.
 */
#ifndef BSC_UNIT_JOURNAL_FIXTURE_H
#define BSC_UNIT_JOURNAL_FIXTURE_H

#include "unit.h"

#include "base/err.h"
#include "journal/journal.h"
#include "os/sys.h"
#include "value/json.h"

struct ticking {
    struct bsc_clock clock;
    int64_t now_ms;
};

static inline int64_t ticking_wall(void *self)
{
    struct ticking *ticking = self;
    return ticking->now_ms += 7;
}

static inline int64_t ticking_mono(void *self)
{
    struct ticking *ticking = self;
    return ticking->now_ms * 1000;
}

/* 2026-11-20T23:15:01Z. */
static inline void ticking_init(struct ticking *ticking)
{
    ticking->clock = (struct bsc_clock){ticking, ticking_wall, ticking_mono};
    ticking->now_ms = 1795216501000;
}

static inline const char *fixture_payload(enum bsc_journal_kind kind)
{
    static const char *const payloads[] = {
        [BSC_JOURNAL_RUN_BEGIN] =
            "{\"run\":\"20261120-231501-failover-a3f2\",\"mode\":\"run\",\"plan_digest\":\"p\","
            "\"runbook_digest\":\"r\",\"site_digest\":\"s\",\"stdlib_digest\":\"l\","
            "\"tool\":\"bascule 0.1.0\",\"host\":\"ops1\",\"user\":\"anna\",\"pid\":4242,"
            "\"boot_id\":\"b\",\"params\":{\"database\":\"mgc\"},\"modules\":[]}",
        [BSC_JOURNAL_LEASE] =
            "{\"place\":\"/srv/mgc.db.lease\",\"epoch\":3,\"reason\":\"its host is gone\","
            "\"from\":{\"epoch\":2,\"run\":\"20261120-220000-failover-0001\"}}",
        [BSC_JOURNAL_ITEM_BEGIN] =
            "{\"item\":1,\"title\":\"Mark the pool\",\"kind\":\"step\",\"attempt\":1}",
        [BSC_JOURNAL_ACTION_BEGIN] = "{\"item\":1,\"action\":1}",
        [BSC_JOURNAL_OBSERVED] =
            "{\"item\":1,\"resource\":\"pool:chat\",\"facts\":{\"state\":\"Normal\","
            "\"active_servers\":[\"fe1\",\"fe2\"],\"version\":7}}",
        [BSC_JOURNAL_NOW] = "{\"item\":1,\"wall_ms\":1795216501021}",
        [BSC_JOURNAL_INTENT] =
            "{\"effect\":1,\"item\":1,\"action\":1,\"resource\":\"pool:chat\",\"statement\":"
            "\"UPDATE pool SET "
            "state = 'FailedOver' \\u2014 \\\"chat\\\"\\n\",\"row\":\"pools.update\","
            "\"args\":{\"pool\":\"chat\"},\"becomes\":{\"pool:chat\":{\"state\":\"FailedOver\"}},"
            "\"before\":{\"pool:chat\":{\"state\":\"Normal\"}}}",
        [BSC_JOURNAL_OUTCOME] = "{\"effect\":1,\"outcome\":\"changed\",\"result\":{\"rows\":1},"
                                "\"error\":null,\"duration_us\":812}",
        [BSC_JOURNAL_AFTER] = "{\"effect\":1,\"resource\":\"pool:chat\",\"facts\":{\"state\":"
                              "\"FailedOver\"}}",
        [BSC_JOURNAL_PART] = "{\"effect\":1,\"part\":1,\"names\":[\"sip:ann@example\"]}",
        [BSC_JOURNAL_PART_END] = "{\"effect\":1,\"part\":1,\"moved\":0,\"others\":{"
                                 "\"sip:ann@example\":[\"gone\",null]}}",
        [BSC_JOURNAL_NOTE] = "{\"kind\":\"loss\",\"text\":\"37 messages\",\"data\":{\"lost\":37}}",
        [BSC_JOURNAL_ASK] = "{\"item\":2,\"title\":\"Go on?\",\"lines\":[\"one\",\"two\"]}",
        [BSC_JOURNAL_ANSWER] = "{\"item\":2,\"answer\":\"yes\",\"by\":\"anna\",\"reason\":null}",
        [BSC_JOURNAL_ITEM_END] =
            "{\"item\":1,\"outcome\":\"changed\",\"reason\":null,\"actions\":[]}",
        [BSC_JOURNAL_RUN_END] =
            "{\"outcome\":\"done\",\"exit\":0,\"summary\":{\"text\":\"all done\"}}",
    };
    return payloads[kind];
}

static inline struct bsc_value *fixture_value(const char *json)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = bsc_json_parse("fixture", json, strlen(json), &err);
    assert_non_null(value);
    return value;
}

static inline bool fixture_append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                                  bool durable, struct bsc_err *err)
{
    struct bsc_value *payload = fixture_value(fixture_payload(kind));
    bool done = bsc_journal_append(journal, kind, payload, durable, err);
    bsc_value_free(payload);
    return done;
}

/* Writes one record of each kind in order; returns how many were acknowledged as durable. */
static inline int fixture_write(const struct bsc_sys *sys, struct ticking *ticking,
                                const char *path, struct bsc_err *err)
{
    const struct bsc_journal_options options = {.sys = sys, .clock = &ticking->clock, .path = path};
    struct bsc_journal *journal = bsc_journal_create(&options, err);
    int durable = 0;
    for (int kind = 0; journal != NULL && kind < BSC_JOURNAL_KIND_MAX_; kind++) {
        if (!fixture_append(journal, (enum bsc_journal_kind)kind, true, err)) {
            struct bsc_err ignored = BSC_ERR_INIT;
            bsc_journal_close(journal, &ignored);
            return durable;
        }
        durable++;
    }
    if (journal != NULL)
        bsc_journal_close(journal, err);
    return durable;
}

/* The path of a whole small journal inside the test's folder; owned. */
static inline char *fixture_journal(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    char *path = unit_path(folder, "journal.jsonl");
    ticking_init(&ticking);
    assert_int_equal(fixture_write(bsc_sys_real(), &ticking, path, &err), BSC_JOURNAL_KIND_MAX_);
    assert_int_equal(err.code, BSC_ERR_NONE);
    return path;
}

#endif
