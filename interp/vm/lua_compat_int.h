/*
 * Calls whose form depends on the release of Lua, in one place. Private to this room.
 */
#ifndef BSC_VM_LUA_COMPAT_INT_H
#define BSC_VM_LUA_COMPAT_INT_H

#include <stdbool.h>
#include <lua.h>
#include <lauxlib.h>

/* The first release without the known memory bugs that this room avoids by construction. */
#define BSC_LUA_MENDED 50408

/* "$LuaVersion: Lua 5.4.4 …": the release that is loaded. The library has it, its header does not.
 */
extern const char lua_ident[];

/* Closes what the thread still has to close and makes it empty; returns Lua's status. */
static inline int bsc_lua_close_thread(lua_State *thread, lua_State *from)
{
#if LUA_VERSION_RELEASE_NUM >= 50406
    return lua_closethread(thread, from);
#else
    (void)from;
    return lua_resetthread(thread);
#endif
}

/* Garbage may make up a third of the memory in use: a chain of ten thousand log backups passes
 * through here several times. */
static inline void bsc_lua_collect_early(lua_State *L)
{
    lua_gc(L, LUA_GCINC, 150, 200, 0);
}

/* A collector that hardly rests finds values that C code forgot to keep reachable. Each cycle
 * begins once memory has grown by a twenty-fifth; without any rest the tests would take minutes. */
static inline void bsc_lua_collect_eagerly(lua_State *L)
{
    lua_gc(L, LUA_GCINC, 0, 0, 0);
    lua_gc(L, LUA_GCSETPAUSE, 104);
    lua_gc(L, LUA_GCSETSTEPMUL, 100);
}

#endif
