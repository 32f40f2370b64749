#include "run/held.h"

#include <string.h>

struct head {
    enum bsc_journal_kind kind;
    size_t length;
};

void bsc_run_held_init(struct bsc_run_held *held)
{
    bsc_buf_init(&held->bytes);
    held->has_change = false;
}

void bsc_run_held_release(struct bsc_run_held *held)
{
    bsc_buf_release(&held->bytes);
}

bool bsc_run_held_is_empty(const struct bsc_run_held *held)
{
    return held->bytes.length == 0;
}

bool bsc_run_held_is_full(const struct bsc_run_held *held)
{
    return held->bytes.length >= BSC_RUN_HELD_MAX;
}

void bsc_run_held_clear(struct bsc_run_held *held)
{
    bsc_buf_clear(&held->bytes);
    held->has_change = false;
}

void bsc_run_held_add(struct bsc_run_held *held, const struct bsc_journal_record *record)
{
    struct head head = {record->kind, record->payload_length};
    bsc_buf_add(&held->bytes, &head, sizeof head);
    bsc_buf_add(&held->bytes, record->payload, record->payload_length);
    held->has_change = held->has_change || record->kind == BSC_JOURNAL_INTENT;
}

bool bsc_run_held_each(const struct bsc_run_held *held, bsc_journal_seen_fn seen, void *arg,
                       struct bsc_err *err)
{
    bool ok = true;
    struct head head;
    for (size_t at = 0; ok && at < held->bytes.length; at += head.length) {
        memcpy(&head, held->bytes.data + at, sizeof head);
        at += sizeof head;
        const struct bsc_journal_record record = {
            .kind = head.kind, .payload = held->bytes.data + at, .payload_length = head.length};
        ok = seen(arg, &record, err);
    }
    return ok;
}
