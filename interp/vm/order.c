#include "vm/vm_int.h"

#include <stdlib.h>
#include <string.h>

/*
 * pairs and next in an order that is the same in every run: numbers, then texts, then booleans,
 * each ascending. Other keys come last, in Lua's own order, which nobody may rely on.
 */

enum rank { RANK_NUMBER, RANK_TEXT, RANK_BOOLEAN, RANK_OTHER };

struct key {
    enum rank rank;
    bool whole;          /* a number: which of the next two it is */
    lua_Integer integer; /* also the truth of a boolean, and the position of an other key */
    lua_Number number;
    const char *text; /* borrowed from the string in the table */
    size_t length;
};

static struct key read_key(lua_State *L, int index)
{
    struct key key = {.rank = RANK_OTHER};
    switch (lua_type(L, index)) {
    case LUA_TNUMBER:
        key.rank = RANK_NUMBER;
        key.whole = lua_isinteger(L, index);
        key.integer = key.whole ? lua_tointeger(L, index) : 0;
        key.number = lua_tonumber(L, index);
        break;
    case LUA_TSTRING:
        key.rank = RANK_TEXT;
        key.text = lua_tolstring(L, index, &key.length);
        break;
    case LUA_TBOOLEAN:
        key.rank = RANK_BOOLEAN;
        key.integer = lua_toboolean(L, index);
        break;
    default:
        break;
    }
    return key;
}

static int compare_texts(const struct key *a, const struct key *b)
{
    size_t shorter = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_keys(const void *one, const void *other)
{
    const struct key *a = one;
    const struct key *b = other;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->rank == RANK_TEXT)
        return compare_texts(a, b);
    if (a->rank == RANK_NUMBER && !(a->whole && b->whole))
        return (a->number > b->number) - (a->number < b->number);
    return (a->integer > b->integer) - (a->integer < b->integer);
}

static size_t count_entries(lua_State *L, int index)
{
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        count++;
    }
    return count;
}

/* Pushes the key again as a Lua value; other keys lie in the table at `others`. */
static void push_key(lua_State *L, const struct key *key, int others)
{
    switch (key->rank) {
    case RANK_NUMBER:
        if (key->whole)
            lua_pushinteger(L, key->integer);
        else
            lua_pushnumber(L, key->number);
        break;
    case RANK_TEXT:
        lua_pushlstring(L, key->text, key->length);
        break;
    case RANK_BOOLEAN:
        lua_pushboolean(L, (int)key->integer);
        break;
    case RANK_OTHER:
        lua_rawgeti(L, others, key->integer);
        break;
    }
}

/* Reads all keys into the block and other keys into the table on top of the stack. */
static void fill_keys(lua_State *L, int index, struct key *keys)
{
    size_t filled = 0;
    lua_Integer others = 0;
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, index)) { /* … others key value */
        lua_pop(L, 1);
        keys[filled] = read_key(L, -1);
        if (keys[filled].rank == RANK_OTHER) {
            keys[filled].integer = ++others;
            lua_pushvalue(L, -1);
            lua_rawseti(L, table, others);
        }
        filled++;
    }
}

/* Pushes a list of the table's keys in order; also returns how many. */
static lua_Integer push_sorted_keys(lua_State *L, int index)
{
    size_t count = count_entries(L, index);
    luaL_argcheck(L, count <= INT32_MAX, index, "a table of fewer entries");
    bsc_vm_reserve(L, count * (sizeof(struct key) + 16));
    bsc_vm_spend(L, count * 8);
    struct key *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
    lua_newtable(L); /* block others */
    fill_keys(L, index, keys);
    qsort(keys, count, sizeof *keys, compare_keys);
    lua_createtable(L, (int)count, 0); /* block others list */
    for (size_t i = 0; i < count; i++) {
        push_key(L, &keys[i], lua_gettop(L) - 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
    return (lua_Integer)count;
}

enum { UP_KEYS = 1, UP_POSITION };

/* One step of pairs: the next key that still has a value. */
static int step_pairs(lua_State *L)
{
    lua_Integer position = lua_tointeger(L, lua_upvalueindex(UP_POSITION));
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    for (;;) {
        if (lua_rawgeti(L, lua_upvalueindex(UP_KEYS), ++position) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) /* table key value */
            break;
        lua_settop(L, 1);
    }
    lua_pushinteger(L, position);
    lua_replace(L, lua_upvalueindex(UP_POSITION));
    return 2;
}

static int after_metamethod(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 3;
}

int bsc_vm_l_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_callk(L, 1, 3, 0, after_metamethod);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    push_sorted_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, step_pairs, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* Leaves key and value of the smallest key above `after` (NULL: of all) and returns 2; 0 when there
 * is none among the ordered keys. */
static int next_ordered(lua_State *L, const struct key *after)
{
    struct key best = {.rank = RANK_OTHER};
    size_t seen = 0;
    lua_settop(L, 2);
    lua_pushnil(L); /* table key best */
    lua_pushnil(L);
    while (lua_next(L, 1)) { /* table key best candidate value */
        lua_pop(L, 1);
        struct key key = read_key(L, -1);
        seen++;
        if (key.rank == RANK_OTHER || (after != NULL && compare_keys(&key, after) <= 0))
            continue;
        if (best.rank == RANK_OTHER || compare_keys(&key, &best) < 0) {
            best = key;
            lua_pushvalue(L, -1);
            lua_replace(L, 3);
        }
    }
    bsc_vm_spend(L, seen * 4);
    if (best.rank == RANK_OTHER)
        return 0;
    lua_pushvalue(L, 3);
    lua_rawget(L, 1); /* table key best value */
    return 2;
}

/* The other keys in Lua's order, from the one at index 2 on or from the beginning. */
static int next_other(lua_State *L, bool from_start)
{
    lua_settop(L, 2);
    if (from_start) {
        lua_pushnil(L);
        lua_replace(L, 2);
    }
    while (lua_next(L, 1)) {
        if (read_key(L, 2).rank == RANK_OTHER)
            return 2;
        lua_settop(L, 2);
    }
    lua_pushnil(L);
    return 1;
}

int bsc_vm_l_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool start = lua_isnil(L, 2);
    struct key after = read_key(L, 2);
    if (!start && after.rank == RANK_OTHER)
        return next_other(L, false);
    int found = next_ordered(L, start ? NULL : &after);
    return found != 0 ? found : next_other(L, true);
}
