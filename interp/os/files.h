/*
 * Whole-file work on top of the table of system calls: reading, replacing, listing, locking.
 *
 * Everything is complete or not at all: a file is written under a temporary name, synced, renamed
 * and its folder synced. Errors name the path.
 */
#ifndef BSC_OS_FILES_H
#define BSC_OS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "os/sys.h"

/* Opens a file to read it, or -1 and errno. A named pipe in its place does not hang us, and nobody
 * is waited for but who has a lease on the file, as file servers have for their clients: the kernel
 * sees to it that he gives it up. */
int bsc_files_open(const struct bsc_sys *sys, const char *path, int flags);

/* Appends the file's bytes to *out; refuses (BSC_ERR_LIMIT) what is longer than `size_max`, and
 * (BSC_ERR_INVALID) what is not an ordinary file. A failure leaves *out as it was. */
bool bsc_files_read(const struct bsc_sys *sys, const char *path, size_t size_max,
                    struct bsc_buf *out, struct bsc_err *err);

/* Replaces or creates the file durably and all at once, with permission bits `mode` less the
 * process's umask. A symbolic link is replaced, not followed. On failure the file holds either all
 * of the old or all of the new bytes. A process that is killed meanwhile leaves `.<name>.0.partial`
 * beside it, which the next writer removes. */
bool bsc_files_write(const struct bsc_sys *sys, const char *path, const void *bytes, size_t length,
                     mode_t mode, struct bsc_err *err);

/* The same for a text that is made piece by piece: `author(self, pen)` gives the pieces to
 * bsc_files_put, which is false once writing has failed, and says whether all went well. */
struct bsc_files_pen;
typedef bool (*bsc_files_author)(void *self, struct bsc_files_pen *pen);
bool bsc_files_put(struct bsc_files_pen *pen, const void *bytes, size_t length);
bool bsc_files_write_by(const struct bsc_sys *sys, const char *path, mode_t mode,
                        bsc_files_author author, void *self, struct bsc_err *err);

/* The same for what somebody asked for and where he said: what is there and is no ordinary file, a
 * device or a pipe, stays what it is and is written to, and so is all in /dev and /proc, which
 * stands for what is open already, such as /dev/stdout. */
bool bsc_files_output(const struct bsc_sys *sys, const char *path, const void *bytes, size_t length,
                      mode_t mode, struct bsc_err *err);
bool bsc_files_output_by(const struct bsc_sys *sys, const char *path, mode_t mode,
                         bsc_files_author author, void *self, struct bsc_err *err);

/* Writes all bytes, looping over short writes. */
bool bsc_files_write_all(const struct bsc_sys *sys, int fd, const void *bytes, size_t length,
                         struct bsc_err *err);

bool bsc_files_exists(const struct bsc_sys *sys, const char *path);

/* Makes the folder and its parents durably; an existing one is fine. */
bool bsc_files_make_folder(const struct bsc_sys *sys, const char *path, mode_t mode,
                           struct bsc_err *err);

/* Makes the directory entries of a folder durable. */
bool bsc_files_sync_folder(const struct bsc_sys *sys, const char *path, struct bsc_err *err);
/* The same for the folder that holds `path`. */
bool bsc_files_sync_parent(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

/* Opens (and creates) the file and locks it for as long as the descriptor lives; never waits. The
 * caller closes *ret_fd. BSC_ERR_CONFLICT when somebody else holds it. */
bool bsc_files_lock(const struct bsc_sys *sys, const char *path, bool exclusive, int *ret_fd,
                    struct bsc_err *err);

/* A folder's entries without "." and "..", sorted by bytes. Owned by the caller. */
struct bsc_files_list {
    char **names; /* owned array of owned texts */
    size_t count;
};
bool bsc_files_list(const char *folder, struct bsc_files_list *ret_list, struct bsc_err *err);
void bsc_files_list_release(struct bsc_files_list *list);

/* Bytes that an unprivileged process may still write below `path`. */
bool bsc_files_free_space(const struct bsc_sys *sys, const char *path, int64_t *ret_bytes,
                          struct bsc_err *err);

/* Path arithmetic; each returns owned. `join` lets an absolute `name` stand alone. */
char *bsc_files_join(const char *folder, const char *name);
char *bsc_files_folder_of(const char *path);
const char *bsc_files_name_of(const char *path); /* borrowed: what follows the last slash */
/* The absolute, symlink-free form; NULL on failure. */
char *bsc_files_real_path(const char *path, struct bsc_err *err);

#endif
