#include "live_unit.h"

#include "run/observer.h"
#include "run/record.h"
#include "run/wait.h"

static const struct bsc_value *perform(struct rig *rig, const char *json)
{
    struct bsc_value *effect = from_json("%s", json);
    const struct bsc_value *reply = rig_perform(rig, effect);
    bsc_value_free(effect);
    return reply;
}

static void an_observation_is_recorded_and_becomes_what_is_known(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    char *resource = bsc_mem_format("file:%s/none", (const char *)*state);
    assert_json(rig_look(&rig, resource), "{'exists':false,'bytes':0}");
    assert_json(bsc_run_model_facts(rig.model, resource), "{'exists':false,'bytes':0}");
    rig_assert_kinds(rig.journal_path, "observed");
    bsc_mem_free(resource);
    rig_close(&rig);
}

static void an_observation_that_breaks_stops_the_run(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    assert_null(rig_look(&rig, "odd:x"));
    assert_string_equal(rig.err.message, "cannot observe odd:x");
    assert_string_equal(rig.err.cause, "no eyes");
    rig_assert_kinds(rig.journal_path, "");
    rig_close(&rig);
}

static void an_observation_cut_short_by_the_operator_is_no_fact(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    char *resource = bsc_mem_format("sql:%s/none.db", (const char *)*state);
    bsc_run_live_cancel(rig.live);
    assert_null(rig_look(&rig, resource));
    assert_int_equal(rig.err.code, BSC_ERR_CANCELLED);
    assert_null(bsc_run_model_facts(rig.model, resource));
    rig_assert_kinds(rig.journal_path, "");
    bsc_mem_free(resource);
    rig_close(&rig);
}

static void the_time_is_recorded_for_the_replay(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    int64_t now = bsc_value_number(perform(&rig, "{'op':'now'}"), 0);
    struct bsc_value *records = rig_records(rig.journal_path);
    const struct bsc_value *payload = bsc_value_get(bsc_value_at(records, 0), "payload");
    assert_true(now > 1700000000000);
    assert_int_equal(bsc_value_get_number(payload, "wall_ms", 0), now);
    assert_int_equal(bsc_value_get_number(payload, "item", 0), 1);
    bsc_value_free(records);
    rig_close(&rig);
}

static void a_question_and_its_answer_are_recorded(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    rig.answer = "no";
    const struct bsc_value *said = perform(&rig, "{'op':'ask','title':'Go?','lines':['a','b']}");
    assert_json(said, "{'answer':'no','by':'anna'}");
    struct bsc_value *records = rig_records(rig.journal_path);
    assert_json(bsc_value_get(bsc_value_at(records, 0), "payload"),
                "{'item':1,'title':'Go?','lines':['a','b']}");
    assert_json(bsc_value_get(bsc_value_at(records, 1), "payload"),
                "{'item':1,'answer':'no','by':'anna','reason':null}");
    bsc_value_free(records);
    rig_close(&rig);
}

static void a_note_is_recorded_and_shown(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    perform(&rig, "{'op':'note','kind':'loss','text':'37 lost','data':{'lost':37}}");
    assert_string_equal(rig.told.data, "(37 lost)");
    struct bsc_value *records = rig_records(rig.journal_path);
    assert_json(bsc_value_get(bsc_value_at(records, 0), "payload"),
                "{'item':1,'kind':'loss','text':'37 lost','data':{'lost':37}}");
    bsc_value_free(records);
    rig_close(&rig);
}

static void a_wait_ends_after_its_time(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    assert_true(bsc_value_truth(perform(&rig, "{'op':'sleep','ms':1,'why':'x'}")));
    assert_true(bsc_value_truth(perform(&rig, "{'op':'sleep','ms':-1,'why':'x'}")));
    rig_close(&rig);
}

static void cancel(void *arg)
{
    bsc_run_live_cancel(arg);
}

static void a_wait_under_way_ends_with_the_cancel(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    bsc_timer_start(rig.loop, 0, cancel, rig.live);
    assert_null(perform(&rig, "{'op':'sleep','ms':3600000,'why':'x'}"));
    assert_int_equal(rig.err.code, BSC_ERR_CANCELLED);
    rig_close(&rig);
}

static void nothing_is_waited_for_or_asked_after_a_cancel(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    bsc_run_live_cancel(rig.live);
    assert_null(perform(&rig, "{'op':'sleep','ms':3600000,'why':'x'}"));
    assert_int_equal(rig.err.code, BSC_ERR_CANCELLED);
    assert_null(perform(&rig, "{'op':'ask','title':'Go?','lines':[]}"));
    assert_int_equal(rig.err.code, BSC_ERR_CANCELLED);
    rig_assert_kinds(rig.journal_path, "");
    rig_close(&rig);
}

