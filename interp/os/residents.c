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

/* Where a link leads; "" where that cannot be told. */
static void target_of(const char *path, char ret_target[PATH_MAX])
{
    ssize_t length = readlink(path, ret_target, PATH_MAX - 1);
    ret_target[length < 0 ? 0 : length] = '\0';
}

static bool is_in(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

/* One folder may be mounted in two places, and have two paths. */
static bool is_same(const char *path, const char *other)
{
    struct stat a = {0}, b = {0};
    return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static bool works_in(const char *pid, const char *folder)
{
    char path[PATH_BYTES], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%.20s/cwd", pid);
    target_of(path, target);
    return is_in(target, folder) || is_same(folder, path);
}

/* Whether a link leads into the folder, or to what is there under the same name. */
static bool leads_into(const char *path, const char *folder)
{
    char target[PATH_MAX], there[2 * PATH_MAX];
    target_of(path, target);
    if (target[0] != '/')
        return false;
    snprintf(there, sizeof there, "%s/%s", folder, bsc_files_name_of(target));
    return is_in(target, folder) || is_same(there, path);
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
