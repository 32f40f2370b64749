/*
 * Everything that one invocation works with, opened together and closed together: the site, the
 * Lua state with its runbook, the loop, the hands.
 *
 * A session without a runbook can observe; one without a site can check and, given facts, plan.
 */
#ifndef BSC_RUN_SESSION_H
#define BSC_RUN_SESSION_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/redact.h"
#include "lib/env.h"
#include "os/loop.h"
#include "run/hands.h"
#include "site/site.h"
#include "value/digest.h"
#include "value/value.h"
#include "vm/vm.h"

struct bsc_run_session_options {
    const struct bsc_sys *sys; /* all borrowed for the session's life */
    const struct bsc_clock *clock;
    const struct bsc_sql_calls *sql_calls; /* NULL: the real ODBC */
    struct bsc_redactor *redactor;
    const char *site_path;       /* NULL: no site */
    const char *site_folder;     /* where its paths begin; NULL: the folder that it is in */
    const char *runbook_path;    /* NULL: no runbook */
    const char *modules_folder;  /* where its modules are; NULL: the folder that it is in */
    const struct bsc_value *set; /* {name=text} of --set, or NULL */
    bool look_only;              /* no hands: nothing real can be observed or changed */
    /* Filled with every error of a site file that is wrong; NULL: only the first is told. */
    struct bsc_site_errors *site_errors;
};

struct bsc_run_session {
    struct bsc_run_session_options with;
    struct bsc_site *site;       /* owned; NULL without a site */
    char *folder;                /* owned: where the runbook's modules are; or NULL */
    struct bsc_vm *vm;           /* owned */
    struct bsc_value *schema;    /* owned: {kind={key={…}}} */
    struct bsc_buf runbook_text; /* owned: the file as it was read */
    char runbook_digest[BSC_DIGEST_HEX];
    char library_digest[BSC_DIGEST_HEX]; /* of the embedded Lua files, names and bytes */
    struct bsc_value *listing;   /* owned: what loading the runbook gave; NULL without one */
    struct bsc_loop *loop;       /* owned; NULL when look_only */
    struct bsc_run_hands *hands; /* owned; NULL when look_only */
    bool looked;                 /* something of the site has been observed */
    struct bsc_lib_env env;
    char *own_path; /* owned */
};

/* Fills *session, which must be zeroed; close it in any case. A runbook with errors loads: see
 * bsc_run_session_errors. */
bool bsc_run_session_open(struct bsc_run_session *session,
                          const struct bsc_run_session_options *options, struct bsc_err *err);
void bsc_run_session_close(struct bsc_run_session *session);

/* The errors found in the runbook, a list of {file, line, text, message, hint}; borrowed; empty
 * when it is right. */
const struct bsc_value *bsc_run_session_errors(const struct bsc_run_session *session);

/* {name, summary, params, items}; borrowed. */
const struct bsc_value *bsc_run_session_runbook(const struct bsc_run_session *session);

/* What an entry function that takes the site, and yields nothing, gives; owned, NULL on failure. */
struct bsc_value *bsc_run_session_ask(struct bsc_run_session *session, const char *entry,
                                      struct bsc_err *err);

/* What is wrong with the site by these facts, whatever a runbook may do: a list of sentences.
 * Owned, NULL on failure. */
struct bsc_value *bsc_run_session_warnings(struct bsc_run_session *session,
                                           const struct bsc_value *facts, struct bsc_err *err);

/* The ids of every resource that the site has; owned, NULL on failure. */
struct bsc_value *bsc_run_session_resources(struct bsc_run_session *session, struct bsc_err *err);

/* Observes the resources of a list of ids. Runs the loop. Returns owned {id=facts}, NULL on
 * failure.
 */
struct bsc_value *bsc_run_session_look(struct bsc_run_session *session, const struct bsc_value *ids,
                                       struct bsc_err *err);

/* Performs a row that only looks. Runs the loop. Returns owned what it gives, NULL on failure. */
struct bsc_value *bsc_run_session_call(struct bsc_run_session *session,
                                       const struct bsc_lib_row *row, const struct bsc_value *args,
                                       struct bsc_err *err);

/* Observes every resource that the runbook speaks of or, without one, that the site has. Runs the
 * loop. Returns owned {id=facts}, NULL on failure. */
struct bsc_value *bsc_run_session_observe(struct bsc_run_session *session, struct bsc_err *err);

#endif
