#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fault.h"
#include "notice.h"

enum { PAGE = 4096, FRESH_MS = 20 };

/* A file, whatever its name. */
struct node {
    ino_t ino;
    struct stat seen;
    struct fault_blob *now;
    struct fault_blob *kept; /* what a loss of power leaves */
    bool dirty;              /* written to by a call since it was synced */
};

struct name {
    const char *path;
    ino_t ino;
    mode_t mode;
};

struct names {
    struct name *items; /* owned, in order of path */
    size_t count;
};

/* A change of names that is not there for good. */
struct change {
    const char *path; /* NULL: nothing goes */
    const char *to;   /* NULL: nothing comes */
    struct name made; /* under `to` */
};

struct fault_disk {
    char *folder; /* owned */
    ino_t top;
    struct fault_store *store;   /* borrowed */
    struct fault_notice *notice; /* owned */
    struct node *nodes;          /* owned */
    size_t node_count;
    struct names kept;      /* names that are there for good */
    struct names now;       /* as last seen */
    struct change *changes; /* owned, in order of time */
    size_t change_count;
};

/* How much is left of what is not there for good. */
struct loss {
    const char *how;
    int names; /* none, half, or all of the changes: 0, 1, 2 */
    enum { OLD, NEW, HEAD, PAGES, SOME, OTHERS } data;
};

static const struct loss losses[] = {
    {"all that was not synced is lost", 0, OLD},
    {"the names are there, the bytes not synced are lost", 2, OLD},
    {"the bytes are there, the names not synced are lost", 0, NEW},
    {"the later names are lost", 1, NEW},
    {"the first half of the bytes not synced is there", 2, HEAD},
    {"every second page not synced is lost", 2, PAGES},
    {"the bytes of every second file not synced are lost", 2, SOME},
    {"the bytes of the other files not synced are lost", 2, OTHERS},
};

static void names_set(struct names *names, const struct name *name)
{
    size_t at = 0;
    while (at < names->count && strcmp(names->items[at].path, name->path) < 0)
        at++;
    if (at == names->count || strcmp(names->items[at].path, name->path) != 0) {
        names->items = bsc_mem_resize(names->items, names->count + 1, sizeof *names->items);
        memmove(names->items + at + 1, names->items + at,
                (names->count - at) * sizeof *names->items);
        names->count++;
    }
    names->items[at] = *name;
}

static const struct name *names_find(const struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i].path, path) == 0)
            return &names->items[i];
    }
    return NULL;
}

static void names_drop(struct names *names, const char *path)
{
    const struct name *name = names_find(names, path);
    if (name == NULL)
        return;
    size_t at = (size_t)(name - names->items);
    names->count--;
    memmove(names->items + at, names->items + at + 1, (names->count - at) * sizeof *names->items);
}

static void names_copy(struct names *to, const struct names *from)
{
    to->items = bsc_mem_new(from->count + 1, sizeof *to->items);
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof *to->items);
    to->count = from->count;
}

static void names_apply(struct names *names, const struct change *change)
{
    if (change->path != NULL)
        names_drop(names, change->path);
    if (change->to != NULL)
        names_set(names, &change->made);
}

static struct node *find_node(struct fault_disk *disk, ino_t ino)
{
    for (size_t i = 0; i < disk->node_count; i++) {
        if (disk->nodes[i].ino == ino)
            return &disk->nodes[i];
    }
    return NULL;
}

static struct node *add_node(struct fault_disk *disk, ino_t ino)
{
    struct node *node = find_node(disk, ino);
    if (node == NULL) {
        disk->nodes = bsc_mem_resize(disk->nodes, disk->node_count + 1, sizeof *disk->nodes);
        node = &disk->nodes[disk->node_count++];
    }
    struct fault_blob *nothing = fault_store_blob(disk->store, "", 0);
    *node = (struct node){.ino = ino, .now = nothing, .kept = nothing};
    return node;
}

