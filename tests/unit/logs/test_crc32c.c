/* The checksum of PostgreSQL's log records. */
#include "unit.h"

#include "logs/crc32c.h"

struct vector {
    const char *bytes;
    size_t length;
    uint32_t crc;
};

/* RFC 3720, B.4, and the check value of the catalogue of CRCs. */
static void known_texts_have_their_known_checksums(void **state)
{
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    (void)state;
    memset(ones, 0xff, sizeof ones);
    for (unsigned i = 0; i < 32; i++) {
        up[i] = (unsigned char)i;
        down[i] = (unsigned char)(31 - i);
    }
    const struct vector vectors[] = {
        {"", 0, 0},
        {"123456789", 9, 0xe3069283},
        {(const char *)zeros, sizeof zeros, 0x8a9136aa},
        {(const char *)ones, sizeof ones, 0x62a8ab43},
        {(const char *)up, sizeof up, 0x46dd794e},
        {(const char *)down, sizeof down, 0x113fdb5c},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *vector = &vectors[i];
        assert_int_equal(bsc_logs_crc32c(0, vector->bytes, vector->length), vector->crc);
        assert_int_equal(bsc_logs_crc32c_plain(0, vector->bytes, vector->length), vector->crc);
    }
}

static void pieces_give_what_the_whole_gives_at_any_place(void **state)
{
    unsigned char bytes[200];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7919 >> 3);
    for (size_t begin = 0; begin < 9; begin++)
        for (size_t cut = begin; cut < sizeof bytes; cut++) {
            uint32_t whole = bsc_logs_crc32c_plain(0, bytes + begin, sizeof bytes - begin);
            uint32_t crc = bsc_logs_crc32c(0, bytes + begin, cut - begin);
            assert_int_equal(bsc_logs_crc32c(crc, bytes + cut, sizeof bytes - cut), whole);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_checksums),
        cmocka_unit_test(pieces_give_what_the_whole_gives_at_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
