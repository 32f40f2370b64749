#include "vm_unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/buf.h"

/*
 * Scripts that try to run for ever, to use all memory, to crash Lua or to reach what is not theirs.
 * Each runs in a process of its own that has a few seconds to come to the outcome it must have.
 */

enum outcome {
    FINE = 20, /* ran to its end and returned true */
    REFUSED,   /* an ordinary error */
    STOPPED,   /* BSC_ERR_LIMIT */
    ENDED = 1, /* the process ended itself with a message on stderr */
};

struct attack {
    const char *name;
    const char *text;
    enum outcome expected;
    const char *part; /* what message or stderr must contain */
    struct bsc_vm_options options;
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

/* Seconds of processor time, so that a busy machine changes nothing; a sanitizer needs more. */
#ifdef SANITIZED
enum { DEADLINE_S = 10 };
#else
enum { DEADLINE_S = 2 };
#endif

/* What the child does; the message goes where the parent reads. */
static _Noreturn void be_attacked(const struct attack *attack)
{
    struct bsc_err err = BSC_ERR_INIT;
    int outcome = FINE;
    setrlimit(RLIMIT_CPU, &(struct rlimit){DEADLINE_S, DEADLINE_S});
    struct bsc_vm *vm = vm_unit_open(attack->options);
    struct bsc_value *result = vm_unit_run(vm, attack->text, &err);
    if (result == NULL)
        outcome = err.code == BSC_ERR_LIMIT ? STOPPED : REFUSED;
    else if (!bsc_value_truth(result))
        outcome = REFUSED;
    bsc_value_free(result);
    fprintf(stderr, "%s: %s\n", err.where, err.message);
    bsc_vm_free(vm);
    exit(outcome);
}

static void read_to_end(int fd, struct bsc_buf *out)
{
    for (;;) {
        ssize_t got = read(fd, bsc_buf_room(out, 4096), 4096);
        if (got <= 0)
            return;
        bsc_buf_grown(out, (size_t)got);
    }
}

static void attack(const struct attack *attack)
{
    int ends[2];
    int status = 0;
    struct bsc_buf said;
    bsc_buf_init(&said);
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        be_attacked(attack);
    }
    close(ends[1]);
    read_to_end(ends[0], &said);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    bool right = WIFEXITED(status) && WEXITSTATUS(status) == (int)attack->expected;
    bool told = attack->part == NULL || strstr(said.data, attack->part) != NULL;
    if (!right || !told)
        print_error("%s: expected %d (%s), status %d, signal %d, said: %s\n", attack->name,
                    (int)attack->expected, attack->part,
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                    WIFSIGNALED(status) ? WTERMSIG(status) : 0, said.data);
    bsc_buf_release(&said);
    assert_true(right);
    assert_true(told);
}

#define ATTACK_ALL(table)                                                                          \
    for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                                \
    attack(&(table)[i])

/* ------------------------------------------------------------------- endless */

