#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "lib/rows_int.h"
#include "lib/users_int.h"
#include "value/json.h"
#include "value/scrub.h"
#include "value/utf8.h"

enum {
    BATCH = 500,
    BATCH_MAX = 100000,
    PARALLEL = 8,
    STOP_AFTER = 5,
    PATIENCE_MS = 5000,
    PAGE_MIN = 4000 /* names that are listed at once, so that listing is no work of its own */
};

/* One call of the row. */
struct work {
    struct bsc_lib_call *call;
    struct bsc_lib_users_sql sql;
    struct bsc_lib_users_past past;
    struct bsc_pools_users_driver driver;
    struct bsc_pools_users_order order;
    const struct bsc_value *names; /* borrowed argument, or NULL */
    struct bsc_value *page;        /* owned: names that were listed; NULL before the first */
    size_t at;                     /* of them, or of `names` */
    struct bsc_value *seen;        /* owned {name=true}: of `names` so far, or of one part */
    char *after;                   /* owned: the last name that was listed */
    struct bsc_value *of;          /* owned: the part that the next one takes back, or NULL */
    int64_t batch;
    int64_t total;
};

/* ---------------------------------------------------------------- arguments */

static bool read_count(const struct bsc_value *args, const char *key, int64_t fallback,
                       int64_t most, int64_t *ret, struct bsc_err *err)
{
    if (!bsc_lib_args_count_or(args, key, fallback, ret, err))
        return false;
    if (*ret >= 1 && *ret <= most)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" must be between 1 and %lld", key,
                       (long long)most);
}

static bool read_numbers(struct work *work, struct bsc_err *err)
{
    const struct bsc_value *args = work->call->args;
    int64_t parallel = 0, stop_after = 0;
    if (!read_count(args, "batch", BATCH, BATCH_MAX, &work->batch, err) ||
        !read_count(args, "parallel", PARALLEL, BSC_POOLS_USERS_PARALLEL_MAX, &parallel, err) ||
        !read_count(args, "stop_after", STOP_AFTER, INT32_MAX, &stop_after, err) ||
        !read_count(args, "patience_ms", PATIENCE_MS, INT32_MAX, &work->sql.patience_ms, err) ||
        !bsc_lib_args_count_or(args, "rate", 0, &work->order.rate, err) ||
        !bsc_lib_args_count_or(args, "total", 0, &work->total, err))
        return false;
    work->order.patience_ms = work->sql.patience_ms * BSC_LIB_USERS_RESTART;
    work->order.parallel = (size_t)parallel;
    work->order.stop_after = (size_t)stop_after;
    return true;
}

#define MOVE_ARGS                                                                                  \
    "server: text, file: text?, database: text?, list: text?, find: text, move: text or list, "    \
    "from: text, to: text, names: list?, moved_by: map?, batch: int?, parallel: int?, "            \
    "stop_after: int?, rate: int?, patience_ms: int?, total: int?, noun: text?, kind: text?, "     \
    "directory: text?"

static bool read_place(struct work *work, struct bsc_err *err)
{
    const struct bsc_value *args = work->call->args;
    struct bsc_lib_target *target = &work->sql.target;
    return bsc_lib_args_known(args, MOVE_ARGS, err) &&
           bsc_lib_args_text(args, "server", &target->server, err) &&
           bsc_lib_args_text_or(args, "file", NULL, &target->file, err) &&
           bsc_lib_args_text_or(args, "database", NULL, &target->database, err) &&
           bsc_lib_args_text(args, "from", &work->sql.from, err) &&
           bsc_lib_args_text(args, "to", &work->sql.to, err) &&
           bsc_lib_args_text_or(args, "noun", "user", &work->order.noun, err) &&
           bsc_lib_args_text_or(args, "kind", BSC_LIB_USERS_KIND, &work->past.kind, err) &&
           bsc_lib_args_text_or(args, "directory", NULL, &work->past.directory, err);
}

static bool read_whom(struct work *work, struct bsc_err *err)
{
    const struct bsc_value *args = work->call->args;
    const struct bsc_value *moved_by = bsc_value_get(args, "moved_by");
    if (!bsc_lib_args_list_or(args, "names", &work->names, err))
        return false;
    if (bsc_value_kind(bsc_value_get(args, "names")) == BSC_VALUE_NULL)
        work->names = NULL;
    if (bsc_value_kind(moved_by) != BSC_VALUE_NULL)
        work->past.wanted = moved_by;
    if (work->total == 0)
        work->total = (int64_t)bsc_value_count(work->names);
    if (work->past.wanted != NULL && work->call->log == NULL &&
        bsc_value_get_string(moved_by, "run") == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"moved_by\" needs a run");
    if (work->names != NULL || work->past.wanted != NULL || work->sql.list.names != NULL)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "argument \"list\" is missing");
}

