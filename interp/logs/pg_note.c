#include <stdio.h>

#include "base/mem.h"
#include "logs/pg_mark.h"
#include "logs/pg_tail_int.h"
#include "os/files.h"

#define NOTE_NAME   ".salvaged"
#define NOTE_FORMAT "bascule salvaged timeline %u LSN %llu to %llu commits %lld time %lld\n"

enum { NOTE_MAX = 4096 };

bool bsc_logs_pg_note_read(const struct bsc_logs_pg_tail_order *order, struct pg_note *ret)
{
    struct bsc_buf text;
    struct bsc_err ignored = BSC_ERR_INIT;
    char *path = bsc_files_join(order->destination, NOTE_NAME);
    unsigned timeline = 0;
    unsigned long long first = 0, last = 0;
    long long commits = 0, time = 0;
    bsc_buf_init(&text);
    bool ok = bsc_files_read(order->sys, path, NOTE_MAX, &text, &ignored) &&
              sscanf(text.data, NOTE_FORMAT, &timeline, &first, &last, &commits, &time) == 5;
    if (ok)
        *ret = (struct pg_note){.first_lsn = first,
                                .last_lsn = last,
                                .commits = commits,
                                .time_ms = time,
                                .timeline = timeline};
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

bool bsc_logs_pg_note_write(const struct bsc_logs_pg_tail_order *order, const struct pg_note *note,
                            struct bsc_err *err)
{
    char *text = bsc_mem_format(
        NOTE_FORMAT, (unsigned)note->timeline, (unsigned long long)note->first_lsn,
        (unsigned long long)note->last_lsn, (long long)note->commits, (long long)note->time_ms);
    bool ok = bsc_logs_pg_mark_put(order->sys, order->destination, NOTE_NAME, text, err);
    bsc_mem_free(text);
    return ok;
}