static void a_world_that_waits_can_be_freed(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *effect = from_json("{'op':'sleep','ms':3600000,'why':'x'}");
    const struct bsc_run_world *world = bsc_run_live_world(rig.live);
    world->perform(world->self, effect, rig_replied, &rig);
    assert_false(rig.replied);
    bsc_value_free(effect);
    rig_close(&rig);
    bsc_run_live_free(NULL);
}

static void an_effect_that_there_is_not_breaks_the_run(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    assert_null(perform(&rig, "{'op':'call','row':'file.state','args':{}}"));
    assert_int_equal(rig.err.code, BSC_ERR_SCRIPT);
    assert_null(perform(&rig, "{}"));
    rig_close(&rig);
}

static void a_long_list_is_recorded_as_its_count_and_digest(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = from_json("{'short':[1,2]}");
    struct bsc_value *list = bsc_value_list();
    for (int i = 0; i < 33; i++)
        bsc_value_append(list, bsc_value_int(i));
    bsc_value_set(facts, "long", list);
    assert_true(bsc_run_record_observed(rig.journal, 1, "x:y", facts, &err));
    struct bsc_value *records = rig_records(rig.journal_path);
    const struct bsc_value *kept =
        bsc_value_get(bsc_value_get(bsc_value_at(records, 0), "payload"), "facts");
    assert_json(bsc_value_get(kept, "short"), "[1,2]");
    assert_int_equal(bsc_value_get_number(bsc_value_get(kept, "long"), "$count", 0), 33);
    assert_int_equal(strlen(bsc_value_get_string(bsc_value_get(kept, "long"), "$sha256")), 64);
    bsc_value_free(records);
    bsc_value_free(facts);
    rig_close(&rig);
}

/* The journal checks every payload while it writes; here the file is checked again from outside. */
static void every_record_has_what_its_kind_must_have(void **state)
{
    struct rig rig;
    struct bsc_err err = BSC_ERR_INIT;
    rig_open(&rig, state);
    struct bsc_value *item = from_json("{'index':1,'title':'t','kind':'step'}");
    struct bsc_value *result = from_json("{'outcome':'changed','actions':[{'outcome':'kept'}]}");
    struct bsc_value *summary = from_json("{'text':'done'}");
    assert_true(bsc_run_record_item_begin(rig.journal, item, &err));
    rig_look(&rig, "none:x");
    perform(&rig, "{'op':'now'}");
    perform(&rig, "{'op':'note','kind':'info','text':'n'}");
    perform(&rig, "{'op':'ask','title':'Go?'}");
    struct bsc_value *effect = from_json(
        "{'op':'change','resource':'none:x','row':'command.run','statement':'run',"
        "'args':{'argv':['false']},'becomes':{},'volatile':true,'timeout_ms':9000,'assumed':true,"
        "'undo':{'declared':true}}");
    struct bsc_value *planned = bsc_value_list();
    bsc_value_append(planned, bsc_value_copy(effect));
    rig_plan(&rig, planned);
    perform(&rig, "{'op':'begin','action':2}");
    rig_perform(&rig, effect);
    bsc_value_free(effect);
    assert_true(bsc_run_record_item_end(rig.journal, item, result, &err));
    assert_true(bsc_run_record_end(rig.journal, "done", 0, summary, &err));
    rig_assert_kinds(rig.journal_path, "item_begin observed now note ask answer "
                                       "action_begin intent outcome "
                                       "after item_end run_end");
    struct bsc_value *records = rig_records(rig.journal_path);
    for (size_t i = 0; i < bsc_value_count(records); i++) {
        const struct bsc_value *record = bsc_value_at(records, i);
        const char *kind = bsc_value_get_string(record, "kind");
        assert_true(bsc_journal_payload_check(bsc_journal_kind_of(kind, strlen(kind)),
                                              bsc_value_get(record, "payload"), &err));
    }
    const struct bsc_value *intent = bsc_value_get(bsc_value_at(records, 7), "payload");
    assert_true(bsc_value_get_truth(intent, "volatile"));
    assert_int_equal(bsc_value_get_number(intent, "timeout_ms", 0), 9000);
    assert_int_equal(bsc_value_get_number(intent, "action", 0), 2);
    assert_true(bsc_value_get_truth(intent, "assumed"));
    assert_json(bsc_value_get(intent, "undo"), "{'declared':true}");
    const struct bsc_value *end = bsc_value_get(bsc_value_at(records, 10), "payload");
    assert_json(bsc_value_get(end, "actions"), "[{'outcome':'kept'}]");
    bsc_value_free(records);
    bsc_value_free(item);
    bsc_value_free(result);
    bsc_value_free(summary);
    rig_close(&rig);
}

