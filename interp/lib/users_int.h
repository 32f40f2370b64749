/*
 * Moving users by statements of the site: what the files about it share. Private to this room.
 */
#ifndef BSC_LIB_USERS_INT_H
#define BSC_LIB_USERS_INT_H

#include "lib/env.h"
#include "lib/row.h"
#include "pools/users.h"
#include "value/placeholders.h"

enum {
    BSC_LIB_USERS_MOVES_MAX = 16,
    BSC_LIB_USERS_RESTART = 6 /* times the patience with one statement: until a server that is
                                 started anew has to answer */
};

/* The statements, with whatever they are run on. */
struct bsc_lib_users_sql {
    struct bsc_lib_call *call; /* borrowed */
    struct bsc_lib_target target;
    const char *from; /* borrowed */
    const char *to;
    int64_t patience_ms; /* how long one statement may take */
    struct bsc_placeholders list;
    struct bsc_placeholders find;
    struct bsc_placeholders moves[BSC_LIB_USERS_MOVES_MAX];
    size_t move_count;
};

/* Takes the arguments find, list and move. Accepts a zeroed one to be released. */
bool bsc_lib_users_sql_read(struct bsc_lib_users_sql *sql, const struct bsc_value *args,
                            struct bsc_err *err);
void bsc_lib_users_sql_release(struct bsc_lib_users_sql *sql);

/* Connects on this thread, and fills the driver, which borrows `sql`. */
bool bsc_lib_users_sql_driver(struct bsc_lib_users_sql *sql, struct bsc_pools_users_driver *ret,
                              struct bsc_err *err);

/* In which pools somebody is, over the connection of this thread: an owned list of texts. */
bool bsc_lib_users_sql_find(struct bsc_lib_users_sql *sql, const char *name,
                            struct bsc_value **ret_pools, struct bsc_err *err);

/* Up to `limit` names behind `after`: an owned list. */
struct bsc_value *bsc_lib_users_sql_list(struct bsc_lib_users_sql *sql, const char *after,
                                         int64_t limit, struct bsc_err *err);

/* How a list of parameters is made for a statement; NULL is none. Returns owned. */
struct bsc_lib_users_values {
    const char *name;
    const char *from;
    const char *to;
    const char *pool;
    const char *after;
    int64_t limit;
};
struct bsc_value *bsc_lib_users_params(const struct bsc_placeholders *found,
                                       const struct bsc_lib_users_values *values);

/*
 * What journals say of parts. One reading of a journal keeps where its parts are, not their names,
 * in the order of their numbers.
 */
struct bsc_lib_users_part {
    int64_t effect; /* number of the change that began it */
    int64_t number;
    int64_t offset;         /* of its record in the journal */
    int64_t end_offset;     /* of that of its end; 0: there is none */
    struct bsc_value *told; /* owned: what was found out of one without an end; or NULL */
    bool mine;              /* of an earlier attempt of this very change, or, in the journal of
                               another run, of its own way back; else to be taken back */
    bool clean;             /* it ended, and nobody of it is left where it was */
    int64_t of_effect;      /* the part that it took back; 0: none of those that are read */
    int64_t of_part;
    bool taken; /* all of it has been taken back since */
};

/* Of whoever is moved, where nothing else is said. */
#define BSC_LIB_USERS_KIND "users"

struct bsc_lib_users_past {
    struct bsc_lib_call *call; /* borrowed */
    const char *from;          /* borrowed: of the change that reads it */
    const char *to;
    const char *kind;
    const char *directory;            /* or NULL */
    const struct bsc_value *wanted;   /* moved_by: whose moves are to be taken back; or NULL */
    char *path;                       /* owned: of the journal */
    char *run;                        /* owned: id of that run; NULL: it is this one */
    struct bsc_value *roles;          /* owned {effect=whether it is "mine"} */
    struct bsc_lib_users_part *parts; /* owned array, in the order of the journal */
    size_t count;
    size_t capacity;
    size_t at;                      /* the parts from here on were taken in hand */
    const char *of_run;             /* borrowed: whose parts are taken back; NULL: its own */
    struct bsc_lib_users_past *own; /* owned: of this run, where `run` is another; or NULL */
};

/* Reads the journal of this run and, where `moved_by` names another, of that one too, as far as the
 * way back is concerned. Release it in any case. */
bool bsc_lib_users_past_read(struct bsc_lib_users_past *past, struct bsc_err *err);
void bsc_lib_users_past_release(struct bsc_lib_users_past *past);

/* Settles the parts of this run that were in flight when it was stopped. */
bool bsc_lib_users_past_settle(struct bsc_lib_users_past *past,
                               const struct bsc_pools_users_order *order, struct bsc_err *err);

/* The names of the last part that has to be taken back and was not yet, the last first: owned; NULL
 * in *ret_names when there is none. *ret_of (owned) says which it is. */
bool bsc_lib_users_past_next(struct bsc_lib_users_past *past, struct bsc_value **ret_names,
                             struct bsc_value **ret_of, struct bsc_err *err);

#endif
