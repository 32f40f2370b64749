#include "run_unit.h"

#include "os/loop.h"
#include "run/machine.h"

/* Items do what their number says: each entry of `items` below is a Lua function. */
struct scene {
    struct bsc_vm *vm;
    struct bsc_value *items;
    struct bsc_loop *loop;
    struct bsc_run_world world;
    struct bsc_run_hooks hooks;
    struct bsc_run_machine *machine;
    struct bsc_run_end end;
    int ended;
    bool later;               /* replies come on the loop */
    int fail_begin, fail_end; /* index of the item whose hook fails */
    enum bsc_err_code fail_code;
    struct bsc_buf log;
    const char *lowest, *highest; /* frames at which the world was asked */
    int64_t asked;
    struct bsc_value *pending; /* answer that waits for the loop */
    bool pending_breaks;
    bsc_run_reply reply;
    void *reply_arg;
};

static void give(struct scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *answer = scene->pending;
    scene->pending = NULL;
    if (scene->pending_breaks)
        bsc_err_set(&err, scene->fail_code, "the world is gone");
    scene->reply(scene->reply_arg, answer, &err);
}

static void give_later(void *arg)
{
    give(arg);
}

/* Answers {op="double", n} with 2n and {op="break"} not at all. */
static void perform(void *self, const struct bsc_value *effect, bsc_run_reply reply, void *arg)
{
    struct scene *scene = self;
    const char *frame = __builtin_frame_address(0);
    if (scene->asked == 0 || frame < scene->lowest)
        scene->lowest = frame;
    if (scene->asked == 0 || frame > scene->highest)
        scene->highest = frame;
    scene->asked++;
    scene->pending_breaks = strcmp(bsc_value_get_string(effect, "op"), "break") == 0;
    scene->pending =
        scene->pending_breaks ? NULL : bsc_value_int(2 * bsc_value_get_number(effect, "n", 0));
    scene->reply = reply;
    scene->reply_arg = arg;
    if (scene->later)
        bsc_timer_start(scene->loop, 0, give_later, scene);
    else
        give(scene);
}

static bool item_begin(void *self, const struct bsc_value *item, struct bsc_err *err)
{
    struct scene *scene = self;
    int index = (int)bsc_value_get_number(item, "index", 0);
    bsc_buf_printf(&scene->log, "[%d", index);
    if (index == scene->fail_begin)
        return bsc_err_set(err, scene->fail_code, "no begin of %d", index);
    return true;
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct scene *scene = self;
    int index = (int)bsc_value_get_number(item, "index", 0);
    const char *reason = bsc_value_get_string(result, "reason");
    bsc_buf_printf(&scene->log, " %s%s%s]", bsc_value_get_string(result, "outcome"),
                   reason != NULL ? ": " : "", reason != NULL ? reason : "");
    if (index == scene->fail_end)
        return bsc_err_set(err, scene->fail_code, "no end of %d", index);
    return true;
}

static void scene_ended(void *arg, const struct bsc_run_end *end)
{
    struct scene *scene = arg;
    scene->end = *end;
    scene->ended++;
    if (scene->later)
        bsc_loop_stop(scene->loop);
}

/* `functions` are Lua functions separated by commas; `optional` says which items are optional. */
static void scene_open(struct scene *scene, const char *functions, const char *items)
{
    struct bsc_err err = BSC_ERR_INIT;
    memset(scene, 0, sizeof *scene);
    bsc_buf_init(&scene->log);
    scene->fail_code = BSC_ERR_IO;
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text,
                   "local _, host = ...\n"
                   "local y = host.yield\n"
                   "local function ends(o, r) return {outcome = o, reason = r, actions = {}} end\n"
                   "local items = {%s}\n"
                   "return {perform = function(args) return items[args.index]() end}\n",
                   functions);
    struct bsc_vm_source source = {
        .name = "bascule/host.lua", .text = text.data, .length = text.length};
    struct bsc_vm_options options = {.sources = &source, .source_count = 1};
    scene->vm = bsc_vm_new(&options, &err);
    if (scene->vm == NULL)
        fail_msg("%s: %s", err.where, err.message);
    bsc_buf_release(&text);
    scene->items = from_json("%s", items);
    scene->loop = bsc_loop_new(&err);
    scene->world = (struct bsc_run_world){scene, perform};
    scene->hooks = (struct bsc_run_hooks){scene, item_begin, item_end};
    scene->machine = bsc_run_machine_new(scene->vm, scene->items, &scene->world, &scene->hooks);
}

