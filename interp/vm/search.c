#include "vm/patterns_int.h"

#include <string.h>

/* find, match, gmatch and gsub on top of the matcher. */

/* Pushes one capture; without any capture the first is the whole match. */
static void push_capture(struct bsc_matcher *m, int index, const char *s, const char *end)
{
    if (index >= m->count) {
        if (index != 0)
            luaL_error(m->L, "invalid capture index %%%d", index + 1);
        lua_pushlstring(m->L, s, (size_t)(end - s));
        return;
    }
    ptrdiff_t length = m->captures[index].length;
    if (length == BSC_CAPTURE_OPEN)
        luaL_error(m->L, "unfinished capture");
    if (length == BSC_CAPTURE_POSITION)
        lua_pushinteger(m->L, m->captures[index].start - m->start + 1);
    else
        lua_pushlstring(m->L, m->captures[index].start, (size_t)length);
}

/* Pushes all captures; `whole` gives the match itself when there is none. */
static int push_captures(struct bsc_matcher *m, const char *s, const char *end, bool whole)
{
    int count = m->count == 0 && whole ? 1 : m->count;
    luaL_checkstack(m->L, count, "too many captures");
    for (int i = 0; i < count; i++)
        push_capture(m, i, s, end);
    return count;
}

static int found_plain(lua_State *L, const char *subject, size_t length, size_t init,
                       const char *pattern, size_t pattern_length)
{
    bsc_vm_spend(L, (length - init) / 4);
    const char *found = pattern_length == 0
                            ? subject + init
                            : memmem(subject + init, length - init, pattern, pattern_length);
    if (found == NULL) {
        luaL_pushfail(L);
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (lua_Integer)pattern_length);
    return 2;
}

/* Where to begin, as an offset; more than `length` when there is nothing to search. */
static size_t first_offset(lua_State *L, int arg, size_t length)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);
    if (init > 0)
        return (lua_Unsigned)init - 1 > length ? length + 1 : (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)length)
        return 0;
    return length - (size_t)-init;
}

static int search(lua_State *L, bool find)
{
    size_t length = 0;
    size_t pattern_length = 0;
    struct bsc_matcher m;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *p = luaL_checklstring(L, 2, &pattern_length);
    size_t init = first_offset(L, 3, length);
    if (init > length)
        return luaL_pushfail(L), 1;
    if (find && (lua_toboolean(L, 4) || strcspn(p, "^$*+?.([%-") == pattern_length))
        return found_plain(L, subject, length, init, p, pattern_length);
    bsc_matcher_init(&m, L, subject, length, p + pattern_length);
    bool anchored = pattern_length > 0 && *p == '^';
    p += anchored ? 1 : 0;
    const char *end = NULL;
    const char *s = subject + init;
    while ((end = bsc_matcher_match(&m, s, p)) == NULL && s < m.end && !anchored)
        s++;
    bsc_matcher_settle(&m);
    if (end == NULL)
        return luaL_pushfail(L), 1;
    if (!find)
        return push_captures(&m, s, end, true);
    lua_pushinteger(L, s - subject + 1);
    lua_pushinteger(L, end - subject);
    return push_captures(&m, s, end, false) + 2;
}

int bsc_vm_l_find(lua_State *L)
{
    return search(L, true);
}

int bsc_vm_l_match(lua_State *L)
{
    return search(L, false);
}

enum { UP_SUBJECT = 1, UP_PATTERN, UP_NEXT, UP_LAST };

/* One step of gmatch. The last end is remembered so that an empty match behind it is passed over.
 */
static int step_gmatch(lua_State *L)
{
    size_t length = 0;
    size_t pattern_length = 0;
    struct bsc_matcher m;
    const char *subject = lua_tolstring(L, lua_upvalueindex(UP_SUBJECT), &length);
    const char *p = lua_tolstring(L, lua_upvalueindex(UP_PATTERN), &pattern_length);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(UP_LAST));
    bsc_matcher_init(&m, L, subject, length, p + pattern_length);
    const char *s = subject + lua_tointeger(L, lua_upvalueindex(UP_NEXT));
    for (; s <= m.end; s++) {
        const char *end = bsc_matcher_match(&m, s, p);
        if (end == NULL || end - subject == last)
            continue;
        bsc_matcher_settle(&m);
        lua_pushinteger(L, end - subject);
        lua_copy(L, -1, lua_upvalueindex(UP_NEXT));
        lua_copy(L, -1, lua_upvalueindex(UP_LAST));
        return push_captures(&m, s, end, true);
    }
    bsc_matcher_settle(&m);
    return 0;
}

