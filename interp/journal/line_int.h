/*
 * The shape of one line of a journal, written and read by hand.
 *
 *   {"hash":"…","kind":"…","payload":{…},"prev":"…","seq":1,"time":"2026-11-20T23:05:01.042Z"}
 *
 * Keys are in canonical order. `hash` is the SHA-256 of the line without its line end and without
 * the member "hash":"…", and so can be computed with sed and sha256sum. Private to the room.
 */
#ifndef BSC_JOURNAL_LINE_INT_H
#define BSC_JOURNAL_LINE_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "os/clock.h"
#include "value/digest.h"

enum {
    BSC_JOURNAL_HEX = BSC_DIGEST_HEX - 1,   /* digits of a hash */
    BSC_JOURNAL_TIME = BSC_CLOCK_TEXT - 1,  /* characters of a time */
    BSC_JOURNAL_LINE_MAX = 16 * 1024 * 1024 /* bytes of a line with its line end */
};

/* What the first record has as `prev`. */
#define BSC_JOURNAL_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* The parts of a line; all texts are borrowed from it and none ends in NUL. */
struct bsc_journal_line {
    const char *hash;
    const char *kind;
    size_t kind_length;
    const char *payload;
    size_t payload_length;
    const char *prev;
    int64_t seq;
    const char *time;
};

/* Appends a line with its line end; `payload` is canonical JSON. Puts the hash into ret_hash. */
void bsc_journal_line_write(struct bsc_buf *out, const char *kind, const struct bsc_buf *payload,
                            const char *prev, int64_t seq, const char *time,
                            char ret_hash[BSC_DIGEST_HEX]);

/* Takes a line (without its line end) apart; false when it is not exactly of the shape above. What
 * stands in the places of the two hashes is not looked at: it is for comparing. */
bool bsc_journal_line_parse(const char *bytes, size_t length, struct bsc_journal_line *ret);

/* The hash that a line of this shape (without its line end) should carry. Writes to the line while
 * it works, and leaves it as it was. */
void bsc_journal_line_hash(char *bytes, size_t length, char ret_hash[BSC_DIGEST_HEX]);

#endif
