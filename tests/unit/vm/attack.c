#include "attack.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"

/* Seconds of processor time, so that a busy machine changes little; a sanitizer needs more. They
 * are those of a processor on which `plain` takes so long. */
#ifdef SANITIZED
enum { DEADLINE_S = 10, PLAIN_MS = 150 };
#else
enum { DEADLINE_S = 2, PLAIN_MS = 60 };
#endif

/* The watchdog looks at the clock on the wall, and a busy machine is no attack. */
enum { PATIENCE_MS = 10 * 60 * 1000 };

static const char plain[] = "local t = {} for i = 1, 200000 do t[i % 64 + 1] = tostring(i) end "
                            "return true";

/* Half a core, or a slow machine, takes longer for everything, and is no attack either. */
static rlim_t deadline_s(void)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm *vm = vm_unit_open((struct bsc_vm_options){.wall_ms = PATIENCE_MS});
    clock_t before = clock();
    struct bsc_value *done = vm_unit_run(vm, plain, &err);
    clock_t took_ms = (clock() - before) * 1000 / CLOCKS_PER_SEC;
    assert_true(bsc_value_truth(done));
    bsc_value_free(done);
    bsc_vm_free(vm);
    /* The limit counts whole seconds, and what was taken for `plain` as well. */
    return (rlim_t)(DEADLINE_S * took_ms / PLAIN_MS + 1);
}

/* What the child does; the message goes where the parent reads. */
static _Noreturn void be_attacked(const struct attack *attack)
{
    struct bsc_err err = BSC_ERR_INIT;
    int outcome = FINE;
    const rlim_t deadline = deadline_s();
    setrlimit(RLIMIT_CPU, &(struct rlimit){deadline, deadline});
    struct bsc_vm_options options = attack->options;
    if (options.wall_ms == 0)
        options.wall_ms = PATIENCE_MS;
    struct bsc_vm *vm = vm_unit_open(options);
    struct bsc_value *result = vm_unit_run(vm, attack->text, &err);
    if (result == NULL)
        outcome = err.code == BSC_ERR_LIMIT ? STOPPED : REFUSED;
    else if (!bsc_value_truth(result))
        outcome = REFUSED;
    bsc_value_free(result);
    fprintf(stderr, "%s: %s\n", err.where, err.message);
    bsc_vm_free(vm);
    exit(outcome);
}

static void read_to_end(int fd, struct bsc_buf *out)
{
    for (;;) {
        ssize_t got = read(fd, bsc_buf_room(out, 4096), 4096);
        if (got <= 0)
            return;
        bsc_buf_grown(out, (size_t)got);
    }
}

void attack(const struct attack *attack)
{
    int ends[2];
    int status = 0;
    struct bsc_buf said;
    bsc_buf_init(&said);
    fflush(NULL);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        be_attacked(attack);
    }
    close(ends[1]);
    read_to_end(ends[0], &said);
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    bool right = WIFEXITED(status) && WEXITSTATUS(status) == (int)attack->expected;
    bool told = attack->part == NULL || strstr(said.data, attack->part) != NULL;
    if (!right || !told)
        print_error("%s: expected %d (%s), status %d, signal %d, said: %s\n", attack->name,
                    (int)attack->expected, attack->part,
                    WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                    WIFSIGNALED(status) ? WTERMSIG(status) : 0, said.data);
    bsc_buf_release(&said);
    assert_true(right);
    assert_true(told);
}
