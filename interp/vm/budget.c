#include "vm/vm_int.h"

/*
 * The budget is sticky: once it is used up, the hook fires at every instruction of the task and of
 * the main thread, so that no pcall in the runbook can swallow it. The hook yields where it can
 * (nothing in Lua catches a yield, and the host never resumes the task) and raises where a C
 * function stands in between.
 */

struct bsc_vm *bsc_vm_of(lua_State *L)
{
    return *(struct bsc_vm **)lua_getextraspace(L);
}

int bsc_vm_halt(lua_State *L)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    bsc_vm_arm(L, 1);
    bsc_vm_arm(vm->lua, 1);
    if (lua_isyieldable(L))
        return lua_yield(L, 0);
    return luaL_error(L, "stopped");
}

/* Whether the runbook's live memory is above the limit, or so near to it that every few moments
 * would go into another collection. Collecting costs budget. */
static bool memory_is_over(struct bsc_vm *vm, lua_State *L)
{
    vm->alarm = false;
    vm->remaining -= (int64_t)(vm->used / 32);
    lua_gc(L, LUA_GCCOLLECT);
    return vm->used > vm->options.memory_soft - vm->options.memory_soft / 8;
}

static void on_count(lua_State *L, lua_Debug *frame)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    (void)frame;
    vm->remaining -= BSC_VM_HOOK_STEP;
    if (vm->stop == BSC_VM_GOING && vm->alarm) {
        if (memory_is_over(vm, L))
            vm->stop = BSC_VM_STOP_MEMORY;
        else
            bsc_vm_arm(L, BSC_VM_HOOK_STEP);
    }
    if (vm->stop == BSC_VM_GOING && vm->remaining < 0)
        vm->stop = BSC_VM_STOP_INSTRUCTIONS;
    if (vm->stop != BSC_VM_GOING)
        bsc_vm_halt(L);
}

void bsc_vm_arm(lua_State *L, int step)
{
    lua_sethook(L, on_count, LUA_MASKCOUNT, step);
}

void bsc_vm_spend(lua_State *L, size_t work)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    int64_t most = INT64_MAX / 2;
    vm->remaining -= work < (size_t)most ? (int64_t)work : most;
    if (vm->remaining >= 0 || vm->running == NULL)
        return;
    if (vm->stop == BSC_VM_GOING)
        vm->stop = BSC_VM_STOP_INSTRUCTIONS;
    bsc_vm_halt(L);
}

void bsc_vm_enter(struct bsc_vm *vm, lua_State *thread)
{
    vm->stop = BSC_VM_GOING;
    vm->remaining = (int64_t)vm->options.instructions;
    vm->running = thread;
    vm->alarm = vm->used > vm->options.memory_soft;
    bsc_vm_arm(thread, vm->alarm ? 1 : BSC_VM_HOOK_STEP);
    bsc_vm_watchdog_toggle(vm->watchdog);
}

void bsc_vm_leave(struct bsc_vm *vm)
{
    bsc_vm_watchdog_toggle(vm->watchdog);
    vm->running = NULL;
}
