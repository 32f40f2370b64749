#include "attack.h"

#include <poll.h>

static const struct attack endless[] = {
    {"loop", "while true do end", STOPPED, "budget", {0}},
    {"repeat", "repeat until false", STOPPED, "budget", {0}},
    {"goto", "::a:: goto a", STOPPED, "budget", {0}},
    {"for", "for i = 1, math.huge do end", STOPPED, "budget", {0}},
    {"tail call", "local function f() return f() end return f()", STOPPED, "budget", {0}},
    {"pcall loop",
     "while true do pcall(function() while true do end end) end",
     STOPPED,
     "budget",
     {0}},
    {"pcall of pcall",
     "local function f() while true do pcall(pcall, function() while true do end end) end end\n"
     "while true do pcall(f) end",
     STOPPED,
     "budget",
     {0}},
    {"pcall of a stop",
     "pcall(function() while true do end end) return true",
     STOPPED,
     "budget",
     {0}},
    {"sort", "table.sort({ 3, 1, 2 }, function() while true do end end)", STOPPED, "budget", {0}},
    {"sort with pcall",
     "table.sort({ 3, 1, 2 }, function() while true do pcall(function() while true do end end) "
     "end end)",
     STOPPED,
     "budget",
     {0}},
    {"pcall of sort",
     "while true do pcall(table.sort, { 3, 1, 2 }, function() while true do end end) end",
     STOPPED,
     "budget",
     {0}},
    {"gsub", "('aaa'):gsub('a', function() while true do end end)", STOPPED, "budget", {0}},
    {"__index",
     "return setmetatable({}, { __index = function() while true do end end }).x",
     STOPPED,
     "budget",
     {0}},
    {"__eq",
     "local m = { __eq = function() while true do end end }\n"
     "return setmetatable({}, m) == setmetatable({}, m)",
     STOPPED,
     "budget",
     {0}},
    {"__lt in sort",
     "local m = { __lt = function() while true do end end }\n"
     "table.sort { setmetatable({}, m), setmetatable({}, m) }",
     STOPPED,
     "budget",
     {0}},
    {"__tostring",
     "tostring(setmetatable({}, { __tostring = function() while true do end end }))",
     STOPPED,
     "budget",
     {0}},
    {"__len",
     "return #setmetatable({}, { __len = function() while true do end end })",
     STOPPED,
     "budget",
     {0}},
    {"__pairs",
     "local m = { __pairs = function(t) return function() return 1 end, t end }\n"
     "for k in pairs(setmetatable({}, m)) do end",
     STOPPED,
     "budget",
     {0}},
    {"__call",
     "local t = setmetatable({}, { __call = function() while true do end end }) t()",
     STOPPED,
     "budget",
     {0}},
    {"ipairs",
     "for i in ipairs(setmetatable({}, { __index = function() return 1 end })) do end",
     STOPPED,
     "budget",
     {0}},
    {"error object",
     "error(setmetatable({}, { __tostring = function() while true do end end }))",
     REFUSED,
     "without a message",
     {0}},
    {"error object that loops on reading",
     "error(setmetatable({}, { __index = function() while true do end end }))",
     REFUSED,
     "without a message",
     {0}},
};

static void endless_code_is_stopped_by_the_budget(void **state)
{
    (void)state;
    ATTACK_ALL(endless);
}

static void work_inside_c_functions_is_charged(void **state)
{
    (void)state;
    static const struct attack busy[] = {
        {"rep", "while true do local s = ('x'):rep(1000000) end", STOPPED, "budget", {0}},
        {"concat",
         "local s = ('x'):rep(10000000) while true do local t = s .. 'x' end",
         STOPPED,
         "budget",
         {0}},
        {"upper",
         "local s = ('x'):rep(10000000) while true do s:upper() end",
         STOPPED,
         "budget",
         {0}},
        {"find",
         "local s = ('x'):rep(10000000) while true do s:find('y', 1, true) end",
         STOPPED,
         "budget",
         {0}},
        {"next",
         "local t = {} for i = 1, 100000 do t[i] = i end while next(t) do end",
         STOPPED,
         "budget",
         {0}},
        {"pairs",
         "local t = {} for i = 1, 100000 do t[i] = i end while pairs(t) do end",
         STOPPED,
         "budget",
         {0}},
        {"insert",
         "local t = {} for i = 1, 200000 do t[i] = i end while true do table.insert(t, 1, 0) end",
         STOPPED,
         "budget",
         {0}},
        {"remove",
         "local t = {} for i = 1, 200000 do t[i] = i end\n"
         "while true do table.remove(t, 1) t[#t + 1] = 1 end",
         STOPPED,
         "budget",
         {0}},
        {"sort",
         "local t = {} for i = 1, 100000 do t[i] = -i end while true do table.sort(t) end",
         STOPPED,
         "budget",
         {0}},
        {"utf8",
         "local s = ('x'):rep(10000000) while true do utf8.len(s) end",
         STOPPED,
         "budget",
         {0}},
        {"patterns caught",
         "while true do pcall(string.find, ('a'):rep(3000), ('.-'):rep(6) .. 'b') end",
         STOPPED,
         "budget",
         {0}},
    };
    ATTACK_ALL(busy);
}

