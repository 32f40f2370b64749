/*
 * What the three files about child processes share. For this room only.
 */
#ifndef BSC_OS_PROCESS_INT_H
#define BSC_OS_PROCESS_INT_H

#include <stdbool.h>

/* The environment of a child that is given none: PATH, HOME where we have one, LANG. */
struct bsc_process_env {
    char *entries[4]; /* owned texts, NULL-terminated */
};
void bsc_process_env_init(struct bsc_process_env *env);
void bsc_process_env_release(struct bsc_process_env *env);

/* A pipe that is closed on exec and clear of descriptors 0 to 2, which the child's own streams
 * would overwrite; false and errno on failure. */
bool bsc_process_pipe(int ret_ends[2]);

/* Closes what is open and says so. */
void bsc_process_close(int *fd);

#endif
