#include "logs/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/files.h"

enum { FORKS_MAX = 4096 };

struct reading {
    const struct bsc_logs_catalogue_order *order;
    struct bsc_logs_catalogue *catalogue;
    const char *folder;
    bool destination;
};

const char *bsc_logs_entry_name(const struct bsc_logs_catalogue *catalogue,
                                const struct bsc_logs_entry *entry)
{
    return catalogue->texts.data + entry->name;
}

const char *bsc_logs_entry_reason(const struct bsc_logs_catalogue *catalogue,
                                  const struct bsc_logs_entry *entry)
{
    return catalogue->texts.data + entry->reason;
}

static size_t keep_text(struct bsc_logs_catalogue *catalogue, const char *text)
{
    size_t offset = catalogue->texts.length;
    bsc_buf_add(&catalogue->texts, text, strlen(text) + 1);
    return offset;
}

static void ignore(struct bsc_logs_catalogue *catalogue, const char *name, const char *why)
{
    bsc_value_append(catalogue->ignored, bsc_value_format("%s: %s", name, why));
}

static uint16_t keep_fork(struct bsc_logs_catalogue *catalogue, const char *fork)
{
    for (uint16_t i = 0; i < catalogue->fork_count; i++)
        if (strcmp(catalogue->forks[i], fork) == 0)
            return i;
    BSC_BUG_ON(catalogue->fork_count >= FORKS_MAX);
    catalogue->forks = bsc_mem_resize(catalogue->forks, (size_t)catalogue->fork_count + 1,
                                      sizeof catalogue->forks[0]);
    memcpy(catalogue->forks[catalogue->fork_count], fork, strlen(fork) + 1);
    return catalogue->fork_count++;
}

static struct bsc_logs_entry *add_entry(struct bsc_logs_catalogue *catalogue, const char *name)
{
    if (catalogue->count == catalogue->room) {
        catalogue->room = catalogue->room == 0 ? 64 : catalogue->room * 2;
        catalogue->entries =
            bsc_mem_resize(catalogue->entries, catalogue->room, sizeof catalogue->entries[0]);
    }
    struct bsc_logs_entry *entry = &catalogue->entries[catalogue->count++];
    *entry = (struct bsc_logs_entry){.name = keep_text(catalogue, name)};
    return entry;
}

static void take_header(struct reading *reading, struct bsc_logs_entry *entry,
                        const struct bsc_logs_header *header)
{
    bool ours = strcmp(header->database_id, reading->order->database_id) == 0;
    entry->kind = ours ? BSC_LOGS_ENTRY_GOOD : BSC_LOGS_ENTRY_FOREIGN;
    entry->first_lsn = header->first_lsn;
    entry->time_ms = header->time_ms;
    entry->bytes = bsc_logs_format_bytes(header);
    memcpy(entry->digest, header->digest, sizeof entry->digest);
    if (!ours)
        return;
    entry->fork = keep_fork(reading->catalogue, header->fork);
}

static void read_backup(struct reading *reading, const char *name, int64_t last_lsn)
{
    struct bsc_logs_header header = {0};
    struct bsc_err why = BSC_ERR_INIT;
    char *path = bsc_files_join(reading->folder, name);
    bool ok = bsc_logs_format_peek(reading->order->sys, path, &header, &why);
    bsc_mem_free(path);
    if (!ok && why.code == BSC_ERR_NOT_FOUND) {
        ignore(reading->catalogue, name, "gone while the folder was read");
        return;
    }
    if (ok && header.last_lsn != last_lsn)
        ok = bsc_err_set(&why, BSC_ERR_DAMAGED, "'%s' holds LSN %lld to %lld, unlike its name",
                         name, (long long)header.first_lsn, (long long)header.last_lsn);
    struct bsc_logs_entry *entry = add_entry(reading->catalogue, name);
    entry->last_lsn = last_lsn;
    entry->on_share = !reading->destination;
    entry->copied = reading->destination;
    if (ok) {
        take_header(reading, entry, &header);
    } else {
        entry->kind = BSC_LOGS_ENTRY_DAMAGED;
        entry->reason = keep_text(reading->catalogue, why.message);
    }
}

static void read_name(struct reading *reading, const char *name)
{
    static const char suffix[] = BSC_LOGS_FORMAT_SUFFIX;
    size_t length = strlen(name);
    int64_t last_lsn = 0;
    if (bsc_logs_format_is_partial(name))
        ignore(reading->catalogue, name, "unfinished, still being written or left by a killed run");
    else if (bsc_logs_format_is_name(name, &last_lsn) && last_lsn <= reading->order->after_lsn)
        reading->catalogue->older++;
    else if (bsc_logs_format_is_name(name, &last_lsn))
        read_backup(reading, name, last_lsn);
    else if (name[0] != '.' && length >= sizeof suffix &&
             strcmp(name + length - (sizeof suffix - 1), suffix) == 0)
        ignore(reading->catalogue, name, "not named like a log backup");
}

