/*
 * Calls of rows, as the live world makes them.
 */
#ifndef BSC_LIB_FIXTURE_H
#define BSC_LIB_FIXTURE_H

#include "unit.h"

#include "base/mem.h"
#include "lib/env.h"
#include "lib/row.h"
#include "site/site.h"
#include "value/json.h"

/* A site with the servers sql1 and sql2, whose databases lie in the test's folder. */
struct lib_bench {
    struct bsc_redactor *redactor;
    struct bsc_site *site;
    struct bsc_lib_env env;
    atomic_bool cancel;
    int64_t deadline_us;
    struct bsc_err err; /* of the last call */
};

/* On the site of this file, whose paths begin in the test's folder. */
static inline void bench_open_site(struct lib_bench *bench, void **state, const char *source)
{
    struct bsc_site_errors errors;
    memset(bench, 0, sizeof *bench);
    bsc_site_errors_init(&errors);
    bench->redactor = bsc_redactor_new();
    bench->site =
        bsc_site_parse(bsc_sys_real(), "site.yaml", *state, source, strlen(source), &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s: %s\n", errors.items[i].where, errors.items[i].message);
    bsc_site_errors_release(&errors);
    assert_non_null(bench->site);
    bsc_lib_env_init(&bench->env, bench->site, bench->redactor, NULL);
}

static inline void bench_open(struct lib_bench *bench, void **state)
{
    static const char source[] = "site: bench\n"
                                 "data_centres: { dc1: { title: A } }\n"
                                 "servers:\n"
                                 "  sql1: { data_centre: dc1, platform: sqlite, folder: ., "
                                 "connection: \"Driver=SQLite3\" }\n"
                                 "  sql2: { data_centre: dc1, platform: sqlite, folder: ., "
                                 "connection: \"Driver=SQLite3\" }\n";
    bench_open_site(bench, state, source);
}

static inline void bench_close(struct lib_bench *bench)
{
    bsc_lib_env_release(&bench->env);
    bsc_site_free(bench->site);
    bsc_redactor_free(bench->redactor);
}

/* Calls a row with arguments in JSON, in which `'` stands for `"`. Returns owned, NULL on failure
 * with bench->err filled. */
static inline struct bsc_value *call_row(struct lib_bench *bench, const char *name,
                                         const char *format, ...)
{
    char text[4096];
    va_list list;
    struct bsc_value *ret = NULL;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    bench->err = (struct bsc_err)BSC_ERR_INIT;
    struct bsc_value *args = bsc_json_parse("args", text, strlen(text), &bench->err);
    if (args == NULL)
        fail_msg("%s: %s", text, bench->err.message);
    const struct bsc_lib_row *row = bsc_lib_find(name);
    assert_non_null(row);
    struct bsc_lib_call call = {.env = &bench->env,
                                .args = args,
                                .cancel = &bench->cancel,
                                .deadline_us = bench->deadline_us};
    bool good = row->run(&call, &ret, &bench->err);
    assert_int_equal(good, ret != NULL);
    assert_int_equal(good, bench->err.code == BSC_ERR_NONE);
    bsc_value_free(args);
    return ret;
}

/* Checks the answer against JSON, with `'` for `"`, and frees it. */
static inline void assert_answer(struct lib_bench *bench, struct bsc_value *answer,
                                 const char *expected)
{
    if (answer == NULL)
        fail_msg("%s: %s", bench->err.message, bench->err.cause);
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_json_canonical(answer, &text);
    for (size_t i = 0; i < text.length; i++)
        text.data[i] = text.data[i] == '"' ? '\'' : text.data[i];
    assert_string_equal(text.data, expected);
    bsc_buf_release(&text);
    bsc_value_free(answer);
}

static inline void assert_refusal(struct lib_bench *bench, struct bsc_value *answer,
                                  enum bsc_err_code code, const char *part)
{
    assert_null(answer);
    assert_string_equal(bsc_err_name(bench->err.code), bsc_err_name(code));
    if (strstr(bench->err.message, part) == NULL && strstr(bench->err.cause, part) == NULL)
        fail_msg("\"%s: %s\" does not say \"%s\"", bench->err.message, bench->err.cause, part);
}

#endif
