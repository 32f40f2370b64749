#include "attack.h"

#include <sys/resource.h>

static void memory_is_limited(void **state)
{
    (void)state;
    static const struct attack greedy[] = {
        {"rep 1e9", "return ('x'):rep(1000000000)", STOPPED, "more than 64 MiB", {0}},
        {"rep 2^62", "return ('x'):rep(math.maxinteger)", STOPPED, "", {0}},
        {"rep separator", "return ('x'):rep(100000, ('y'):rep(100000))", STOPPED, "", {0}},
        {"rep caught", "pcall(string.rep, 'x', 1000000000) return true", STOPPED, "64 MiB", {0}},
        {"doubling", "local s = 'x' while true do s = s .. s end", STOPPED, "64 MiB", {0}},
        {"table", "local t = {} while true do t[#t + 1] = { 1 } end", STOPPED, "64 MiB", {0}},
        {"hash",
         "local t, i = {}, 0 while true do i = i + 1 t['k' .. i] = true end",
         STOPPED,
         "64 MiB",
         {0}},
        {"caught growth",
         "local t = {}\n"
         "while true do pcall(function() while true do t[#t + 1] = ('x'):rep(100000, 'y') end end) "
         "end",
         STOPPED,
         "64 MiB",
         {0}},
        {"concat of much",
         "local s, t = ('x'):rep(10000000), {} for i = 1, 100 do t[i] = s end\n"
         "return table.concat(t)",
         STOPPED,
         "64 MiB",
         {0}},
        {"gsub", "return (('x'):rep(1000000)):gsub('.', ('y'):rep(1000000))", STOPPED, "", {0}},
        {"gsub captures",
         "return (('x'):rep(1000000)):gsub('.*', ('%0'):rep(100000))",
         STOPPED,
         "",
         {0}},
        {"format",
         "local s = ('x'):rep(10000000) return ('%s%s%s%s%s%s'):format(s, s, s, s, s, s)",
         STOPPED,
         "",
         {0}},
        {"operands",
         "local s = ('x'):rep(20000000)\n"
         "return s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s "
         ".. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s .. s",
         ENDED,
         "hard memory limit",
         {0}},
        {"hard limit",
         "local t = {} for i = 1, 100000000 do t[i] = i end",
         ENDED,
         "hard memory limit (33554432 bytes)",
         {.memory_soft = (size_t)32 << 20, .memory_hard = (size_t)32 << 20}},
        {"garbage is not growth",
         "for i = 1, 2000 do local s = ('x'):rep(100000 + i) end return true",
         FINE,
         "",
         {0}},
    };
    ATTACK_ALL(greedy);
}

#ifndef SANITIZED

