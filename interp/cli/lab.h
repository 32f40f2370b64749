/*
 * Practice sites. What they have in common, and the first of them: a small company's chat in two
 * data centres, on the embedded platform. lab_pg.h has the same on PostgreSQL, lab_mig.h the site
 * of a migration.
 *
 *   dc1/sql1/mgc.db       primary, with mgccomp.db beside it     dc1/sql2/mgc.db  its mirror
 *   dc2/sql3/mgc.db       log-shipped secondary (dc2/sql3/copied takes the copied backups)
 *   dc2/sql4/             where the new mirror will be           dc2/app/pool.db  the pool table
 *   backups/mgc/          the backup share                       office/ledger.db what the users'
 *   .lab/                 the lab's own memory                   clients were told is stored
 */
#ifndef BSC_CLI_LAB_H
#define BSC_CLI_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "sql/sql.h"

#define BSC_LAB_PRIMARY    "dc1/sql1/mgc.db"
#define BSC_LAB_COMPLIANCE "dc1/sql1/mgccomp.db"
#define BSC_LAB_MIRROR     "dc1/sql2/mgc.db"
#define BSC_LAB_SECONDARY  "dc2/sql3/mgc.db"
#define BSC_LAB_COPIED     "dc2/sql3/copied"
#define BSC_LAB_NEW_MIRROR "dc2/sql4/mgc.db"
#define BSC_LAB_POOL       "dc2/app/pool.db"
#define BSC_LAB_SHARE      "backups/mgc"
#define BSC_LAB_LEDGER     "office/ledger.db"
#define BSC_LAB_SITE       "site.yaml"
#define BSC_LAB_MARK       ".lab/made"
#define BSC_LAB_LOST       ".lab/lost"
#define BSC_LAB_FAULTS     ".lab/faults.json"
#define BSC_LAB_PIDS       ".lab/pids"
#define BSC_LAB_LOG        ".lab/log"

/* How many users the site of a migration may have. */
enum { BSC_LAB_USERS_MIN = 20, BSC_LAB_USERS_DEFAULT = 2000, BSC_LAB_USERS_MAX = 1000000 };

struct bsc_lab_kind;

struct bsc_lab {
    struct bsc_cli *cli;             /* borrowed */
    char *folder;                    /* owned: absolute */
    const struct bsc_lab_kind *kind; /* borrowed */
    int64_t users;                   /* of a new site of a migration */
};

/* A fault is a few moves of files. Each move is noted before it is made, with the fault that it
 * belongs to, as {from, to}, or {remove} for something that was added, or {mend} for what is no
 * file; repair takes them back in reverse order. */
struct bsc_lab_moves {
    const struct bsc_lab *lab; /* borrowed */
    struct bsc_value *list;    /* owned */
    const char *fault;         /* borrowed: the one that is being made */
};

/* Notes a move and makes it. Both are paths below the lab's folder. */
bool bsc_lab_move(struct bsc_lab_moves *moves, const char *from, const char *to,
                  struct bsc_err *err);
/* Notes a move that the caller makes; without `from`, that `to` is being added. */
bool bsc_lab_note(struct bsc_lab_moves *moves, const char *from, const char *to,
                  struct bsc_err *err);
/* Notes that repair has to call the fault's `mend`. */
bool bsc_lab_note_mend(struct bsc_lab_moves *moves, struct bsc_err *err);

/* What a fault goes with. */
enum bsc_lab_fault_kind {
    BSC_LAB_FAULT_WHOLE, /* nothing else is broken, and all is repaired at once */
    BSC_LAB_FAULT_LOSS,  /* of a data centre, in one way or another; others may be added */
    BSC_LAB_FAULT_ADDED, /* to a loss: where there is none yet, the first of the table is made */
    BSC_LAB_FAULT_ALONE, /* needs no loss, and may be added to anything */
};

