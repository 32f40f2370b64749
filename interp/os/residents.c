#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "os/process.h"

enum { PATH_BYTES = 64 };

static bool works_in(const char *pid, const char *folder)
{
    char path[PATH_BYTES];
    char target[PATH_MAX] = {0};
    size_t length = strlen(folder);
    snprintf(path, sizeof path, "/proc/%.20s/cwd", pid);
    if (readlink(path, target, sizeof target - 1) < 0 || strncmp(target, folder, length) != 0)
        return false;
    return target[length] == '\0' || target[length] == '/';
}

static int by_number(const void *a, const void *b)
{
    const pid_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

size_t bsc_process_residents(const char *folder, pid_t *ret_pids, size_t max)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    size_t count = 0;
    char *real = bsc_files_real_path(folder, &ignored);
    DIR *all = real != NULL ? opendir("/proc") : NULL;
    for (struct dirent *entry = NULL; all != NULL && count < max && (entry = readdir(all));) {
        int64_t pid = 0;
        if (bsc_num_parse(entry->d_name, strlen(entry->d_name), &pid) && pid != getpid() &&
            works_in(entry->d_name, real))
            ret_pids[count++] = (pid_t)pid;
    }
    if (all != NULL)
        closedir(all);
    bsc_mem_free(real);
    qsort(ret_pids, count, sizeof *ret_pids, by_number);
    return count;
}
