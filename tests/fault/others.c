#include "others.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "mirrors/agent.h"
#include "os/clock.h"
#include "os/process.h"

enum { LINE_MAX_BYTES = 4096 };

static const struct pair {
    unsigned agent;
    const char *principal, *mirror;
} pairs[] = {
    {FAULT_BOSTON, "dc2/sql3/mgc.db", "dc2/sql4/mgc.db"},
    {FAULT_ATLANTA, "dc1/sql1/mgc.db", "dc1/sql2/mgc.db"},
};

enum { PAIRS = sizeof pairs / sizeof pairs[0] };

static char *path_in(const struct fault_bench *bench, const char *name)
{
    return bsc_mem_format("%s/%s", bench->site, name);
}

void fault_session_begin(struct fault_bench *bench)
{
    int ready[2] = {-1, -1};
    char byte = 0;
    if (bench->course->session == NULL)
        return;
    char *path = path_in(bench, bench->course->session);
    fault_need(pipe(ready) == 0, "make", "a pipe");
    int pid = fork();
    if (pid == 0) {
        bool opened = open(path, O_RDONLY) >= 0 && write(ready[1], "r", 1) == 1;
        while (opened)
            pause();
        _exit(1);
    }
    bsc_mem_free(path);
    fault_need(pid > 0 && read(ready[0], &byte, 1) == 1, "begin", "a session");
    close(ready[0]);
    close(ready[1]);
    bench->session = pid;
}

void fault_session_end(struct fault_bench *bench)
{
    if (bench->session == 0)
        return;
    (void)kill(bench->session, SIGKILL);
    (void)waitpid(bench->session, NULL, 0);
    bench->session = 0;
}

static void begin_agent(const struct fault_bench *bench, const struct pair *pair)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *program = bsc_process_own_path(&err);
    char *principal = path_in(bench, pair->principal), *mirror = path_in(bench, pair->mirror);
    pid_t pid = 0;
    fault_need(bsc_mirrors_agent_start(bsc_sys_real(), program, principal, mirror, &pid, &err),
               "begin the agent of", mirror);
    while (bsc_process_alive(pid) && !bsc_mirrors_agent_holds(bsc_sys_real(), mirror, pid))
        (void)bsc_clock_pause(1, NULL);
    bsc_mem_free(program);
    bsc_mem_free(principal);
    bsc_mem_free(mirror);
}

void fault_agents_begin(const struct fault_bench *bench, unsigned agents)
{
    for (size_t i = 0; i < PAIRS; i++) {
        if ((pairs[i].agent & agents) != 0)
            begin_agent(bench, &pairs[i]);
    }
}

static void end_agent(const struct fault_bench *bench, const struct pair *pair)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_mirrors_agent agent = {0};
    char *mirror = path_in(bench, pair->mirror);
    fault_need(bsc_mirrors_agent_find(bsc_sys_real(), mirror, &agent, &err), "find", err.message);
    if (agent.pid > 0) {
        (void)kill(agent.pid, SIGKILL);
        (void)waitpid(agent.pid, NULL, 0);
    }
    bsc_mirrors_agent_release(&agent);
    bsc_mem_free(mirror);
}

void fault_agents_end(const struct fault_bench *bench)
{
    for (size_t i = 0; i < PAIRS; i++)
        end_agent(bench, &pairs[i]);
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

/* Which agent a process is, 0 for any other. */
static unsigned agent_of(int pid)
{
    char path[64], line[LINE_MAX_BYTES];
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, line, sizeof line) : -1;
    unsigned agent = 0;
    for (size_t i = 0; i < PAIRS && length > 0; i++) {
        const char *mirror = pairs[i].mirror;
        if (memmem(line, (size_t)length, mirror, strlen(mirror)) != NULL)
            agent |= pairs[i].agent;
    }
    if (fd >= 0)
        close(fd);
    return agent;
}

unsigned fault_agents_of(int parent)
{
    char path[64];
    int pid = 0;
    unsigned agents = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
    FILE *children = fopen(path, "re");
    while (children != NULL && fscanf(children, "%d", &pid) == 1)
        agents |= pid != getpid() && bsc_process_alive(pid) ? agent_of(pid) : 0;
    if (children != NULL)
        (void)fclose(children);
    return agents;
}

static bool is_written(const struct fault_state *state, const char *mirror)
{
    char *name = bsc_mem_format("%s.agent", mirror);
    bool found = false;
    for (size_t i = 0; i < state->count && !found; i++)
        found = strcmp(state->entries[i].name, name) == 0;
    bsc_mem_free(name);
    return found;
}

unsigned fault_agents_written(const struct fault_state *state, unsigned agents)
{
    for (size_t i = 0; i < PAIRS; i++) {
        if ((agents & pairs[i].agent) != 0 && !is_written(state, pairs[i].mirror))
            agents &= ~pairs[i].agent;
    }
    return agents;
}
