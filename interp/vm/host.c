#include "vm/vm_int.h"

#include <string.h>

#include "value/digest.h"

/* The privileged table: the only way from the embedded library to the host. */

/* What the task was resumed with is on top of the stack. */
static int after_yield(lua_State *L, int status, lua_KContext context)
{
    (void)L;
    (void)status;
    (void)context;
    return 1;
}

static int l_yield(lua_State *L)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    struct bsc_err err = BSC_ERR_INIT;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    if (!lua_isyieldable(L))
        return luaL_error(L, "an effect is not possible here, inside a callback of a library "
                             "function or a metamethod");
    struct bsc_value *effect = bsc_vm_to_value(L, 1, &err);
    if (effect == NULL)
        return luaL_error(L, "%s", err.message);
    bsc_value_free(vm->effect);
    vm->effect = effect;
    return lua_yieldk(L, 0, 0, after_yield);
}

static int l_where(lua_State *L)
{
    lua_Debug frame = {0};
    lua_Integer level = luaL_optinteger(L, 1, 1);
    luaL_argcheck(L, level >= 0 && level < 1000, 1, "a level from 0 on");
    if (!bsc_vm_user_frame(L, (int)level, &frame))
        return 0;
    lua_pushstring(L, frame.source + 1);
    lua_pushinteger(L, frame.currentline);
    return 2;
}

static int l_list(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        luaL_argcheck(L, bsc_vm_is_list(L, 1), 1, "a table without a metatable");
    }
    bsc_vm_mark_list(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int l_is_list(lua_State *L)
{
    lua_pushboolean(L, bsc_vm_is_list(L, 1));
    return 1;
}

static int l_sha256(lua_State *L)
{
    size_t length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    char hex[BSC_DIGEST_HEX] = "";
    bsc_vm_spend(L, length / 4);
    bsc_digest_text(text, length, hex);
    lua_pushstring(L, hex);
    return 1;
}

static const luaL_Reg functions[] = {
    {"yield", l_yield},   {"compile", bsc_vm_l_compile},
    {"where", l_where},   {"module", bsc_vm_l_module},
    {"list", l_list},     {"is_list", l_is_list},
    {"sha256", l_sha256}, {"require", bsc_vm_l_require},
    {NULL, NULL},
};

void bsc_vm_push_host(lua_State *L)
{
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    bsc_vm_push_base(L, false);
    lua_setfield(L, -2, "base");
    if (bsc_vm_of(L)->options.test_doors) {
        lua_pushcfunction(L, bsc_vm_l_drive);
        lua_setfield(L, -2, "drive");
    }
}
