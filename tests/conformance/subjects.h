/*
 * The subjects, file by file, and what they share. Private to the subjects.
 */
#ifndef BSC_CONFORM_SUBJECTS_H
#define BSC_CONFORM_SUBJECTS_H

#include "conform.h"

/* A runbook about the database and its pool, with one step that performs the action twice: the
 * second time shows what the twin has learnt of the first. `more` are keys of the step, or "". */
void conform_write_step(struct bsc_buf *runbook, const char *action, const char *more);

/* The first line of a runbook that is about neither. */
void conform_write_head(struct bsc_buf *runbook);

extern const struct conform_subject conform_log_shipping_remove;
extern const struct conform_subject conform_log_backups_copy;
extern const struct conform_subject conform_log_backups_apply;
extern const struct conform_subject conform_log_backups_salvage;
extern const struct conform_subject conform_sessions_kill_all;
extern const struct conform_subject conform_database_recover;
extern const struct conform_subject conform_pool_set_state;
extern const struct conform_subject conform_pool_set_active_servers;
extern const struct conform_subject conform_mirror_install;
extern const struct conform_subject conform_database_seed;
extern const struct conform_subject conform_database_catch_up;
extern const struct conform_subject conform_database_hand_over;
extern const struct conform_subject conform_database_reopen;
extern const struct conform_subject conform_log_shipping_install;
extern const struct conform_subject conform_mirror_remove;
extern const struct conform_subject conform_pool_close;
extern const struct conform_subject conform_haproxy_set_state;
extern const struct conform_subject conform_haproxy_set_active_servers;
extern const struct conform_subject conform_haproxy_close;
extern const struct conform_subject conform_sql_change;
extern const struct conform_subject conform_sql_facts;
extern const struct conform_subject conform_command_run;
extern const struct conform_subject conform_command_facts;
extern const struct conform_subject conform_file_copy;
extern const struct conform_subject conform_wait_until;
extern const struct conform_subject conform_ask;
extern const struct conform_subject conform_warn;
extern const struct conform_subject conform_verify;
extern const struct conform_subject conform_each;
extern const struct conform_subject conform_directory_back_up;
extern const struct conform_subject conform_inventory_take;
extern const struct conform_subject conform_caveats_show;
extern const struct conform_subject conform_services_start;
extern const struct conform_subject conform_deployment_retire;
extern const struct conform_subject conform_failover;

/* Not a primitive: one whose twin says something else than what happens, to show that it is found.
 */
extern const struct conform_subject conform_wrong;

#endif
