#include "journal/canonical_int.h"

#include <stdint.h>
#include <string.h>

#include "base/num.h"

struct scan {
    const unsigned char *at;
    const unsigned char *end;
};

struct key {
    const unsigned char *bytes; /* between the quotes, still escaped */
    size_t length;
    bool escaped;
};

static bool value_scan(struct scan *scan, int depth);

static bool take(struct scan *scan, unsigned char c)
{
    if (scan->at == scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* Skips the characters that stand for themselves, eight at a time: a byte below 0x20, above 0x7f,
 * a quote or a backslash sets the top bit of its place in one of the four terms. */
static void plain_skip(struct scan *scan)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (scan->end - scan->at >= 8) {
        uint64_t word;
        memcpy(&word, scan->at, sizeof word);
        uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
        uint64_t found = (word - ones * 0x20) | (quote - ones) | (backslash - ones) | word;
        if ((found & tops) != 0)
            break;
        scan->at += 8;
    }
    while (scan->at < scan->end && *scan->at >= 0x20 && *scan->at < 0x80 && *scan->at != '"' &&
           *scan->at != '\\')
        scan->at++;
}

/* The code a hexadecimal digit of lower case stands for, or -1. */
static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the escape after a backslash into the character it stands for; -1 when canonical JSON
 * would have written that character otherwise. */
static int escape_take(struct scan *scan)
{
    static const char letters[] = "\"\\bfnrt", meanings[] = "\"\\\b\f\n\r\t";
    if (scan->at == scan->end)
        return -1;
    unsigned char c = *scan->at++;
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    if (letter != NULL)
        return meanings[letter - letters];
    if (c != 'u' || !take_word(scan, "00") || scan->end - scan->at < 2)
        return -1;
    int high = hex_digit(scan->at[0]), low = hex_digit(scan->at[1]);
    if (high < 0 || low < 0)
        return -1;
    int code = high * 16 + low;
    scan->at += 2;
    bool lettered = code != 0 && strchr("\b\f\n\r\t", code) != NULL;
    return code < 0x20 && !lettered ? code : -1;
}

/* One character of two to four bytes; overlong forms, surrogates and what lies above U+10FFFF are
 * no UTF-8. */
static bool utf8_take(struct scan *scan)
{
    const unsigned char *at = scan->at;
    size_t left = (size_t)(scan->end - at);
    size_t more = at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : 1;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left <= more)
        return false;
    for (size_t i = 1; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return false;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return false;
    scan->at += more + 1;
    return true;
}

static bool text_scan(struct scan *scan, struct key *ret_key)
{
    if (!take(scan, '"'))
        return false;
    const unsigned char *start = scan->at;
    bool escaped = false;
    for (;;) {
        plain_skip(scan);
        if (scan->at == scan->end || *scan->at < 0x20)
            return false;
        if (*scan->at == '"')
            break;
        if (*scan->at == '\\') {
            escaped = true;
            scan->at++;
            if (escape_take(scan) < 0)
                return false;
        } else if (!utf8_take(scan)) {
            return false;
        }
    }
    *ret_key = (struct key){start, (size_t)(scan->at - start), escaped};
    scan->at++;
    return true;
}

static bool number_scan(struct scan *scan)
{
    const unsigned char *start = scan->at;
    bool negative = take(scan, '-');
    const unsigned char *digits = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    size_t count = (size_t)(scan->at - digits);
    if (count == 0 || (digits[0] == '0' && (count > 1 || negative)))
        return false;
    int64_t number = 0;
    return count < 19 || bsc_num_parse((const char *)start, (size_t)(scan->at - start), &number);
}

/* The next byte of a key as it is meant, or -1 at the end. */
static int key_byte(struct scan *scan)
{
    if (scan->at == scan->end)
        return -1;
    unsigned char c = *scan->at++;
    return c == '\\' ? escape_take(scan) : c;
}

/* Whether a comes before b. Escapes do not sort like the characters they stand for. */
static bool key_before(const struct key *a, const struct key *b)
{
    if (!a->escaped && !b->escaped) {
        size_t common = a->length < b->length ? a->length : b->length;
        int order = memcmp(a->bytes, b->bytes, common);
        return order != 0 ? order < 0 : a->length < b->length;
    }
    struct scan left = {a->bytes, a->bytes + a->length}, right = {b->bytes, b->bytes + b->length};
    for (;;) {
        int one = key_byte(&left), other = key_byte(&right);
        if (one != other)
            return one < other;
        if (one < 0)
            return false;
    }
}

static bool map_scan(struct scan *scan, int depth)
{
    struct key last = {0}, next = {0};
    if (!take(scan, '{'))
        return false;
    if (take(scan, '}'))
        return true;
    do {
        if (!text_scan(scan, &next) || (last.bytes != NULL && !key_before(&last, &next)))
            return false;
        last = next;
        if (!take(scan, ':') || !value_scan(scan, depth))
            return false;
    } while (take(scan, ','));
    return take(scan, '}');
}

static bool list_scan(struct scan *scan, int depth)
{
    scan->at++;
    if (take(scan, ']'))
        return true;
    do {
        if (!value_scan(scan, depth))
            return false;
    } while (take(scan, ','));
    return take(scan, ']');
}

static bool value_scan(struct scan *scan, int depth)
{
    struct key text = {0};
    if (scan->at == scan->end)
        return false;
    switch (*scan->at) {
    case '"':
        return text_scan(scan, &text);
    case '{':
        return depth > 0 && map_scan(scan, depth - 1);
    case '[':
        return depth > 0 && list_scan(scan, depth - 1);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return number_scan(scan);
    }
}

bool bsc_journal_canonical_map(const char *bytes, size_t length)
{
    const unsigned char *start = (const unsigned char *)bytes;
    struct scan scan = {start, start + length};
    return map_scan(&scan, BSC_JOURNAL_DEPTH_MAX) && scan.at == scan.end;
}