static bool read_order(struct work *work, struct bsc_err *err)
{
    if (!read_place(work, err) || !read_numbers(work, err) ||
        !bsc_lib_users_sql_read(&work->sql, work->call->args, err) || !read_whom(work, err))
        return false;
    if (strcmp(work->sql.from, work->sql.to) == 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"to\" is the same pool as \"from\"");
    work->order.from = work->past.from = work->sql.from;
    work->order.to = work->past.to = work->sql.to;
    return true;
}

/* ---------------------------------------------------------------- whom */

static bool is_utf8(const char *text, size_t length)
{
    for (size_t at = 0, step = 0; at < length; at += step) {
        step = bsc_utf8_decode(text + at, length - at, NULL);
        if (step == 0)
            return false;
    }
    return true;
}

/* What the journal could not hold as it is must not be moved: nobody could take it back. */
static bool is_name(const struct bsc_value *name, struct bsc_err *err)
{
    const char *text = bsc_value_string(name);
    size_t length = bsc_value_string_length(name);
    if (text == NULL || length == 0)
        return bsc_err_set(err, BSC_ERR_INVALID, "the list has a name that is empty or no text");
    if (strlen(text) != length || !is_utf8(text, length))
        return bsc_err_set(err, BSC_ERR_INVALID, "the name \"%s\" is not valid UTF-8", text);
    return true;
}

/* Whether nothing of it is a secret, which the journal would leave out. */
static bool is_public(const struct work *work, const char *what, const struct bsc_value *value,
                      struct bsc_err *err)
{
    struct bsc_buf shown, whole;
    bsc_buf_init(&shown);
    bsc_buf_init(&whole);
    bsc_scrub_canonical(work->call->env->redactor, value, &shown);
    bsc_json_canonical(value, &whole);
    bool same = shown.length == whole.length && memcmp(shown.data, whole.data, whole.length) == 0;
    if (!same) {
        bsc_err_set(err, BSC_ERR_REFUSED, "%s %s holds the value of a secret", what, shown.data);
        bsc_err_hint(err, "The journal shows no secret, so that nobody could be moved back by it. "
                          "Choose a password that is not part of a name.");
    }
    bsc_buf_release(&shown);
    bsc_buf_release(&whole);
    return same;
}

/* All at once, which is quick; and where that fails, one by one. */
static bool are_public(const struct work *work, const struct bsc_value *names, struct bsc_err *err)
{
    bool good = is_public(work, "one of", names, err);
    for (size_t i = 0; i < bsc_value_count(names) && !good; i++) {
        if (!is_public(work, "the name", bsc_value_at(names, i), err))
            break;
    }
    return good;
}

/* Pools, kinds and directories tell in the journal which moves belong together. */
static bool is_way_public(const struct work *work, struct bsc_err *err)
{
    static const char *const keys[] = {"from", "to", "kind", "directory"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct bsc_value *text = bsc_value_get(work->call->args, keys[i]);
        if (text != NULL && !is_public(work, keys[i], text, err))
            return false;
    }
    return true;
}

/* Adds the name, unless it is among those that were seen. */
static bool add_once(struct work *work, struct bsc_value *part, const struct bsc_value *name,
                     struct bsc_err *err)
{
    const char *text = bsc_value_string(name);
    if (!is_name(name, err))
        return false;
    if (bsc_value_get(work->seen, text) != NULL)
        return true;
    bsc_value_set_bool(work->seen, text, true);
    bsc_value_append(part, bsc_value_copy(name));
    return true;
}

/* The next names of those that were given. */
static bool next_given(struct work *work, struct bsc_value *part, struct bsc_err *err)
{
    while (work->at < bsc_value_count(work->names) &&
           (int64_t)bsc_value_count(part) < work->batch) {
        if (!add_once(work, part, bsc_value_at(work->names, work->at++), err))
            return false;
    }
    return true;
}

