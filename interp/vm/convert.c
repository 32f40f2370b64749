#include "vm/vm_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * Lua values become bsc_values without a single call that could raise: raw access only, no strings
 * made. Keys of maps are sorted, because Lua's own order differs from run to run.
 */

enum { DEPTH_MAX = 64, NODE_MAX = 1000000, LIST_MAX = 1000000 };
#define BYTES_MAX ((size_t)64 * 1024 * 1024)

/* ------------------------------------------------------------------ to Lua */

static void push_at(lua_State *L, const struct bsc_value *value, int depth);

static void push_list(lua_State *L, const struct bsc_value *value, int depth)
{
    size_t count = bsc_value_count(value);
    if (count > LIST_MAX)
        luaL_error(L, "a list of more than %d items", (int)LIST_MAX);
    lua_createtable(L, (int)count, 0); /* list */
    for (size_t i = 0; i < count; i++) {
        push_at(L, bsc_value_at(value, i), depth + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    bsc_vm_mark_list(L, -1);
}

static void push_map(lua_State *L, const struct bsc_value *value, int depth)
{
    size_t count = bsc_value_count(value);
    lua_createtable(L, 0, count > LIST_MAX ? LIST_MAX : (int)count); /* map */
    for (size_t i = 0; i < count; i++) {
        const struct bsc_value *item = bsc_value_item_at(value, i);
        if (bsc_value_kind(item) == BSC_VALUE_NULL)
            continue;
        lua_pushstring(L, bsc_value_key_at(value, i)); /* map key */
        push_at(L, item, depth + 1);                   /* map key item */
        lua_rawset(L, -3);
    }
}

static void push_at(lua_State *L, const struct bsc_value *value, int depth)
{
    if (depth > DEPTH_MAX)
        luaL_error(L, "a value nested deeper than %d", (int)DEPTH_MAX);
    luaL_checkstack(L, 6, "a nested value");
    switch (bsc_value_kind(value)) {
    case BSC_VALUE_NULL:
        lua_pushlightuserdata(L, NULL);
        break;
    case BSC_VALUE_BOOL:
        lua_pushboolean(L, bsc_value_truth(value));
        break;
    case BSC_VALUE_INT:
        lua_pushinteger(L, bsc_value_number(value, 0));
        break;
    case BSC_VALUE_TEXT:
        lua_pushlstring(L, bsc_value_string(value), bsc_value_string_length(value));
        break;
    case BSC_VALUE_LIST:
        push_list(L, value, depth);
        break;
    case BSC_VALUE_MAP:
        push_map(L, value, depth);
        break;
    }
}

void bsc_vm_push(lua_State *L, const struct bsc_value *value)
{
    luaL_checkstack(L, 2, "a value");
    if (bsc_value_kind(value) == BSC_VALUE_NULL)
        lua_pushnil(L);
    else
        push_at(L, value, 1);
}

void bsc_vm_mark_list(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, bsc_vm_of(L)->list_ref);
    lua_setmetatable(L, index);
}

bool bsc_vm_is_list(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TTABLE || !lua_getmetatable(L, index))
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, bsc_vm_of(L)->list_ref);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

/* ---------------------------------------------------------------- from Lua */

/* One conversion under way. */
struct walk {
    lua_State *L;
    struct bsc_err *err;
    const void *above[DEPTH_MAX + 1];  /* the tables that are being converted, outermost first */
    const char *names[DEPTH_MAX + 1];  /* under which key each was found, NULL in a list */
    lua_Integer places[DEPTH_MAX + 1]; /* or at which index */
    int depth;
    size_t nodes;
    size_t bytes;
};

/* One entry of a map on its way; the key's bytes belong to the Lua table. */
struct entry {
    const char *key;
    size_t length;
    struct bsc_value *item; /* owned */
};

static struct bsc_value *convert(struct walk *walk, int index);

/* Says where in the whole value the trouble lies: "args.files[3]". */
static struct bsc_value *refuse(struct walk *walk, const char *what)
{
    struct bsc_buf path;
    bsc_buf_init(&path);
    for (int i = 1; i <= walk->depth; i++) {
        if (walk->names[i] != NULL)
            bsc_buf_printf(&path, "%s%.60s", path.length > 0 ? "." : "", walk->names[i]);
        else
            bsc_buf_printf(&path, "[%lld]", (long long)walk->places[i]);
    }
    if (path.length == 0)
        bsc_err_set(walk->err, BSC_ERR_SCRIPT, "%s cannot leave Lua", what);
    else
        bsc_err_set(walk->err, BSC_ERR_SCRIPT, "%s cannot leave Lua (at \"%.200s\")", what,
                    path.data);
    bsc_buf_release(&path);
    return NULL;
}

/* Converts the value on top of the stack, which is found under the given key or index. */
static struct bsc_value *convert_inner(struct walk *walk, const char *name, lua_Integer place)
{
    walk->depth++;
    walk->names[walk->depth] = name;
    walk->places[walk->depth] = place;
    struct bsc_value *value = convert(walk, lua_gettop(walk->L));
    walk->depth--;
    return value;
}

static struct bsc_value *convert_number(struct walk *walk, int index)
{
    int whole = 0;
    lua_Integer number = lua_tointegerx(walk->L, index, &whole);
    if (whole)
        return bsc_value_int(number);
    return refuse(walk, "a number that is not whole (write it as text)");
}

static struct bsc_value *convert_text(struct walk *walk, int index)
{
    size_t length = 0;
    const char *text = lua_tolstring(walk->L, index, &length);
    walk->bytes += length;
    if (walk->bytes > BYTES_MAX)
        return refuse(walk, "more than 64 MiB of text");
    return bsc_value_bytes(text, length);
}

