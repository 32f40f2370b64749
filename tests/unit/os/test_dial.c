#include "unit.h"

#include "../silent.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/clock.h"
#include "os/dial.h"

enum { TIMEOUT_MS = 10000, SOON_MS = 100, ANSWER_MAX = 1000 };

struct peer {
    char *address;
    pid_t pid;
};

/* Takes one call, hears five bytes and answers, or says only half and stays for ever. */
static _Noreturn void serve(int listener, bool mute)
{
    char heard[6] = "";
    int caller = accept(listener, NULL, NULL);
    bool good = caller >= 0 && recv(caller, heard, 5, MSG_WAITALL) == 5;
    good = good && send(caller, "this ", 5, 0) == 5;
    while (mute)
        pause();
    good = good && strcmp(heard, "what?") == 0 && send(caller, "is it\n> ", 8, 0) == 8;
    _exit(good ? 0 : 1);
}

static pid_t listen_in_child(int fd, bool mute)
{
    assert_int_equal(listen(fd, 1), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        serve(fd, mute);
    close(fd);
    return pid;
}

static struct peer peer_on_path(void **state, bool mute)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct peer peer = {unit_path(*state, "socket"), 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(peer.address) < sizeof name.sun_path);
    memcpy(name.sun_path, peer.address, strlen(peer.address) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    peer.pid = listen_in_child(fd, mute);
    return peer;
}

static struct peer peer_on_port(bool mute)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    struct peer peer = {bsc_mem_format("127.0.0.1:%u", (unsigned)ntohs(name.sin_port)), 0};
    peer.pid = listen_in_child(fd, mute);
    return peer;
}

static void peer_end(struct peer *peer, bool mute)
{
    int status = 0;
    if (mute)
        kill(peer->pid, SIGKILL);
    assert_int_equal(waitpid(peer->pid, &status, 0), peer->pid);
    assert_true(mute || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    free(peer->address);
}

static enum bsc_err_code ask(const char *address, size_t answer_max, int64_t timeout_ms,
                             const atomic_bool *cancel, const char *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf answer;
    struct bsc_dial_order order = {
        .address = address, .answer_max = answer_max, .timeout_ms = timeout_ms, .cancel = cancel};
    bsc_buf_init(&answer);
    struct bsc_dial *dial = bsc_dial_open(&order, &err);
    bool ok = dial != NULL && bsc_dial_talk(dial, "what?", "\n> ", &answer, &err);
    if (ok)
        assert_string_equal(answer.data, expected);
    bsc_dial_close(dial);
    bsc_buf_release(&answer);
    return ok ? BSC_ERR_NONE : err.code;
}

static void a_question_is_answered_on_a_path(void **state)
{
    struct peer peer = peer_on_path(state, false);
    assert_int_equal(ask(peer.address, ANSWER_MAX, TIMEOUT_MS, NULL, "this is it"), BSC_ERR_NONE);
    peer_end(&peer, false);
}

static void a_question_is_answered_on_a_port(void **state)
{
    (void)state;
    struct peer peer = peer_on_port(false);
    assert_int_equal(ask(peer.address, ANSWER_MAX, TIMEOUT_MS, NULL, "this is it"), BSC_ERR_NONE);
    peer_end(&peer, false);
}

/* Takes one call and answers each question that ends with its line, until it is told to leave. */
static _Noreturn void converse(int listener)
{
    char heard = 0;
    int caller = accept(listener, NULL, NULL);
    while (recv(caller, &heard, 1, 0) == 1) {
        if (heard == 'q')
            _exit(send(caller, "half", 4, 0) == 4 ? 0 : 1);
        if (heard == '\n' &&
            (send(caller, "so be it\n", 9, 0) != 9 || send(caller, "> ", 2, 0) != 2))
            _exit(1);
    }
    _exit(0);
}

static struct peer peer_that_converses(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct peer peer = {unit_path(*state, "socket"), 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(peer.address) < sizeof name.sun_path);
    memcpy(name.sun_path, peer.address, strlen(peer.address) + 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 1), 0);
    peer.pid = fork();
    if (peer.pid == 0)
        converse(fd);
    close(fd);
    return peer;
}

static enum bsc_err_code talk(struct bsc_dial *dial, const char *question, const char *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf answer;
    bsc_buf_init(&answer);
    bool ok = bsc_dial_talk(dial, question, "\n> ", &answer, &err);
    if (ok)
        assert_string_equal(answer.data, expected);
    bsc_buf_release(&answer);
    return ok ? BSC_ERR_NONE : err.code;
}

static void several_questions_are_answered_over_one_connection(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct peer peer = peer_that_converses(state);
    struct bsc_dial_order order = {
        .address = peer.address, .answer_max = ANSWER_MAX, .timeout_ms = TIMEOUT_MS};
    struct bsc_dial *dial = bsc_dial_open(&order, &err);
    assert_non_null(dial);
    assert_int_equal(talk(dial, "first\n", "so be it"), BSC_ERR_NONE);
    assert_int_equal(talk(dial, "then\n", "so be it"), BSC_ERR_NONE);
    assert_int_equal(talk(dial, "q\n", ""), BSC_ERR_UNREACHABLE);
    bsc_dial_close(dial);
    peer_end(&peer, false);
}

