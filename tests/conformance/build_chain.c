#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "build.h"
#include "dials.h"
#include "logs/apply.h"
#include "logs/format.h"
#include "put.h"

#define SHARE  "backups/mgc"
#define COPIED "dc2/sql3/copied"
#define COPY   "dc2/sql3/mgc.db"

static char *in_folder(const char *folder, const char *name)
{
    return bsc_mem_format("%s/%s", folder, name);
}

static void peek(const struct conform_scene *scene, const char *name,
                 struct bsc_logs_header *ret_header)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *relative = in_folder(SHARE, name), *path = conform_path(scene, relative);
    conform_need(bsc_logs_format_peek(bsc_sys_real(), path, ret_header, &err), "look at",
                 err.message);
    bsc_mem_free(path);
    bsc_mem_free(relative);
}

static void apply_first(const struct conform_scene *scene, const struct bsc_files_list *list,
                        size_t count)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_apply_result result = {0};
    struct bsc_logs_apply_file *files = bsc_mem_new(count + 1, sizeof *files);
    char *copy = conform_path(scene, COPY), *share = conform_path(scene, SHARE);
    for (size_t i = 0; i < count; i++) {
        struct bsc_logs_header header = {0};
        peek(scene, list->names[i], &header);
        files[i] =
            (struct bsc_logs_apply_file){list->names[i], header.first_lsn, header.last_lsn, NULL};
    }
    struct bsc_logs_apply_order order = {
        .sys = bsc_sys_real(), .path = copy, .folder = share, .files = files, .count = count};
    conform_need(count == 0 || bsc_logs_apply(&order, &result, &err), "apply", err.message);
    bsc_mem_free(files);
    bsc_mem_free(copy);
    bsc_mem_free(share);
}

/* How many of the backups a word means, from the first. */
static size_t how_many(const char *word, size_t count)
{
    if (strcmp(word, "all") == 0)
        return count;
    if (strcmp(word, "but-one") == 0)
        return count > 0 ? count - 1 : 0;
    return strcmp(word, "one") == 0 && count > 0 ? 1 : 0;
}

static void copy_one(const struct conform_scene *scene, const char *name)
{
    char *from = in_folder(SHARE, name), *to = in_folder(COPIED, name);
    conform_copy(scene, from, to);
    bsc_mem_free(from);
    bsc_mem_free(to);
}

static void copy_some(const struct conform_scene *scene, const struct bsc_files_list *list)
{
    const char *word = conform_word(scene, "copied");
    size_t count = how_many(word, list->count);
    size_t first = strcmp(word, "last") == 0 && list->count > 0 ? list->count - 1 : 0;
    for (size_t i = first; i < (first > 0 ? list->count : count); i++)
        copy_one(scene, list->names[i]);
}

static void remove_from(const struct conform_scene *scene, const char *folder, const char *name)
{
    char *path = in_folder(folder, name);
    conform_remove(scene, path);
    bsc_mem_free(path);
}

static void make_gap(const struct conform_scene *scene, const struct bsc_files_list *list)
{
    const char *word = conform_word(scene, "gap");
    size_t at = strcmp(word, "middle") == 0 ? list->count / 2 : 0;
    if (list->count == 0 || word[0] == '\0' || strcmp(word, "none") == 0)
        return;
    remove_from(scene, SHARE, list->names[at]);
    if (strcmp(word, "share") != 0)
        remove_from(scene, COPIED, list->names[at]);
}

static bool there(const struct conform_scene *scene, const char *name)
{
    char *path = conform_path(scene, name);
    bool exists = bsc_files_exists(bsc_sys_real(), path);
    bsc_mem_free(path);
    return exists;
}

static void damage_file(const struct conform_scene *scene, const char *name, const char *part)
{
    if (strcmp(part, "header") == 0)
        conform_patch(scene, name, 96, "damage", 6);
    else if (strcmp(part, "body") == 0)
        conform_patch(scene, name, BSC_LOGS_FORMAT_HEADER + 40, "damage", 6);
    else if (strcmp(part, "short") == 0)
        conform_cut(scene, name, BSC_LOGS_FORMAT_HEADER + 100);
}

