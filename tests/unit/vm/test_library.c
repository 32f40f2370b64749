#include "vm_unit.h"

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

/*
 * The sandbox's own functions against Lua's: the same script runs in both, makes the same cases
 * from the same seed, and must give the same text. Only where the sandbox differs on purpose does a
 * test say what it wants by itself.
 */

/* Runs a script in plain Lua; owned text. */
static char *run_plain(const char *text)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dostring(L, text) != LUA_OK)
        print_error("%s\n", lua_tostring(L, -1));
    char *copy = strdup(luaL_checkstring(L, -1));
    lua_close(L);
    return copy;
}

/* Prints the first line that differs. */
static void show_difference(const char *wanted, const char *got)
{
    size_t at = 0;
    while (wanted[at] == got[at] && wanted[at] != '\0')
        at++;
    while (at > 0 && wanted[at - 1] != '\n')
        at--;
    print_error("plain Lua: %.*s\nsandbox:   %.*s\n", (int)strcspn(wanted + at, "\n"), wanted + at,
                (int)strcspn(got + at, "\n"), got + at);
}

static void expect_same(const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.instructions = 2000000000});
    struct bsc_value *result = vm_unit_run(vm, text, &err);
    if (result == NULL)
        print_error("%s: %s\n", err.where, err.message);
    assert_non_null(result);
    char *plain = run_plain(text);
    if (strcmp(plain, bsc_value_string(result)) != 0)
        show_difference(plain, bsc_value_string(result));
    assert_string_equal(plain, bsc_value_string(result));
    assert_true(strlen(plain) > 100);
    free(plain);
    bsc_value_free(result);
    bsc_vm_free(vm);
}

/* A generator of numbers that both sides compute alike, and a way to note results. */
#define PRELUDE                                                                                    \
    "local seed = 20261120\n"                                                                      \
    "local function chance(n)\n"                                                                   \
    "  seed = (seed * 1103515245 + 12345) % 2147483648\n"                                          \
    "  return (seed >> 8) % n + 1\n"                                                               \
    "end\n"                                                                                        \
    "local function pick(...) return (select(chance(select('#', ...)), ...)) end\n"                \
    "local lines = {}\n"                                                                           \
    "local function note(what, ok, ...)\n"                                                         \
    "  local parts = { what, tostring(ok) }\n"                                                     \
    "  for i = 1, ok and select('#', ...) or 0 do\n"                                               \
    "    parts[#parts + 1] = tostring((select(i, ...)))\n"                                         \
    "  end\n"                                                                                      \
    "  lines[#lines + 1] = table.concat(parts, '|'):gsub('%c', '?')\n"                             \
    "end\n"                                                                                        \
    "local function done() return table.concat(lines, '\\n') end\n"

