/*
 * The SHA-256 compression of whole blocks by the processor's own instructions, where it has them:
 * five times as fast as portable code, and copying and applying log backups spend most of their
 * time here. Private to the room.
 */
#ifndef BSC_VALUE_SHA256_INT_H
#define BSC_VALUE_SHA256_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the processor has the instructions; the same answer every time. */
bool bsc_sha256_is_native(void);

/* Takes `count` blocks of 64 bytes into the eight words. Only where the above says so. */
void bsc_sha256_blocks(uint32_t words[8], const unsigned char *bytes, size_t count);

#endif