/* Pre: every key of the table is an integer in 1..count and there are count of them. */
static struct bsc_value *convert_list(struct walk *walk, int index, lua_Unsigned count)
{
    struct bsc_value *list = bsc_value_list();
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(walk->L, index, (lua_Integer)i); /* … item */
        struct bsc_value *item = convert_inner(walk, NULL, (lua_Integer)i);
        lua_pop(walk->L, 1);
        if (item == NULL) {
            bsc_value_free(list);
            return NULL;
        }
        bsc_value_append(list, item);
    }
    return list;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a;
    const struct entry *other = b;
    size_t shorter = one->length < other->length ? one->length : other->length;
    int order = memcmp(one->key, other->key, shorter);
    if (order != 0)
        return order;
    return (one->length > other->length) - (one->length < other->length);
}

/* Reads the key below the top of the stack; false when it cannot be a map's key. */
static bool read_key(struct walk *walk, struct entry *entry)
{
    if (lua_type(walk->L, -2) != LUA_TSTRING) {
        refuse(walk, "a table that mixes named entries with others");
        return false;
    }
    entry->key = lua_tolstring(walk->L, -2, &entry->length);
    walk->bytes += entry->length;
    if (memchr(entry->key, '\0', entry->length) == NULL)
        return true;
    refuse(walk, "a key with a NUL byte");
    return false;
}

/* Fills `entries` (room for `count`) from the table; false on failure, with what was converted so
 * far in place. */
static bool collect_entries(struct walk *walk, int index, struct entry *entries)
{
    size_t filled = 0;
    lua_pushnil(walk->L);
    while (lua_next(walk->L, index)) { /* … key item */
        struct entry *entry = &entries[filled++];
        if (read_key(walk, entry))
            entry->item = convert_inner(walk, entry->key, 0);
        if (entry->item == NULL) {
            lua_pop(walk->L, 2);
            return false;
        }
        lua_pop(walk->L, 1);
    }
    return true;
}

static struct bsc_value *convert_map(struct walk *walk, int index, size_t count)
{
    struct entry *entries = bsc_mem_new(count, sizeof *entries);
    bool done = collect_entries(walk, index, entries);
    struct bsc_value *map = done ? bsc_value_map() : NULL;
    if (done)
        qsort(entries, count, sizeof *entries, compare_entries);
    for (size_t i = 0; i < count; i++) {
        if (done)
            bsc_value_set(map, entries[i].key, entries[i].item);
        else
            bsc_value_free(entries[i].item);
    }
    bsc_mem_free(entries);
    return map;
}

/* Counts a table's entries, and says whether its keys are exactly 1..count. */
static size_t survey(lua_State *L, int index, bool *ret_sequence)
{
    size_t count = 0;
    lua_Integer highest = 0;
    bool integers = true;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        count++;
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        integers = integers && key >= 1;
        highest = key > highest ? key : highest;
    }
    *ret_sequence = integers && (lua_Unsigned)highest == count;
    return count;
}

/* A table that contains itself would never end, one that is shared often would grow without
 * bound; both are refused before a single entry is copied. */
static bool enter_table(struct walk *walk, int index)
{
    const void *table = lua_topointer(walk->L, index);
    for (int i = 0; i < walk->depth; i++) {
        if (walk->above[i] == table) {
            refuse(walk, "a table that contains itself");
            return false;
        }
    }
    walk->above[walk->depth] = table;
    if (walk->depth >= DEPTH_MAX || !lua_checkstack(walk->L, 8)) {
        refuse(walk, "a value nested deeper than 64");
        return false;
    }
    return true;
}

static struct bsc_value *convert_table(struct walk *walk, int index)
{
    bool sequence = false;
    if (!enter_table(walk, index))
        return NULL;
    bool marked = bsc_vm_is_list(walk->L, index);
    if (!marked && lua_getmetatable(walk->L, index)) {
        lua_pop(walk->L, 1);
        return refuse(walk, "a table with a metatable");
    }
    size_t count = survey(walk->L, index, &sequence);
    if (count > NODE_MAX)
        return refuse(walk, "more than a million values");
    if (marked && !sequence)
        return refuse(walk, "a list with holes or named entries");
    if (marked || (sequence && count > 0))
        return convert_list(walk, index, count);
    return convert_map(walk, index, count);
}

static struct bsc_value *convert(struct walk *walk, int index)
{
    if (++walk->nodes > NODE_MAX)
        return refuse(walk, "more than a million values");
    switch (lua_type(walk->L, index)) {
    case LUA_TNIL:
        return bsc_value_null();
    case LUA_TBOOLEAN:
        return bsc_value_bool(lua_toboolean(walk->L, index));
    case LUA_TNUMBER:
        return convert_number(walk, index);
    case LUA_TSTRING:
        return convert_text(walk, index);
    case LUA_TTABLE:
        return convert_table(walk, index);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(walk->L, index) == NULL)
            return bsc_value_null();
        return refuse(walk, "a pointer");
    case LUA_TFUNCTION:
        return refuse(walk, "a function");
    default:
        return refuse(walk, "a value of this type");
    }
}

struct bsc_value *bsc_vm_to_value(lua_State *L, int index, struct bsc_err *err)
{
    struct walk walk = {.L = L, .err = err};
    if (!lua_checkstack(L, 8))
        return refuse(&walk, "a value on a full stack");
    return convert(&walk, lua_absindex(L, index));
}
