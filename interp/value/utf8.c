#include "value/utf8.h"

#include <stdbool.h>

/* How many bytes a sequence with this first byte has; 0 when none begins so. */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

size_t bsc_utf8_decode(const char *bytes, size_t length, uint32_t *ret_point)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *in = (const unsigned char *)bytes;
    size_t size = length == 0 ? 0 : sequence_length(in[0]);
    if (size == 0 || size > length)
        return 0;
    uint32_t point = size == 1 ? in[0] : in[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((in[i] & 0xC0) != 0x80)
            return 0;
        point = (point << 6) | (in[i] & 0x3Fu);
    }
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    if (point < smallest[size] || surrogate || point > 0x10FFFF)
        return 0;
    if (ret_point != NULL)
        *ret_point = point;
    return size;
}
