/*
 * The three standard streams of the process.
 */
#ifndef BSC_OS_STREAMS_H
#define BSC_OS_STREAMS_H

#include <stdbool.h>

/* Makes sure that descriptors 0, 1 and 2 are taken, so that no file opened later can become one of
 * them and receive what is meant for people. One that was closed is put on /dev/null the wrong way
 * round, so that using it fails as it did. To be called first, before anything is opened. False
 * when /dev/null cannot be opened: the process must then end. */
bool bsc_streams_fill(void);

#endif
