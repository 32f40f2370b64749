#include "run_unit.h"

#include "run/model.h"

static const char schema_text[] = "{'pool':{'state':{'type':'text'},'servers':{'type':'list'},"
                                  "'version':{'type':'int'},"
                                  "'sessions':{'type':'int','volatile':true}}}";

struct scene {
    struct bsc_value *schema;
    struct bsc_run_model *model;
    struct bsc_buf text; /* differences */
};

static void scene_open(struct scene *scene, const char *facts)
{
    scene->schema = from_json("%s", schema_text);
    scene->model = bsc_run_model_new(scene->schema, from_json("%s", facts));
    bsc_buf_init(&scene->text);
}

static void scene_close(struct scene *scene)
{
    bsc_run_model_free(scene->model);
    bsc_value_free(scene->schema);
    bsc_buf_release(&scene->text);
}

static void apply(struct scene *scene, const char *json)
{
    struct bsc_value *becomes = from_json("%s", json);
    bsc_run_model_apply(scene->model, becomes);
    bsc_value_free(becomes);
}

static bool agrees(struct scene *scene, const char *resource, const char *observed,
                   const char *only)
{
    struct bsc_value *facts = from_json("%s", observed);
    struct bsc_value *keys = only != NULL ? from_json("%s", only) : NULL;
    bsc_buf_clear(&scene->text);
    bool result = bsc_run_model_agrees(scene->model, resource, facts, keys, &scene->text);
    assert_int_equal(bsc_run_model_agrees(scene->model, resource, facts, keys, NULL), result);
    assert_int_equal(scene->text.length == 0, result);
    bsc_value_free(facts);
    bsc_value_free(keys);
    return result;
}

static void act(struct scene *scene, const char *json)
{
    struct bsc_value *effect = from_json("%s", json);
    bsc_run_model_act(scene->model, effect);
    bsc_value_free(effect);
}

static void after_a_change_that_is_assumed_nothing_is_known_of_its_resource(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'sql:q':{'rows':1},'pool:b':{'state':'Normal'}}");
    act(&scene, "{'resource':'sql:q','becomes':{}}");
    assert_json(bsc_run_model_facts(scene.model, "sql:q"), "{'rows':1}");
    act(&scene, "{'resource':'sql:q','becomes':{},'assumed':true}");
    assert_json(bsc_run_model_facts(scene.model, "sql:q"), "{'rows':{'$unknown':'int'}}");
    act(&scene, "{'resource':'sql:q','becomes':{},'assumed':true}");
    assert_json(bsc_run_model_facts(scene.model, "sql:q"), "{'rows':{'$unknown':'int'}}");
    act(&scene, "{'resource':'pool:b','becomes':{},'assumed':true}");
    assert_json(bsc_run_model_facts(scene.model, "pool:b"), "{'state':'Normal'}");
    scene_close(&scene);
}

static void a_change_sets_its_facts_and_leaves_the_others(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':'Normal','version':7}}");
    apply(&scene, "{'pool:chat':{'state':'FailedOver'},'pool:new':{'version':1}}");
    assert_json(bsc_run_model_all(scene.model),
                "{'pool:chat':{'state':'FailedOver','version':7},'pool:new':{'version':1}}");
    scene_close(&scene);
}

static void present_values_are_those_of_the_named_keys_and_null_where_nothing_is_known(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':'Normal','version':7}}");
    struct bsc_value *becomes =
        from_json("{'pool:chat':{'state':'x','servers':[]},'pool:new':{'state':'y'}}");
    struct bsc_value *present = bsc_run_model_present(scene.model, becomes);
    assert_json(present,
                "{'pool:chat':{'state':'Normal','servers':null},'pool:new':{'state':null}}");
    bsc_value_free(present);
    bsc_value_free(becomes);
    scene_close(&scene);
}

static void what_was_never_observed_is_not_known(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}");
    assert_null(bsc_run_model_facts(scene.model, "pool:chat"));
    bsc_run_model_put(scene.model, "pool:chat", from_json("{'version':1}"));
    assert_json(bsc_run_model_facts(scene.model, "pool:chat"), "{'version':1}");
    scene_close(&scene);
}

static void a_value_that_nobody_can_foretell_equals_anything(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}");
    apply(&scene, "{'pool:chat':{'state':{'$unknown':'state'},'version':2}}");
    assert_true(agrees(&scene, "pool:chat", "{'state':'whatever','version':2}", NULL));
    assert_true(agrees(&scene, "pool:chat", "{'version':2}", NULL));
    assert_false(agrees(&scene, "pool:chat", "{'state':'whatever','version':3}", NULL));
    scene_close(&scene);
}

static void volatile_facts_may_differ(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':'Normal','sessions':4}}");
    assert_true(agrees(&scene, "pool:chat", "{'state':'Normal','sessions':9}", NULL));
    assert_true(agrees(&scene, "pool:chat", "{'state':'Normal'}", NULL));
    scene_close(&scene);
}

static void a_fact_that_is_gone_and_one_that_is_new_are_both_differences(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':'Normal'}}");
    assert_false(agrees(&scene, "pool:chat", "{}", NULL));
    assert_string_equal(scene.text.data, "pool:chat: state is null, predicted \"Normal\"");
    assert_false(agrees(&scene, "pool:chat", "{'state':'Normal','version':3}", NULL));
    assert_string_equal(scene.text.data, "pool:chat: version is 3, predicted null");
    scene_close(&scene);
}

