#include "run_unit.h"

#include "run/amend.h"

/* What a runbook says: items, and the parts of the site that the first ones rest on. */
#define SAID(items, site)                                                                          \
    "{'items':[" items "],'site':{" site "},'defaults':{},'modules':'m','runbook':'r'}"
#define ITEM(index, title, says)                                                                   \
    "{'index':" #index ",'kind':'step','title':'" title "','file':'b.lua','line':" #index          \
    ",'says':{" says "}}"
#define A     ITEM(1, "a", "'x':1")
#define B     ITEM(2, "b", "'x':1")
#define C     ITEM(3, "c", "'x':1")
#define THREE SAID(A "," B "," C, "")

static struct bsc_value *amend(const char *then, const char *now, const char *drift,
                               int64_t reached)
{
    struct bsc_value *a = from_json("%s", then), *b = from_json("%s", now);
    struct bsc_value *d = from_json("%s", drift);
    struct bsc_value *amendment = bsc_run_amend_compare(a, b, d, reached);
    bsc_value_free(a);
    bsc_value_free(b);
    bsc_value_free(d);
    assert_int_equal(bsc_value_get_number(amendment, "reached", -1), reached);
    return amendment;
}

/* The items that differ, in a word each: what, the title, and "!" where it was reached. */
static void assert_items(const char *then, const char *now, int64_t reached, const char *words)
{
    struct bsc_value *amendment = amend(then, now, "{}", reached);
    const struct bsc_value *items = bsc_value_get(amendment, "items");
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        bsc_buf_printf(&text, "%s%s %s%s", i > 0 ? ", " : "", bsc_value_get_string(item, "what"),
                       bsc_value_get_string(item, "title"),
                       bsc_value_get_truth(item, "reached") ? "!" : "");
    }
    assert_string_equal(text.length > 0 ? text.data : "", words);
    assert_int_equal(bsc_value_get_truth(amendment, "holds"), strchr(words, '!') == NULL);
    bsc_buf_release(&text);
    bsc_value_free(amendment);
}

static void what_says_the_same_does_not_differ_wherever_it_stands(void **state)
{
    (void)state;
    assert_items(THREE, THREE, 3, "");
    assert_items(THREE,
                 SAID("{'index':1,'kind':'step','title':'a','file':'c.lua','line':9,"
                      "'says':{'x':1}}," B "," C,
                      ""),
                 3, "");
}

static void an_item_may_differ_only_behind_what_was_reached(void **state)
{
    static const char other[] = SAID(A "," ITEM(2, "b", "'x':2") "," C, "");
    (void)state;
    assert_items(THREE, other, 1, "differs b");
    assert_items(THREE, other, 2, "differs b!");
    assert_items(THREE, other, 3, "differs b!");
}

static void nothing_comes_or_goes_before_what_was_reached(void **state)
{
    static const char gone[] = SAID(A "," ITEM(2, "c", "'x':1"), "");
    static const char more[] =
        SAID(A "," ITEM(2, "n", "") "," ITEM(3, "b", "'x':1") "," ITEM(4, "c", "'x':1"), "");
    static const char last[] = SAID(A "," B "," C "," ITEM(4, "n", ""), "");
    static const char first[] = SAID(ITEM(1, "n", "") "," ITEM(2, "a", "'x':1"), "");
    static const char swapped[] = SAID(ITEM(1, "b", "'x':1") "," ITEM(2, "a", "'x':1") "," C, "");
    (void)state;
    assert_items(THREE, gone, 1, "gone b");
    assert_items(THREE, gone, 2, "gone b!");
    assert_items(THREE, more, 1, "new n");
    assert_items(THREE, more, 2, "new n!");
    assert_items(THREE, last, 3, "new n");
    assert_items(THREE, first, 0, "new n, gone b, gone c");
    assert_items(THREE, first, 1, "new n!, gone b, gone c");
    assert_items(THREE, swapped, 1, "gone a!, new a");
    assert_items(THREE, swapped, 3, "gone a!, new a!");
    assert_items(THREE, SAID("", ""), 1, "gone a!, gone b, gone c");
}

static void another_name_or_kind_is_another_item(void **state)
{
    (void)state;
    assert_items(SAID(A, ""), SAID(ITEM(1, "z", "'x':1"), ""), 1, "gone a!, new z");
    assert_items(SAID(A, ""),
                 SAID("{'index':1,'kind':'gate','title':'a','line':1,'says':{'x':1}}", ""), 1,
                 "gone a!, new a");
}

static void how_is_told_by_the_path_to_each_value(void **state)
{
    (void)state;
    struct bsc_value *amendment =
        amend(SAID(ITEM(1, "a", "'list':[1,{'k':'v'}],'gone':true,'same':1"), ""),
              SAID(ITEM(1, "a", "'list':[1,{'k':'w'},3],'new':'n','same':1"), ""), "{}", 1);
    assert_json(bsc_value_get(bsc_value_at(bsc_value_get(amendment, "items"), 0), "how"),
                "[{'key':'list[2].k','then':'v','now':'w'},{'key':'list[3]','then':null,'now':3},"
                "{'key':'gone','then':true,'now':null},{'key':'new','then':null,'now':'n'}]");
    bsc_value_free(amendment);
}

/* With code the item cannot be told from another one whose file was edited. */
static void assert_code(const char *code, const char *now, const char *how)
{
    struct bsc_value *said = from_json("%s", SAID(A, ""));
    struct bsc_value *item = bsc_value_at(bsc_value_get(said, "items"), 0);
    bsc_value_set_text(item, "code", code);
    struct bsc_value *other = bsc_value_copy(said), *drift = bsc_value_map();
    bsc_value_set_text(other, now, "other");
    struct bsc_value *amendment = bsc_run_amend_compare(said, other, drift, 1);
    const struct bsc_value *items = bsc_value_get(amendment, "items");
    assert_int_equal(bsc_value_get_truth(amendment, "holds"), how == NULL);
    if (how != NULL)
        assert_word(bsc_value_at(bsc_value_get(bsc_value_at(items, 0), "how"), 0), "key", how);
    bsc_value_free(amendment);
    bsc_value_free(drift);
    bsc_value_free(other);
    bsc_value_free(said);
}

