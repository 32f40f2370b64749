#include "os/address.h"

#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

static struct addrinfo *find(const char *address, const char *host, const char *port,
                             struct bsc_err *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, port, &wanted, &found);
    if (rc == 0)
        return found;
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "cannot find \"%s\": %s", address, gai_strerror(rc));
    err->retryable = rc == EAI_AGAIN ? BSC_RETRY_YES : BSC_RETRY_NO;
    return NULL;
}

struct addrinfo *bsc_address_find(const char *address, struct bsc_err *err)
{
    struct addrinfo *found = NULL;
    char *host = bsc_mem_text(address);
    char *colon = strrchr(host, ':');
    if (colon != NULL && colon > host && colon[1] != '\0') {
        char *name = host;
        *colon = '\0';
        if (host[0] == '[' && colon[-1] == ']') {
            colon[-1] = '\0';
            name++;
        }
        found = find(address, name, colon + 1, err);
    } else {
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is neither a path nor HOST:PORT", address);
    }
    bsc_mem_free(host);
    return found;
}
