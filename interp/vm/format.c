#include "vm/vm_int.h"

#include <stdio.h>
#include <string.h>

/* string.format without the directives that tell addresses, and with its size known beforehand. */

enum { NUMBER_MAX = 512, SHORT_TEXT = 100 };

/* One directive: "%-5.2f". */
struct directive {
    char text[24]; /* with room for a length modifier */
    size_t length; /* of the part before the letter */
    char kind;
};

static const char *skip_two_digits(const char *at)
{
    for (int i = 0; i < 2 && *at >= '0' && *at <= '9'; i++)
        at++;
    return at;
}

/* Flags that C defines for a letter; others are refused. */
static const char *flags_of(char kind)
{
    if (kind == 'd' || kind == 'i')
        return "-+0 ";
    if (kind == 'x' || kind == 'X' || kind == 'o')
        return "-#0";
    if (kind == 's')
        return "-";
    return strchr("aAeEfFgG", kind) != NULL && kind != '\0' ? "-+#0 " : "";
}

/* Reads a directive behind '%' and returns what follows it. */
static const char *read_directive(lua_State *L, const char *start, struct directive *directive)
{
    size_t flags = strspn(start, "-+ #0");
    const char *at = skip_two_digits(start + (flags < 6 ? flags : 6));
    if (*at == '.')
        at = skip_two_digits(at + 1);
    size_t length = (size_t)(at - start);
    bool known = *at != '\0' && strchr("cdioxXeEfFgGaAqs", *at) != NULL;
    bool bare = *at != 'c' && *at != 'q' ? true : length == 0;
    if (!known || !bare || length > 12 || strspn(start, flags_of(*at)) < flags)
        luaL_error(L, "invalid directive '%%%s' to 'format'",
                   lua_pushlstring(L, start, length + (*at != '\0' ? 1 : 0)));
    directive->kind = *at;
    directive->text[0] = '%';
    memcpy(directive->text + 1, start, length);
    directive->length = length + 1;
    directive->text[directive->length] = '\0';
    return at + 1;
}

static void add_number(lua_State *L, luaL_Buffer *buffer, struct directive *directive, int arg)
{
    char *room = luaL_prepbuffsize(buffer, NUMBER_MAX);
    char *modifier = directive->text + directive->length;
    size_t left = sizeof directive->text - directive->length;
    int written = 0;
    if (strchr("dioxX", directive->kind) != NULL) {
        long long number = luaL_checkinteger(L, arg);
        snprintf(modifier, left, "ll%c", directive->kind);
        written = snprintf(room, NUMBER_MAX, directive->text, number);
    } else {
        double number = luaL_checknumber(L, arg);
        snprintf(modifier, left, "%c", directive->kind);
        written = snprintf(room, NUMBER_MAX, directive->text, number);
    }
    if (written < 0 || written >= NUMBER_MAX)
        luaL_error(L, "a number is too long for 'format'");
    luaL_addsize(buffer, (size_t)written);
}

/* Texts as "%s" shows them. A short one goes through C to get its width. */
static void add_text(lua_State *L, luaL_Buffer *buffer, struct directive *directive, int arg)
{
    size_t length = 0;
    const char *text = luaL_tolstring(L, arg, &length);
    if (directive->length == 1 || (strchr(directive->text, '.') == NULL && length >= SHORT_TEXT)) {
        luaL_addvalue(buffer);
        return;
    }
    luaL_argcheck(L, strlen(text) == length, arg, "string contains zeros");
    char shown[NUMBER_MAX];
    directive->text[directive->length] = 's';
    directive->text[directive->length + 1] = '\0';
    int written = snprintf(shown, sizeof shown, directive->text, text);
    lua_pop(L, 1);
    if (written > 0)
        luaL_addlstring(buffer, shown, (size_t)written < sizeof shown ? (size_t)written : 0);
}

/* A text that reads back as the same value. */
static void add_quoted(lua_State *L, luaL_Buffer *buffer, int arg)
{
    size_t length = 0;
    if (lua_type(L, arg) != LUA_TSTRING) {
        luaL_tolstring(L, arg, NULL);
        luaL_addvalue(buffer);
        return;
    }
    const char *text = lua_tolstring(L, arg, &length);
    luaL_addchar(buffer, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        char code[8];
        if (c == '"' || c == '\\' || c == '\n') {
            luaL_addchar(buffer, '\\');
            luaL_addchar(buffer, text[i]);
        } else if (c < ' ' || c == 0x7f) {
            snprintf(code, sizeof code, "\\%03u", c);
            luaL_addstring(buffer, code);
        } else {
            luaL_addchar(buffer, text[i]);
        }
    }
    luaL_addchar(buffer, '"');
}

/* Turns tables, functions… into their texts before the buffer is opened, and makes sure that the
 * result will fit. */
static void prepare(lua_State *L)
{
    int count = lua_gettop(L);
    size_t total = lua_rawlen(L, 1);
    for (int i = 2; i <= count; i++) {
        int type = lua_type(L, i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TNIL &&
            type != LUA_TBOOLEAN) {
            bsc_vm_push_text(L, i, NULL);
            lua_replace(L, i);
            lua_settop(L, count);
        }
        total += lua_type(L, i) == LUA_TSTRING ? 5 * lua_rawlen(L, i) : SHORT_TEXT;
    }
    bsc_vm_reserve(L, 2 * total);
}

static void add_directive(lua_State *L, luaL_Buffer *buffer, struct directive *directive, int arg)
{
    switch (directive->kind) {
    case 's':
        add_text(L, buffer, directive, arg);
        break;
    case 'q':
        add_quoted(L, buffer, arg);
        break;
    case 'c':
        luaL_addchar(buffer, (char)luaL_checkinteger(L, arg));
        break;
    default:
        add_number(L, buffer, directive, arg);
        break;
    }
}

int bsc_vm_l_format(lua_State *L)
{
    size_t length = 0;
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *at = lua_tolstring(L, 1, &length);
    const char *end = at + length;
    int last = lua_gettop(L);
    int arg = 1;
    luaL_Buffer buffer;
    prepare(L);
    luaL_buffinit(L, &buffer);
    while (at < end) {
        struct directive directive = {.length = 0};
        if (*at != '%') {
            luaL_addchar(&buffer, *at++);
            continue;
        }
        if (at[1] == '%') {
            luaL_addchar(&buffer, '%');
            at += 2;
            continue;
        }
        at = read_directive(L, at + 1, &directive);
        arg++;
        luaL_argcheck(L, arg <= last, arg, "no value");
        add_directive(L, &buffer, &directive, arg);
    }
    luaL_pushresult(&buffer);
    return 1;
}
