#include "value/scalar_int.h"

#include <string.h>
#include <strings.h>

static const char quote_hint[] = "Put it in quotes if a text is meant.";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool equals(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && strncasecmp(text, word, length) == 0;
}

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (equals(text, length, *words))
            return true;
    }
    return false;
}

/* Counts what a text consists of, so that number-like forms can be told apart in one pass. */
struct shape {
    size_t digits;
    size_t dots;
    size_t colons;
    size_t underscores;
    size_t exponents;
    size_t others;
};

static struct shape shape_of(const char *text, size_t length)
{
    struct shape shape = {0};
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        bool exponent_sign = (c == '+' || c == '-') && i > 0 && (text[i - 1] | 0x20) == 'e';
        if (is_digit(c))
            shape.digits++;
        else if (c == '.')
            shape.dots++;
        else if (c == ':')
            shape.colons++;
        else if (c == '_')
            shape.underscores++;
        else if ((c | 0x20) == 'e')
            shape.exponents++;
        else if (!exponent_sign)
            shape.others++;
    }
    return shape;
}

/* Hexadecimal, octal or binary, with or without underscores: 0x1F, 0o17, 0b11. */
static bool is_prefixed_number(const char *text, size_t length)
{
    if (length < 3 || text[0] != '0' || memchr("xXoObB", text[1], 6) == NULL)
        return false;
    return strspn(text + 2, "0123456789abcdefABCDEF_") == length - 2;
}

/* Anything but a plain decimal integer that some reader takes for a number. */
static bool is_odd_number(const char *text, size_t length)
{
    size_t sign = text[0] == '+' || text[0] == '-' ? 1 : 0;
    if (sign == length)
        return false;
    if (is_prefixed_number(text + sign, length - sign))
        return true;
    if (!is_digit(text[sign]) && text[sign] != '.')
        return false;
    struct shape shape = shape_of(text + sign, length - sign);
    if (shape.digits == 0 || shape.others > 0 || shape.dots > 1 || shape.exponents > 1)
        return false;
    return !(shape.colons > 0 && shape.exponents > 0);
}

bool bsc_scalar_is_integer(const char *text, size_t length)
{
    size_t sign = length > 0 && text[0] == '-' ? 1 : 0;
    if (length == sign || (text[sign] == '0' && length > 1))
        return false;
    for (size_t i = sign; i < length; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

const char *bsc_scalar_ambiguity(const char *text, size_t length)
{
    static const char *const truths[] = {"yes", "no", "on", "off", "y", "n", NULL};
    static const char *const nulls[] = {"~", "null", NULL};
    static const char *const reals[] = {".inf", "+.inf", "-.inf", ".nan", NULL};
    bool exact = (length == 4 && memcmp(text, "true", 4) == 0) ||
                 (length == 5 && memcmp(text, "false", 5) == 0);
    if (length == 0 || exact || bsc_scalar_is_integer(text, length))
        return NULL;
    if (is_one_of(text, length, truths) || equals(text, length, "true") ||
        equals(text, length, "false"))
        return "Write true or false, or put it in quotes if a text is meant.";
    if (is_one_of(text, length, nulls))
        return "Leave the value empty, or put it in quotes if a text is meant.";
    if (is_one_of(text, length, reals) || is_odd_number(text, length))
        return quote_hint;
    return NULL;
}
