#include "vm/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vm/lua_compat_int.h"
#include "vm/vm_int.h"

enum { WARNINGS_MAX = 4096 };

static void set_defaults(struct bsc_vm_options *options)
{
    if (options->memory_soft == 0)
        options->memory_soft = (size_t)64 * 1024 * 1024;
    if (options->memory_hard == 0)
        options->memory_hard = (size_t)512 * 1024 * 1024;
    if (options->memory_hard < options->memory_soft)
        options->memory_hard = options->memory_soft;
    if (options->instructions == 0)
        options->instructions = 50000000;
    if (options->instructions > INT64_MAX / 4)
        options->instructions = INT64_MAX / 4;
    if (options->wall_ms <= 0)
        options->wall_ms = 10000;
    if (options->entry == NULL)
        options->entry = "bascule/host";
}

/* Lua warns only of what it could not report otherwise: an error in a finaliser. */
static void keep_warning(void *arg, const char *message, int to_be_continued)
{
    struct bsc_vm *vm = arg;
    if (vm->warnings.length < WARNINGS_MAX) {
        bsc_buf_add_text(&vm->warnings, message);
        bsc_buf_add_text(&vm->warnings, to_be_continued ? "" : "\n");
    }
}

static int panic(lua_State *L)
{
    const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no message";
    fprintf(stderr, "bascule: internal error: a Lua error left every protected call: %s\n",
            message);
    abort();
}

static int build(lua_State *L)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    lua_settop(L, 0);
    bsc_vm_freeze_strings(L);
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "list");
    lua_setfield(L, -2, "__metatable");
    lua_pushliteral(L, "list");
    lua_setfield(L, -2, "__name");
    vm->list_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->loaded_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    bsc_vm_push_host(L);
    vm->host_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    bsc_vm_push_base(L, true);
    vm->env_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static bool open_state(struct bsc_vm *vm, struct bsc_err *err)
{
    vm->lua = lua_newstate(bsc_vm_allocate, vm);
    if (vm->lua == NULL)
        return bsc_err_set(err, BSC_ERR_LIMIT, "could not make a Lua state");
    *(struct bsc_vm **)lua_getextraspace(vm->lua) = vm;
    lua_atpanic(vm->lua, panic);
    lua_setwarnf(vm->lua, keep_warning, vm);
    if (vm->options.eager_collector)
        bsc_lua_collect_eagerly(vm->lua);
    else
        bsc_lua_collect_early(vm->lua);
    return bsc_vm_protect(vm, build, NULL, err) && bsc_vm_boot(vm, err);
}

struct bsc_vm *bsc_vm_new(const struct bsc_vm_options *options, struct bsc_err *err)
{
    struct bsc_vm *vm = bsc_mem_new(1, sizeof *vm);
    vm->options = *options;
    set_defaults(&vm->options);
    bsc_buf_init(&vm->warnings);
    vm->watchdog = bsc_vm_watchdog_new(vm->options.wall_ms, err);
    if (vm->watchdog != NULL && open_state(vm, err))
        return vm;
    bsc_vm_free(vm);
    return NULL;
}

void bsc_vm_free(struct bsc_vm *vm)
{
    if (vm == NULL)
        return;
    if (vm->lua != NULL)
        lua_close(vm->lua);
    bsc_vm_watchdog_free(vm->watchdog);
    bsc_value_free(vm->effect);
    bsc_buf_release(&vm->warnings);
    bsc_mem_free(vm);
}

size_t bsc_vm_memory(const struct bsc_vm *vm)
{
    return vm->used;
}

void bsc_vm_collector_rest(struct bsc_vm *vm, bool rests)
{
    if (!vm->options.eager_collector)
        lua_gc(vm->lua, rests ? LUA_GCSTOP : LUA_GCRESTART);
}

void bsc_vm_collect(struct bsc_vm *vm)
{
    lua_gc(vm->lua, LUA_GCCOLLECT);
}

const char *bsc_vm_warnings(const struct bsc_vm *vm)
{
    return vm->warnings.data;
}

const char *bsc_vm_lua_release(bool *ret_old)
{
    *ret_old = LUA_VERSION_RELEASE_NUM < BSC_LUA_MENDED;
    return LUA_RELEASE;
}
