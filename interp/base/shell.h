/*
 * Words as a POSIX shell must be given them.
 *
 * This header may include libc only.
 */
#ifndef BSC_BASE_SHELL_H
#define BSC_BASE_SHELL_H

#include "base/buf.h"

/* Appends the word so that a shell reads just this one word, bare where nothing in it means
 * anything to a shell. */
void bsc_shell_add(struct bsc_buf *line, const char *word);

#endif