static void scene_run(struct scene *scene)
{
    bsc_run_machine_start(scene->machine, scene_ended, scene);
    if (scene->ended == 0)
        bsc_loop_run(scene->loop);
    assert_int_equal(scene->ended, 1);
}

static void scene_close(struct scene *scene)
{
    bsc_run_machine_free(scene->machine);
    bsc_vm_free(scene->vm);
    bsc_loop_free(scene->loop);
    bsc_value_free(scene->items);
    bsc_buf_release(&scene->log);
}

#define ONE "[{'index':1}]"
#define TWO "[{'index':1},{'index':2}]"
#define ECHO2                                                                                      \
    "function() return ends('changed', 'got ' .. y{op='double', n=3} + y{op='double', n=4}) end"

static void replies_that_come_at_once_reach_the_item(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2, ONE);
    scene_run(&scene);
    assert_string_equal(scene.log.data, "[1 changed: got 14]");
    assert_false(scene.end.broke);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_CHANGED);
    assert_int_equal(scene.end.items_done, 1);
    assert_string_equal(scene.end.reason, "");
    scene_close(&scene);
}

static void replies_that_come_later_reach_the_item(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2 "," ECHO2, TWO);
    scene.later = true;
    scene_run(&scene);
    assert_string_equal(scene.log.data, "[1 changed: got 14][2 changed: got 14]");
    assert_int_equal(scene.end.items_done, 2);
    scene_close(&scene);
}

static void a_run_in_which_all_was_true_is_kept(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "function() return ends 'kept' end, function() return ends 'skipped' end",
               TWO);
    scene_run(&scene);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_KEPT);
    assert_int_equal(scene.end.items_done, 2);
    scene_close(&scene);
}

static void no_items_are_done_at_once(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "", "[]");
    scene_run(&scene);
    assert_false(scene.end.broke);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_KEPT);
    assert_int_equal(scene.end.items_done, 0);
    scene_close(&scene);
}

/* Runs one item that ends with `word`, before another one that is kept. */
static void expect_after(const char *word, bool optional, bool goes_on)
{
    struct scene scene;
    struct bsc_buf functions;
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    bsc_run_outcome_parse(word, &outcome);
    bsc_buf_init(&functions);
    bsc_buf_printf(&functions,
                   "function() return ends('%s', 'why') end, function() return ends 'kept' end",
                   word);
    scene_open(&scene, functions.data,
               optional ? "[{'index':1,'optional':true},{'index':2}]" : TWO);
    scene_run(&scene);
    assert_false(scene.end.broke);
    assert_int_equal(scene.end.items_done, goes_on ? 2 : 0);
    assert_string_equal(scene.end.reason, goes_on ? "" : "why");
    if (!goes_on)
        assert_int_equal(scene.end.outcome, outcome);
    assert_int_equal(strstr(scene.log.data, "[2") != NULL, goes_on);
    scene_close(&scene);
    bsc_buf_release(&functions);
}

static void a_run_goes_on_after_what_was_done_and_stops_at_all_else(void **state)
{
    (void)state;
    static const char *const words[] = {"kept",     "changed", "skipped",     "refused", "failed",
                                        "diverged", "timeout", "interrupted", "unknown"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        expect_after(words[i], false, i < 3);
        expect_after(words[i], true, i < 5);
    }
}

static void a_word_that_is_no_outcome_stops_the_run_as_unknown(void **state)
{
    (void)state;
    expect_after("splendid", true, false);
}

static void a_lua_error_ends_its_item_as_failed_and_names_the_place(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "function() y{op='double'} error('boom') end", ONE);
    scene_run(&scene);
    assert_false(scene.end.broke);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_FAILED);
    assert_contains(scene.end.reason, "boom");
    assert_contains(scene.log.data, "failed");
    scene_close(&scene);
}

static void a_lua_error_in_an_optional_item_does_not_stop_the_run(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "function() error('boom') end, function() return ends 'changed' end",
               "[{'index':1,'optional':true},{'index':2}]");
    scene_run(&scene);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_CHANGED);
    assert_int_equal(scene.end.items_done, 2);
    scene_close(&scene);
}

static void a_world_that_breaks_off_breaks_the_run(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        struct scene scene;
        scene_open(&scene, "function() y{op='break'} end, function() return ends 'kept' end", TWO);
        scene.later = later == 1;
        scene_run(&scene);
        assert_true(scene.end.broke);
        assert_int_equal(scene.end.outcome, BSC_OUTCOME_FAILED);
        assert_string_equal(scene.end.err.message, "the world is gone");
        assert_int_equal(scene.end.items_done, 0);
        assert_string_equal(scene.log.data, "[1");
        scene_close(&scene);
    }
}

