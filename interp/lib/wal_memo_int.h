/*
 * What was read of log files, for as long as they are the same. Private to the files of this room.
 *
 * Where the log ends, and whether all of it is whole, is asked again and again while a failover is
 * planned and carried out, and clients wait meanwhile. A file that has the same inode, length and
 * times of change as when it was read has the same bytes, unless it was changed within the same
 * tick of the clock; so nothing is kept of files that were changed a moment ago. How long that is
 * depends on how finely their file system tells the time.
 */
#ifndef BSC_LIB_WAL_MEMO_INT_H
#define BSC_LIB_WAL_MEMO_INT_H

#include "lib/env.h"
#include "logs/pg_log.h"
#include "value/digest.h"

struct bsc_lib_wal_memo *bsc_lib_wal_memo_new(void);
void bsc_lib_wal_memo_free(struct bsc_lib_wal_memo *memo);

/* Makes the key of a question about the log files from `first` to the one that begins at `last` or
 * behind it. Ask for it before they are read. False where what is read must not be kept. */
bool bsc_lib_wal_memo_key(const struct bsc_lib_env *env, const struct bsc_value *args,
                          const struct bsc_logs_pg_order *order, int64_t first, int64_t last,
                          char ret_key[BSC_DIGEST_HEX]);

/* Makes the key of a question about the log of folders: its files, histories and our notes, but for
 * files whose name comes before `first`. Folders that are not there count as such. As above in all
 * else. */
struct bsc_lib_wal_memo_folders {
    const char *const *paths; /* borrowed */
    size_t count;
    const char *first; /* borrowed */
};
bool bsc_lib_wal_memo_folder_key(const struct bsc_lib_env *env, const struct bsc_value *args,
                                 const struct bsc_lib_wal_memo_folders *folders,
                                 char ret_key[BSC_DIGEST_HEX]);

/* The answer that was kept under the key; returns owned, NULL for none. */
struct bsc_value *bsc_lib_wal_memo_find(struct bsc_lib_env *env, const char *key);
void bsc_lib_wal_memo_keep(struct bsc_lib_env *env, const char *key,
                           const struct bsc_value *answer);

#endif