static void patterns_agree_with_plain_lua(void **state)
{
    (void)state;
    expect_same(
        PRELUDE
        "local function subject()\n"
        "  local t = {}\n"
        "  for i = 1, chance(12) - 1 do\n"
        "    t[i] = pick('a', 'b', 'A', '1', ' ', '(', ')', '-', '%', '.', '\\n', '_', 'x')\n"
        "  end\n"
        "  return table.concat(t)\n"
        "end\n"
        "local function item()\n"
        "  return pick('a', 'b', '.', '%a', '%d', '%s', '%w', '%p', '%A', '%S', '%W', '%x',\n"
        "    '%u', '%l', '%c', '%g', '%%', '%-', '[ab]', '[^a]', '[a-c1]', '[%a_]', '[]]',\n"
        "    '[^%s]', '[a-]', '[%]x]', '(', ')', '()', '%b()', '%f[%w]', '%f[^a]', '%1', '%2',\n"
        "    '$', '^', '[', '%', 'x')\n"
        "end\n"
        "local function pattern()\n"
        "  local t = { pick('', '', '', '^') }\n"
        "  for i = 1, chance(5) do\n"
        "    t[#t + 1] = item() .. pick('', '', '', '*', '+', '-', '?')\n"
        "  end\n"
        "  if chance(2) == 1 then t[2] = '(' .. t[2] .. ')' end\n"
        "  return table.concat(t) .. pick('', '', '$')\n"
        "end\n"
        "for i = 1, 6000 do\n"
        "  local s, p, init = subject(), pattern(), chance(9) - 4\n"
        "  note('find ' .. s .. ' ' .. p, pcall(string.find, s, p, init))\n"
        "  note('match', pcall(string.match, s, p))\n"
        "  note('gsub', pcall(string.gsub, s, p, pick('', '<%0>', '%1', '%2', '%%'),\n"
        "    pick(nil, 1, 2)))\n"
        "  note('gsub table', pcall(string.gsub, s, p, { a = 'X', b = 7, x = false }))\n"
        "  note('gsub function', pcall(string.gsub, s, p, function(x, y)\n"
        "    return y and tostring(x) .. tostring(y) or nil end))\n"
        "  note('gmatch', pcall(function()\n"
        "    local t = {} for a, b in string.gmatch(s, p) do\n"
        "      t[#t + 1] = tostring(a) .. '/' .. tostring(b) end\n"
        "    return table.concat(t, ',') end))\n"
        "  note('plain', pcall(string.find, s, p, init, true))\n"
        "end\n"
        "return done()\n");
}

static void string_functions_agree_with_plain_lua(void **state)
{
    (void)state;
    expect_same(
        PRELUDE
        "for i = 1, 2000 do\n"
        "  local s = ('abcDEF-123 \\0\\255xyz'):sub(chance(20) - 5, chance(20) - 3)\n"
        "  local a, b = pick(chance(30) - 15, math.mininteger, math.maxinteger), chance(30) - 15\n"
        "  note('sub', pcall(string.sub, s, a, b))\n"
        "  note('byte', pcall(string.byte, s, a, b))\n"
        "  note('byte 1', pcall(string.byte, s, a))\n"
        "  note('rep', pcall(string.rep, s, chance(6) - 2, pick(nil, '', ', ')))\n"
        "  note('upper', s:upper(), s:lower(), s:reverse(), #s, s:len())\n"
        "  note('char', pcall(string.char, chance(300) - 20, chance(256) - 1))\n"
        "  note('tonumber', tonumber(pick('10', ' 0x10 ', '1e1', '1.', '', 'x', '10x', '-7',\n"
        "    '9223372036854775807', '9223372036854775808', '0x7fffffffffffffffff', '1e', 7, "
        "1.5)))\n"
        "  note('base', pcall(tonumber, pick('10', 'zz', '-ff', '7', '', '-', '8'), chance(38)))\n"
        "  note('tostring', tostring(pick(1, 1.0, -0.0, 1e100, 2^53, 'x', true, nil)))\n"
        "  note('select', pcall(select, pick(1, 2, 3, -1, -2, -3, 0, '#', 9), 'a', 'b'))\n"
        "end\n"
        "return done()\n");
}

static void format_agrees_with_plain_lua(void **state)
{
    (void)state;
    expect_same(
        PRELUDE
        "for i = 1, 4000 do\n"
        "  local d = '%' .. pick('', '', '-', '0', '+', ' ', '#') .. pick('', '', '5', '12')\n"
        "    .. pick('', '', '.3', '.0', '.') .. pick('d', 'i', 'x', 'X', 'o', 'f', 'e', 'g',\n"
        "    'G', 's', 'a')\n"
        "  local v = pick(0, 1, -1, 255, 3.0, 1e15, -2.5, 'text', '12', math.maxinteger,\n"
        "    math.mininteger, true)\n"
        "  if not d:find('^%%[#+ 0].*[sdixXo]$') then\n"
        "    note(d, pcall(string.format, '<' .. d .. '>%%', v))\n"
        "  end\n"
        "  note('c', pcall(string.format, '%c%s%s', 65 + chance(20), nil, ('long'):rep(50)))\n"
        "end\n"
        "note('q', pcall(string.format, '%q', 'a\"b\\\\c\\nd'))\n"
        "note('few', pcall(string.format, '%d %d', 1))\n"
        "return done()\n");
}

