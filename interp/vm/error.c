#include "vm/vm_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* Frames that a traceback shows; the rest says little and the room is small. */
enum { FRAMES_MAX = 12, LEVELS_MAX = 1000 };

bool bsc_vm_is_embedded(const char *source)
{
    return strncmp(source, "@bascule/", 9) == 0;
}

static bool frame_at(lua_State *L, int level, lua_Debug *frame)
{
    return lua_getstack(L, level, frame) && lua_getinfo(L, "Sl", frame);
}

bool bsc_vm_user_frame(lua_State *L, int level, lua_Debug *ret_frame)
{
    for (; level < LEVELS_MAX && frame_at(L, level, ret_frame); level++)
        if (ret_frame->currentline > 0 && ret_frame->source[0] == '@' &&
            !bsc_vm_is_embedded(ret_frame->source))
            return true;
    return false;
}

/* The first frame of Lua code that is being run. */
static bool any_frame(lua_State *L, lua_Debug *ret_frame)
{
    for (int level = 0; level < LEVELS_MAX && frame_at(L, level, ret_frame); level++)
        if (ret_frame->currentline > 0)
            return true;
    return false;
}

static void set_place(struct bsc_err *err, const lua_Debug *frame)
{
    const char *source = frame->source;
    if (source[0] == '@' || source[0] == '=')
        source++;
    bsc_err_at(err, source, (unsigned)frame->currentline, 0);
}

/* Where the message goes on after "place:line: " of a frame, NULL when it does not begin so. */
static const char *after_prefix(const char *message, const lua_Debug *frame)
{
    char prefix[LUA_IDSIZE + 16];
    int length = snprintf(prefix, sizeof prefix, "%s:%d: ", frame->short_src, frame->currentline);
    if (length <= 0 || strncmp(message, prefix, (size_t)length) != 0)
        return NULL;
    return message + length;
}

/* The same for a message whose frame is gone: any "name.lua:12: " before it, without blanks, so
 * that a sentence that names a file is left alone. */
static const char *after_any_prefix(const char *message, struct bsc_err *err)
{
    const char *mark = strstr(message, ".lua:");
    if (mark == NULL || mark - message > LUA_IDSIZE ||
        strcspn(message, " \n") < (size_t)(mark - message))
        return NULL;
    const char *digits = mark + 5;
    size_t count = strspn(digits, "0123456789");
    int64_t line = 0;
    if (strncmp(digits + count, ": ", 2) != 0 || !bsc_num_parse(digits, count, &line) ||
        line > INT32_MAX)
        return NULL;
    snprintf(err->where, sizeof err->where, "%.*s", (int)(digits + count - message), message);
    return digits + count + 2;
}

