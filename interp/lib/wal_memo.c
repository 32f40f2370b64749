#include "lib/wal_memo_int.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum {
    KEPT_MAX = 8,
    SETTLED_AFTER_MS = 2000,
    FILES_MAX = 100000 /* beyond that, to look whether they are the same is no small work */
};

struct kept {
    char key[BSC_DIGEST_HEX];
    struct bsc_value *answer; /* owned; NULL where there is none */
};

struct bsc_lib_wal_memo {
    pthread_mutex_t lock;
    struct kept kept[KEPT_MAX];
    size_t next; /* to be replaced */
};

/* Adds what tells whether it is the same file; false when it was changed a moment ago. */
static bool add_file(const struct bsc_lib_env *env, const char *path, struct bsc_digest *digest)
{
    struct stat found;
    int64_t told[8] = {0};
    if (env->sys->stat(env->sys->self, path, &found) != 0) {
        told[0] = errno;
    } else {
        told[1] = (int64_t)found.st_dev;
        told[2] = (int64_t)found.st_ino;
        told[3] = found.st_size;
        told[4] = found.st_mtim.tv_sec;
        told[5] = found.st_mtim.tv_nsec;
        told[6] = found.st_ctim.tv_sec;
        told[7] = found.st_ctim.tv_nsec;
    }
    bsc_digest_add(digest, told, sizeof told);
    int64_t changed_ms = (told[6] > told[4] ? told[6] : told[4]) * 1000;
    return changed_ms + SETTLED_AFTER_MS < env->clock->wall_ms(env->clock->self);
}

bool bsc_lib_wal_memo_key(const struct bsc_lib_env *env, const struct bsc_value *args,
                          const struct bsc_logs_pg_order *order, int64_t first, int64_t last,
                          char ret_key[BSC_DIGEST_HEX])
{
    unsigned char hash[BSC_DIGEST_BYTES];
    struct bsc_digest digest;
    bool settled = true;
    int64_t segment = order->segment;
    if (env->wal_memo == NULL || (last - first) / segment > FILES_MAX)
        return false;
    bsc_digest_init(&digest);
    bsc_digest_value(args, ret_key);
    bsc_digest_add(&digest, ret_key, strlen(ret_key));
    for (int64_t lsn = first / segment * segment; settled && lsn <= last + segment;
         lsn += segment) {
        char name[BSC_LOGS_PG_NAME];
        bsc_logs_pg_name(order->timeline, (uint64_t)lsn, order->segment, name);
        for (size_t i = 0; settled && i < order->folder_count; i++) {
            char *path = bsc_logs_pg_path(&order->folders[i], name);
            settled = add_file(env, path, &digest);
            bsc_mem_free(path);
        }
    }
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, ret_key);
    return settled;
}

static void lock(struct bsc_lib_wal_memo *memo)
{
    BSC_BUG_ON(pthread_mutex_lock(&memo->lock) != 0);
}

static void unlock(struct bsc_lib_wal_memo *memo)
{
    BSC_BUG_ON(pthread_mutex_unlock(&memo->lock) != 0);
}

struct bsc_value *bsc_lib_wal_memo_find(struct bsc_lib_env *env, const char *key)
{
    struct bsc_lib_wal_memo *memo = env->wal_memo;
    struct bsc_value *answer = NULL;
    lock(memo);
    for (size_t i = 0; i < KEPT_MAX && answer == NULL; i++) {
        if (memo->kept[i].answer != NULL && strcmp(memo->kept[i].key, key) == 0)
            answer = bsc_value_copy(memo->kept[i].answer);
    }
    unlock(memo);
    return answer;
}

void bsc_lib_wal_memo_keep(struct bsc_lib_env *env, const char *key, const struct bsc_value *answer)
{
    struct bsc_lib_wal_memo *memo = env->wal_memo;
    lock(memo);
    struct kept *kept = &memo->kept[memo->next];
    memo->next = (memo->next + 1) % KEPT_MAX;
    bsc_value_free(kept->answer);
    kept->answer = bsc_value_copy(answer);
    memcpy(kept->key, key, sizeof kept->key);
    unlock(memo);
}

struct bsc_lib_wal_memo *bsc_lib_wal_memo_new(void)
{
    struct bsc_lib_wal_memo *memo = bsc_mem_new(1, sizeof *memo);
    BSC_BUG_ON(pthread_mutex_init(&memo->lock, NULL) != 0);
    return memo;
}

void bsc_lib_wal_memo_free(struct bsc_lib_wal_memo *memo)
{
    if (memo == NULL)
        return;
    for (size_t i = 0; i < KEPT_MAX; i++)
        bsc_value_free(memo->kept[i].answer);
    pthread_mutex_destroy(&memo->lock);
    bsc_mem_free(memo);
}
