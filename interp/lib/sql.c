#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "sql/sql.h"
#include "value/placeholders.h"

enum { ROWS_DEFAULT = 1000, ROWS_MAX = 1000000 };

struct order {
    struct bsc_lib_target target;
    const char *text;
    const struct bsc_value *params;
    struct bsc_sql_limits limits;
    bool aside; /* read what a killed writer has left half done as it was before */
    struct bsc_placeholders found; /* owned: where values stand in the text by name */
    struct bsc_value *own_params;  /* owned: they, in order */
};

static void order_release(struct order *order)
{
    bsc_placeholders_release(&order->found);
    bsc_value_free(order->own_params);
}

/* Puts a question mark for each name, and the values in their order. */
static bool spread_named(const struct bsc_value *named, struct order *order, struct bsc_err *err)
{
    size_t count = bsc_value_count(named);
    const char **known = bsc_mem_new(count + 1, sizeof *known);
    for (size_t i = 0; i < count; i++)
        known[i] = bsc_value_key_at(named, i);
    bool ok = bsc_placeholders_parse(order->text, known, &order->found, err);
    bsc_mem_free(known);
    if (!ok)
        return false;
    order->own_params = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(order->found.names); i++) {
        const char *name = bsc_value_string(bsc_value_at(order->found.names, i));
        bsc_value_append(order->own_params, bsc_value_copy(bsc_value_get(named, name)));
    }
    order->text = order->found.sql.data;
    order->params = order->own_params;
    return true;
}

static bool read_values(const struct bsc_value *args, struct order *order, struct bsc_err *err)
{
    const struct bsc_value *named = bsc_value_get(args, "named");
    if (bsc_value_kind(named) == BSC_VALUE_NULL)
        return true;
    if (bsc_value_kind(named) != BSC_VALUE_MAP)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"named\" must be a map");
    if (bsc_value_count(order->params) > 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "values go by \"params\" or \"named\", not both");
    return spread_named(named, order, err);
}

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
        !read_values(args, order, err) || !bsc_lib_call_continue(call, err))
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
    "server: text, file: text?, database: text?, sql: text, params: list?, named: map?, "          \
    "max_rows: int?, cut: bool?, aside: bool?, often: bool?"

/* A writer that was killed in the middle of a change has left it half done in the file, and whoever
 * writes next takes it back. Looking must not; what there will be then is read aside. When somebody
 * else was first meanwhile, the file itself tells again. */
static bool settled_ask(struct bsc_lib_call *call, struct order *order,
                        struct bsc_sql_result *result, struct bsc_err *err)
{
    struct bsc_err first = BSC_ERR_INIT;
    if (carry_out(call, order, result, &first))
        return true;
    if (!order->aside || first.code != BSC_ERR_UNSETTLED) {
        *err = first;
        return false;
    }
    order->target.aside = true;
    bool good = carry_out(call, order, result, err);
    order->target.aside = false;
    return good || (err->code == BSC_ERR_CONFLICT && carry_out(call, order, result, err));
}

static bool ask(struct bsc_lib_call *call, struct order *order, struct bsc_value **ret,
                struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    if (!bsc_lib_args_count_or(call->args, "max_rows", ROWS_DEFAULT, &order->limits.rows_max,
                               err) ||
        !bsc_lib_args_bool_or(call->args, "cut", false, &order->limits.cut, err) ||
        !bsc_lib_args_bool_or(call->args, "aside", false, &order->aside, err) ||
        !bsc_lib_args_bool_or(call->args, "often", false, &order->limits.often, err) ||
        !read_order(call, QUERY_ARGS, order, err))
        return false;
    if (order->limits.rows_max < 1 || order->limits.rows_max > ROWS_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE,
                           "argument \"max_rows\" must be between 1 and %d, but is %lld", ROWS_MAX,
                           (long long)order->limits.rows_max);
    /* A database that is a file is open for as long as somebody has a connection to it, and while
     * it is, no log backup can be applied to it. */
    order->target.fleeting = order->target.file != NULL;
    if (!settled_ask(call, order, &result, err))
        return false;
    bool good = first_set(&result, ret, err);
    bsc_sql_result_release(&result);
    return good;
}

