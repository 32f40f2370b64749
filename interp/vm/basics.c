#include "vm/vm_int.h"

#include <stdlib.h>
#include <string.h>

/*
 * The base functions of the sandbox. Upvalue 1 of each says whether the embedded library holds it.
 * They tell no addresses, for texts must not differ from run to run.
 */

/* Longest text that can be a number. */
enum { NUMERAL_MAX = 200 };

const char *bsc_vm_push_text(lua_State *L, int index, size_t *ret_length)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 6, "a text");
    if (luaL_callmeta(L, index, "__tostring")) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "\"__tostring\" must return a string");
        return lua_tolstring(L, -1, ret_length);
    }
    int type = lua_type(L, index);
    if (type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TBOOLEAN || type == LUA_TNIL)
        return luaL_tolstring(L, index, ret_length);
    if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
        return lua_tolstring(L, -1, ret_length);
    bool null = type == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == NULL;
    lua_pushstring(L, null ? "null" : lua_typename(L, type));
    return lua_tolstring(L, -1, ret_length);
}

static int l_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    bsc_vm_push_text(L, 1, NULL);
    return 1;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return 99;
}

/* Reads digits of the given base with an optional sign; wraps around as Lua's own does. */
static int tonumber_base(lua_State *L, int base)
{
    size_t length = 0;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *text = lua_tolstring(L, 1, &length);
    luaL_argcheck(L, base >= 2 && base <= 36, 2, "base out of range");
    const char *end = text + length;
    bool negative = text < end && *text == '-';
    lua_Unsigned number = 0;
    text += negative ? 1 : 0;
    bool good = text < end && length <= NUMERAL_MAX;
    for (; good && text < end; text++) {
        int digit = digit_of(*text);
        good = digit < base;
        number = number * (lua_Unsigned)base + (lua_Unsigned)(good ? digit : 0);
    }
    if (!good)
        return luaL_pushfail(L), 1;
    lua_pushinteger(L, (lua_Integer)(negative ? 0u - number : number));
    return 1;
}

static int l_tonumber(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2))
        return tonumber_base(L, (int)luaL_checkinteger(L, 2));
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TNUMBER)
        return 1;
    size_t length = 0;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tolstring(L, 1, &length) : NULL;
    if (text == NULL || length > NUMERAL_MAX || lua_stringtonumber(L, text) != length + 1)
        luaL_pushfail(L);
    return 1;
}

static int l_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

static int l_error(lua_State *L)
{
    int level = (int)luaL_optinteger(L, 2, 1);
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TSTRING && level > 0) {
        luaL_where(L, level);
        lua_insert(L, 1);
        bsc_vm_reserve(L, lua_rawlen(L, 2));
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int l_assert(lua_State *L)
{
    luaL_checkany(L, 1);
    if (lua_toboolean(L, 1))
        return lua_gettop(L);
    if (lua_isnone(L, 2))
        return luaL_error(L, "assertion failed");
    lua_settop(L, 2);
    return lua_error(L);
}

static int l_select(lua_State *L)
{
    int count = lua_gettop(L) - 1;
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) == '#') {
        lua_pushinteger(L, count);
        return 1;
    }
    lua_Integer first = luaL_checkinteger(L, 1);
    if (first < 0)
        first = count + 1 + first;
    luaL_argcheck(L, first >= 1, 1, "index out of range");
    return first > count ? 0 : count + 1 - (int)first;
}

static int step_ipairs(lua_State *L)
{
    lua_Integer index = luaL_checkinteger(L, 2);
    index = (lua_Integer)((lua_Unsigned)index + 1);
    lua_pushinteger(L, index);
    return lua_geti(L, 1, index) == LUA_TNIL ? 1 : 2;
}

static int l_ipairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushcfunction(L, step_ipairs);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

static int l_rawequal(lua_State *L)
{
    luaL_checkany(L, 2);
    lua_pushboolean(L, lua_rawequal(L, 1, 2));
    return 1;
}

