/*
 * Users that are moved by the row, under a journal, as the live world does it.
 */
#ifndef BSC_USERS_FIXTURE_H
#define BSC_USERS_FIXTURE_H

#include "lib_fixture.h"

#include "journal/folder.h"
#include "journal/journal.h"

struct users_bench {
    struct lib_bench lib;
    const char *server; /* what the arguments of every call begin with */
    struct bsc_journal_folder folder;
    struct bsc_journal *journal; /* owned; NULL: the row works without one */
    struct bsc_lib_log log;
    bool no_ends; /* no end of a part can be written */
    /* Called for each progress; NULL: nobody listens. */
    void (*progress)(void *arg, int64_t done, int64_t total, const char *unit);
    char unit[128];   /* what it was told */
    const void *host; /* borrowed: what it works on; NULL: nothing that it needs to know */
};

static inline bool users_record(void *arg, enum bsc_journal_kind kind,
                                const struct bsc_value *payload, bool durable, struct bsc_err *err)
{
    struct users_bench *bench = arg;
    if (bench->no_ends && kind == BSC_JOURNAL_PART_END)
        return bsc_err_set(err, BSC_ERR_IO, "the journal cannot be written");
    return bsc_journal_append(bench->journal, kind, payload, durable, err);
}

/* A new run in the folder "runs", in which nothing has happened yet. */
static inline void users_run_begin(struct users_bench *bench, void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *runs = unit_path(*state, "runs");
    assert_true(bsc_journal_folder_create(bsc_sys_real(), bsc_clock_real(), runs, "migration",
                                          &bench->folder, &err));
    const struct bsc_journal_options options = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .path = bench->folder.journal};
    bench->journal = bsc_journal_create(&options, &err);
    assert_non_null(bench->journal);
    bench->lib.env.runs = bench->folder.runs;
    bench->log = (struct bsc_lib_log){.record = users_record,
                                      .arg = bench,
                                      .path = bench->folder.journal,
                                      .effect = 0,
                                      .item = 1,
                                      .action = 1};
    bench->no_ends = false;
    free(runs);
}

static inline void users_run_end(struct users_bench *bench)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (bench->journal == NULL)
        return;
    bench->lib.env.runs = NULL;
    assert_true(bsc_journal_close(bench->journal, &err));
    bench->journal = NULL;
    bsc_journal_folder_release(&bench->folder);
}

static inline void users_intent(struct users_bench *bench, const struct bsc_value *args)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *intent = bsc_value_map();
    bsc_value_set_int(intent, "effect", ++bench->log.effect);
    bsc_value_set_int(intent, "item", bench->log.item);
    bsc_value_set_int(intent, "action", bench->log.action);
    bsc_value_set_text(intent, "resource", "homes:people.users");
    bsc_value_set_text(intent, "statement", "MOVE");
    bsc_value_set_text(intent, "row", "users.move");
    bsc_value_set(intent, "args", bsc_value_copy(args));
    bsc_value_set(intent, "becomes", bsc_value_map());
    bsc_value_set(intent, "before", bsc_value_map());
    if (!bsc_journal_append(bench->journal, BSC_JOURNAL_INTENT, intent, true, &err))
        fail_msg("%s", err.message);
    bsc_value_free(intent);
}

#define USERS_LIST                                                                                 \
    "'list':'SELECT sip FROM homes WHERE pool = :pool AND sip > :after ORDER BY sip LIMIT "        \
    ":limit',"
#define USERS_FIND     "'find':'SELECT pool FROM homes WHERE sip = :name',"
#define USERS_MOVE     "'move':'UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from',"
#define USERS_WAY      "'from':'old','to':'new'"
#define USERS_WAY_BACK "'from':'new','to':'old'"
#define USERS_ALL      USERS_LIST USERS_FIND USERS_MOVE USERS_WAY
#define USERS_BACK     USERS_LIST USERS_FIND USERS_MOVE USERS_WAY_BACK

/* Calls the row with these arguments as well, in JSON with `'` for `"`. */
static inline struct bsc_value *users_call(struct users_bench *bench, const char *format, ...)
{
    char text[8192];
    va_list list;
    struct bsc_value *ret = NULL;
    struct bsc_err *err = &bench->lib.err;
    size_t length = (size_t)snprintf(text, sizeof text, "{%s,", bench->server);
    va_start(list, format);
    length += (size_t)vsnprintf(text + length, sizeof text - length, format, list);
    va_end(list);
    snprintf(text + length, sizeof text - length, "}");
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c == '^' ? '\'' : *c;
    *err = (struct bsc_err)BSC_ERR_INIT;
    struct bsc_value *args = bsc_json_parse("args", text, strlen(text), err);
    if (args == NULL)
        fail_msg("%s: %s", text, err->message);
    if (bench->journal != NULL)
        users_intent(bench, args);
    struct bsc_lib_call call = {.env = &bench->lib.env,
                                .args = args,
                                .cancel = &bench->lib.cancel,
                                .progress = bench->progress,
                                .progress_arg = bench,
                                .log = bench->journal != NULL ? &bench->log : NULL};
    bool good = bsc_lib_find("users.move")->run(&call, &ret, err);
    assert_int_equal(good, ret != NULL);
    assert_int_equal(good, err->code == BSC_ERR_NONE);
    bsc_value_free(args);
    return ret;
}

