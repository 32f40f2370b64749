/*
 * Whole command lines with one call to the system or to the database failing, or the process
 * ending before it.
 *
 * Each attempt begins with the same small site, runs in a process of its own, and is judged by what
 * it leaves behind. Nothing here is a unit: the tables of calls are given to the command line as
 * the program would get the real ones.
 */
#ifndef BSC_FAULT_H
#define BSC_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../unit/fault_sys.h"
#include "base/buf.h"
#include "course.h"
#include "store.h"
#include "tree.h"

/* Ends the program when the test itself cannot go on. */
void fault_need(bool ok, const char *doing, const char *what);

/* All messages of a copy as one text. */
#define FAULT_MESSAGES                                                                             \
    "SELECT count(*) || ':' || group_concat(id || ' ' || text)"                                    \
    " FROM (SELECT id, text FROM message ORDER BY id)"

/* Forty messages in one commit, always the same ones. */
#define FAULT_MORE_MESSAGES                                                                        \
    "INSERT INTO message WITH RECURSIVE n(i) AS (SELECT coalesce(max(id), 0) + 1 FROM message"     \
    " UNION ALL SELECT i+1 FROM n WHERE i % 40 <> 0)"                                              \
    " SELECT i, 'line ' || i || ' of ' || (i * 7919 % 1000) FROM n"

/* Of a client, see client.h. */
enum { FAULT_COMMITS = 2 };

enum { FAULT_CALLS_MAX = 60000 };

enum fault_kind {
    FAULT_NONE, /* all calls are passed on, and noted */
    FAULT_SYS,  /* a call to the system fails */
    FAULT_SQL,  /* an ODBC call fails */
    FAULT_KILL, /* the process ends before a call to the system */
    FAULT_STOP  /* nothing fails; it begins with what a stopped run has left */
};

struct fault_order {
    enum fault_kind kind;
    unsigned long at;    /* which call, from 1 */
    int error;           /* errno */
    unsigned long kinds; /* of calls to the system that fail, one bit each; 0: all */
    const char *sqlstate;
    bool sticky;  /* all later ones fail as well; of EINTR, which is tried again, a good number */
    bool resumes; /* the run is gone on with afterwards; else a new one finishes its work */
    bool watched; /* all states in which it could be stopped are put into the store */
    const struct fault_state *from; /* borrowed: the one it begins with; NULL: an untouched site */
};

/* What came of a command line. Shared between the process that runs it and the one that judges. */
struct fault_result {
    bool ended;      /* the command line returned; otherwise the process was killed */
    int code;        /* exit code */
    int status;      /* of the process, as wait gives it */
    bool hit;        /* there was such a call */
    char failed[32]; /* its name */
    unsigned long sys_calls;
    unsigned long sql_calls;
    int descriptors;                      /* more open than before */
    unsigned char kinds[FAULT_CALLS_MAX]; /* enum unit_sys_kind of each call */
};

/* Where a test works. */
struct fault_bench {
    char *folder;                      /* owned: everything below is in it */
    char *site;                        /* owned: folder of the site */
    char *output;                      /* owned: file that takes what a command line prints */
    char *scratch;                     /* owned: folder in which copies are opened */
    char *no_locks;                    /* owned: an empty file */
    const struct fault_course *course; /* that the attempts take */
    char *runbook;                     /* owned: its path */
    struct fault_tree before;          /* the site that the course begins with */
    struct fault_tree alive;           /* the site while its primary still answers */
    struct fault_tree done;            /* the same after the course without any disturbance */
    char *messages[FAULT_COMMITS + 1]; /* owned: all messages of the site, each as one text, after
                                        * so many commits of its client */
    bool is_news;                      /* the state just offered to it was not known */
    struct fault_store *store;         /* owned; NULL where no state is kept */
    int session;                       /* pid of the program that has a copy open; 0: none */
    int64_t wall_ms;                   /* what the clock says in every attempt */
    struct fault_result *result;       /* shared with the attempts */
    char failed[32];      /* name of the call that failed in the attempt being judged */
    bool thorough;        /* every call, however long it takes */
    unsigned long points; /* attempts so far that were disturbed */
    unsigned long failures;
};

/* Runs a command line in a process of its own and waits for it; the words end with NULL. Fills
 * bench->result and the file bench->output. */
void fault_run(struct fault_bench *bench, const struct fault_order *order,
               const char *const *words);

/* What the last command line printed; owned. */
char *fault_output(const struct fault_bench *bench);

/* Tells of a finding, once for each attempt, with the end of what the command line printed. */
void fault_complain(struct fault_bench *bench, const struct fault_order *order, const char *verb,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "call 12 (fsync) fails with EIO", for people. */
void fault_describe(const struct fault_bench *bench, const struct fault_order *order,
                    struct bsc_buf *text);

/* Makes the site that has lost its primary in bench->site, and bench->alive and before. */
void fault_site_make(struct fault_bench *bench);
/* Parts of the site, for courses that begin otherwise: a folder, a copy of a file with its times, a
 * database that is closed to all clients. */
void fault_site_folder(const struct fault_bench *bench, const char *name);
void fault_site_copy(const struct fault_bench *bench, const char *from, const char *to);
void fault_site_close(const struct fault_bench *bench, const char *name);
/* Carries out statements on a database, which need not be there yet. */
void fault_site_database(const struct fault_bench *bench, const char *name, const char *sql);
/* Writes a file, wherever it is. */
void fault_site_text(const char *path, const char *text, size_t length);

#endif
