#include "value/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "base/num.h"
#include "value/scalar_int.h"
#include "value/utf8.h"

enum { SIZE_MAX_BYTES = 1024 * 1024, DEPTH_MAX = 64, NODES_MAX = 250000 };

/* One open list or map; a map with a key waits for that key's value. */
struct frame {
    struct bsc_value *container; /* borrowed: already part of the tree */
    char *key;                   /* owned */
    struct bsc_value_place key_place;
};

struct reader {
    const char *name;
    struct bsc_err *err;
    struct bsc_value *root; /* owned */
    struct frame frames[DEPTH_MAX];
    unsigned depth;
    unsigned nodes;
    unsigned documents;
};

static bool refuse(struct reader *reader, struct bsc_value_place place, const char *hint,
                   const char *message)
{
    bsc_err_set(reader->err, BSC_ERR_INVALID, "%s", message);
    bsc_err_at(reader->err, reader->name, place.line, place.column);
    return bsc_err_hint(reader->err, "%s", hint);
}

static struct bsc_value_place place_of(yaml_mark_t mark)
{
    return (struct bsc_value_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* The characters that YAML does not allow, and those that we do not. */
static const char *character_problem(uint32_t point, bool first, const char **ret_hint)
{
    *ret_hint = "Delete the character.";
    if (point == '\t') {
        *ret_hint = "Use blanks; in a double-quoted text write \\t.";
        return "a tab is not allowed";
    }
    if (point == 0xFEFF && !first)
        return "a byte order mark inside the file is not allowed";
    if (point == 0x85 || point == 0x2028 || point == 0x2029)
        return "an unusual line break is not allowed";
    bool control = (point < 0x20 && point != '\n' && point != '\r') ||
                   (point >= 0x7F && point < 0xA0) || point == 0xFFFE || point == 0xFFFF;
    return control ? "a control character is not allowed" : NULL;
}

/* Looks at every character before libyaml does: it would accept some and place others badly. */
static bool characters_check(struct reader *reader, const char *text, size_t length)
{
    struct bsc_value_place place = {1, 1};
    for (size_t i = 0; i < length;) {
        uint32_t point = 0;
        size_t size = bsc_utf8_decode(text + i, length - i, &point);
        if (size == 0)
            return refuse(reader, place, "Save the file as UTF-8.", "not valid UTF-8");
        const char *hint = NULL;
        const char *problem = character_problem(point, i == 0, &hint);
        if (problem != NULL)
            return refuse(reader, place, hint, problem);
        i += size;
        if (point == '\n')
            place = (struct bsc_value_place){place.line + 1, 1};
        else if (point != 0xFEFF)
            place.column++;
    }
    return true;
}

/* Hands the value to the list or map that is open; takes `value`. */
static void value_attach(struct reader *reader, struct bsc_value *value)
{
    if (reader->depth == 0) {
        reader->root = value;
        return;
    }
    struct frame *frame = &reader->frames[reader->depth - 1];
    if (frame->key == NULL) {
        bsc_value_append(frame->container, value);
        return;
    }
    bsc_value_set(frame->container, frame->key, value);
    bsc_value_key_place_set(frame->container, bsc_value_count(frame->container) - 1,
                            frame->key_place);
    bsc_mem_free(frame->key);
    frame->key = NULL;
}

static bool key_is_wanted(const struct reader *reader)
{
    if (reader->depth == 0)
        return false;
    const struct frame *frame = &reader->frames[reader->depth - 1];
    return bsc_value_kind(frame->container) == BSC_VALUE_MAP && frame->key == NULL;
}

static bool ambiguous_refuse(struct reader *reader, struct bsc_value_place place, const char *text,
                             const char *hint)
{
    bsc_err_set(reader->err, BSC_ERR_INVALID, "\"%.40s\" can be read in more than one way", text);
    bsc_err_at(reader->err, reader->name, place.line, place.column);
    return bsc_err_hint(reader->err, "%s", hint);
}

static unsigned key_line(const struct bsc_value *map, const char *key)
{
    size_t index = 0;
    while (strcmp(bsc_value_key_at(map, index), key) != 0)
        index++;
    return bsc_value_key_place(map, index).line;
}

static bool key_read(struct reader *reader, const yaml_event_t *event, struct bsc_value_place place)
{
    struct frame *frame = &reader->frames[reader->depth - 1];
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    const char *hint = plain ? bsc_scalar_ambiguity(text, length) : NULL;
    if (length == 0)
        return refuse(reader, place, "Give the entry a name.", "an empty key is not allowed");
    if (memchr(text, '\0', length) != NULL)
        return refuse(reader, place, "Delete it.", "a key with a NUL character is not allowed");
    if (plain && strcmp(text, "<<") == 0)
        return refuse(reader, place, "Write the entries out.", "a merge key is not allowed");
    if (hint != NULL)
        return ambiguous_refuse(reader, place, text, "Put the key in quotes.");
    if (bsc_value_get(frame->container, text) != NULL) {
        bsc_err_set(reader->err, BSC_ERR_INVALID, "key \"%.100s\" appears twice", text);
        bsc_err_at(reader->err, reader->name, place.line, place.column);
        return bsc_err_hint(reader->err, "The first one is on line %u; keep one of the two.",
                            key_line(frame->container, text));
    }
    frame->key = bsc_mem_bytes(text, length);
    frame->key_place = place;
    return true;
}

static bool plain_read(struct reader *reader, const char *text, size_t length,
                       struct bsc_value_place place, struct bsc_value **ret_value)
{
    const char *hint = bsc_scalar_ambiguity(text, length);
    int64_t number = 0;
    if (hint != NULL)
        return ambiguous_refuse(reader, place, text, hint);
    if (length == 0)
        *ret_value = bsc_value_null();
    else if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        *ret_value = bsc_value_bool(text[0] == 't');
    else if (!bsc_scalar_is_integer(text, length))
        *ret_value = bsc_value_bytes(text, length);
    else if (bsc_num_parse(text, length, &number))
        *ret_value = bsc_value_int(number);
    else
        return refuse(reader, place, "Integers have 64 bits; put it in quotes if a text is meant.",
                      "the number is too large");
    return true;
}

static bool scalar_read(struct reader *reader, const yaml_event_t *event,
                        struct bsc_value_place place)
{
    if (key_is_wanted(reader))
        return key_read(reader, event, place);
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    struct bsc_value *value = NULL;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        if (memchr(text, '\0', length) != NULL)
            return refuse(reader, place, "Delete it.", "a NUL character is not allowed");
        value = bsc_value_bytes(text, length);
    } else if (!plain_read(reader, text, length, place, &value)) {
        return false;
    }
    bsc_value_place_set(value, place);
    value_attach(reader, value);
    return true;
}

static bool container_open(struct reader *reader, struct bsc_value_place place, bool map)
{
    if (key_is_wanted(reader))
        return refuse(reader, place, "Use a text as the key.",
                      "a key that is a list or map is not allowed");
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, place, "Flatten the file.", "nested deeper than 64 levels");
    struct bsc_value *value = map ? bsc_value_map() : bsc_value_list();
    bsc_value_place_set(value, place);
    value_attach(reader, value);
    reader->frames[reader->depth++] = (struct frame){.container = value};
    return true;
}

