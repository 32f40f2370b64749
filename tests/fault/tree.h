/*
 * A folder held in memory with everything in it, so that a site can be put back as it was and
 * compared with what it has become. For sites of a few hundred kilobytes.
 */
#ifndef BSC_FAULT_TREE_H
#define BSC_FAULT_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct fault_file {
    char *name;  /* owned: relative to the folder */
    char *bytes; /* owned; NULL for a folder */
    size_t length;
    struct stat status;
};

struct fault_tree {
    struct fault_file *files; /* owned, in order of name */
    size_t count;
};

/* Reads the folder. Accepts a zeroed tree only. */
void fault_tree_load(struct fault_tree *tree, const char *folder);
/* Reads one file of the folder, if it is there. */
void fault_tree_load_file(struct fault_tree *tree, const char *folder, const char *name);
/* Makes the folder hold exactly this, with the same times: some files are known by them. */
void fault_tree_save(const struct fault_tree *tree, const char *folder);
void fault_tree_release(struct fault_tree *tree);

/* NULL when there is none of this name. */
const struct fault_file *fault_tree_find(const struct fault_tree *tree, const char *name);

/* Calls `seen` for each name, but for leases, that is in one of them only, or whose bytes differ:
 * `was` or `is` is NULL when it is not there. */
void fault_tree_compare(const struct fault_tree *before, const struct fault_tree *after,
                        void (*seen)(void *arg, const char *name, const struct fault_file *was,
                                     const struct fault_file *is),
                        void *arg);

/* Removes the folder with everything in it; a missing one is fine. */
void fault_tree_remove(const char *folder);

#endif
