#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "fault.h"

static void add(struct fault_tree *tree, const char *folder, const char *name);

static void add_entries(struct fault_tree *tree, const char *folder, const char *name)
{
    char *path = bsc_mem_format("%s/%s", folder, name);
    DIR *entries = opendir(path);
    fault_need(entries != NULL, "open folder", path);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *inner = name[0] == '\0' ? bsc_mem_text(entry->d_name)
                                      : bsc_mem_format("%s/%s", name, entry->d_name);
        add(tree, folder, inner);
        bsc_mem_free(inner);
    }
    closedir(entries);
    bsc_mem_free(path);
}

static void read_bytes(struct fault_file *file, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    fault_need(fd >= 0, "open", path);
    file->length = (size_t)file->status.st_size;
    file->bytes = bsc_mem_new(file->length + 1, 1);
    ssize_t got = read(fd, file->bytes, file->length);
    /* An agent may be at work: what was there a moment ago may have been cut off since. */
    file->length = got < 0 ? 0 : (size_t)got;
    close(fd);
}

/* What vanishes while it is looked at was temporary. */
static void add(struct fault_tree *tree, const char *folder, const char *name)
{
    char *path = bsc_mem_format("%s/%s", folder, name);
    struct fault_file file = {.name = bsc_mem_text(name)};
    if (lstat(path, &file.status) != 0) {
        bsc_mem_free(file.name);
        bsc_mem_free(path);
        return;
    }
    if (S_ISREG(file.status.st_mode))
        read_bytes(&file, path);
    tree->files = bsc_mem_resize(tree->files, tree->count + 1, sizeof *tree->files);
    tree->files[tree->count++] = file;
    bsc_mem_free(path);
    if (S_ISDIR(file.status.st_mode))
        add_entries(tree, folder, name);
}

static int by_name(const void *left, const void *right)
{
    const struct fault_file *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void fault_tree_load(struct fault_tree *tree, const char *folder)
{
    add_entries(tree, folder, "");
    if (tree->count > 0)
        qsort(tree->files, tree->count, sizeof *tree->files, by_name);
}

void fault_tree_load_file(struct fault_tree *tree, const char *folder, const char *name)
{
    add(tree, folder, name);
}

static void save_one(const struct fault_file *file, const char *path)
{
    const struct timespec times[2] = {file->status.st_atim, file->status.st_mtim};
    if (file->bytes == NULL) {
        fault_need(mkdir(path, file->status.st_mode & 07777) == 0, "make folder", path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->status.st_mode & 07777);
    fault_need(fd >= 0 && write(fd, file->bytes, file->length) == (ssize_t)file->length &&
                   futimens(fd, times) == 0,
               "write", path);
    close(fd);
}

void fault_tree_save(const struct fault_tree *tree, const char *folder)
{
    fault_tree_remove(folder);
    fault_need(mkdir(folder, 0700) == 0, "make folder", folder);
    for (size_t i = 0; i < tree->count; i++) {
        char *path = bsc_mem_format("%s/%s", folder, tree->files[i].name);
        save_one(&tree->files[i], path);
        bsc_mem_free(path);
    }
}

void fault_tree_release(struct fault_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        bsc_mem_free(tree->files[i].name);
        bsc_mem_free(tree->files[i].bytes);
    }
    bsc_mem_free(tree->files);
    *tree = (struct fault_tree){0};
}

const struct fault_file *fault_tree_find(const struct fault_tree *tree, const char *name)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (strcmp(tree->files[i].name, name) == 0)
            return &tree->files[i];
    }
    return NULL;
}

static bool is_same(const struct fault_file *a, const struct fault_file *b)
{
    if (a->bytes == NULL || b->bytes == NULL)
        return a->bytes == b->bytes;
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Who may change a target is no part of it. */
static bool is_lease(const char *name)
{
    size_t length = strlen(name);
    return length > 6 && strcmp(name + length - 6, ".lease") == 0;
}

void fault_tree_compare(const struct fault_tree *before, const struct fault_tree *after,
                        void (*seen)(void *arg, const char *name, const struct fault_file *was,
                                     const struct fault_file *is),
                        void *arg)
{
    size_t i = 0, k = 0;
    while (i < before->count || k < after->count) {
        const struct fault_file *was = i < before->count ? &before->files[i] : NULL;
        const struct fault_file *is = k < after->count ? &after->files[k] : NULL;
        int order = was == NULL ? 1 : is == NULL ? -1 : strcmp(was->name, is->name);
        const char *name = order <= 0 ? was->name : is->name;
        bool differs = order != 0 || !is_same(was, is);
        if (differs && !is_lease(name))
            seen(arg, name, order <= 0 ? was : NULL, order >= 0 ? is : NULL);
        i += order <= 0;
        k += order >= 0;
    }
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

/* An agent that was told to end may put one more file there meanwhile, hence the second try. */
void fault_tree_remove(const char *folder)
{
    struct stat status = {0};
    for (int i = 0; i < 3 && lstat(folder, &status) == 0; i++)
        (void)nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    fault_need(lstat(folder, &status) != 0, "remove", folder);
}
