/*
 * The addresses of a host.
 */
#ifndef BSC_OS_ADDRESS_H
#define BSC_OS_ADDRESS_H

#include <netdb.h>

#include "base/err.h"

/* Those of HOST:PORT, for TCP; an IPv6 address stands in brackets. Blocks while the name is looked
 * up. Returns owned, to be freed by freeaddrinfo(); NULL with BSC_ERR_UNREACHABLE for a name that
 * nobody knows (retryable where only now nobody can say), and BSC_ERR_INVALID for a text of another
 * form. */
struct addrinfo *bsc_address_find(const char *address, struct bsc_err *err);

#endif
