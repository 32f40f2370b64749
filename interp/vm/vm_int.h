/*
 * What the files of this room share. Lua is visible here and nowhere to the right.
 *
 * Marked BSC_RAISES: may leave by longjmp, so it is called only below a protected call and never
 * while a C resource is held in a local variable.
 */
#ifndef BSC_VM_VM_INT_H
#define BSC_VM_VM_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>
#include <lauxlib.h>

#include "base/err.h"
#include "base/buf.h"
#include "value/value.h"
#include "vm/vm.h"

#define BSC_RAISES

/* Largest source text, in bytes. */
#define BSC_VM_SOURCE_MAX ((size_t)1024 * 1024)

/* What a count hook waits for, and so the grain of the budget. */
enum { BSC_VM_HOOK_STEP = 10000 };

/* Why a task must not go on. It stays set until the host enters Lua again. */
enum bsc_vm_stop { BSC_VM_GOING, BSC_VM_STOP_INSTRUCTIONS, BSC_VM_STOP_MEMORY };

struct bsc_vm_watchdog;

struct bsc_vm {
    struct bsc_vm_options options; /* with the defaults filled in */
    lua_State *lua;                /* the main thread: runs C only, tasks run beside it */
    lua_State *running;            /* the thread that the host has entered, or NULL */
    size_t used;                   /* bytes the state holds */
    bool alarm;                    /* the soft limit was passed and the hook must look into it */
    enum bsc_vm_stop stop;
    int64_t remaining;                /* work left before the next answer */
    struct bsc_value *effect;         /* owned: what the running task yields */
    struct bsc_vm_watchdog *watchdog; /* owned */
    struct bsc_buf warnings;          /* what Lua warned of, cut after a few lines */
    int list_ref;                     /* registry: metatable that marks lists */
    int loaded_ref;                   /* registry: embedded modules by name */
    int host_ref;                     /* registry: the privileged table */
    int env_ref;                      /* registry: globals of embedded modules */
    int entry_ref;                    /* registry: what the entry module returned */
};

struct bsc_vm *bsc_vm_of(lua_State *L);

/* memory.c: the allocator; never returns NULL for a quota, see the hard limit. */
void *bsc_vm_allocate(void *vm, void *old, size_t old_size, size_t new_size);
/* Makes sure that `bytes` more would fit below the soft limit, or stops the task. */
BSC_RAISES void bsc_vm_reserve(lua_State *L, size_t bytes);

/* budget.c */
void bsc_vm_enter(struct bsc_vm *vm, lua_State *thread);
void bsc_vm_leave(struct bsc_vm *vm);
/* Takes `work` from the budget (1 is about one instruction) and stops the task when it is used up.
 */
BSC_RAISES void bsc_vm_spend(lua_State *L, size_t work);
/* Leaves the task for good: yields where that is possible, raises where it is not. In a C function
 * it does not come back; in a hook the caller must return at once. */
BSC_RAISES int bsc_vm_halt(lua_State *L);
void bsc_vm_arm(lua_State *L, int step);

/* watchdog.c */
struct bsc_vm_watchdog *bsc_vm_watchdog_new(int64_t wall_ms, struct bsc_err *err);
void bsc_vm_watchdog_free(struct bsc_vm_watchdog *watchdog);
/* Lua begins to run, and returns to the host. */
void bsc_vm_watchdog_toggle(struct bsc_vm_watchdog *watchdog);

/* call.c: the only user of lua_pcall and lua_resume. */
/* Runs a C function that touches Lua values but runs no Lua code, with `arg` as light userdata. */
bool bsc_vm_protect(struct bsc_vm *vm, lua_CFunction fn, void *arg, struct bsc_err *err);
/* Resumes; returns Lua's status. Values and errors are left on the thread's stack. */
int bsc_vm_resume(struct bsc_vm *vm, lua_State *thread, int args, int *ret_results);
void bsc_vm_close_thread(struct bsc_vm *vm, lua_State *thread);
BSC_RAISES int bsc_vm_l_pcall(lua_State *L);
BSC_RAISES int bsc_vm_l_drive(lua_State *L);

/* task.c: runs the entry module. */
bool bsc_vm_boot(struct bsc_vm *vm, struct bsc_err *err);

/* convert.c */
/* Pushes a Lua copy of a value; a null at the top becomes nil. */
BSC_RAISES void bsc_vm_push(lua_State *L, const struct bsc_value *value);
/* Returns an owned copy of the Lua value at `index`, NULL on failure. Does not raise and runs no
 * metamethod. */
struct bsc_value *bsc_vm_to_value(lua_State *L, int index, struct bsc_err *err);
/* Whether the table at `index` is marked as a list. Does not raise. */
bool bsc_vm_is_list(lua_State *L, int index);
BSC_RAISES void bsc_vm_mark_list(lua_State *L, int index);

/* error.c */
/* Fills *err from a thread that failed; its error value is on top of its stack. Does not raise. */
void bsc_vm_error_fill(struct bsc_vm *vm, lua_State *thread, struct bsc_err *err);
/* The nearest frame at or above `level` that is not of the embedded library. Does not raise. */
bool bsc_vm_user_frame(lua_State *L, int level, lua_Debug *ret_frame);
bool bsc_vm_is_embedded(const char *source);

/* source.c */
BSC_RAISES int bsc_vm_l_require(lua_State *L);
BSC_RAISES int bsc_vm_l_compile(lua_State *L);
BSC_RAISES int bsc_vm_l_module(lua_State *L);

/* host.c: pushes the privileged table. */
BSC_RAISES void bsc_vm_push_host(lua_State *L);

/* sandbox.c: pushes a fresh table of safe base functions; `privileged` adds what only the embedded
 * library may have. Freezes the metatable of strings. */
BSC_RAISES void bsc_vm_push_base(lua_State *L, bool privileged);
BSC_RAISES void bsc_vm_freeze_strings(lua_State *L);

/* basics.c, order.c, tables.c, strings.c, format.c, patterns.c: functions for the sandbox. */
extern const luaL_Reg bsc_vm_basics[];
extern const luaL_Reg bsc_vm_tables[];
extern const luaL_Reg bsc_vm_strings[];
BSC_RAISES void bsc_vm_push_utf8(lua_State *L);
BSC_RAISES void bsc_vm_push_math(lua_State *L);
BSC_RAISES int bsc_vm_l_setmetatable(lua_State *L);
BSC_RAISES int bsc_vm_l_getmetatable(lua_State *L);
BSC_RAISES int bsc_vm_l_next(lua_State *L);
BSC_RAISES int bsc_vm_l_pairs(lua_State *L);
BSC_RAISES int bsc_vm_l_format(lua_State *L);
BSC_RAISES int bsc_vm_l_find(lua_State *L);
BSC_RAISES int bsc_vm_l_match(lua_State *L);
BSC_RAISES int bsc_vm_l_gmatch(lua_State *L);
BSC_RAISES int bsc_vm_l_gsub(lua_State *L);
/* Pushes the text of the value at `index` without any address in it. */
BSC_RAISES const char *bsc_vm_push_text(lua_State *L, int index, size_t *ret_length);

#endif
