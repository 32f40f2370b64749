/*
 * Making a mirror of a live database.
 */
#ifndef BSC_MIRRORS_INSTALL_H
#define BSC_MIRRORS_INSTALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mirrors/engine.h"
#include "os/sys.h"
#include "value/digest.h"

struct bsc_mirrors_install_order {
    const struct bsc_sys *sys; /* borrowed, as all the others */
    const struct bsc_mirrors_engine *engine;
    const char *principal; /* path of the live database */
    const char *mirror;    /* path of the mirror to make */
    struct bsc_mirrors_watch watch;
};

struct bsc_mirrors_installed {
    int64_t bytes;
    int64_t lsn;                 /* that the mirror holds */
    char sha256[BSC_DIGEST_HEX]; /* of the file that was checked and put in place */
};

/* Clones the principal into a temporary name beside the mirror, checks it, closes it to every
 * client, renames an existing mirror aside and puts the new one in place, all durable. The agent
 * of an existing mirror is ended first. The name never stands for a database that can be opened,
 * and a run that was killed leaves a temporary which the next one replaces. */
bool bsc_mirrors_install(const struct bsc_mirrors_install_order *order,
                         struct bsc_mirrors_installed *ret, struct bsc_err *err);

#endif
