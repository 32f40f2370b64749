#include "os/attempt.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/address.h"
#include "os/clock.h"

enum { LOOK_MS = 50 };

struct bsc_attempt {
    struct pollfd *fds; /* owned: one for each address; below 0 once it has ended */
    nfds_t count;
    bool answered;
};

/* Only a machine that is gone is told of in these ways, after some seconds. */
static bool is_silence(int reason)
{
    return reason == ETIMEDOUT || reason == EHOSTUNREACH || reason == EHOSTDOWN;
}

static void end(struct bsc_attempt *attempt, struct pollfd *fd, int reason)
{
    attempt->answered = attempt->answered || !is_silence(reason);
    if (fd->fd >= 0)
        close(fd->fd);
    fd->fd = -1;
}

static void begin(struct bsc_attempt *attempt, struct pollfd *fd, const struct addrinfo *to)
{
    fd->events = POLLOUT;
    fd->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd->fd < 0)
        end(attempt, fd, errno);
    else if (connect(fd->fd, to->ai_addr, to->ai_addrlen) == 0)
        end(attempt, fd, 0);
    else if (errno != EINPROGRESS)
        end(attempt, fd, errno);
}

struct bsc_attempt *bsc_attempt_begin(const char *address, struct bsc_err *err)
{
    struct addrinfo *found = bsc_address_find(address, err);
    if (found == NULL)
        return NULL;
    struct bsc_attempt *attempt = bsc_mem_new(1, sizeof *attempt);
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        attempt->count++;
    attempt->fds = bsc_mem_new(attempt->count, sizeof *attempt->fds);
    nfds_t i = 0;
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        begin(attempt, &attempt->fds[i++], each);
    freeaddrinfo(found);
    return attempt;
}

static void hear(struct bsc_attempt *attempt, struct pollfd *fd)
{
    int reason = 0;
    socklen_t size = sizeof reason;
    if (fd->fd < 0 || fd->revents == 0)
        return;
    if (getsockopt(fd->fd, SOL_SOCKET, SO_ERROR, &reason, &size) != 0)
        reason = errno;
    end(attempt, fd, reason);
}

static int64_t now_ms(void)
{
    const struct bsc_clock *clock = bsc_clock_real();
    return clock->mono_us(clock->self) / 1000;
}

/* What has come already is heard, however little time there is. */
bool bsc_attempt_answered(struct bsc_attempt *attempt, int64_t within_ms, const atomic_bool *cancel)
{
    const int64_t until_ms = now_ms() + within_ms;
    int64_t left_ms = within_ms;
    do {
        int piece_ms = (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS);
        if (poll(attempt->fds, attempt->count, piece_ms) > 0) {
            for (nfds_t i = 0; i < attempt->count; i++)
                hear(attempt, &attempt->fds[i]);
        }
        left_ms = until_ms - now_ms();
    } while (!attempt->answered && bsc_attempt_goes_on(attempt) && left_ms > 0 &&
             (cancel == NULL || !atomic_load(cancel)));
    return attempt->answered;
}

bool bsc_attempt_goes_on(const struct bsc_attempt *attempt)
{
    for (nfds_t i = 0; i < attempt->count; i++) {
        if (attempt->fds[i].fd >= 0)
            return true;
    }
    return false;
}

void bsc_attempt_free(struct bsc_attempt *attempt)
{
    if (attempt == NULL)
        return;
    for (nfds_t i = 0; i < attempt->count; i++) {
        if (attempt->fds[i].fd >= 0)
            close(attempt->fds[i].fd);
    }
    bsc_mem_free(attempt->fds);
    bsc_mem_free(attempt);
}
