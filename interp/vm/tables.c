#include "vm/vm_int.h"

/*
 * The table functions of the sandbox. They look at raw entries only, so that a metamethod cannot
 * send one of them around for ever, and each charges its work to the budget before it begins.
 */

enum { UNPACK_MAX = 8000, MOVE_MAX = 1000000, SORT_MAX = 100000 };

static lua_Integer length_of(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, index);
}

/* Number of places first..last, 0 when empty; refuses more than `most`. */
static lua_Integer span(lua_State *L, lua_Integer first, lua_Integer last, lua_Integer most)
{
    if (first > last)
        return 0;
    if ((lua_Unsigned)last - (lua_Unsigned)first >= (lua_Unsigned)most)
        luaL_error(L, "more than %I elements at once", (LUAI_UACINT)most);
    return last - first + 1;
}

/* Moves the entries first..last by `by` places. */
static void shift(lua_State *L, lua_Integer first, lua_Integer last, lua_Integer by)
{
    lua_Integer count = span(L, first, last, MOVE_MAX);
    bsc_vm_spend(L, (size_t)count);
    for (lua_Integer i = 0; i < count; i++) {
        lua_Integer from = by > 0 ? last - i : first + i;
        lua_rawgeti(L, 1, from);
        lua_rawseti(L, 1, from + by);
    }
}

static int l_insert(lua_State *L)
{
    lua_Integer end = length_of(L, 1) + 1;
    int args = lua_gettop(L);
    if (args == 2) {
        lua_rawseti(L, 1, end);
        return 0;
    }
    if (args != 3)
        return luaL_error(L, "table.insert takes a table, perhaps a position, and a value");
    lua_Integer position = luaL_checkinteger(L, 2);
    luaL_argcheck(L, position >= 1 && position <= end, 2, "position out of bounds");
    shift(L, position, end - 1, 1);
    lua_settop(L, 3);
    lua_rawseti(L, 1, position);
    return 0;
}

static int l_remove(lua_State *L)
{
    lua_Integer length = length_of(L, 1);
    lua_Integer position = luaL_optinteger(L, 2, length);
    luaL_argcheck(L,
                  lua_isnoneornil(L, 2) || length + 1 == position ||
                      (position >= 1 && position <= length + 1) || (length == 0 && position == 0),
                  2, "position out of bounds");
    lua_settop(L, 1);
    lua_rawgeti(L, 1, position); /* table removed */
    if (position <= length) {
        if (position >= 1)
            shift(L, position + 1, length, -1);
        lua_pushnil(L);
        lua_rawseti(L, 1, length);
    }
    lua_settop(L, 2);
    return 1;
}

static int l_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2);
    lua_Integer last = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, target, LUA_TTABLE);
    lua_Integer count = span(L, first, last, MOVE_MAX);
    luaL_argcheck(L, count == 0 || to <= LUA_MAXINTEGER - count + 1, 4, "destination wraps around");
    bsc_vm_spend(L, (size_t)count);
    bool backwards = target == 1 && to > first && to <= last;
    for (lua_Integer i = 0; i < count; i++) {
        lua_Integer step = backwards ? count - 1 - i : i;
        lua_rawgeti(L, 1, first + step);
        lua_rawseti(L, target, to + step);
    }
    lua_pushvalue(L, target);
    return 1;
}

static int l_pack(lua_State *L)
{
    int count = lua_gettop(L);
    lua_createtable(L, count, 1);
    lua_insert(L, 1);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, 1, i);
    lua_pushinteger(L, count);
    lua_setfield(L, 1, "n");
    return 1;
}

static int l_unpack(lua_State *L)
{
    lua_Integer length = length_of(L, 1);
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_optinteger(L, 3, length);
    lua_Integer count = span(L, first, last, UNPACK_MAX);
    luaL_checkstack(L, (int)count + 1, "too many results to unpack");
    bsc_vm_spend(L, (size_t)count / 4);
    for (lua_Integer i = 0; i < count; i++)
        lua_rawgeti(L, 1, first + i);
    return (int)count;
}

