#include "os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "os/process_int.h"

enum { PATH_BYTES = 128, FACTS_BYTES = 1024 };

/* The system lists an open file's locks among what it knows of each descriptor. A descriptor alone
 * proves nothing: who has inherited it may have outlived the lock. */
static bool has_lock(const char *pid, const char *fd)
{
    char path[PATH_BYTES];
    char text[FACTS_BYTES] = {0};
    snprintf(path, sizeof path, "/proc/%.20s/fdinfo/%.20s", pid, fd);
    int facts = open(path, O_RDONLY | O_CLOEXEC);
    if (facts < 0)
        return false;
    ssize_t length = read(facts, text, sizeof text - 1);
    bsc_process_close(&facts);
    return length > 0 && strstr(text, "\nlock:") != NULL;
}

/* Descriptors are told apart by where they lead; to ask each for its file might wait for a server
 * of files that is down. */
static bool leads_to(int folder, const char *fd, const char *file)
{
    char target[PATH_MAX] = {0};
    ssize_t length = readlinkat(folder, fd, target, sizeof target - 1);
    return length > 0 && strcmp(target, file) == 0;
}

static bool holds(const char *pid, const char *file)
{
    char path[PATH_BYTES];
    bool held = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    for (struct dirent *entry = NULL; !held && (entry = readdir(folder)) != NULL;)
        held = leads_to(dirfd(folder), entry->d_name, file) && has_lock(pid, entry->d_name);
    closedir(folder);
    return held;
}

static int by_number(const void *a, const void *b)
{
    const pid_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

size_t bsc_process_lock_holders(const char *path, pid_t *ret_pids, size_t max)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    size_t count = 0;
    char *file = bsc_files_real_path(path, &ignored);
    DIR *all = file != NULL ? opendir("/proc") : NULL;
    for (struct dirent *entry = NULL; all != NULL && count < max && (entry = readdir(all));) {
        int64_t pid = 0;
        if (bsc_num_parse(entry->d_name, strlen(entry->d_name), &pid) && pid != getpid() &&
            holds(entry->d_name, file))
            ret_pids[count++] = (pid_t)pid;
    }
    if (all != NULL)
        closedir(all);
    bsc_mem_free(file);
    qsort(ret_pids, count, sizeof *ret_pids, by_number);
    return count;
}
