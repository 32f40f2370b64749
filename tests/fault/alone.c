#include "alone.h"

#include <dirent.h>
#include <ftw.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 256 };

/* What every process of the test must know is kept in its environment. */
static const char parent_name[] = "BSC_FAULT_PARENT";
static const char folder_name[] = "BSC_FAULT_LISTS";
static const char fork_name[] = "BSC_FAULT_FORK";

void fault_alone_begin(const char *folder)
{
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    (void)setenv(parent_name, pid, 1);
    (void)setenv(folder_name, folder, 1);
}

void fault_alone_fork(char digit)
{
    const char fork[] = {digit, '\0'};
    (void)setenv(fork_name, fork, 1);
}

void fault_alone_settle(void)
{
    cpu_set_t here;
    int cpu = sched_getcpu();
    CPU_ZERO(&here);
    if (cpu < 0)
        return;
    CPU_SET((size_t)cpu, &here);
    (void)sched_setaffinity(0, sizeof here, &here);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

static void add_process(const char *folder, const char *pid)
{
    char path[PATH_SIZE];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, pid) < sizeof path)
        (void)mkdir(path, 0700);
}

/* Makes the folder hold an entry for the parent and for each of its children, among which are the
 * agents: whoever started them has ended. False when the system does not tell. */
static bool make_list(const char *folder, const char *parent)
{
    char path[PATH_SIZE], pid[16];
    (void)snprintf(path, sizeof path, "/proc/%s/task/%s/children", parent, parent);
    FILE *children = fopen(path, "re");
    if (children == NULL)
        return false;
    (void)nftw(folder, remove_entry, 4, FTW_DEPTH | FTW_PHYS);
    (void)mkdir(folder, 0700);
    add_process(folder, parent);
    while (fscanf(children, "%15s", pid) == 1)
        add_process(folder, pid);
    (void)fclose(children);
    return true;
}

/* The names are the linker's: whatever calls opendir in this program comes here. */
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
    const char *parent = getenv(parent_name), *folder = getenv(folder_name);
    char list[PATH_SIZE];
    if (strcmp(path, "/proc") != 0 || parent == NULL || folder == NULL)
        return __real_opendir(path);
    (void)snprintf(list, sizeof list, "%s/processes-%d", folder, (int)gettid());
    return __real_opendir(make_list(list, parent) ? list : path);
}

/* What is drawn at random by an attempt names a recovery fork. It is the same name each time, or no
 * two recoveries would leave the same; the site's own fork has another, and so has each course.
 * Shorter ones keep files apart. */
void __real_bsc_digest_random_hex(char *ret_hex, size_t digits);
void __wrap_bsc_digest_random_hex(char *ret_hex, size_t digits);

void __wrap_bsc_digest_random_hex(char *ret_hex, size_t digits)
{
    const char *parent = getenv(parent_name);
    if (digits < 32 || parent == NULL || strtol(parent, NULL, 10) == getpid()) {
        __real_bsc_digest_random_hex(ret_hex, digits);
        return;
    }
    const char *fork = getenv(fork_name);
    memset(ret_hex, fork != NULL ? fork[0] : 'f', digits);
    ret_hex[digits] = '\0';
}
