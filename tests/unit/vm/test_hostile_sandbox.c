#include "attack.h"

static const struct attack metatables[] = {
    {"__gc", "setmetatable({}, { __gc = function() while true do end end })", REFUSED, "__gc", {0}},
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

static void dangerous_metamethods_cannot_be_had(void **state)
{
    (void)state;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dangerous_metamethods_cannot_be_had),
        cmocka_unit_test(nothing_outside_can_be_reached),
        cmocka_unit_test(monstrous_effects_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