static struct fault_blob *read_blob(struct fault_disk *disk, const char *path)
{
    struct stat status = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0)
        return NULL;
    char *bytes = bsc_mem_new((size_t)status.st_size + 1, 1);
    ssize_t got = read(fd, bytes, (size_t)status.st_size);
    struct fault_blob *blob = fault_store_blob(disk->store, bytes, got > 0 ? (size_t)got : 0);
    bsc_mem_free(bytes);
    close(fd);
    return blob;
}

/* A file that was written to a moment ago can change again without its time telling. */
static bool is_fresh(const struct stat *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age = (now.tv_sec - status->st_mtim.tv_sec) * 1000 +
                  (now.tv_nsec - status->st_mtim.tv_nsec) / 1000000;
    return age < FRESH_MS;
}

static bool looks_same(const struct stat *a, const struct stat *b)
{
    return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec && !is_fresh(b);
}

/* Takes in what a file holds now; whether that is news. */
static bool look_at_file(struct fault_disk *disk, const char *path, const struct stat *status)
{
    struct node *node = find_node(disk, status->st_ino);
    bool is_new = node == NULL;
    if (is_new)
        node = add_node(disk, status->st_ino);
    else if (looks_same(&node->seen, status))
        return false;
    struct fault_blob *blob = read_blob(disk, path);
    node->seen = *status;
    if (blob == NULL || (blob == node->now && !is_new))
        return false;
    node->now = blob;
    /* Nobody wrote it by a call: the engine did, or an agent. */
    if (!node->dirty)
        node->kept = blob;
    return true;
}

static bool look_into(struct fault_disk *disk, const char *inner, struct names *ret_names)
{
    struct bsc_buf path;
    bsc_buf_init(&path);
    bsc_buf_printf(&path, "%s%s%s", disk->folder, inner[0] != '\0' ? "/" : "", inner);
    fault_notice_folder(disk->notice, inner);
    DIR *entries = opendir(path.data);
    bool news = false;
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        struct stat status = {0};
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            fstatat(dirfd(entries), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        char *full = bsc_mem_format("%s/%s", path.data, entry->d_name);
        const char *name = fault_store_text(disk->store, full + strlen(disk->folder) + 1);
        names_set(ret_names, &(struct name){name, status.st_ino, status.st_mode});
        if (S_ISDIR(status.st_mode))
            news = look_into(disk, name, ret_names) || news;
        else
            news = look_at_file(disk, full, &status) || news;
        bsc_mem_free(full);
    }
    if (entries != NULL)
        closedir(entries);
    bsc_buf_release(&path);
    return news;
}

/* A name that came or went without a call did so for good. */
static void accept(struct fault_disk *disk, const char *path, const struct name *name)
{
    size_t left = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        const struct change *change = &disk->changes[i];
        bool about = (change->path != NULL && strcmp(change->path, path) == 0) ||
                     (change->to != NULL && strcmp(change->to, path) == 0);
        if (about)
            names_apply(&disk->kept, change);
        else
            disk->changes[left++] = *change;
    }
    disk->change_count = left;
    if (name != NULL)
        names_set(&disk->kept, name);
    else
        names_drop(&disk->kept, path);
}

static void expect(const struct fault_disk *disk, size_t changes, struct names *ret)
{
    names_copy(ret, &disk->kept);
    for (size_t i = 0; i < changes; i++)
        names_apply(ret, &disk->changes[i]);
}

static void settle_names(struct fault_disk *disk)
{
    struct names expected = {0};
    expect(disk, disk->change_count, &expected);
    for (size_t i = 0; i < disk->now.count; i++) {
        const struct name *name = &disk->now.items[i];
        const struct name *known = names_find(&expected, name->path);
        if (known == NULL || known->ino != name->ino)
            accept(disk, name->path, name);
    }
    for (size_t i = 0; i < expected.count; i++) {
        if (names_find(&disk->now, expected.items[i].path) == NULL)
            accept(disk, expected.items[i].path, NULL);
    }
    bsc_mem_free(expected.items);
}

