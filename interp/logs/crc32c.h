/*
 * CRC-32C (Castagnoli), the checksum of PostgreSQL's log records. May include libc only.
 */
#ifndef BSC_LOGS_CRC32C_H
#define BSC_LOGS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* A way to come to a checksum: all come to the same one. */
struct bsc_logs_crc32c_way {
    const char *name; /* "plain", or what a processor needs for it */
    /* The checksum of bytes of which `crc` is that of the part before; 0 to begin with. */
    uint32_t (*add)(uint32_t crc, const void *bytes, size_t length);
    /* That of a whole record of PostgreSQL's log, of at least its header's length: of what follows
     * the header, then of the header as far as the checksum in it. From where the record begins,
     * `room` bytes can be read, those behind the record as well. */
    uint32_t (*of_record)(const void *record, size_t length, size_t room);
};

/* Those that this processor can go, from the slowest to the quickest; returns how many. */
enum { BSC_LOGS_CRC32C_WAYS = 3 };
size_t bsc_logs_crc32c_ways(struct bsc_logs_crc32c_way ret_ways[BSC_LOGS_CRC32C_WAYS]);

/* The quickest, for whoever asks for many. */
struct bsc_logs_crc32c_way bsc_logs_crc32c_quickest(void);

/* As `add` of the quickest way. */
uint32_t bsc_logs_crc32c(uint32_t crc, const void *bytes, size_t length);

#endif
