#include "watch.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "likeness.h"
#include "os/process.h"
#include "others.h"

struct fault_watch {
    const struct fault_bench *bench; /* borrowed */
    const struct fault_state *from;  /* borrowed */
    struct fault_disk *disk;         /* owned */
    struct fault_store *contents;    /* owned: of all that the disk has ever held; most of it is in
                                      * no state that is kept */
    pthread_mutex_t lock;            /* guards all of it */
    unsigned long sys_calls, sql_calls;
    bool sql_may_have_changed;
    bool session;    /* is alive, as of the states being kept */
    unsigned agents; /* likewise */
};

struct fault_watch *fault_watch_new(const struct fault_bench *bench,
                                    const struct fault_order *order)
{
    struct fault_watch *watch = bsc_mem_new(1, sizeof *watch);
    watch->bench = bench;
    watch->from = order->from;
    watch->contents = fault_store_new();
    watch->disk = fault_disk_new(bench->site, watch->contents);
    pthread_mutex_init(&watch->lock, NULL);
    return watch;
}

void fault_watch_free(struct fault_watch *watch)
{
    if (watch == NULL)
        return;
    pthread_mutex_destroy(&watch->lock);
    fault_disk_free(watch->disk);
    fault_store_free(watch->contents);
    bsc_mem_free(watch);
}

static void keep(void *arg, struct fault_state *state)
{
    const struct fault_watch *watch = arg;
    bool powered = state->how == NULL;
    state->before = watch->from;
    state->sys_call = watch->sys_calls;
    state->sql_call = watch->sql_calls;
    state->session = powered && watch->session;
    /* Of an agent that is written down the machine knows when it starts again, and starts it. */
    state->agents = powered ? watch->agents : fault_agents_written(state, watch->agents);
    fault_likeness_find(state);
    (void)fault_store_add(watch->bench->store, state);
}

/* A second loss of power takes all or nothing, unless there is time. */
static void keep_states(struct fault_watch *watch)
{
    bool parts = watch->from == NULL || watch->bench->thorough;
    watch->session = watch->bench->session > 0 && bsc_process_alive(watch->bench->session);
    watch->agents = fault_agents_of(getppid());
    fault_disk_states(watch->disk, parts, keep, watch);
}

void fault_watch_before(struct fault_watch *watch, enum unit_sys_kind kind)
{
    /* After the run itself has shown that nothing changes in between, it is enough to look where
     * something is made to last. */
    bool looks = watch->from == NULL || kind == UNIT_SYS_FSYNC || kind == UNIT_SYS_FDATASYNC ||
                 kind == UNIT_SYS_RENAME || kind == UNIT_SYS_UNLINK;
    pthread_mutex_lock(&watch->lock);
    if (looks && fault_disk_look(watch->disk))
        keep_states(watch);
    watch->sys_calls++;
    pthread_mutex_unlock(&watch->lock);
}

static bool changes(enum unit_sys_kind kind, int flags)
{
    switch (kind) {
    case UNIT_SYS_OPEN:
        return flags != 0;
    case UNIT_SYS_WRITE:
    case UNIT_SYS_PWRITE:
    case UNIT_SYS_COPY_FILE_RANGE:
    case UNIT_SYS_FSYNC:
    case UNIT_SYS_FDATASYNC:
    case UNIT_SYS_FTRUNCATE:
    case UNIT_SYS_FALLOCATE:
    case UNIT_SYS_RENAME:
    case UNIT_SYS_LINK:
    case UNIT_SYS_UNLINK:
    case UNIT_SYS_MKDIR:
        return true;
    default:
        return false;
    }
}

void fault_watch_after(struct fault_watch *watch, const struct unit_sys_call *call)
{
    if (!changes(call->kind, call->flags))
        return;
    pthread_mutex_lock(&watch->lock);
    fault_disk_note(watch->disk, call);
    keep_states(watch);
    pthread_mutex_unlock(&watch->lock);
}

/* The engine writes when a statement is carried out, and when a connection is begun or ended. */
static bool sql_changes(const char *name)
{
    return strcmp(name, "SQLExecute") == 0 || strcmp(name, "SQLExecDirect") == 0 ||
           strcmp(name, "SQLDriverConnect") == 0 || strcmp(name, "SQLDisconnect") == 0;
}

void fault_watch_sql(struct fault_watch *watch, const char *name)
{
    pthread_mutex_lock(&watch->lock);
    if ((watch->sql_may_have_changed || sql_changes(name)) && fault_disk_look(watch->disk))
        keep_states(watch);
    watch->sql_may_have_changed = sql_changes(name);
    watch->sql_calls++;
    pthread_mutex_unlock(&watch->lock);
}
