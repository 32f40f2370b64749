/*
 * Checks a parsed site file against the schema and itself, and normalises it: the work behind
 * bsc_site_parse. Collects errors instead of stopping at the first. May include base, os and value.
 */
#ifndef BSC_SITE_CHECK_H
#define BSC_SITE_CHECK_H

#include "site/schema.h"
#include "site/site.h"

struct bsc_site_check {
    const char *name;               /* borrowed: the file's name for messages */
    const char *folder;             /* borrowed: absolute, what paths are relative to */
    const struct bsc_value *source; /* borrowed: the parsed file */
    struct bsc_site_errors *errors; /* borrowed */
    struct bsc_buf path;            /* where in the tree the check stands: "databases.mgc" */
};

/* Returns the normalised map, owned; whole only when no error was added. */
struct bsc_value *bsc_site_check_schema(struct bsc_site_check *check);

/* What one key alone cannot tell: platforms, files, paths used twice, links, pools. `site` is the
 * normalised map, to which the absolute path of each database file is added. */
void bsc_site_check_cross(struct bsc_site_check *check, struct bsc_value *site);

/* The same of the directories. */
void bsc_site_check_directories(struct bsc_site_check *check, struct bsc_value *site);

/* Whoever names a server to hold a database, as `file` or under `database_key`, needs one that can;
 * adds the absolute path of the file. `what` is who names it, such as "databases.mgc.primary". */
void bsc_site_check_store(struct bsc_site_check *check, const struct bsc_value *site,
                          const char *what, const char *database_key, struct bsc_value *user);

/* Adds an error and returns it for a hint; borrowed until the next one is added. */
struct bsc_err *bsc_site_problem(struct bsc_site_check *check, struct bsc_value_place place,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Reads one value that is neither list nor map of its own; returns owned, never NULL. `key` tells
 * the type. */
struct bsc_value *bsc_site_scalar(struct bsc_site_check *check, const struct bsc_site_key *key,
                                  const struct bsc_value *raw);

/* Read one value of the type STATEMENTS or MEMBERS; return owned, never NULL. */
struct bsc_value *bsc_site_statements(struct bsc_site_check *check, const struct bsc_site_key *key,
                                      const struct bsc_value *raw);
struct bsc_value *bsc_site_members(struct bsc_site_check *check, const struct bsc_site_key *key,
                                   const struct bsc_value *raw);

/* Whether the statements, a list of texts, use the values of the key, and no others. */
void bsc_site_values_check(struct bsc_site_check *check, const struct bsc_site_key *key,
                           const struct bsc_value *statements, struct bsc_value_place place);

/* A reference to a key of the top-level map `target`; adds an error when there is none. */
bool bsc_site_name_known(struct bsc_site_check *check, const char *target,
                         const struct bsc_value *raw);

/* "Did you mean ...?" from the keys of a map, or nothing when none is near. */
void bsc_site_suggest(struct bsc_err *err, const char *name, const struct bsc_value *map);

/* Whether a text is a reference to a secret that bsc_secret_resolve understands. */
bool bsc_site_secret_valid(const char *reference);

#endif
