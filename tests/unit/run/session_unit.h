/*
 * A session on a small site in the test's folder: a runbook, the real library, the real rows.
 */
#ifndef BSC_UNIT_RUN_SESSION_H
#define BSC_UNIT_RUN_SESSION_H

#include "run_unit.h"

#include "base/mem.h"
#include "run/plan.h"
#include "run/session.h"

static const char stage_site[] = "site: stage\n"
                                 "data_centres:\n"
                                 "  dc1: { title: A }\n"
                                 "servers:\n"
                                 "  db: { data_centre: dc1, platform: sqlite, folder: ., "
                                 "connection: \"Driver=SQLite3\" }\n";

struct stage {
    const char *folder; /* borrowed: the test's own */
    char *site, *book;  /* paths */
    char *from, *to;    /* of the file that most runbooks copy; `from` is there */
    struct bsc_redactor *redactor;
    struct bsc_value *set;
    struct bsc_run_session_options options;
    struct bsc_run_session session;
};

static inline void put_text(const char *path, const char *text)
{
    unit_file_put(path, text, strlen(text));
}

/* Writes the runbook; each `@` in it stands for the test's folder. */
static inline void stage_book(struct stage *stage, const char *text)
{
    struct bsc_buf book;
    bsc_buf_init(&book);
    for (; *text != '\0'; text++) {
        if (*text == '@')
            bsc_buf_add_text(&book, stage->folder);
        else
            bsc_buf_add_char(&book, *text);
    }
    put_text(stage->book, book.data);
    bsc_buf_release(&book);
}

static inline void stage_set(struct stage *stage, void **state, const char *book)
{
    memset(stage, 0, sizeof *stage);
    stage->folder = *state;
    stage->site = unit_path(*state, "site.yaml");
    stage->book = unit_path(*state, "book.lua");
    stage->from = unit_path(*state, "from");
    stage->to = unit_path(*state, "to");
    stage->redactor = bsc_redactor_new();
    stage->set = bsc_value_map();
    put_text(stage->site, stage_site);
    put_text(stage->from, "hello");
    stage_book(stage, book);
    stage->options.sys = bsc_sys_real();
    stage->options.clock = bsc_clock_real();
    stage->options.redactor = stage->redactor;
    stage->options.site_path = stage->site;
    stage->options.runbook_path = stage->book;
    stage->options.set = stage->set;
}

static inline void stage_strike(struct stage *stage)
{
    bsc_run_session_close(&stage->session);
    bsc_value_free(stage->set);
    bsc_redactor_free(stage->redactor);
    free(stage->site);
    free(stage->book);
    free(stage->from);
    free(stage->to);
}

static inline bool stage_try(struct stage *stage, struct bsc_err *err)
{
    bsc_run_session_close(&stage->session);
    return bsc_run_session_open(&stage->session, &stage->options, err);
}

/* Opens the session of a runbook that is right. */
static inline void stage_open(struct stage *stage)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!stage_try(stage, &err))
        fail_msg("%s: %s: %s", err.where, err.message, err.cause);
    const struct bsc_value *errors = bsc_run_session_errors(&stage->session);
    for (size_t i = 0; i < bsc_value_count(errors); i++)
        print_error("%s\n", bsc_value_get_string(bsc_value_at(errors, i), "message"));
    assert_int_equal(bsc_value_count(errors), 0);
}

static inline struct bsc_value *stage_observe(struct stage *stage)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = bsc_run_session_observe(&stage->session, &err);
    if (facts == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    return facts;
}

static inline struct bsc_value *stage_plan(struct stage *stage)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *plan = bsc_run_plan_make(&stage->session, stage_observe(stage), &err);
    if (plan == NULL)
        fail_msg("%s: %s", err.message, err.cause);
    return plan;
}

#define COPY_BOOK                                                                                  \
    "runbook \"copy\" { summary = \"Copy one file\",\n"                                            \
    "  params = { times = param.integer { default = 3 } } }\n"                                     \
    "step \"Copy the file\" { file.copy { from = \"@/from\", to = \"@/to\" } }\n"

#endif
