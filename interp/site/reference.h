/*
 * The reference of the site file, written from the schema. May include base, os and value.
 */
#ifndef BSC_SITE_REFERENCE_H
#define BSC_SITE_REFERENCE_H

#include "base/buf.h"

/* Appends one Markdown section with a table of keys for each kind of object. */
void bsc_site_reference_write(struct bsc_buf *out);

#endif