/* What the journal says of parts: a line such as "end 1.2 moved 3 bob=gone left 4" for each. */
static inline bool users_story_seen(void *arg, const struct bsc_journal_record *record,
                                    struct bsc_err *err)
{
    struct bsc_buf *text = arg;
    if (record->kind != BSC_JOURNAL_PART && record->kind != BSC_JOURNAL_PART_END)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    bool begins = record->kind == BSC_JOURNAL_PART;
    const struct bsc_value *others = bsc_value_get(payload, "others");
    int64_t left = bsc_value_get_number(payload, "left", 0);
    bsc_buf_printf(text, "%s%lld.%lld ", begins ? "part " : "end ",
                   (long long)bsc_value_get_number(payload, "effect", 0),
                   (long long)bsc_value_get_number(payload, "part", 0));
    if (begins)
        bsc_buf_printf(text, "has %zu", bsc_value_count(bsc_value_get(payload, "names")));
    else
        bsc_buf_printf(text, "moved %lld", (long long)bsc_value_get_number(payload, "moved", 0));
    for (size_t i = 0; i < bsc_value_count(others); i++)
        bsc_buf_printf(text, " %s=%s", bsc_value_key_at(others, i),
                       bsc_value_string(bsc_value_at(bsc_value_item_at(others, i), 0)));
    if (left > 0)
        bsc_buf_printf(text, " left %lld", (long long)left);
    if (bsc_value_get_truth(payload, "settled"))
        bsc_buf_add_text(text, " settled");
    bsc_buf_add_text(text, "\n");
    bsc_value_free(payload);
    return true;
}

static inline int users_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines in the order of their bytes: which part ends before which begins is for the threads to
 * settle. */
static inline void users_sort(char *text)
{
    char *lines[100], *copy = bsc_mem_text(text), *rest = copy;
    size_t count = 0, size = strlen(text) + 1;
    for (char *line = NULL; count < 100 && (line = strsep(&rest, "\n")) != NULL && *line != '\0';)
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, users_compare);
    for (size_t i = 0, at = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at, "%s\n", lines[i]);
    bsc_mem_free(copy);
}

static inline void assert_story(const struct users_bench *bench, const char *expected)
{
    struct bsc_journal_report report;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    assert_true(bsc_journal_read(bsc_sys_real(), bench->folder.journal, users_story_seen, &text,
                                 &report, &err));
    users_sort(text.data);
    assert_string_equal(text.data, expected);
    bsc_buf_release(&text);
}

/* Calls another row with a statement; owned. */
static inline struct bsc_value *users_sql(struct users_bench *bench, const char *row,
                                          const char *sql)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *text = bsc_mem_format("{%s}", bench->server);
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    struct bsc_value *args = bsc_json_parse("args", text, strlen(text), &err), *ret = NULL;
    atomic_bool cancel = false;
    bsc_value_set_text(args, "sql", sql);
    struct bsc_lib_call call = {.env = &bench->lib.env, .args = args, .cancel = &cancel};
    if (!bsc_lib_find(row)->run(&call, &ret, &err))
        fail_msg("%s: %s: %s", sql, err.message, err.cause);
    bsc_value_free(args);
    bsc_mem_free(text);
    return ret;
}

static inline void users_run_sql(struct users_bench *bench, const char *sql)
{
    bsc_value_free(users_sql(bench, "sql.execute", sql));
}

/* The first value of the first row. */
static inline int64_t users_number(struct users_bench *bench, const char *sql)
{
    struct bsc_value *ret = users_sql(bench, "sql.query", sql);
    const struct bsc_value *row = bsc_value_at(bsc_value_get(ret, "rows"), 0);
    int64_t number = bsc_value_number(bsc_value_at(row, 0), -1);
    bsc_value_free(ret);
    return number;
}

static inline int64_t users_in(struct users_bench *bench, const char *pool)
{
    char *sql = bsc_mem_format("SELECT count(*) AS n FROM homes WHERE pool = '%s'", pool);
    int64_t count = users_number(bench, sql);
    bsc_mem_free(sql);
    return count;
}

#endif
