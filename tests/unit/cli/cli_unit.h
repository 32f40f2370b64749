/*
 * A desk whose streams are buffers, for trying command lines without a process.
 */
#ifndef BSC_UNIT_CLI_H
#define BSC_UNIT_CLI_H

#include "unit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "value/json.h"

struct desk {
    struct bsc_cli cli;
    char *out, *err; /* what was written so far; flushed by desk_read */
    size_t out_length, err_length;
};

static inline void desk_set(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    desk->cli.sys = bsc_sys_real();
    desk->cli.clock = bsc_clock_real();
    desk->cli.redactor = bsc_redactor_new();
    desk->cli.in = fopen("/dev/null", "r");
    desk->cli.out = open_memstream(&desk->out, &desk->out_length);
    desk->cli.err = open_memstream(&desk->err, &desk->err_length);
    assert_non_null(desk->cli.in);
}

static inline void desk_clear(struct desk *desk)
{
    fclose(desk->cli.in);
    fclose(desk->cli.out);
    fclose(desk->cli.err);
    free(desk->out);
    free(desk->err);
    bsc_redactor_free(desk->cli.redactor);
}

/* A person at a terminal who types this. */
static inline void desk_type(struct desk *desk, const char *folder, const char *typed)
{
    char *path = unit_path(folder, "typed");
    unit_file_put(path, typed, strlen(typed));
    fclose(desk->cli.in);
    desk->cli.in = fopen(path, "r");
    desk->cli.terminal = true;
    free(path);
}

/* Makes desk->out and desk->err complete. */
static inline void desk_read(struct desk *desk)
{
    fflush(desk->cli.out);
    fflush(desk->cli.err);
}

enum { DESK_WORDS = 16 };

/* Runs `bascule` with the words of `line`, which blanks separate. */
static inline int desk_run(struct desk *desk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline int desk_run(struct desk *desk, const char *format, ...)
{
    char line[4096];
    char *argv[DESK_WORDS + 1] = {"bascule"};
    int argc = 1;
    char *rest = line;
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    for (char *word; argc < DESK_WORDS && (word = strsep(&rest, " ")) != NULL;)
        if (*word != '\0')
            argv[argc++] = word;
    int code = bsc_cli_main(&desk->cli, argc, argv);
    desk_read(desk);
    return code;
}

static inline void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

/* What was written to `out` must be one line of canonical JSON; returns it owned. */
static inline struct bsc_value *desk_json(const struct desk *desk)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf again;
    struct bsc_value *value = bsc_json_parse("out", desk->out, desk->out_length, &err);
    if (value == NULL)
        fail_msg("%s: %s", err.message, desk->out);
    bsc_buf_init(&again);
    bsc_json_canonical(value, &again);
    bsc_buf_add_char(&again, '\n');
    assert_string_equal(desk->out, again.data);
    bsc_buf_release(&again);
    return value;
}

#endif
