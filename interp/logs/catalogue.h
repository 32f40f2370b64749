/*
 * What log backups a share and a destination hold, read from names and headers alone.
 *
 * A backup that lies in both is one entry. Files whose name says that they end at or before
 * `after_lsn` are counted and not opened, so that a long history costs little.
 */
#ifndef BSC_LOGS_CATALOGUE_H
#define BSC_LOGS_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logs/format.h"
#include "os/sys.h"
#include "value/value.h"

enum bsc_logs_entry_kind {
    BSC_LOGS_ENTRY_GOOD,    /* header and size are right */
    BSC_LOGS_ENTRY_DAMAGED, /* they are not, or the file cannot be read */
    BSC_LOGS_ENTRY_FOREIGN  /* of another database */
};

struct bsc_logs_entry {
    int64_t first_lsn; /* 0 when damaged */
    int64_t last_lsn;  /* as the name says */
    int64_t time_ms;
    int64_t bytes;
    unsigned char digest[BSC_DIGEST_BYTES];
    size_t name;   /* offset into texts */
    size_t reason; /* offset into texts: why it is damaged; 0 is none */
    uint16_t fork; /* index into forks */
    uint8_t kind;  /* enum bsc_logs_entry_kind */
    bool on_share;
    bool copied; /* lies in the destination, and is good there */
};

struct bsc_logs_catalogue {
    struct bsc_logs_entry *entries; /* owned, in order of first_lsn, last_lsn, name */
    size_t count;
    size_t room;
    struct bsc_buf texts;           /* names and reasons, each with its NUL */
    char (*forks)[BSC_LOGS_ID_HEX]; /* owned; forks[0] is empty */
    uint16_t fork_count;
    struct bsc_value *ignored; /* owned list of texts: files not looked at and why */
    int64_t older;             /* backups that end at or before after_lsn */
    int64_t present_bytes;     /* of everything in the destination */
    bool share_readable;
};

struct bsc_logs_catalogue_order {
    const struct bsc_sys *sys; /* borrowed, as the others */
    const char *share;
    const char *destination; /* may not exist yet */
    const char *database_id;
    int64_t after_lsn;
};

/* Fills *catalogue; release it in any case. A share that cannot be listed is no failure. */
bool bsc_logs_catalogue_read(const struct bsc_logs_catalogue_order *order,
                             struct bsc_logs_catalogue *catalogue, struct bsc_err *err);
void bsc_logs_catalogue_release(struct bsc_logs_catalogue *catalogue);

/* Borrowed texts. */
const char *bsc_logs_entry_name(const struct bsc_logs_catalogue *catalogue,
                                const struct bsc_logs_entry *entry);
const char *bsc_logs_entry_reason(const struct bsc_logs_catalogue *catalogue,
                                  const struct bsc_logs_entry *entry);

#endif
