#include "vm_unit.h"

static struct bsc_vm_task *start(struct bsc_vm *vm, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "text", text);
    struct bsc_vm_task *task = bsc_vm_task_new(vm, "run", args, &err);
    bsc_value_free(args);
    assert_non_null(task);
    return task;
}

static void a_task_yields_effects_and_is_answered(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_vm_task *task = start(vm, "local a = effect { op = 'observe', resource = 'x' }\n"
                                         "local b = effect { op = 'now' }\n"
                                         "return { sum = a.n + b }");
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
    assert_string_equal(bsc_value_get_string(value, "op"), "observe");
    assert_string_equal(bsc_value_get_string(value, "resource"), "x");
    bsc_value_free(value);
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_int(answer, "n", 40);
    assert_int_equal(bsc_vm_task_resume(task, answer, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(answer);
    bsc_value_free(value);
    answer = bsc_value_int(2);
    assert_int_equal(bsc_vm_task_resume(task, answer, &value, &err), BSC_VM_DONE);
    assert_int_equal(bsc_value_get_number(value, "sum", 0), 42);
    bsc_value_free(answer);
    bsc_value_free(value);
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_FAILED);
    assert_int_equal(err.code, BSC_ERR_USAGE);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

static void an_answer_can_be_given_ahead_of_the_resume_that_uses_it(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_vm_task *task = start(vm, "return { a = effect(1), b = effect(2) }");
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    struct bsc_value *answer = bsc_value_int(40);
    assert_true(bsc_vm_task_answer(task, answer, &err));
    bsc_value_free(answer);
    struct bsc_value *unused = bsc_value_int(7);
    assert_int_equal(bsc_vm_task_resume(task, unused, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    bsc_value_free(unused);
    answer = bsc_value_int(2);
    assert_int_equal(bsc_vm_task_resume(task, answer, &value, &err), BSC_VM_DONE);
    assert_int_equal(bsc_value_get_number(value, "a", 0), 40);
    assert_int_equal(bsc_value_get_number(value, "b", 0), 2);
    bsc_value_free(answer);
    bsc_value_free(value);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

static void an_answer_that_cannot_be_put_into_the_state_ends_the_task(void **state)
{
    (void)state;
    enum { TOO_DEEP = 70 };
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_vm_task *task = start(vm, "return effect(1)");
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    struct bsc_value *answer = bsc_value_list();
    for (int i = 0; i < TOO_DEEP; i++) {
        struct bsc_value *outer = bsc_value_list();
        bsc_value_append(outer, answer);
        answer = outer;
    }
    assert_false(bsc_vm_task_answer(task, answer, &err));
    assert_non_null(strstr(err.message, "nested deeper"));
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_FAILED);
    assert_int_equal(err.code, BSC_ERR_USAGE);
    bsc_value_free(answer);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

static void tasks_take_turns(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_vm_task *tasks[3] = {0};
    for (int i = 0; i < 3; i++) {
        tasks[i] = start(vm, "local n = 0\nfor i = 1, 3 do n = n * 10 + effect(i) end\nreturn n");
        assert_int_equal(bsc_vm_task_resume(tasks[i], NULL, &value, &err), BSC_VM_YIELDED);
        bsc_value_free(value);
    }
    for (int turn = 1; turn <= 3; turn++) {
        for (int i = 2; i >= 0; i--) {
            struct bsc_value *answer = bsc_value_int(i + turn);
            enum bsc_vm_status expected = turn == 3 ? BSC_VM_DONE : BSC_VM_YIELDED;
            assert_int_equal(bsc_vm_task_resume(tasks[i], answer, &value, &err), expected);
            if (turn == 3)
                assert_int_equal(bsc_value_number(value, 0), 123 + 111 * i);
            bsc_value_free(value);
            bsc_value_free(answer);
        }
    }
    for (int i = 0; i < 3; i++)
        bsc_vm_task_free(tasks[i]);
    bsc_vm_free(vm);
}

static void an_error_names_the_line_of_the_runbook(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(vm, "local a = 1\n\nerror('boom')", &err));
    assert_int_equal(err.code, BSC_ERR_SCRIPT);
    assert_string_equal(err.message, "boom");
    assert_string_equal(err.where, "book.lua:3");
    assert_non_null(strstr(err.detail, "book.lua:3"));
    assert_non_null(strstr(err.detail, "bascule/host.lua:"));
    bsc_vm_free(vm);
}

static void an_error_inside_nested_calls_names_its_own_line(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(vm,
                            "local function a() local x = nil; return x.field end\n"
                            "local function b() return (a()) end\n"
                            "local function c() return (b()) end\n"
                            "return c()",
                            &err));
    assert_string_equal(err.where, "book.lua:1");
    assert_non_null(strstr(err.message, "attempt to index a nil value"));
    assert_non_null(strstr(err.detail, "book.lua:1, book.lua:2, book.lua:3"));
    bsc_vm_free(vm);
}

static void an_error_of_the_library_is_blamed_on_the_line_that_called_it(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(vm, "local a = 1\nlocal b = effect(1.5)\n", &err));
    assert_string_equal(err.where, "book.lua:2");
    assert_non_null(strstr(err.message, "not whole"));
    bsc_vm_free(vm);
}

static void an_error_object_keeps_its_fields(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(vm, "error { message = 'no', hint = 'Try.', code = 'refused' }", &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_string_equal(err.message, "no");
    assert_string_equal(err.hint, "Try.");
    assert_string_equal(err.where, "book.lua:1");
    assert_null(vm_unit_run(vm, "error { message = 'no', file = 'f.lua', line = 7 }", &err));
    assert_string_equal(err.where, "f.lua:7");
    assert_null(vm_unit_run(vm, "error(nil)", &err));
    assert_non_null(strstr(err.message, "a nil"));
    bsc_vm_free(vm);
}

static void an_error_that_was_caught_and_raised_again_keeps_its_line(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(
        vm, "local ok, e = pcall(function()\n error('boom')\nend)\n\nerror(e, 0)", &err));
    assert_string_equal(err.where, "book.lua:2");
    assert_string_equal(err.message, "boom");
    assert_null(vm_unit_run(vm, "\nerror('cannot read a.lua:7: no', 0)", &err));
    assert_string_equal(err.where, "book.lua:2");
    assert_string_equal(err.message, "cannot read a.lua:7: no");
    bsc_vm_free(vm);
}

static void control_characters_cannot_reach_a_terminal(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(vm_unit_run(vm, "error('a\\27[2Jb\\nc', 0)", &err));
    assert_string_equal(err.message, "a [2Jb c");
    bsc_vm_free(vm);
}

static void effects_pass_through_pcall_and_errors_do_not(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    struct bsc_vm_task *task =
        start(vm, "local ok, a, b = pcall(function() return effect(1), 7 end)\n"
                  "local bad, e = pcall(function() effect(2); error({}) end)\n"
                  "return { ok = ok, a = a, b = b, bad = bad, e = type(e) }");
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    struct bsc_value *answer = bsc_value_text("answer");
    assert_int_equal(bsc_vm_task_resume(task, answer, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    assert_int_equal(bsc_vm_task_resume(task, answer, &value, &err), BSC_VM_DONE);
    bsc_value_free(answer);
    assert_true(bsc_value_get_truth(value, "ok"));
    assert_string_equal(bsc_value_get_string(value, "a"), "answer");
    assert_int_equal(bsc_value_get_number(value, "b", 0), 7);
    assert_false(bsc_value_get_truth(value, "bad"));
    assert_string_equal(bsc_value_get_string(value, "e"), "table");
    bsc_value_free(value);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

static void a_task_is_freed_half_way(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    for (int i = 0; i < 200; i++) {
        struct bsc_vm_task *task = start(vm, "local big = ('x'):rep(100000)\n"
                                             "pcall(function() effect { 1 } end)\nreturn big");
        assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
        bsc_value_free(value);
        bsc_vm_task_free(task);
    }
    bsc_vm_collect(vm);
    assert_true(bsc_vm_memory(vm) < 1000000);
    bsc_vm_free(vm);
}

static void a_task_that_never_began_is_freed(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    bsc_vm_task_free(start(vm, "return 1"));
    bsc_vm_free(vm);
}

static void a_call_must_not_ask_for_effects(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    vm_unit_expect_error(vm, "effect { op = 'now' }", "asked for an effect (\"now\")");
    vm_unit_expect_error(vm, "table.sort({ 2, 1 }, function() effect(1) end)", "not possible here");
    bsc_vm_free(vm);
}

static void an_unknown_entry_function_is_an_error(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    assert_null(bsc_vm_call(vm, "nothing", NULL, &err));
    assert_non_null(strstr(err.message, "no entry function \"nothing\""));
    bsc_vm_free(vm);
}

static void a_failed_task_leaves_the_state_usable(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.instructions = 1000000});
    for (int i = 0; i < 3; i++) {
        assert_null(vm_unit_run(vm, "while true do end", &err));
        assert_int_equal(err.code, BSC_ERR_LIMIT);
        assert_string_equal(err.where, "book.lua:1");
        vm_unit_expect(vm, "return 'fine'", "fine");
    }
    bsc_vm_free(vm);
}

static void the_budget_begins_anew_after_each_answer(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.instructions = 1000000});
    struct bsc_vm_task *task =
        start(vm, "for i = 1, 20 do for j = 1, 300000 do end effect(i) end return 'done'");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
        bsc_value_free(value);
    }
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_DONE);
    bsc_value_free(value);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

