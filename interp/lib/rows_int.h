/*
 * The rows that the files of this room give to the table in row.c: one constant for each row,
 * defined in the file named above it.
 */
#ifndef BSC_LIB_ROWS_INT_H
#define BSC_LIB_ROWS_INT_H

#include "lib/row.h"

/* backups.c */
extern const struct bsc_lib_row bsc_lib_row_logs_apply;
extern const struct bsc_lib_row bsc_lib_row_logs_copy_state;
extern const struct bsc_lib_row bsc_lib_row_logs_end_sessions;
extern const struct bsc_lib_row bsc_lib_row_logs_recover;
extern const struct bsc_lib_row bsc_lib_row_logs_salvage;
extern const struct bsc_lib_row bsc_lib_row_logs_sessions;
extern const struct bsc_lib_row bsc_lib_row_logs_tail;

/* command.c */
extern const struct bsc_lib_row bsc_lib_row_command_probe;
extern const struct bsc_lib_row bsc_lib_row_command_run;

/* file.c */
extern const struct bsc_lib_row bsc_lib_row_file_copy;
extern const struct bsc_lib_row bsc_lib_row_file_remove;
extern const struct bsc_lib_row bsc_lib_row_file_state;

/* folder.c */
extern const struct bsc_lib_row bsc_lib_row_folder_list;

/* haproxy.c */
extern const struct bsc_lib_row bsc_lib_row_pools_haproxy;
extern const struct bsc_lib_row bsc_lib_row_pools_haproxy_set;

/* home.c */
extern const struct bsc_lib_row bsc_lib_row_logs_catch_up;
extern const struct bsc_lib_row bsc_lib_row_logs_hand_over;
extern const struct bsc_lib_row bsc_lib_row_logs_reopen;
extern const struct bsc_lib_row bsc_lib_row_logs_seed;
extern const struct bsc_lib_row bsc_lib_row_logs_ship_from;
extern const struct bsc_lib_row bsc_lib_row_logs_unseed;

/* mirrors.c */
extern const struct bsc_lib_row bsc_lib_row_mirrors_follow;
extern const struct bsc_lib_row bsc_lib_row_mirrors_install;
extern const struct bsc_lib_row bsc_lib_row_mirrors_remove;
extern const struct bsc_lib_row bsc_lib_row_mirrors_state;

/* pg_close.c */
extern const struct bsc_lib_row bsc_lib_row_standby_hand_over;
extern const struct bsc_lib_row bsc_lib_row_standby_reopen;

/* pg_follow.c */
extern const struct bsc_lib_row bsc_lib_row_mirrors_pg_follow;
extern const struct bsc_lib_row bsc_lib_row_mirrors_pg_waits;

/* pg_home.c */
extern const struct bsc_lib_row bsc_lib_row_standby_catch_up;
extern const struct bsc_lib_row bsc_lib_row_standby_go_on;
extern const struct bsc_lib_row bsc_lib_row_standby_ship_from;

/* pg_install.c */
extern const struct bsc_lib_row bsc_lib_row_mirrors_pg_make;
extern const struct bsc_lib_row bsc_lib_row_mirrors_pg_remove;

/* pg_seed.c */
extern const struct bsc_lib_row bsc_lib_row_standby_seed;
extern const struct bsc_lib_row bsc_lib_row_standby_unseed;

/* pools.c */
extern const struct bsc_lib_row bsc_lib_row_pools_state;
extern const struct bsc_lib_row bsc_lib_row_pools_update;

/* process.c */
extern const struct bsc_lib_row bsc_lib_row_process_begin;
extern const struct bsc_lib_row bsc_lib_row_process_end;
extern const struct bsc_lib_row bsc_lib_row_process_state;

/* listens.c */
extern const struct bsc_lib_row bsc_lib_row_server_listens;

/* shipping.c */
extern const struct bsc_lib_row bsc_lib_row_logs_chain;
extern const struct bsc_lib_row bsc_lib_row_logs_copy;
extern const struct bsc_lib_row bsc_lib_row_logs_ship;
extern const struct bsc_lib_row bsc_lib_row_logs_unship;

/* standby.c */
extern const struct bsc_lib_row bsc_lib_row_standby_clear;
extern const struct bsc_lib_row bsc_lib_row_standby_promote;
extern const struct bsc_lib_row bsc_lib_row_standby_prove;
extern const struct bsc_lib_row bsc_lib_row_standby_put_back;
extern const struct bsc_lib_row bsc_lib_row_standby_reset;

/* standby_order.c */
extern const struct bsc_lib_row bsc_lib_row_standby_order;

/* standby_replay.c */
extern const struct bsc_lib_row bsc_lib_row_standby_replay;

/* standby_set.c */
extern const struct bsc_lib_row bsc_lib_row_standby_set;

/* users.c */
extern const struct bsc_lib_row bsc_lib_row_users_move;

/* wal.c */
extern const struct bsc_lib_row bsc_lib_row_wal_compare;
extern const struct bsc_lib_row bsc_lib_row_wal_copy;
extern const struct bsc_lib_row bsc_lib_row_wal_own;
extern const struct bsc_lib_row bsc_lib_row_wal_end;
extern const struct bsc_lib_row bsc_lib_row_wal_history;

/* wal_commits.c */
extern const struct bsc_lib_row bsc_lib_row_wal_commits;

/* wal_tail.c */
extern const struct bsc_lib_row bsc_lib_row_wal_salvage;
extern const struct bsc_lib_row bsc_lib_row_wal_tail;

/* sql.c */
extern const struct bsc_lib_row bsc_lib_row_sql_each;
extern const struct bsc_lib_row bsc_lib_row_sql_execute;
extern const struct bsc_lib_row bsc_lib_row_sql_query;

#endif