int bsc_vm_l_gmatch(lua_State *L)
{
    size_t length = 0;
    luaL_checklstring(L, 1, &length);
    luaL_checkstring(L, 2);
    size_t init = first_offset(L, 3, length);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, step_gmatch, 4);
    return 1;
}

/* ----------------------------------------------------------------------- gsub */

/* The growing result; what it may hold was reserved beforehand. */
struct result {
    lua_State *L;
    luaL_Buffer *buffer;
    size_t reserved;
};

/* Makes sure of room for `more` bytes before they are added: one replacement can be as long as the
 * whole memory. */
static void make_room(struct result *result, size_t more)
{
    size_t needed = luaL_bufflen(result->buffer) + more;
    if (needed <= result->reserved)
        return;
    bsc_vm_reserve(result->L, 3 * needed);
    result->reserved = needed + needed / 2 + 4096;
}

static void add_bytes(struct result *result, const char *bytes, size_t length)
{
    make_room(result, length);
    luaL_addlstring(result->buffer, bytes, length);
}

/* Adds the value on top of the stack, which must be a text or a number. */
static void add_top(struct result *result)
{
    if (!lua_isstring(result->L, -1))
        luaL_error(result->L, "invalid replacement value (a %s)", luaL_typename(result->L, -1));
    make_room(result, lua_type(result->L, -1) == LUA_TSTRING ? lua_rawlen(result->L, -1) : 64);
    luaL_addvalue(result->buffer);
}

/* A replacement text: "%0" to "%9" stand for captures, "%%" for itself. */
static void add_text(struct result *result, struct bsc_matcher *m, const char *s, const char *end)
{
    size_t length = 0;
    const char *text = lua_tolstring(m->L, 3, &length);
    const char *text_end = text + length;
    while (text < text_end) {
        const char *escape = memchr(text, '%', (size_t)(text_end - text));
        const char *stop = escape == NULL ? text_end : escape;
        add_bytes(result, text, (size_t)(stop - text));
        if (escape == NULL)
            return;
        char code = escape + 1 < text_end ? escape[1] : '\0';
        if (code == '%') {
            add_bytes(result, "%", 1);
        } else if (code == '0') {
            add_bytes(result, s, (size_t)(end - s));
        } else if (code >= '1' && code <= '9') {
            push_capture(m, code - '1', s, end);
            add_top(result);
        } else {
            luaL_error(m->L, "invalid use of '%%' in replacement string");
        }
        text = escape + 2;
    }
}

static void add_replacement(struct result *result, struct bsc_matcher *m, const char *s,
                            const char *end)
{
    lua_State *L = m->L;
    switch (lua_type(L, 3)) {
    case LUA_TFUNCTION:
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(m, s, end, true), 1);
        break;
    case LUA_TTABLE:
        push_capture(m, 0, s, end);
        lua_gettable(L, 3);
        break;
    default:
        add_text(result, m, s, end);
        return;
    }
    if (lua_toboolean(L, -1)) {
        add_top(result);
        return;
    }
    lua_pop(L, 1);
    add_bytes(result, s, (size_t)(end - s));
}

/* Replaces up to `most` matches; returns how many. */
static lua_Integer replace(struct result *result, struct bsc_matcher *m, const char *p,
                           lua_Integer most)
{
    bool anchored = p < m->pattern_end && *p == '^';
    const char *s = m->start;
    const char *last = NULL;
    lua_Integer count = 0;
    p += anchored ? 1 : 0;
    while (count < most) {
        const char *end = bsc_matcher_match(m, s, p);
        if (end != NULL && end != last) {
            count++;
            add_replacement(result, m, s, end);
            s = end;
            last = end;
        } else if (s < m->end) {
            add_bytes(result, s++, 1);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    add_bytes(result, s, (size_t)(m->end - s));
    return count;
}

int bsc_vm_l_gsub(lua_State *L)
{
    size_t length = 0;
    size_t pattern_length = 0;
    struct bsc_matcher m;
    luaL_Buffer buffer;
    const char *subject = luaL_checklstring(L, 1, &length);
    const char *p = luaL_checklstring(L, 2, &pattern_length);
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)length + 1);
    luaL_argexpected(L,
                     type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION ||
                         type == LUA_TTABLE,
                     3, "string/function/table");
    lua_settop(L, 3);
    bsc_matcher_init(&m, L, subject, length, p + pattern_length);
    luaL_buffinit(L, &buffer);
    struct result result = {.L = L, .buffer = &buffer};
    lua_Integer count = replace(&result, &m, p, most);
    luaL_pushresult(&buffer);
    bsc_matcher_settle(&m);
    lua_pushinteger(L, count);
    return 2;
}
