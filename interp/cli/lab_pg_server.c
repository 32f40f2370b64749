#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/shm.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/process.h"

enum {
    PID_FILE_MAX = 4096,
    PROCESSES_MAX = 256,
    STOP_WITHIN_MS = 20000,
    READY_WITHIN_MS = 60000,
    LOOK_EVERY_MS = 5,
    /* Lines of postmaster.pid. */
    LINE_PID = 1,
    LINE_SHARED_MEMORY = 7,
    LINE_STATE = 8
};

/* What a running server, or one that was killed, says of itself; "" when there is nothing. */
static void read_pid_file(const struct bsc_lab *lab, const char *server, struct bsc_buf *ret_text)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *name = bsc_mem_format("%s/data/postmaster.pid", server);
    char *path = bsc_lab_path(lab, name);
    bsc_buf_init(ret_text);
    (void)bsc_files_read(lab->cli->sys, path, PID_FILE_MAX, ret_text, &ignored);
    bsc_mem_free(name);
    bsc_mem_free(path);
}

/* Where line `number` of the text begins; at its end when there is none. */
static const char *line_of(const struct bsc_buf *text, int number)
{
    const char *line = text->data;
    for (int i = 1; i < number; i++) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return line;
}

static pid_t pid_in(const struct bsc_lab *lab, const struct bsc_buf *text)
{
    int64_t pid = 0;
    const char *line = line_of(text, LINE_PID);
    if (!bsc_num_parse(line, strcspn(line, "\n"), &pid) || !bsc_lab_staff_owns(lab, (pid_t)pid))
        return 0;
    return (pid_t)pid;
}

static pid_t pid_of(const struct bsc_lab *lab, const char *server)
{
    struct bsc_buf text;
    read_pid_file(lab, server, &text);
    pid_t pid = pid_in(lab, &text);
    bsc_buf_release(&text);
    return pid;
}

bool bsc_lab_pg_server_alive(const struct bsc_lab *lab, const char *server)
{
    return pid_of(lab, server) > 0;
}

/* Two files name the process that was killed. Where nobody has taken note of its end yet, a new
 * server would take it for alive. */
static void remove_locks(const struct bsc_lab *lab, const char *server)
{
    static const char *const locks[] = {"data/postmaster.pid", ".s.PGSQL.5432.lock"};
    for (size_t i = 0; i < sizeof locks / sizeof locks[0]; i++) {
        char *name = bsc_mem_format("%s/%s", server, locks[i]);
        char *path = bsc_lab_path(lab, name);
        lab->cli->sys->unlink(lab->cli->sys->self, path);
        bsc_mem_free(name);
        bsc_mem_free(path);
    }
}

bool bsc_lab_pg_server_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             const char *server, const char *const *settings, struct bsc_err *err)
{
    struct bsc_lab_pg_argv argv;
    char *folder = bsc_lab_path(lab, server);
    char *data = bsc_files_join(folder, "data");
    char *log = bsc_mem_format("%s/log", server);
    /* The settings of one that was copied from another name the sockets of that. */
    char *sockets = bsc_mem_format("unix_socket_directories=%s", folder);
    const char *words[BSC_LAB_PG_ARGV] = {programs->server, "-D", data, "-c", sockets};
    for (size_t i = 5; settings != NULL && *settings != NULL; settings++)
        words[i++] = *settings;
    bsc_lab_pg_argv_make(&argv, words);
    remove_locks(lab, server);
    bool ok = bsc_lab_staff_begin(lab, bsc_files_name_of(server), argv.words, log, err);
    bsc_mem_free(folder);
    bsc_mem_free(data);
    bsc_mem_free(log);
    bsc_mem_free(sockets);
    return ok;
}

static bool is_ready(const struct bsc_lab *lab, const char *server)
{
    struct bsc_buf text;
    read_pid_file(lab, server, &text);
    bool ready = pid_in(lab, &text) > 0 &&
                 strncmp(line_of(&text, LINE_STATE), "ready", strlen("ready")) == 0;
    bsc_buf_release(&text);
    return ready;
}

bool bsc_lab_pg_server_await(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    const char *name = bsc_files_name_of(server);
    bool alive = true;
    for (int waited = 0; alive && waited < READY_WITHIN_MS; waited += LOOK_EVERY_MS) {
        alive = bsc_lab_staff_alive(lab, name);
        if (is_ready(lab, server))
            return true;
        bsc_clock_pause(LOOK_EVERY_MS, NULL);
    }
    bsc_err_set(err, BSC_ERR_TIMEOUT, "the server in %s did not start", server);
    return bsc_err_hint(err, "Its messages are in %s/%s/log.", lab->folder, server);
}

/* The number in the `nth` column of a line. */
static bool number_at(const char *line, int nth, int64_t *ret_number)
{
    for (int i = 0; i < nth; i++) {
        line += strspn(line, " ");
        line += strcspn(line, " \n");
    }
    line += strspn(line, " ");
    return bsc_num_parse(line, strcspn(line, " \n"), ret_number);
}

/* A server that was killed leaves a piece of shared memory behind, of which only this file knows:
 * its key, which is the server's own, and its id, which may be somebody else's by now. */
static void free_shared_memory(const struct bsc_lab *lab, const char *server)
{
    struct bsc_buf text;
    struct shmid_ds state;
    int64_t key = 0, id = 0;
    read_pid_file(lab, server, &text);
    const char *line = line_of(&text, LINE_SHARED_MEMORY);
    if (number_at(line, 0, &key) && number_at(line, 1, &id) &&
        shmctl((int)id, IPC_STAT, &state) == 0 && state.shm_perm.__key == (key_t)key &&
        state.shm_nattch == 0)
        shmctl((int)id, IPC_RMID, NULL);
    bsc_buf_release(&text);
}

/* The server's processes all work in its data folder, and so do the programs that it calls. */
static bool kill_residents(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    pid_t pids[PROCESSES_MAX];
    char *path = bsc_lab_path(lab, server);
    size_t count = 0;
    bool ok = true;
    do {
        count = bsc_process_residents(path, pids, PROCESSES_MAX);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        for (size_t i = 0; ok && i < count; i++)
            ok = bsc_process_end(pids[i], SIGKILL, STOP_WITHIN_MS, err);
    } while (ok && count > 0);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lab_pg_server_crash(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    if (!kill_residents(lab, server, err))
        return false;
    free_shared_memory(lab, server);
    return true;
}

bool bsc_lab_pg_server_stop(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    pid_t pid = pid_of(lab, server);
    if (pid > 0 && !bsc_process_end(pid, SIGINT, STOP_WITHIN_MS, err))
        return false;
    return bsc_lab_pg_server_crash(lab, server, err);
}
