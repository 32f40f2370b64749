#include "os/dial.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/address.h"
#include "os/clock.h"

enum { LOOK_MS = 50, PIECE_BYTES = 16 * 1024 };

struct bsc_dial {
    struct bsc_dial_order order; /* its texts are borrowed */
    int fd;
    int64_t until_us; /* when the question under way is given up, or the address under trial */
};

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

/* Waits in short pieces, so that a cancel is heard. What has come already is taken, however little
 * time is left. */
static bool await(const struct bsc_dial *dial, short events, struct bsc_err *err)
{
    for (;;) {
        struct pollfd fd = {.fd = dial->fd, .events = events};
        int64_t left_ms = (dial->until_us - now_us()) / 1000;
        int piece_ms = (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS);
        if (dial->order.cancel != NULL && atomic_load(dial->order.cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "the question to \"%s\" was cancelled",
                               dial->order.address);
        if (poll(&fd, 1, left_ms > 0 ? piece_ms : 0) > 0)
            return true;
        if (left_ms <= 0)
            return bsc_err_set(err, BSC_ERR_TIMEOUT, "\"%s\" does not answer in time",
                               dial->order.address);
    }
}

static bool unreachable(const struct bsc_dial *dial, int reason, struct bsc_err *err)
{
    bsc_err_sys(err, reason, "cannot connect to \"%s\"", dial->order.address);
    err->code = BSC_ERR_UNREACHABLE;
    return false;
}

/* A unix socket whose queue is full says so at once instead of letting us wait. */
static bool connect_to(struct bsc_dial *dial, const struct sockaddr *name, socklen_t length,
                       struct bsc_err *err)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    dial->fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dial->fd < 0)
        return bsc_err_sys(err, errno, "cannot make a socket");
    if (connect(dial->fd, name, length) == 0)
        return true;
    if (errno != EINPROGRESS)
        return unreachable(dial, errno, err);
    if (!await(dial, POLLOUT, err))
        return false;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
        reason = errno;
    return reason == 0 || unreachable(dial, reason, err);
}

static void hang_up(struct bsc_dial *dial)
{
    if (dial->fd >= 0)
        close(dial->fd);
    dial->fd = -1;
}

static bool connect_path(struct bsc_dial *dial, struct bsc_err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(dial->order.address) >= sizeof name.sun_path)
        return bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is too long for the name of a socket",
                           dial->order.address);
    memcpy(name.sun_path, dial->order.address, strlen(dial->order.address) + 1);
    return connect_to(dial, (const struct sockaddr *)&name, sizeof name, err);
}

static int64_t count_of(const struct addrinfo *first)
{
    int64_t count = 0;
    for (; first != NULL; first = first->ai_next)
        count++;
    return count;
}

static void time_begins(struct bsc_dial *dial)
{
    int64_t deadline_us = dial->order.deadline_us;
    dial->until_us = now_us() + dial->order.timeout_ms * 1000;
    if (deadline_us != 0 && dial->until_us > deadline_us)
        dial->until_us = deadline_us;
}

/* A host may have several addresses: the first that answers will do. Of the time that is left each
 * has an even share, lest one that is silent takes all. */
static bool connect_host(struct bsc_dial *dial, struct bsc_err *err)
{
    struct addrinfo *found = bsc_address_find(dial->order.address, err);
    bool connected = false;
    time_begins(dial);
    const int64_t until_us = dial->until_us;
    for (struct addrinfo *each = found; each != NULL && !connected; each = each->ai_next) {
        hang_up(dial);
        dial->until_us = now_us() + (until_us - now_us()) / count_of(each);
        connected = connect_to(dial, each->ai_addr, each->ai_addrlen, err);
    }
    if (found != NULL)
        freeaddrinfo(found);
    return connected;
}

static bool say(const struct bsc_dial *dial, const char *question, struct bsc_err *err)
{
    while (*question != '\0') {
        ssize_t sent = send(dial->fd, question, strlen(question), MSG_NOSIGNAL);
        if (sent > 0)
            question += sent;
        else if (errno != EAGAIN && errno != EINTR)
            return unreachable(dial, errno, err);
        else if (!await(dial, POLLOUT, err))
            return false;
    }
    return true;
}

static bool ends_with(const struct bsc_buf *answer, const char *end)
{
    size_t length = strlen(end);
    return answer->length >= length &&
           memcmp(answer->data + answer->length - length, end, length) == 0;
}

/* Until the words of the end. */
static bool hear(const struct bsc_dial *dial, const char *end, struct bsc_buf *answer,
                 struct bsc_err *err)
{
    while (!ends_with(answer, end)) {
        if (!await(dial, POLLIN, err))
            return false;
        ssize_t got = recv(dial->fd, bsc_buf_room(answer, PIECE_BYTES), PIECE_BYTES, 0);
        if (got == 0)
            return bsc_err_set(err, BSC_ERR_UNREACHABLE, "\"%s\" has hung up", dial->order.address);
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return unreachable(dial, errno, err);
        if (got > 0)
            bsc_buf_grown(answer, (size_t)got);
        if (answer->length > dial->order.answer_max)
            return bsc_err_set(err, BSC_ERR_LIMIT, "the answer of \"%s\" is too long",
                               dial->order.address);
    }
    answer->length -= strlen(end);
    answer->data[answer->length] = '\0';
    return true;
}

static bool connect_to_address(struct bsc_dial *dial, struct bsc_err *err)
{
    time_begins(dial);
    return dial->order.address[0] == '/' ? connect_path(dial, err) : connect_host(dial, err);
}

struct bsc_dial *bsc_dial_open(const struct bsc_dial_order *order, struct bsc_err *err)
{
    struct bsc_dial *dial = bsc_mem_new(1, sizeof *dial);
    *dial = (struct bsc_dial){*order, -1, 0};
    if (connect_to_address(dial, err))
        return dial;
    bsc_dial_close(dial);
    return NULL;
}

bool bsc_dial_talk(struct bsc_dial *dial, const char *question, const char *end,
                   struct bsc_buf *answer, struct bsc_err *err)
{
    time_begins(dial);
    return say(dial, question, err) && hear(dial, end, answer, err);
}

void bsc_dial_close(struct bsc_dial *dial)
{
    if (dial != NULL)
        hang_up(dial);
    bsc_mem_free(dial);
}
