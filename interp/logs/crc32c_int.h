/*
 * What the ways to come to a checksum share: crc32c.c is for every processor, crc32c_x86.c for
 * those that have an instruction for it. May include libc only.
 */
#ifndef BSC_LOGS_CRC32C_INT_H
#define BSC_LOGS_CRC32C_INT_H

#include "logs/crc32c.h"

/* Bytes of a record's header, and those of them that its checksum covers. */
enum { CRC32C_HEADER = 24, CRC32C_COVERED = 20 };

/* Those of x86-64 that this processor can go, the quicker one last; returns how many. */
size_t bsc_logs_crc32c_x86(struct bsc_logs_crc32c_way ret_ways[BSC_LOGS_CRC32C_WAYS - 1]);

#endif