struct bsc_lab_fault {
    const char *name;
    bool (*make)(struct bsc_lab_moves *moves, struct bsc_err *err);
    const char *said; /* what has happened, for people */
    enum bsc_lab_fault_kind kind;
    /* Says why it cannot be made here, before anything is broken; NULL: it always can. */
    bool (*can)(const struct bsc_lab *lab, struct bsc_err *err);
    /* Takes back what is no move of files; it may not have been made. NULL: there is nothing. */
    bool (*mend)(const struct bsc_lab *lab, struct bsc_err *err);
};

#define BSC_LAB_FAILOVER  "failover"
#define BSC_LAB_MIGRATION "migration"

/* What a practice site for one scenario is made of, on one platform. */
struct bsc_lab_kind {
    const char *scenario;
    const char *platform;                                         /* as in a site file */
    const char *mark;                                             /* what the lab's mark holds */
    const struct bsc_lab_fault *faults;                           /* ends with a NULL name */
    bool (*make)(const struct bsc_lab *lab, struct bsc_err *err); /* in its folder, still empty */
    bool (*work)(const struct bsc_lab *lab, const char *role, struct bsc_err *err);
    bool (*failed_over)(const struct bsc_lab *lab, bool *ret, struct bsc_err *err);
    /* Sees to it that an old primary cannot be written to when its data centre comes back after a
     * failover, wherever it lies now, and keeps it; NULL where the lab cannot. */
    bool (*fence)(const struct bsc_lab *lab, struct bsc_err *err);
    bool (*restart)(const struct bsc_lab *lab, struct bsc_err *err); /* once faults are undone */
    bool (*end)(const struct bsc_lab *lab, struct bsc_err *err);     /* every process of it */
    /* Adds what there is to be told of it. */
    bool (*gather)(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err);
    /* Shows that to people. */
    void (*show)(const struct bsc_lab *lab, const struct bsc_value *status);
    const struct bsc_lab_directory *directory; /* of a site of a migration; lab_mig.h */
};

extern const struct bsc_lab_kind bsc_lab_embedded;
extern const struct bsc_lab_kind bsc_lab_postgresql;
extern const struct bsc_lab_kind bsc_lab_migration;
extern const struct bsc_lab_kind bsc_lab_migration_postgresql;
extern const struct bsc_lab_fault bsc_lab_embedded_faults[];

/* Path of a thing of the lab; returns owned. */
char *bsc_lab_path(const struct bsc_lab *lab, const char *name);

/* Statements over ODBC, as the applications of the site would issue them. */
struct bsc_sql *bsc_lab_sql_open(const struct bsc_lab *lab, const char *database, bool create,
                                 struct bsc_err *err);
/* Runs statements one after another; the list ends with NULL. */
bool bsc_lab_sql_run(struct bsc_sql *sql, const char *const *statements, struct bsc_err *err);
/* The integer in the first column of the first row. */
bool bsc_lab_sql_number(struct bsc_sql *sql, const char *statement, int64_t *ret_number,
                        struct bsc_err *err);
/* Runs a statement with parameters (takes the list). The rows are a list of lists, and belong to
 * *ret, which the caller releases; NULL on failure. */
const struct bsc_value *bsc_lab_sql_ask(struct bsc_sql *sql, const char *statement,
                                        struct bsc_value *params, struct bsc_sql_result *ret,
                                        struct bsc_err *err);
/* Makes a database of these statements. */
bool bsc_lab_database_make(const struct bsc_lab *lab, const char *name,
                           const char *const *statements, struct bsc_err *err);

/* Writes site.yaml. */
bool bsc_lab_site_write(const struct bsc_lab *lab, struct bsc_err *err);

/* Makes these folders (the list ends with NULL) below the lab's own, then the mark by which the
 * folder says itself that it is a lab, and of which platform. */
bool bsc_lab_folders_make(const struct bsc_lab *lab, const char *const *folders,
                          struct bsc_err *err);

