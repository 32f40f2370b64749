#include "value/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "value/utf8.h"

enum { PIECE_BYTES = 32 * 1024 };

/* Writes the two-character escape of a byte that has one, or \u00xx for another control. */
static void escape_write(unsigned char byte, struct bsc_buf *out)
{
    static const char from[] = "\b\t\n\f\r\"\\";
    static const char to[] = "btnfr\"\\";
    const char *found = byte == 0 ? NULL : memchr(from, byte, sizeof from - 1);
    if (found != NULL)
        bsc_buf_printf(out, "\\%c", to[found - from]);
    else
        bsc_buf_printf(out, "\\u%04x", byte);
}

static bool byte_is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

static void text_write(const char *bytes, size_t length, struct bsc_buf *out)
{
    bsc_buf_add_char(out, '"');
    for (size_t i = 0; i < length;) {
        size_t run = 0;
        while (i + run < length && byte_is_plain((unsigned char)bytes[i + run]))
            run++;
        bsc_buf_add(out, bytes + i, run);
        i += run;
        if (i == length)
            break;
        size_t size = bsc_utf8_decode(bytes + i, length - i, NULL);
        if (size == 1)
            escape_write((unsigned char)bytes[i], out);
        else if (size > 1)
            bsc_buf_add(out, bytes + i, size);
        else
            bsc_buf_add_text(out, "\xEF\xBF\xBD");
        i += size == 0 ? 1 : size;
    }
    bsc_buf_add_char(out, '"');
}

static void scalar_write(const struct bsc_value *value, struct bsc_buf *out)
{
    switch (bsc_value_kind(value)) {
    case BSC_VALUE_BOOL:
        bsc_buf_add_text(out, bsc_value_truth(value) ? "true" : "false");
        break;
    case BSC_VALUE_INT:
        bsc_buf_printf(out, "%lld", (long long)bsc_value_number(value, 0));
        break;
    case BSC_VALUE_TEXT:
        text_write(bsc_value_string(value), bsc_value_string_length(value), out);
        break;
    default:
        bsc_buf_add_text(out, "null");
        break;
    }
}

struct member {
    const char *key;
    const struct bsc_value *item;
};

static int member_compare(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* Most maps were read from the canonical form, and have this order already. */
static void members_sort(struct member *members, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (member_compare(&members[i - 1], &members[i]) > 0) {
            qsort(members, count, sizeof *members, member_compare);
            return;
        }
    }
}

/* Where the canonical form goes: all of it into the buffer, or through it to a sink. */
struct writer {
    struct bsc_buf *out;
    const struct bsc_json_sink *sink; /* NULL keeps everything in the buffer */
    bool failed;                      /* the sink refused: the rest is dropped */
};

static void drain(struct writer *writer, size_t at_least)
{
    if (writer->sink == NULL || writer->out->length < at_least)
        return;
    if (!writer->failed)
        writer->failed =
            !writer->sink->take(writer->sink->self, writer->out->data, writer->out->length);
    bsc_buf_clear(writer->out);
}

static void canonical_write(const struct bsc_value *value, struct writer *writer);

static void map_write(const struct bsc_value *map, struct writer *writer)
{
    size_t count = bsc_value_count(map);
    struct member *members = bsc_mem_new(count, sizeof *members);
    for (size_t i = 0; i < count; i++) {
        members[i].key = bsc_value_key_at(map, i);
        members[i].item = bsc_value_item_at(map, i);
    }
    members_sort(members, count);
    bsc_buf_add_char(writer->out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bsc_buf_add_char(writer->out, ',');
        text_write(members[i].key, strlen(members[i].key), writer->out);
        bsc_buf_add_char(writer->out, ':');
        canonical_write(members[i].item, writer);
    }
    bsc_buf_add_char(writer->out, '}');
    bsc_mem_free(members);
}

static void list_write(const struct bsc_value *list, struct writer *writer)
{
    bsc_buf_add_char(writer->out, '[');
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        if (i > 0)
            bsc_buf_add_char(writer->out, ',');
        canonical_write(bsc_value_at(list, i), writer);
    }
    bsc_buf_add_char(writer->out, ']');
}

static void canonical_write(const struct bsc_value *value, struct writer *writer)
{
    if (bsc_value_kind(value) == BSC_VALUE_MAP)
        map_write(value, writer);
    else if (bsc_value_kind(value) == BSC_VALUE_LIST)
        list_write(value, writer);
    else
        scalar_write(value, writer->out);
    drain(writer, PIECE_BYTES);
}

void bsc_json_canonical(const struct bsc_value *value, struct bsc_buf *out)
{
    struct writer writer = {out, NULL, false};
    canonical_write(value, &writer);
}

bool bsc_json_canonical_to(const struct bsc_value *value, const struct bsc_json_sink *sink)
{
    struct bsc_buf piece;
    struct writer writer = {&piece, sink, false};
    bsc_buf_init(&piece);
    canonical_write(value, &writer);
    drain(&writer, 1);
    bsc_buf_release(&piece);
    return !writer.failed;
}
