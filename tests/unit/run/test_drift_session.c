#include "session_unit.h"

#include "run/drift.h"
#include "run/recorded.h"

/* What is different now; owned. */
static struct bsc_value *drift_now(struct stage *stage, const struct bsc_value *plan)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = stage_observe(stage);
    struct bsc_value *drift = bsc_run_drift_since(&stage->session, plan, facts, &err);
    if (drift == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    bsc_value_free(facts);
    return drift;
}

/* Opens the changed stage again; the plan must not hold, because of `what` called `name`. */
static void misfit(struct stage *stage, const struct bsc_value *plan, const char *what,
                   const char *name, const char *message)
{
    struct bsc_err err = BSC_ERR_INIT;
    stage_open(stage);
    struct bsc_value *drift = drift_now(stage, plan);
    const struct bsc_value *inputs = bsc_value_get(drift, "inputs");
    assert_int_equal(bsc_value_count(inputs), 1);
    assert_word(bsc_value_at(inputs, 0), "what", what);
    if (name != NULL)
        assert_word(bsc_value_at(inputs, 0), "name", name);
    assert_false(bsc_run_drift_holds(drift, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_string_equal(err.message, message);
    bsc_value_free(drift);
}

static void a_plan_holds_only_for_what_it_was_made_of(void **state)
{
    struct stage stage;
    char *module = unit_path(*state, "steps.lua");
    static const char book[] = "local steps = require \"steps\"\n" COPY_BOOK;
    put_text(module, "return { }\n");
    stage_set(&stage, state, book);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    struct bsc_value *drift = drift_now(&stage, plan);
    assert_false(bsc_run_drift_any(drift));
    bsc_value_free(drift);
    put_text(module, "return { 1 }\n");
    misfit(&stage, plan, "module", "steps",
           "a module of the runbook changed since the plan was made");
    put_text(module, "return { }\n");
    bsc_value_set_text(stage.set, "times", "4");
    misfit(&stage, plan, "parameter", "times", "the parameters changed since the plan was made");
    bsc_value_remove(stage.set, "times");
    stage_book(&stage, "local steps = require \"steps\"\n" COPY_BOOK "-- more\n");
    misfit(&stage, plan, "runbook", "book.lua", "the runbook changed since the plan was made");
    stage_book(&stage, book);
    struct bsc_value *changed = bsc_value_copy(plan);
    bsc_value_set_text(bsc_value_get(changed, "library"), "sha256", "x");
    misfit(&stage, changed, "library", NULL,
           "bascule's own library changed since the plan was made");
    char *text = bsc_mem_format("%s# more\n", stage_site);
    put_text(stage.site, text);
    misfit(&stage, plan, "site", "site.yaml", "the site file changed since the plan was made");
    bsc_mem_free(text);
    bsc_value_free(changed);
    bsc_value_free(plan);
    free(module);
    stage_strike(&stage);
}

static void other_content_makes_another_copy(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *plan = stage_plan(&stage);
    put_text(stage.from, "hello!");
    struct bsc_value *drift = drift_now(&stage, plan);
    assert_false(bsc_run_drift_holds(drift, &err));
    assert_string_equal(err.message, "the site is no longer as it was when the plan was made");
    const struct bsc_value *step = bsc_value_at(bsc_value_get(drift, "steps"), 0);
    const struct bsc_value *change = bsc_value_at(bsc_value_get(step, "changes"), 0);
    assert_word(change, "sign", "=");
    assert_int_equal(bsc_value_count(bsc_value_get(change, "facts")), 2);
    bsc_value_free(drift);
    bsc_value_free(plan);
    stage_strike(&stage);
}

/* The facts, in which `@` is the path of the file that is there, must be refused like this. */
static void refuse_facts(struct stage *stage, const char *format, const char *message,
                         const char *detail)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = from_json(format, stage->from, stage->to);
    assert_null(bsc_run_recorded_settle(&stage->session, "facts.json", facts, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_contains(err.where[0] != '\0' ? err.where : err.message, "facts.json");
    assert_contains(err.message, message);
    assert_contains(err.detail, detail);
    bsc_value_free(facts);
}

static void recorded_facts_must_be_right(void **state)
{
    struct stage stage;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    refuse_facts(&stage, "{'file:%s':{'exists':true,'size':5},'file:%s':{'exists':'no'}}",
                 "the fact \"size\" of file:", "is text, not bool");
    refuse_facts(&stage, "{'flie:%s':{}}", "is of no kind that there is", "");
    refuse_facts(&stage, "{'file:%s':5}", "is int, not facts by key", "");
    stage_strike(&stage);
}

static void recorded_facts_must_say_all_of_the_site(void **state)
{
    struct stage stage;
    char *site =
        bsc_mem_format("%sdatabases:\n  d: { primary: { server: db, file: d.db } }\n", stage_site);
    stage_set(&stage, state,
              "runbook \"r\" { summary = \"s\", params = { d = param.database() } }\n"
              "guard \"g\" { params.d.primary:is \"online\" }\n"
              "step \"s\" { warn \"w\" }\n");
    put_text(stage.site, site);
    stage_open(&stage);
    refuse_facts(&stage, "{}", "has no facts of 1 resource that", "Missing: database:d.primary");
    bsc_mem_free(site);
    stage_strike(&stage);
}

static void of_recorded_facts_the_runbook_gets_its_own(void **state)
{
    struct stage stage;
    struct bsc_err err = BSC_ERR_INIT;
    stage_set(&stage, state, COPY_BOOK);
    stage_open(&stage);
    struct bsc_value *facts = from_json("{'pool:p':{'state':'Normal'},'file:%s':{'exists':true},"
                                        "'sql:q':{'count':1}}",
                                        stage.from);
    struct bsc_value *untold = bsc_run_recorded_settle(&stage.session, "facts.json", facts, &err);
    assert_int_equal(bsc_value_count(untold), 1);
    assert_contains(bsc_value_string(bsc_value_at(untold, 0)), stage.to);
    assert_int_equal(bsc_value_count(facts), 1);
    assert_null(bsc_value_get(facts, "pool:p"));
    assert_null(bsc_value_get(facts, "sql:q"));
    bsc_value_free(untold);
    bsc_value_free(facts);
    stage_strike(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_plan_holds_only_for_what_it_was_made_of),
        UNIT_IN_FOLDER(other_content_makes_another_copy),
        UNIT_IN_FOLDER(recorded_facts_must_be_right),
        UNIT_IN_FOLDER(recorded_facts_must_say_all_of_the_site),
        UNIT_IN_FOLDER(of_recorded_facts_the_runbook_gets_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