static void a_broken_entry_module_is_reported(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm_source entry = {
        .name = "bascule/host.lua", .text = "\nreturn nothing", .length = 15};
    struct bsc_vm_options options = {.sources = &entry, .source_count = 1};
    assert_null(bsc_vm_new(&options, &err));
    assert_string_equal(err.where, "bascule/host.lua:2");
    assert_non_null(strstr(err.message, "\"nothing\" is not declared"));
    options.source_count = 0;
    assert_null(bsc_vm_new(&options, &err));
    assert_non_null(strstr(err.message, "no embedded module"));
}

static void embedded_modules_are_loaded_once_and_circles_refused(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    static const char host[] = "local a = require 'bascule/a'\n"
                               "assert(a == require 'bascule/a')\n"
                               "return { run = function() return a.name end }";
    static const char a[] = "local name, host = ...\nreturn { name = name .. type(host.yield) }";
    static const char b[] = "return require 'bascule/b'";
    struct bsc_vm_source sources[] = {
        {.name = "bascule/a.lua", .text = a, .length = sizeof a - 1},
        {.name = "bascule/b.lua", .text = b, .length = sizeof b - 1},
        {.name = "bascule/host.lua", .text = host, .length = sizeof host - 1}};
    struct bsc_vm_options options = {.sources = sources, .source_count = 3};
    struct bsc_vm *vm = vm_unit_open(options);
    struct bsc_value *value = bsc_vm_call(vm, "run", NULL, &err);
    assert_string_equal(bsc_value_string(value), "bascule/afunction");
    bsc_value_free(value);
    bsc_vm_free(vm);
    options.entry = "bascule/b";
    assert_null(bsc_vm_new(&options, &err));
    assert_non_null(strstr(err.message, "circle"));
}

