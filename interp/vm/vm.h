/*
 * The sandboxed Lua state: one for each runbook.
 *
 * The host calls functions of the embedded entry module as tasks. A task runs as a coroutine; when
 * it needs the world it yields a value (an effect) and is resumed with another (the answer).
 * Nothing else crosses the border, and no Lua code ever performs anything itself.
 *
 * A state and its tasks belong to one thread. May include base, os and value; only this room sees
 * Lua.
 */
#ifndef BSC_VM_VM_H
#define BSC_VM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "value/value.h"

struct bsc_vm;
struct bsc_vm_task;

/* One embedded Lua file. */
struct bsc_vm_source {
    const char *name; /* "bascule/host.lua"; its chunk name is "@bascule/host.lua" */
    const char *text; /* borrowed for ever */
    size_t length;
    const char *code; /* borrowed for ever: the text as compiled at build time, or NULL */
    size_t code_length;
    const char *made_by; /* borrowed for ever: the Lua that compiled it; no other runs it */
};

struct bsc_vm_options {
    const struct bsc_vm_source *sources; /* borrowed: the embedded library, sorted by name */
    size_t source_count;
    const char *folder;    /* borrowed: where a runbook's own modules are looked up, or NULL */
    size_t memory_soft;    /* bytes after which the runbook is stopped politely; 0 is default */
    size_t memory_hard;    /* bytes after which the process ends; 0 is default */
    uint64_t instructions; /* budget of one task between two answers; 0 is default */
    int64_t wall_ms;       /* longest time inside Lua without a yield; then the process ends */
    const char *entry;     /* borrowed: module with the entry functions; NULL: "bascule/host" */
    bool test_doors;       /* for tests of the library: adds host.drive */
    bool eager_collector;  /* for tests: collects all the time */
};

/* Returns owned, NULL on failure. Tasks are to be freed before their state. */
struct bsc_vm *bsc_vm_new(const struct bsc_vm_options *options, struct bsc_err *err);
void bsc_vm_free(struct bsc_vm *vm);

enum bsc_vm_status { BSC_VM_DONE, BSC_VM_YIELDED, BSC_VM_FAILED };

/* A task that will call the entry function `name` with `args` (borrowed; copied into the state).
 * Returns owned; the first bsc_vm_task_resume starts it. */
struct bsc_vm_task *bsc_vm_task_new(struct bsc_vm *vm, const char *name,
                                    const struct bsc_value *args, struct bsc_err *err);
void bsc_vm_task_free(struct bsc_vm_task *task);

/* Puts the next answer (borrowed) into the state ahead of the resume that uses it, so that a large
 * one can be freed before the task makes something of it. False ends the task. */
bool bsc_vm_task_answer(struct bsc_vm_task *task, const struct bsc_value *answer,
                        struct bsc_err *err);

/* Goes on with `answer` (borrowed; ignored the first time, and after bsc_vm_task_answer). DONE and
 * YIELDED put an owned value into *ret (the result, or the effect); FAILED fills *err with code
 * BSC_ERR_SCRIPT or BSC_ERR_LIMIT, file and line in `where`, and leaves the traceback in `detail`.
 * A task that is done or failed cannot be resumed again. */
enum bsc_vm_status bsc_vm_task_resume(struct bsc_vm_task *task, const struct bsc_value *answer,
                                      struct bsc_value **ret, struct bsc_err *err);

/* Runs an entry function that yields nothing. Returns its owned result, NULL on failure. */
struct bsc_value *bsc_vm_call(struct bsc_vm *vm, const char *name, const struct bsc_value *args,
                              struct bsc_err *err);

/* Bytes in use by the state now. */
size_t bsc_vm_memory(const struct bsc_vm *vm);

/* Has the collector rest while something is made of which nearly all stays; passing the limits of
 * memory wakes it all the same. */
void bsc_vm_collector_rest(struct bsc_vm *vm, bool rests);

/* Collects everything that is out of use. */
void bsc_vm_collect(struct bsc_vm *vm);

/* What Lua warned of so far, one line each; borrowed, empty when all is well. */
const char *bsc_vm_warnings(const struct bsc_vm *vm);

/* "Lua 5.4.4", and whether it is older than the release that mends its known memory bugs. */
const char *bsc_vm_lua_release(bool *ret_old);

/* The library that is embedded in the program (generated at build time from stdlib/manifest.txt).
 */
const struct bsc_vm_source *bsc_vm_embedded(size_t *ret_count);

#endif
