/*
 * Which files below a folder were written to since one last asked, so that not all of them need be
 * looked at. What a process writes through memory that it has mapped is not told of.
 */
#ifndef BSC_FAULT_NOTICE_H
#define BSC_FAULT_NOTICE_H

#include <stdbool.h>

struct fault_notice;

/* Returns owned. */
struct fault_notice *fault_notice_new(const char *folder);
void fault_notice_free(struct fault_notice *notice);

/* From now on what happens in this folder is noticed; its name is within the first one's, "" for
 * that itself. */
void fault_notice_folder(struct fault_notice *notice, const char *name);

/* Hands out the names, within the folder, of the files that were written to since the last time,
 * some of them more than once. False when a name has come or gone, or when nobody can tell: then
 * all is to be looked at, folders noticed first. */
bool fault_notice_take(struct fault_notice *notice, void (*written)(void *arg, const char *name),
                       void *arg);

#endif
