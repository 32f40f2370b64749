#include "lib/wal_way_int.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "os/files.h"
#include "value/digest.h"

enum { PID_FILE_MAX = 4096 };

static void refuse(struct bsc_lib_wal_way *way, char *why)
{
    bsc_mem_free(way->why);
    way->why = why;
}

/* The file of its own that a server writes when it starts: its pid, folder, sockets and time of
 * start. What the server reads and what lies in the folder are the same in no other one. */
static bool is_its_own(const struct bsc_lib_call *call, const char *data, const char *told,
                       struct bsc_lib_wal_way *way)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    char hex[BSC_DIGEST_HEX] = "";
    char *path = bsc_files_join(data, "postmaster.pid");
    bsc_buf_init(&text);
    bool there = bsc_files_read(call->env->sys, path, PID_FILE_MAX, &text, &err);
    if (there)
        bsc_digest_text(text.data, text.length, hex);
    bool same = there && told != NULL && strcmp(hex, told) == 0;
    if (!there)
        refuse(way, bsc_mem_text(err.message));
    else if (!same)
        refuse(way, bsc_mem_format("%s is not the folder that the server works in", data));
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return same;
}

static bool has_room(const struct bsc_lib_call *call, int64_t bytes, struct bsc_lib_wal_way *way)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t free_bytes = 0;
    if (!bsc_files_free_space(call->env->sys, way->folder, &free_bytes, &err))
        refuse(way, bsc_mem_text(err.message));
    else if (free_bytes / 2 < bytes)
        refuse(way, bsc_mem_format("%s has %lld bytes free, and %lld are to come", way->folder,
                                   (long long)free_bytes, (long long)bytes));
    return way->why == NULL;
}

static bool may_write(struct bsc_lib_wal_way *way)
{
    const char *const folders[] = {way->folder, way->marks};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        if (access(folders[i], W_OK | X_OK) != 0) {
            bsc_err_sys(&err, errno, "nothing can be written to %s", folders[i]);
            refuse(way, bsc_mem_text(err.message));
            return false;
        }
    }
    return true;
}

/* Where the server archives what it fetches, it notes such a file as one that is still to be
 * archived. */
static void look(const struct bsc_lib_call *call, const char *data, int64_t bytes,
                 const struct bsc_value *row, struct bsc_lib_wal_way *way)
{
    const char *archive = bsc_value_string(bsc_value_at(row, 1));
    way->folder = bsc_files_join(data, "pg_wal");
    way->marks = bsc_files_join(way->folder, "archive_status");
    way->mark = bsc_mem_text(archive != NULL && strcmp(archive, "always") == 0 ? "ready" : "done");
    (void)(is_its_own(call, data, bsc_value_string(bsc_value_at(row, 0)), way) &&
           has_room(call, bytes, way) && may_write(way));
}

void bsc_lib_wal_way_find(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                          const char *data, int64_t bytes, struct bsc_lib_wal_way *ret)
{
    static const char question[] =
        "SELECT encode(sha256(convert_to(pg_read_file('postmaster.pid', 0, 4096, true), 'UTF8')),"
        " 'hex'), current_setting('archive_mode')";
    struct bsc_err err = BSC_ERR_INIT;
    *ret = (struct bsc_lib_wal_way){0};
    struct bsc_value *row = bsc_lib_standby_ask(call, target, question, NULL, &err);
    if (row == NULL)
        refuse(ret, bsc_mem_text(err.message));
    else
        look(call, data, bytes, row, ret);
    bsc_value_free(row);
}

void bsc_lib_wal_way_release(struct bsc_lib_wal_way *way)
{
    bsc_mem_free(way->folder);
    bsc_mem_free(way->marks);
    bsc_mem_free(way->mark);
    bsc_mem_free(way->why);
    *way = (struct bsc_lib_wal_way){0};
}

/* wal.own */

#define OWN_ARGS "server: text, database: text, data: text"

enum { NAME_DIGITS = 24 };

/* A log file that the server says to have whole, archived or not: of others there only the name may
 * be right. Puts the name that the mark is of into ret_name. */
static bool is_mark(const char *mark, char ret_name[NAME_DIGITS + 1])
{
    const char *end = mark + NAME_DIGITS;
    if (strspn(mark, "0123456789ABCDEF") != NAME_DIGITS ||
        (strcmp(end, ".done") != 0 && strcmp(end, ".ready") != 0))
        return false;
    memcpy(ret_name, mark, NAME_DIGITS);
    ret_name[NAME_DIGITS] = '\0';
    return true;
}

/* Both marks of one file come one after the other. */
static bool list_own(const struct bsc_lib_call *call, const struct bsc_lib_wal_way *way,
                     struct bsc_value *files, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    struct bsc_files_list list = {0};
    char name[NAME_DIGITS + 1] = "", last[NAME_DIGITS + 1] = "";
    if (!bsc_files_list(way->marks, &list, err))
        return false;
    for (size_t i = 0; i < list.count; i++) {
        struct stat found;
        if (!is_mark(list.names[i], name) || strcmp(name, last) == 0)
            continue;
        memcpy(last, name, sizeof last);
        char *path = bsc_files_join(way->folder, name);
        if (sys->stat(sys->self, path, &found) == 0)
            bsc_value_append(files, bsc_value_format("%lld %s", (long long)found.st_size, name));
        bsc_mem_free(path);
    }
    bsc_files_list_release(&list);
    return true;
}

static bool own_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_target target;
    struct bsc_lib_wal_way way;
    const char *data = NULL;
    if (!bsc_lib_args_known(call->args, OWN_ARGS, err) ||
        !bsc_lib_standby_target(call, &target, err) ||
        !bsc_lib_args_path(call->args, "data", &data, err))
        return false;
    bsc_lib_wal_way_find(call, &target, data, 0, &way);
    struct bsc_value *files = bsc_value_list();
    bool ok = way.why != NULL ? bsc_err_set(err, BSC_ERR_CONFLICT, "%s", way.why)
                              : list_own(call, &way, files, err);
    bsc_lib_wal_way_release(&way);
    if (!ok) {
        bsc_value_free(files);
        return false;
    }
    *ret = bsc_value_map();
    bsc_value_set(*ret, "files", files);
    return true;
}

const struct bsc_lib_row bsc_lib_row_wal_own = {
    .name = "wal.own",
    .effect = BSC_LIB_READ,
    .run = own_run,
    .lane = "server",
    .args = OWN_ARGS,
    .result = "map {files: list}",
    .doc =
        "Lists the log files that a PostgreSQL server says to have whole in its own pg_wal, each "
        "as its size and its name; an error where `data` is not the folder that it works in.",
};
