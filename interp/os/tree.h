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

/* Removes a folder that is empty, and then those above it that have become so, up to `topmost`,
 * which is one of them. What is not empty stays, and so do those above it. */
void bsc_tree_prune(const char *path, const char *topmost);

#endif
