/*
 * "Did you mean …?": the known name nearest to a mistyped one. May include libc only.
 */
#ifndef BSC_SITE_NAMES_H
#define BSC_SITE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* How many insertions, deletions, substitutions and swaps of neighbours lie between two texts;
 * letters that differ only in case cost nothing extra. Texts over 64 bytes count as far apart. */
size_t bsc_site_name_distance(const char *a, const char *b);

/* The candidate nearest to `name`, borrowed from the array, or NULL when none is near: one slip in
 * three letters is the most that still reads as a slip. The first of equally near ones wins. */
const char *bsc_site_nearest_name(const char *name, const char *const *candidates, size_t count);

/* Whether it is a name: [a-z][a-z0-9_-]{0,62}. */
bool bsc_site_name_valid(const char *name);

#endif
