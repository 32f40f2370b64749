/*
 * What the two halves of a lease share: the text in its file.
 */
#ifndef BSC_JOURNAL_LEASE_INT_H
#define BSC_JOURNAL_LEASE_INT_H

#include "journal/lease.h"

/* The file has this size always, so that a new text takes the place of an old one in one write and
 * needs no room on a full disk. */
enum { BSC_JOURNAL_LEASE_SIZE = 4096 };

/* Reads what an open file says: nothing (FREE), nothing of ours (UNREADABLE), or a text (HELD, for
 * all it says). */
bool bsc_journal_lease_read(const struct bsc_sys *sys, int fd, const char *path,
                            struct bsc_journal_lease_view *ret, struct bsc_err *err);

/* Finds out whether the owner of a lease that was read is at work. */
void bsc_journal_lease_find_owner(const struct bsc_sys *sys, struct bsc_journal_lease_view *view);

/* Tells why the file cannot be opened, by `sys_errno`, and what to do. Always false. */
bool bsc_journal_lease_closed(const char *path, int sys_errno, struct bsc_err *err);

/* A word of the text, "unknown" where it has none; borrowed. */
const char *bsc_journal_lease_word(const struct bsc_value *text, const char *key);

#endif
