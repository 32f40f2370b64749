/*
 * bascule_luatest [-m FOLDER] FILE…: runs tests of the embedded library inside the privileged Lua
 * state.
 *
 * A file of tests returns a table; each function in it is a test and its key, a sentence, its name:
 *
 *     local cond = require "bascule/core/cond"
 *     local T = {}
 *     T["a condition holds when its facts agree"] = function()
 *       expect.equal(cond.eval({ state = "online" }), true)
 *     end
 *     return T
 *
 * Globals of such a file: the functions of the embedded library (with `require`), and
 *   host                          the privileged table
 *   expect.equal(actual, wanted)  deep comparison; a difference is shown line by line
 *   expect.truthy(value, message)
 *   expect.raises(part, fn, …)    fn must raise an error whose message contains `part`; returns it
 *   drive(fn, answers)            runs fn as a task and answers the effects that it yields:
 * `answers` is a function from effect to answer, or a table by the effect's op of such functions or
 * plain answers; returns what fn returns
 *   require_module(name)          runs name.lua of the folder given with -m, with these globals
 *                                 too, and returns what it returns
 *
 * Each test is a task with a budget of its own, followed by a full collection; then everything is
 * run once more with a collector that never rests. A warning of Lua is a failure.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/files.h"
#include "vm/vm.h"

struct tally {
    int passed;
    int failed;
};

static void show_failure(struct bsc_vm *vm, const char *name, const struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    printf("FAILED %s\n    %s: %s\n", name, err->where, err->message);
    if (err->detail[0] != '\0')
        printf("    %s\n", err->detail);
    struct bsc_value *more = vm == NULL ? NULL : bsc_vm_call(vm, "difference", NULL, &ignored);
    const char *at = bsc_value_get_string(more, "text");
    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, "\n");
        printf("      %.*s\n", (int)length, at);
        at += length + (at[length] == '\n' ? 1 : 0);
    }
    bsc_value_free(more);
}

static bool run_one(struct bsc_vm *vm, const char *name, struct tally *tally)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "name", name);
    struct bsc_value *result = bsc_vm_call(vm, "run", args, &err);
    bool passed = result != NULL;
    bsc_vm_collect(vm);
    if (!passed)
        show_failure(vm, name, &err);
    tally->passed += passed ? 1 : 0;
    tally->failed += passed ? 0 : 1;
    bsc_value_free(args);
    bsc_value_free(result);
    return passed;
}

static void run_tests(struct bsc_vm *vm, const char *path, const char *text, struct tally *tally)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "path", path);
    bsc_value_set_text(args, "text", text);
    struct bsc_value *loaded = bsc_vm_call(vm, "load", args, &err);
    const struct bsc_value *names = bsc_value_get(loaded, "names");
    if (loaded == NULL || bsc_value_count(names) == 0) {
        if (loaded != NULL)
            bsc_err_set(&err, BSC_ERR_INVALID, "the file has no tests");
        show_failure(NULL, path, &err);
        tally->failed++;
    }
    for (size_t i = 0; i < bsc_value_count(names); i++)
        run_one(vm, bsc_value_string(bsc_value_at(names, i)), tally);
    if (bsc_vm_warnings(vm)[0] != '\0') {
        printf("FAILED %s\n    Lua warned: %s\n", path, bsc_vm_warnings(vm));
        tally->failed++;
    }
    bsc_value_free(loaded);
    bsc_value_free(args);
}

/* The embedded library with the harness behind it. */
static struct bsc_vm_source *sources_with(const struct bsc_buf *harness, size_t *ret_count)
{
    size_t count = 0;
    const struct bsc_vm_source *embedded = bsc_vm_embedded(&count);
    struct bsc_vm_source *sources = bsc_mem_new(count + 1, sizeof *sources);
    if (count > 0)
        memcpy(sources, embedded, count * sizeof *sources);
    sources[count] = (struct bsc_vm_source){
        .name = "bascule/test/harness.lua", .text = harness->data, .length = harness->length};
    *ret_count = count + 1;
    return sources;
}

static void run_file(const char *path, const char *modules, const struct bsc_buf *harness,
                     bool eager, struct tally *tally)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    struct bsc_vm *vm = NULL;
    struct bsc_vm_options options = {.entry = "bascule/test/harness", .test_doors = true};
    char *folder = modules != NULL ? bsc_mem_text(modules) : bsc_files_folder_of(path);
    struct bsc_vm_source *sources = sources_with(harness, &options.source_count);
    bsc_buf_init(&text);
    options.sources = sources;
    options.folder = folder;
    options.eager_collector = eager;
    options.wall_ms = 60000;
    if (bsc_files_read(bsc_sys_real(), path, 1024 * 1024, &text, &err))
        vm = bsc_vm_new(&options, &err);
    if (vm != NULL) {
        run_tests(vm, path, text.data, tally);
    } else {
        show_failure(NULL, path, &err);
        tally->failed++;
    }
    bsc_vm_free(vm);
    bsc_buf_release(&text);
    bsc_mem_free(sources);
    bsc_mem_free(folder);
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf harness;
    const char *modules = NULL;
    int first = 1;
    if (argc > 2 && strcmp(argv[1], "-m") == 0) {
        modules = argv[2];
        first = 3;
    }
    bsc_buf_init(&harness);
    if (!bsc_files_read(bsc_sys_real(), LUATEST_HARNESS, 1024 * 1024, &harness, &err)) {
        fprintf(stderr, "bascule_luatest: %s\n", err.message);
        bsc_buf_release(&harness);
        return 2;
    }
    for (int pass = 0; pass < 2; pass++)
        for (int i = first; i < argc; i++)
            run_file(argv[i], modules, &harness, pass == 1, &tally);
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    bsc_buf_release(&harness);
    return tally.failed == 0 && tally.passed > 0 ? 0 : 1;
}
