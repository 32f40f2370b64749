#include "value/digest.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "value/json.h"

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

void bsc_digest_add(struct bsc_digest *digest, const void *bytes, size_t length)
{
    crypto_hash_sha256_update(state_of(digest), bytes, length);
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

void bsc_digest_value(const struct bsc_value *value, char ret_hex[BSC_DIGEST_HEX])
{
    struct bsc_buf buf;
    bsc_buf_init(&buf);
    bsc_json_canonical(value, &buf);
    bsc_digest_text(buf.data, buf.length, ret_hex);
    bsc_buf_release(&buf);
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
