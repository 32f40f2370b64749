/*
 * Turns the files of the embedded library into C: embed MANIFEST FOLDER OUTPUT.
 *
 * The manifest names one file a line, relative to FOLDER; '#' begins a comment. Files are embedded
 * byte for byte, sorted by name, and once more as this Lua has compiled them, since compiling is
 * most of what a short command would do. A named file that does not exist or does not compile, and
 * a .lua file in the folder that nobody named, are errors: what is in the program is always exactly
 * what the manifest says.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>
#include <lua.h>

#include "vm/lua_compat_int.h"

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

struct text {
    char *bytes; /* owned */
    size_t length;
};

static void read_text(const char *path, struct text *ret)
{
    FILE *file = fopen(path, "rb");
    size_t room = 0;
    *ret = (struct text){0};
    if (file == NULL)
        fail("the manifest names a file that does not exist", path);
    for (int c = fgetc(file); c != EOF; c = fgetc(file)) {
        if (ret->length == room) {
            room = room * 2 + 4096;
            ret->bytes = must(realloc(ret->bytes, room));
        }
        ret->bytes[ret->length++] = (char)c;
    }
    fclose(file);
}

static void write_bytes(FILE *out, const char *kind, size_t number, const struct text *text)
{
    fprintf(out, "static const char %s_%zu[] = {", kind, number);
    for (size_t i = 0; i < text->length; i++)
        fprintf(out, "%s%d,", i % 20 == 0 ? "\n    " : "", text->bytes[i]);
    fprintf(out, "\n    0};\n\n"); /* a NUL that the length does not count */
}

static int add_code(lua_State *L, const void *bytes, size_t length, void *arg)
{
    struct text *code = arg;
    (void)L;
    code->bytes = must(realloc(code->bytes, code->length + length + 1));
    memcpy(code->bytes + code->length, bytes, length);
    code->length += length;
    return 0;
}

/* Names and lines stay in the code, for messages and tracebacks. */
static void compile(lua_State *L, const char *name, const struct text *text, struct text *ret)
{
    char *chunk = NULL;
    *ret = (struct text){0};
    if (asprintf(&chunk, "@" PREFIX "%s", name) < 0)
        fail("out of memory", name);
    if (luaL_loadbufferx(L, text->bytes, text->length, chunk, "t") != LUA_OK)
        fail("it does not compile", lua_tostring(L, -1));
    if (lua_dump(L, add_code, ret, 0) != 0)
        fail("it cannot be written as code", name);
    lua_pop(L, 1);
    free(chunk);
}

/* Writes one file's text and code; returns their lengths. */
static void write_file(FILE *out, lua_State *L, const char *folder, const char *name, size_t number,
                       size_t ret_lengths[2])
{
    char *path = join(folder, name);
    struct text text, code;
    read_text(path, &text);
    compile(L, name, &text, &code);
    write_bytes(out, "text", number, &text);
    write_bytes(out, "code", number, &code);
    ret_lengths[0] = text.length;
    ret_lengths[1] = code.length;
    free(text.bytes);
    free(code.bytes);
    free(path);
}

static void write_table(FILE *out, const struct names *names, size_t (*lengths)[2])
{
    fprintf(out, "static const char made_by[] = \"%s\";\n\n", lua_ident);
    fprintf(out, "static const struct bsc_vm_source sources[] = {\n");
    for (size_t i = 0; i < names->count; i++)
        fprintf(out, "    {\"" PREFIX "%s\", text_%zu, %zu, code_%zu, %zu, made_by},\n",
                names->items[i], i, lengths[i][0], i, lengths[i][1]);
    fprintf(out,
            "    {0, 0, 0, 0, 0, 0},\n};\n\n"
            "const struct bsc_vm_source *bsc_vm_embedded(size_t *ret_count)\n"
            "{\n    *ret_count = %zu;\n    return sources;\n}\n",
            names->count);
}

static void write_all(FILE *out, const char *folder, const struct names *names)
{
    size_t(*lengths)[2] = must(calloc(names->count + 1, sizeof *lengths));
    lua_State *L = must(luaL_newstate());
    fprintf(out, "/* Made from the library's manifest. */\n#include \"vm/vm.h\"\n\n");
    for (size_t i = 0; i < names->count; i++)
        write_file(out, L, folder, names->items[i], i, lengths[i]);
    write_table(out, names, lengths);
    lua_close(L);
    free(lengths);
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
