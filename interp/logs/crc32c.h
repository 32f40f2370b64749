/*
 * CRC-32C (Castagnoli), the checksum of PostgreSQL's log records. May include libc only.
 */
#ifndef BSC_LOGS_CRC32C_H
#define BSC_LOGS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of bytes of which `crc` is that of the part before; 0 to begin with. */
uint32_t bsc_logs_crc32c(uint32_t crc, const void *bytes, size_t length);

/* The same without the processor's own instruction for it. */
uint32_t bsc_logs_crc32c_plain(uint32_t crc, const void *bytes, size_t length);

#endif
