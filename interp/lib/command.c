#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/shell.h"
#include "journal/lock.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "os/process.h"

enum { OUTPUT_MAX = 64 << 10, WORDS_MAX = 1000, SSH_WORDS = 7, SSH_FAILED = 255 };

/* The words of a command and the texts made for it. */
struct words {
    const char **argv; /* owned array, NULL-terminated, of borrowed texts */
    char *remote;      /* owned: the command line for the far side, or NULL */
};

static void words_release(struct words *words)
{
    bsc_mem_free(words->argv);
    bsc_mem_free(words->remote);
}

/* ssh hands one line to the shell of the far side, so each word is quoted for it. */
static void wrap_in_ssh(const char *host, struct words *words)
{
    struct bsc_buf line;
    bsc_buf_init(&line);
    for (size_t i = 0; words->argv[i] != NULL; i++) {
        if (i > 0)
            bsc_buf_add_char(&line, ' ');
        bsc_shell_add(&line, words->argv[i]);
    }
    words->remote = bsc_mem_bytes(line.data, line.length);
    bsc_buf_release(&line);
    const char *const ssh[] = {"ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
                               "--",  host, words->remote,   NULL};
    _Static_assert(sizeof ssh / sizeof ssh[0] == SSH_WORDS + 2, "argv is made long enough");
    memcpy(words->argv, ssh, sizeof ssh);
}

static bool is_word(const struct bsc_value *word, size_t number, struct bsc_err *err)
{
    if (bsc_value_kind(word) != BSC_VALUE_TEXT)
        return bsc_err_set(err, BSC_ERR_USAGE, "word %zu of \"argv\" must be text, not %s", number,
                           bsc_value_kind_name(bsc_value_kind(word)));
    if (strlen(bsc_value_string(word)) != bsc_value_string_length(word))
        return bsc_err_set(err, BSC_ERR_USAGE, "word %zu of \"argv\" holds a NUL byte", number);
    return true;
}

static bool read_words(const struct bsc_value *args, const char *host, struct words *words,
                       struct bsc_err *err)
{
    const struct bsc_value *argv = NULL;
    if (!bsc_lib_args_list(args, "argv", &argv, err))
        return false;
    size_t count = bsc_value_count(argv);
    if (count == 0 || bsc_value_string_length(bsc_value_at(argv, 0)) == 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"argv\" names no program");
    if (count > WORDS_MAX)
        return bsc_err_set(err, BSC_ERR_LIMIT, "argument \"argv\" has more than %d words",
                           WORDS_MAX);
    words->argv = bsc_mem_new(count + SSH_WORDS + 2, sizeof *words->argv);
    for (size_t i = 0; i < count; i++) {
        if (!is_word(bsc_value_at(argv, i), i + 1, err))
            return false;
        words->argv[i] = bsc_value_string(bsc_value_at(argv, i));
    }
    if (host != NULL)
        wrap_in_ssh(host, words);
    return true;
}

static const char *last_line(const struct bsc_buf *text, size_t *ret_length)
{
    size_t end = text->length;
    while (end > 0 && strchr("\r\n ", text->data[end - 1]) != NULL)
        end--;
    size_t start = end;
    while (start > 0 && text->data[start - 1] != '\n')
        start--;
    *ret_length = end - start;
    return text->data + start;
}

/* The exit code as a shell would give it: a signal counts from 128. */
static int64_t exit_of(const struct bsc_process_result *result)
{
    return result->signal_number != 0 ? 128 + result->signal_number : result->exit_status;
}

static bool complain(enum bsc_err_code code, const char *what, const char *program,
                     const struct bsc_process_result *result, struct bsc_err *err)
{
    size_t length = 0;
    const char *line = last_line(&result->err, &length);
    bsc_err_set(err, code, "%s \"%s\" ended with exit code %lld%s%.*s", what, program,
                (long long)exit_of(result), length == 0 ? "" : ": ",
                length > 300 ? 300 : (int)length, line);
    return false;
}

static struct bsc_value *answer(const struct bsc_process_result *result)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "exit", exit_of(result));
    bsc_value_set(map, "out", bsc_value_bytes(result->out.data, result->out.length));
    bsc_value_set(map, "err", bsc_value_bytes(result->err.data, result->err.length));
    bsc_value_set_bool(map, "cut", result->output_cut);
    return map;
}

