/*
 * What a site is made of: private to the files of this room.
 */
#ifndef BSC_SITE_SITE_INT_H
#define BSC_SITE_SITE_INT_H

#include "site/site.h"
#include "value/digest.h"

struct bsc_site {
    const struct bsc_sys *sys;   /* borrowed */
    char *folder;                /* owned; absolute */
    char *text;                  /* owned; the file's bytes and a NUL */
    size_t length;               /* bytes of text */
    char digest[BSC_DIGEST_HEX]; /* of the file's bytes */
    struct bsc_value *source;    /* owned; the file as it was written, with secret references */
    struct bsc_value *value;     /* owned; normalised */
};

#endif