static void an_answer_without_its_end_is_not_waited_for(void **state)
{
    struct peer peer = peer_on_path(state, true);
    assert_int_equal(ask(peer.address, ANSWER_MAX, SOON_MS, NULL, ""), BSC_ERR_TIMEOUT);
    peer_end(&peer, true);
}

/* However long a question may take, all of them together have an end. */
static void no_question_outlasts_the_deadline(void **state)
{
    enum { DIALLED_WITHIN_US = 1000000 };
    struct bsc_err err = BSC_ERR_INIT;
    const struct bsc_clock *clock = bsc_clock_real();
    struct peer peer = peer_on_path(state, true);
    struct bsc_dial_order order = {.address = peer.address,
                                   .answer_max = ANSWER_MAX,
                                   .timeout_ms = INT32_MAX,
                                   .deadline_us = clock->mono_us(clock->self) + DIALLED_WITHIN_US};
    struct bsc_dial *dial = bsc_dial_open(&order, &err);
    assert_non_null(dial);
    assert_int_equal(talk(dial, "what?", ""), BSC_ERR_TIMEOUT);
    bsc_dial_close(dial);
    peer_end(&peer, true);
}

static void an_answer_that_is_too_long_is_refused(void **state)
{
    struct peer peer = peer_on_path(state, false);
    assert_int_equal(ask(peer.address, 3, TIMEOUT_MS, NULL, ""), BSC_ERR_LIMIT);
    /* The peer may or may not have got rid of all its words. */
    waitpid(peer.pid, NULL, 0);
    free(peer.address);
}

static void who_does_not_answer_is_not_waited_for(void **state)
{
    atomic_bool cancel = true;
    struct peer peer = peer_on_path(state, true);
    assert_int_equal(ask(peer.address, ANSWER_MAX, SOON_MS, NULL, ""), BSC_ERR_TIMEOUT);
    assert_int_equal(ask(peer.address, ANSWER_MAX, TIMEOUT_MS, &cancel, ""), BSC_ERR_CANCELLED);
    peer_end(&peer, true);
    peer = peer_on_port(true);
    assert_int_equal(ask(peer.address, ANSWER_MAX, SOON_MS, NULL, ""), BSC_ERR_TIMEOUT);
    peer_end(&peer, true);
}

static void nobody_there_is_unreachable(void **state)
{
    char *nowhere = unit_path(*state, "nowhere");
    assert_int_equal(ask(nowhere, ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_UNREACHABLE);
    struct peer peer = peer_on_port(true);
    kill(peer.pid, SIGKILL);
    assert_int_equal(waitpid(peer.pid, NULL, 0), peer.pid);
    assert_int_equal(ask(peer.address, ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_UNREACHABLE);
    free(peer.address);
    free(nowhere);
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ask("localhost", ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_INVALID);
    assert_int_equal(ask("localhost:", ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_INVALID);
    assert_int_equal(ask(":1", ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_INVALID);
    char *path = bsc_mem_format("/%0200d", 1);
    assert_int_equal(ask(path, ANSWER_MAX, TIMEOUT_MS, NULL, ""), BSC_ERR_INVALID);
    bsc_mem_free(path);
}

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret);

/* "two.example" has the addresses 127.0.0.2 and 127.0.0.1. */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *wanted,
                       struct addrinfo **ret)
{
    if (strcmp(host, "two.example") != 0)
        return __real_getaddrinfo(host, port, wanted, ret);
    int rc = __real_getaddrinfo("127.0.0.2", port, wanted, ret);
    return rc != 0 ? rc : __real_getaddrinfo("127.0.0.1", port, wanted, &(*ret)->ai_next);
}

static void a_silent_address_leaves_time_for_the_next_one(void **state)
{
    enum { TWO_SECONDS_MS = 2000 };
    struct silent silent;
    struct bsc_buf answer;
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    struct peer peer = peer_on_port(false);
    const char *port = strchr(peer.address, ':') + 1;
    int64_t number = 0;
    assert_true(bsc_num_parse(port, strlen(port), &number));
    assert_true(silent_open(&silent, "127.0.0.2", (unsigned)number));
    char *address = bsc_mem_format("two.example:%s", port);
    const struct bsc_dial_order order = {
        .address = address, .answer_max = ANSWER_MAX, .timeout_ms = TWO_SECONDS_MS};
    struct bsc_dial *dial = bsc_dial_open(&order, &err);
    assert_non_null(dial);
    bsc_buf_init(&answer);
    assert_true(bsc_dial_talk(dial, "what?", "\n> ", &answer, &err));
    bsc_buf_release(&answer);
    bsc_dial_close(dial);
    silent_close(&silent);
    peer_end(&peer, false);
    bsc_mem_free(address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_question_is_answered_on_a_path),
        UNIT_IN_FOLDER(a_question_is_answered_on_a_port),
        UNIT_IN_FOLDER(several_questions_are_answered_over_one_connection),
        UNIT_IN_FOLDER(an_answer_without_its_end_is_not_waited_for),
        UNIT_IN_FOLDER(no_question_outlasts_the_deadline),
        UNIT_IN_FOLDER(an_answer_that_is_too_long_is_refused),
        UNIT_IN_FOLDER(who_does_not_answer_is_not_waited_for),
        UNIT_IN_FOLDER(nobody_there_is_unreachable),
        UNIT_IN_FOLDER(a_silent_address_leaves_time_for_the_next_one),
        UNIT_IN_FOLDER(what_is_no_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
