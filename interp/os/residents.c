#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "os/process.h"

enum { PATH_BYTES = 64 };

static bool leads_into(const char *path, const char *folder)
{
    char target[PATH_MAX] = {0};
    size_t length = strlen(folder);
    if (readlink(path, target, sizeof target - 1) < 0 || strncmp(target, folder, length) != 0)
        return false;
    return target[length] == '\0' || target[length] == '/';
}

static bool works_in(const char *pid, const char *folder)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/%.20s/cwd", pid);
    return leads_into(path, folder);
}

/* The links there may be written to where the file may. */
static bool writes_in(const char *pid, const char *folder)
{
    char path[PATH_BYTES];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *all = opendir(path);
    for (struct dirent *entry = NULL; all != NULL && !found && (entry = readdir(all));) {
        struct stat link;
        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, entry->d_name);
        found = lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && (link.st_mode & S_IWUSR) != 0 &&
                leads_into(path, folder);
    }
    if (all != NULL)
        closedir(all);
    return found;
}

static int by_number(const void *a, const void *b)
{
    const pid_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static size_t find(const char *folder, bool (*is_one)(const char *pid, const char *folder),
                   pid_t *ret_pids, size_t max)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    size_t count = 0;
    char *real = bsc_files_real_path(folder, &ignored);
    DIR *all = real != NULL ? opendir("/proc") : NULL;
    for (struct dirent *entry = NULL; all != NULL && count < max && (entry = readdir(all));) {
        int64_t pid = 0;
        if (bsc_num_parse(entry->d_name, strlen(entry->d_name), &pid) && pid != getpid() &&
            is_one(entry->d_name, real))
            ret_pids[count++] = (pid_t)pid;
    }
    if (all != NULL)
        closedir(all);
    bsc_mem_free(real);
    qsort(ret_pids, count, sizeof *ret_pids, by_number);
    return count;
}

size_t bsc_process_residents(const char *folder, pid_t *ret_pids, size_t max)
{
    return find(folder, works_in, ret_pids, max);
}

size_t bsc_process_writers(const char *folder, pid_t *ret_pids, size_t max)
{
    return find(folder, writes_in, ret_pids, max);
}
