/*
 * CRC-32C by the instruction that x86-64 has for it.
 *
 * It takes a word at once, but each has to wait for what the one before it gives: three steps of
 * the processor's clock, in each of which another could begin. Short pieces are many, and the
 * processor goes ahead to the next by itself. A long one is divided into three stretches, which are
 * gone through side by side: the way of Gopal, Ozturk, Guilford and others, "Fast CRC Computation
 * for iSCSI Polynomial Using CRC32 Instruction" (Intel, 2011).
 *
 * Bytes are a polynomial over the field of two elements, of which the checksum is the remainder
 * modulo another one, P. What follows a stretch multiplies its remainder by x for each bit that
 * follows, and adds to it. So the remainder of the first stretch is multiplied by x^b modulo P,
 * where b is how many bits the other two have, that of the second by the same for the third; their
 * sum with that of the third is the remainder of all. Such a product has 63 bits: it is added to
 * the last word of the third stretch, and the instruction brings it below P with that. Doing so,
 * it multiplies a word by x^32; and as the highest power stands in the lowest bit, and a word has
 * one bit more than the product, it takes that for x times what it is. Hence 33 less than b.
 *
 * A remainder here is what the instruction gives, without the complement that ends a checksum.
 */
#include "logs/crc32c_int.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

#define WITH_CRC     __attribute__((target("sse4.2")))
#define WITH_PRODUCT __attribute__((target("sse4.2,pclmul")))

enum {
    WORD = sizeof(uint64_t),
    STRETCH = 336,  /* eight times three of them are nearly all of a page */
    READ_AHEAD = 64 /* what follows the header of most records is shorter */
};

/* x^(2 * 8 * STRETCH - 33) and x^(8 * STRETCH - 33) modulo P, the highest power in the lowest bit.
 */
static const uint32_t behind_first = 0xcec3662e, behind_second = 0xa60ce07b;

static inline uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t half_at(const unsigned char *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* The first `count` bytes of a word, not all of them, as its last ones with zeros before them:
 * those leave a remainder of zero as it is. So the remainder is added to the bytes, which is what
 * the instruction would do, and to the result what of it there were no bytes for. */
WITH_CRC static inline uint64_t add_last(uint64_t crc, uint64_t word, unsigned count)
{
    const unsigned gap = 8 * (WORD - 1 - count); /* and 8 more: nothing is shifted by 64 at once */
    return _mm_crc32_u64(0, (word ^ crc) << gap << 8) ^ crc >> 8 * count;
}

WITH_CRC static inline uint64_t add(uint64_t crc, const unsigned char *at, size_t length)
{
    const unsigned count = length % WORD;
    const unsigned char *const end = at + length, *const last = end - count;
    if (length < WORD) {
        for (; at < end; at++)
            crc = _mm_crc32_u8((uint32_t)crc, *at);
        return crc;
    }
    for (; at < last; at += WORD)
        crc = _mm_crc32_u64(crc, word_at(at));
    return add_last(crc, word_at(end - WORD) >> 8 * (WORD - 1 - count) >> 8, count);
}

/* Fewer than READ_AHEAD bytes, where that many can be read. Nobody can foretell how long the next
 * record is, and a loop that ends with it costs the processor more, as it has guessed wrong, than
 * the words that it saves. So all are gone through, and of the remainders the right one is taken.
 */
WITH_CRC static inline uint64_t add_few(uint64_t crc, const unsigned char *at, size_t length)
{
    uint64_t after[READ_AHEAD / WORD];
    after[0] = crc;
#pragma GCC unroll 8
    for (size_t i = 1; i < READ_AHEAD / WORD; i++)
        after[i] = crc = _mm_crc32_u64(crc, word_at(at + WORD * (i - 1)));
    const size_t words = length / WORD;
    return add_last(after[words], word_at(at + WORD * words), length % WORD);
}

static inline bool are_few(size_t length, size_t room)
{
    return length < READ_AHEAD && room >= READ_AHEAD;
}

/* What a record's checksum covers of its header: two words and a half. */
WITH_CRC static inline uint64_t add_header(uint64_t crc, const unsigned char *at)
{
    crc = _mm_crc32_u64(crc, word_at(at));
    crc = _mm_crc32_u64(crc, word_at(at + WORD));
    return _mm_crc32_u32((uint32_t)crc, half_at(at + 2 * WORD));
}

WITH_CRC static uint32_t in_one(uint32_t crc, const void *bytes, size_t length)
{
    return ~(uint32_t)add((uint32_t)~crc, bytes, length);
}

WITH_CRC static uint32_t in_one_of_record(const void *record, size_t length, size_t room)
{
    const unsigned char *head = record, *body = head + CRC32C_HEADER;
    length -= CRC32C_HEADER;
    const uint64_t crc = are_few(length, room - CRC32C_HEADER) ? add_few(UINT32_MAX, body, length)
                                                               : add(UINT32_MAX, body, length);
    return ~(uint32_t)add_header(crc, head);
}

WITH_PRODUCT static inline uint64_t product(uint64_t crc, uint32_t power)
{
    const __m128i factor = _mm_cvtsi64_si128((int64_t)power);
    const __m128i both = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)crc), factor, 0);
    return (uint64_t)_mm_cvtsi128_si64(both);
}

