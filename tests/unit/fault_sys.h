/*
 * A table of system calls that fails when told to.
 *
 * It stands in front of the real table, counts every call by kind, and fails the one it is asked
 * to. The loop that fails every call of an operation once:
 *
 *     struct unit_sys fault;
 *     for (unsigned long n = 1;; n++) {
 *         unit_sys_init(&fault);
 *         unit_sys_fail(&fault, n, EIO, false);
 *         bool ok = operation(&fault.table, …, &err);
 *         if (!fault.failed)
 *             break;                      // there was no n-th call: all have been failed
 *         assert_false(ok);               // and nothing lost, nothing left behind
 *     }
 *
 * Add ../fault_sys.c to the SOURCES of bsc_unit_test. For one thread at a time.
 */
#ifndef BSC_UNIT_FAULT_SYS_H
#define BSC_UNIT_FAULT_SYS_H

#include <stdbool.h>
#include <stddef.h>

#include "os/sys.h"

enum unit_sys_kind {
    UNIT_SYS_OPEN,
    UNIT_SYS_CLOSE,
    UNIT_SYS_READ,
    UNIT_SYS_WRITE,
    UNIT_SYS_PREAD,
    UNIT_SYS_PWRITE,
    UNIT_SYS_COPY_FILE_RANGE,
    UNIT_SYS_FSYNC,
    UNIT_SYS_FDATASYNC,
    UNIT_SYS_FTRUNCATE,
    UNIT_SYS_FALLOCATE,
    UNIT_SYS_RENAME,
    UNIT_SYS_LINK,
    UNIT_SYS_UNLINK,
    UNIT_SYS_MKDIR,
    UNIT_SYS_STAT,
    UNIT_SYS_FSTAT,
    UNIT_SYS_STATVFS,
    UNIT_SYS_STATFS,
    UNIT_SYS_LOCK,
    UNIT_SYS_UNLOCK,
    UNIT_SYS_LOCKED,
    UNIT_SYS_KINDS,
    UNIT_SYS_ANY /* for unit_sys_fail_kind: whatever the kind */
};

/* A call that has succeeded. */
struct unit_sys_call {
    enum unit_sys_kind kind;
    int fd;           /* -1: it is about a path */
    const char *path; /* NULL: it is about a descriptor */
    const char *to;   /* of rename and link */
    int flags;        /* of open */
};

struct unit_sys {
    struct bsc_sys table; /* give this to the code under test */
    unsigned long calls;  /* calls so far, of all kinds */
    unsigned long counts[UNIT_SYS_KINDS];
    unsigned long fail_at;        /* which call fails, from 1; 0 is none */
    enum unit_sys_kind fail_kind; /* counted among the calls of this kind */
    int fail_errno;
    bool sticky;                    /* every call of that kind from there on fails too */
    unsigned long among;            /* fail these kinds only, one bit each; 0: whatever the kind */
    unsigned long most;             /* no more failures than this; 0 is no limit */
    unsigned long failures;         /* so far */
    bool failed;                    /* a call has been failed */
    enum unit_sys_kind failed_kind; /* which kind it was */
    size_t length_max;              /* most bytes that one read or write moves; 0 is no limit */
    const char *locks;              /* borrowed: read in place of /proc/locks, which makes the
                                     * system wait for all its processors; NULL: the truth */
    long fs_magic; /* the kind that every file system is said to be; 0: the truth */
    void (*before)(void *arg, enum unit_sys_kind kind, unsigned long call); /* NULL, or called
                                           before each call; it may end the process */
    void *before_arg;                                                       /* borrowed */
    void (*after)(void *arg, const struct unit_sys_call *call); /* NULL, or called after each call
                                           that has succeeded */
    void *after_arg;                                            /* borrowed */
};

/* Passes everything on to the real table. */
void unit_sys_init(struct unit_sys *fault);

/* Fails the `at`-th call (from 1), once or from there on. A failed close does close, as the
 * system's does. */
void unit_sys_fail(struct unit_sys *fault, unsigned long at, int fail_errno, bool sticky);
/* The same, counting calls of one kind only. */
void unit_sys_fail_kind(struct unit_sys *fault, enum unit_sys_kind kind, unsigned long at,
                        int fail_errno, bool sticky);

/* "fsync". */
const char *unit_sys_name(enum unit_sys_kind kind);

#endif
