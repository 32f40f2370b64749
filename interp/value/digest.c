#include "value/digest.h"

/* The plain calls need no start-up of the library, which would read configuration files. */
#define OPENSSL_API_COMPAT 0x10100000L

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "value/json.h"

static_assert(sizeof(SHA256_CTX) <= sizeof(struct bsc_digest),
              "the room for the hash state is too small");
static_assert(BSC_DIGEST_BYTES == SHA256_DIGEST_LENGTH, "SHA-256 has 32 bytes");

/* libsodium counts its own initialisation and locks around it, so that any thread may ask first. */
static void sodium_ready(void)
{
    BSC_BUG_ON(sodium_init() < 0);
}

static SHA256_CTX *state_of(struct bsc_digest *digest)
{
    return (SHA256_CTX *)(void *)digest;
}

void bsc_digest_init(struct bsc_digest *digest)
{
    BSC_BUG_ON(SHA256_Init(state_of(digest)) != 1);
}

void bsc_digest_add(struct bsc_digest *digest, const void *bytes, size_t length)
{
    BSC_BUG_ON(SHA256_Update(state_of(digest), bytes, length) != 1);
}

void bsc_digest_end(struct bsc_digest *digest, unsigned char ret_hash[BSC_DIGEST_BYTES])
{
    BSC_BUG_ON(SHA256_Final(ret_hash, state_of(digest)) != 1);
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
