/*
 * A growing run of bytes.
 *
 * Invariants: `data` is never NULL after init and always has a NUL after `length` bytes, which
 * `length` does not count. The buffer owns its bytes. One whose bytes are all zero may be
 * released, cleared and added to as well. May include libc only.
 */
#ifndef BSC_BASE_BUF_H
#define BSC_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct bsc_buf {
    char *data;      /* owned; NUL after the last byte */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
};

void bsc_buf_init(struct bsc_buf *buf);
void bsc_buf_release(struct bsc_buf *buf);
/* Forgets the content, keeps the memory. */
void bsc_buf_clear(struct bsc_buf *buf);
/* What is added must not be part of the buffer itself, which may move. */
void bsc_buf_add(struct bsc_buf *buf, const void *bytes, size_t length);
void bsc_buf_add_text(struct bsc_buf *buf, const char *text);
void bsc_buf_add_char(struct bsc_buf *buf, char c);
void bsc_buf_printf(struct bsc_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for `more` further bytes and returns where they go; bsc_buf_grown says how many were
 * written there. */
char *bsc_buf_room(struct bsc_buf *buf, size_t more);
void bsc_buf_grown(struct bsc_buf *buf, size_t written);
/* Returns the owned bytes and leaves the buffer empty. */
char *bsc_buf_take(struct bsc_buf *buf);

#endif
