/*
 * SHA-256, of bytes at once or in pieces, and of a value's canonical JSON.
 */
#ifndef BSC_VALUE_DIGEST_H
#define BSC_VALUE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "value/value.h"

enum { BSC_DIGEST_BYTES = 32, BSC_DIGEST_HEX = 65 };

struct bsc_digest {
    uint64_t opaque[16]; /* room for the library's state; checked against its size at build time */
};

void bsc_digest_init(struct bsc_digest *digest);
void bsc_digest_add(struct bsc_digest *digest, const void *bytes, size_t length);
void bsc_digest_end(struct bsc_digest *digest, unsigned char ret_hash[BSC_DIGEST_BYTES]);

void bsc_digest_bytes(const void *bytes, size_t length, unsigned char ret_hash[BSC_DIGEST_BYTES]);
void bsc_digest_hex(const unsigned char hash[BSC_DIGEST_BYTES], char ret_hex[BSC_DIGEST_HEX]);
void bsc_digest_text(const void *bytes, size_t length, char ret_hex[BSC_DIGEST_HEX]);
void bsc_digest_value(const struct bsc_value *value, char ret_hex[BSC_DIGEST_HEX]);

/* Fills `bytes` with unpredictable bytes, and a text with their hexadecimal form. */
void bsc_digest_random(void *bytes, size_t length);
void bsc_digest_random_hex(char *ret_hex, size_t hex_digits);

#endif
