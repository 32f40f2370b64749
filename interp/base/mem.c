#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_BYTES = 1024 };

static _Noreturn void out_of_memory(void)
{
    fputs("bascule: out of memory; what was journaled is safe\n", stderr);
    _Exit(1);
}

/* What is small comes from the thread's cache of freed blocks, which calloc passes by; what is
 * large comes as fresh pages, which calloc knows to be zero. */
static void *zeroed(size_t bytes)
{
    if (bytes > SMALL_BYTES)
        return calloc(1, bytes);
    void *memory = malloc(bytes);
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

void *bsc_mem_new(size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory();
    void *memory = zeroed(bytes == 0 ? 1 : bytes);
    if (memory == NULL)
        out_of_memory();
    return memory;
}

void *bsc_mem_resize(void *old, size_t count, size_t size)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory();
    void *memory = realloc(old, bytes == 0 ? 1 : bytes);
    if (memory == NULL)
        out_of_memory();
    return memory;
}

char *bsc_mem_text(const char *text)
{
    return bsc_mem_bytes(text, strlen(text));
}

char *bsc_mem_bytes(const char *bytes, size_t length)
{
    char *copy = bsc_mem_new(length + 1, 1);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *bsc_mem_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        out_of_memory();
    va_end(args);
    return text;
}

void bsc_mem_share_between_threads(void)
{
    mallopt(M_ARENA_MAX, 1);
}

void bsc_mem_trim(void)
{
    malloc_trim(0);
}

void bsc_mem_free(void *memory)
{
    free(memory);
}
