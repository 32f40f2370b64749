#include "hold.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "mirrors/agent.h"
#include "put.h"

static bool take(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    if (sql == NULL)
        return open(path, O_RDONLY) >= 0;
    return sqlite3_open(path, &db) == SQLITE_OK &&
           sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void be_holder(const char *path, const char *sql, int ready)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    bool taken = take(path, sql) && write(ready, "r", 1) == 1;
    while (taken)
        pause();
    _exit(1);
}

void conform_hold(const struct conform_scene *scene, const char *name, const char *sql)
{
    struct conform_holders *holders = scene->holders;
    char *path = conform_path(scene, name);
    int ready[2] = {-1, -1};
    char byte = 0;
    conform_need(holders->count < sizeof holders->pid / sizeof holders->pid[0] && pipe(ready) == 0,
                 "hold", path);
    int pid = fork();
    if (pid == 0)
        be_holder(path, sql, ready[1]);
    close(ready[1]);
    conform_need(pid > 0 && read(ready[0], &byte, 1) == 1, "hold", path);
    close(ready[0]);
    holders->pid[holders->count++] = pid;
    bsc_mem_free(path);
}

void conform_holders_end(struct conform_holders *holders)
{
    for (size_t i = 0; i < holders->count; i++) {
        (void)kill(holders->pid[i], SIGKILL);
        (void)waitpid(holders->pid[i], NULL, 0);
    }
    holders->count = 0;
}

static void end_agent(const char *mirror)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_mirrors_agent agent = {0};
    conform_need(bsc_mirrors_agent_find(bsc_sys_real(), mirror, &agent, &err), "find the agent of",
                 mirror);
    if (agent.pid > 0) {
        (void)kill(agent.pid, SIGKILL);
        (void)waitpid(agent.pid, NULL, 0);
    }
    bsc_mirrors_agent_release(&agent);
}

void conform_agents_end(const struct conform_bench *bench)
{
    static const char *const mirrors[] = {"dc1/sql2/mgc.db", "dc2/sql4/mgc.db"};
    bool left = waitpid(-1, NULL, WNOHANG) >= 0;
    for (size_t i = 0; left && i < sizeof mirrors / sizeof mirrors[0]; i++) {
        char *mirror = bsc_mem_format("%s/%s", bench->site, mirrors[i]);
        end_agent(mirror);
        bsc_mem_free(mirror);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}