static bool same_names(const struct names *a, const struct names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same =
            a->items[i].ino == b->items[i].ino && strcmp(a->items[i].path, b->items[i].path) == 0;
    return same;
}

static bool look_at_all(struct fault_disk *disk)
{
    struct names seen = {0};
    bool news = look_into(disk, "", &seen);
    news = !same_names(&seen, &disk->now) || news;
    bsc_mem_free(disk->now.items);
    disk->now = seen;
    if (news)
        settle_names(disk);
    return news;
}

struct glance {
    struct fault_disk *disk;
    bool news;
    bool lost; /* such a file is not there */
};

static void glance_at(void *arg, const char *name)
{
    struct glance *glance = arg;
    struct stat status = {0};
    char *path = bsc_mem_format("%s/%s", glance->disk->folder, name);
    if (lstat(path, &status) == 0 && find_node(glance->disk, status.st_ino) != NULL)
        glance->news = look_at_file(glance->disk, path, &status) || glance->news;
    else
        glance->lost = true;
    bsc_mem_free(path);
}

/* What is written to a file is noticed. Of names that come and go only so much. */
bool fault_disk_look(struct fault_disk *disk)
{
    struct glance glance = {.disk = disk};
    if (fault_notice_take(disk->notice, glance_at, &glance) && !glance.lost)
        return glance.news;
    return look_at_all(disk) || glance.news;
}

struct fault_disk *fault_disk_new(const char *folder, struct fault_store *store)
{
    struct fault_disk *disk = bsc_mem_new(1, sizeof *disk);
    struct stat status = {0};
    fault_need(stat(folder, &status) == 0, "look at", folder);
    disk->folder = bsc_mem_text(folder);
    disk->top = status.st_ino;
    disk->store = store;
    disk->notice = fault_notice_new(folder);
    (void)look_at_all(disk);
    return disk;
}

void fault_disk_free(struct fault_disk *disk)
{
    if (disk == NULL)
        return;
    fault_notice_free(disk->notice);
    bsc_mem_free(disk->folder);
    bsc_mem_free(disk->nodes);
    bsc_mem_free(disk->kept.items);
    bsc_mem_free(disk->now.items);
    bsc_mem_free(disk->changes);
    bsc_mem_free(disk);
}

/* The path within the folder; NULL for any other. */
static const char *within(const struct fault_disk *disk, const char *path)
{
    size_t length = strlen(disk->folder);
    if (path == NULL || strncmp(path, disk->folder, length) != 0 || path[length] != '/')
        return NULL;
    return fault_store_text(disk->store, path + length + 1);
}

static void add_change(struct fault_disk *disk, const char *path, const char *to,
                       const struct stat *made)
{
    disk->changes = bsc_mem_resize(disk->changes, disk->change_count + 1, sizeof *disk->changes);
    const struct change change = {path, to, {to, made->st_ino, made->st_mode}};
    disk->changes[disk->change_count++] = change;
    names_apply(&disk->now, &change);
}

static void note_written(struct fault_disk *disk, const struct unit_sys_call *call)
{
    struct stat status = {0};
    struct node *node = fstat(call->fd, &status) == 0 ? find_node(disk, status.st_ino) : NULL;
    char *path = bsc_mem_format("/proc/self/fd/%d", call->fd);
    struct fault_blob *blob = node != NULL ? read_blob(disk, path) : NULL;
    if (blob != NULL) {
        node->now = blob;
        node->seen = status;
        node->dirty = true;
    }
    bsc_mem_free(path);
}

static void note_open(struct fault_disk *disk, const struct unit_sys_call *call)
{
    const char *path = within(disk, call->path);
    struct stat status = {0};
    if (path == NULL || (call->flags & (O_CREAT | O_TRUNC)) == 0 || fstat(call->fd, &status) != 0)
        return;
    if (names_find(&disk->now, path) == NULL) {
        add_change(disk, NULL, path, &status);
        add_node(disk, status.st_ino)->seen = status;
    }
    if ((call->flags & O_TRUNC) != 0)
        note_written(disk, call);
}

