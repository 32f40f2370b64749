#include "put.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *conform_path(const struct conform_scene *scene, const char *name)
{
    return bsc_mem_format("%s/%s", scene->bench->site, name);
}

static void write_to(const struct conform_scene *scene, const char *name, int flags, int64_t offset,
                     const void *bytes, size_t length)
{
    char *path = conform_path(scene, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    conform_need(fd >= 0 && pwrite(fd, bytes, length, offset) == (ssize_t)length, "write", path);
    close(fd);
    bsc_mem_free(path);
}

void conform_put(const struct conform_scene *scene, const char *name, const void *bytes,
                 size_t length)
{
    write_to(scene, name, O_CREAT | O_TRUNC, 0, bytes, length);
}

void conform_put_text(const struct conform_scene *scene, const char *name, const char *text)
{
    conform_put(scene, name, text, strlen(text));
}

void conform_patch(const struct conform_scene *scene, const char *name, int64_t offset,
                   const void *bytes, size_t length)
{
    write_to(scene, name, 0, offset, bytes, length);
}

void conform_cut(const struct conform_scene *scene, const char *name, int64_t bytes)
{
    char *path = conform_path(scene, name);
    conform_need(truncate(path, bytes) == 0, "cut", path);
    bsc_mem_free(path);
}

void conform_make_folder(const struct conform_scene *scene, const char *name)
{
    char *path = conform_path(scene, name);
    conform_need(mkdir(path, 0700) == 0 || errno == EEXIST, "make folder", path);
    bsc_mem_free(path);
}

void conform_remove(const struct conform_scene *scene, const char *name)
{
    char *path = conform_path(scene, name);
    if (unlink(path) != 0 && errno != ENOENT)
        fault_tree_remove(path);
    bsc_mem_free(path);
}

static char *read_all(const char *path, struct stat *ret_status)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    conform_need(fd >= 0 && fstat(fd, ret_status) == 0, "read", path);
    char *bytes = bsc_mem_new((size_t)ret_status->st_size + 1, 1);
    conform_need(read(fd, bytes, (size_t)ret_status->st_size) == ret_status->st_size, "read", path);
    close(fd);
    return bytes;
}

void conform_copy(const struct conform_scene *scene, const char *from, const char *to)
{
    struct stat status = {0};
    char *source = conform_path(scene, from), *target = conform_path(scene, to);
    char *bytes = read_all(source, &status);
    const struct timespec times[2] = {status.st_atim, status.st_mtim};
    conform_put(scene, to, bytes, (size_t)status.st_size);
    conform_need(utimensat(AT_FDCWD, target, times, 0) == 0, "set the time of", target);
    bsc_mem_free(bytes);
    bsc_mem_free(source);
    bsc_mem_free(target);
}

void conform_sql(const struct conform_scene *scene, const char *name, const char *sql)
{
    char *path = conform_path(scene, name);
    sqlite3 *db = NULL;
    conform_need(sqlite3_open(path, &db) == SQLITE_OK &&
                     sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
                 sqlite3_errmsg(db), sql);
    sqlite3_close(db);
    bsc_mem_free(path);
}

void conform_restate(const struct conform_scene *scene, const char *name,
                     void (*change)(struct bsc_logs_state *state))
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    char *path = conform_path(scene, name);
    conform_need(bsc_logs_state_load(bsc_sys_real(), path, &state, &err), "read the sidecar of",
                 path);
    change(&state);
    conform_need(bsc_logs_state_save(bsc_sys_real(), path, &state, &err), "write the sidecar of",
                 path);
    bsc_logs_state_release(&state);
    bsc_mem_free(path);
}

void conform_mark(const struct conform_scene *scene, const char *name, enum bsc_logs_mark mark)
{
    unsigned char bytes[2] = {0};
    bsc_logs_mark_bytes(mark, bytes);
    conform_patch(scene, name, BSC_LOGS_DB_HEADER_VERSIONS, bytes, sizeof bytes);
}
