#include "vm/vm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "os/sys.h"
#include "vm/lua_compat_int.h"

/* Source text becomes functions here and nowhere else: embedded modules, runbooks, user modules.
 * Code that was compiled before is loaded for embedded modules only: Lua trusts it blindly. */

enum { NAME_MAX_BYTES = 1000, MODULE_NAME_MAX = 64, INDEX_MAX = 10000 };

/* Pushes "@name" without control characters. */
static const char *push_chunk_name(lua_State *L, const char *name)
{
    luaL_Buffer buffer;
    size_t length = strnlen(name, NAME_MAX_BYTES);
    luaL_buffinit(L, &buffer);
    luaL_addchar(&buffer, '@');
    for (size_t i = 0; i < length; i++)
        luaL_addchar(&buffer, (unsigned char)name[i] < ' ' || name[i] == 0x7f ? '?' : name[i]);
    luaL_pushresult(&buffer);
    return lua_tostring(L, -1);
}

/* Leaves out a byte-order mark, and a first line that begins with '#', whose end stays so that
 * lines keep their numbers. */
static void skip_opening(const char **text, size_t *length)
{
    size_t skipped = 0;
    if (*length >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0)
        skipped = 3;
    if (skipped < *length && (*text)[skipped] == '#') {
        const char *end = memchr(*text + skipped, '\n', *length - skipped);
        skipped = end == NULL ? *length : (size_t)(end - *text);
    }
    *text += skipped;
    *length -= skipped;
}

/*
 * When indexing fails, Lua looks for the name of the value by recursing over the bytecode, one
 * level for each link of a chain like a.x.x.x…, without a limit: a long one overflows the C stack.
 * So the characters that can make a link are counted; a file that anybody writes has few of them.
 */
static bool has_long_chains(const char *text, size_t length)
{
    size_t links = 0;
    for (size_t i = 0; i < length; i++)
        links += text[i] == '.' || text[i] == '[' || text[i] == ':';
    return links > INDEX_MAX;
}

/* How much of a chunk's name Lua puts before its messages. */
static size_t shown_length(const char *name)
{
    return strnlen(name, LUA_IDSIZE - 1);
}

static bool compile(lua_State *L, const char *name, const char *text, size_t length)
{
    const char *chunk = push_chunk_name(L, name); /* … chunk */
    const char *reason = NULL;
    if (length > BSC_VM_SOURCE_MAX)
        reason = "the source is longer than 1 MiB";
    else if (has_long_chains(text, length))
        reason = "the source has more than 10000 dots, colons and brackets";
    if (reason != NULL) {
        lua_pushlstring(L, name, shown_length(name));
        lua_pushfstring(L, "%s:1: %s", lua_tostring(L, -1), reason);
        lua_remove(L, -2);
        lua_remove(L, -2);
        return false;
    }
    skip_opening(&text, &length);
    bool done = luaL_loadbufferx(L, text, length, chunk, "t") == LUA_OK;
    lua_remove(L, -2); /* … function|message */
    return done;
}

/* The only upvalue of a fresh main function is the table of its globals: function env → function */
static void set_globals(lua_State *L)
{
    const char *name = lua_setupvalue(L, -2, 1);
    BSC_BUG_ON(name == NULL);
}

/* Splits "place:12: message" into a table {line, message}; pushes it. The place is skipped unread,
 * for a path may hold anything. */
static void push_syntax_error(lua_State *L, const char *name, const char *message)
{
    int64_t line = 0;
    size_t place = shown_length(name);
    if (strlen(message) > place && message[place] == ':') {
        const char *digits = message + place + 1;
        size_t count = strspn(digits, "0123456789");
        if (strncmp(digits + count, ": ", 2) == 0 && bsc_num_parse(digits, count, &line))
            message = digits + count + 2;
    }
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, line);
    lua_setfield(L, -2, "line");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
}

/* compile(chunkname, text, env) → function | nil, {line, message} */
int bsc_vm_l_compile(lua_State *L)
{
    size_t length = 0;
    const char *name = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &length);
    luaL_checktype(L, 3, LUA_TTABLE);
    if (name[0] == '@')
        name++;
    if (strncmp(name, "bascule/", 8) == 0)
        name = lua_pushfstring(L, "./%s", name); /* it cannot pass as an embedded file */
    bsc_vm_spend(L, length * 8);
    if (compile(L, name, text, length)) {
        lua_pushvalue(L, 3);
        set_globals(L);
        return 1;
    }
    lua_pushnil(L);
    push_syntax_error(L, name, lua_tostring(L, -2));
    return 2;
}

/* -------------------------------------------------------- embedded modules */

