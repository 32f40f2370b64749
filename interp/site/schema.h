/*
 * What a site file may say: one table from which the loader checks and the reference is made.
 *
 * The table is constant data. Each key has a type, a default, a sentence for people, and, for
 * containers, the kind of object they hold. May include base, os and value.
 */
#ifndef BSC_SITE_SCHEMA_H
#define BSC_SITE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bsc_site_type {
    BSC_SITE_NAME,       /* [a-z][a-z0-9_-]{0,62} */
    BSC_SITE_TEXT,       /* text without control characters but line ends */
    BSC_SITE_SQL,        /* one SQL statement; may have several lines */
    BSC_SITE_STATEMENTS, /* an SQL statement or a list of them; a list in the normalised map */
    BSC_SITE_MEMBERS,    /* a list of names of any kind, or an SQL statement that gives them */
    BSC_SITE_TRUTH,      /* true or false */
    BSC_SITE_NUMBER,     /* whole number from `least` to `most` */
    BSC_SITE_SIZE,       /* "256MiB"; bytes in the normalised map */
    BSC_SITE_DURATION,   /* "5s"; milliseconds in the normalised map */
    BSC_SITE_PATH,       /* relative to the site's folder; absolute in the normalised map */
    BSC_SITE_FILE,       /* relative, below the server's folder, no ".." */
    BSC_SITE_IDENTIFIER, /* SQL identifier with an optional schema before a dot */
    BSC_SITE_CATALOG,    /* name of a database on a server */
    BSC_SITE_CONNECTION, /* ODBC connection string without password and database */
    BSC_SITE_SECRET,     /* env:NAME, file:PATH or command:…; only `true` in the normalised map */
    BSC_SITE_CHOICE,     /* one of `choices` */
    BSC_SITE_REFERENCE,  /* a key of the top-level map `target` */
    BSC_SITE_REFERENCES, /* list of distinct references, `least` to `most` of them */
    BSC_SITE_WORDS,      /* list of texts: a program and its arguments; empty when left out */
    BSC_SITE_OBJECT,     /* one object of the kind `of` */
    BSC_SITE_OBJECTS,    /* list of objects of the kind `of` */
    BSC_SITE_NAMED       /* map from names to objects of the kind `of` */
};

struct bsc_site_kind;

struct bsc_site_key {
    const char *name;
    enum bsc_site_type type;
    bool required;
    const char *preset;             /* default as one would write it, or NULL */
    const char *const *values;      /* for SQL and STATEMENTS: what stands in it as :name, ends with
                                       NULL; the first `least` of them are needed. NULL where the
                                       text is sent as it is. */
    const char *doc;                /* one sentence */
    const char *const *choices;     /* for CHOICE: NULL-terminated */
    const char *target;             /* for REFERENCE and REFERENCES: "servers" */
    const struct bsc_site_kind *of; /* for OBJECT, OBJECTS, NAMED */
    int64_t least;                  /* for NUMBER, REFERENCES and NAMED, and see `values` */
    int64_t most;                   /* for NUMBER and REFERENCES */
};

struct bsc_site_kind {
    const char *name;   /* "log shipping" */
    const char *anchor; /* "log-shipping": where the reference has its section */
    const char *doc;
    const struct bsc_site_key *keys;
    size_t count;
};

/* The whole file. */
const struct bsc_site_kind *bsc_site_schema(void);

/* Every kind of object in the order in which the reference describes them. */
const struct bsc_site_kind *const *bsc_site_kinds(size_t *ret_count);

/* The words for a type: "a size such as 256MiB". */
const char *bsc_site_type_words(enum bsc_site_type type);

/* The four roles that a copy of a database can have, NULL-terminated. */
const char *const *bsc_site_roles(void);

#endif
