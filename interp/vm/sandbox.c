#include "vm/vm_int.h"

#include <lualib.h>

/*
 * The safe base functions. Every table is built up from nothing: what is not named here does not
 * exist for a runbook.
 */

/* Pushes a table of functions that all have `privileged` as their only upvalue. */
static void push_functions(lua_State *L, const luaL_Reg *functions, bool privileged)
{
    lua_newtable(L);
    lua_pushboolean(L, privileged);
    luaL_setfuncs(L, functions, 1);
}

static int refuse_global(lua_State *L)
{
    return luaL_error(L, "the global variable \"%s\" is not declared",
                      bsc_vm_push_text(L, 2, NULL));
}

/* rawset(table, key, value) for the embedded library alone. */
static int l_rawset(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 3);
    lua_rawset(L, 1);
    return 1;
}

static const luaL_Reg strict[] = {
    {"__index", refuse_global},
    {"__newindex", refuse_global},
    {NULL, NULL},
};

static const luaL_Reg privileged_only[] = {
    {"rawset", l_rawset},
    {"require", bsc_vm_l_require},
    {NULL, NULL},
};

void bsc_vm_push_base(lua_State *L, bool privileged)
{
    push_functions(L, bsc_vm_basics, privileged); /* base */
    push_functions(L, bsc_vm_strings, privileged);
    lua_setfield(L, -2, "string");
    push_functions(L, bsc_vm_tables, privileged);
    lua_setfield(L, -2, "table");
    bsc_vm_push_utf8(L);
    lua_setfield(L, -2, "utf8");
    bsc_vm_push_math(L);
    lua_setfield(L, -2, "math");
    if (!privileged)
        return;
    luaL_setfuncs(L, privileged_only, 0);
    luaL_newlib(L, strict);
    lua_setmetatable(L, -2);
}

/* Methods of strings come from a table that no script can reach, so that none can replace them. */
void bsc_vm_freeze_strings(lua_State *L)
{
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 2); /* "" metatable */
    push_functions(L, bsc_vm_strings, false);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
