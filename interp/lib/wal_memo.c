#include "lib/wal_memo_int.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "os/files.h"

enum {
    KEPT_MAX = 8,
    SETTLED_AFTER_MS = 2000,
    /* Longer than a tick of the kernel, by which files get their times; and what a file system
     * that tells coarser times than that has no remainder of. */
    FINE_SETTLED_AFTER_MS = 20,
    FINE_NS = 1000000,
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

/* Whoever owns the file may give it any time of change but the last, which is the system's. */
static int64_t settled_after_ms(const struct stat *found)
{
    return found->st_ctim.tv_nsec % FINE_NS != 0 ? FINE_SETTLED_AFTER_MS : SETTLED_AFTER_MS;
}

static int64_t changed_ms(const struct stat *found)
{
    const struct timespec *last = &found->st_mtim;
    if (found->st_ctim.tv_sec > last->tv_sec ||
        (found->st_ctim.tv_sec == last->tv_sec && found->st_ctim.tv_nsec > last->tv_nsec))
        last = &found->st_ctim;
    return (int64_t)last->tv_sec * 1000 + last->tv_nsec / 1000000;
}

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
    return told[0] != 0 ||
           changed_ms(&found) + settled_after_ms(&found) < env->clock->wall_ms(env->clock->self);
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

/* Log files, histories, and our notes on either. */
static bool matters(const char *name, const char *first)
{
    enum { NAME_DIGITS = BSC_LOGS_PG_NAME - 1, TIMELINE_DIGITS = 8 };
    const char *digits = name + (name[0] == '.');
    if (strlen(name) == NAME_DIGITS && strcmp(name, first) < 0)
        return false;
    return strspn(digits, "0123456789ABCDEF") >= TIMELINE_DIGITS || strcmp(name, ".salvaged") == 0;
}

/* Adds what matters of a folder; false where a file of that was changed a moment ago, or there are
 * too many. */
static bool add_folder(const struct bsc_lib_env *env, const char *folder, const char *first,
                       struct bsc_digest *digest)
{
    struct bsc_files_list list = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    bool settled = true;
    if (bsc_files_list(folder, &list, &ignored))
        settled = list.count < FILES_MAX;
    bsc_digest_add(digest, folder, strlen(folder) + 1);
    for (size_t i = 0; settled && i < list.count; i++) {
        const char *name = list.names[i];
        if (!matters(name, first))
            continue;
        char *path = bsc_files_join(folder, name);
        bsc_digest_add(digest, name, strlen(name) + 1);
        settled = add_file(env, path, digest);
        bsc_mem_free(path);
    }
    bsc_files_list_release(&list);
    return settled;
}

bool bsc_lib_wal_memo_folder_key(const struct bsc_lib_env *env, const struct bsc_value *args,
                                 const struct bsc_lib_wal_memo_folders *folders,
                                 char ret_key[BSC_DIGEST_HEX])
{
    unsigned char hash[BSC_DIGEST_BYTES];
    struct bsc_digest digest;
    bool settled = env->wal_memo != NULL;
    bsc_digest_init(&digest);
    bsc_digest_value(args, ret_key);
    bsc_digest_add(&digest, ret_key, strlen(ret_key));
    for (size_t i = 0; settled && i < folders->count; i++)
        settled = add_folder(env, folders->paths[i], folders->first, &digest);
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
