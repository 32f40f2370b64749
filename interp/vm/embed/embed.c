/*
 * Turns the files of the embedded library into C: embed MANIFEST FOLDER OUTPUT.
 *
 * The manifest names one file a line, relative to FOLDER; '#' begins a comment. Files are embedded
 * byte for byte, sorted by name. A named file that does not exist, and a .lua file in the folder
 * that nobody named, are errors: what is in the program is always exactly what the manifest says.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PREFIX "bascule/"

struct names {
    char **items; /* owned texts */
    size_t count;
};

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "embed: %s: %s\n", what, name);
    exit(1);
}

static void *must(void *memory)
{
    if (memory == NULL)
        fail("out of memory", "giving up");
    return memory;
}

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, folder[0] == '\0' ? "%s%s" : "%s/%s", folder, name) < 0)
        fail("out of memory", name);
    return path;
}

static void names_add(struct names *names, char *name)
{
    names->items = must(realloc(names->items, (names->count + 1) * sizeof *names->items));
    names->items[names->count++] = name;
}

static void names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_hold(const struct names *sorted, const char *name)
{
    return sorted->count > 0 &&
           bsearch(&name, sorted->items, sorted->count, sizeof *sorted->items, compare) != NULL;
}

/* Reads the manifest's lines without comments and blanks, sorted. */
static void read_manifest(const char *path, struct names *names)
{
    FILE *file = fopen(path, "r");
    char line[512];
    if (file == NULL)
        fail("cannot read the manifest", path);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "#\r\n")] = '\0';
        size_t length = strlen(line);
        while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
            line[--length] = '\0';
        if (length > 0)
            names_add(names, must(strdup(line)));
    }
    fclose(file);
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare);
    for (size_t i = 1; i < names->count; i++)
        if (strcmp(names->items[i - 1], names->items[i]) == 0)
            fail("the manifest names a file twice", names->items[i]);
}

/* Fails for the first .lua file below the folder that the manifest does not name. */
static void check_folder(const char *root, const char *below, const struct names *names)
{
    char *path = join(root, below);
    DIR *folder = opendir(path);
    if (folder == NULL)
        fail("cannot read the folder", path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        struct stat facts = {0};
        if (entry->d_name[0] == '.')
            continue;
        char *name = join(below, entry->d_name);
        char *full = join(root, name);
        size_t length = strlen(name);
        if (stat(full, &facts) == 0 && S_ISDIR(facts.st_mode))
            check_folder(root, name, names);
        else if (length > 4 && strcmp(name + length - 4, ".lua") == 0 && !names_hold(names, name))
            fail("the manifest does not name this file of the library", name);
        free(full);
        free(name);
    }
    closedir(folder);
    free(path);
}

/* Writes the file's bytes as an array and returns how many there were. */
static size_t write_bytes(FILE *out, const char *path, size_t number)
{
    FILE *file = fopen(path, "rb");
    size_t count = 0;
    if (file == NULL)
        fail("the manifest names a file that does not exist", path);
    fprintf(out, "static const char bytes_%zu[] = {", number);
    for (int c = fgetc(file); c != EOF; c = fgetc(file))
        fprintf(out, "%s%d,", count++ % 20 == 0 ? "\n    " : "", c < 128 ? c : c - 256);
    fprintf(out, "\n    0};\n\n"); /* a NUL that the length does not count */
    fclose(file);
    return count;
}

static void write_all(FILE *out, const char *folder, const struct names *names)
{
    size_t *sizes = must(calloc(names->count + 1, sizeof *sizes));
    fprintf(out, "/* Made from the library's manifest. */\n#include \"vm/vm.h\"\n\n");
    for (size_t i = 0; i < names->count; i++) {
        char *path = join(folder, names->items[i]);
        sizes[i] = write_bytes(out, path, i);
        free(path);
    }
    fprintf(out, "static const struct bsc_vm_source sources[] = {\n");
    for (size_t i = 0; i < names->count; i++)
        fprintf(out, "    {\"" PREFIX "%s\", bytes_%zu, %zu},\n", names->items[i], i, sizes[i]);
    fprintf(out,
            "    {0, 0, 0},\n};\n\n"
            "const struct bsc_vm_source *bsc_vm_embedded(size_t *ret_count)\n"
            "{\n    *ret_count = %zu;\n    return sources;\n}\n",
            names->count);
    free(sizes);
}

int main(int argc, char **argv)
{
    struct names names = {0};
    if (argc != 4)
        fail("usage", "embed MANIFEST FOLDER OUTPUT");
    read_manifest(argv[1], &names);
    check_folder(argv[2], "", &names);
    FILE *out = fopen(argv[3], "w");
    if (out == NULL)
        fail("cannot write", argv[3]);
    write_all(out, argv[2], &names);
    if (fclose(out) != 0)
        fail("cannot write", argv[3]);
    names_release(&names);
    return 0;
}
