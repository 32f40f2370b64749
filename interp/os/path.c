#include "os/files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *bsc_files_join(const char *folder, const char *name)
{
    size_t length = strlen(folder);
    if (name[0] == '/' || length == 0)
        return bsc_mem_text(name);
    const char *between = folder[length - 1] == '/' ? "" : "/";
    return bsc_mem_format("%s%s%s", folder, between, name);
}

char *bsc_files_folder_of(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length == 0 ? bsc_mem_text(".") : bsc_mem_bytes(path, length);
}

const char *bsc_files_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

char *bsc_files_real_path(const char *path, struct bsc_err *err)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        bsc_err_sys(err, errno, "could not find '%s'", path);
    return real;
}