/* Bytes of the elements first..last, which must all be texts or numbers. */
static size_t measure(lua_State *L, lua_Integer first, lua_Integer count, size_t separator)
{
    size_t total = 0;
    for (lua_Integer i = 0; i < count; i++) {
        int type = lua_rawgeti(L, 1, first + i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER)
            luaL_error(L, "invalid value (at index %I) in table for 'concat'",
                       (LUAI_UACINT)(first + i));
        total += (type == LUA_TSTRING ? lua_rawlen(L, -1) : 32) + separator;
        lua_pop(L, 1);
    }
    return total;
}

static int l_concat(lua_State *L)
{
    size_t separator_length = 0;
    lua_Integer length = length_of(L, 1);
    const char *separator = luaL_optlstring(L, 2, "", &separator_length);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    lua_Integer last = luaL_optinteger(L, 4, length);
    lua_Integer count = span(L, first, last, MOVE_MAX);
    bsc_vm_spend(L, (size_t)count);
    bsc_vm_reserve(L, 3 * measure(L, first, count, separator_length));
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (lua_Integer i = 0; i < count; i++) {
        lua_rawgeti(L, 1, first + i);
        luaL_addvalue(&buffer);
        if (i + 1 < count)
            luaL_addlstring(&buffer, separator, separator_length);
    }
    luaL_pushresult(&buffer);
    return 1;
}

/* -------------------------------------------------------------------- sorting */

/*
 * A merge sort: stable, so that equal elements keep their order in every run; never quadratic; and
 * safe whatever the comparing function answers.
 */
enum { SORT_TABLE = 1, SORT_LESS, SORT_SPARE };

/* Whether the element on top goes before the one below it. */
static bool goes_before(lua_State *L)
{
    if (lua_isnil(L, SORT_LESS))
        return lua_compare(L, -1, -2, LUA_OPLT);
    lua_pushvalue(L, SORT_LESS);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -4); /* left right less right left */
    lua_call(L, 2, 1);
    bool before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return before;
}

/* Merges from[low..middle) and from[middle..high) into to[low..high). Places count from 1. */
static void merge(lua_State *L, int from, int to, lua_Integer low, lua_Integer middle,
                  lua_Integer high)
{
    lua_Integer left = low;
    lua_Integer right = middle;
    for (lua_Integer place = low; place < high; place++) {
        bool take_right = left >= middle;
        if (!take_right && right < high) {
            lua_rawgeti(L, from, left);
            lua_rawgeti(L, from, right); /* left right */
            take_right = goes_before(L);
            lua_pop(L, 2);
        }
        lua_rawgeti(L, from, take_right ? right++ : left++);
        lua_rawseti(L, to, place);
    }
}

static lua_Integer smaller(lua_Integer a, lua_Integer b)
{
    return a < b ? a : b;
}

static int l_sort(lua_State *L)
{
    lua_Integer count = length_of(L, SORT_TABLE);
    if (!lua_isnoneornil(L, SORT_LESS))
        luaL_checktype(L, SORT_LESS, LUA_TFUNCTION);
    if (count > SORT_MAX)
        return luaL_error(L, "more than %d elements to sort", (int)SORT_MAX);
    lua_settop(L, SORT_LESS);
    lua_createtable(L, (int)count, 0);
    int from = SORT_TABLE;
    int to = SORT_SPARE;
    for (lua_Integer width = 1; width < count; width *= 2) {
        bsc_vm_spend(L, (size_t)count * 2);
        for (lua_Integer low = 1; low <= count; low += 2 * width)
            merge(L, from, to, low, smaller(low + width, count + 1),
                  smaller(low + 2 * width, count + 1));
        int swapped = from;
        from = to;
        to = swapped;
    }
    for (lua_Integer i = 1; from != SORT_TABLE && i <= count; i++) {
        lua_rawgeti(L, from, i);
        lua_rawseti(L, SORT_TABLE, i);
    }
    return 0;
}

const luaL_Reg bsc_vm_tables[] = {
    {"concat", l_concat}, {"insert", l_insert}, {"move", l_move},     {"pack", l_pack},
    {"remove", l_remove}, {"sort", l_sort},     {"unpack", l_unpack}, {NULL, NULL},
};