static void a_world_that_was_stopped_interrupts_the_item(void **state)
{
    (void)state;
    for (int later = 0; later < 2; later++) {
        struct scene scene;
        scene_open(&scene, "function() y{op='break'} end, function() return ends 'kept' end", TWO);
        scene.later = later == 1;
        scene.fail_code = BSC_ERR_CANCELLED;
        scene_run(&scene);
        assert_false(scene.end.broke);
        assert_int_equal(scene.end.outcome, BSC_OUTCOME_INTERRUPTED);
        assert_string_equal(scene.end.reason, "the world is gone");
        assert_string_equal(scene.log.data, "[1 interrupted: the world is gone]");
        scene_close(&scene);
    }
}

static void an_item_whose_beginning_cannot_be_recorded_is_not_begun(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, "function() return ends 'kept' end, " ECHO2, TWO);
    scene.fail_begin = 2;
    scene_run(&scene);
    assert_true(scene.end.broke);
    assert_string_equal(scene.end.err.message, "no begin of 2");
    assert_int_equal(scene.end.items_done, 1);
    assert_int_equal(scene.asked, 0);
    scene_close(&scene);
}

static void an_item_whose_end_cannot_be_recorded_is_not_done(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2 ", " ECHO2, TWO);
    scene.fail_end = 1;
    scene_run(&scene);
    assert_true(scene.end.broke);
    assert_string_equal(scene.end.err.message, "no end of 1");
    assert_int_equal(scene.end.items_done, 0);
    assert_string_equal(scene.log.data, "[1 changed: got 14]");
    scene_close(&scene);
}

static void a_run_can_be_stopped_between_two_items(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2 ", " ECHO2, TWO);
    scene.fail_begin = 2;
    scene.fail_code = BSC_ERR_CANCELLED;
    scene_run(&scene);
    assert_false(scene.end.broke);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_INTERRUPTED);
    assert_string_equal(scene.end.reason, "no begin of 2");
    assert_int_equal(scene.end.items_done, 1);
    scene_close(&scene);
}

static void nobody_need_listen(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2, ONE);
    scene.hooks = (struct bsc_run_hooks){0};
    scene_run(&scene);
    assert_int_equal(scene.end.outcome, BSC_OUTCOME_CHANGED);
    scene_close(&scene);
}

static void ten_thousand_effects_in_a_row_do_not_grow_the_stack(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene,
               "function() local s = 0 for i = 1, 10000 do s = s + y{op='double', n=i} end "
               "return ends('changed', tostring(s)) end",
               ONE);
    scene_run(&scene);
    assert_int_equal(scene.asked, 10000);
    assert_string_equal(scene.log.data, "[1 changed: 100010000]");
    assert_true(scene.highest - scene.lowest < 4096);
    scene_close(&scene);
}

static void a_machine_that_waits_for_the_world_can_be_freed(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, ECHO2, ONE);
    scene.later = true;
    bsc_run_machine_start(scene.machine, scene_ended, &scene);
    assert_int_equal(scene.ended, 0);
    bsc_value_free(scene.pending);
    scene_close(&scene);
    bsc_run_machine_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_that_come_at_once_reach_the_item),
        cmocka_unit_test(replies_that_come_later_reach_the_item),
        cmocka_unit_test(a_run_in_which_all_was_true_is_kept),
        cmocka_unit_test(no_items_are_done_at_once),
        cmocka_unit_test(a_run_goes_on_after_what_was_done_and_stops_at_all_else),
        cmocka_unit_test(a_word_that_is_no_outcome_stops_the_run_as_unknown),
        cmocka_unit_test(a_lua_error_ends_its_item_as_failed_and_names_the_place),
        cmocka_unit_test(a_lua_error_in_an_optional_item_does_not_stop_the_run),
        cmocka_unit_test(a_world_that_breaks_off_breaks_the_run),
        cmocka_unit_test(a_world_that_was_stopped_interrupts_the_item),
        cmocka_unit_test(an_item_whose_beginning_cannot_be_recorded_is_not_begun),
        cmocka_unit_test(an_item_whose_end_cannot_be_recorded_is_not_done),
        cmocka_unit_test(a_run_can_be_stopped_between_two_items),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(ten_thousand_effects_in_a_row_do_not_grow_the_stack),
        cmocka_unit_test(a_machine_that_waits_for_the_world_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
