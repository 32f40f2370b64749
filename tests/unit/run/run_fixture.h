/*
 * The folder of a small run: plan, inputs and a journal whose first record names them.
 */
#ifndef BSC_UNIT_RUN_FIXTURE_H
#define BSC_UNIT_RUN_FIXTURE_H

#include "unit.h"

#include "base/err.h"
#include "base/mem.h"
#include "journal/folder.h"
#include "journal/journal.h"
#include "value/digest.h"
#include "value/json.h"

static inline struct bsc_value *fixture_value(const char *json)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = bsc_json_parse("fixture", json, strlen(json), &err);
    if (value == NULL)
        fail_msg("%s: %s", json, err.message);
    return value;
}

static inline void fixture_file(const char *folder, const char *name, const char *text)
{
    char *path = unit_path(folder, name);
    unit_file_put(path, text, strlen(text));
    free(path);
}

/* Writes a plan with a right digest; returns the digest. */
static inline void fixture_plan(const char *folder, const char *json, char ret_hex[BSC_DIGEST_HEX])
{
    struct bsc_buf text;
    struct bsc_value *plan = fixture_value(json);
    bsc_buf_init(&text);
    bsc_digest_value(plan, ret_hex);
    bsc_value_set_text(plan, "digest", ret_hex);
    bsc_json_canonical(plan, &text);
    fixture_file(folder, "plan.json", text.data);
    bsc_buf_release(&text);
    bsc_value_free(plan);
}

#define FIXTURE_TEN "1,2,3,4,5,6,7,8,9,10"

#define FIXTURE_PLAN                                                                               \
    "{\"format\":1,\"runbook\":{\"name\":\"failover\",\"summary\":\"Fail a pool over\"},"          \
    "\"facts\":{\"pool:chat\":{\"state\":\"Normal\",\"version\":7,\"active_servers\":[\"fe1\"]},"  \
    "\"log_chain:mgc\":{\"some\":[" FIXTURE_TEN "," FIXTURE_TEN "],"                               \
    "\"many\":[" FIXTURE_TEN "," FIXTURE_TEN "," FIXTURE_TEN "," FIXTURE_TEN "]}}}"

static inline void fixture_digest(const char *text, char ret_hex[BSC_DIGEST_HEX])
{
    bsc_digest_text(text, strlen(text), ret_hex);
}

static inline struct bsc_value *fixture_begin(const char *folder)
{
    char plan[BSC_DIGEST_HEX], runbook[BSC_DIGEST_HEX], site[BSC_DIGEST_HEX];
    char module[BSC_DIGEST_HEX];
    char *modules = unit_path(folder, "modules");
    assert_int_equal(mkdir(modules, 0700), 0);
    free(modules);
    fixture_plan(folder, FIXTURE_PLAN, plan);
    fixture_file(folder, "runbook.lua", "runbook \"failover\" {}");
    fixture_digest("runbook \"failover\" {}", runbook);
    fixture_file(folder, "site.yaml", "site: litware\n");
    fixture_digest("site: litware\n", site);
    fixture_file(folder, "modules/steps.lua", "return {}");
    fixture_digest("return {}", module);
    struct bsc_value *begin = fixture_value(
        "{\"run\":\"20261120-231501-failover-a3f2\",\"mode\":\"run\",\"stdlib_digest\":\"l\","
        "\"tool\":\"0.1.0\",\"host\":\"ops1\",\"user\":\"anna\",\"pid\":4242,\"boot_id\":\"b\","
        "\"params\":{},\"modules\":[{\"name\":\"steps\"}]}");
    bsc_value_set_text(begin, "plan_digest", plan);
    bsc_value_set_text(begin, "runbook_digest", runbook);
    bsc_value_set_text(begin, "site_digest", site);
    bsc_value_set_text(bsc_value_at(bsc_value_get(begin, "modules"), 0), "digest", module);
    return begin;
}

static inline void fixture_append(struct bsc_journal *journal, enum bsc_journal_kind kind,
                                  const char *json)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *payload = fixture_value(json);
    if (!bsc_journal_append(journal, kind, payload, false, &err))
        fail_msg("%s", err.message);
    bsc_value_free(payload);
}

/* Opens the journal of a new run in the folder, with its run_begin record. */
static inline struct bsc_journal *fixture_open(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(folder, "journal.jsonl");
    const struct bsc_journal_options options = {bsc_sys_real(), bsc_clock_real(), NULL, path, true};
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    assert_non_null(journal);
    struct bsc_value *begin = fixture_begin(folder);
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_RUN_BEGIN, begin, false, &err));
    bsc_value_free(begin);
    free(path);
    return journal;
}

static inline void fixture_close(struct bsc_journal *journal)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_journal_close(journal, &err));
}

#define FIXTURE_END "{\"outcome\":\"done\",\"exit\":0,\"summary\":{\"text\":\"all is well\"}}"

#endif
