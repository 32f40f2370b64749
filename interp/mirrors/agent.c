#include "mirrors/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "os/process.h"

enum {
    PID_FILE_MAX = 4096,
    COMMAND_LINE_MAX = 256 * 1024,
    AGENT_WORDS = 5,    /* program, "agent", "mirror", principal, mirror */
    END_WAIT_MS = 15000 /* longer than a round waits for a client's transaction */
};

static char *pid_file_of(const char *mirror)
{
    return bsc_mem_format("%s.agent", mirror);
}

/* Gives the agent's pid as the file has it, 0 when there is no such file or no number in it. */
static bool read_pid(const struct bsc_sys *sys, const char *mirror, pid_t *ret_pid,
                     struct bsc_err *err)
{
    char *path = pid_file_of(mirror);
    struct bsc_buf text = {0};
    bool ok;

    bsc_buf_init(&text);
    *ret_pid = 0;
    ok = bsc_files_read(sys, path, PID_FILE_MAX, &text, err);
    if (ok) {
        long number = strtol(text.data, NULL, 10);

        *ret_pid = number > 0 && number <= INT32_MAX ? (pid_t)number : 0;
    } else if (err->code == BSC_ERR_NOT_FOUND) {
        *err = (struct bsc_err)BSC_ERR_INIT;
        ok = true;
    }
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

/* Takes the words of a command line, which are NUL-terminated, apart. */
static size_t split(const struct bsc_buf *line, const char *words[AGENT_WORDS])
{
    size_t count = 0;

    for (size_t at = 0; at < line->length && count < AGENT_WORDS; at += strlen(line->data + at) + 1)
        words[count++] = line->data + at;
    return count;
}

/* Returns owned what the process follows when it is the agent of this mirror, else NULL. */
static char *principal_of(pid_t pid, const char *mirror)
{
    char *path = bsc_mem_format("/proc/%d/cmdline", (int)pid);
    const char *words[AGENT_WORDS] = {NULL};
    struct bsc_err gone = BSC_ERR_INIT;
    struct bsc_buf line = {0};
    char *principal = NULL;

    bsc_buf_init(&line);
    if (bsc_files_read(bsc_sys_real(), path, COMMAND_LINE_MAX, &line, &gone) &&
        split(&line, words) == AGENT_WORDS && strcmp(words[1], "agent") == 0 &&
        strcmp(words[2], "mirror") == 0 && strcmp(words[4], mirror) == 0)
        principal = bsc_mem_text(words[3]);
    bsc_buf_release(&line);
    bsc_mem_free(path);
    return principal;
}

static void take_if_agent(pid_t pid, const char *mirror, struct bsc_mirrors_agent *ret)
{
    if (pid <= 0 || ret->pid != 0 || !bsc_process_alive(pid))
        return;
    ret->principal = principal_of(pid, mirror);
    if (ret->principal != NULL)
        ret->pid = pid;
}

/* An agent that does not hold the log yet has no file. */
static bool look_at_all(const char *mirror, struct bsc_mirrors_agent *ret, struct bsc_err *err)
{
    struct bsc_files_list processes = {0};
    bool ok = bsc_files_list("/proc", &processes, err);

    for (size_t i = 0; ok && i < processes.count; i++) {
        int64_t pid = 0;

        if (bsc_num_parse(processes.names[i], strlen(processes.names[i]), &pid) && pid <= INT32_MAX)
            take_if_agent((pid_t)pid, mirror, ret);
    }
    bsc_files_list_release(&processes);
    return ok;
}

bool bsc_mirrors_agent_find(const struct bsc_sys *sys, const char *mirror,
                            struct bsc_mirrors_agent *ret, struct bsc_err *err)
{
    pid_t pid = 0;

    *ret = (struct bsc_mirrors_agent){0};
    if (!read_pid(sys, mirror, &pid, err))
        return false;
    take_if_agent(pid, mirror, ret);
    return ret->pid != 0 || look_at_all(mirror, ret, err);
}

void bsc_mirrors_agent_release(struct bsc_mirrors_agent *agent)
{
    bsc_mem_free(agent->principal);
    *agent = (struct bsc_mirrors_agent){0};
}

static bool end(const struct bsc_mirrors_agent *agent, struct bsc_err *err)
{
    return agent->pid == 0 || bsc_process_end(agent->pid, SIGTERM, END_WAIT_MS, err);
}

bool bsc_mirrors_agent_end(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err)
{
    struct bsc_mirrors_agent agent = {0};
    bool ok = bsc_mirrors_agent_find(sys, mirror, &agent, err) && end(&agent, err);

    bsc_mirrors_agent_release(&agent);
    return ok;
}

bool bsc_mirrors_agent_holds(const struct bsc_sys *sys, const char *mirror, pid_t pid)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    pid_t said = 0;

    return read_pid(sys, mirror, &said, &ignored) && said == pid;
}

bool bsc_mirrors_agent_announce(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err)
{
    char *path = pid_file_of(mirror);
    char *text = bsc_mem_format("%d\n", (int)getpid());
    bool ok = bsc_files_write(sys, path, text, strlen(text), 0640, err);

    bsc_mem_free(text);
    bsc_mem_free(path);
    return ok;
}

/* What an earlier agent has said counts for nobody who may get its pid. */
static bool forget_earlier(const struct bsc_sys *sys, const char *mirror, struct bsc_err *err)
{
    char *path = pid_file_of(mirror);
    bool ok = sys->unlink(sys->self, path) == 0 || errno == ENOENT ||
              bsc_err_sys(err, errno, "could not remove '%s'", path);

    bsc_mem_free(path);
    return ok;
}

bool bsc_mirrors_agent_start(const struct bsc_sys *sys, const char *program, const char *principal,
                             const char *mirror, pid_t *ret_pid, struct bsc_err *err)
{
    const char *const words[] = {program, "agent", "mirror", principal, mirror, NULL};
    char *log = bsc_mem_format("%s.agent.log", mirror);
    bool ok = forget_earlier(sys, mirror, err) && bsc_process_detach(words, log, ret_pid, err);

    bsc_mem_free(log);
    return ok;
}
