#include "lib/program_int.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/shell.h"
#include "journal/lock.h"
#include "lib/args.h"

enum { OUTPUT_MAX = 64 << 10, WRAP_WORDS = 10, SSH_FAILED = 255 };

/* The words of a command and the texts made for it. */
struct words {
    const char **argv; /* owned array, NULL-terminated, of borrowed texts */
    char *remote;      /* owned: the command line for the far side, or NULL */
    char *user;        /* owned: --reuid=…, or NULL */
    char *group;       /* owned: --regid=…, or NULL */
};

static void words_release(struct words *words)
{
    bsc_mem_free(words->argv);
    bsc_mem_free(words->remote);
    bsc_mem_free(words->user);
    bsc_mem_free(words->group);
}

/* ssh hands one line to the shell of the far side, so each word is quoted for it. A banner of the
 * far side, which ssh would show among what the program says, may be long and say anything. */
static void wrap_in_ssh(const struct bsc_lib_program *program, struct words *words)
{
    struct bsc_buf line;
    bsc_buf_init(&line);
    for (size_t i = 0; program->argv[i] != NULL; i++) {
        if (i > 0)
            bsc_buf_add_char(&line, ' ');
        bsc_shell_add(&line, program->argv[i]);
    }
    words->remote = bsc_mem_bytes(line.data, line.length);
    bsc_buf_release(&line);
    const char *const ssh[] = {
        "ssh", "-o",          "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR",
        "--",  program->host, words->remote,   NULL};
    _Static_assert(sizeof ssh / sizeof ssh[0] <= WRAP_WORDS + 1, "argv is made long enough");
    memcpy(words->argv, ssh, sizeof ssh);
}

/* Returns how many words come before those of the program. */
static size_t wrap_in_user(const struct bsc_lib_program *program, struct words *words)
{
    if (program->user == NULL || geteuid() != 0)
        return 0;
    words->user = bsc_mem_format("--reuid=%s", program->user);
    words->group = bsc_mem_format("--regid=%s", program->user);
    const char *const drop[] = {"setpriv",       words->user,   words->group,
                                "--init-groups", "--reset-env", "--"};
    _Static_assert(sizeof drop / sizeof drop[0] <= WRAP_WORDS, "argv is made long enough");
    memcpy(words->argv, drop, sizeof drop);
    return sizeof drop / sizeof drop[0];
}

static void words_make(const struct bsc_lib_program *program, struct words *words)
{
    size_t count = 0;
    while (program->argv[count] != NULL)
        count++;
    words->argv = bsc_mem_new(count + WRAP_WORDS + 1, sizeof *words->argv);
    if (program->host != NULL)
        wrap_in_ssh(program, words);
    else
        memcpy(words->argv + wrap_in_user(program, words), program->argv,
               count * sizeof *program->argv);
}

/* The far side is reached with the operator's own agent; nothing else of our environment is needed
 * by a command. */
static void make_environment(const char *entries[5], char *texts[3])
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

static int64_t time_for(const struct bsc_lib_call *call, const struct bsc_lib_program *program)
{
    int64_t left_ms = program->uncancelled ? 0 : bsc_lib_call_left_ms(call);
    if (left_ms != 0 && (program->timeout_ms == 0 || left_ms < program->timeout_ms))
        return left_ms;
    return program->timeout_ms;
}

bool bsc_lib_program_run(const struct bsc_lib_call *call, const struct bsc_lib_program *program,
                         struct bsc_process_result *result, struct bsc_err *err)
{
    const char *entries[5] = {NULL};
    char *texts[3] = {NULL};
    struct words words = {0};
    words_make(program, &words);
    make_environment(entries, texts);
    struct bsc_process_order order = {.argv = words.argv,
                                      .folder = call->env->folder,
                                      .env = entries,
                                      .timeout_ms = time_for(call, program),
                                      .output_max = OUTPUT_MAX,
                                      .cancel = program->uncancelled ? NULL : call->cancel,
                                      .input = program->input,
                                      .input_length =
                                          program->input == NULL ? 0 : strlen(program->input),
                                      .heard = program->heard,
                                      .heard_arg = program->heard_arg};
    bool good = program->changes && !program->leaves && call->env->lock != NULL
                    ? run_with_share(call, &order, words.remote != NULL, result, err)
                    : bsc_process_run(&order, result, err);
    /* What a program says becomes facts, and facts stand in plans, which hold no secret. */
    bsc_redact_apply(call->env->redactor, &result->out);
    bsc_redact_apply(call->env->redactor, &result->err);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        bsc_mem_free(texts[i]);
    words_release(&words);
    return good;
}

int64_t bsc_lib_program_exit(const struct bsc_process_result *result)
{
    return result->signal_number != 0 ? 128 + result->signal_number : result->exit_status;
}

bool bsc_lib_program_lost(const struct bsc_lib_program *program,
                          const struct bsc_process_result *result)
{
    return program->host != NULL && result->exit_status == SSH_FAILED;
}

const char *bsc_lib_program_last_line(const struct bsc_buf *text, size_t *ret_length)
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
