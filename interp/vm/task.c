#include "vm/vm_int.h"

#include <string.h>

#include "base/mem.h"

/* A task is a Lua thread that the registry keeps alive. */
struct bsc_vm_task {
    struct bsc_vm *vm; /* borrowed */
    lua_State *thread; /* owned by the registry under `ref` */
    int ref;
    bool started;
    bool answered; /* the next answer is in the state already */
    bool over;
};

/* What a protected function needs to make or feed a task. */
struct task_order {
    struct bsc_vm_task *task;
    const char *name;
    const struct bsc_value *value;
};

static struct bsc_vm_task *task_alloc(struct bsc_vm *vm)
{
    struct bsc_vm_task *task = bsc_mem_new(1, sizeof *task);
    task->vm = vm;
    task->ref = LUA_NOREF;
    return task;
}

/* Looks the entry function up without metamethods; pushes it. */
static void push_entry(lua_State *L, struct bsc_vm *vm, const char *name)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->entry_ref);
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    if (!lua_isfunction(L, -1))
        luaL_error(L, "the library has no entry function \"%s\"", name);
    lua_remove(L, -2);
}

static int make_task(lua_State *L)
{
    struct task_order *order = lua_touserdata(L, 1);
    struct bsc_vm_task *task = order->task;
    push_entry(L, task->vm, order->name); /* order fn */
    task->thread = lua_newthread(L);      /* order fn thread */
    task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    bsc_vm_push(L, order->value); /* order fn args */
    lua_xmove(L, task->thread, 2);
    return 0;
}

struct bsc_vm_task *bsc_vm_task_new(struct bsc_vm *vm, const char *name,
                                    const struct bsc_value *args, struct bsc_err *err)
{
    struct bsc_vm_task *task = task_alloc(vm);
    struct task_order order = {.task = task, .name = name, .value = args};
    if (bsc_vm_protect(vm, make_task, &order, err))
        return task;
    bsc_vm_task_free(task);
    return NULL;
}

void bsc_vm_task_free(struct bsc_vm_task *task)
{
    if (task == NULL)
        return;
    if (task->ref != LUA_NOREF) {
        bsc_vm_close_thread(task->vm, task->thread);
        luaL_unref(task->vm->lua, LUA_REGISTRYINDEX, task->ref);
    }
    bsc_mem_free(task);
}

static int push_answer(lua_State *L)
{
    struct task_order *order = lua_touserdata(L, 1);
    bsc_vm_push(L, order->value); /* order answer */
    lua_xmove(L, order->task->thread, 1);
    return 0;
}

/* Takes the effect that host.yield left, or the result from the thread's stack. */
static struct bsc_value *take_outcome(struct bsc_vm_task *task, int status, int results,
                                      struct bsc_err *err)
{
    struct bsc_vm *vm = task->vm;
    struct bsc_value *value = NULL;
    if (status == LUA_YIELD) {
        value = vm->effect;
        vm->effect = NULL;
        BSC_BUG_ON(value == NULL);
        lua_pop(task->thread, results);
    } else if (results == 0) {
        value = bsc_value_null();
    } else {
        value = bsc_vm_to_value(task->thread, lua_gettop(task->thread) - results + 1, err);
        lua_pop(task->thread, results);
    }
    return value;
}

static enum bsc_vm_status resume(struct bsc_vm_task *task, int args, struct bsc_value **ret,
                                 struct bsc_err *err)
{
    int results = 0;
    int status = bsc_vm_resume(task->vm, task->thread, args, &results);
    bool going = task->vm->stop == BSC_VM_GOING && (status == LUA_OK || status == LUA_YIELD);
    task->over = !going || status == LUA_OK;
    if (!going) {
        bsc_vm_error_fill(task->vm, task->thread, err);
        bsc_value_free(task->vm->effect);
        task->vm->effect = NULL;
        return BSC_VM_FAILED;
    }
    struct bsc_value *value = take_outcome(task, status, results, err);
    task->over = task->over || value == NULL;
    if (value == NULL)
        return BSC_VM_FAILED;
    *ret = value;
    return status == LUA_YIELD ? BSC_VM_YIELDED : BSC_VM_DONE;
}

bool bsc_vm_task_answer(struct bsc_vm_task *task, const struct bsc_value *answer,
                        struct bsc_err *err)
{
    struct task_order order = {.task = task, .value = answer};
    BSC_BUG_ON(task->over || !task->started || task->answered);
    task->answered = bsc_vm_protect(task->vm, push_answer, &order, err);
    task->over = !task->answered;
    return task->answered;
}

enum bsc_vm_status bsc_vm_task_resume(struct bsc_vm_task *task, const struct bsc_value *answer,
                                      struct bsc_value **ret, struct bsc_err *err)
{
    if (task->over) {
        bsc_err_set(err, BSC_ERR_USAGE, "a task that is over cannot be resumed");
        return BSC_VM_FAILED;
    }
    if (!task->started) {
        task->started = true;
        return resume(task, 1, ret, err);
    }
    if (!task->answered && !bsc_vm_task_answer(task, answer, err))
        return BSC_VM_FAILED;
    task->answered = false;
    return resume(task, 1, ret, err);
}

struct bsc_value *bsc_vm_call(struct bsc_vm *vm, const char *name, const struct bsc_value *args,
                              struct bsc_err *err)
{
    struct bsc_value *value = NULL;
    struct bsc_vm_task *task = bsc_vm_task_new(vm, name, args, err);
    if (task == NULL)
        return NULL;
    if (bsc_vm_task_resume(task, NULL, &value, err) == BSC_VM_YIELDED) {
        bsc_err_set(err, BSC_ERR_SCRIPT,
                    "\"%s\" asked for an effect (\"%s\") where none is possible", name,
                    bsc_value_get_string(value, "op"));
        bsc_value_free(value);
        value = NULL;
    }
    bsc_vm_task_free(task);
    return value;
}

/* ------------------------------------------------- the entry module itself */

static int load_entry(lua_State *L)
{
    struct bsc_vm *vm = bsc_vm_of(L);
    lua_settop(L, 0);
    lua_pushcfunction(L, bsc_vm_l_require);
    lua_pushstring(L, vm->options.entry);
    lua_call(L, 1, 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    vm->entry_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int make_boot_task(lua_State *L)
{
    struct task_order *order = lua_touserdata(L, 1);
    order->task->thread = lua_newthread(L);
    order->task->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushcfunction(order->task->thread, load_entry);
    return 0;
}

bool bsc_vm_boot(struct bsc_vm *vm, struct bsc_err *err)
{
    struct bsc_value *value = NULL;
    struct bsc_vm_task *task = task_alloc(vm);
    struct task_order order = {.task = task};
    bool done = bsc_vm_protect(vm, make_boot_task, &order, err) &&
                resume(task, 0, &value, err) == BSC_VM_DONE;
    bsc_value_free(value);
    bsc_vm_task_free(task);
    return done;
}
