/*
 * What a mirror on PostgreSQL is told and what the program that makes one says: texts only.
 *
 * Nothing here touches a file or a server. May include base.
 */
#ifndef BSC_MIRRORS_PG_H
#define BSC_MIRRORS_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The way to a server, for whoever streams from it. All borrowed. */
struct bsc_mirrors_pg_way {
    const char *connection; /* its ODBC connection string, without password */
    const char *conninfo;   /* the same in libpq's words, which then count instead; or NULL */
    const char *name;       /* by which the server shall know who streams */
    const char *passfile;   /* where libpq finds the password; NULL where none is needed */
};

/* Appends the way in libpq's words; false when the connection string names no server, or the words
 * have the form of a URI, to which nothing can be appended. */
bool bsc_mirrors_pg_conninfo(const struct bsc_mirrors_pg_way *way, struct bsc_buf *out,
                             struct bsc_err *err);

/* Appends where a server listens, by its ODBC connection string: a socket's path, or HOST:PORT.
 * False when the string names no server, several, or when another place has a say in where it is: a
 * DSN, options of libpq's, the environment. */
bool bsc_mirrors_pg_address(const char *connection, struct bsc_buf *out);

/* Appends the line of a password file that holds the password for every server. */
bool bsc_mirrors_pg_passfile(const char *password, struct bsc_buf *out, struct bsc_err *err);

/* Appends what the settings `own` (of the server that was cloned, as ALTER SYSTEM keeps them)
 * become where a mirror streams by `conninfo`. */
void bsc_mirrors_pg_settings(const char *own, const char *conninfo, struct bsc_buf *out);

/* What a standby is told that takes its log from a folder. All borrowed. */
struct bsc_mirrors_pg_feed {
    const char *restore_command; /* NULL: the server's own */
    const char *timeline;        /* to follow, as recovery_target_timeline has it */
    int64_t handed_over_lsn;     /* 0: it was not handed over */
    int64_t follows;             /* timeline that its log goes on with; 0: not told */
    int64_t follows_lsn;         /* from there on */
};

/* Appends what the settings `own` become where the server is such a standby, or was one. */
void bsc_mirrors_pg_feed_settings(const char *own, const struct bsc_mirrors_pg_feed *feed,
                                  struct bsc_buf *out);

/* Appends the command that takes a log file from a folder. */
void bsc_mirrors_pg_restore_command(const char *folder, struct bsc_buf *out);

/* For whom commits are to wait where waiting for `names` did not come about: for whom they waited
 * before, but not for the same again, which is what a run leaves that was killed meanwhile.
 * Borrowed. */
const char *bsc_mirrors_pg_without(const char *names, const char *earlier);

/* Appends a value as PostgreSQL reads it in a statement. */
void bsc_mirrors_pg_literal(const char *value, struct bsc_buf *out);

/* Listens to what pg_basebackup --progress writes to standard error. */
struct bsc_mirrors_pg_ear {
    void (*progress)(void *arg, int64_t done_bytes, int64_t total_bytes);
    void *progress_arg;
    char line[512]; /* the one that is not at its end yet */
    size_t length;
    char words[512]; /* of what it said beside its progress: the first error, else the last line */
    bool is_error;
};
void bsc_mirrors_pg_hear(void *ear, const char *bytes, size_t length);

/* What pg_controldata tells of a data folder. */
struct bsc_mirrors_pg_control {
    char system[32]; /* identifier: what all copies of a database have in common */
    bool standby;    /* it has never been brought online */
    bool shut_down;  /* it was ended in good order while it was online */
    char file[32];   /* log file that holds the last checkpoint */
    int64_t lsn;     /* where the record of that checkpoint begins */
    int64_t segment; /* bytes of each log file */
};
/* False when the text is not pg_controldata's. */
bool bsc_mirrors_pg_control_read(const char *text, struct bsc_mirrors_pg_control *ret);

#endif
