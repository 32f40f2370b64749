#include "os/process.h"

#include <pwd.h>
#include <stdio.h>
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
