#include "value/digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/json.h"
#include "value/sha256_int.h"

enum { BLOCK_BYTES = 64 };

static_assert(sizeof(crypto_hash_sha256_state) <= sizeof(struct bsc_digest),
              "the room for the hash state is too small");
static_assert(BSC_DIGEST_BYTES == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");

/* libsodium counts its own initialisation and locks around it, so that any thread may ask first. */
static void sodium_ready(void)
{
    BSC_BUG_ON(sodium_init() < 0);
}

static crypto_hash_sha256_state *state_of(struct bsc_digest *digest)
{
    return (crypto_hash_sha256_state *)(void *)digest;
}

void bsc_digest_init(struct bsc_digest *digest)
{
    sodium_ready();
    crypto_hash_sha256_init(state_of(digest));
}

/* Whole blocks go through the processor's own instructions, straight into the library's state;
 * the library does what is left over and the padding. */
static size_t add_blocks(crypto_hash_sha256_state *state, const unsigned char *bytes, size_t length)
{
    size_t blocks = length / BLOCK_BYTES;
    bsc_sha256_blocks(state->state, bytes, blocks);
    state->count += (uint64_t)blocks * BLOCK_BYTES * 8;
    return blocks * BLOCK_BYTES;
}

void bsc_digest_add(struct bsc_digest *digest, const void *bytes, size_t length)
{
    crypto_hash_sha256_state *state = state_of(digest);
    const unsigned char *at = bytes;
    size_t begun = (size_t)(state->count / 8 % BLOCK_BYTES);
    size_t first = begun == 0 ? 0 : BLOCK_BYTES - begun;
    if (length >= first + BLOCK_BYTES && bsc_sha256_is_native()) {
        crypto_hash_sha256_update(state, at, first);
        first += add_blocks(state, at + first, length - first);
        at += first;
        length -= first;
    }
    crypto_hash_sha256_update(state, at, length);
}

void bsc_digest_end(struct bsc_digest *digest, unsigned char ret_hash[BSC_DIGEST_BYTES])
{
    crypto_hash_sha256_final(state_of(digest), ret_hash);
}

void bsc_digest_bytes(const void *bytes, size_t length, unsigned char ret_hash[BSC_DIGEST_BYTES])
{
    struct bsc_digest digest;
    bsc_digest_init(&digest);
    bsc_digest_add(&digest, bytes, length);
    bsc_digest_end(&digest, ret_hash);
}

void bsc_digest_hex(const unsigned char hash[BSC_DIGEST_BYTES], char ret_hex[BSC_DIGEST_HEX])
{
    sodium_bin2hex(ret_hex, BSC_DIGEST_HEX, hash, BSC_DIGEST_BYTES);
}

void bsc_digest_text(const void *bytes, size_t length, char ret_hex[BSC_DIGEST_HEX])
{
    unsigned char hash[BSC_DIGEST_BYTES];
    bsc_digest_bytes(bytes, length, hash);
    bsc_digest_hex(hash, ret_hex);
}

static bool add_piece(void *self, const char *bytes, size_t length)
{
    bsc_digest_add(self, bytes, length);
    return true;
}

void bsc_digest_value(const struct bsc_value *value, char ret_hex[BSC_DIGEST_HEX])
{
    struct bsc_digest digest;
    unsigned char hash[BSC_DIGEST_BYTES];
    struct bsc_json_sink sink = {&digest, add_piece};
    bsc_digest_init(&digest);
    bsc_json_canonical_to(value, &sink);
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, ret_hex);
}

void bsc_digest_random(void *bytes, size_t length)
{
    sodium_ready();
    randombytes_buf(bytes, length);
}

void bsc_digest_random_hex(char *ret_hex, size_t hex_digits)
{
    static const char digits[] = "0123456789abcdef";
    bsc_digest_random(ret_hex, hex_digits);
    for (size_t i = 0; i < hex_digits; i++)
        ret_hex[i] = digits[(unsigned char)ret_hex[i] & 15u];
    ret_hex[hex_digits] = '\0';
}