static void table_functions_agree_with_plain_lua(void **state)
{
    (void)state;
    expect_same(
        PRELUDE
        "for i = 1, 2000 do\n"
        "  local t = {}\n"
        "  for j = 1, chance(8) - 1 do t[j] = pick(1, 2, 3, 'a', 'b', 10.5) end\n"
        "  local a, b, c = chance(12) - 3, chance(12) - 3, chance(12) - 3\n"
        "  note('concat', pcall(table.concat, t, pick(nil, '-'), pick(nil, a), pick(nil, #t)))\n"
        "  note('insert', pcall(table.insert, t, a, 'new'))\n"
        "  note('append', pcall(table.insert, t, 'last'))\n"
        "  note('remove', pcall(table.remove, t, pick(nil, b)))\n"
        "  note('after', pcall(table.concat, t, ','))\n"
        "  note('unpack', pcall(table.unpack, t, pick(nil, a), pick(nil, b)))\n"
        "  local moved = table.move(t, 1, #t, c)\n"
        "  note('move', moved == t, t[1], t[2], t[c], t[c + 1], t[#t])\n"
        "  local other = table.move({ 1, 2, 3 }, 1, 3, 2, { 9 })\n"
        "  note('move to', true, table.unpack(other))\n"
        "  note('pack', true, table.pack(a, nil, b).n)\n"
        "  local n = {}\n"
        "  for j = 1, chance(200) do n[j] = chance(100) end\n"
        "  table.sort(n)\n"
        "  note('sort', true, table.concat(n, ' '))\n"
        "  table.sort(n, function(x, y) return x > y end)\n"
        "  note('sort back', true, table.concat(n, ' '))\n"
        "end\n"
        "note('mixed', pcall(table.sort, { 1, 'a' }))\n"
        "note('bad', pcall(table.insert, {}, 1, 2, 3))\n"
        "return done()\n");
}

static void metatables_work_as_in_plain_lua(void **state)
{
    (void)state;
    expect_same(
        PRELUDE
        "local P = {}\nP.__index = P\n"
        "P.__add = function(a, b) return P.new(a.x + b.x) end\n"
        "P.__eq = function(a, b) return a.x == b.x end\n"
        "P.__lt = function(a, b) return a.x < b.x end\n"
        "P.__le = function(a, b) return a.x <= b.x end\n"
        "P.__len = function(a) return a.x end\n"
        "P.__call = function(a, y) return a.x * y end\n"
        "P.__tostring = function(a) return 'P' .. a.x end\n"
        "P.__newindex = function(t, k, v) rawget(t, 'log')[1] = k end\n"
        "P.__pairs = function(t) return function(_, k) if not k then return 1, t.x end end, t end\n"
        "function P.new(x) return setmetatable({ x = x, log = {} }, P) end\n"
        "function P:double() return self.x * 2 end\n"
        "local a, b = P.new(3), P.new(4)\n"
        "a.other = 1\n"
        "note('all', true, (a + b).x, a == b, a < b, a <= b, #a, a(5), tostring(a), a:double(),\n"
        "  a.log[1], getmetatable(a) == P, rawequal(a, a), rawlen({ 1, 2 }))\n"
        "for k, v in pairs(a) do note('pairs', true, k, v) end\n"
        "local locked = setmetatable({}, { __metatable = 'no' })\n"
        "note('locked', getmetatable(locked), pcall(setmetatable, locked, {}))\n"
        "note('removed', true, getmetatable(setmetatable(P.new(1), nil)))\n"
        "note('assert', pcall(assert, false, 'why'))\n"
        "note('assert', pcall(assert, 1, 2, 3))\n"
        "note('error', pcall(error, 'x', 0))\n"
        "note('pcall', pcall(pcall, error, 'x'))\n"
        "note('pcall', pcall(pcall))\n"
        "note('next', next({}), next({ 1 }), next({ a = 1 }))\n"
        "return done()\n");
}

