#include "run/words.h"

#include <string.h>

#include "base/mem.h"

enum { SLOTS_AT_FIRST = 1024, ROOM_AT_FIRST = 4096, FREE = 0 };

struct sequence {
    size_t at; /* in `room` */
    size_t length;
    uint64_t hash;
};

struct bsc_run_words {
    uint32_t *room; /* owned: the sequences, one after another */
    size_t room_size;
    size_t room_used;
    struct sequence *sequences; /* owned */
    size_t count;
    size_t capacity;
    uint32_t *slots; /* owned: number + 1, or FREE; their count is a power of two */
    size_t slot_count;
};

struct bsc_run_words *bsc_run_words_new(void)
{
    struct bsc_run_words *words = bsc_mem_new(1, sizeof *words);
    words->slot_count = SLOTS_AT_FIRST;
    words->slots = bsc_mem_new(words->slot_count, sizeof *words->slots);
    words->room_size = ROOM_AT_FIRST;
    words->room = bsc_mem_new(words->room_size, sizeof *words->room);
    return words;
}

void bsc_run_words_free(struct bsc_run_words *words)
{
    if (words == NULL)
        return;
    bsc_mem_free(words->room);
    bsc_mem_free(words->sequences);
    bsc_mem_free(words->slots);
    bsc_mem_free(words);
}

static uint64_t hash_of(const uint32_t *sequence, size_t length)
{
    uint64_t hash = 0x9e3779b97f4a7c15U ^ length;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ sequence[i]) * 0xff51afd7ed558ccdU;
        hash ^= hash >> 32;
    }
    return hash;
}

static bool is_equal(const struct bsc_run_words *words, const struct sequence *known,
                     const uint32_t *sequence, size_t length, uint64_t hash)
{
    return known->hash == hash && known->length == length &&
           (length == 0 ||
            memcmp(words->room + known->at, sequence, length * sizeof *sequence) == 0);
}

static void grow_slots(struct bsc_run_words *words)
{
    bsc_mem_free(words->slots);
    words->slot_count *= 2;
    words->slots = bsc_mem_new(words->slot_count, sizeof *words->slots);
    for (size_t i = 0; i < words->count; i++) {
        size_t slot = words->sequences[i].hash & (words->slot_count - 1);
        while (words->slots[slot] != FREE)
            slot = (slot + 1) & (words->slot_count - 1);
        words->slots[slot] = (uint32_t)(i + 1);
    }
}

static uint32_t keep(struct bsc_run_words *words, const uint32_t *sequence, size_t length,
                     uint64_t hash)
{
    while (words->room_used + length > words->room_size) {
        words->room_size *= 2;
        words->room = bsc_mem_resize(words->room, words->room_size, sizeof *words->room);
    }
    if (words->count == words->capacity) {
        words->capacity = words->capacity == 0 ? SLOTS_AT_FIRST : words->capacity * 2;
        words->sequences =
            bsc_mem_resize(words->sequences, words->capacity, sizeof *words->sequences);
    }
    words->sequences[words->count] = (struct sequence){words->room_used, length, hash};
    if (length > 0)
        memcpy(words->room + words->room_used, sequence, length * sizeof *sequence);
    words->room_used += length;
    return (uint32_t)words->count++;
}

uint32_t bsc_run_words_add(struct bsc_run_words *words, const uint32_t *sequence, size_t length,
                           bool *ret_new)
{
    uint64_t hash = hash_of(sequence, length);
    size_t slot = hash & (words->slot_count - 1);
    for (; words->slots[slot] != FREE; slot = (slot + 1) & (words->slot_count - 1)) {
        uint32_t number = words->slots[slot] - 1;
        if (is_equal(words, &words->sequences[number], sequence, length, hash)) {
            *ret_new = false;
            return number;
        }
    }
    uint32_t number = keep(words, sequence, length, hash);
    words->slots[slot] = number + 1;
    if (words->count * 2 > words->slot_count)
        grow_slots(words);
    *ret_new = true;
    return number;
}

const uint32_t *bsc_run_words_get(const struct bsc_run_words *words, uint32_t number,
                                  size_t *ret_length)
{
    *ret_length = words->sequences[number].length;
    return words->room + words->sequences[number].at;
}

size_t bsc_run_words_count(const struct bsc_run_words *words)
{
    return words->count;
}