static bool query(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.target = {.read_only = true}};
    bool good = ask(call, &order, ret, err);
    order_release(&order);
    return good;
}

#define EACH_ARGS "server: text, file: text?, database: text?, sql: text, each: list, aside: bool?"

/* The rows for one map of values are appended to the list. */
static bool ask_for(struct bsc_lib_call *call, struct order *order, const struct bsc_value *named,
                    struct bsc_value *list, struct bsc_err *err)
{
    struct order one = *order;
    struct bsc_sql_result result = {0};
    struct bsc_value *set = NULL;
    if (bsc_value_kind(named) != BSC_VALUE_MAP)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"each\" must be a list of maps");
    one.limits.timeout_ms = bsc_lib_call_left_ms(call);
    bool good = spread_named(named, &one, err) && bsc_lib_call_continue(call, err) &&
                settled_ask(call, &one, &result, err) && first_set(&result, &set, err);
    if (good)
        bsc_value_append(list, bsc_value_copy(bsc_value_get(set, "rows")));
    bsc_value_free(set);
    bsc_sql_result_release(&result);
    order_release(&one);
    return good;
}

/* A file stays open for all of them, and no longer. */
static bool each(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.target = {.read_only = true}, .limits = {.rows_max = ROWS_DEFAULT}};
    const struct bsc_value *values = NULL;
    if (!bsc_lib_args_list(call->args, "each", &values, err) ||
        !bsc_lib_args_bool_or(call->args, "aside", false, &order.aside, err) ||
        !read_order(call, EACH_ARGS, &order, err))
        return false;
    struct bsc_value *list = bsc_value_list();
    bool good = true;
    for (size_t i = 0; good && i < bsc_value_count(values); i++)
        good = ask_for(call, &order, bsc_value_at(values, i), list, err);
    if (order.target.file != NULL)
        bsc_lib_env_close_connections(call->env);
    if (good)
        *ret = list;
    else
        bsc_value_free(list);
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
    if (bsc_lib_env_connect(call->env, &order->target, call->cancel, err) == NULL)
        return false;
    if (carry_out(call, order, result, err))
        return true;
    if (err->code == BSC_ERR_UNREACHABLE)
        err->code = BSC_ERR_UNKNOWN;
    return false;
}

#define EXECUTE_ARGS                                                                               \
    "server: text, file: text?, database: text?, sql: text, params: list?, named: map?, "          \
    "expect_rows: int?"

static bool act(struct bsc_lib_call *call, struct order *order, struct bsc_value **ret,
                struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    int64_t expected = -1;
    if (!bsc_lib_args_count_or(call->args, "expect_rows", -1, &expected, err) ||
        !read_order(call, EXECUTE_ARGS, order, err) || !is_whole(order->text, err) ||
        !carry_out_change(call, order, &result, err))
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

static bool execute(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct order order = {.target = {.read_only = false}};
    bool good = act(call, &order, ret, err);
    order_release(&order);
    return good;
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
        "set; more than max_rows (1000) rows are an error, or with cut left unread. Values stand "
        "as ? in the text, or by "
        "name as :name. With aside a file whose writer was killed is read as it was before that; "
        "with often the server may prepare for being asked it again.",
};

const struct bsc_lib_row bsc_lib_row_sql_each = {
    .name = "sql.each",
    .effect = BSC_LIB_READ,
    .run = each,
    .lane = "server",
    .args = EACH_ARGS,
    .result = "list of lists of rows",
    .doc = "As sql.query, for each map of `each` in turn over one connection: the values stand in "
           "the statement by their names in it. Returns the rows of each.",
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
