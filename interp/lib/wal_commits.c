#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/standby_int.h"
#include "lib/wal_tail_int.h"
#include "logs/history.h"

/* wal.commits */

/* The number of commits in one answer is what fits into one line of a journal, twice. */
enum { MOST = 200000 };

#define COMMITS_ARGS                                                                               \
    "salvage: list, destination: text, share: text?, server: text, database: text, from: int, "    \
    "mirrors: int?"

/* Which log the server has left, and where: what that log holds behind it the server lacks. */
static bool ask_server(struct bsc_lib_call *call, struct bsc_lib_tail *tail,
                       const struct bsc_lib_target *target, struct bsc_err *err)
{
    static const char question[] =
        "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint,"
        " (SELECT setting::bigint * CASE unit WHEN '8kB' THEN 8192 ELSE 1 END FROM pg_settings"
        " WHERE name = 'wal_segment_size'),"
        " (SELECT system_identifier::text FROM pg_control_system()),"
        " pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
        " || '.history', 0, 1048576, true)";
    struct bsc_value *row = bsc_lib_standby_ask(call, target, question, NULL, err);
    if (row == NULL)
        return false;
    struct bsc_logs_history history = {.timeline = bsc_value_number(bsc_value_at(row, 0), 0)};
    const char *text = bsc_value_string(bsc_value_at(row, 3));
    bool ok = text != NULL && bsc_logs_history_take(text, &history);
    if (!ok)
        bsc_err_set(err, BSC_ERR_DAMAGED, "it is not known where \"%s\" has left its timeline",
                    target->server);
    ok = ok && bsc_lib_tail_log(tail, history.parent, bsc_value_number(bsc_value_at(row, 1), 0),
                                bsc_value_string(bsc_value_at(row, 2)), err);
    tail->order.after_lsn = (uint64_t)history.lsn;
    tail->order.parted = true;
    bsc_value_free(row);
    return ok;
}

/* As one text: a list of so many would be too much for whoever takes it apart. */
static struct bsc_value *answer_of(const struct bsc_value *facts)
{
    struct bsc_value *answer = bsc_value_map();
    struct bsc_buf text;
    const struct bsc_value *list = bsc_value_get(facts, "commit_list");
    bsc_buf_init(&text);
    for (size_t i = 0; i < bsc_value_count(list); i++)
        bsc_buf_printf(&text, "%s\n", bsc_value_string(bsc_value_at(list, i)));
    bsc_value_set_int(answer, "commits", bsc_value_get_number(facts, "commits", 0));
    bsc_value_set_int(answer, "listed", (int64_t)bsc_value_count(list));
    bsc_value_set_text(answer, "list", text.data);
    bsc_value_set_text(answer, "reason", bsc_value_get_string(facts, "reason"));
    bsc_buf_release(&text);
    return answer;
}

/* What cannot be listed is said, and nothing else waits for it: the server is online. */
static bool tell_reason(const struct bsc_err *why, struct bsc_value **ret, struct bsc_err *err)
{
    if (why->code == BSC_ERR_CANCELLED || why->code == BSC_ERR_USAGE) {
        *err = *why;
        return false;
    }
    *ret = bsc_value_map();
    bsc_value_set_int(*ret, "listed", 0);
    bsc_value_set_text(*ret, "reason", why->message);
    return true;
}

static bool commits_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct bsc_lib_tail tail = {.order = {.list_max = MOST}};
    struct bsc_lib_target target;
    struct bsc_err why = BSC_ERR_INIT;
    int64_t mirrors = 0;
    if (!bsc_lib_args_known(call->args, COMMITS_ARGS, err) ||
        !bsc_lib_tail_places(call, &tail, err) ||
        !bsc_lib_args_count(call->args, "from", &tail.order.list_from, err) ||
        !bsc_lib_args_count_or(call->args, "mirrors", 0, &mirrors, err) ||
        !bsc_lib_standby_target(call, &target, err))
        return false;
    tail.order.mirrors = (size_t)mirrors;
    struct bsc_value *facts =
        ask_server(call, &tail, &target, &why) ? bsc_logs_pg_tail(&tail.order, &why) : NULL;
    if (facts == NULL)
        return tell_reason(&why, ret, err);
    *ret = answer_of(facts);
    bsc_value_free(facts);
    return true;
}

const struct bsc_lib_row bsc_lib_row_wal_commits = {
    .name = "wal.commits",
    .effect = BSC_LIB_WRITE, /* of nothing but the journal, in which its answer stands */
    .resumes = true,
    .run = commits_run,
    .lane = "server",
    .args = COMMITS_ARGS,
    .result = "map {commits: int?, listed: int, list: text?, reason: text}",
    .doc = "Lists what a dead PostgreSQL server has committed and one that was brought online in "
           "its place lacks: time, transaction and LSN, one a line, leaving out the first `from` "
           "of them; 200,000 at most. Where that cannot be read, `reason` says why.",
};
