#include "os/process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRY_MAX = 4096 };

void bsc_process_user(char ret_name[BSC_PROCESS_USER])
{
    char room[ENTRY_MAX];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(geteuid(), &entry, room, sizeof room, &found) == 0 && found != NULL)
        snprintf(ret_name, BSC_PROCESS_USER, "%s", found->pw_name);
    else
        snprintf(ret_name, BSC_PROCESS_USER, "uid %lu", (unsigned long)geteuid());
}

void bsc_process_host(char ret_name[BSC_PROCESS_HOST])
{
    ret_name[BSC_PROCESS_HOST - 1] = '\0';
    if (gethostname(ret_name, BSC_PROCESS_HOST - 1) != 0)
        ret_name[0] = '\0';
}

/* The groups go first: without root none could be given back. */
bool bsc_process_become_owner(const char *folder, struct bsc_err *err)
{
    struct stat found;
    if (geteuid() != 0)
        return true;
    if (stat(folder, &found) != 0)
        return bsc_err_sys(err, errno, "cannot look at \"%s\"", folder);
    if (setgroups(0, NULL) != 0 || setgid(found.st_gid) != 0 || setuid(found.st_uid) != 0)
        return bsc_err_sys(err, errno, "cannot work as the owner of \"%s\"", folder);
    return true;
}
