#include "vm/vm_int.h"

#include <lualib.h>
#include <string.h>

/*
 * The string, utf8 and math functions of the sandbox. One C call can neither run for long (a hook
 * cannot interrupt it) nor make a text that does not fit the memory limit.
 */

enum { SLICE_MAX = 8000 };

/* A position as Lua gives it (from 1, or from the end when negative) as an offset from 1. */
static lua_Integer from_start(lua_Integer position, size_t length)
{
    if (position >= 0)
        return position;
    return position < -(lua_Integer)length ? 0 : (lua_Integer)length + position + 1;
}

/* Clips first..last to the text; returns how many bytes are left. */
static size_t clip(lua_Integer *first, lua_Integer *last, size_t length)
{
    *first = from_start(*first, length);
    *last = from_start(*last, length);
    if (*first < 1)
        *first = 1;
    if (*last > (lua_Integer)length)
        *last = (lua_Integer)length;
    return *first > *last ? 0 : (size_t)(*last - *first + 1);
}

static int l_len(lua_State *L)
{
    size_t length = 0;
    luaL_checklstring(L, 1, &length);
    lua_pushinteger(L, (lua_Integer)length);
    return 1;
}

static int l_sub(lua_State *L)
{
    size_t length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_optinteger(L, 3, -1);
    size_t count = clip(&first, &last, length);
    bsc_vm_reserve(L, count);
    lua_pushlstring(L, count > 0 ? text + first - 1 : "", count);
    return 1;
}

static int l_byte(lua_State *L)
{
    size_t length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_optinteger(L, 3, from_start(first, length));
    size_t count = clip(&first, &last, length);
    if (count > SLICE_MAX)
        return luaL_error(L, "more than %d bytes at once", (int)SLICE_MAX);
    luaL_checkstack(L, (int)count, "a slice of a string");
    for (size_t i = 0; i < count; i++)
        lua_pushinteger(L, (unsigned char)text[(size_t)first - 1 + i]);
    return (int)count;
}

static int l_char(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, (size_t)count);
    for (int i = 1; i <= count; i++) {
        lua_Unsigned code = (lua_Unsigned)luaL_checkinteger(L, i);
        luaL_argcheck(L, code <= 255, i, "value out of range");
        bytes[i - 1] = (char)code;
    }
    luaL_pushresultsize(&buffer, (size_t)count);
    return 1;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int map_bytes(lua_State *L, char (*change)(char c))
{
    size_t length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    bsc_vm_reserve(L, 2 * length);
    bsc_vm_spend(L, length / 8);
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = change(text[i]);
    luaL_pushresultsize(&buffer, length);
    return 1;
}

static int l_lower(lua_State *L)
{
    return map_bytes(L, lower);
}

static int l_upper(lua_State *L)
{
    return map_bytes(L, upper);
}

static int l_reverse(lua_State *L)
{
    size_t length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    bsc_vm_reserve(L, 2 * length);
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = text[length - 1 - i];
    luaL_pushresultsize(&buffer, length);
    return 1;
}

static int l_rep(lua_State *L)
{
    size_t length = 0;
    size_t between = 0;
    size_t total = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer times = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &between);
    if (times <= 0 || length + between == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (__builtin_mul_overflow(length + between, (size_t)times, &total) || total > SIZE_MAX / 4)
        total = SIZE_MAX / 4;
    bsc_vm_reserve(L, 2 * total);
    luaL_Buffer buffer;
    char *bytes = luaL_buffinitsize(L, &buffer, total);
    memcpy(bytes, text, length);
    memcpy(bytes + length, separator, between);
    for (size_t have = length + between; have < total;) {
        size_t more = have < total - have ? have : total - have;
        memcpy(bytes + have, bytes, more);
        have += more;
    }
    luaL_pushresultsize(&buffer, total - between);
    return 1;
}

/* ----------------------------------------------------------- utf8 and math */

enum { UP_ORIGINAL = 1 };

/* codepoint(s, i, j) gives one result for each character, so its slice is kept small. */
static int l_codepoint(lua_State *L)
{
    size_t length = 0;
    luaL_checklstring(L, 1, &length);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_optinteger(L, 3, from_start(first, length));
    if (clip(&first, &last, length) > SLICE_MAX)
        return luaL_error(L, "more than %d bytes at once", (int)SLICE_MAX);
    lua_CFunction original = lua_tocfunction(L, lua_upvalueindex(UP_ORIGINAL));
    return original(L);
}

/* The others read a text once at most: their work is charged, then Lua's own function runs. */
static int l_charged(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        bsc_vm_spend(L, lua_rawlen(L, 1) / 4);
    lua_CFunction original = lua_tocfunction(L, lua_upvalueindex(UP_ORIGINAL));
    return original(L);
}

/* library original → library: puts a wrapper of the original in its place. */
static void wrap(lua_State *L, const char *name, lua_CFunction wrapper)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, wrapper, 1);
    lua_setfield(L, -2, name);
}

void bsc_vm_push_utf8(lua_State *L)
{
    lua_pushcfunction(L, luaopen_utf8);
    lua_call(L, 0, 1);
    wrap(L, "codepoint", l_codepoint);
    wrap(L, "len", l_charged);
    wrap(L, "offset", l_charged);
}

/* Without chance: a rehearsal and its run must take the same way. */
void bsc_vm_push_math(lua_State *L)
{
    lua_pushcfunction(L, luaopen_math);
    lua_call(L, 0, 1);
    lua_pushnil(L);
    lua_setfield(L, -2, "random");
    lua_pushnil(L);
    lua_setfield(L, -2, "randomseed");
}

const luaL_Reg bsc_vm_strings[] = {
    {"byte", l_byte},
    {"char", l_char},
    {"find", bsc_vm_l_find},
    {"format", bsc_vm_l_format},
    {"gmatch", bsc_vm_l_gmatch},
    {"gsub", bsc_vm_l_gsub},
    {"len", l_len},
    {"lower", l_lower},
    {"match", bsc_vm_l_match},
    {"rep", l_rep},
    {"reverse", l_reverse},
    {"sub", l_sub},
    {"upper", l_upper},
    {NULL, NULL},
};
