#include "run_unit.h"

#include "run/twin.h"

struct scene {
    struct bsc_value *schema;
    struct bsc_run_model *model;
    struct bsc_run_twin *twin;
    struct bsc_run_twin_hooks hooks;
    struct bsc_value *seen; /* owned list of {hook, effect, before} */
    struct bsc_err err;     /* of the last reply */
    int replies;
};

static void see(struct scene *scene, const char *hook, const struct bsc_value *effect,
                const struct bsc_value *before)
{
    struct bsc_value *entry = bsc_value_map();
    bsc_value_set_text(entry, "hook", hook);
    bsc_value_set(entry, "what",
                  bsc_value_copy(bsc_value_get(effect, before != NULL ? "statement" : "text")));
    if (before != NULL)
        bsc_value_set(entry, "before", bsc_value_copy(before));
    bsc_value_append(scene->seen, entry);
}

static void see_change(void *self, const struct bsc_value *effect, const struct bsc_value *before)
{
    see(self, "change", effect, before);
}

static void see_note(void *self, const struct bsc_value *effect)
{
    see(self, "note", effect, NULL);
}

static void see_ask(void *self, const struct bsc_value *effect)
{
    see(self, "ask", effect, NULL);
}

static void scene_open(struct scene *scene, const char *facts, bool with_hooks)
{
    memset(scene, 0, sizeof *scene);
    scene->schema = from_json("{}");
    scene->model = bsc_run_model_new(scene->schema, from_json("%s", facts));
    scene->seen = bsc_value_list();
    if (with_hooks)
        scene->hooks = (struct bsc_run_twin_hooks){scene, see_change, see_note, see_ask};
    scene->twin = bsc_run_twin_new(scene->model, 1000, &scene->hooks);
}

static void scene_close(struct scene *scene)
{
    bsc_run_twin_free(scene->twin);
    bsc_run_model_free(scene->model);
    bsc_value_free(scene->seen);
    bsc_value_free(scene->schema);
}

struct reply {
    struct scene *scene;
    struct bsc_value *answer;
};

static void replied(void *arg, struct bsc_value *answer, const struct bsc_err *err)
{
    struct reply *reply = arg;
    reply->scene->replies++;
    reply->answer = answer;
    if (answer == NULL)
        reply->scene->err = *err;
}

/* Owned; NULL when the twin broke off. */
static struct bsc_value *perform(struct scene *scene, const char *json)
{
    struct reply reply = {scene, NULL};
    struct bsc_value *effect = from_json("%s", json);
    const struct bsc_run_world *world = bsc_run_twin_world(scene->twin);
    int before = scene->replies;
    world->perform(world->self, effect, replied, &reply);
    assert_int_equal(scene->replies, before + 1);
    bsc_value_free(effect);
    return reply.answer;
}

static void expect(struct scene *scene, const char *effect, const char *answer)
{
    struct bsc_value *is = perform(scene, effect);
    assert_non_null(is);
    assert_json(is, answer);
    bsc_value_free(is);
}

#define CHANGE(statement, becomes)                                                                 \
    "{'op':'change','resource':'file:/a','row':'file.copy','args':{},'statement':'" statement      \
    "','becomes':" becomes "}"

static void what_a_change_makes_true_is_observed_afterwards(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'file:/a':{'exists':false,'bytes':0}}", true);
    expect(&scene, CHANGE("one", "{'file:/a':{'exists':true},'file:/b':{'exists':false}}"),
           "{'outcome':'changed','result':{},'facts':{'exists':true,'bytes':0}}");
    expect(&scene, "{'op':'observe','resource':'file:/a'}", "{'exists':true,'bytes':0}");
    expect(&scene, "{'op':'observe','resource':'file:/b'}", "{'exists':false}");
    scene_close(&scene);
}

static void each_change_is_told_with_the_values_before_it(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'file:/a':{'bytes':0}}", true);
    bsc_value_free(perform(&scene, CHANGE("one", "{'file:/a':{'bytes':1}}")));
    bsc_value_free(perform(&scene, CHANGE("two", "{'file:/a':{'bytes':2}}")));
    assert_json(scene.seen, "[{'hook':'change','what':'one','before':{'file:/a':{'bytes':0}}},"
                            "{'hook':'change','what':'two','before':{'file:/a':{'bytes':1}}}]");
    scene_close(&scene);
}