/* The far side is reached with the operator's own agent; nothing else of our environment is needed
 * by a command. */
static void make_environment(const char *entries[5], char *texts[4])
{
    static const char *const names[] = {"PATH", "HOME", "SSH_AUTH_SOCK"};
    size_t count = 0;
    entries[count++] = "LANG=C.UTF-8";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        texts[i] = value == NULL ? NULL : bsc_mem_format("%s=%s", names[i], value);
        if (texts[i] != NULL)
            entries[count++] = texts[i];
    }
    entries[count] = NULL;
}

/* Runs the command with a share in the run's lock, so that nobody goes on with the run while the
 * command outlives our process. ssh closes what it does not know, but leaves its input as it is. */
static bool run_with_share(const struct bsc_lib_call *call, struct bsc_process_order *order,
                           bool away, struct bsc_process_result *result, struct bsc_err *err)
{
    if (!bsc_journal_lock_lend(call->env->lock, &order->held_fd, err))
        return false;
    order->held_as_input = away;
    bool good = bsc_process_run(order, result, err);
    bsc_journal_lock_recall(call->env->lock, order->held_fd);
    return good;
}

static bool start(const struct bsc_lib_call *call, const struct words *words, int64_t timeout_ms,
                  bool changes, struct bsc_process_result *result, struct bsc_err *err)
{
    const char *entries[5] = {NULL};
    char *texts[4] = {NULL};
    int64_t left_ms = bsc_lib_call_left_ms(call);
    if (left_ms != 0 && (timeout_ms == 0 || left_ms < timeout_ms))
        timeout_ms = left_ms;
    make_environment(entries, texts);
    struct bsc_process_order order = {.argv = words->argv,
                                      .folder = call->env->folder,
                                      .env = entries,
                                      .timeout_ms = timeout_ms,
                                      .output_max = OUTPUT_MAX,
                                      .cancel = call->cancel};
    bool good = changes && call->env->lock != NULL
                    ? run_with_share(call, &order, words->remote != NULL, result, err)
                    : bsc_process_run(&order, result, err);
    /* What a program says becomes facts, and facts stand in plans, which hold no secret. */
    bsc_redact_apply(call->env->redactor, &result->out);
    bsc_redact_apply(call->env->redactor, &result->err);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bsc_mem_free(texts[i]);
    return good;
}

/* Runs the command. One that only looks has an `expected` below 0: any exit code will do. */
static bool perform(struct bsc_lib_call *call, int64_t expected, struct bsc_value **ret,
                    struct bsc_err *err)
{
    const char *host = NULL;
    int64_t timeout_ms = 0;
    struct words words = {0};
    struct bsc_process_result result = {0};
    bool good = false;
    if (!bsc_lib_args_text_or(call->args, "host", NULL, &host, err) ||
        !bsc_lib_args_count_or(call->args, "timeout_ms", 0, &timeout_ms, err) ||
        !bsc_lib_call_continue(call, err) || !read_words(call->args, host, &words, err) ||
        !start(call, &words, timeout_ms, expected >= 0, &result, err))
        goto done;
    /* ssh gives the same code whether it never got there or lost the way back. */
    if (host != NULL && result.exit_status == SSH_FAILED)
        complain(expected < 0 ? BSC_ERR_UNREACHABLE : BSC_ERR_UNKNOWN, "ssh to", host, &result,
                 err);
    else if (expected >= 0 && exit_of(&result) != expected)
        complain(BSC_ERR_IO, "command", words.argv[0], &result, err);
    else
        good = true;
    if (good)
        *ret = answer(&result);
done:
    bsc_process_result_release(&result);
    words_release(&words);
    return good;
}

#define PROBE_ARGS "argv: list, host: text?, timeout_ms: int?"
#define RUN_ARGS   "argv: list, host: text?, timeout_ms: int?, expect_exit: int?"

static bool probe(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    return bsc_lib_args_known(call->args, PROBE_ARGS, err) && perform(call, -1, ret, err);
}

static bool run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    int64_t expected = 0;
    return bsc_lib_args_known(call->args, RUN_ARGS, err) &&
           bsc_lib_args_count_or(call->args, "expect_exit", 0, &expected, err) &&
           perform(call, expected, ret, err);
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
