/*
 * A machine that says nothing: packets that would open a connection are dropped, because the queue
 * of those who wait to be taken is full. For the computer that dials it is as if it were gone.
 */
#ifndef BSC_UNIT_SILENT_H
#define BSC_UNIT_SILENT_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct silent {
    struct sockaddr_in name;
    int listener;
    int caller; /* who fills the queue */
};

/* A queue of no length takes one. */
static inline bool silent_fall(struct silent *silent)
{
    silent->caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(silent->caller, (struct sockaddr *)&silent->name, sizeof silent->name) == 0;
}

/* At an address of the loopback network, such as "127.0.0.1", and a port, of which 0 is any. */
static inline bool silent_open(struct silent *silent, const char *address, unsigned port)
{
    socklen_t length = sizeof silent->name;
    *silent = (struct silent){.name = {.sin_family = AF_INET, .sin_port = htons((in_port_t)port)}};
    silent->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return inet_pton(AF_INET, address, &silent->name.sin_addr) == 1 &&
           bind(silent->listener, (struct sockaddr *)&silent->name, length) == 0 &&
           listen(silent->listener, 0) == 0 &&
           getsockname(silent->listener, (struct sockaddr *)&silent->name, &length) == 0 &&
           silent_fall(silent);
}

static inline unsigned silent_port(const struct silent *silent)
{
    return ntohs(silent->name.sin_port);
}

/* From now on one who dials is heard, or has dialled and is still trying. */
static inline void silent_speak(struct silent *silent)
{
    int taken = accept(silent->listener, NULL, NULL);
    close(taken);
    close(silent->caller);
    silent->caller = -1;
}

/* Whether somebody was, within that time: he fills the queue again. */
static inline bool silent_is_dialled(const struct silent *silent, int within_ms)
{
    struct pollfd listener = {.fd = silent->listener, .events = POLLIN};
    return poll(&listener, 1, within_ms) > 0;
}

static inline void silent_close(struct silent *silent)
{
    if (silent->caller >= 0)
        close(silent->caller);
    close(silent->listener);
}

#endif
