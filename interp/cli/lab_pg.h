/*
 * The practice site on PostgreSQL: real servers of one Debian machine, all on sockets below the
 * lab's folder, so that no port is taken and nobody else can connect.
 *
 *   dc1/sql1   primary          dc1/sql2   its mirror, streaming, synchronous
 *   dc2/sql3   secondary, fed from dc2/sql3/copied alone
 *   dc2/sql4   where its mirror will be
 *   backups/mgc                 the share: sql1 archives its log files here
 *   office/rw, office/ro        HAProxy: the clients' ways to the databases
 *   office/haproxy              its runtime socket; what it was told is in office/haproxy.state
 *
 * Each server's folder holds its socket, its messages (log) and its data (data). PostgreSQL does
 * not run as root: then servers, HAProxy and the lab's own processes work as the user postgres, to
 * whom the folder belongs.
 */
#ifndef BSC_CLI_LAB_PG_H
#define BSC_CLI_LAB_PG_H

#include "base/buf.h"
#include "cli/lab.h"

#define BSC_LAB_PG_PRIMARY    "dc1/sql1"
#define BSC_LAB_PG_MIRROR     "dc1/sql2"
#define BSC_LAB_PG_SECONDARY  "dc2/sql3"
#define BSC_LAB_PG_NEW_MIRROR "dc2/sql4"
#define BSC_LAB_PG_FRONT      "office/rw"
#define BSC_LAB_PG_READERS    "office/ro"
#define BSC_LAB_PG_RUNTIME    "office/haproxy"
#define BSC_LAB_PG_HAPROXY    "office/haproxy.cfg"
#define BSC_LAB_PG_STATES     "office/haproxy.state"
#define BSC_LAB_PG_COPY_JOB   "copier"
#define BSC_LAB_PG_SHIP       "ship" /* begins the copy job and ends */
#define BSC_LAB_PG_SLOW_SHARE "slow-share"
#define BSC_LAB_PG_COPIED     BSC_LAB_PG_SECONDARY "/copied"
#define BSC_LAB_PG_ELSEWHERE  ".lab/elsewhere"

/* Where the programs are. */
struct bsc_lab_pg_programs {
    char *server;  /* owned: path of "postgres" */
    char *initdb;  /* owned */
    char *haproxy; /* owned */
};

/* Finds the programs and the ODBC driver; what is missing is said with what installs it. */
bool bsc_lab_pg_programs_find(const struct bsc_lab *lab, struct bsc_lab_pg_programs *ret,
                              struct bsc_err *err);
void bsc_lab_pg_programs_release(struct bsc_lab_pg_programs *programs);

enum { BSC_LAB_PG_ARGV = 24 };
/* An argument list for a program that must not be root: `words` (NULL at the end), with what gives
 * up root in front where we are root. Its texts are borrowed. */
struct bsc_lab_pg_argv {
    const char *words[BSC_LAB_PG_ARGV];
};
void bsc_lab_pg_argv_make(struct bsc_lab_pg_argv *argv, const char *const *words);

/* Runs a program to its end, as is or without root; what it says in vain is in the error. */
bool bsc_lab_pg_run(const char *const *words, bool without_root, struct bsc_err *err);

/* Gives what root has made to the user that the servers work as. */
bool bsc_lab_pg_give(const struct bsc_lab *lab, struct bsc_err *err);

/* Whether paths below the folder can stand in settings and be names of sockets. */
bool bsc_lab_pg_folder_check(const struct bsc_lab *lab, struct bsc_err *err);

/* Adds the text, in which each @ before a slash stands for the lab's folder. */
void bsc_lab_pg_fill(const struct bsc_lab *lab, const char *text, struct bsc_buf *out);

/* Settings. `server` is one of the folders above. */
bool bsc_lab_pg_settings_write(const struct bsc_lab *lab, const char *server, struct bsc_err *err);
bool bsc_lab_pg_haproxy_write(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_pg_site_write(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                           struct bsc_err *err);

/* One server. `settings` are further arguments of postgres (NULL at the end), or NULL. */
bool bsc_lab_pg_server_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             const char *server, const char *const *settings, struct bsc_err *err);
/* Waits until it can be connected to. */
bool bsc_lab_pg_server_await(const struct bsc_lab *lab, const char *server, struct bsc_err *err);
bool bsc_lab_pg_server_alive(const struct bsc_lab *lab, const char *server);
/* Ends it in good order. */
bool bsc_lab_pg_server_stop(const struct bsc_lab *lab, const char *server, struct bsc_err *err);
/* All of its processes are gone at once, as when a machine loses its power. */
bool bsc_lab_pg_server_crash(const struct bsc_lab *lab, const char *server, struct bsc_err *err);

/* Connects to a database by way of a socket's folder. */
struct bsc_sql *bsc_lab_pg_open(const struct bsc_lab *lab, const char *folder, const char *database,
                                struct bsc_err *err);

/* Closes the log file in use, which archives it; its name is owned, NULL on failure. */
char *bsc_lab_pg_switch_log(struct bsc_sql *sql, struct bsc_err *err);
bool bsc_lab_pg_is_log_file(const char *name);

/* Adds messages first…last to the database in one commit. */
bool bsc_lab_pg_add_messages(struct bsc_sql *sql, int64_t first, int64_t last, struct bsc_err *err);

/* Whether the user that the servers work as can get to the folder, once it is theirs. */
bool bsc_lab_pg_can_enter(const struct bsc_lab *lab, struct bsc_err *err);
/* Makes an empty cluster in the folder `data` of a server's. */
bool bsc_lab_pg_cluster_make(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             const char *server, struct bsc_err *err);

bool bsc_lab_pg_new(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_pg_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err);
/* Has a lease on each file of the share, so that whoever opens one waits. */
bool bsc_lab_pg_slow_down(const struct bsc_lab *lab, struct bsc_err *err);
/* Starts HAProxy, the copy job and the clients, unless they run. */
bool bsc_lab_pg_staff_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                            struct bsc_err *err);
/* Starts those that work on while the pool is failed over: no log file is copied then. */
bool bsc_lab_pg_staff_return(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                             struct bsc_err *err);
/* Sees to it that the old primary comes back as one that nobody can write to. */
bool bsc_lab_pg_fence(const struct bsc_lab *lab, struct bsc_err *err);
/* HAProxy alone. */
bool bsc_lab_pg_haproxy_start(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                              struct bsc_err *err);
bool bsc_lab_pg_end(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_pg_gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err);

/* Faults of the share, of the disk that log files are copied to, and of timelines. */
bool bsc_lab_pg_lose_log(struct bsc_lab_moves *moves, struct bsc_err *err);
bool bsc_lab_pg_damage_log(struct bsc_lab_moves *moves, struct bsc_err *err);
bool bsc_lab_pg_mix_timelines(struct bsc_lab_moves *moves, struct bsc_err *err);
bool bsc_lab_pg_share_can_be_slow(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_pg_disk_can_fill(const struct bsc_lab *lab, struct bsc_err *err);
bool bsc_lab_pg_disk_fill(struct bsc_lab_moves *moves, struct bsc_err *err);
/* Gives the disk back its room, if it was filled. */
bool bsc_lab_pg_disk_free(const struct bsc_lab *lab, struct bsc_err *err);

#endif
