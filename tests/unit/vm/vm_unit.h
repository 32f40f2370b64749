/*
 * A state whose entry module is given by the test, and short ways to call it.
 */
#ifndef BSC_VM_UNIT_H
#define BSC_VM_UNIT_H

#include "unit.h"
#include "vm/vm.h"

/* Entry module of most tests: `run` compiles args.text in an environment like a runbook's, with
 * some functions of the host beside it, and calls it; `echo` returns its argument. */
static const char vm_unit_entry[] =
    "local _, host = ...\n"
    "local function env()\n"
    "  local copy = {}\n"
    "  for k, v in pairs(host.base) do copy[k] = v end\n"
    "  copy.effect = function(value) return host.yield(value) end\n"
    "  copy.list, copy.null = host.list, host.null\n"
    "  copy.compile = host.compile\n"
    "  copy.module = host.module\n"
    "  copy.where = host.where\n"
    "  copy._G = copy\n"
    "  return copy\n"
    "end\n"
    "local function run(args)\n"
    "  local f, bad = host.compile('@' .. (args.name or 'book.lua'), args.text, env())\n"
    "  if not f then error({message = bad.message, file = 'book.lua', line = bad.line}) end\n"
    "  local result = f(args)\n"
    "  return result\n"
    "end\n"
    "return {run = run, echo = function(v) return v end}\n";

static inline struct bsc_vm *vm_unit_open(struct bsc_vm_options options)
{
    static const struct bsc_vm_source entry = {
        .name = "bascule/host.lua", .text = vm_unit_entry, .length = sizeof vm_unit_entry - 1};
    struct bsc_err err = BSC_ERR_INIT;
    if (options.sources == NULL) {
        options.sources = &entry;
        options.source_count = 1;
    }
    struct bsc_vm *vm = bsc_vm_new(&options, &err);
    if (vm == NULL)
        print_error("%s: %s (%s)\n", err.where, err.message, err.detail);
    assert_non_null(vm);
    return vm;
}

/* Runs a runbook's text that yields nothing; owned result, NULL and *err on failure. */
static inline struct bsc_value *vm_unit_run(struct bsc_vm *vm, const char *text,
                                            struct bsc_err *err)
{
    struct bsc_value *args = bsc_value_map();
    bsc_value_set_text(args, "text", text);
    struct bsc_value *result = bsc_vm_call(vm, "run", args, err);
    bsc_value_free(args);
    return result;
}

/* The result must be this text. */
static inline void vm_unit_expect(struct bsc_vm *vm, const char *text, const char *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *result = vm_unit_run(vm, text, &err);
    if (result == NULL)
        print_error("%s\n  failed: %s: %s\n", text, err.where, err.message);
    assert_non_null(result);
    if (bsc_value_kind(result) != BSC_VALUE_TEXT || strcmp(bsc_value_string(result), expected) != 0)
        print_error("%s\n", text);
    assert_int_equal(bsc_value_kind(result), BSC_VALUE_TEXT);
    assert_string_equal(bsc_value_string(result), expected);
    bsc_value_free(result);
}

/* The text must fail with a message that contains `part`. */
static inline void vm_unit_expect_error(struct bsc_vm *vm, const char *text, const char *part)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *result = vm_unit_run(vm, text, &err);
    if (result != NULL || strstr(err.message, part) == NULL)
        print_error("%s\n  gave: %s\n", text, result != NULL ? "no error" : err.message);
    assert_null(result);
    assert_non_null(strstr(err.message, part));
}

#endif