static void the_release_of_lua_is_told(void **state)
{
    (void)state;
    bool old = false;
    assert_memory_equal(bsc_vm_lua_release(&old), "Lua 5.4", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_yields_effects_and_is_answered),
        cmocka_unit_test(an_answer_can_be_given_ahead_of_the_resume_that_uses_it),
        cmocka_unit_test(an_answer_that_cannot_be_put_into_the_state_ends_the_task),
        cmocka_unit_test(tasks_take_turns),
        cmocka_unit_test(an_error_names_the_line_of_the_runbook),
        cmocka_unit_test(an_error_inside_nested_calls_names_its_own_line),
        cmocka_unit_test(an_error_of_the_library_is_blamed_on_the_line_that_called_it),
        cmocka_unit_test(an_error_object_keeps_its_fields),
        cmocka_unit_test(an_error_that_was_caught_and_raised_again_keeps_its_line),
        cmocka_unit_test(control_characters_cannot_reach_a_terminal),
        cmocka_unit_test(effects_pass_through_pcall_and_errors_do_not),
        cmocka_unit_test(a_task_is_freed_half_way),
        cmocka_unit_test(a_task_that_never_began_is_freed),
        cmocka_unit_test(a_call_must_not_ask_for_effects),
        cmocka_unit_test(an_unknown_entry_function_is_an_error),
        cmocka_unit_test(a_failed_task_leaves_the_state_usable),
        cmocka_unit_test(the_budget_begins_anew_after_each_answer),
        cmocka_unit_test(a_broken_entry_module_is_reported),
        cmocka_unit_test(embedded_modules_are_loaded_once_and_circles_refused),
        cmocka_unit_test(the_release_of_lua_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