static void pairs_and_next_go_in_order(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    static const char make[] =
        "local t = { b = 1, a = 2, [2] = 3, [1] = 4, [-1] = 5, [1.5] = 6, [true] = 7, [false] = 8 "
        "}\n"
        "for i = 1, 20 do t['k' .. (i * 7 % 20)] = i end\nfor i = 1, 20 do t['k' .. i] = nil end\n"
        "t.k0 = nil\n";
    static const char wanted[] = "-1=5 1=4 1.5=6 2=3 a=2 b=1 false=8 true=7 ";
    char text[800];
    snprintf(text, sizeof text,
             "%slocal s = '' for k, v in pairs(t) do s = s .. tostring(k) .. '=' .. v .. ' ' end "
             "return s",
             make);
    vm_unit_expect(vm, text, wanted);
    snprintf(text, sizeof text,
             "%slocal s = '' for k, v in next, t do s = s .. tostring(k) .. '=' .. v .. ' ' end "
             "return s",
             make);
    vm_unit_expect(vm, text, wanted);
    vm_unit_expect(vm,
                   "local a, b, c, n = {}, {}, function() end, 0\n"
                   "local t = { [a] = 1, [b] = 2, [c] = 4, x = 8 }\n"
                   "for k, v in pairs(t) do n = n + v end for k, v in next, t do n = n + v end\n"
                   "return tostring(n)",
                   "30");
    vm_unit_expect(vm,
                   "local t, s = { 1, 2, 3, 4 }, ''\n"
                   "for k, v in pairs(t) do t[k] = nil t[4] = nil s = s .. k end return s",
                   "123");
    bsc_vm_free(vm);
}

static void sorting_keeps_the_order_of_equals(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    vm_unit_expect(vm,
                   "local t = {} for i = 1, 100 do t[i] = { key = i % 3, n = i } end\n"
                   "table.sort(t, function(a, b) return a.key < b.key end)\n"
                   "for i = 2, 100 do\n"
                   "  local a, b = t[i - 1], t[i]\n"
                   "  if a.key > b.key or a.key == b.key and a.n > b.n then return 'wrong' end\n"
                   "end return 'right'",
                   "right");
    vm_unit_expect(vm, "table.sort({ 3, 1, 2, 5, 4 }, function() return true end) return 'safe'",
                   "safe");
    bsc_vm_free(vm);
}

static void a_file_may_begin_with_a_mark_or_a_shebang(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    vm_unit_expect(vm, "#!/usr/bin/env bascule\nreturn 'ran'", "ran");
    vm_unit_expect(vm, "\xEF\xBB\xBFreturn 'ran'", "ran");
    vm_unit_expect_error(vm, "#!x\nreturn +", "unexpected symbol");
    bsc_vm_free(vm);
}

static void a_syntax_error_tells_its_line(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    vm_unit_expect(vm,
                   "local f, e = compile('@a:1: b/c.lua', '\\n\\nx = = 1', {})\n"
                   "return e.line .. ' ' .. e.message",
                   "3 unexpected symbol near '='");
    vm_unit_expect(
        vm,
        "local f, e = compile('@/a/' .. ('long/'):rep(40) .. 'c.lua', '\\nx = = 1', {})\n"
        "return e.line .. ' ' .. e.message",
        "2 unexpected symbol near '='");
    bsc_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_agree_with_plain_lua),
        cmocka_unit_test(string_functions_agree_with_plain_lua),
        cmocka_unit_test(format_agrees_with_plain_lua),
        cmocka_unit_test(table_functions_agree_with_plain_lua),
        cmocka_unit_test(metatables_work_as_in_plain_lua),
        cmocka_unit_test(pairs_and_next_go_in_order),
        cmocka_unit_test(sorting_keeps_the_order_of_equals),
        cmocka_unit_test(a_file_may_begin_with_a_mark_or_a_shebang),
        cmocka_unit_test(a_syntax_error_tells_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
