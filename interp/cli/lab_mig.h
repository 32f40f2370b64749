/*
 * The practice site of a migration: one directory that says which pool each user is at home in, a
 * legacy pool beside a new one, and clients that send messages through both all the time.
 *
 *   hq/directory.db     the directory, on the embedded platform; on PostgreSQL a server in hq
 *   office/messages.db  what became of each message, kept by the clients
 *   office/looks.db     what somebody saw who counts all the time in how many pools each user is
 */
#ifndef BSC_CLI_LAB_MIG_H
#define BSC_CLI_LAB_MIG_H

#include "base/buf.h"
#include "cli/lab.h"

#define BSC_LAB_MIG_HQ        "hq"
#define BSC_LAB_MIG_DIRECTORY "hq/directory.db"
#define BSC_LAB_MIG_MESSAGES  "office/messages.db"
#define BSC_LAB_MIG_LOOKS     "office/looks.db"
#define BSC_LAB_MIG_LEGACY    "pool01.litware.example"
#define BSC_LAB_MIG_NEW       "pool02.litware.example"
#define BSC_LAB_MIG_CLIENTS   "clients"
#define BSC_LAB_MIG_OBSERVER  "observer"

/* Where the directory is: what the platforms have different. */
struct bsc_lab_directory {
    bool (*make)(const struct bsc_lab *lab, struct bsc_err *err);  /* empty, and at work */
    bool (*start)(const struct bsc_lab *lab, struct bsc_err *err); /* unless it is at work */
    bool (*end)(const struct bsc_lab *lab, struct bsc_err *err);
    /* A connection that waits so long for another writer. */
    struct bsc_sql *(*open)(const struct bsc_lab *lab, int64_t patience_ms, struct bsc_err *err);
    bool (*site_server)(const struct bsc_lab *lab, struct bsc_buf *out, struct bsc_err *err);
    const char *now;             /* the time, as an expression of its language */
    const char *seconds;         /* the same, in seconds */
    const char *place;           /* of the directory on its server, for the site file */
    const char *const *settings; /* of the empty directory; ends with NULL, as the next two */
    const char *const *lock;     /* makes it refuse to move those in the table `locked` */
    const char *const *unlock;
};

/* Connects to the directory. */
struct bsc_sql *bsc_lab_mig_open(const struct bsc_lab *lab, struct bsc_err *err);

/* Runs statements in which $now and $seconds stand for the platform's own words. */
bool bsc_lab_mig_run(const struct bsc_lab *lab, struct bsc_sql *sql, const char *const *statements,
                     struct bsc_err *err);
/* Adds the text with those words. */
void bsc_lab_mig_fill(const struct bsc_lab *lab, const char *text, struct bsc_buf *out);

/* Makes the tables of the directory and their rows. */
bool bsc_lab_mig_directory_fill(const struct bsc_lab *lab, struct bsc_err *err);
/* Makes the databases of the office. */
bool bsc_lab_mig_office_make(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_site_write(const struct bsc_lab *lab, struct bsc_err *err);
/* Makes the folders and all that is the same on each platform and needs no directory yet. */
bool bsc_lab_mig_folders_make(const struct bsc_lab *lab, struct bsc_err *err);

/* The clients and the observer, who work until they are ended. */
bool bsc_lab_mig_talk(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_watch(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err);

/* Lets clients that are at work begin anew: when they are ready, what they report is what is so
 * now.
 */
bool bsc_lab_mig_clients_renew(const struct bsc_lab *lab, struct bsc_err *err);

/* The members of the kinds. */
bool bsc_lab_mig_new(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_failed_over(const struct bsc_lab *lab, bool *ret, struct bsc_err *err);
bool bsc_lab_mig_restart(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_end(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_mig_gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err);
void bsc_lab_mig_show(const struct bsc_lab *lab, const struct bsc_value *status);
extern const struct bsc_lab_fault bsc_lab_mig_faults[];

#endif
