#include "logs/pg_pair.h"

#include <string.h>

#include "base/mem.h"
#include "logs/io.h"
#include "logs/pg_log.h"

enum { BLOCK_BYTES = 1 << 20, FOLDERS = 2 };

/* How far the log can be followed with the file of one folder alone, and whether it goes on behind
 * that for all that is known. */
struct reach {
    uint64_t lsn;
    bool open;
};

/* A record that began in the file before shows whether its rest in this one is whole, so reading
 * begins there; whoever has replayed more of the log begins where that ends. */
static void begin_at(const struct bsc_logs_pg_pair *pair, struct bsc_logs_pg_order *order)
{
    uint64_t before = pair->first_lsn < pair->segment ? 0 : pair->first_lsn - pair->segment;
    order->find = pair->from_lsn < before;
    order->first_lsn = order->find ? before : pair->from_lsn;
}

static bool follow(const struct bsc_logs_pg_pair *pair, bool shared, struct reach *ret,
                   struct bsc_err *err)
{
    char name[BSC_LOGS_PG_NAME];
    const char *const this_one[] = {name, NULL};
    const char *one = shared ? pair->share : pair->destination;
    const char *other = shared ? pair->destination : pair->share;
    const struct bsc_logs_pg_folder folders[FOLDERS] = {{.path = one},
                                                        {.path = other, .without = this_one}};
    struct bsc_logs_pg_order order = {.sys = pair->sys,
                                      .folders = folders,
                                      .folder_count = FOLDERS,
                                      .timeline = pair->timeline,
                                      .segment = pair->segment,
                                      .cancel = pair->cancel};
    struct bsc_logs_pg_reader reader;
    const uint64_t upto = pair->first_lsn + pair->segment;
    bsc_logs_pg_name(pair->timeline, pair->first_lsn, pair->segment, name);
    begin_at(pair, &order);
    bool ok = bsc_logs_pg_open(&reader, &order, err);
    *ret = (struct reach){0};
    while (ok && ret->lsn < upto && bsc_logs_pg_next(&reader))
        *ret = (struct reach){.lsn = reader.record.end_lsn, .open = true};
    if (ok && reader.end == BSC_LOGS_PG_END_CANCELLED)
        ok = bsc_err_set(err, BSC_ERR_CANCELLED, "comparing log files was cancelled");
    else if (ok && reader.end != BSC_LOGS_PG_END_NONE)
        *ret = (struct reach){.lsn = reader.end_lsn,
                              .open = reader.end == BSC_LOGS_PG_END_MISSING ||
                                      reader.end == BSC_LOGS_PG_END_ZEROS};
    bsc_logs_pg_release(&reader);
    return ok;
}

bool bsc_logs_pg_pair_judge(const struct bsc_logs_pg_pair *pair, bool *ret_shared,
                            struct bsc_err *err)
{
    struct reach shared, copied;
    *ret_shared = false;
    if (!follow(pair, true, &shared, err) || !follow(pair, false, &copied, err))
        return false;
    *ret_shared = shared.open && shared.lsn > copied.lsn;
    return true;
}

/* A file that is another length, or gone by now, is not the same. */
static bool same_block(const struct bsc_logs_pg_pair *pair, const int fds[FOLDERS],
                       const char *name, unsigned char *const blocks[FOLDERS], int64_t offset,
                       bool *ret_same, struct bsc_err *err)
{
    size_t got[FOLDERS] = {0};
    for (size_t i = 0; i < FOLDERS; i++) {
        if (!bsc_logs_io_read_at(pair->sys, fds[i], name, blocks[i], BLOCK_BYTES, offset, &got[i],
                                 err))
            return false;
    }
    *ret_same = got[0] == got[1] && memcmp(blocks[0], blocks[1], got[0]) == 0;
    return true;
}

static bool is_cancelled(const struct bsc_logs_pg_pair *pair, struct bsc_err *err)
{
    if (pair->cancel == NULL || !atomic_load(pair->cancel))
        return false;
    bsc_err_set(err, BSC_ERR_CANCELLED, "comparing log files was cancelled");
    return true;
}

bool bsc_logs_pg_pair_same(const struct bsc_logs_pg_pair *pair, bool *ret_same, struct bsc_err *err)
{
    const struct bsc_logs_pg_folder folders[FOLDERS] = {{.path = pair->share},
                                                        {.path = pair->destination}};
    struct bsc_err ignored = BSC_ERR_INIT;
    unsigned char *blocks[FOLDERS] = {bsc_mem_new(BLOCK_BYTES, 1), bsc_mem_new(BLOCK_BYTES, 1)};
    int fds[FOLDERS] = {-1, -1};
    char name[BSC_LOGS_PG_NAME];
    bool ok = true;
    bsc_logs_pg_name(pair->timeline, pair->first_lsn, pair->segment, name);
    for (size_t i = 0; ok && i < FOLDERS; i++) {
        char *path = bsc_logs_pg_path(&folders[i], name);
        fds[i] = bsc_logs_io_open(pair->sys, path, err);
        ok = fds[i] >= 0;
        bsc_mem_free(path);
    }
    *ret_same = true;
    for (int64_t offset = 0; ok && *ret_same && offset < pair->segment; offset += BLOCK_BYTES)
        ok = !is_cancelled(pair, err) && same_block(pair, fds, name, blocks, offset, ret_same, err);
    for (size_t i = 0; i < FOLDERS; i++) {
        bsc_logs_io_close(pair->sys, &fds[i], name, &ignored);
        bsc_mem_free(blocks[i]);
    }
    return ok;
}
