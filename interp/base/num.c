#include "base/num.h"

#include <string.h>

/* Reads the digits at the start of a text; returns how many there were, or 0 when there is none or
 * the number does not fit. A negative number is built downwards, since the smallest one has no
 * positive twin. */
static size_t digits(const char *text, size_t length, bool negative, int64_t *ret_number)
{
    int64_t number = 0;
    size_t at = 0;
    for (; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
        int64_t digit = text[at] - '0';
        if (!bsc_num_multiply(number, 10, &number) ||
            !bsc_num_add(number, negative ? -digit : digit, &number))
            return 0;
    }
    *ret_number = number;
    return at;
}

bool bsc_num_parse(const char *text, size_t length, int64_t *ret_number)
{
    bool negative = length > 0 && text[0] == '-';
    size_t sign = negative ? 1 : 0;
    int64_t number = 0;
    size_t count = digits(text + sign, length - sign, negative, &number);
    if (count == 0 || sign + count != length)
        return false;
    *ret_number = number;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* Reads a number without sign and one of the units, which must use up the text. */
static bool parse_with_unit(const char *text, size_t length, const struct unit *units,
                            size_t unit_count, int64_t *ret_number)
{
    int64_t number = 0;
    size_t count = digits(text, length, false, &number);
    if (count == 0)
        return false;
    for (size_t i = 0; i < unit_count; i++) {
        size_t name_length = strlen(units[i].name);
        if (length - count == name_length && memcmp(text + count, units[i].name, name_length) == 0)
            return bsc_num_multiply(number, units[i].factor, ret_number);
    }
    return false;
}

bool bsc_num_parse_duration(const char *text, size_t length, int64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    return parse_with_unit(text, length, units, sizeof units / sizeof units[0], ret_ms);
}

bool bsc_num_parse_size(const char *text, size_t length, int64_t *ret_bytes)
{
    static const struct unit units[] = {
        {"", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"TiB", 1099511627776}};
    return parse_with_unit(text, length, units, sizeof units / sizeof units[0], ret_bytes);
}

bool bsc_num_add(int64_t a, int64_t b, int64_t *ret_sum)
{
    int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret_sum = sum;
    return true;
}

bool bsc_num_multiply(int64_t a, int64_t b, int64_t *ret_product)
{
    int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret_product = product;
    return true;
}