static void what_is_no_data_is_the_same_only_where_its_file_is(void **state)
{
    (void)state;
    assert_code("modules", "modules", "code in modules");
    assert_code("modules", "runbook", NULL);
    assert_code("runbook", "modules", "code in modules");
    assert_code("runbook", "runbook", "code in runbook");
}

static void what_was_planned_to_be_something_else_differs_though_it_says_the_same(void **state)
{
    static const char drift[] = "{'steps':[{'index':2,'blocks':true,'then':'changed',"
                                "'now':'refused'},{'index':1,'blocks':false}]}";
    (void)state;
    struct bsc_value *amendment = amend(THREE, THREE, drift, 2);
    assert_false(bsc_value_get_truth(amendment, "holds"));
    const struct bsc_value *items = bsc_value_get(amendment, "items");
    assert_int_equal(bsc_value_count(items), 1);
    assert_word(bsc_value_at(items, 0), "title", "b");
    assert_json(bsc_value_get(bsc_value_at(items, 0), "how"),
                "[{'key':'plan','then':'changed','now':'refused'}]");
    bsc_value_free(amendment);
    amendment = amend(THREE, THREE, drift, 1);
    assert_true(bsc_value_get_truth(amendment, "holds"));
    assert_int_equal(bsc_value_count(bsc_value_get(amendment, "items")), 0);
    bsc_value_free(amendment);
}

static void of_another_library_nothing_is_known_behind_the_end_of_its_plan(void **state)
{
    static const char library[] = "{'inputs':[{'what':'library'}],'planned':1}";
    static const char runbook[] = "{'inputs':[{'what':'runbook'}],'planned':1}";
    (void)state;
    struct bsc_value *amendment = amend(THREE, THREE, library, 2);
    assert_false(bsc_value_get_truth(amendment, "holds"));
    assert_word(bsc_value_at(bsc_value_get(amendment, "items"), 0), "title", "b");
    bsc_value_free(amendment);
    amendment = amend(THREE, THREE, library, 1);
    assert_true(bsc_value_get_truth(amendment, "holds"));
    bsc_value_free(amendment);
    amendment = amend(THREE, THREE, runbook, 2);
    assert_true(bsc_value_get_truth(amendment, "holds"));
    bsc_value_free(amendment);
}

static void the_parts_of_the_site_that_were_used_must_be_the_same(void **state)
{
    static const char then[] =
        SAID(A, "'site':{'item':0,'value':'s'},'servers.one':{'item':1,'value':{'folder':'/a'}}");
    (void)state;
    struct bsc_value *amendment = amend(then,
                                        SAID(A, "'site':{'item':0,'value':'s'},"
                                                "'servers.one':{'item':1,'value':{'folder':'/b'}}"),
                                        "{}", 1);
    assert_false(bsc_value_get_truth(amendment, "holds"));
    assert_json(bsc_value_get(amendment, "site"),
                "[{'key':'servers.one.folder','then':'/a','now':'/b','item':1}]");
    bsc_value_free(amendment);
    amendment = amend(then, SAID(A, "'site':{'item':0,'value':'s'}"), "{}", 1);
    assert_false(bsc_value_get_truth(amendment, "holds"));
    bsc_value_free(amendment);
    amendment = amend(then, then, "{}", 1);
    assert_true(bsc_value_get_truth(amendment, "holds"));
    bsc_value_free(amendment);
}

static void what_was_passed_begun_or_is_in_doubt_was_reached(void **state)
{
    (void)state;
    struct bsc_run_past past = {.items_done = 2};
    assert_int_equal(bsc_run_amend_reached(&past), 2);
    past.reached = 3;
    assert_int_equal(bsc_run_amend_reached(&past), 3);
    past.open = from_json("{'item':4}");
    assert_int_equal(bsc_run_amend_reached(&past), 4);
    bsc_value_free(past.open);
}

static void a_parameter_that_followed_its_default_follows_the_new_one(void **state)
{
    (void)state;
    struct bsc_value *said = from_json("{'defaults':{'a':'x','b':2}}");
    struct bsc_value *plan = from_json("{'params':{'a':'x','b':3,'c':'set'}}");
    struct bsc_value *set = bsc_run_amend_set(said, plan);
    assert_json(set, "{'b':3,'c':'set'}");
    bsc_value_free(set);
    bsc_value_free(plan);
    bsc_value_free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_says_the_same_does_not_differ_wherever_it_stands),
        cmocka_unit_test(an_item_may_differ_only_behind_what_was_reached),
        cmocka_unit_test(nothing_comes_or_goes_before_what_was_reached),
        cmocka_unit_test(another_name_or_kind_is_another_item),
        cmocka_unit_test(how_is_told_by_the_path_to_each_value),
        cmocka_unit_test(what_is_no_data_is_the_same_only_where_its_file_is),
        cmocka_unit_test(what_was_planned_to_be_something_else_differs_though_it_says_the_same),
        cmocka_unit_test(of_another_library_nothing_is_known_behind_the_end_of_its_plan),
        cmocka_unit_test(the_parts_of_the_site_that_were_used_must_be_the_same),
        cmocka_unit_test(what_was_passed_begun_or_is_in_doubt_was_reached),
        cmocka_unit_test(a_parameter_that_followed_its_default_follows_the_new_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