/* "bascule/core/cond" is found as "bascule/core/cond.lua". */
static const struct bsc_vm_source *find_source(const struct bsc_vm *vm, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < vm->options.source_count; i++) {
        const struct bsc_vm_source *source = &vm->options.sources[i];
        if (strncmp(source->name, name, length) == 0 && strcmp(source->name + length, ".lua") == 0)
            return source;
    }
    return NULL;
}

/* Pushes an embedded module's main function, or a message. The release of Lua that is loaded may be
 * another than the one at build time, whose code it need not understand. */
static bool load_source(lua_State *L, const struct bsc_vm_source *source)
{
    if (source->code == NULL || strcmp(source->made_by, lua_ident) != 0)
        return compile(L, source->name, source->text, source->length);
    return luaL_loadbufferx(L, source->code, source->code_length, source->name, "b") == LUA_OK;
}

/* Loads and runs an embedded module; pushes what it returns. */
static void run_module(lua_State *L, const char *name)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    const struct bsc_vm_source *source = find_source(vm, name);
    if (source == NULL)
        luaL_error(L, "there is no embedded module \"%s\"", name);
    if (!load_source(L, source))
        lua_error(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->env_ref);
    set_globals(L);
    lua_pushstring(L, name);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->host_ref); /* … function name host */
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, true);
    }
}

/* require(name): each embedded module runs once; a circle of modules is refused. */
int bsc_vm_l_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, bsc_vm_of(L)->loaded_ref); /* name loaded */
    if (lua_getfield(L, 2, name) == LUA_TLIGHTUSERDATA)
        return luaL_error(L, "the modules that need \"%s\" form a circle", name);
    if (!lua_isnil(L, -1))
        return 1;
    lua_pop(L, 1);
    lua_pushlightuserdata(L, NULL); /* it is being loaded */
    lua_setfield(L, 2, name);
    run_module(L, name); /* name loaded module */
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

/* ------------------------------------------------------------ user modules */

static bool is_module_name(const char *name, size_t length)
{
    if (length == 0 || length > MODULE_NAME_MAX)
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* Why the open file cannot be a module, NULL when it can; fills *ret_size. */
static const char *examine(const struct bsc_sys *sys, int fd, size_t *ret_size)
{
    struct stat facts = {0};
    if (sys->fstat(sys->self, fd, &facts) != 0)
        return "it cannot be examined";
    if (!S_ISREG(facts.st_mode))
        return "it is not an ordinary file";
    if (facts.st_size < 0 || (size_t)facts.st_size > BSC_VM_SOURCE_MAX)
        return "it is longer than 1 MiB";
    *ret_size = (size_t)facts.st_size;
    return NULL;
}

/* Reads up to `size` bytes; a file that shrinks meanwhile gives what is there. */
static const char *read_all(const struct bsc_sys *sys, int fd, char *bytes, size_t *size)
{
    size_t have = 0;
    while (have < *size) {
        ssize_t got = sys->read(sys->self, fd, bytes + have, *size - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return "it cannot be read";
        if (got == 0)
            break;
        have += (size_t)got;
    }
    *size = have;
    if (memchr(bytes, '\0', have) != NULL || (have > 0 && bytes[0] == '\x1b'))
        return "it is not a text";
    return NULL;
}

/* Reads the file into `bytes` (room for BSC_VM_SOURCE_MAX); returns why not, or NULL. Links are
 * not followed, so that a module always lies in the runbook's own folder. */
static const char *read_module(const char *path, char *bytes, size_t *ret_size)
{
    const struct bsc_sys *sys = bsc_sys_real();
    int fd = sys->open(sys->self, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return errno == ENOENT  ? "there is no such file"
               : errno == ELOOP ? "it is a symbolic link"
                                : "it cannot be opened";
    const char *reason = examine(sys, fd, ret_size);
    if (reason == NULL)
        reason = read_all(sys, fd, bytes, ret_size);
    sys->close(sys->self, fd);
    return reason;
}

/* module(name) → source, path | nil, reason */
int bsc_vm_l_module(lua_State *L)
{
    size_t length = 0;
    size_t size = 0;
    const char *name = luaL_checklstring(L, 1, &length);
    const char *folder = bsc_vm_of(L)->options.folder;
    lua_settop(L, 1);
    if (folder == NULL || !is_module_name(name, length)) {
        lua_pushnil(L);
        lua_pushstring(L, folder == NULL ? "there is no folder to find modules in"
                                         : "a module's name has only a-z, 0-9 and _");
        return 2;
    }
    const char *path = lua_pushfstring(L, "%s/%s.lua", folder, name); /* name path */
    char *bytes = lua_newuserdatauv(L, BSC_VM_SOURCE_MAX, 0);         /* name path bytes */
    const char *reason = read_module(path, bytes, &size);
    if (reason != NULL) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, reason);
        return 2;
    }
    lua_pushlstring(L, bytes, size);
    lua_pushvalue(L, 2); /* name path bytes source path */
    return 2;
}