/* Makes the ledger of what the clients were told is stored. */
bool bsc_lab_ledger_make(const struct bsc_lab *lab, struct bsc_err *err);
/* Notes these messages in it. */
bool bsc_lab_acknowledge(struct bsc_sql *ledger, int64_t first, int64_t last, struct bsc_err *err);

/* Runs a statement whose two question marks are the ends of a range of messages. */
bool bsc_lab_sql_range(struct bsc_sql *sql, const char *statement, int64_t first, int64_t last,
                       struct bsc_err *err);

/* The embedded lab: its folder must be empty. */
bool bsc_lab_new(const struct bsc_lab *lab, struct bsc_err *err);

/* Makes a restoring copy of the primary. */
bool bsc_lab_seed(const struct bsc_lab *lab, const char *copy, struct bsc_err *err);

/* Performs a row of the host on two of the lab's databases, as a runbook would. */
bool bsc_lab_mirror(const struct bsc_lab *lab, const char *row, const char *principal,
                    const char *mirror, struct bsc_err *err);

/* Adds `count` messages to the primary in one commit and notes them in the clients' ledger. */
bool bsc_lab_add_messages(struct bsc_sql *primary, struct bsc_sql *ledger, int64_t count,
                          struct bsc_err *err);

/* The background processes: writer, copier of the mirror, a program that left the secondary open.
 */
bool bsc_lab_staff_start(const struct bsc_lab *lab, struct bsc_err *err);
/* Those that work on while the pool is failed over: the writer, who goes where the pool sends its
 * clients, and the copier of the secondary's mirror, where there is one. */
bool bsc_lab_staff_return(const struct bsc_lab *lab, struct bsc_err *err);
/* Ends those of the primary site, or all of them. */
bool bsc_lab_staff_end(const struct bsc_lab *lab, bool all, struct bsc_err *err);
/* Whether the named process (writer, session) is alive. */
bool bsc_lab_staff_alive(const struct bsc_lab *lab, const char *name);
/* Starts a program that goes on by itself, with its messages in `log` below the lab's folder, and
 * keeps its pid under this name. */
bool bsc_lab_staff_begin(const struct bsc_lab *lab, const char *name, const char *const *argv,
                         const char *log, struct bsc_err *err);
/* The same for a role of `bascule lab work`; waits until it says that it is ready. */
bool bsc_lab_staff_hire(const struct bsc_lab *lab, const char *role, struct bsc_err *err);
/* Ends the process of this name, if it lives. */
bool bsc_lab_staff_dismiss(const struct bsc_lab *lab, const char *name, struct bsc_err *err);
/* Whether a living process was started for this lab: a pid may belong to somebody else by now. */
bool bsc_lab_staff_owns(const struct bsc_lab *lab, pid_t pid);
/* A role says that it is ready. */
bool bsc_lab_staff_ready(const struct bsc_lab *lab, const char *role, struct bsc_err *err);
/* What such a process does until it is ended; `bascule lab work DIR ROLE`. */
bool bsc_lab_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err);

/* Makes a fault of the lab's platform. */
bool bsc_lab_break(const struct bsc_lab *lab, const char *fault, struct bsc_err *err);
/* Undoes that one, or all of them (NULL) and starts what is not running. */
bool bsc_lab_repair(const struct bsc_lab *lab, const char *fault, struct bsc_err *err);
/* Adds `faults`, the names of those that are there, to the status. */
bool bsc_lab_faults_tell(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err);

bool bsc_lab_status(const struct bsc_lab *lab, struct bsc_err *err);
/* Shows a status of copies: {copies: list of {title, state, messages?}, acknowledged, writer}. */
void bsc_lab_copies_show(const struct bsc_lab *lab, const struct bsc_value *status);

/* Adds the hint that `bascule lab WHAT FOLDER` does what is needed. Returns false. */
bool bsc_lab_hint(struct bsc_err *err, const char *what, const char *folder, const char *does);

#endif