static void endless_code_is_stopped_by_the_budget(void **state)
{
    (void)state;
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
        {"sort",
         "table.sort({ 3, 1, 2 }, function() while true do end end)",
         STOPPED,
         "budget",
         {0}},
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

/* -------------------------------------------------------------------- memory */

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

/* --------------------------------------------------------------------- stacks */

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

/* ------------------------------------------------------------------ metatables */

static void dangerous_metamethods_cannot_be_had(void **state)
{
    (void)state;
    static const struct attack metatables[] = {
        {"__gc",
         "setmetatable({}, { __gc = function() while true do end end })",
         REFUSED,
         "__gc",
         {0}},
        {"__mode", "setmetatable({}, { __mode = 'k' })", REFUSED, "__mode", {0}},
        {"__close", "local x <close> = setmetatable({}, { __close = print })", REFUSED, NULL, {0}},
        {"__close 2", "setmetatable({}, { __close = function() end })", REFUSED, "__close", {0}},
        {"__concat",
         "return setmetatable({}, { __concat = function() end }) .. 'x'",
         REFUSED,
         "__concat",
         {0}},
        {"__concat later",
         "local m = {} local t = setmetatable({}, m)\n"
         "m.__concat = function() return 'x' end\nreturn t .. t",
         REFUSED,
         "attempt to concatenate",
         {0}},
        {"__concat through getmetatable",
         "local t = setmetatable({}, {})\ngetmetatable(t).__concat = function() return 'x' end\n"
         "return t .. t",
         REFUSED,
         "attempt to concatenate",
         {0}},
        {"__close later",
         "local m = {} local t = setmetatable({}, m)\nm.__close = function() while true do end "
         "end\n"
         "do local x <close> = t end",
         REFUSED,
         "non-closable",
         {0}},
        {"__mode later",
         "local m = {} local t = setmetatable({}, m) m.__mode = 'k'\n"
         "return getmetatable(t) == m",
         FINE,
         "",
         {0}},
        {"__gc later",
         "local m = {} setmetatable({}, m) m.__gc = function() while true do end end\n"
         "return pcall(setmetatable, {}, m) == false",
         FINE,
         "",
         {0}},
        {"hidden by __index",
         "local m = setmetatable({}, { __index = { __concat = function() return 'x' end } })\n"
         "return setmetatable({}, m) .. 'x'",
         REFUSED,
         "attempt to concatenate",
         {0}},
        {"the list mark", "return setmetatable(list {}, {})", REFUSED, "protected", {0}},
        {"the string metatable",
         "string.upper = function() return 'PWNED' end\n"
         "return getmetatable('') == false and ('x'):upper() == 'X'",
         FINE,
         "",
         {0}},
        {"set the string metatable", "setmetatable('', {})", REFUSED, "table expected", {0}},
        {"index of a string", "return ('x').__index == nil and ('x').y == nil", FINE, "", {0}},
        {"concatenation frees under Debian's patch",
         "local function f(n) local t = {} for i = 1, n do t[i] = i end return t end\n"
         "local m = { __concat = function(a, b) f(1000) return 'r' end }\n"
         "local t = setmetatable({}, m)\nreturn 'a' .. 'b' .. t .. 'c' .. t",
         REFUSED,
         "__concat",
         {0}},
    };
    ATTACK_ALL(metatables);
}

static void nothing_outside_can_be_reached(void **state)
{
    (void)state;
    static const struct attack escapes[] = {
        {"absent names",
         "for _, name in ipairs { 'io', 'os', 'debug', 'package', 'load', 'loadstring', "
         "'loadfile',\n"
         "  'dofile', 'require', 'collectgarbage', 'coroutine', 'print', 'xpcall', 'rawset',\n"
         "  'warn', 'host', 'getfenv', 'setfenv', 'newproxy' } do\n"
         "  if _ENV[name] ~= nil then error(name) end\nend\nreturn true",
         FINE,
         "",
         {0}},
        {"absent fields",
         "return string.dump == nil and string.pack == nil and string.unpack == nil\n"
         "  and string.packsize == nil and math.random == nil and math.randomseed == nil\n"
         "  and table.maxn == nil",
         FINE,
         "",
         {0}},
        {"bytecode",
         "local f, e = compile('a', '\\27Lua\\84\\0', {}) error(e.message)",
         REFUSED,
         "binary",
         {0}},
        {"bytecode behind a mark",
         "local f, e = compile('a', '\\239\\187\\191\\27Lua', {}) error(e.message)",
         REFUSED,
         "binary",
         {0}},
        {"long source",
         "local f, e = compile('a', (' '):rep(1048577), {}) error(e.message)",
         REFUSED,
         "1 MiB",
         {0}},
        {"an embedded name is not taken",
         "local f = compile('@bascule/x.lua', 'return where(1)', _G)\n"
         "return f() == './bascule/x.lua'",
         FINE,
         "",
         {0}},
        {"global environment",
         "local seen, found = {}, nil\n"
         "local function walk(t, depth)\n"
         "  if type(t) ~= 'table' or seen[t] or depth > 8 then return end\n"
         "  seen[t] = true\n"
         "  for k, v in next, t do\n"
         "    if k == 'rawset' or k == 'require' or k == '_LOADED' then found = k end\n"
         "    walk(v, depth + 1) walk(getmetatable(v), depth + 1)\n"
         "  end\n"
         "end\n"
         "walk(_ENV, 1) walk(getmetatable(''), 1)\n"
         "if found then error(found) end\nreturn true",
         FINE,
         "",
         {0}},
        {"no addresses",
         "return tostring({}) == 'table' and tostring(pairs) == 'function'\n"
         "  and ('%s'):format({}) == 'table' and tostring(null) == 'null'",
         FINE,
         "",
         {0}},
    };
    ATTACK_ALL(escapes);
}

/* --------------------------------------------------------------- what crosses */

static void monstrous_effects_are_refused(void **state)
{
    (void)state;
    static const struct attack effects[] = {
        {"circle", "local t = {} t.a = { t } effect(t)", REFUSED, "contains itself", {0}},
        {"deep",
         "local t = {} for i = 1, 100 do t = { t } end effect(t)",
         REFUSED,
         "deeper than 64",
         {0}},
        {"shared without end",
         "local t = {} for i = 1, 60 do t = { a = t, b = t } end effect(t)",
         REFUSED,
         "a million values",
         {0}},
        {"much text",
         "local s = ('x'):rep(10000000) effect { s, s, s, s, s, s, s, s }",
         REFUSED,
         "64 MiB",
         {0}},
        {"function",
         "effect { a = { f = function() end } }",
         REFUSED,
         "a function cannot leave",
         {0}},
        {"metatable",
         "effect(setmetatable({}, { __index = function() while true do end end }))",
         REFUSED,
         "a metatable",
         {0}},
        {"mixed keys", "effect { 1, 2, a = 3 }", REFUSED, "mixes", {0}},
        {"holes", "effect(list { 1, nil, 3 })", REFUSED, "holes", {0}},
        {"NUL in a key", "effect { ['a\\0b'] = 1 }", REFUSED, "NUL", {0}},
        {"not whole", "effect { a = 0 / 0 }", REFUSED, "not whole", {0}},
        {"infinite", "effect { a = 1 / 0 }", REFUSED, "not whole", {0}},
    };
    ATTACK_ALL(effects);
}

/* ------------------------------------------------------------------ watchdog */

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
        cmocka_unit_test(memory_is_limited),
#ifndef SANITIZED
        cmocka_unit_test(the_end_of_the_systems_memory_ends_the_process),
#endif
        cmocka_unit_test(huge_ranges_are_refused),
        cmocka_unit_test(deep_nesting_ends_in_an_error),
        cmocka_unit_test(dangerous_metamethods_cannot_be_had),
        cmocka_unit_test(nothing_outside_can_be_reached),
        cmocka_unit_test(monstrous_effects_are_refused),
        cmocka_unit_test(the_watchdog_ends_what_hooks_cannot_stop),
        cmocka_unit_test(the_watchdog_leaves_a_parked_task_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