struct survey {
    struct bsc_loop *loop;
    struct bsc_value *facts;
    struct bsc_err err;
    bool waiting, over;
};

static void surveyed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct survey *survey = arg;
    survey->facts = facts;
    survey->over = true;
    if (facts == NULL)
        survey->err = *err;
    if (survey->waiting)
        bsc_loop_stop(survey->loop);
}

static struct survey survey_all(struct rig *rig, const struct bsc_value *ids)
{
    struct survey survey = {.loop = rig->loop};
    bsc_run_observe_all(rig->vm, rig->hands, ids, surveyed, &survey);
    survey.waiting = !survey.over;
    if (survey.waiting)
        bsc_loop_run(rig->loop);
    assert_true(survey.over);
    return survey;
}

static void a_survey_observes_every_resource_once(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = from_json("['none:a','file:/nowhere','none:a','none:b']");
    struct survey survey = survey_all(&rig, ids);
    assert_json(survey.facts, "{'none:a':{},'file:/nowhere':{'exists':false,'bytes':0},"
                              "'none:b':{}}");
    bsc_value_free(survey.facts);
    bsc_value_free(ids);
    rig_close(&rig);
}

static void a_survey_of_nothing_is_over_at_once(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = bsc_value_list();
    struct survey survey = survey_all(&rig, ids);
    assert_json(survey.facts, "{}");
    bsc_value_free(survey.facts);
    bsc_value_free(ids);
    rig_close(&rig);
}

static void a_survey_stops_at_the_first_resource_that_cannot_be_observed(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = from_json("['file:/nowhere','odd:x','odd:y']");
    struct survey survey = survey_all(&rig, ids);
    assert_null(survey.facts);
    assert_string_equal(survey.err.message, "cannot observe odd:x");
    bsc_value_free(ids);
    rig_close(&rig);
}

/* The real calls, but for looks at files, which are counted. */
static int counted_stat(void *self, const char *path, struct stat *ret)
{
    const struct bsc_sys *real = bsc_sys_real();
    if (strstr(path, "/nowhere") == NULL)
        ++*(int *)self;
    return real->stat(real->self, path, ret);
}