static int l_rawlen(lua_State *L)
{
    int type = lua_type(L, 1);
    luaL_argexpected(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or string");
    lua_pushinteger(L, (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

static int l_rawget(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    lua_rawget(L, 1);
    return 1;
}

/* ---------------------------------------------------------------- metatables */

/*
 * A runbook's metatable is never installed itself: a private copy is, with the harmless fields
 * only, so that nothing written into the original later can take effect. (__gc runs without hooks,
 * __concat and __mode meet memory bugs of the releases we link, __close delays a stop.) The copy
 * keeps the original under a key that scripts cannot make.
 */
static const char original_key = 'o';

static const char *const allowed[] = {
    "__index", "__newindex", "__call", "__tostring",  "__len",  "__eq",  "__lt",
    "__le",    "__unm",      "__add",  "__sub",       "__mul",  "__div", "__mod",
    "__pow",   "__idiv",     "__band", "__bor",       "__bxor", "__shl", "__shr",
    "__bnot",  "__pairs",    "__name", "__metatable", NULL};

static const char *const refused[] = {"__gc", "__mode", "__close", "__concat", NULL};

static void refuse_fields(lua_State *L, int metatable)
{
    for (size_t i = 0; refused[i] != NULL; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, metatable) != LUA_TNIL)
            luaL_error(L, "a metatable cannot have \"%s\" here", refused[i]);
        lua_pop(L, 1);
    }
}

/* Pushes the private copy of the metatable at `index`. */
static void push_copy(lua_State *L, int index)
{
    lua_newtable(L); /* … copy */
    for (size_t i = 0; allowed[i] != NULL; i++) {
        lua_pushstring(L, allowed[i]);
        lua_pushvalue(L, -1); /* … copy name name */
        if (lua_rawget(L, index) == LUA_TNIL)
            lua_pop(L, 2);
        else
            lua_rawset(L, -3);
    }
    lua_pushvalue(L, index);
    lua_rawsetp(L, -2, &original_key);
}

/* A metatable that the embedded library made is nothing that a runbook may see or change. */
static bool is_foreign(lua_State *L, int index, bool privileged)
{
    bool foreign = false;
    int top = lua_gettop(L);
    if (lua_getmetatable(L, index)) {
        lua_pushliteral(L, "__metatable");
        foreign = lua_rawget(L, -2) != LUA_TNIL;
        foreign = foreign || (!privileged && lua_rawgetp(L, -2, &original_key) == LUA_TNIL);
    }
    lua_settop(L, top);
    return foreign;
}

int bsc_vm_l_setmetatable(lua_State *L)
{
    bool privileged = lua_toboolean(L, lua_upvalueindex(1));
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_istable(L, 2) || lua_type(L, 2) == LUA_TNIL, 2, "nil or table");
    lua_settop(L, 2);
    if (is_foreign(L, 1, privileged))
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        refuse_fields(L, 2);
        if (!privileged)
            push_copy(L, 2);
    }
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

int bsc_vm_l_getmetatable(lua_State *L)
{
    bool privileged = lua_toboolean(L, lua_upvalueindex(1));
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1))
        return luaL_pushfail(L), 1;
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    if (lua_rawgetp(L, -1, &original_key) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    if (!privileged)
        lua_pushboolean(L, false);
    return 1;
}

const luaL_Reg bsc_vm_basics[] = {
    {"assert", l_assert},
    {"error", l_error},
    {"getmetatable", bsc_vm_l_getmetatable},
    {"ipairs", l_ipairs},
    {"next", bsc_vm_l_next},
    {"pairs", bsc_vm_l_pairs},
    {"pcall", bsc_vm_l_pcall},
    {"rawequal", l_rawequal},
    {"rawget", l_rawget},
    {"rawlen", l_rawlen},
    {"select", l_select},
    {"setmetatable", bsc_vm_l_setmetatable},
    {"tonumber", l_tonumber},
    {"tostring", l_tostring},
    {"type", l_type},
    {NULL, NULL},
};