/* "share-body" damages the body of the file on the share, and so on. */
static void damage(const struct conform_scene *scene, const struct bsc_files_list *list)
{
    const char *word = conform_word(scene, "damage");
    const char *where = strncmp(word, "share-", 6) == 0 ? SHARE : COPIED;
    const char *dash = strchr(word, '-');
    if (dash == NULL || list->count == 0)
        return;
    char *path = in_folder(where, list->names[list->count / 2]);
    if (there(scene, path))
        damage_file(scene, path, dash + 1);
    bsc_mem_free(path);
}

/* A backup like the last one in its body, with another header. */
static void forge(const struct conform_scene *scene, const char *from, const char *stem,
                  struct bsc_logs_header *header)
{
    unsigned char bytes[BSC_LOGS_FORMAT_HEADER];
    char *name = bsc_logs_format_name(stem, header->last_lsn);
    char *source = in_folder(SHARE, from), *target = in_folder(SHARE, name);
    conform_copy(scene, source, target);
    bsc_logs_format_encode(header, bytes);
    conform_patch(scene, target, 0, bytes, sizeof bytes);
    bsc_mem_free(name);
    bsc_mem_free(source);
    bsc_mem_free(target);
}

static void add_stranger(const struct conform_scene *scene, const char *last)
{
    static const char other[] = "0123456789abcdef0123456789abcdef";
    const char *word = conform_word(scene, "stranger");
    struct bsc_logs_header header = {0};
    const char *stem = "mgc";
    peek(scene, last, &header);
    if (strcmp(word, "double") == 0 || strcmp(word, "rewritten") == 0) {
        stem = "second";
        header.time_ms += strcmp(word, "rewritten") == 0 ? 1000 : 0;
    } else {
        header.first_lsn = header.last_lsn - (strcmp(word, "overlap") == 0 ? 1 : 0);
        header.last_lsn += 9;
    }
    if (strcmp(word, "fork") == 0)
        memcpy(header.fork, other, sizeof other);
    if (strcmp(word, "database") == 0)
        memcpy(header.database_id, other, sizeof other);
    forge(scene, last, stem, &header);
}

static void add_strangers(const struct conform_scene *scene, const struct bsc_files_list *list)
{
    const char *word = conform_word(scene, "stranger");
    if (strcmp(word, "name") == 0)
        conform_put_text(scene, SHARE "/notes.blog", "not a log backup");
    else if (list->count > 0 && word[0] != '\0' && strcmp(word, "none") != 0)
        add_stranger(scene, list->names[list->count - 1]);
}

void conform_build_chain(const struct conform_scene *scene)
{
    struct bsc_files_list list;
    conform_backups(scene, &list);
    apply_first(scene, &list, how_many(conform_word(scene, "applied"), list.count));
    copy_some(scene, &list);
    add_strangers(scene, &list);
    make_gap(scene, &list);
    damage(scene, &list);
    bsc_files_list_release(&list);
}

static void build_folder(const struct conform_scene *scene, const char *word, const char *name)
{
    if (strcmp(word, "missing") == 0 || strcmp(word, "file") == 0)
        conform_remove(scene, name);
    if (strcmp(word, "file") == 0)
        conform_put_text(scene, name, "in the way");
}

void conform_build_folders(const struct conform_scene *scene)
{
    build_folder(scene, conform_word(scene, "share"), SHARE);
    build_folder(scene, conform_word(scene, "destination"), COPIED);
    if (conform_is(scene, "shipping", "none"))
        conform_remove(scene, COPY ".shipping");
    if (conform_is(scene, "shipping", "damaged"))
        conform_put(scene, COPY ".shipping", "no job", 6);
    if (conform_is(scene, "secondary", "unreachable"))
        conform_remove(scene, "dc2/sql3");
}
