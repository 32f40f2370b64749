/*
 * The site: which data centres, servers, databases and pools there are.
 *
 * A site is read from one YAML file, checked against the schema (site/schema.h) and against itself,
 * and normalised into one map: every key present, defaults filled in, paths absolute, sizes in
 * bytes, durations in milliseconds, places kept. It never holds a secret, only references to them.
 * A loaded site does not change, so threads may share it. May include base, os and value.
 */
#ifndef BSC_SITE_SITE_H
#define BSC_SITE_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/redact.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_site;

/* What is wrong with a file, in order of line. Owned by the caller; `count` is 0 after init. */
struct bsc_site_errors {
    struct bsc_err *items; /* owned */
    size_t count;
    size_t capacity;
    bool more; /* there were more errors than are kept */
};
void bsc_site_errors_init(struct bsc_site_errors *errors);
void bsc_site_errors_release(struct bsc_site_errors *errors);

/* Reads and checks a site file; returns owned, NULL on failure with the first error in *err (and
 * in its detail how many more there are). `sys` is borrowed and must outlive the site. */
struct bsc_site *bsc_site_load(const struct bsc_sys *sys, const char *path, struct bsc_err *err);

/* The same with every error of the file. */
struct bsc_site *bsc_site_load_all(const struct bsc_sys *sys, const char *path,
                                   struct bsc_site_errors *errors);

/* The same from a text: `name` stands for the file in messages, `folder` is the absolute folder
 * that paths are relative to. */
struct bsc_site *bsc_site_parse(const struct bsc_sys *sys, const char *name, const char *folder,
                                const char *text, size_t length, struct bsc_site_errors *errors);

/* Accepts NULL. */
void bsc_site_free(struct bsc_site *site);

/* Each is borrowed from the site. */
const struct bsc_value *bsc_site_value(const struct bsc_site *site); /* the normalised map */
const char *bsc_site_folder(const struct bsc_site *site);            /* absolute */
const char *bsc_site_digest(const struct bsc_site *site);            /* SHA-256 of the file, hex */
const char *bsc_site_source(const struct bsc_site *site); /* the file's bytes and a NUL */
size_t bsc_site_source_length(const struct bsc_site *site);
const struct bsc_value *bsc_site_server(const struct bsc_site *site, const char *name);
const struct bsc_value *bsc_site_database(const struct bsc_site *site, const char *name);
const struct bsc_value *bsc_site_pool(const struct bsc_site *site, const char *name);

/* Appends the ODBC connection string for a database of a server. `file` (below the server's folder,
 * relative or absolute) is for platform sqlite, `database` for the others; both NULL leave the
 * choice to the server. The secret is looked up now, is known to `redactor` before anything else is
 * done with it, and stands in *ret_string: give that to bsc_site_string_wipe after use. */
bool bsc_site_connection(const struct bsc_site *site, const char *server, const char *file,
                         const char *database, struct bsc_buf *ret_string,
                         struct bsc_redactor *redactor, struct bsc_err *err);

/* Appends the password of a server, looked up now and known to `redactor`, or nothing where it has
 * no secret. Give the buffer to bsc_site_string_wipe after use. */
bool bsc_site_password(const struct bsc_site *site, const char *server, struct bsc_buf *ret_string,
                       struct bsc_redactor *redactor, struct bsc_err *err);

/* Overwrites the bytes and releases the buffer. */
void bsc_site_string_wipe(struct bsc_buf *string);

#endif