static void the_end_of_the_systems_memory_ends_the_process(void **state)
{
    (void)state;
    static const struct attack greedy[] = {
        {"everything",
         "local t = {} while true do t[#t + 1] = ('x'):rep(1000000) end",
         ENDED,
         "the end of the system's memory",
         {.memory_soft = (size_t)1 << 40, .memory_hard = (size_t)1 << 40}},
    };
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit tight = {(rlim_t)256 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
    ATTACK_ALL(greedy);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
}
#endif

static void huge_ranges_are_refused(void **state)
{
    (void)state;
    static const struct attack ranges[] = {
        {"move", "table.move({}, 1, math.maxinteger - 1, 2)", REFUSED, "at once", {0}},
        {"move back",
         "table.move({}, math.mininteger, math.maxinteger, 2)",
         REFUSED,
         "at once",
         {0}},
        {"unpack", "return table.unpack({}, 1, 100000000)", REFUSED, "at once", {0}},
        {"unpack all",
         "return table.unpack({}, math.mininteger, math.maxinteger)",
         REFUSED,
         "at once",
         {0}},
        {"insert far", "table.insert({}, 1000000000, 1)", REFUSED, "out of bounds", {0}},
        {"insert with __len",
         "local t = setmetatable({}, { __len = function() return 1000000000000 end })\n"
         "table.insert(t, 1, 'a') return t[1] == 'a'",
         FINE,
         "",
         {0}},
        {"concat", "return table.concat({}, '', 1, math.maxinteger)", REFUSED, "at once", {0}},
        {"concat with __index",
         "return table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, 9)",
         REFUSED,
         "invalid value",
         {0}},
        {"byte", "return ('x'):rep(1000000):byte(1, -1)", REFUSED, "at once", {0}},
        {"codepoint", "return utf8.codepoint(('x'):rep(1000000), 1, -1)", REFUSED, "at once", {0}},
        {"format width", "return ('%99999d'):format(1)", REFUSED, "invalid directive", {0}},
        {"format precision", "return ('%.99999f'):format(1)", REFUSED, "invalid directive", {0}},
        {"format address", "return ('%p'):format({})", REFUSED, "invalid directive", {0}},
        {"format count", "return ('%n'):format(1)", REFUSED, "invalid directive", {0}},
        {"sort",
         "local t = {} for i = 1, 100001 do t[i] = i end table.sort(t)",
         REFUSED,
         "to sort",
         {0}},
        {"for of step 0", "for i = 1, 2, 0 do end", REFUSED, "step is zero", {0}},
        {"end of integers",
         "for i = math.maxinteger - 1, math.maxinteger do end return true",
         FINE,
         "",
         {0}},
    };
    ATTACK_ALL(ranges);
}

static void deep_nesting_ends_in_an_error(void **state)
{
    (void)state;
    static const struct attack deep[] = {
        {"recursion", "local function f() return 1 + f() end return f()", STOPPED, "64 MiB", {0}},
        {"recursion of larger frames",
         "local function f(a, b, c, d, e) return 1 + f(1, 2, 3, 4, 5, 6, 7, 8) end return f()",
         REFUSED,
         "stack overflow",
         {0}},
        {"pcall", "local function f() return pcall(f) end return not f()", REFUSED, NULL, {0}},
        {"tostring",
         "local t t = setmetatable({}, { __tostring = function() return tostring(t) end })\n"
         "return tostring(t)",
         REFUSED,
         "stack overflow",
         {0}},
        {"__index",
         "local m = {} m.__index = function(t, k) return t[k .. 'x'] end\n"
         "return setmetatable({}, m).a",
         REFUSED,
         "stack overflow",
         {0}},
        {"gsub",
         "local function f(s) return (s:gsub('.', f)) end return f('x')",
         REFUSED,
         "stack overflow",
         {0}},
        {"sort",
         "local function f() table.sort({ 1, 2, 3 }, f) return true end return f()",
         REFUSED,
         "stack overflow",
         {0}},
        {"parentheses", "return compile('a', ('('):rep(500000), {}) == nil", FINE, "", {0}},
        {"braces", "return compile('a', 'x=' .. ('{'):rep(500000), {}) == nil", FINE, "", {0}},
        {"functions",
         "return compile('a', ('function f() '):rep(50000), {}) == nil",
         FINE,
         "",
         {0}},
        {"not",
         "return compile('a', 'x=' .. ('not '):rep(200000) .. '1', {}) == nil",
         FINE,
         "",
         {0}},
        {"locals", "return compile('a', ('local a '):rep(100000), {}) == nil", FINE, "", {0}},
        {"a chain of fields",
         "local f, e = compile('a', 'local a = ... a = a' .. ('.x'):rep(150000) .. '.y.z', {})\n"
         "error(e.message)",
         REFUSED,
         "more than 10000 dots",
         {0}},
        {"the longest chain allowed",
         "local t = {} t.x = t\n"
         "compile('a', 'local a = ... a = a' .. ('.x'):rep(9980) .. '.y.z', {})(t)",
         REFUSED,
         "attempt to index a nil value",
         {0}},
        {"a circle of errors",
         "local e = {} e.message = e e[1] = e error(e)",
         REFUSED,
         "without a message",
         {0}},
    };
    ATTACK_ALL(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_limited),
#ifndef SANITIZED
        cmocka_unit_test(the_end_of_the_systems_memory_ends_the_process),
#endif
        cmocka_unit_test(huge_ranges_are_refused),
        cmocka_unit_test(deep_nesting_ends_in_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
