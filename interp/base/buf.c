#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { SMALLEST = 32 }; /* bytes that the first growth makes room for */

void bsc_buf_init(struct bsc_buf *buf)
{
    buf->data = bsc_mem_new(1, 1);
    buf->length = 0;
    buf->capacity = 1;
}

void bsc_buf_release(struct bsc_buf *buf)
{
    bsc_mem_free(buf->data);
    buf->data = NULL;
    buf->length = 0;
    buf->capacity = 0;
}

void bsc_buf_clear(struct bsc_buf *buf)
{
    buf->length = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

char *bsc_buf_room(struct bsc_buf *buf, size_t more)
{
    BSC_BUG_ON(more > SIZE_MAX / 2 - buf->length - 1);
    size_t needed = buf->length + more + 1;
    if (needed > buf->capacity) {
        size_t doubled = buf->capacity < SMALLEST / 2 ? SMALLEST : buf->capacity * 2;
        buf->capacity = doubled > needed ? doubled : needed;
        buf->data = bsc_mem_resize(buf->data, buf->capacity, 1);
    }
    return buf->data + buf->length;
}

void bsc_buf_grown(struct bsc_buf *buf, size_t written)
{
    BSC_BUG_ON(buf->length + written >= buf->capacity);
    buf->length += written;
    buf->data[buf->length] = '\0';
}

void bsc_buf_add(struct bsc_buf *buf, const void *bytes, size_t length)
{
    char *room = bsc_buf_room(buf, length);
    if (length > 0)
        memcpy(room, bytes, length);
    bsc_buf_grown(buf, length);
}

void bsc_buf_add_text(struct bsc_buf *buf, const char *text)
{
    bsc_buf_add(buf, text, strlen(text));
}

void bsc_buf_add_char(struct bsc_buf *buf, char c)
{
    bsc_buf_add(buf, &c, 1);
}

void bsc_buf_printf(struct bsc_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    BSC_BUG_ON(length < 0);
    char *room = bsc_buf_room(buf, (size_t)length);
    va_start(args, format);
    vsnprintf(room, (size_t)length + 1, format, args);
    va_end(args);
    bsc_buf_grown(buf, (size_t)length);
}

char *bsc_buf_take(struct bsc_buf *buf)
{
    char *data = buf->data;
    bsc_buf_init(buf);
    return data;
}
