#include "os/tree.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/files.h"

enum { FOLDERS_OPEN_MAX = 16 };

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

bool bsc_tree_remove(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    struct stat status;
    if (sys->stat(sys->self, path, &status) != 0)
        return errno == ENOENT || bsc_err_sys(err, errno, "cannot remove \"%s\"", path);
    if (nftw(path, remove_entry, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS) == 0)
        return true;
    return bsc_err_sys(err, errno, "cannot remove \"%s\"", path);
}

void bsc_tree_prune(const char *path, const char *topmost)
{
    char *at = bsc_mem_text(path);
    while (rmdir(at) == 0 && strcmp(at, topmost) != 0) {
        char *above = bsc_files_folder_of(at);
        bsc_mem_free(at);
        at = above;
    }
    bsc_mem_free(at);
}
