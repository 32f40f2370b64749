#include "os/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/clock.h"

enum { LOOK_MS = 50, PIECE_BYTES = 16 * 1024 };

struct call {
    const struct bsc_dial_order *order;
    int fd;
    int64_t until_us;
};

static int64_t now_us(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self);
}

/* Waits in short pieces, so that a cancel is heard. */
static bool await(const struct call *call, short events, struct bsc_err *err)
{
    for (;;) {
        struct pollfd fd = {.fd = call->fd, .events = events};
        int64_t left_ms = (call->until_us - now_us()) / 1000;
        if (call->order->cancel != NULL && atomic_load(call->order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "the question to \"%s\" was cancelled",
                               call->order->address);
        if (left_ms <= 0)
            return bsc_err_set(err, BSC_ERR_TIMEOUT, "\"%s\" does not answer in time",
                               call->order->address);
        if (poll(&fd, 1, (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS)) > 0)
            return true;
    }
}

static bool unreachable(const struct call *call, int reason, struct bsc_err *err)
{
    bsc_err_sys(err, reason, "cannot connect to \"%s\"", call->order->address);
    err->code = BSC_ERR_UNREACHABLE;
    return false;
}

/* A unix socket whose queue is full says so at once instead of letting us wait. */
static bool connect_to(struct call *call, const struct sockaddr *name, socklen_t length,
                       struct bsc_err *err)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    call->fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (call->fd < 0)
        return bsc_err_sys(err, errno, "cannot make a socket");
    if (connect(call->fd, name, length) == 0)
        return true;
    if (errno != EINPROGRESS)
        return unreachable(call, errno, err);
    if (!await(call, POLLOUT, err))
        return false;
    if (getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
        reason = errno;
    return reason == 0 || unreachable(call, reason, err);
}

static void hang_up(struct call *call)
{
    if (call->fd >= 0)
        close(call->fd);
    call->fd = -1;
}

static bool connect_path(struct call *call, struct bsc_err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(call->order->address) >= sizeof name.sun_path)
        return bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is too long for the name of a socket",
                           call->order->address);
    memcpy(name.sun_path, call->order->address, strlen(call->order->address) + 1);
    return connect_to(call, (const struct sockaddr *)&name, sizeof name, err);
}

/* A host may have several addresses: the first that answers will do. */
static bool connect_any(struct call *call, const char *host, const char *port, struct bsc_err *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, port, &wanted, &found);
    if (rc != 0)
        return bsc_err_set(err, BSC_ERR_UNREACHABLE, "cannot find \"%s\": %s", call->order->address,
                           gai_strerror(rc));
    bool connected = false;
    for (struct addrinfo *each = found; each != NULL && !connected; each = each->ai_next) {
        hang_up(call);
        connected = connect_to(call, each->ai_addr, each->ai_addrlen, err);
    }
    freeaddrinfo(found);
    return connected;
}

static bool connect_host(struct call *call, struct bsc_err *err)
{
    char *host = bsc_mem_text(call->order->address);
    char *colon = strrchr(host, ':');
    bool ok = colon != NULL && colon > host && colon[1] != '\0';
    if (ok) {
        char *name = host;
        *colon = '\0';
        if (host[0] == '[' && colon[-1] == ']') {
            colon[-1] = '\0';
            name++;
        }
        ok = connect_any(call, name, colon + 1, err);
    } else {
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is neither a path nor HOST:PORT", host);
    }
    bsc_mem_free(host);
    return ok;
}

static bool say(const struct call *call, struct bsc_err *err)
{
    const char *rest = call->order->question;
    while (*rest != '\0') {
        ssize_t sent = send(call->fd, rest, strlen(rest), MSG_NOSIGNAL);
        if (sent > 0)
            rest += sent;
        else if (errno != EAGAIN && errno != EINTR)
            return unreachable(call, errno, err);
        else if (!await(call, POLLOUT, err))
            return false;
    }
    return true;
}

static bool hear(const struct call *call, struct bsc_buf *answer, struct bsc_err *err)
{
    for (;;) {
        if (!await(call, POLLIN, err))
            return false;
        ssize_t got = recv(call->fd, bsc_buf_room(answer, PIECE_BYTES), PIECE_BYTES, 0);
        if (got == 0)
            return true;
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return unreachable(call, errno, err);
        if (got > 0)
            bsc_buf_grown(answer, (size_t)got);
        if (answer->length > call->order->answer_max)
            return bsc_err_set(err, BSC_ERR_LIMIT, "the answer of \"%s\" is too long",
                               call->order->address);
    }
}

bool bsc_dial_ask(const struct bsc_dial_order *order, struct bsc_buf *answer, struct bsc_err *err)
{
    struct call call = {order, -1, now_us() + order->timeout_ms * 1000};
    bool ok = (order->address[0] == '/' ? connect_path(&call, err) : connect_host(&call, err)) &&
              say(&call, err) && hear(&call, answer, err);
    hang_up(&call);
    return ok;
}
