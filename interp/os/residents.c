#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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
#include "os/process_int.h"

enum { PATH_BYTES = 64 };

/* What is looked for: the folder, by its name and by what it is. */
struct place {
    char *path;                  /* owned: the real one */
    int fd;                      /* of the folder */
    struct stat self;            /* the folder */
    struct bsc_files_list names; /* of what is in it */
    bool is_listed;              /* the names are known */
};

static bool is_in(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Where a link leads; "" where that cannot be told. False where the system does not tell it of any
 * link of the process. */
static bool target_of(int folder, const char *name, char ret_target[PATH_MAX])
{
    ssize_t length = readlinkat(folder, name, ret_target, PATH_MAX - 1);
    ret_target[length < 0 ? 0 : length] = '\0';
    return length >= 0 || (errno != EACCES && errno != EPERM);
}

/* One folder may be mounted in two places, and have two paths. */
static bool works_in(int proc, const char *pid, const struct place *place, bool *ret_told)
{
    char name[PATH_BYTES], target[PATH_MAX];
    struct stat there;
    snprintf(name, sizeof name, "%.20s/cwd", pid);
    *ret_told = target_of(proc, name, target);
    return place->path != NULL &&
           (is_in(target, place->path) ||
            (fstatat(proc, name, &there, 0) == 0 && is_same(&there, &place->self)));
}

static int by_bytes(const void *key, const void *name)
{
    return strcmp(key, *(char *const *)name);
}

static bool may_have(const struct place *place, const char *name)
{
    const struct bsc_files_list *names = &place->names;
    return !place->is_listed || (names->count > 0 && bsearch(name, names->names, names->count,
                                                             sizeof *names->names, by_bytes));
}

/* Whether a path that a link leads to is in the folder, or is what is there under the same name.
 * Nearly all lead to a name that is not there. */
static bool is_of(const char *target, int fds, const char *fd, const struct place *place)
{
    const char *name = bsc_files_name_of(target);
    struct stat there, open;
    return is_in(target, place->path) ||
           (may_have(place, name) && fstatat(place->fd, name, &there, 0) == 0 &&
            fstatat(fds, fd, &open, 0) == 0 && is_same(&there, &open));
}

/* The links there may be written to where the file may. */
static bool may_be_written(int fds, const char *fd)
{
    struct stat link;
    return fstatat(fds, fd, &link, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(link.st_mode) &&
           (link.st_mode & S_IWUSR) != 0;
}

/* What is no path has no name. */
static bool writes_in(const char *pid, const struct place *place)
{
    char path[PATH_BYTES], target[PATH_MAX];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    DIR *all = place->path != NULL ? opendir(path) : NULL;
    for (struct dirent *entry = NULL; all != NULL && !found && (entry = readdir(all));) {
        const char *fd = entry->d_name;
        found = fd[0] != '.' && target_of(dirfd(all), fd, target) && target[0] == '/' &&
                is_of(target, dirfd(all), fd, place) && may_be_written(dirfd(all), fd);
    }
    if (all != NULL)
        closedir(all);
    return found;
}

/* Without a path where the folder is not there. */
static void place_open(struct place *place, const char *folder)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *real = bsc_files_real_path(folder, &ignored);
    *place = (struct place){.path = real, .fd = -1};
    if (real == NULL)
        return;
    (void)stat(real, &place->self);
    place->fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void place_release(struct place *place)
{
    bsc_files_list_release(&place->names);
    bsc_process_close(&place->fd);
    bsc_mem_free(place->path);
}

/* The next other process; NULL after the last. They come in ascending order. */
static const char *next_pid(DIR *proc, pid_t own, pid_t *ret_pid)
{
    for (struct dirent *entry = NULL; (entry = readdir(proc)) != NULL;) {
        int64_t pid = 0;
        if (bsc_num_parse(entry->d_name, strlen(entry->d_name), &pid) && pid != own) {
            *ret_pid = (pid_t)pid;
            return entry->d_name;
        }
    }
    return NULL;
}

size_t bsc_process_residents(const char *folder, pid_t *ret_pids, size_t max)
{
    struct place place;
    size_t count = 0;
    bool told = false;
    pid_t pid = 0;
    place_open(&place, folder);
    DIR *proc = opendir("/proc");
    for (const char *name = NULL;
         proc != NULL && count < max && (name = next_pid(proc, getpid(), &pid)) != NULL;) {
        if (works_in(dirfd(proc), name, &place, &told))
            ret_pids[count++] = pid;
    }
    if (proc != NULL)
        closedir(proc);
    place_release(&place);
    return count;
}

/* Of a process of which the system does not tell where it works, it tells of no descriptor either.
 */
static void find_users(DIR *proc, const struct place *work, const struct place *log,
                       struct bsc_process_users *ret)
{
    const pid_t own = getpid();
    bool told = false;
    pid_t pid = 0;
    for (const char *name = NULL;
         ret->resident == 0 && (name = next_pid(proc, own, &pid)) != NULL;) {
        if (works_in(dirfd(proc), name, work, &told))
            ret->resident = pid;
        else if (told && ret->writer == 0 && writes_in(name, log))
            ret->writer = pid;
    }
}

struct bsc_process_users bsc_process_users(const char *work, const char *log)
{
    struct bsc_process_users users = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    struct place places[2];
    place_open(&places[0], work);
    place_open(&places[1], log);
    places[1].is_listed = bsc_files_list(log, &places[1].names, &ignored);
    DIR *proc = opendir("/proc");
    if (proc != NULL) {
        find_users(proc, &places[0], &places[1], &users);
        closedir(proc);
    }
    place_release(&places[0]);
    place_release(&places[1]);
    return users;
}
