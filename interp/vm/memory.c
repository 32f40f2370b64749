#include "vm/vm_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A quota that makes an allocation fail would start Lua's emergency collection, which can use freed
 * memory in the releases we meet. So an allocation never fails: passing the soft limit wakes the
 * hook, passing the hard limit (or the system's) ends the process, which the journal makes safe.
 */

enum { CHARGED_MIN = 4096 };

static _Noreturn void end_process(const char *reached, size_t bytes)
{
    char text[160];
    int length =
        snprintf(text, sizeof text, "bascule: Lua code reached %s (%zu bytes); the process ends\n",
                 reached, bytes);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(1);
    _exit(1);
}

static void raise_alarm(struct bsc_vm *vm)
{
    if (vm->alarm || vm->running == NULL)
        return;
    vm->alarm = true;
    bsc_vm_arm(vm->running, 1);
}

/* Long blocks are charged to the budget, because one instruction (a concatenation) can fill one and
 * ten thousand of them pass before the hook looks. */
static void charge(struct bsc_vm *vm, size_t size)
{
    if (size < CHARGED_MIN || vm->running == NULL)
        return;
    vm->remaining -= (int64_t)(size / 16);
    if (vm->remaining < 0)
        bsc_vm_arm(vm->running, 1);
}

void *bsc_vm_allocate(void *arg, void *old, size_t old_size, size_t new_size)
{
    struct bsc_vm *vm = arg;
    size_t before = old == NULL ? 0 : old_size; /* without a block the size is a type tag */
    if (new_size == 0) {
        free(old);
        vm->used -= before;
        return NULL;
    }
    if (new_size > before && new_size - before > vm->options.memory_hard - vm->used)
        end_process("its hard memory limit", vm->options.memory_hard);
    void *block = realloc(old, new_size);
    if (block == NULL)
        end_process("the end of the system's memory", vm->used);
    vm->used = vm->used - before + new_size;
    if (new_size > before) {
        charge(vm, new_size);
        if (vm->used > vm->options.memory_soft)
            raise_alarm(vm);
    }
    return block;
}

static bool would_fit(const struct bsc_vm *vm, size_t bytes)
{
    size_t soft = vm->options.memory_soft;
    return vm->used <= soft && bytes <= soft - vm->used;
}

void bsc_vm_reserve(lua_State *L, size_t bytes)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    bool fits = would_fit(vm, bytes);
    if (!fits && bytes <= vm->options.memory_soft) {
        bsc_vm_spend(L, vm->used / 16);
        lua_gc(L, LUA_GCCOLLECT);
        fits = would_fit(vm, bytes);
    }
    if (!fits) {
        vm->stop = BSC_VM_STOP_MEMORY;
        bsc_vm_halt(L);
    }
}