/* Script text must not steer a terminal or forge a line of a log. */
static void tame(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

/* Finds the frame whose position the message begins with, and what follows that position. */
static const char *strip_prefix(lua_State *thread, const char *message, lua_Debug *ret_origin)
{
    for (int level = 0; level < FRAMES_MAX && frame_at(thread, level, ret_origin); level++) {
        const char *rest = NULL;
        if (ret_origin->currentline > 0)
            rest = after_prefix(message, ret_origin);
        if (rest != NULL)
            return rest;
    }
    return NULL;
}

/* Splits the position off the message and decides which place is to blame: the runbook's own line
 * whenever the error passed through one. */
static void set_message(lua_State *thread, const char *message, struct bsc_err *err)
{
    struct bsc_err textual = BSC_ERR_INIT;
    lua_Debug origin = {0};
    lua_Debug user = {0};
    const char *rest = strip_prefix(thread, message, &origin);
    bool found = rest != NULL;
    if (!found)
        rest = after_any_prefix(message, &textual);
    bsc_err_set(err, BSC_ERR_SCRIPT, "%s", rest != NULL ? rest : message);
    if (found && !bsc_vm_is_embedded(origin.source))
        set_place(err, &origin);
    else if (textual.where[0] != '\0' && strncmp(textual.where, "bascule/", 8) != 0)
        memcpy(err->where, textual.where, sizeof err->where);
    else if (bsc_vm_user_frame(thread, 0, &user))
        set_place(err, &user);
    else if (found || any_frame(thread, &origin))
        set_place(err, &origin);
}

/* Takes over one field of an error that is a table; the field's name is below its value. */
static void set_field(lua_State *thread, struct bsc_err *err, const char **file, lua_Integer *line)
{
    if (lua_type(thread, -2) != LUA_TSTRING)
        return;
    const char *name = lua_tostring(thread, -2);
    bool text = lua_type(thread, -1) == LUA_TSTRING;
    if (strcmp(name, "line") == 0 && lua_isinteger(thread, -1))
        *line = lua_tointeger(thread, -1);
    else if (!text)
        return;
    else if (strcmp(name, "file") == 0)
        *file = lua_tostring(thread, -1);
    else if (strcmp(name, "message") == 0)
        snprintf(err->message, sizeof err->message, "%s", lua_tostring(thread, -1));
    else if (strcmp(name, "hint") == 0)
        snprintf(err->hint, sizeof err->hint, "%s", lua_tostring(thread, -1));
    else if (strcmp(name, "code") == 0 && bsc_err_code_of(lua_tostring(thread, -1)) != BSC_ERR_NONE)
        err->code = bsc_err_code_of(lua_tostring(thread, -1));
}

/* An error object: {message, code?, hint?, file?, line?}. Its metatable is not asked. */
static void set_object(lua_State *thread, struct bsc_err *err)
{
    const char *file = NULL;
    lua_Integer line = 0;
    lua_Debug user = {0};
    bsc_err_set(err, BSC_ERR_SCRIPT, "an error object without a message was raised");
    lua_pushnil(thread);
    while (lua_next(thread, -2)) {
        set_field(thread, err, &file, &line);
        lua_pop(thread, 1);
    }
    if (file != NULL)
        bsc_err_at(err, file, line > 0 && line < INT32_MAX ? (unsigned)line : 0, 0);
    else if (bsc_vm_user_frame(thread, 0, &user))
        set_place(err, &user);
}

static void set_stop(struct bsc_vm *vm, lua_State *thread, struct bsc_err *err)
{
    lua_Debug frame = {0};
    if (vm->stop == BSC_VM_STOP_MEMORY) {
        bsc_err_set(err, BSC_ERR_LIMIT, "the Lua code uses more than %zu MiB of memory",
                    vm->options.memory_soft / 1024 / 1024);
        bsc_err_hint(err, "Keep less data in Lua variables, or read it in smaller portions.");
    } else {
        bsc_err_set(err, BSC_ERR_LIMIT,
                    "the Lua code used up its budget of %llu instructions without an answer",
                    (unsigned long long)vm->options.instructions);
        bsc_err_hint(err, "Look for a loop that does not end.");
    }
    if (bsc_vm_user_frame(thread, 0, &frame) || any_frame(thread, &frame))
        set_place(err, &frame);
}

/* The frames, innermost first. Names of functions are left out: finding them walks bytecode without
 * a bound in the releases we meet. */
static void set_traceback(lua_State *thread, struct bsc_err *err)
{
    char text[sizeof err->detail] = "";
    size_t length = 0;
    int shown = 0;
    lua_Debug frame = {0};
    for (int level = 0; shown < FRAMES_MAX && frame_at(thread, level, &frame); level++) {
        if (frame.currentline <= 0)
            continue;
        int added =
            snprintf(text + length, sizeof text - length, "%s%s:%d",
                     shown == 0 ? "called from: " : ", ", frame.short_src, frame.currentline);
        if (added < 0 || (size_t)added >= sizeof text - length)
            break;
        length += (size_t)added;
        shown++;
    }
    text[length] = '\0';
    bsc_err_detail(err, "%s", text);
}

void bsc_vm_error_fill(struct bsc_vm *vm, lua_State *thread, struct bsc_err *err)
{
    lua_checkstack(thread, 4);
    if (vm->stop != BSC_VM_GOING)
        set_stop(vm, thread, err);
    else if (lua_type(thread, -1) == LUA_TSTRING)
        set_message(thread, lua_tostring(thread, -1), err);
    else if (lua_type(thread, -1) == LUA_TTABLE)
        set_object(thread, err);
    else
        bsc_err_set(err, BSC_ERR_SCRIPT, "an error without a message was raised (a %s)",
                    lua_typename(thread, lua_type(thread, -1)));
    set_traceback(thread, err);
    tame(err->message);
    tame(err->where);
    tame(err->detail);
    tame(err->hint);
}
