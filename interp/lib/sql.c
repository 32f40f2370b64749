#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "sql/sql.h"

enum { ROWS_DEFAULT = 1000, ROWS_MAX = 1000000 };

struct order {
    struct bsc_lib_target target;
    const char *text;
    const struct bsc_value *params;
    struct bsc_sql_limits limits;
};

static bool read_order(struct bsc_lib_call *call, const char *described, struct order *order,
                       struct bsc_err *err)
{
    const struct bsc_value *args = call->args;
    if (!bsc_lib_args_known(args, described, err) ||
        !bsc_lib_args_text(args, "server", &order->target.server, err) ||
        !bsc_lib_args_text_or(args, "file", NULL, &order->target.file, err) ||
        !bsc_lib_args_text_or(args, "database", NULL, &order->target.database, err) ||
        !bsc_lib_args_text(args, "sql", &order->text, err) ||
        !bsc_lib_args_list_or(args, "params", &order->params, err) ||
        !bsc_lib_call_continue(call, err))
        return false;
    order->limits.cancel = call->cancel;
    order->limits.timeout_ms = bsc_lib_call_left_ms(call);
    return true;
}

static bool carry_out(struct bsc_lib_call *call, const struct order *order,
                      struct bsc_sql_result *result, struct bsc_err *err)
{
    return bsc_lib_env_run(call->env, &order->target, order->text, order->params, &order->limits,
                           result, err);
}

/* The first result set. A driver that does not take a text for a query gives none, which must not
 * look like a query without rows. */
static bool first_set(const struct bsc_sql_result *result, struct bsc_value **ret,
                      struct bsc_err *err)
{
    const struct bsc_value *set = bsc_value_at(result->sets, 0);
    if (set == NULL) {
        bsc_err_set(err, BSC_ERR_SQL, "the statement gives no result set");
        return bsc_err_hint(err, "Write it as a SELECT.");
    }
    *ret = bsc_value_copy(set);
    return true;
}

#define QUERY_ARGS                                                                                 \
    "server: text, file: text?, database: text?, sql: text, params: list?, max_rows: int?"

static bool query(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.target = {.read_only = true}};
    struct bsc_sql_result result = {0};
    if (!bsc_lib_args_count_or(call->args, "max_rows", ROWS_DEFAULT, &order.limits.rows_max, err) ||
        !read_order(call, QUERY_ARGS, &order, err))
        return false;
    if (order.limits.rows_max < 1 || order.limits.rows_max > ROWS_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE,
                           "argument \"max_rows\" must be between 1 and %d, but is %lld", ROWS_MAX,
                           (long long)order.limits.rows_max);
    /* A database that is a file is open for as long as somebody has a connection to it, and while
     * it is, no log backup can be applied to it. */
    order.target.fleeting = order.target.file != NULL;
    if (!carry_out(call, &order, &result, err))
        return false;
    bool good = first_set(&result, ret, err);
    bsc_sql_result_release(&result);
    return good;
}

static bool begins_with(const char *text, const char *word)
{
    text += strspn(text, " \t\r\n");
    return strncasecmp(text, word, strlen(word)) == 0;
}

static bool ends_with(const char *text, const char *word)
{
    size_t length = strlen(text), word_length = strlen(word);
    while (length > 0 && strchr(" \t\r\n;", text[length - 1]) != NULL)
        length--;
    return length >= word_length &&
           strncasecmp(text + length - word_length, word, word_length) == 0;
}

/* A transaction that one statement opens and another shall close would be lost with the process
 * while the journal already says that its first half happened. */
static bool is_whole(const char *text, struct bsc_err *err)
{
    bool opens = begins_with(text, "begin") || begins_with(text, "start transaction") ||
                 begins_with(text, "savepoint");
    if (!opens || ends_with(text, "commit") || ends_with(text, "end"))
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "a statement begins a transaction that it does not end");
    return bsc_err_hint(err,
                        "Each statement is a transaction of its own; or write BEGIN; …; COMMIT "
                        "as one text.");
}

/* A connection that breaks under a change leaves open whether it happened. One that cannot be made
 * does not. */
static bool carry_out_change(struct bsc_lib_call *call, const struct order *order,
                             struct bsc_sql_result *result, struct bsc_err *err)
{
    if (bsc_lib_env_connect(call->env, &order->target, err) == NULL)
        return false;
    if (carry_out(call, order, result, err))
        return true;
    if (err->code == BSC_ERR_UNREACHABLE)
        err->code = BSC_ERR_UNKNOWN;
    return false;
}

#define EXECUTE_ARGS                                                                               \
    "server: text, file: text?, database: text?, sql: text, params: list?, expect_rows: int?"

static bool execute(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.target = {.read_only = false}};
    struct bsc_sql_result result = {0};
    int64_t expected = -1;
    if (!bsc_lib_args_count_or(call->args, "expect_rows", -1, &expected, err) ||
        !read_order(call, EXECUTE_ARGS, &order, err) || !is_whole(order.text, err) ||
        !carry_out_change(call, &order, &result, err))
        return false;
    int64_t changed = result.affected;
    bsc_sql_result_release(&result);
    if (expected >= 0 && changed != expected) {
        /* Rows that were changed are committed: only looking can tell what that means. */
        bsc_err_set(err, changed == 0 ? BSC_ERR_CONFLICT : BSC_ERR_UNKNOWN,
                    "the statement changed %lld rows instead of %lld", (long long)changed,
                    (long long)expected);
        return bsc_err_hint(err, "Somebody else may have changed the rows meanwhile.");
    }
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "rows", changed);
    return true;
}

const struct bsc_lib_row bsc_lib_row_sql_query = {
    .name = "sql.query",
    .effect = BSC_LIB_READ,
    .run = query,
    .lane = "server",
    .args = QUERY_ARGS,
    .result = "map {columns: list of text, rows: list of lists of null, int and text}",
    .doc =
        "Runs a statement over a connection that can change nothing and returns its first result "
        "set; more than max_rows (1000) rows are an error.",
};

const struct bsc_lib_row bsc_lib_row_sql_execute = {
    .name = "sql.execute",
    .effect = BSC_LIB_WRITE,
    .run = execute,
    .lane = "server",
    .args = EXECUTE_ARGS,
    .result = "map {rows: int}",
    .doc = "Runs a statement, committed by itself, and returns how many rows it changed; "
           "no row instead of expect_rows is a conflict, another number an unknown outcome.",
};