static void patterns_give_up(void **state)
{
    (void)state;
    static const struct attack patterns[] = {
        {"a?^30",
         "return (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30))",
         REFUSED,
         "too long",
         {0}},
        {".-^6", "return (('a'):rep(3000)):find(('.-'):rep(6) .. 'b')", REFUSED, "too long", {0}},
        {".*^6", "return (('a'):rep(3000)):match(('.*'):rep(6) .. 'b')", REFUSED, "too long", {0}},
        {"gmatch",
         "for x in (('a'):rep(3000)):gmatch(('.-'):rep(6) .. 'b') do end",
         REFUSED,
         "too long",
         {0}},
        {"gsub",
         "return (('a'):rep(3000)):gsub(('.-'):rep(6) .. 'b', '')",
         REFUSED,
         "too long",
         {0}},
        {"sets",
         "return (('a'):rep(100000)):find('[' .. ('b'):rep(10000) .. ']*' .. '[^a]')",
         REFUSED,
         "too long",
         {0}},
        {"balance", "return (('('):rep(100000)):find('%b()')", REFUSED, "too long", {0}},
        {"back references",
         "return (('a'):rep(5000)):find('(.*)(.*)%1%2b')",
         REFUSED,
         "too long",
         {0}},
        {"many captures", "return ('x'):find(('()'):rep(33))", REFUSED, "too many captures", {0}},
        {"deep", "return ('x'):rep(300):find(('x?'):rep(300) .. 'y')", REFUSED, "too complex", {0}},
        {"unfinished", "return ('x'):find('(x')", REFUSED, "unfinished capture", {0}},
        {"bad capture", "return ('x'):find('%1')", REFUSED, "invalid capture", {0}},
        {"bad end", "return ('x'):find('x%')", REFUSED, "ends with", {0}},
        {"bad set", "return ('x'):find('[x')", REFUSED, "missing ']'", {0}},
        {"bad set 2", "return ('x'):find('[%')", REFUSED, "missing ']'", {0}},
        {"bad balance", "return ('x'):find('%b')", REFUSED, "missing arguments", {0}},
        {"bad frontier", "return ('x'):find('%f')", REFUSED, "missing '['", {0}},
    };
    ATTACK_ALL(patterns);
}

static void the_watchdog_ends_what_hooks_cannot_stop(void **state)
{
    (void)state;
    static const struct attack stubborn[] = {
        {"a parser that is quadratic",
         "return compile('a', 'local a x=' .. ('a and '):rep(170000) .. 'a', {})",
         ENDED,
         "ran for 300 ms",
         {.wall_ms = 300}},
        {"a loop with a budget without end",
         "while true do end",
         ENDED,
         "ran for 300 ms",
         {.wall_ms = 300, .instructions = UINT64_MAX}},
    };
    ATTACK_ALL(stubborn);
}

static void the_watchdog_leaves_a_parked_task_alone(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = NULL;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.wall_ms = 20});
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "text", "effect(1) return 'awake'");
    struct bsc_vm_task *task = bsc_vm_task_new(vm, "run", args, &err);
    bsc_value_free(args);
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_YIELDED);
    bsc_value_free(value);
    poll(NULL, 0, 100);
    assert_int_equal(bsc_vm_task_resume(task, NULL, &value, &err), BSC_VM_DONE);
    assert_string_equal(bsc_value_string(value), "awake");
    bsc_value_free(value);
    bsc_vm_task_free(task);
    bsc_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_code_is_stopped_by_the_budget),
        cmocka_unit_test(work_inside_c_functions_is_charged),
        cmocka_unit_test(patterns_give_up),
        cmocka_unit_test(the_watchdog_ends_what_hooks_cannot_stop),
        cmocka_unit_test(the_watchdog_leaves_a_parked_task_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
