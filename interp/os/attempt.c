#include "os/attempt.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/address.h"
#include "os/clock.h"

enum { LOOK_MS = 50 };

struct place {
    struct sockaddr_storage name; /* zeroes behind it */
    socklen_t length;
};

struct bsc_attempt {
    struct pollfd *fds;   /* owned: one for each address; below 0 once it has ended */
    struct place *places; /* owned: those addresses */
    nfds_t count;
    bool answered;
};

/* No way to the host, or no machine in its place: nothing of it was heard. */
static bool is_silence(int reason)
{
    return reason == ETIMEDOUT || reason == EHOSTUNREACH || reason == EHOSTDOWN ||
           reason == ENETUNREACH;
}

/* This machine itself has no network of that kind: the address says nothing of the host. */
static bool is_no_way_out(int reason)
{
    return reason == ENETUNREACH || reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL;
}

static void end(struct bsc_attempt *attempt, struct pollfd *fd, int reason)
{
    attempt->answered = attempt->answered || !is_silence(reason);
    if (fd->fd >= 0)
        close(fd->fd);
    fd->fd = -1;
}

static struct bsc_attempt *attempt_new(size_t count)
{
    struct bsc_attempt *attempt = bsc_mem_new(1, sizeof *attempt);
    attempt->fds = bsc_mem_new(count, sizeof *attempt->fds);
    attempt->places = bsc_mem_new(count, sizeof *attempt->places);
    return attempt;
}

/* An address to which there is no way out is left aside. */
static void begin(struct bsc_attempt *attempt, const struct sockaddr *name, socklen_t length)
{
    struct pollfd *fd = &attempt->fds[attempt->count];
    struct place *place = &attempt->places[attempt->count];
    int reason = 0;
    fd->events = POLLOUT;
    fd->fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd->fd < 0 || connect(fd->fd, name, length) != 0)
        reason = errno;
    if (is_no_way_out(reason)) {
        if (fd->fd >= 0)
            close(fd->fd);
        return;
    }
    memcpy(&place->name, name, length);
    place->length = length;
    attempt->count++;
    if (reason != EINPROGRESS)
        end(attempt, fd, reason);
}

struct bsc_attempt *bsc_attempt_begin(const char *address, struct bsc_err *err)
{
    struct addrinfo *found = bsc_address_find(address, err);
    size_t count = 0;
    if (found == NULL)
        return NULL;
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        count++;
    struct bsc_attempt *attempt = attempt_new(count);
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next)
        begin(attempt, each->ai_addr, each->ai_addrlen);
    attempt->answered = attempt->answered || attempt->count == 0;
    freeaddrinfo(found);
    return attempt;
}

struct bsc_attempt *bsc_attempt_again(const struct bsc_attempt *attempt)
{
    struct bsc_attempt *again = attempt_new(attempt->count);
    for (nfds_t i = 0; i < attempt->count; i++)
        begin(again, (const struct sockaddr *)&attempt->places[i].name, attempt->places[i].length);
    again->answered = again->answered || again->count == 0;
    return again;
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

static bool goes_on(const struct bsc_attempt *attempt)
{
    for (nfds_t i = 0; i < attempt->count; i++) {
        if (attempt->fds[i].fd >= 0)
            return true;
    }
    return false;
}

static void look(struct bsc_attempt *attempt, int within_ms)
{
    int heard = poll(attempt->fds, attempt->count, within_ms);
    for (nfds_t i = 0; heard > 0 && i < attempt->count; i++)
        hear(attempt, &attempt->fds[i]);
    if (heard < 0 && errno != EINTR)
        attempt->answered = true;
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
    bool in_time = true;
    while (in_time && !attempt->answered && goes_on(attempt) &&
           (cancel == NULL || !atomic_load(cancel))) {
        const int64_t left_ms = until_ms - now_ms();
        in_time = left_ms > 0;
        look(attempt, in_time ? (int)(left_ms < LOOK_MS ? left_ms : LOOK_MS) : 0);
    }
    return attempt->answered;
}

static bool is_to(const struct bsc_attempt *attempt, const struct place *place)
{
    for (nfds_t i = 0; i < attempt->count; i++) {
        if (memcmp(&attempt->places[i].name, &place->name, sizeof place->name) == 0)
            return true;
    }
    return false;
}

bool bsc_attempt_covers(const struct bsc_attempt *attempt, const struct bsc_attempt *other)
{
    for (nfds_t i = 0; i < other->count; i++) {
        if (!is_to(attempt, &other->places[i]))
            return false;
    }
    return true;
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
    bsc_mem_free(attempt->places);
    bsc_mem_free(attempt);
}
