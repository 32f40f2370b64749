#include "store.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "fault.h"

enum { BLOBS_MAX = 1 << 18, STATES_MAX = 1 << 16, ALIGNMENT = 16 };

struct fault_store {
    char *room;
    size_t used;
    size_t offered;
    size_t count;
    struct fault_state *states[STATES_MAX];
    uint32_t known[STATES_MAX * 2];      /* indices of states from 1, by likeness */
    struct fault_blob *blobs[BLOBS_MAX]; /* by hash */
    size_t blob_count;
};

static const size_t room_size = (size_t)1 << 35;

static uint64_t mix(uint64_t state, uint64_t word)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void fault_hash_add(struct fault_hash *hash, const void *bytes, size_t length)
{
    const char *at = bytes;
    hash->a = mix(hash->a + 1, length);
    hash->b = mix(hash->b + 2, ~(uint64_t)length);
    for (size_t left = length; left > 0;) {
        uint64_t word = 0;
        size_t step = left < sizeof word ? left : sizeof word;
        memcpy(&word, at, step);
        hash->a = mix(hash->a, word);
        hash->b = mix(hash->b + UINT64_C(0xd1b54a32d192ed03), word);
        at += step;
        left -= step;
    }
}

bool fault_hash_same(const struct fault_hash *a, const struct fault_hash *b)
{
    return a->a == b->a && a->b == b->b;
}

/* What is never touched takes no memory. */
static void *map(size_t size)
{
    void *room =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    fault_need(room != MAP_FAILED, "map", "the store");
    return room;
}

struct fault_store *fault_store_new(void)
{
    struct fault_store *store = map(sizeof *store);
    store->room = map(room_size);
    return store;
}

void fault_store_free(struct fault_store *store)
{
    if (store == NULL)
        return;
    (void)munmap(store->room, room_size);
    (void)munmap(store, sizeof *store);
}

void *fault_store_room(struct fault_store *store, size_t size)
{
    char *room = store->room + store->used;
    store->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    fault_need(store->used <= room_size, "find room in", "the store");
    return room;
}

struct fault_blob *fault_store_blob(struct fault_store *store, const void *bytes, size_t length)
{
    struct fault_hash hash = {0};
    fault_hash_add(&hash, bytes, length);
    size_t at = hash.a % BLOBS_MAX;
    while (store->blobs[at] != NULL && !fault_hash_same(&store->blobs[at]->hash, &hash))
        at = (at + 1) % BLOBS_MAX;
    if (store->blobs[at] != NULL)
        return store->blobs[at];
    struct fault_blob *blob = fault_store_room(store, sizeof *blob + length + 1);
    *blob = (struct fault_blob){.hash = hash, .length = length};
    if (length > 0)
        memcpy(blob->bytes, bytes, length);
    store->blobs[at] = blob;
    fault_need(++store->blob_count < BLOBS_MAX / 2, "keep one more file in", "the store");
    return blob;
}

const char *fault_store_text(struct fault_store *store, const char *text)
{
    return fault_store_blob(store, text, strlen(text))->bytes;
}

static uint32_t *find(struct fault_store *store, const struct fault_hash *likeness)
{
    size_t at = likeness->a % (STATES_MAX * 2);
    while (store->known[at] != 0 &&
           !fault_hash_same(&store->states[store->known[at] - 1]->likeness, likeness))
        at = (at + 1) % (STATES_MAX * 2);
    return &store->known[at];
}

/* The contents may be in another store, or in none. */
static struct fault_entry take_over(struct fault_store *store, const struct fault_entry *entry)
{
    struct fault_entry copy = *entry;
    copy.name = fault_store_text(store, entry->name);
    if (entry->blob != NULL)
        copy.blob = fault_store_blob(store, entry->blob->bytes, entry->blob->length);
    return copy;
}

bool fault_store_add(struct fault_store *store, const struct fault_state *state)
{
    uint32_t *known = find(store, &state->likeness);
    store->offered++;
    if (*known != 0)
        return false;
    fault_need(store->count < STATES_MAX, "keep one more state in", "the store");
    struct fault_state *copy = fault_store_room(store, sizeof *copy);
    *copy = *state;
    copy->entries = fault_store_room(store, state->count * sizeof *state->entries);
    for (size_t i = 0; i < state->count; i++)
        copy->entries[i] = take_over(store, &state->entries[i]);
    store->states[store->count++] = copy;
    *known = (uint32_t)store->count;
    return true;
}

size_t fault_store_count(const struct fault_store *store)
{
    return store->count;
}

const struct fault_state *fault_store_at(const struct fault_store *store, size_t index)
{
    return store->states[index];
}

size_t fault_store_offered(const struct fault_store *store)
{
    return store->offered;
}

static void put_entry(const struct fault_entry *entry, int folder)
{
    const struct timespec times[2] = {entry->mtime, entry->mtime};
    if (entry->blob == NULL) {
        fault_need(mkdirat(folder, entry->name, entry->mode & 07777) == 0, "make", entry->name);
        return;
    }
    int fd =
        openat(folder, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, entry->mode & 07777);
    size_t length = entry->blob->length;
    fault_need(fd >= 0 && write(fd, entry->blob->bytes, length) == (ssize_t)length &&
                   futimens(fd, times) == 0,
               "write", entry->name);
    close(fd);
}

void fault_state_put(const struct fault_state *state, const char *folder)
{
    fault_tree_remove(folder);
    fault_need(mkdir(folder, 0700) == 0, "make folder", folder);
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    fault_need(fd >= 0, "open folder", folder);
    for (size_t i = 0; i < state->count; i++)
        put_entry(&state->entries[i], fd);
    close(fd);
}
