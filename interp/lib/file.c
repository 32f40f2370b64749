#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/files.h"
#include "value/digest.h"

enum { PIECE_BYTES = 1 << 20, MODE_BITS = 0777 };

/* What is known of a file after it was read to its end. */
struct content {
    int64_t bytes;
    mode_t mode;
    char sha256[BSC_DIGEST_HEX];
};

static bool open_regular(const struct bsc_sys *sys, const char *path, int flags, int *ret_fd,
                         struct stat *ret_stat, struct bsc_err *err)
{
    int fd = bsc_files_open(sys, path, O_RDONLY | flags);
    if (fd < 0)
        return bsc_err_sys(err, errno, "cannot open \"%s\"", path);
    bool good = false;
    if (sys->fstat(sys->self, fd, ret_stat) != 0)
        bsc_err_sys(err, errno, "cannot look at \"%s\"", path);
    else if (!S_ISREG(ret_stat->st_mode))
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is not an ordinary file", path);
    else
        good = true;
    if (!good) {
        sys->close(sys->self, fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

static ssize_t read_piece(const struct bsc_sys *sys, int fd, char *piece)
{
    ssize_t got = 0;
    do {
        got = sys->read(sys->self, fd, piece, PIECE_BYTES);
    } while (got < 0 && errno == EINTR);
    return got;
}

/* Reads the file to its end, into the digest and, when `to` is not -1, into another file. */
static bool pump(const struct bsc_lib_call *call, int from, int to, const char *path, int64_t total,
                 struct content *ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    struct bsc_digest digest;
    unsigned char hash[BSC_DIGEST_BYTES];
    char *piece = bsc_mem_new(PIECE_BYTES, 1);
    ssize_t got = 0;
    bool good = true;
    bsc_digest_init(&digest);
    ret->bytes = 0;
    do {
        good = bsc_lib_call_continue(call, err);
        got = good ? read_piece(sys, from, piece) : 0;
        if (got < 0)
            good = bsc_err_sys(err, errno, "cannot read \"%s\"", path);
        if (got > 0) {
            bsc_digest_add(&digest, piece, (size_t)got);
            ret->bytes += got;
            good = to < 0 || bsc_files_write_all(sys, to, piece, (size_t)got, err);
            bsc_lib_call_progress(call, ret->bytes, total, "bytes");
        }
    } while (good && got > 0);
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, ret->sha256);
    bsc_mem_free(piece);
    return good;
}

static bool read_content(const struct bsc_lib_call *call, const char *path, int flags,
                         struct content *ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    struct stat found;
    int fd = -1;
    if (!open_regular(sys, path, flags, &fd, &found, err))
        return false;
    ret->mode = found.st_mode & MODE_BITS;
    bool good = pump(call, fd, -1, path, found.st_size, ret, err);
    sys->close(sys->self, fd);
    return good;
}

/* file.state */

#define STATE_ARGS "path: text"

static bool state(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    const char *path = NULL;
    struct content content = {0};
    struct stat found;
    if (!bsc_lib_args_known(call->args, STATE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err))
        return false;
    bool exists = sys->stat(sys->self, path, &found) == 0;
    if (!exists && errno != ENOENT && errno != ENOTDIR)
        return bsc_err_sys(err, errno, "cannot look at \"%s\"", path);
    if (exists && !read_content(call, path, 0, &content, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "exists", exists);
    bsc_value_set_int(*ret, "bytes", content.bytes);
    bsc_value_set_text(*ret, "sha256", exists ? content.sha256 : NULL);
    return true;
}

/* file.copy */

static bool close_synced(const struct bsc_sys *sys, int fd, const char *path, bool good,
                         struct bsc_err *err)
{
    if (good && sys->fsync(sys->self, fd) != 0)
        good = bsc_err_sys(err, errno, "cannot make \"%s\" durable", path);
    if (sys->close(sys->self, fd) != 0 && good)
        good = bsc_err_sys(err, errno, "cannot close \"%s\"", path);
    return good;
}

static bool copy_content(const struct bsc_lib_call *call, const char *from, const char *partial,
                         struct content *ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    struct stat found;
    int in = -1;
    if (!open_regular(sys, from, 0, &in, &found, err))
        return false;
    bool good = false;
    /* What a killed copy has left may be another name of a finished one, so it is not written to.
     */
    sys->unlink(sys->self, partial);
    int out = sys->open(sys->self, partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
                        found.st_mode & MODE_BITS);
    if (out < 0)
        bsc_err_sys(err, errno, "cannot create \"%s\"", partial);
    else
        good = close_synced(sys, out, partial, pump(call, in, out, from, found.st_size, ret, err),
                            err);
    sys->close(sys->self, in);
    return good;
}

static bool same_content(const struct content *a, const struct content *b)
{
    return a->bytes == b->bytes && strcmp(a->sha256, b->sha256) == 0;
}

/* A file that has come to be under that name meanwhile is not replaced: a link fails then, other
 * than a rename, which stands in where the file system has no links. */
static bool give_name(const struct bsc_sys *sys, const char *partial, const char *to,
                      struct bsc_err *err)
{
    if (sys->link(sys->self, partial, to) == 0)
        return sys->unlink(sys->self, partial) == 0 ||
               bsc_err_sys(err, errno, "cannot remove \"%s\"", partial);
    if (errno == EEXIST) {
        bsc_err_set(err, BSC_ERR_EXISTS, "\"%s\" has come to be there meanwhile", to);
        return bsc_err_hint(err, "Move it aside, or copy to another name.");
    }
    bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
    return (no_links && sys->rename(sys->self, partial, to) == 0) ||
           bsc_err_sys(err, errno, "cannot rename \"%s\" to \"%s\"", partial, to);
}

/* Copies under a temporary name, reads the copy back, and only then gives it its name. */
static bool copy_verified(const struct bsc_lib_call *call, const char *from, const char *to,
                          struct content *ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    struct content copied = {0};
    char *folder = bsc_files_folder_of(to);
    char *name = bsc_mem_format(".%s.partial", bsc_files_name_of(to));
    char *partial = bsc_files_join(folder, name);
    bool good =
        copy_content(call, from, partial, ret, err) && read_content(call, partial, 0, &copied, err);
    if (good && !same_content(ret, &copied))
        good = bsc_err_set(err, BSC_ERR_DAMAGED, "the copy of \"%s\" differs from it", from);
    good = good && give_name(sys, partial, to, err);
    if (!good)
        sys->unlink(sys->self, partial);
    else
        good = bsc_files_sync_folder(sys, folder, err);
    bsc_mem_free(partial);
    bsc_mem_free(name);
    bsc_mem_free(folder);
    return good;
}

/* Whether the target is there already with the same bytes; another content is never overwritten. */
static bool is_copied(const struct bsc_lib_call *call, const char *from, const char *to,
                      bool *ret_copied, struct content *ret, struct bsc_err *err)
{
    struct content there = {0};
    struct stat found;
    *ret_copied = false;
    if (call->env->sys->stat(call->env->sys->self, to, &found) != 0) {
        if (errno == ENOENT)
            return true;
        return bsc_err_sys(err, errno, "cannot look at \"%s\"", to);
    }
    if (!read_content(call, from, 0, ret, err) || !read_content(call, to, 0, &there, err))
        return false;
    *ret_copied = same_content(ret, &there);
    if (*ret_copied)
        return true;
    bsc_err_set(err, BSC_ERR_EXISTS, "\"%s\" is there already with another content", to);
    return bsc_err_hint(err, "Move it aside, or copy to another name.");
}

#define COPY_ARGS "from: text, to: text"

static bool copy(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const char *from = NULL, *to = NULL;
    struct content content = {0};
    bool copied = false;
    if (!bsc_lib_args_known(call->args, COPY_ARGS, err) ||
        !bsc_lib_args_path(call->args, "from", &from, err) ||
        !bsc_lib_args_path(call->args, "to", &to, err) ||
        !is_copied(call, from, to, &copied, &content, err))
        return false;
    if (!copied && !copy_verified(call, from, to, &content, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "bytes", content.bytes);
    bsc_value_set_text(*ret, "sha256", content.sha256);
    return true;
}

/* file.remove */

#define REMOVE_ARGS "path: text, sha256: text"

static bool remove_file(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    const struct bsc_sys *sys = call->env->sys;
    const char *path = NULL, *sha256 = NULL;
    struct content content = {0};
    struct stat found;
    if (!bsc_lib_args_known(call->args, REMOVE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "path", &path, err) ||
        !bsc_lib_args_sha256(call->args, "sha256", &sha256, err))
        return false;
    bool gone = sys->stat(sys->self, path, &found) != 0 && errno == ENOENT;
    if (!gone && !read_content(call, path, O_NOFOLLOW, &content, err))
        return false;
    if (!gone && strcmp(content.sha256, sha256) != 0)
        return bsc_err_set(err, BSC_ERR_CONFLICT,
                           "\"%s\" is not the file that was meant: its SHA-256 is %s", path,
                           content.sha256);
    if (!gone && sys->unlink(sys->self, path) != 0)
        return bsc_err_sys(err, errno, "cannot remove \"%s\"", path);
    if (!bsc_files_sync_parent(sys, path, err))
        return false;
    *ret = bsc_value_map();
    bsc_value_set_bool(*ret, "removed", !gone);
    return true;
}

const struct bsc_lib_row bsc_lib_row_file_copy = {
    .name = "file.copy",
    .effect = BSC_LIB_WRITE,
    .run = copy,
    .args = COPY_ARGS,
    .result = "map {bytes: int, sha256: text}",
    .doc =
        "Copies a file under a temporary name, compares the copy by SHA-256, makes it durable and "
        "only then gives it its name; a file of another content is never overwritten.",
};

const struct bsc_lib_row bsc_lib_row_file_remove = {
    .name = "file.remove",
    .effect = BSC_LIB_WRITE,
    .run = remove_file,
    .args = REMOVE_ARGS,
    .result = "map {removed: bool}",
    .doc = "Removes a file if its content has the given SHA-256; one that is gone already is fine.",
};

const struct bsc_lib_row bsc_lib_row_file_state = {
    .name = "file.state",
    .effect = BSC_LIB_READ,
    .run = state,
    .args = STATE_ARGS,
    .result = "map {exists: bool, bytes: int, sha256: text or null}",
    .doc = "Says whether an ordinary file exists, how long it is and what its SHA-256 is.",
};
