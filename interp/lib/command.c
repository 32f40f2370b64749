#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/program_int.h"
#include "lib/rows_int.h"

static bool is_word(const struct bsc_value *word, size_t number, struct bsc_err *err)
{
    if (bsc_value_kind(word) != BSC_VALUE_TEXT)
        return bsc_err_set(err, BSC_ERR_USAGE, "word %zu of \"argv\" must be text, not %s", number,
                           bsc_value_kind_name(bsc_value_kind(word)));
    if (strlen(bsc_value_string(word)) != bsc_value_string_length(word))
        return bsc_err_set(err, BSC_ERR_USAGE, "word %zu of \"argv\" holds a NUL byte", number);
    return true;
}

/* Gives an owned array of borrowed texts, NULL-terminated; to be freed in any case. */
static bool read_words(const struct bsc_value *args, const char ***ret_argv, struct bsc_err *err)
{
    const struct bsc_value *argv = NULL;
    if (!bsc_lib_args_list(args, "argv", &argv, err))
        return false;
    size_t count = bsc_value_count(argv);
    if (count == 0 || bsc_value_string_length(bsc_value_at(argv, 0)) == 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"argv\" names no program");
    if (count > BSC_LIB_PROGRAM_WORDS)
        return bsc_err_set(err, BSC_ERR_LIMIT, "argument \"argv\" has more than %d words",
                           BSC_LIB_PROGRAM_WORDS);
    *ret_argv = bsc_mem_new(count + 1, sizeof **ret_argv);
    for (size_t i = 0; i < count; i++) {
        if (!is_word(bsc_value_at(argv, i), i + 1, err))
            return false;
        (*ret_argv)[i] = bsc_value_string(bsc_value_at(argv, i));
    }
    return true;
}

static bool complain(enum bsc_err_code code, const char *what, const char *program,
                     const struct bsc_process_result *result, struct bsc_err *err)
{
    size_t length = 0;
    const char *line = bsc_lib_program_last_line(&result->err, &length);
    bsc_err_set(err, code, "%s \"%s\" ended with exit code %lld%s%.*s", what, program,
                (long long)bsc_lib_program_exit(result), length == 0 ? "" : ": ",
                length > 300 ? 300 : (int)length, line);
    return false;
}

static struct bsc_value *answer(const struct bsc_process_result *result)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "exit", bsc_lib_program_exit(result));
    bsc_value_set(map, "out", bsc_value_bytes(result->out.data, result->out.length));
    bsc_value_set(map, "err", bsc_value_bytes(result->err.data, result->err.length));
    bsc_value_set_bool(map, "cut", result->output_cut);
    return map;
}

bool bsc_lib_command_perform(struct bsc_lib_call *call, int64_t expected, struct bsc_value **ret,
                             struct bsc_err *err)
{
    const char **argv = NULL;
    struct bsc_lib_program program = {.changes = expected >= 0};
    struct bsc_process_result result = {0};
    bool good = false;
    if (!bsc_lib_args_text_or(call->args, "host", NULL, &program.host, err) ||
        !bsc_lib_args_count_or(call->args, "timeout_ms", 0, &program.timeout_ms, err) ||
        !bsc_lib_call_continue(call, err) || !read_words(call->args, &argv, err))
        goto done;
    program.argv = argv;
    if (!bsc_lib_program_run(call, &program, &result, err))
        goto done;
    /* ssh gives the same code whether it never got there or lost the way back. */
    if (bsc_lib_program_lost(&program, &result))
        complain(expected < 0 ? BSC_ERR_UNREACHABLE : BSC_ERR_UNKNOWN, "ssh to", program.host,
                 &result, err);
    else if (expected >= 0 && bsc_lib_program_exit(&result) != expected)
        complain(BSC_ERR_IO, "command", argv[0], &result, err);
    else
        good = true;
    if (good)
        *ret = answer(&result);
done:
    bsc_process_result_release(&result);
    bsc_mem_free(argv);
    return good;
}

#define PROBE_ARGS "argv: list, host: text?, timeout_ms: int?"
#define RUN_ARGS   "argv: list, host: text?, timeout_ms: int?, expect_exit: int?"

static bool probe(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, PROBE_ARGS, err) &&
           bsc_lib_command_perform(call, -1, ret, err);
}

static bool run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t expected = 0;
    return bsc_lib_args_known(call->args, RUN_ARGS, err) &&
           bsc_lib_args_count_or(call->args, "expect_exit", 0, &expected, err) &&
           bsc_lib_command_perform(call, expected, ret, err);
}

const struct bsc_lib_row bsc_lib_row_command_probe = {
    .name = "command.probe",
    .effect = BSC_LIB_READ,
    .run = probe,
    .args = PROBE_ARGS,
    .result = "map {exit: int, out: text, err: text, cut: bool}",
    .doc = "Runs a command that only looks, here or over ssh on `host`, and returns its exit code "
           "and what it wrote (64 KiB of each stream; cut says that there was more).",
};

const struct bsc_lib_row bsc_lib_row_command_run = {
    .name = "command.run",
    .effect = BSC_LIB_WRITE,
    .run = run,
    .args = RUN_ARGS,
    .result = "map {exit: int, out: text, err: text, cut: bool}",
    .doc = "Runs a command, here or over ssh on `host`, never through a local shell; another exit "
           "code than expect_exit (0) is an error.",
};
