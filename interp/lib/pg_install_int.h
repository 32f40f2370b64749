/*
 * A copy of a PostgreSQL server being made in the folder of another, as its mirror or as the other
 * side of its database. Private to the files of this room.
 */
#ifndef BSC_LIB_PG_INSTALL_INT_H
#define BSC_LIB_PG_INSTALL_INT_H

#include "lib/pg_place_int.h"
#include "lib/pg_wait_int.h"
#include "mirrors/pg.h"

struct bsc_lib_pg_install {
    struct bsc_lib_call *call;     /* borrowed */
    struct bsc_lib_pg_asked from;  /* the server that is copied */
    struct bsc_lib_pg_place to;    /* where the copy will be */
    const char *log;               /* borrowed: how its log comes, as pg_basebackup -X has it */
    char *temporary;               /* owned: folder of the copy until it is whole */
    char *passfile;                /* owned; NULL where there is no password */
    bool has_made_passfile;        /* none was there before */
    char *aside;                   /* owned: what was in the way, renamed; NULL: nothing was */
    bool is_back;                  /* the old one streams again */
    struct bsc_mirrors_pg_ear ear; /* what pg_basebackup says */
};

void bsc_lib_pg_install_release(struct bsc_lib_pg_install *install);

/* Renames what a copy left that was killed in its middle. */
bool bsc_lib_pg_install_clear_half(struct bsc_lib_pg_install *install, struct bsc_err *err);

/* Gives the copy's machine the password of the other one, if it has any. */
bool bsc_lib_pg_install_write_passfile(struct bsc_lib_pg_install *install, struct bsc_err *err);

/* Takes away the password that nobody is to have: of a copy that was not made, or, with `always`,
 * of one that does not ask the other server for anything. */
bool bsc_lib_pg_install_forget_passfile(const struct bsc_lib_pg_install *install, bool always,
                                        struct bsc_err *err);

/* Appends how libpq reaches the server that is copied, for whom it shall know by this name. */
bool bsc_lib_pg_install_conninfo(const struct bsc_lib_pg_install *install, const char *name,
                                 struct bsc_buf *out, struct bsc_err *err);

/* Refuses to copy a server with data outside of its folder: the copy's would be at the same path.
 */
bool bsc_lib_pg_install_has_no_tablespaces(const struct bsc_lib_pg_install *install,
                                           struct bsc_err *err);

/* Copies it in full into the temporary folder. */
bool bsc_lib_pg_install_copy(struct bsc_lib_pg_install *install, struct bsc_err *err);

#endif