static bool next_page(struct work *work, struct bsc_err *err)
{
    int64_t limit = work->batch > PAGE_MIN ? work->batch : PAGE_MIN;
    bsc_value_free(work->page);
    work->at = 0;
    work->page = bsc_lib_users_sql_list(&work->sql, work->after, limit, err);
    if (work->page == NULL)
        return false;
    size_t count = bsc_value_count(work->page);
    if (count == 0)
        return true;
    const struct bsc_value *last = bsc_value_at(work->page, count - 1);
    if (!is_name(last, err))
        return false;
    if (strcmp(bsc_value_string(last), work->after) == 0)
        return bsc_err_set(err, BSC_ERR_INVALID,
                           "the list gives \"%s\" again behind itself: it must be ordered by name, "
                           "and keep to what is behind :after",
                           work->after);
    bsc_mem_free(work->after);
    work->after = bsc_mem_text(bsc_value_string(last));
    return true;
}

/* A name that is listed twice may come again in another part, but not within one. */
static bool next_listed(struct work *work, struct bsc_value *part, struct bsc_err *err)
{
    if (work->at >= bsc_value_count(work->page) && !next_page(work, err))
        return false;
    bsc_value_free(work->seen);
    work->seen = bsc_value_map();
    while (work->at < bsc_value_count(work->page) && (int64_t)bsc_value_count(part) < work->batch) {
        if (!add_once(work, part, bsc_value_at(work->page, work->at++), err))
            return false;
    }
    return true;
}

static bool next(void *arg, struct bsc_value **ret_names, struct bsc_err *err)
{
    struct work *work = arg;
    bsc_value_free(work->of);
    work->of = NULL;
    *ret_names = NULL;
    if (work->past.wanted != NULL)
        return bsc_lib_users_past_next(&work->past, ret_names, &work->of, err);
    struct bsc_value *part = bsc_value_list();
    bool good = work->names != NULL ? next_given(work, part, err) : next_listed(work, part, err);
    good = good && are_public(work, part, err);
    if (good && bsc_value_count(part) > 0)
        *ret_names = part;
    else
        bsc_value_free(part);
    return good;
}

/* ---------------------------------------------------------------- the record */

/* Whoever is named may be there already, which has to be known before: should the part be cut off,
 * he would look like one who was moved. Whoever is listed was where he is moved from. */
static bool find_there(struct work *work, const struct bsc_value *names,
                       struct bsc_value **ret_there, struct bsc_err *err)
{
    struct bsc_value *there = *ret_there = bsc_value_list();
    bool good = true;
    for (size_t i = 0; i < bsc_value_count(names) && good; i++) {
        struct bsc_pools_user user = {.name = bsc_value_string(bsc_value_at(names, i)),
                                      .outcome = BSC_POOLS_USER_UNTOUCHED};
        struct bsc_value *pools = NULL;
        good = bsc_lib_users_sql_find(&work->sql, user.name, &pools, err);
        bsc_pools_user_settle(&user, pools, work->sql.from, work->sql.to);
        if (good && user.outcome == BSC_POOLS_USER_ALREADY)
            bsc_value_append(there, bsc_value_text(user.name));
        bsc_value_free(pools);
        bsc_mem_free(user.reason);
    }
    return good;
}

static bool begin(void *arg, int64_t number, const struct bsc_value *names,
                  struct bsc_value **ret_there, struct bsc_err *err)
{
    struct work *work = arg;
    const struct bsc_lib_log *log = work->call->log;
    if (work->names != NULL && work->past.wanted == NULL &&
        !find_there(work, names, ret_there, err))
        return false;
    if (log == NULL)
        return true;
    struct bsc_value *part = bsc_value_map();
    bsc_value_set_int(part, "effect", log->effect);
    bsc_value_set_int(part, "part", number);
    bsc_value_set(part, "names", bsc_value_copy(names));
    if (work->of != NULL)
        bsc_value_set(part, "of", bsc_value_copy(work->of));
    if (*ret_there != NULL)
        bsc_value_set(part, "there", bsc_value_copy(*ret_there));
    bool good = log->record(log->arg, BSC_JOURNAL_PART, part, true, err);
    bsc_value_free(part);
    return good;
}

static bool end(void *arg, int64_t number, const struct bsc_value *told, struct bsc_err *err)
{
    const struct work *work = arg;
    const struct bsc_lib_log *log = work->call->log;
    if (log == NULL)
        return true;
    struct bsc_value *part = bsc_value_copy(told);
    bsc_value_set_int(part, "effect", log->effect);
    bsc_value_set_int(part, "part", number);
    bool good = log->record(log->arg, BSC_JOURNAL_PART_END, part, false, err);
    bsc_value_free(part);
    return good;
}