/* The names in the folder with this number are there for good. */
static void keep_names(struct fault_disk *disk, ino_t folder)
{
    size_t left = 0;
    for (size_t i = 0; i < disk->change_count; i++) {
        const struct change *change = &disk->changes[i];
        const char *path = change->to != NULL ? change->to : change->path;
        const char *slash = strrchr(path, '/');
        char *parent = bsc_mem_format("%.*s", slash != NULL ? (int)(slash - path) : 0, path);
        const struct name *known = names_find(&disk->now, parent);
        if (parent[0] == '\0' ? disk->top == folder : known != NULL && known->ino == folder)
            names_apply(&disk->kept, change);
        else
            disk->changes[left++] = *change;
        bsc_mem_free(parent);
    }
    disk->change_count = left;
}

static void note_synced(struct fault_disk *disk, const struct unit_sys_call *call)
{
    struct stat status = {0};
    if (fstat(call->fd, &status) != 0)
        return;
    if (S_ISDIR(status.st_mode)) {
        keep_names(disk, status.st_ino);
        return;
    }
    struct node *node = find_node(disk, status.st_ino);
    char *path = bsc_mem_format("/proc/self/fd/%d", call->fd);
    struct fault_blob *blob = node != NULL ? read_blob(disk, path) : NULL;
    if (blob != NULL) {
        node->now = node->kept = blob;
        node->dirty = false;
    }
    bsc_mem_free(path);
}

static void note_name(struct fault_disk *disk, const struct unit_sys_call *call)
{
    bool two = call->kind == UNIT_SYS_RENAME || call->kind == UNIT_SYS_LINK;
    const char *from = within(disk, call->path), *to = two ? within(disk, call->to) : NULL;
    struct stat status = {0};
    if (call->kind == UNIT_SYS_MKDIR && from != NULL && lstat(call->path, &status) == 0)
        add_change(disk, NULL, from, &status);
    else if (call->kind == UNIT_SYS_UNLINK && from != NULL)
        add_change(disk, from, NULL, &status);
    else if (two && from != NULL && to != NULL && lstat(call->to, &status) == 0)
        add_change(disk, call->kind == UNIT_SYS_LINK ? NULL : from, to, &status);
}

void fault_disk_note(struct fault_disk *disk, const struct unit_sys_call *call)
{
    switch (call->kind) {
    case UNIT_SYS_OPEN:
        note_open(disk, call);
        break;
    case UNIT_SYS_WRITE:
    case UNIT_SYS_PWRITE:
    case UNIT_SYS_COPY_FILE_RANGE:
    case UNIT_SYS_FTRUNCATE:
    case UNIT_SYS_FALLOCATE:
        note_written(disk, call);
        break;
    case UNIT_SYS_FSYNC:
    case UNIT_SYS_FDATASYNC:
        note_synced(disk, call);
        break;
    case UNIT_SYS_RENAME:
    case UNIT_SYS_LINK:
    case UNIT_SYS_UNLINK:
    case UNIT_SYS_MKDIR:
        note_name(disk, call);
        break;
    default:
        break;
    }
}

/* The bytes that differ are there in their first half. */
static struct fault_blob *head_of(struct fault_disk *disk, const struct node *node)
{
    const struct fault_blob *was = node->kept, *is = node->now;
    size_t shorter = was->length < is->length ? was->length : is->length, same = 0;
    while (same < shorter && was->bytes[same] == is->bytes[same])
        same++;
    size_t cut = same + (is->length - same) / 2;
    size_t length = cut > was->length ? cut : was->length;
    char *bytes = bsc_mem_new(length + 1, 1);
    memcpy(bytes, was->bytes, was->length);
    memcpy(bytes, is->bytes, cut);
    struct fault_blob *blob = fault_store_blob(disk->store, bytes, length);
    bsc_mem_free(bytes);
    return blob;
}

