/*
 * Opening files, and reading and writing at a place in an open file, all of it, whatever the system
 * cuts short.
 * May include base and os.
 */
#ifndef BSC_LOGS_IO_H
#define BSC_LOGS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "os/sys.h"

/* Opens a file for reading; its descriptor, or -1 with *err. What is not an ordinary file is
 * refused (BSC_ERR_INVALID): opening a pipe would wait for ever for somebody to write to it. */
int bsc_logs_io_open(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

/* Reads up to `length` bytes; *ret_got is smaller only at the end of the file. `path` is for the
 * message. */
bool bsc_logs_io_read_at(const struct bsc_sys *sys, int fd, const char *path, void *bytes,
                         size_t length, int64_t offset, size_t *ret_got, struct bsc_err *err);

/* Writes all bytes. BSC_ERR_NO_SPACE when the device is full. */
bool bsc_logs_io_write_at(const struct bsc_sys *sys, int fd, const char *path, const void *bytes,
                          size_t length, int64_t offset, struct bsc_err *err);

/* Makes content and size durable. */
bool bsc_logs_io_sync(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err);

/* Closes *fd, which becomes -1, and reports a delayed write error. -1 is fine. */
bool bsc_logs_io_close(const struct bsc_sys *sys, int *fd, const char *path, struct bsc_err *err);

#endif
