/*
 * Folders as a whole.
 */
#ifndef BSC_OS_TREE_H
#define BSC_OS_TREE_H

#include <stdbool.h>

#include "base/err.h"
#include "os/sys.h"

/* Removes a folder and everything in it without following links; a missing one is fine. */
bool bsc_tree_remove(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

#endif
