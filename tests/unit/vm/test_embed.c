#include "vm_unit.h"

#include <sys/wait.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "os/files.h"

/* The generator is run by the tests too: UNIT_EMBED is its path, UNIT_STDLIB the library's folder.
 */

static int run_generator(const char *manifest, const char *folder, const char *out)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(9);
        execl(UNIT_EMBED, UNIT_EMBED, manifest, folder, out, (char *)NULL);
        _exit(9);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_files_join(folder, name);
    assert_true(bsc_files_write(bsc_sys_real(), path, text, strlen(text), 0644, &err));
    free(path);
}

static void every_embedded_file_has_the_bytes_on_disk(void **state)
{
    (void)state;
    size_t count = 0;
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_vm_source *sources = bsc_vm_embedded(&count);
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        struct bsc_buf bytes;
        bsc_buf_init(&bytes);
        assert_memory_equal(sources[i].name, "bascule/", 8);
        char *path = bsc_files_join(UNIT_STDLIB, sources[i].name + 8);
        assert_true(bsc_files_read(bsc_sys_real(), path, 1 << 20, &bytes, &err));
        assert_int_equal(bytes.length, sources[i].length);
        assert_memory_equal(bytes.data, sources[i].text, bytes.length);
        free(path);
        bsc_buf_release(&bytes);
    }
}

static void embedded_files_are_sorted_by_name(void **state)
{
    (void)state;
    size_t count = 0;
    const struct bsc_vm_source *sources = bsc_vm_embedded(&count);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(sources[i - 1].name, sources[i].name) < 0);
}

static void the_embedded_library_loads(void **state)
{
    (void)state;
    struct bsc_vm_options options = {0};
    options.sources = bsc_vm_embedded(&options.source_count);
    struct bsc_vm *vm = vm_unit_open(options);
    assert_string_equal(bsc_vm_warnings(vm), "");
    bsc_vm_free(vm);
}

/* As with a release of Lua that is not the one it was compiled by. */
static void the_embedded_library_loads_from_its_text(void **state)
{
    (void)state;
    struct bsc_vm_options options = {0};
    const struct bsc_vm_source *embedded = bsc_vm_embedded(&options.source_count);
    struct bsc_vm_source *sources = bsc_mem_new(options.source_count, sizeof *sources);
    for (size_t i = 0; i < options.source_count; i++) {
        sources[i] = embedded[i];
        sources[i].code = "nothing that Lua would load";
        sources[i].made_by = "another Lua";
    }
    options.sources = sources;
    struct bsc_vm *vm = vm_unit_open(options);
    assert_string_equal(bsc_vm_warnings(vm), "");
    bsc_vm_free(vm);
    bsc_mem_free(sources);
}

static void code_knows_its_names_and_lines(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm_options options = {0};
    options.sources = bsc_vm_embedded(&options.source_count);
    struct bsc_vm *vm = vm_unit_open(options);
    assert_null(bsc_vm_call(vm, "load", NULL, &err));
    assert_memory_equal(err.where, "bascule/", 8);
    assert_non_null(strstr(err.where, ".lua:"));
    assert_non_null(strstr(err.message, "'"));
    bsc_vm_free(vm);
}

static void a_file_that_does_not_compile_fails(void **state)
{
    char *manifest = unit_path(*state, "manifest.txt");
    char *out = unit_path(*state, "out.c");
    write_file(*state, "a.lua", "return return");
    write_file(*state, "manifest.txt", "a.lua\n");
    assert_int_equal(run_generator(manifest, *state, out), 1);
    free(manifest);
    free(out);
}

static void any_byte_can_be_embedded(void **state)
{
    char *manifest = unit_path(*state, "manifest.txt");
    char *out = unit_path(*state, "out.c");
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    write_file(*state, "a.lua", "--\xff\x01\"\\\n");
    write_file(*state, "manifest.txt", "# a comment\n\na.lua # another\n");
    assert_int_equal(run_generator(manifest, *state, out), 0);
    assert_true(bsc_files_read(bsc_sys_real(), out, 1 << 20, &text, &err));
    assert_non_null(strstr(text.data, "45,45,-1,1,34,92,10,"));
    assert_non_null(strstr(text.data, "{\"bascule/a.lua\", text_0, 7, code_0, "));
    bsc_buf_release(&text);
    free(manifest);
    free(out);
}

static void a_manifest_that_disagrees_with_the_folder_fails(void **state)
{
    char *manifest = unit_path(*state, "manifest.txt");
    char *out = unit_path(*state, "out.c");
    write_file(*state, "a.lua", "return 1");
    write_file(*state, "b.lua", "return 2");
    write_file(*state, "manifest.txt", "a.lua\n");
    assert_int_equal(run_generator(manifest, *state, out), 1);
    write_file(*state, "manifest.txt", "a.lua\nb.lua\nc.lua\n");
    assert_int_equal(run_generator(manifest, *state, out), 1);
    write_file(*state, "manifest.txt", "a.lua\nb.lua\na.lua\n");
    assert_int_equal(run_generator(manifest, *state, out), 1);
    write_file(*state, "manifest.txt", "b.lua\na.lua\n");
    assert_int_equal(run_generator(manifest, *state, out), 0);
    free(manifest);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_embedded_file_has_the_bytes_on_disk),
        cmocka_unit_test(embedded_files_are_sorted_by_name),
        cmocka_unit_test(the_embedded_library_loads),
        cmocka_unit_test(the_embedded_library_loads_from_its_text),
        cmocka_unit_test(code_knows_its_names_and_lines),
        UNIT_IN_FOLDER(a_file_that_does_not_compile_fails),
        UNIT_IN_FOLDER(any_byte_can_be_embedded),
        UNIT_IN_FOLDER(a_manifest_that_disagrees_with_the_folder_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
