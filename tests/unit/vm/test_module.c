#include "vm_unit.h"

#include "base/buf.h"
#include "os/files.h"

/* A user's own modules: text files beside the runbook, and nothing else. */

static void write_file(const char *folder, const char *name, const char *text, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_files_join(folder, name);
    assert_true(bsc_files_write(bsc_sys_real(), path, text, length, 0644, &err));
    free(path);
}

/* module(name) must say no with this reason. */
static void expect_refusal(struct bsc_vm *vm, const char *name, const char *reason)
{
    char text[256];
    struct bsc_err err = BSC_ERR_INIT;
    snprintf(text, sizeof text, "local source, why = module(%s) return source == nil and why",
             name);
    struct bsc_value *result = vm_unit_run(vm, text, &err);
    assert_int_equal(bsc_value_kind(result), BSC_VALUE_TEXT);
    if (strstr(bsc_value_string(result), reason) == NULL)
        print_error("%s: %s\n", name, bsc_value_string(result));
    assert_non_null(strstr(bsc_value_string(result), reason));
    bsc_value_free(result);
}

static void a_module_is_read_from_the_folder_of_the_runbook(void **state)
{
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.folder = *state});
    char wanted[512];
    write_file(*state, "my_tools.lua", "return 7", 8);
    snprintf(wanted, sizeof wanted, "return 7|%s/my_tools.lua", (const char *)*state);
    vm_unit_expect(vm, "local text, path = module('my_tools') return text .. '|' .. path", wanted);
    expect_refusal(vm, "'absent'", "no such file");
    bsc_vm_free(vm);
}

static void other_names_are_refused(void **state)
{
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.folder = *state});
    expect_refusal(vm, "'../secret'", "only a-z");
    expect_refusal(vm, "'/etc/passwd'", "only a-z");
    expect_refusal(vm, "'a.b'", "only a-z");
    expect_refusal(vm, "'Upper'", "only a-z");
    expect_refusal(vm, "''", "only a-z");
    expect_refusal(vm, "'a\\0b'", "only a-z");
    expect_refusal(vm, "('a'):rep(65)", "only a-z");
    bsc_vm_free(vm);
}

static void links_folders_and_devices_are_refused(void **state)
{
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.folder = *state});
    char *link = unit_path(*state, "link.lua");
    char *folder = unit_path(*state, "folder.lua");
    char *fifo = unit_path(*state, "fifo.lua");
    assert_int_equal(symlink("/etc/hostname", link), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    expect_refusal(vm, "'link'", "symbolic link");
    expect_refusal(vm, "'folder'", "not an ordinary file");
    expect_refusal(vm, "'fifo'", "not an ordinary file");
    free(link);
    free(folder);
    free(fifo);
    bsc_vm_free(vm);
}

static void only_short_texts_are_modules(void **state)
{
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.folder = *state});
    char *large = calloc(1, (1 << 20) + 1);
    memset(large, ' ', (1 << 20) + 1);
    write_file(*state, "binary.lua", "\033Lua", 4);
    write_file(*state, "zero.lua", "return 1\0", 9);
    write_file(*state, "large.lua", large, (1 << 20) + 1);
    write_file(*state, "fits.lua", large, 1 << 20);
    write_file(*state, "empty.lua", "", 0);
    expect_refusal(vm, "'binary'", "not a text");
    expect_refusal(vm, "'zero'", "not a text");
    expect_refusal(vm, "'large'", "longer than 1 MiB");
    vm_unit_expect(vm, "return tostring(#module('fits')) .. module('empty')", "1048576");
    free(large);
    bsc_vm_free(vm);
}

static void without_a_folder_there_are_no_modules(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    expect_refusal(vm, "'a'", "no folder");
    bsc_vm_free(vm);
}

static void where_tells_the_line_of_the_runbook(void **state)
{
    (void)state;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){0});
    vm_unit_expect(vm, "\nlocal f, l = where(1)\nreturn f .. l", "book.lua2");
    vm_unit_expect(vm,
                   "local function g() local f, l = where(2) return f .. l end\n\nlocal x = g()\n"
                   "return x",
                   "book.lua3");
    vm_unit_expect(vm, "return tostring((where(50)))", "nil");
    bsc_vm_free(vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_module_is_read_from_the_folder_of_the_runbook),
        UNIT_IN_FOLDER(other_names_are_refused),
        UNIT_IN_FOLDER(links_folders_and_devices_are_refused),
        UNIT_IN_FOLDER(only_short_texts_are_modules),
        cmocka_unit_test(without_a_folder_there_are_no_modules),
        cmocka_unit_test(where_tells_the_line_of_the_runbook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
