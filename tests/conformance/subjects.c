#include "subjects.h"

#include <stdio.h>
#include <string.h>

#include "run/session.h"

const struct conform_subject *const conform_subjects[] = {&conform_log_shipping_remove,
                                                          &conform_log_backups_copy,
                                                          &conform_log_backups_apply,
                                                          &conform_log_backups_salvage,
                                                          &conform_sessions_kill_all,
                                                          &conform_database_recover,
                                                          &conform_pool_set_state,
                                                          &conform_pool_set_active_servers,
                                                          &conform_mirror_install,
                                                          &conform_database_seed,
                                                          &conform_database_catch_up,
                                                          &conform_database_hand_over,
                                                          &conform_database_reopen,
                                                          &conform_log_shipping_install,
                                                          &conform_mirror_remove,
                                                          &conform_pool_close,
                                                          &conform_haproxy_set_state,
                                                          &conform_haproxy_set_active_servers,
                                                          &conform_haproxy_close,
                                                          &conform_sql_change,
                                                          &conform_sql_facts,
                                                          &conform_command_run,
                                                          &conform_command_facts,
                                                          &conform_file_copy,
                                                          &conform_wait_until,
                                                          &conform_ask,
                                                          &conform_warn,
                                                          &conform_verify,
                                                          &conform_each,
                                                          &conform_directory_back_up,
                                                          &conform_inventory_take,
                                                          &conform_caveats_show,
                                                          &conform_services_start,
                                                          &conform_deployment_retire,
                                                          &conform_failover,
                                                          NULL};

void conform_write_head(struct bsc_buf *runbook)
{
    bsc_buf_add_text(runbook, "runbook \"conformance\" { summary = \"One case\" }\n");
}

void conform_write_step(struct bsc_buf *runbook, const char *action, const char *more)
{
    bsc_buf_printf(runbook,
                   "runbook \"conformance\" {\n"
                   "  summary = \"One case\",\n"
                   "  params = { pool = param.pool(), database = param.database() },\n"
                   "}\n"
                   "local db, chat = params.database, params.pool\n"
                   "step \"Act\" {\n"
                   "  %s,\n"
                   "  %s,\n"
                   "  %s\n"
                   "}\n",
                   action, action, more);
}

const struct conform_subject *conform_subject(const char *name)
{
    for (size_t i = 0; conform_subjects[i] != NULL; i++) {
        if (strcmp(conform_subjects[i]->name, name) == 0)
            return conform_subjects[i];
    }
    return NULL;
}

/* The names of the library's own list, which the reference is made of; returns owned. */
static struct bsc_value *vocabulary(void)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .look_only = true};
    struct bsc_value *none = bsc_value_map();
    conform_need(bsc_run_session_open(&session, &options, &err), "open", err.message);
    struct bsc_value *list = bsc_vm_call(session.vm, "primitives", none, &err);
    conform_need(list != NULL, "list the primitives", err.message);
    bsc_run_session_close(&session);
    bsc_value_free(none);
    return list;
}

/* A primitive may have further subjects, such as "pool.close@haproxy". */
static bool is_listed(const struct bsc_value *list, const char *subject)
{
    size_t length = strcspn(subject, "@");
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *name = bsc_value_get_string(bsc_value_at(list, i), "name");
        if (strlen(name) == length && strncmp(name, subject, length) == 0)
            return true;
    }
    return false;
}

static bool is_tested(const char *const *tested, const char *name)
{
    for (; *tested != NULL; tested++) {
        if (strcmp(*tested, name) == 0)
            return true;
    }
    return false;
}

static bool each_has_subject(const struct bsc_value *list)
{
    bool all = true;
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *name = bsc_value_get_string(bsc_value_at(list, i), "name");
        if (conform_subject(name) != NULL)
            continue;
        printf("%s has no conformance case; add a subject to tests/conformance\n", name);
        all = false;
    }
    return all;
}

bool conform_covered(const char *const *tested)
{
    struct bsc_value *list = vocabulary();
    bool all = each_has_subject(list);
    for (size_t i = 0; conform_subjects[i] != NULL; i++) {
        const struct conform_subject *subject = conform_subjects[i];
        bool known = subject->whole || is_listed(list, subject->name);
        if (!known)
            printf("%s is no primitive of the library\n", subject->name);
        if (!is_tested(tested, subject->name))
            printf("%s is not registered as a test\n", subject->name);
        all = all && known && is_tested(tested, subject->name);
    }
    bsc_value_free(list);
    return all;
}
