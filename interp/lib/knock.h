/*
 * Knocking at a server's door before a driver logs in there.
 *
 * The machines of a lost data centre say nothing at all, and a driver waits for its whole timeout
 * to find that out, each time anew, while nobody else can log in anywhere. A knock waits beside the
 * others and can be cancelled; and once it has waited in vain a watch goes on knocking there, so
 * that the next look soon after need not begin its waiting anew.
 */
#ifndef BSC_LIB_KNOCK_H
#define BSC_LIB_KNOCK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

struct bsc_lib_env;
struct bsc_lib_silences;

/* Who said nothing, and the watch over them. Both for lib/env.c. */
struct bsc_lib_silences *bsc_lib_silences_new(void);
void bsc_lib_silences_free(struct bsc_lib_silences *silences); /* accepts NULL */

/* False with BSC_ERR_UNREACHABLE (SQLSTATE 08001) where nothing is heard of the server over TCP for
 * its connect_timeout, 2 s at least, of which what the watch has waited for the same addresses
 * counts; but no look waits less than a tenth of it, or 250 ms. So it is where nobody can say now
 * what address a name has. BSC_ERR_CANCELLED once *cancel (borrowed, may be NULL) is set. How long
 * a name is looked up does not count, and cannot be cancelled. True as well where the driver knows
 * at once (a refusal, a socket's path, a name that does not exist) and where it alone knows the
 * address. Callable from any thread. */
bool bsc_lib_knock(struct bsc_lib_env *env, const char *server, const atomic_bool *cancel,
                   struct bsc_err *err);

#endif