/* Of the pages that differ, the first, the third and so on are what they were. */
static struct fault_blob *pages_of(struct fault_disk *disk, const struct node *node)
{
    const struct fault_blob *was = node->kept, *is = node->now;
    char *bytes = bsc_mem_bytes(is->bytes, is->length);
    bool lost = true;
    for (size_t at = 0; at < is->length; at += PAGE) {
        size_t length = is->length - at < PAGE ? is->length - at : PAGE;
        size_t had = was->length > at ? was->length - at : 0;
        had = had < length ? had : length;
        if (had == length && memcmp(was->bytes + at, is->bytes + at, length) == 0)
            continue;
        if (lost) {
            memset(bytes + at, 0, length);
            memcpy(bytes + at, was->bytes + at, had);
        }
        lost = !lost;
    }
    struct fault_blob *blob = fault_store_blob(disk->store, bytes, is->length);
    bsc_mem_free(bytes);
    return blob;
}

static struct fault_blob *left_of(struct fault_disk *disk, const struct node *node,
                                  const struct loss *loss, size_t *dirty)
{
    if (loss == NULL || node->now == node->kept)
        return node->now;
    bool second = (*dirty)++ % 2 != 0;
    switch (loss->data) {
    case OLD:
        return node->kept;
    case HEAD:
        return head_of(disk, node);
    case PAGES:
        return pages_of(disk, node);
    case SOME:
        return second ? node->kept : node->now;
    case OTHERS:
        return second ? node->now : node->kept;
    default:
        return node->now;
    }
}

/* Names in a folder that is not there are not there either; folders come before what is in them. */
static bool has_parent(const struct fault_state *state, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash != NULL ? (size_t)(slash - path) : 0;
    for (size_t i = 0; i < state->count && slash != NULL; i++) {
        const struct fault_entry *entry = &state->entries[i];
        if (strlen(entry->name) == length && strncmp(entry->name, path, length) == 0)
            return true;
    }
    return slash == NULL;
}

static void hand_out(struct fault_disk *disk, const struct loss *loss,
                     void (*seen)(void *arg, struct fault_state *state), void *arg)
{
    struct names names = {0};
    size_t changes = loss == NULL ? 2 : (size_t)loss->names, dirty = 0;
    expect(disk, disk->change_count * changes / 2, &names);
    struct fault_state state = {.how = loss != NULL ? loss->how : NULL};
    state.entries = bsc_mem_new(names.count + 1, sizeof *state.entries);
    for (size_t i = 0; i < names.count; i++) {
        const struct name *name = &names.items[i];
        struct node *node = S_ISDIR(name->mode) ? NULL : find_node(disk, name->ino);
        if (!has_parent(&state, name->path) || (node == NULL && !S_ISDIR(name->mode)))
            continue;
        struct fault_entry *entry = &state.entries[state.count++];
        *entry = (struct fault_entry){.name = name->path, .mode = name->mode};
        if (node != NULL) {
            entry->mtime = node->seen.st_mtim;
            entry->blob = left_of(disk, node, loss, &dirty);
        }
    }
    seen(arg, &state);
    bsc_mem_free(state.entries);
    bsc_mem_free(names.items);
}

static bool anything_to_lose(const struct fault_disk *disk)
{
    bool any = disk->change_count > 0;
    for (size_t i = 0; i < disk->node_count && !any; i++)
        any = disk->nodes[i].now != disk->nodes[i].kept;
    return any;
}

void fault_disk_states(struct fault_disk *disk, bool parts,
                       void (*seen)(void *arg, struct fault_state *state), void *arg)
{
    hand_out(disk, NULL, seen, arg);
    size_t count = !anything_to_lose(disk) ? 0 : parts ? sizeof losses / sizeof losses[0] : 1;
    for (size_t i = 0; i < count; i++)
        hand_out(disk, &losses[i], seen, arg);
}