static void every_difference_is_told_with_both_values(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':'Normal','version':7}}");
    assert_false(agrees(&scene, "pool:chat", "{'state':'FailedOver','version':8}", NULL));
    assert_string_equal(scene.text.data,
                        "pool:chat: state is \"FailedOver\", predicted \"Normal\"; "
                        "pool:chat: version is 8, predicted 7");
    scene_close(&scene);
}

static void null_and_absent_are_one(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'state':null}}");
    assert_true(agrees(&scene, "pool:chat", "{'version':null}", NULL));
    scene_close(&scene);
}

static void an_empty_list_is_as_good_as_an_empty_map(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'servers':{}}}");
    assert_true(agrees(&scene, "pool:chat", "{'servers':[]}", NULL));
    assert_false(agrees(&scene, "pool:chat", "{'servers':['fe1']}", NULL));
    scene_close(&scene);
}

static void facts_that_the_schema_does_not_have_are_not_compared(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'pool:chat':{'note':'a'}}");
    assert_true(agrees(&scene, "pool:chat", "{'note':'b'}", NULL));
    scene_close(&scene);
}

static void a_kind_without_a_schema_is_compared_only_in_the_keys_of_the_change(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{'sql:mine':{'a':1,'b':2}}");
    assert_true(agrees(&scene, "sql:mine", "{'a':9,'b':9}", NULL));
    assert_true(agrees(&scene, "sql:mine", "{'a':1,'b':9}", "{'a':1}"));
    assert_false(agrees(&scene, "sql:mine", "{'a':2,'b':2}", "{'a':1}"));
    assert_false(agrees(&scene, "sql:mine", "{'b':2}", "{'a':1}"));
    scene_close(&scene);
}

static void a_kind_whose_name_is_very_long_has_no_schema(void **state)
{
    (void)state;
    struct scene scene;
    char resource[200];
    scene_open(&scene, "{}");
    memset(resource, 'x', sizeof resource);
    resource[sizeof resource - 1] = '\0';
    assert_true(agrees(&scene, resource, "{'a':1}", NULL));
    assert_true(agrees(&scene, "nocolon", "{'a':1}", NULL));
    scene_close(&scene);
}

static void a_fact_is_steady_unless_the_schema_says_otherwise(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "{}");
    assert_true(bsc_run_model_steady(scene.model, "pool:chat", "state"));
    assert_false(bsc_run_model_steady(scene.model, "pool:chat", "sessions"));
    assert_false(bsc_run_model_steady(scene.model, "pool:chat", "note"));
    assert_true(bsc_run_model_steady(scene.model, "sql:mine", "anything"));
    scene_close(&scene);
}

/* {key=[0, 1, …]} */
static struct bsc_value *facts_with_lists(const char *const *keys, int64_t entries)
{
    struct bsc_value *facts = bsc_value_map();
    for (; *keys != NULL; keys++) {
        struct bsc_value *list = bsc_value_list();
        for (int64_t i = 0; i < entries; i++)
            bsc_value_append(list, bsc_value_int(i));
        bsc_value_set(facts, *keys, list);
    }
    return facts;
}

static void a_model_that_travels_light_keeps_the_length_of_very_long_volatile_lists(void **state)
{
    (void)state;
    static const char *const keys[] = {"servers", "sessions", NULL};
    struct scene scene;
    scene_open(&scene, "{}");
    bsc_run_model_put(scene.model, "pool:a", facts_with_lists(keys, 5000));
    bsc_run_model_travel_light(scene.model);
    bsc_run_model_put(scene.model, "pool:b", facts_with_lists(keys, 5000));
    bsc_run_model_put(scene.model, "pool:c", facts_with_lists(keys, 1000));
    for (size_t i = 0; i < 2; i++) {
        const struct bsc_value *facts =
            bsc_run_model_facts(scene.model, i == 0 ? "pool:a" : "pool:b");
        assert_json(bsc_value_get(facts, "sessions"), "{'$entries':5000}");
        assert_int_equal(bsc_value_count(bsc_value_get(facts, "servers")), 5000);
    }
    const struct bsc_value *facts = bsc_run_model_facts(scene.model, "pool:c");
    assert_int_equal(bsc_value_count(bsc_value_get(facts, "sessions")), 1000);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_change_that_is_assumed_nothing_is_known_of_its_resource),
        cmocka_unit_test(a_change_sets_its_facts_and_leaves_the_others),
        cmocka_unit_test(
            present_values_are_those_of_the_named_keys_and_null_where_nothing_is_known),
        cmocka_unit_test(what_was_never_observed_is_not_known),
        cmocka_unit_test(a_value_that_nobody_can_foretell_equals_anything),
        cmocka_unit_test(volatile_facts_may_differ),
        cmocka_unit_test(a_fact_that_is_gone_and_one_that_is_new_are_both_differences),
        cmocka_unit_test(every_difference_is_told_with_both_values),
        cmocka_unit_test(null_and_absent_are_one),
        cmocka_unit_test(an_empty_list_is_as_good_as_an_empty_map),
        cmocka_unit_test(facts_that_the_schema_does_not_have_are_not_compared),
        cmocka_unit_test(a_kind_without_a_schema_is_compared_only_in_the_keys_of_the_change),
        cmocka_unit_test(a_kind_whose_name_is_very_long_has_no_schema),
        cmocka_unit_test(a_model_that_travels_light_keeps_the_length_of_very_long_volatile_lists),
        cmocka_unit_test(a_fact_is_steady_unless_the_schema_says_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