static bool document_open(struct reader *reader, const yaml_event_t *event,
                          struct bsc_value_place place)
{
    if (event->data.document_start.version_directive != NULL ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
        return refuse(reader, place, "Delete the line that begins with %.",
                      "a YAML directive is not allowed");
    if (++reader->documents > 1)
        return refuse(reader, place, "Keep one document in a file; delete the line \"---\".",
                      "a second document is not allowed");
    return true;
}

/* Anchors and tags hang on the events of three kinds. */
static bool decoration_check(struct reader *reader, const yaml_event_t *event,
                             struct bsc_value_place place)
{
    const void *anchor = NULL;
    const void *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else {
        return true;
    }
    if (anchor != NULL)
        return refuse(reader, place, "Write the value out wherever it is needed.",
                      "an anchor is not allowed");
    if (tag != NULL)
        return refuse(reader, place, "Delete the tag; the kind follows from the key.",
                      "a tag is not allowed");
    if (++reader->nodes > NODES_MAX)
        return refuse(reader, place, "Shorten the file.", "more than 250000 values");
    return true;
}

static bool event_read(struct reader *reader, const yaml_event_t *event)
{
    struct bsc_value_place place = place_of(event->start_mark);
    if (!decoration_check(reader, event, place))
        return false;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return document_open(reader, event, place);
    case YAML_ALIAS_EVENT:
        return refuse(reader, place, "Write the value out wherever it is needed.",
                      "an alias is not allowed");
    case YAML_SCALAR_EVENT:
        return scalar_read(reader, event, place);
    case YAML_SEQUENCE_START_EVENT:
        return container_open(reader, place, false);
    case YAML_MAPPING_START_EVENT:
        return container_open(reader, place, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        return true;
    default:
        return true;
    }
}

static bool syntax_refuse(struct reader *reader, const yaml_parser_t *parser)
{
    const char *problem = parser->problem != NULL ? parser->problem : "unreadable";
    struct bsc_value_place place = place_of(parser->problem_mark);
    bsc_err_set(reader->err, BSC_ERR_INVALID, "not valid YAML: %s", problem);
    bsc_err_at(reader->err, reader->name, place.line, place.column);
    return bsc_err_hint(reader->err, "Look at the indentation, colons, quotes and brackets around "
                                     "this place.");
}

static bool events_read(struct reader *reader, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (yaml_parser_parse(parser, &event) == 0)
            return syntax_refuse(reader, parser);
        bool read = event_read(reader, &event);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (!read)
            return false;
    }
    return true;
}

static void reader_release(struct reader *reader)
{
    for (unsigned i = 0; i < reader->depth; i++)
        bsc_mem_free(reader->frames[i].key);
    bsc_value_free(reader->root);
}

struct bsc_value *bsc_yaml_parse(const char *name, const char *text, size_t length,
                                 struct bsc_err *err)
{
    struct reader reader = {.name = name, .err = err};
    yaml_parser_t parser;
    if (length > SIZE_MAX_BYTES) {
        bsc_err_set(err, BSC_ERR_LIMIT, "the file is larger than 1 MiB");
        bsc_err_at(err, name, 0, 0);
        return NULL;
    }
    if (!characters_check(&reader, text, length))
        return NULL;
    size_t mark = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    BSC_BUG_ON(yaml_parser_initialize(&parser) == 0);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text + mark, length - mark);
    bool read = events_read(&reader, &parser);
    yaml_parser_delete(&parser);
    if (!read) {
        reader_release(&reader);
        return NULL;
    }
    return reader.root != NULL ? reader.root : bsc_value_null();
}
