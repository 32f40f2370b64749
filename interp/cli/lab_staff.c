#include "cli/lab.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "mirrors/agent.h"
#include "os/files.h"
#include "os/process.h"

enum {
    PID_TEXT_MAX = 32,
    COMMAND_LINE_MAX = 64 * 1024,
    READY_WITHIN_MS = 60000,
    SHOWN_WITHIN_MS = 1000,
    LOOK_EVERY_MS = 5
};

static char *pid_path(const struct bsc_lab *lab, const char *name)
{
    char *relative = bsc_mem_format(BSC_LAB_PIDS "/%s", name);
    char *path = bsc_lab_path(lab, relative);
    bsc_mem_free(relative);
    return path;
}

/* 0 when there is none. */
static pid_t read_pid(const struct bsc_lab *lab, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    int64_t pid = 0;
    bsc_buf_init(&text);
    if (!bsc_files_read(lab->cli->sys, path, PID_TEXT_MAX, &text, &err) ||
        !bsc_num_parse(text.data, strcspn(text.data, "\n"), &pid))
        pid = 0;
    bsc_buf_release(&text);
    return (pid_t)pid;
}

/* A process that is becoming another program has no command line for a moment. */
static void read_command_line(const struct bsc_lab *lab, pid_t pid, struct bsc_buf *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_mem_format("/proc/%d/cmdline", (int)pid);
    for (int waited = 0; text->length == 0 && waited < SHOWN_WITHIN_MS; waited++) {
        if (!bsc_process_alive(pid) ||
            !bsc_files_read(lab->cli->sys, path, COMMAND_LINE_MAX, text, &err))
            break;
        if (text->length == 0)
            bsc_clock_pause(1, NULL);
    }
    bsc_mem_free(path);
}

bool bsc_lab_staff_owns(const struct bsc_lab *lab, pid_t pid)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (pid > 0)
        read_command_line(lab, pid, &text);
    bool ours = memmem(text.data, text.length, lab->folder, strlen(lab->folder)) != NULL;
    bsc_buf_release(&text);
    return ours;
}

bool bsc_lab_staff_alive(const struct bsc_lab *lab, const char *name)
{
    char *path = pid_path(lab, name);
    bool alive = bsc_lab_staff_owns(lab, read_pid(lab, path));
    bsc_mem_free(path);
    return alive;
}

static bool keep_pid(const struct bsc_lab *lab, const char *name, pid_t pid, struct bsc_err *err)
{
    char text[PID_TEXT_MAX];
    char *path = pid_path(lab, name);
    int length = snprintf(text, sizeof text, "%d\n", (int)pid);
    bool ok = bsc_files_write(lab->cli->sys, path, text, (size_t)length, 0600, err);
    bsc_mem_free(path);
    return ok;
}

static bool wait_until_ready(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    char *ready = bsc_mem_format(BSC_LAB_PIDS "/%s.ready", name);
    char *path = bsc_lab_path(lab, ready);
    bool there = false;
    for (int waited = 0; !there && waited < READY_WITHIN_MS; waited += LOOK_EVERY_MS) {
        there = bsc_files_exists(lab->cli->sys, path);
        if (!there)
            bsc_clock_pause(LOOK_EVERY_MS, NULL);
    }
    bsc_mem_free(ready);
    bsc_mem_free(path);
    if (there)
        return true;
    bsc_err_set(err, BSC_ERR_TIMEOUT, "the lab's %s did not start", name);
    return bsc_err_hint(err, "Its messages are in .lab/log.");
}

bool bsc_lab_staff_begin(const struct bsc_lab *lab, const char *name, const char *const *argv,
                         const char *log, struct bsc_err *err)
{
    pid_t pid = 0;
    char *path = bsc_lab_path(lab, log);
    bool ok = bsc_process_detach(argv, path, &pid, err) && keep_pid(lab, name, pid, err);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lab_staff_hire(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    char *own = bsc_process_own_path(err);
    const char *const argv[] = {own, "lab", "work", lab->folder, role, NULL};
    char *ready = bsc_mem_format(BSC_LAB_PIDS "/%s.ready", role);
    char *path = bsc_lab_path(lab, ready);
    lab->cli->sys->unlink(lab->cli->sys->self, path);
    bool ok = own != NULL && bsc_lab_staff_begin(lab, role, argv, BSC_LAB_LOG, err) &&
              wait_until_ready(lab, role, err);
    bsc_mem_free(ready);
    bsc_mem_free(path);
    bsc_mem_free(own);
    return ok;
}

bool bsc_lab_staff_ready(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    char *name = bsc_mem_format(BSC_LAB_PIDS "/%s.ready", role);
    char *path = bsc_lab_path(lab, name);
    bool ok = bsc_files_write(lab->cli->sys, path, "", 0, 0600, err);
    bsc_mem_free(name);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lab_staff_start(const struct bsc_lab *lab, struct bsc_err *err)
{
    return bsc_lab_staff_hire(lab, "writer", err) &&
           bsc_lab_mirror(lab, "mirrors.follow", BSC_LAB_PRIMARY, BSC_LAB_MIRROR, err) &&
           bsc_lab_staff_hire(lab, "session", err);
}

bool bsc_lab_staff_return(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *mirror = bsc_lab_path(lab, BSC_LAB_NEW_MIRROR);
    bool mirrored = bsc_files_exists(lab->cli->sys, mirror);
    bsc_mem_free(mirror);
    return (!mirrored ||
            bsc_lab_mirror(lab, "mirrors.follow", BSC_LAB_SECONDARY, BSC_LAB_NEW_MIRROR, err)) &&
           bsc_lab_staff_hire(lab, "writer", err);
}

static bool end_by_file(const struct bsc_lab *lab, const char *path, struct bsc_err *err)
{
    enum { WAIT_MS = 20000 };
    pid_t pid = read_pid(lab, path);
    if (bsc_lab_staff_owns(lab, pid) && !bsc_process_end(pid, SIGTERM, WAIT_MS, err))
        return false;
    lab->cli->sys->unlink(lab->cli->sys->self, path);
    return true;
}

bool bsc_lab_staff_dismiss(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    char *path = pid_path(lab, name);
    bool ok = end_by_file(lab, path, err);
    bsc_mem_free(path);
    return ok;
}

static bool end_mirroring(const struct bsc_lab *lab, const char *mirror, struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, mirror);
    bool ok = bsc_mirrors_agent_end(lab->cli->sys, path, err);
    bsc_mem_free(path);
    return ok;
}

bool bsc_lab_staff_end(const struct bsc_lab *lab, bool all, struct bsc_err *err)
{
    if (!bsc_lab_staff_dismiss(lab, "writer", err) || !end_mirroring(lab, BSC_LAB_MIRROR, err))
        return false;
    return !all || (bsc_lab_staff_dismiss(lab, "session", err) &&
                    end_mirroring(lab, BSC_LAB_NEW_MIRROR, err));
}