/* "users (2 failed, 1 gone)": that the others were moved goes without saying. */
static void progress(void *arg, const struct bsc_pools_users_tally *so_far)
{
    const struct work *work = arg;
    const struct {
        int64_t count;
        const char *word;
    } others[] = {
        {so_far->failed, "failed"}, {so_far->gone, "gone"}, {so_far->already, "there already"}};
    int64_t done = so_far->moved;
    char unit[96];
    size_t at = (size_t)snprintf(unit, sizeof unit, "%.32ss", work->order.noun);
    size_t begin = at;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        done += others[i].count;
        if (others[i].count > 0 && at < sizeof unit)
            at += (size_t)snprintf(unit + at, sizeof unit - at, "%s%lld %s",
                                   at == begin ? " (" : ", ", (long long)others[i].count,
                                   others[i].word);
    }
    if (at > begin && at + 1 < sizeof unit)
        snprintf(unit + at, sizeof unit - at, ")");
    if (work->total > 0)
        bsc_lib_call_progress(work->call, done, work->total > done ? work->total : done, unit);
}

/* ---------------------------------------------------------------- the row */

static struct bsc_value *answer_of(const struct bsc_pools_users_tally *tally)
{
    struct bsc_value *answer = bsc_value_map();
    bsc_value_set_int(answer, "moved", tally->moved);
    bsc_value_set_int(answer, "already", tally->already);
    bsc_value_set_int(answer, "gone", tally->gone);
    bsc_value_set_int(answer, "failed", tally->failed);
    bsc_value_set_int(answer, "batches", tally->parts);
    return answer;
}

static void work_release(struct work *work)
{
    bsc_lib_users_past_release(&work->past);
    bsc_lib_users_sql_release(&work->sql);
    bsc_value_free(work->page);
    bsc_value_free(work->seen);
    bsc_value_free(work->of);
    bsc_mem_free(work->after);
}

/* Whoever joins while others are moved may be listed before the place that was reached. */
static bool list_again(struct work *work)
{
    bool listed = work->names == NULL && work->past.wanted == NULL;
    bsc_value_free(work->page);
    work->page = NULL;
    bsc_mem_free(work->after);
    work->after = bsc_mem_text("");
    return listed;
}

/* A list that goes on naming whom it moves nowhere ends as well. */
static bool move_all(struct work *work, struct bsc_pools_users_tally *tally, struct bsc_err *err)
{
    int64_t before;
    do {
        before = tally->moved;
        if (!bsc_pools_users_move(&work->order, tally, err))
            return false;
    } while (tally->moved > before && list_again(work));
    return true;
}

static bool carry_out(struct work *work, struct bsc_pools_users_tally *tally, struct bsc_err *err)
{
    if (!bsc_lib_call_continue(work->call, err) ||
        !bsc_lib_users_sql_driver(&work->sql, &work->driver, err) || !is_way_public(work, err) ||
        !bsc_lib_users_past_read(&work->past, err))
        return false;
    work->order.driver = &work->driver;
    work->order.clock = work->call->env->clock;
    work->order.cancel = work->call->cancel;
    work->order.arg = work;
    work->order.next = next;
    work->order.begin = begin;
    work->order.end = end;
    work->order.progress = progress;
    return bsc_lib_users_past_settle(&work->past, &work->order, err) && move_all(work, tally, err);
}

static bool move(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct work work = {.call = call,
                        .sql = {.call = call},
                        .past = {.call = call},
                        .seen = bsc_value_map(),
                        .after = bsc_mem_text("")};
    struct bsc_pools_users_tally tally = {0};
    bool good = read_order(&work, err) && carry_out(&work, &tally, err);
    /* A file that somebody has open cannot be worked on by others as a file. */
    bsc_lib_env_close_connections(call->env);
    if (good)
        *ret = answer_of(&tally);
    work_release(&work);
    return good;
}

const struct bsc_lib_row bsc_lib_row_users_move = {
    .name = "users.move",
    .effect = BSC_LIB_WRITE,
    .run = move,
    .resumes = true,
    .lane = "server",
    .args = MOVE_ARGS,
    .result = "map {moved: int, already: int, gone: int, failed: int, batches: int}",
    .doc = "Moves whoever is listed, named or was moved by an earlier change from one pool of a "
           "directory to another, in batches over several connections, each of which is on record "
           "before it begins; one that fails does not keep the others from being moved.",
};