static void count_bytes(struct reading *reading, const char *name)
{
    struct stat st = {0};
    char *path = bsc_files_join(reading->folder, name);
    if (reading->order->sys->stat(reading->order->sys->self, path, &st) == 0 && S_ISREG(st.st_mode))
        reading->catalogue->present_bytes += st.st_size;
    bsc_mem_free(path);
}

static bool read_folder(struct reading *reading, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    bool ok = bsc_files_list(reading->folder, &list, err);
    for (size_t i = 0; ok && i < list.count; i++) {
        read_name(reading, list.names[i]);
        if (reading->destination)
            count_bytes(reading, list.names[i]);
    }
    bsc_files_list_release(&list);
    return ok;
}

static int by_name(const void *a, const void *b, void *texts)
{
    const struct bsc_logs_entry *one = a, *two = b;
    int order = strcmp((const char *)texts + one->name, (const char *)texts + two->name);
    return order != 0 ? order : one->copied - two->copied;
}

static int by_lsn(const void *a, const void *b, void *texts)
{
    const struct bsc_logs_entry *one = a, *two = b;
    if (one->first_lsn != two->first_lsn)
        return one->first_lsn < two->first_lsn ? -1 : 1;
    if (one->last_lsn != two->last_lsn)
        return one->last_lsn < two->last_lsn ? -1 : 1;
    return by_name(a, b, texts);
}

/* The same name on the share and in the destination: one backup, if at all possible. */
static void merge(struct bsc_logs_catalogue *catalogue, struct bsc_logs_entry *share,
                  const struct bsc_logs_entry *copy)
{
    const char *name = bsc_logs_entry_name(catalogue, share);
    if (copy->kind == BSC_LOGS_ENTRY_DAMAGED) {
        ignore(catalogue, name, "the copy in the destination is damaged");
    } else if (share->kind == BSC_LOGS_ENTRY_DAMAGED) {
        ignore(catalogue, name, "damaged on the share, but copied before");
        *share = *copy;
        share->on_share = true;
    } else if (memcmp(share->digest, copy->digest, sizeof share->digest) == 0) {
        share->copied = true;
    } else {
        char *why =
            bsc_mem_format("'%s' in the destination is another file than on the share", name);
        share->kind = BSC_LOGS_ENTRY_DAMAGED;
        share->reason = keep_text(catalogue, why);
        bsc_mem_free(why);
    }
}

static void merge_all(struct bsc_logs_catalogue *catalogue)
{
    struct bsc_logs_entry *entries = catalogue->entries;
    size_t kept = 0;
    if (catalogue->count == 0)
        return;
    qsort_r(entries, catalogue->count, sizeof entries[0], by_name, catalogue->texts.data);
    for (size_t i = 0; i < catalogue->count; i++) {
        bool twin = kept > 0 && strcmp(catalogue->texts.data + entries[kept - 1].name,
                                       catalogue->texts.data + entries[i].name) == 0;
        if (twin)
            merge(catalogue, &entries[kept - 1], &entries[i]);
        else
            entries[kept++] = entries[i];
    }
    catalogue->count = kept;
    qsort_r(entries, kept, sizeof entries[0], by_lsn, catalogue->texts.data);
}

bool bsc_logs_catalogue_read(const struct bsc_logs_catalogue_order *order,
                             struct bsc_logs_catalogue *catalogue, struct bsc_err *err)
{
    struct reading reading = {.order = order, .catalogue = catalogue, .folder = order->share};
    struct bsc_err why = BSC_ERR_INIT;
    *catalogue = (struct bsc_logs_catalogue){.ignored = bsc_value_list()};
    bsc_buf_init(&catalogue->texts);
    keep_text(catalogue, "");
    keep_fork(catalogue, "");
    catalogue->share_readable = read_folder(&reading, &why);
    if (!catalogue->share_readable)
        ignore(catalogue, order->share, why.message);
    reading.folder = order->destination;
    reading.destination = true;
    /* One that is not there yet is made when something is copied. */
    if (!read_folder(&reading, &why) && why.sys_errno != ENOENT) {
        *err = why;
        return false;
    }
    merge_all(catalogue);
    if (catalogue->older > 0)
        bsc_value_append(catalogue->ignored,
                         bsc_value_format("%lld files that end at or before LSN %lld: older",
                                          (long long)catalogue->older,
                                          (long long)order->after_lsn));
    return true;
}

void bsc_logs_catalogue_release(struct bsc_logs_catalogue *catalogue)
{
    bsc_mem_free(catalogue->entries);
    bsc_buf_release(&catalogue->texts);
    bsc_mem_free(catalogue->forks);
    bsc_value_free(catalogue->ignored);
    *catalogue = (struct bsc_logs_catalogue){0};
}
