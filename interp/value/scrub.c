#include "value/scrub.h"

#include "value/json.h"

static struct bsc_value *text_scrub(struct bsc_redactor *redactor, const char *bytes, size_t length)
{
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_buf_add(&buf, bytes, length);
    bsc_redact_apply(redactor, &buf);
    struct bsc_value *clean = bsc_value_bytes(buf.data, buf.length);
    bsc_buf_release(&buf);
    return clean;
}

/* A number can be a secret as well: then a text takes its place. */
static struct bsc_value *number_scrub(struct bsc_redactor *redactor, const struct bsc_value *value)
{
    struct bsc_value *digits = bsc_value_format("%lld", (long long)bsc_value_number(value, 0));
    struct bsc_value *clean =
        text_scrub(redactor, bsc_value_string(digits), bsc_value_string_length(digits));
    if (bsc_value_equal(clean, digits)) {
        bsc_value_free(clean);
        clean = bsc_value_copy(value);
    }
    bsc_value_free(digits);
    return clean;
}

static struct bsc_value *value_scrub(struct bsc_redactor *redactor, const struct bsc_value *value);

static struct bsc_value *map_scrub(struct bsc_redactor *redactor, const struct bsc_value *map)
{
    struct bsc_value *clean = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(map); i++) {
        struct bsc_value *key = bsc_value_text(bsc_value_key_at(map, i));
        struct bsc_value *name =
            text_scrub(redactor, bsc_value_string(key), bsc_value_string_length(key));
        bsc_value_set(clean, bsc_value_string(name),
                      value_scrub(redactor, bsc_value_item_at(map, i)));
        bsc_value_free(name);
        bsc_value_free(key);
    }
    return clean;
}

static struct bsc_value *value_scrub(struct bsc_redactor *redactor, const struct bsc_value *value)
{
    switch (bsc_value_kind(value)) {
    case BSC_VALUE_TEXT:
        return text_scrub(redactor, bsc_value_string(value), bsc_value_string_length(value));
    case BSC_VALUE_INT:
        return number_scrub(redactor, value);
    case BSC_VALUE_MAP:
        return map_scrub(redactor, value);
    case BSC_VALUE_LIST: {
        struct bsc_value *clean = bsc_value_list();
        for (size_t i = 0; i < bsc_value_count(value); i++)
            bsc_value_append(clean, value_scrub(redactor, bsc_value_at(value, i)));
        return clean;
    }
    default:
        return bsc_value_copy(value);
    }
}

/* Replacing bytes of JSON can break it (a secret may be a number, or hold a quote), so a value in
 * which a secret is found is made anew from cleaned texts. That is rare; the search is not. */
void bsc_scrub_canonical(struct bsc_redactor *redactor, const struct bsc_value *value,
                         struct bsc_buf *out)
{
    bsc_json_canonical(value, out);
    if (redactor == NULL || !bsc_redact_apply(redactor, out))
        return;
    struct bsc_value *clean = value_scrub(redactor, value);
    bsc_buf_clear(out);
    bsc_json_canonical(clean, out);
    bsc_value_free(clean);
}
