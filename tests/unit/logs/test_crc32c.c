/* The checksum of PostgreSQL's log records. */
#include "unit.h"

#include "logs/crc32c.h"

enum { LONGEST = 8300, PLACES = 16 };

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
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    const size_t count = bsc_logs_crc32c_ways(ways);
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *vector = &vectors[i];
        assert_int_equal(bsc_logs_crc32c(0, vector->bytes, vector->length), vector->crc);
        for (size_t way = 0; way < count; way++)
            assert_int_equal(ways[way].add(0, vector->bytes, vector->length), vector->crc);
    }
}

/* Bytes without a pattern that a checksum might not see. */
static void fill(unsigned char *bytes, size_t length)
{
    uint64_t random = 88172645463325252ULL;
    for (size_t i = 0; i < length; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        bytes[i] = (unsigned char)(random >> 24);
    }
}

static void the_first_way_is_the_plain_one_and_the_last_is_taken(void **state)
{
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    const size_t count = bsc_logs_crc32c_ways(ways);
    (void)state;
    assert_true(count >= 1 && count <= BSC_LOGS_CRC32C_WAYS);
    assert_string_equal(ways[0].name, "plain");
    assert_string_equal(bsc_logs_crc32c_quickest().name, ways[count - 1].name);
}

/* Every length up to beyond a page, so all around what is gone through in stretches; and wherever
 * the bytes begin and whatever was before them. */
static void every_way_comes_to_the_same_at_any_place(void **state)
{
    static unsigned char bytes[LONGEST + PLACES];
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    const size_t count = bsc_logs_crc32c_ways(ways);
    (void)state;
    fill(bytes, sizeof bytes);
    for (size_t place = 0; place < PLACES; place++) {
        const uint32_t before = place % 2 == 0 ? 0 : 0x9e3779b9U * (uint32_t)place;
        uint32_t crc = before;
        for (size_t length = 0; length <= LONGEST; length++) {
            for (size_t way = 1; way < count; way++)
                if (ways[way].add(before, bytes + place, length) != crc)
                    fail_msg("%s: %zu bytes at %zu", ways[way].name, length, place);
            crc = ways[0].add(crc, bytes + place + length, 1);
        }
    }
}

/* A record of its own memory, so that nothing else of it can be read unseen. */
static void check_record(const struct bsc_logs_crc32c_way *ways, size_t count,
                         const unsigned char *bytes, size_t length, size_t room)
{
    unsigned char *record = malloc(room);
    assert_non_null(record);
    memcpy(record, bytes, room);
    const uint32_t body = ways[0].add(0, record + 24, length - 24);
    const uint32_t crc = ways[0].add(body, record, 20);
    for (size_t way = 0; way < count; way++)
        if (ways[way].of_record(record, length, room) != crc)
            fail_msg("%s: a record of %zu bytes with %zu", ways[way].name, length, room);
    free(record);
}

static void every_way_comes_to_the_same_of_a_record(void **state)
{
    static unsigned char bytes[LONGEST + PLACES];
    static const size_t behind[] = {0, 1, 7, 8, 39, 40, 41, 63, 64, 65, 200};
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    const size_t count = bsc_logs_crc32c_ways(ways);
    (void)state;
    fill(bytes, sizeof bytes);
    for (size_t length = 24; length <= 4096; length++)
        for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++)
            check_record(ways, count, bytes + length % 3, length, length + behind[i]);
}

static void pieces_give_what_the_whole_gives_at_any_place(void **state)
{
    unsigned char bytes[200];
    struct bsc_logs_crc32c_way ways[BSC_LOGS_CRC32C_WAYS];
    (void)bsc_logs_crc32c_ways(ways);
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7919 >> 3);
    for (size_t begin = 0; begin < 9; begin++)
        for (size_t cut = begin; cut < sizeof bytes; cut++) {
            uint32_t whole = ways[0].add(0, bytes + begin, sizeof bytes - begin);
            uint32_t crc = bsc_logs_crc32c(0, bytes + begin, cut - begin);
            assert_int_equal(bsc_logs_crc32c(crc, bytes + cut, sizeof bytes - cut), whole);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_checksums),
        cmocka_unit_test(the_first_way_is_the_plain_one_and_the_last_is_taken),
        cmocka_unit_test(every_way_comes_to_the_same_at_any_place),
        cmocka_unit_test(every_way_comes_to_the_same_of_a_record),
        cmocka_unit_test(pieces_give_what_the_whole_gives_at_any_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
