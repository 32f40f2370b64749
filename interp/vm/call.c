#include "vm/vm_int.h"

#include "vm/lua_compat_int.h"

/*
 * The one door: every protected call and every resume of the program stands in this file.
 */

bool bsc_vm_protect(struct bsc_vm *vm, lua_CFunction fn, void *arg, struct bsc_err *err)
{
    lua_State *L = vm->lua;
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg); /* fn arg */
    bool done = lua_pcall(L, 1, 0, 0) == LUA_OK;
    if (!done)
        bsc_vm_error_fill(vm, L, err);
    lua_settop(L, 0);
    return done;
}

int bsc_vm_resume(struct bsc_vm *vm, lua_State *thread, int args, int *ret_results)
{
    bsc_vm_enter(vm, thread);
    int status = lua_resume(thread, vm->lua, args, ret_results);
    bsc_vm_leave(vm);
    return status;
}

/* The hook stays armed while closing, with a budget of its own, so that nothing can loop there. */
void bsc_vm_close_thread(struct bsc_vm *vm, lua_State *thread)
{
    bsc_vm_enter(vm, thread);
    bsc_lua_close_thread(thread, vm->lua);
    bsc_vm_leave(vm);
    lua_settop(thread, 0);
}

/* Results of a protected call, from the status on: true and the values, or false and the error.
 * An error that came because the task was stopped goes on upwards instead. */
static int finish_pcall(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (bsc_vm_of(L)->stop != BSC_VM_GOING)
        return bsc_vm_halt(L);
    bool done = status == LUA_OK || status == LUA_YIELD;
    lua_pushboolean(L, done);
    if (!done) {
        lua_insert(L, -2); /* … false error */
        return 2;
    }
    lua_replace(L, 1); /* true results… */
    return lua_gettop(L);
}

int bsc_vm_l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushnil(L);
    lua_insert(L, 1); /* place for the truth, fn args… */
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
    return finish_pcall(L, status, 0);
}

/* Copies the effect that the driven thread yielded and pushes what `answer` says to it onto that
 * thread, through the same conversion as at the real border. */
static void answer_effect(lua_State *L, lua_State *thread)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    struct bsc_err err = BSC_ERR_INIT;
    lua_pushvalue(L, 2);
    bsc_vm_push(L, vm->effect); /* … answer effect */
    bsc_value_free(vm->effect);
    vm->effect = NULL;
    lua_call(L, 1, 1);
    struct bsc_value *value = bsc_vm_to_value(L, -1, &err);
    if (value == NULL)
        luaL_error(L, "the answer to an effect: %s", err.message);
    lua_pop(L, 1);
    vm->effect = value; /* kept there so that an error below cannot lose it */
    bsc_vm_push(thread, vm->effect);
    vm->effect = NULL;
    bsc_value_free(value);
}

/* drive(fn, answer): runs fn as a task of its own and asks answer(effect) for every effect that it
 * yields. Returns what fn returns. */
int bsc_vm_l_drive(lua_State *L)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_State *thread = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    int args = 0;
    for (;;) {
        int results = 0;
        vm->running = thread;
        int status = lua_resume(thread, L, args, &results);
        vm->running = L;
        if (vm->stop != BSC_VM_GOING)
            return bsc_vm_halt(L);
        if (status == LUA_OK) {
            luaL_checkstack(L, results, "too many results");
            lua_xmove(thread, L, results);
            return results;
        }
        if (status != LUA_YIELD) {
            lua_xmove(thread, L, 1);
            return lua_error(L);
        }
        lua_pop(thread, results);
        answer_effect(L, thread);
        args = 1;
    }
}
