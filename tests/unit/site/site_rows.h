/*
 * Site files as rows of a table, with what is said of each.
 */
#ifndef BSC_SITE_ROWS_H
#define BSC_SITE_ROWS_H

#include "unit.h"

#include "site/site.h"

/* The smallest site with a database; the rows below append to it or leave parts out. */
#define HEAD                                                                                       \
    "site: s\n"                                                                                    \
    "data_centres: { d1: , d2: { title: Two } }\n"                                                 \
    "servers:\n"                                                                                   \
    "  a: { data_centre: d1, platform: sqlite, folder: a, connection: Driver=SQLite3 }\n"          \
    "  b: { data_centre: d2, platform: postgresql, connection: Driver=PostgreSQL }\n"              \
    "  c: { data_centre: d2 }\n"
/* HEAD has six lines, so what follows begins on line 7. */

struct row {
    const char *source;
    const char *expected; /* "line:column message [hint]", one error a line; "" when valid */
};

static inline char *outcome(const char *source)
{
    struct bsc_site_errors errors;
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_site_errors_init(&errors);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "f", "/site", source, strlen(source), &errors);
    assert_true((site == NULL) == (errors.count > 0));
    for (size_t i = 0; i < errors.count; i++) {
        const struct bsc_err *err = &errors.items[i];
        assert_memory_equal(err->where, "f:", 2);
        bsc_buf_printf(&out, "%s%s %s", i == 0 ? "" : "\n", err->where + 2, err->message);
        if (err->hint[0] != '\0')
            bsc_buf_printf(&out, " [%s]", err->hint);
    }
    bsc_site_free(site);
    bsc_site_errors_release(&errors);
    char *text = bsc_buf_take(&out);
    bsc_buf_release(&out);
    return text;
}

static inline void rows_check(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *found = outcome(rows[i].source);
        assert_string_equal(found, rows[i].expected);
        free(found);
    }
}

#endif
