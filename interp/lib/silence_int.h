/*
 * The watch over servers that said nothing: it knocks at each of them every second, and leaves
 * every attempt the time in which a slow network would bring an answer. Private to this room.
 */
#ifndef BSC_LIB_SILENCE_INT_H
#define BSC_LIB_SILENCE_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/knock.h"
#include "os/attempt.h"

/* For how long nothing was heard, without a gap, of all addresses that the attempt (borrowed) has
 * begun with; 0 where they are not watched; below 0 where the server was heard. Callable from any
 * thread, as all of these. */
int64_t bsc_lib_silence_watched_ms(struct bsc_lib_silences *silences, const char *server,
                                   const struct bsc_attempt *attempt);

/* Takes an attempt that nobody has answered since `begun_us` (monotonic) and watches from then on,
 * if it does not yet. Attempts are kept for `whole_ms`. True where the server was heard meanwhile.
 */
bool bsc_lib_silence_watch(struct bsc_lib_silences *silences, const char *server,
                           struct bsc_attempt *attempt, int64_t begun_us, int64_t whole_ms);

/* The server was heard. */
void bsc_lib_silence_end(struct bsc_lib_silences *silences, const char *server);

#endif
