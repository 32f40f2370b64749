#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/files.h"

#define LIST_ARGS "path: text"

/* A file that goes while we look is not there any more. */
static void add_file(const struct bsc_sys *sys, const char *folder, const char *name,
                     struct bsc_value *files)
{
    struct stat found;
    char *path = bsc_files_join(folder, name);
    if (sys->stat(sys->self, path, &found) == 0 && S_ISREG(found.st_mode))
        bsc_value_append(files, bsc_value_format("%lld %s", (long long)found.st_size, name));
    bsc_mem_free(path);
}

static bool read_folder(struct bsc_lib_call *call, const char *path, struct bsc_value *files,
                        int64_t *ret_entries, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    if (!bsc_files_list(path, &list, err))
        return false;
    *ret_entries = (int64_t)list.count;
    bool ok = true;
    for (size_t i = 0; ok && i < list.count; i++) {
        ok = bsc_lib_call_continue(call, err);
        if (ok)
            add_file(call->env->sys, path, list.names[i], files);
    }
    bsc_files_list_release(&list);
    return ok;
}

static bool stands_in_folder(const struct bsc_sys *sys, const char *path)
{
    char *parent = bsc_files_folder_of(path);
    bool there = bsc_files_exists(sys, parent);
    bsc_mem_free(parent);
    return there;
}

static bool list_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    const char *path = NULL;
    struct stat found;
    int64_t free_bytes = 0;
    if (!bsc_lib_args_known(call->args, LIST_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err))
        return false;
    bool exists = sys->stat(sys->self, path, &found) == 0;
    if (!exists && errno != ENOENT && errno != ENOTDIR)
        return bsc_err_sys(err, errno, "cannot look at \"%s\"", path);
    struct bsc_value *files = bsc_value_list();
    int64_t entries = 0;
    if (exists && (!read_folder(call, path, files, &entries, err) ||
                   !bsc_files_free_space(sys, path, &free_bytes, err))) {
        bsc_value_free(files);
        return false;
    }
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "exists", exists);
    bsc_value_set_bool(*ret, "parent", stands_in_folder(sys, path));
    bsc_value_set_int(*ret, "free_bytes", free_bytes);
    bsc_value_set_int(*ret, "entries", entries);
    bsc_value_set(*ret, "files", files);
    return true;
}

const struct bsc_lib_row bsc_lib_row_folder_list = {
    .name = "folder.list",
    .effect = BSC_LIB_READ,
    .run = list_run,
    .args = LIST_ARGS,
    .result = "map {exists: bool, parent: bool, free_bytes: int, entries: int, files: list}",
    .doc = "Lists the ordinary files of a folder in order of name, each as its size and its name; "
           "says how many entries it has at all, whether it is there, and the one that it would "
           "be in.",
};