static void groups_are_looked_at_side_by_side_and_ask_a_shared_question_once(void **state)
{
    struct rig rig;
    int count = 0;
    struct bsc_sys sys = *bsc_sys_real();
    sys.self = &count;
    sys.stat = counted_stat;
    rig_open(&rig, state);
    rig.env.sys = &sys;
    char *path = unit_path(rig.folder, "none");
    struct bsc_value *ids =
        from_json("['side:%s#a','none:x','side:%s#b','size:%s#c']", path, path, path);
    struct survey survey = survey_all(&rig, ids);
    assert_int_equal(bsc_value_count(survey.facts), 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(bsc_value_key_at(survey.facts, i),
                            bsc_value_string(bsc_value_at(ids, i)));
    /* Both have begun before the first goes on, which is whoever's lane had its answer sooner. */
    const char *steps = bsc_value_get_string(rig_look(&rig, "steps:all"), "steps");
    assert_true(strcmp(steps, "abab") == 0 || strcmp(steps, "abba") == 0);
    assert_int_equal(count, 1);
    bsc_value_free(survey.facts);
    bsc_value_free(ids);
    free(path);
    rig_close(&rig);
}

static void who_waits_for_a_question_that_fails_is_told(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = from_json("['none:x','side:odd#a','side:odd#b','size:odd#c']");
    struct survey survey = survey_all(&rig, ids);
    assert_null(survey.facts);
    assert_string_equal(survey.err.message, "cannot observe side:odd#a");
    assert_non_null(strstr(survey.err.cause, "must be an absolute path"));
    bsc_value_free(ids);
    rig_close(&rig);
}

static void cancel_hands(void *arg)
{
    bsc_run_hands_cancel(arg);
}

static void who_waits_for_a_question_that_is_cancelled_ends(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = from_json("['side:sleep#a','none:x','side:sleep#b']");
    bsc_timer_start(rig.loop, 20, cancel_hands, rig.hands);
    struct survey survey = survey_all(&rig, ids);
    assert_null(survey.facts);
    assert_string_equal(bsc_err_name(survey.err.code), "cancelled");
    bsc_value_free(ids);
    rig_close(&rig);
}

static void a_survey_of_thousands_does_not_grow_the_stack(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    struct bsc_value *ids = bsc_value_list();
    for (int i = 0; i < 5000; i++)
        bsc_value_append(ids, bsc_value_format("none:%d", i));
    struct survey survey = survey_all(&rig, ids);
    assert_int_equal(bsc_value_count(survey.facts), 5000);
    bsc_value_free(survey.facts);
    bsc_value_free(ids);
    rig_close(&rig);
}

/* A file that grows before each look at it. */
struct growing {
    struct rig *rig;
    char *path;
    int bytes;
    int seen; /* in the survey under way */
};

static void growing_open(struct growing *file, struct rig *rig)
{
    *file = (struct growing){.rig = rig, .path = unit_path(rig->folder, "grows")};
}

static void growing_grow(struct growing *file)
{
    static const char text[64];
    unit_file_put(file->path, text, (size_t)++file->bytes);
}

/* Whether a look is the first of a survey, or is told what that has seen. */
static void is_seen(struct growing *file, const char *name, bool first)
{
    char *resource = bsc_mem_format("size:%s#%s", file->path, name);
    growing_grow(file);
    if (first)
        file->seen = file->bytes;
    const struct bsc_value *facts = rig_look(file->rig, resource);
    assert_non_null(facts);
    assert_int_equal(bsc_value_get_number(facts, "bytes", 0), file->seen);
    bsc_mem_free(resource);
}

static void is_seen_alone(struct growing *file)
{
    growing_grow(file);
    struct bsc_value *effect =
        from_json("{'op':'observe','resource':'size:%s#','alone':true}", file->path);
    const struct bsc_value *facts = rig_perform(file->rig, effect);
    assert_int_equal(bsc_value_get_number(facts, "bytes", 0), file->bytes);
    bsc_value_free(effect);
}

static void looks_with_nothing_between_them_are_one_survey(void **state)
{
    struct rig rig;
    struct growing file;
    rig_open(&rig, state);
    growing_open(&file, &rig);
    is_seen(&file, "a", true);
    is_seen(&file, "b", false);
    is_seen(&file, "c", false);
    is_seen(&file, "b", true);
    is_seen(&file, "c", false);
    perform(&rig, "{'op':'now'}");
    is_seen(&file, "d", true);
    is_seen(&file, "e", false);
    bsc_run_live_enter(rig.live, 1);
    is_seen(&file, "f", true);
    is_seen_alone(&file);
    is_seen(&file, "h", true);
    free(file.path);
    rig_close(&rig);
}

static int64_t tests_mono_us(void *self)
{
    return *(const int64_t *)self;
}

static void a_survey_that_takes_long_is_begun_anew(void **state)
{
    struct rig rig;
    struct growing file;
    int64_t now = 5000000;
    const struct bsc_clock *real = bsc_clock_real();
    const struct bsc_clock clock = {&now, real->wall_ms, tests_mono_us};
    rig_open(&rig, state);
    rig.clock = &clock;
    rig_plan(&rig, bsc_value_list());
    growing_open(&file, &rig);
    is_seen(&file, "a", true);
    now += 999999;
    is_seen(&file, "b", false);
    now++;
    is_seen(&file, "c", true);
    free(file.path);
    rig_close(&rig);
}

struct errand {
    struct bsc_loop *loop;
    int *left; /* of those that are under way */
    enum bsc_err_code code;
};

static void errand_done(void *arg, struct bsc_value *value, const struct bsc_err *err)
{
    struct errand *errand = arg;
    errand->code = err->code;
    bsc_value_free(value);
    if (--*errand->left == 0)
        bsc_loop_stop(errand->loop);
}

static void a_row_that_is_late_stops_no_other(void **state)
{
    struct rig rig;
    rig_open(&rig, state);
    char *path = unit_path(rig.folder, "m.db");
    unit_file_put(path, "", 0);
    int left = 2;
    struct errand late = {.loop = rig.loop, .left = &left}, other = late;
    struct bsc_value *sleep = from_json("{'argv':['sleep','60']}");
    struct bsc_value *count =
        from_json("{'server':'db','file':'m.db','sql':'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "
                  "SELECT n + 1 FROM c WHERE n < 3000000) SELECT count(*) FROM c'}");
    const struct bsc_run_errand sleeping = {
        .row = bsc_lib_find("command.probe"), .args = sleep, .timeout_ms = 50};
    const struct bsc_run_errand counting = {.row = bsc_lib_find("sql.query"), .args = count};
    bsc_run_hands_perform(rig.hands, &sleeping, errand_done, &late);
    bsc_run_hands_perform(rig.hands, &counting, errand_done, &other);
    bsc_loop_run(rig.loop);
    assert_string_equal(bsc_err_name(late.code), "timeout");
    assert_string_equal(bsc_err_name(other.code), "none");
    bsc_value_free(sleep);
    bsc_value_free(count);
    free(path);
    rig_close(&rig);
}

static const char go_in_an_hour[] = "{'op':'reached','title':'Go?','after_ms':3600000}";

static int64_t wall_now(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->wall_ms(clock->self);
}

static void a_gate_counts_from_when_it_was_first_reached(void **state)
{
    struct rig rig;
    struct bsc_run_past past = {.waits = bsc_value_map(), .made = bsc_value_map()};
    rig_open(&rig, state);
    int64_t before = wall_now();
    const struct bsc_value *reached = perform(&rig, go_in_an_hour);
    assert_true(bsc_run_wait_time(reached, "since", 0) >= before);
    assert_true(bsc_run_wait_time(reached, "until", 0) >= before + 3600000);
    UNIT_IN_RANGE(bsc_value_get_number(reached, "remaining_ms", 0), 3590000, 3600000);
    bsc_value_set_int(past.waits, "Go?", before - 3000000);
    rig.past = &past;
    rig_plan(&rig, bsc_value_list());
    UNIT_IN_RANGE(bsc_value_get_number(perform(&rig, go_in_an_hour), "remaining_ms", 0), 590000,
                  600000);
    bsc_value_set_int(past.waits, "Go?", before - 3600000);
    assert_int_equal(bsc_value_get_number(perform(&rig, go_in_an_hour), "remaining_ms", 1), 0);
    rig_assert_kinds(rig.journal_path, "");
    rig_close(&rig);
    bsc_value_free(past.waits);
    bsc_value_free(past.made);
}

/* By the clock as it is now, it was reached a day from now. */
static void a_clock_that_was_set_back_does_not_shorten_a_wait(void **state)
{
    struct rig rig;
    struct bsc_run_past past = {.waits = bsc_value_map(), .made = bsc_value_map()};
    rig_open(&rig, state);
    bsc_value_set_int(past.waits, "Go?", wall_now() + 86400000);
    rig.past = &past;
    rig_plan(&rig, bsc_value_list());
    UNIT_IN_RANGE(bsc_value_get_number(perform(&rig, go_in_an_hour), "remaining_ms", 0), 89990000,
                  90000000);
    rig_close(&rig);
    bsc_value_free(past.waits);
    bsc_value_free(past.made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(an_observation_is_recorded_and_becomes_what_is_known),
        UNIT_IN_FOLDER(an_observation_that_breaks_stops_the_run),
        UNIT_IN_FOLDER(an_observation_cut_short_by_the_operator_is_no_fact),
        UNIT_IN_FOLDER(the_time_is_recorded_for_the_replay),
        UNIT_IN_FOLDER(a_question_and_its_answer_are_recorded),
        UNIT_IN_FOLDER(a_note_is_recorded_and_shown),
        UNIT_IN_FOLDER(a_wait_ends_after_its_time),
        UNIT_IN_FOLDER(a_wait_under_way_ends_with_the_cancel),
        UNIT_IN_FOLDER(nothing_is_waited_for_or_asked_after_a_cancel),
        UNIT_IN_FOLDER(a_world_that_waits_can_be_freed),
        UNIT_IN_FOLDER(an_effect_that_there_is_not_breaks_the_run),
        UNIT_IN_FOLDER(a_long_list_is_recorded_as_its_count_and_digest),
        UNIT_IN_FOLDER(every_record_has_what_its_kind_must_have),
        UNIT_IN_FOLDER(a_survey_observes_every_resource_once),
        UNIT_IN_FOLDER(a_survey_of_nothing_is_over_at_once),
        UNIT_IN_FOLDER(groups_are_looked_at_side_by_side_and_ask_a_shared_question_once),
        UNIT_IN_FOLDER(who_waits_for_a_question_that_fails_is_told),
        UNIT_IN_FOLDER(who_waits_for_a_question_that_is_cancelled_ends),
        UNIT_IN_FOLDER(a_survey_stops_at_the_first_resource_that_cannot_be_observed),
        UNIT_IN_FOLDER(a_survey_of_thousands_does_not_grow_the_stack),
        UNIT_IN_FOLDER(looks_with_nothing_between_them_are_one_survey),
        UNIT_IN_FOLDER(a_row_that_is_late_stops_no_other),
        UNIT_IN_FOLDER(a_survey_that_takes_long_is_begun_anew),
        UNIT_IN_FOLDER(a_gate_counts_from_when_it_was_first_reached),
        UNIT_IN_FOLDER(a_clock_that_was_set_back_does_not_shorten_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
