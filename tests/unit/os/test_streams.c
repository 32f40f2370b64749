#include "unit.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/streams.h"

enum { FILLED = 40, NOT_FILLED };

/* A child closes what the bits of `closed` say, so that the test keeps its own streams. */
static int in_a_child(int closed, bool (*good)(int fd, bool was_closed))
{
    pid_t pid = fork();
    if (pid == 0) {
        for (int fd = 0; fd < 3; fd++) {
            if ((closed & (1 << fd)) != 0)
                close(fd);
        }
        bool filled = bsc_streams_fill();
        for (int fd = 0; fd < 3; fd++)
            filled = filled && good(fd, (closed & (1 << fd)) != 0);
        _exit(filled ? FILLED : NOT_FILLED);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_taken(int fd, bool was_closed)
{
    (void)was_closed;
    return fcntl(fd, F_GETFD) != -1;
}

static bool cannot_be_used(int fd, bool was_closed)
{
    char byte = 'x';
    if (!was_closed)
        return true;
    return fd == 0 ? read(fd, &byte, 1) == -1 : write(fd, &byte, 1) == -1;
}

static void every_closed_stream_is_taken(void **state)
{
    (void)state;
    for (int closed = 0; closed < 8; closed++)
        assert_int_equal(in_a_child(closed, is_taken), FILLED);
}

static void a_stream_that_was_closed_cannot_be_used(void **state)
{
    (void)state;
    for (int closed = 0; closed < 8; closed++)
        assert_int_equal(in_a_child(closed, cannot_be_used), FILLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_closed_stream_is_taken),
        cmocka_unit_test(a_stream_that_was_closed_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
