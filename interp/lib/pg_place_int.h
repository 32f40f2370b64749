/*
 * The folder of a PostgreSQL server and the programs that work on it, here or over ssh. Private to
 * the files of this room.
 *
 * Everything is done by programs that are given their arguments, so that it is the same here and
 * there, and done as the user to whom the folder belongs. Nothing is ever removed but single files
 * of ours: what is in the way is renamed.
 */
#ifndef BSC_LIB_PG_PLACE_INT_H
#define BSC_LIB_PG_PLACE_INT_H

#include "lib/program_int.h"
#include "mirrors/pg.h"

/* A file of ours in a data folder whose server has not begun to stream yet. */
#define BSC_LIB_PG_UNFINISHED "bascule.installing"

struct bsc_lib_pg_place {
    struct bsc_lib_call *call;   /* borrowed, as all else */
    const char *server;          /* its name in the site */
    const struct bsc_value *map; /* the server in the site */
    const char *folder;          /* its data folder, absolute */
};

/* What is in a data folder. */
enum bsc_lib_pg_content {
    BSC_LIB_PG_NOTHING,    /* it is empty, or not there */
    BSC_LIB_PG_INSTALLING, /* a mirror of ours that has not begun to stream */
    BSC_LIB_PG_CLUSTER,    /* a server's data */
    BSC_LIB_PG_SOMEBODYS   /* something else */
};

/* The place of a server that the site describes; false when it does not say enough. */
bool bsc_lib_pg_place_find(struct bsc_lib_call *call, const char *server,
                           struct bsc_lib_pg_place *ret, struct bsc_err *err);

/* Runs a program as the owner of the folder: `argv` (NULL-terminated) has the path of the program
 * in argv[0]. An end with another exit status than 0 is an error that says `what` could not be
 * done and quotes the program. */
bool bsc_lib_pg_place_do(const struct bsc_lib_pg_place *place, const char *what,
                         const char *const *argv, struct bsc_err *err);

/* The same for a `program` that is told more than its words: argv, input, heard…; host, user and
 * changes are filled in here. The caller releases *result in any case. */
bool bsc_lib_pg_place_run(const struct bsc_lib_pg_place *place, const char *what,
                          struct bsc_lib_program *program, struct bsc_process_result *result,
                          struct bsc_err *err);

/* Fills *err with what could not be done and what the program said of it. Returns false. */
bool bsc_lib_pg_place_complain(const struct bsc_lib_pg_place *place, const char *what,
                               const char *words, struct bsc_err *err);

/* Path of one of PostgreSQL's programs; returns owned. */
char *bsc_lib_pg_place_program(const struct bsc_lib_pg_place *place, const char *name);

/* What is in the folder, and, where it is somebody's, the name of one thing in it. */
bool bsc_lib_pg_place_look(const struct bsc_lib_pg_place *place, enum bsc_lib_pg_content *ret,
                           char ret_name[256], struct bsc_err *err);

bool bsc_lib_pg_place_control(const struct bsc_lib_pg_place *place,
                              struct bsc_mirrors_pg_control *ret, struct bsc_err *err);

/* Whether something has this path. */
bool bsc_lib_pg_place_has(const struct bsc_lib_pg_place *place, const char *path, bool *ret,
                          struct bsc_err *err);

/* Refuses a folder that a rename would not move: a file system of its own, or a symbolic link, of
 * which only the link would get another name. */
bool bsc_lib_pg_place_can_move(const struct bsc_lib_pg_place *place, struct bsc_err *err);

/* Renames `path` to the folder's name with a word and the time behind it, which no other thing has
 * yet; *ret_name (owned, may be NULL) is the new one. */
bool bsc_lib_pg_place_set_aside(const struct bsc_lib_pg_place *place, const char *path,
                                const char *word, char **ret_name, struct bsc_err *err);

/* Makes an empty file that its owner alone can read. */
bool bsc_lib_pg_place_make(const struct bsc_lib_pg_place *place, const char *path,
                           struct bsc_err *err);

/* Gives a file that is there another content, durably. */
bool bsc_lib_pg_place_fill(const struct bsc_lib_pg_place *place, const char *path, const char *text,
                           struct bsc_err *err);

/* Takes away what marks a mirror that has not begun to stream. */
bool bsc_lib_pg_place_finish(const struct bsc_lib_pg_place *place, struct bsc_err *err);

/* Whether a server's process works in the folder, whoever answers or does not. */
bool bsc_lib_pg_place_runs(const struct bsc_lib_pg_place *place, bool *ret, struct bsc_err *err);

/* Starts or ends the server as the site says, or by pg_ctl. One that does not run is ended. */
bool bsc_lib_pg_place_start(const struct bsc_lib_pg_place *place, struct bsc_err *err);
bool bsc_lib_pg_place_stop(const struct bsc_lib_pg_place *place, struct bsc_err *err);

#endif
