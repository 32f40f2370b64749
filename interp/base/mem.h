/*
 * Memory that is there or ends the process.
 *
 * Small allocations of the host do not fail: when the system has no memory left the process ends,
 * and the journal makes that safe. Everything returned is owned by the caller and given back with
 * bsc_mem_free (free works too). May include libc only.
 */
#ifndef BSC_BASE_MEM_H
#define BSC_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; the product is checked. */
void *bsc_mem_new(size_t count, size_t size) __attribute__((malloc));

/* Grows or shrinks; NULL `old` allocates. New bytes are not zeroed. */
void *bsc_mem_resize(void *old, size_t count, size_t size);

/* Returns owned copies. */
char *bsc_mem_text(const char *text) __attribute__((malloc));
char *bsc_mem_bytes(const char *bytes, size_t length) __attribute__((malloc));

/* Returns an owned formatted text. */
char *bsc_mem_format(const char *format, ...) __attribute__((format(printf, 1, 2), malloc));

/* Keeps what threads free together, instead of a hoard for each; to be called before any thread is
 * started. */
void bsc_mem_share_between_threads(void);

/* Gives freed memory back to the system, after something large was let go. */
void bsc_mem_trim(void);

/* Accepts NULL. */
void bsc_mem_free(void *memory);

#endif