static void a_resource_that_nobody_observed_is_unknown(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    expect(&scene, "{'op':'observe','resource':'file:/z'}", "{'state':'unknown'}");
    scene_close(&scene);
}

static void waiting_moves_only_the_clock_of_the_twin(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    expect(&scene, "{'op':'now'}", "1000");
    expect(&scene, "{'op':'sleep','ms':86400000,'why':'a day'}", "true");
    expect(&scene, "{'op':'now'}", "86401000");
    expect(&scene, "{'op':'sleep','ms':-5,'why':'backwards'}", "true");
    expect(&scene, "{'op':'now'}", "86401000");
    expect(&scene, "{'op':'sleep','ms':9223372036854775807,'why':'for ever'}", "true");
    expect(&scene, "{'op':'now'}", "9223372036854775807");
    scene_close(&scene);
}

static void every_question_is_answered_yes_by_the_rehearsal(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    expect(&scene, "{'op':'ask','title':'Go on?','text':'t'}", "{'answer':'yes','by':'rehearsal'}");
    expect(&scene, "{'op':'note','kind':'info','text':'n'}", "true");
    assert_json(scene.seen, "[{'hook':'ask','what':'t'},{'hook':'note','what':'n'}]");
    scene_close(&scene);
}

static void nobody_need_listen(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'file:/a':{}}", false);
    expect(&scene, "{'op':'ask','title':'Go on?'}", "{'answer':'yes','by':'rehearsal'}");
    expect(&scene, "{'op':'note','kind':'info','text':'n'}", "true");
    bsc_value_free(perform(&scene, CHANGE("one", "{'file:/a':{'exists':true}}")));
    scene_close(&scene);
}

static void refused(struct scene *scene, const char *effect, const char *part)
{
    assert_null(perform(scene, effect));
    assert_int_equal(scene->err.code, BSC_ERR_SCRIPT);
    assert_contains(scene->err.message, part);
}

static void an_unknown_effect_breaks_the_rehearsal(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    refused(&scene, "{'op':'dance'}", "dance");
    refused(&scene, "{'op':'call','row':'file.state','args':{}}", "call");
    refused(&scene, "{}", "no answer");
    scene_close(&scene);
}

static void a_change_that_could_not_be_carried_out_live_breaks_the_rehearsal(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    refused(&scene, "{'op':'change','row':'file.copy','statement':'s','args':{}}", "\"resource\"");
    refused(&scene, "{'op':'change','resource':'r','row':'file.copy','args':{}}", "\"statement\"");
    refused(&scene, "{'op':'change','resource':'r','statement':'s','args':{}}", "\"row\"");
    refused(&scene, "{'op':'change','resource':'r','statement':'s','row':'file.copy'}", "\"args\"");
    refused(&scene, "{'op':'change','resource':'r','statement':'s','row':'no.row','args':{}}",
            "is no row");
    refused(&scene, "{'op':'change','resource':'r','statement':'s','row':'file.state','args':{}}",
            "changes nothing");
    assert_int_equal(bsc_value_count(scene.seen), 0);
    assert_json(bsc_run_model_all(scene.model), "{}");
    scene_close(&scene);
}

static void a_gate_waits_on_the_clock_of_the_twin_unless_that_is_waived(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}", true);
    expect(&scene, "{'op':'reached','title':'Go?','after_ms':86400000,'waived':true}",
           "{'since':'1970-01-01T00:00:01.000Z','until':'1970-01-02T00:00:01.000Z',"
           "'remaining_ms':86400000}");
    expect(&scene, "{'op':'now'}", "1000");
    expect(&scene, "{'op':'reached','title':'Go?','after_ms':86400000}",
           "{'since':'1970-01-01T00:00:01.000Z','until':'1970-01-02T00:00:01.000Z',"
           "'remaining_ms':0}");
    expect(&scene, "{'op':'now'}", "86401000");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_change_makes_true_is_observed_afterwards),
        cmocka_unit_test(each_change_is_told_with_the_values_before_it),
        cmocka_unit_test(a_resource_that_nobody_observed_is_unknown),
        cmocka_unit_test(waiting_moves_only_the_clock_of_the_twin),
        cmocka_unit_test(every_question_is_answered_yes_by_the_rehearsal),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(an_unknown_effect_breaks_the_rehearsal),
        cmocka_unit_test(a_change_that_could_not_be_carried_out_live_breaks_the_rehearsal),
        cmocka_unit_test(a_gate_waits_on_the_clock_of_the_twin_unless_that_is_waived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
