#include "unit.h"

#include "value/utf8.h"

struct row {
    const char *bytes;
    size_t length;
    size_t size; /* 0: refused */
    uint32_t point;
};

static void only_shortest_forms_of_real_characters_are_accepted(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", 0, 0, 0},
        {"\0", 1, 1, 0},
        {"a", 1, 1, 'a'},
        {"\x7F", 1, 1, 0x7F},
        {"\xC2\x80", 2, 2, 0x80},
        {"\xC3\xA9", 2, 2, 0xE9},
        {"\xE2\x82\xAC", 3, 3, 0x20AC},
        {"\xEF\xBB\xBF", 3, 3, 0xFEFF},
        {"\xF0\x9F\x98\x80", 4, 4, 0x1F600},
        {"\xF4\x8F\xBF\xBF", 4, 4, 0x10FFFF},
        {"\x80", 1, 0, 0},             /* continuation without a start */
        {"\xC3", 1, 0, 0},             /* cut */
        {"\xE2\x82", 2, 0, 0},         /* cut */
        {"\xC0\x80", 2, 0, 0},         /* overlong NUL */
        {"\xC1\xBF", 2, 0, 0},         /* overlong */
        {"\xE0\x80\xAF", 3, 0, 0},     /* overlong slash */
        {"\xF0\x8F\xBF\xBF", 4, 0, 0}, /* overlong */
        {"\xED\xA0\x80", 3, 0, 0},     /* surrogate */
        {"\xED\xBF\xBF", 3, 0, 0},     /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0, 0}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", 4, 0, 0},
        {"\xFF", 1, 0, 0},
        {"\xC3\x28", 2, 0, 0}, /* no continuation */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t point = 0;
        assert_int_equal(bsc_utf8_decode(rows[i].bytes, rows[i].length, &point), rows[i].size);
        assert_int_equal(point, rows[i].point);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_shortest_forms_of_real_characters_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