/* Three stretches, the first of which goes on from a remainder. */
WITH_PRODUCT static uint64_t add_three(uint64_t crc, const unsigned char *at)
{
    const unsigned char *const last = at + STRETCH - WORD;
    uint64_t second = 0, third = 0;
    for (; at < last; at += WORD) {
        crc = _mm_crc32_u64(crc, word_at(at));
        second = _mm_crc32_u64(second, word_at(at + STRETCH));
        third = _mm_crc32_u64(third, word_at(at + 2 * STRETCH));
    }
    crc = product(_mm_crc32_u64(crc, word_at(at)), behind_first);
    second = product(_mm_crc32_u64(second, word_at(at + STRETCH)), behind_second);
    return _mm_crc32_u64(third, word_at(at + 2 * STRETCH) ^ crc ^ second);
}

WITH_PRODUCT static inline uint64_t add_long(uint64_t crc, const unsigned char *at, size_t length)
{
    for (; length >= 3 * STRETCH; length -= 3 * STRETCH, at += 3 * STRETCH)
        crc = add_three(crc, at);
    return add(crc, at, length);
}

WITH_PRODUCT static uint32_t in_three(uint32_t crc, const void *bytes, size_t length)
{
    return ~(uint32_t)add_long((uint32_t)~crc, bytes, length);
}

WITH_PRODUCT static uint32_t in_three_of_record(const void *record, size_t length, size_t room)
{
    const unsigned char *head = record, *body = head + CRC32C_HEADER;
    length -= CRC32C_HEADER;
    const uint64_t crc = are_few(length, room - CRC32C_HEADER) ? add_few(UINT32_MAX, body, length)
                                                               : add_long(UINT32_MAX, body, length);
    return ~(uint32_t)add_header(crc, head);
}

size_t bsc_logs_crc32c_x86(struct bsc_logs_crc32c_way ret_ways[BSC_LOGS_CRC32C_WAYS - 1])
{
    if (!__builtin_cpu_supports("sse4.2"))
        return 0;
    ret_ways[0] = (struct bsc_logs_crc32c_way){"sse4.2", in_one, in_one_of_record};
    if (!__builtin_cpu_supports("pclmul"))
        return 1;
    ret_ways[1] = (struct bsc_logs_crc32c_way){"pclmul", in_three, in_three_of_record};
    return 2;
}

#else

size_t bsc_logs_crc32c_x86(struct bsc_logs_crc32c_way ret_ways[BSC_LOGS_CRC32C_WAYS - 1])
{
    (void)ret_ways;
    return 0;
}

#endif
