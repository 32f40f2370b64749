#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "cli/lab_mig.h"
#include "cli/lab_worker.h"
#include "value/digest.h"

enum {
    PAIRS = 4,
    CONVERSATIONS = 8, /* of each pair of pools */
    MESSAGES_EACH = 40,
    ROUND_EVERY_MS = 50,
    REPORT_EVERY_ROUNDS = 8,
    REPORT_PATIENCE_MS = 10
};

static const char *const pools[] = {BSC_LAB_MIG_LEGACY, BSC_LAB_MIG_NEW};
static const char *const channels[] = {"im", "presence"};

enum { CHANNELS = sizeof channels / sizeof channels[0] };

/* Two users who talk for a while, one message after the other. Where they are at home is looked up
 * for each message anew; the last known pools are those that a failure is told of. */
struct conversation {
    int64_t identity;
    int64_t number; /* of the last message */
    char *sender;   /* owned; NULL: nobody talks here yet */
    char *recipient;
    const char *from; /* one of `pools` */
    const char *to;
    const char *channel; /* of the message under way */
};

struct clients {
    const struct bsc_lab *lab;
    struct bsc_sql *directory; /* NULL while it cannot be reached */
    struct bsc_sql *reports;   /* another connection to it, whose statements do not wait */
    struct bsc_sql *messages;
    struct conversation conversations[PAIRS][CONVERSATIONS];
    struct conversation *under_way[PAIRS]; /* accepted by the sender's pool, not delivered yet */
    int64_t conversation;                  /* the last that was begun */
    int64_t before;                        /* the last message of earlier clients */
    int64_t users;                         /* about how many there are */
    uint64_t turn;
};

static struct bsc_value *texts(const char *const *list, size_t count)
{
    struct bsc_value *params = bsc_value_list();
    for (size_t i = 0; i < count; i++)
        bsc_value_append(params, bsc_value_text(list[i]));
    return params;
}

static void leave_directory(struct clients *c)
{
    bsc_sql_close(c->directory);
    c->directory = NULL;
}

/* Asks the directory with parameters that are texts. Whoever gets no answer dials again the next
 * time, as clients do. NULL: there is none. */
static const struct bsc_value *ask(struct clients *c, const char *statement,
                                   const char *const *params, size_t count,
                                   struct bsc_sql_result *ret)
{
    struct bsc_err reason = BSC_ERR_INIT;
    if (c->directory == NULL)
        c->directory = bsc_lab_mig_open(c->lab, &reason);
    if (c->directory == NULL)
        return NULL;
    const struct bsc_value *rows =
        bsc_lab_sql_ask(c->directory, statement, texts(params, count), ret, &reason);
    if (rows == NULL)
        leave_directory(c);
    return rows;
}

static const char *cell(const struct bsc_value *rows, size_t column)
{
    return bsc_value_string(bsc_value_at(bsc_value_at(rows, 0), column));
}

static bool is(const char *text, const char *other)
{
    return text != NULL && strcmp(text, other) == 0;
}

/* The name of that pool as it is kept here; NULL when there is no such pool. */
static const char *known_pool(const char *name)
{
    for (size_t i = 0; i < sizeof pools / sizeof pools[0]; i++) {
        if (is(name, pools[i]))
            return pools[i];
    }
    return NULL;
}

/* A user who has no home and does not work here any more is nobody to write to. */
static const char *why_homeless(struct clients *c, const char *sip, bool *ret_departed)
{
    struct bsc_sql_result result = {0};
    const struct bsc_value *rows =
        ask(c, "SELECT count(*) FROM users WHERE sip = ?", &sip, 1, &result);
    *ret_departed =
        rows != NULL && bsc_value_number(bsc_value_at(bsc_value_at(rows, 0), 0), 0) == 0;
    const char *why = rows != NULL ? "user in no pool" : "directory unreachable";
    bsc_sql_result_release(&result);
    return why;
}

/* What keeps the user's pool from taking a message; NULL when nothing does. */
static const char *why_not_taken(const struct bsc_value *rows, const char *from)
{
    const char *pool = cell(rows, 0);
    if (bsc_value_count(rows) > 1)
        return "user in several pools";
    if (known_pool(pool) == NULL || !is(cell(rows, 2), "deployed"))
        return "pool not deployed";
    if (!is(cell(rows, 1), "running"))
        return "service not running";
    if (!is(pool, from) && !is(cell(rows, 3), "up"))
        return "no route";
    return NULL;
}

/* Looks up where a user is at home, and whether that pool can take a message of the channel that
 * comes from the pool `from` (NULL: from the user). Sets *pool when the home is known. Returns why
 * it cannot, NULL when it can. */
static const char *look_up(struct clients *c, const char *sip, const char *channel,
                           const char *from, const char **pool, bool *ret_departed)
{
    static const char statement[] =
        "SELECT h.pool, s.state, p.state, r.state FROM homes h"
        " LEFT JOIN services s ON s.pool = h.pool AND s.name = ?"
        " LEFT JOIN pools p ON p.name = h.pool"
        " LEFT JOIN routes r ON r.from_pool = ? AND r.to_pool = h.pool WHERE h.sip = ?";
    const char *const params[] = {channel, from != NULL ? from : "", sip};
    struct bsc_sql_result result = {0};
    const struct bsc_value *rows = ask(c, statement, params, 3, &result);
    const char *why = "directory unreachable";
    *ret_departed = false;
    if (rows != NULL && bsc_value_count(rows) == 0) {
        why = why_homeless(c, sip, ret_departed);
    } else if (rows != NULL) {
        why = why_not_taken(rows, from != NULL ? from : cell(rows, 0));
        *pool = known_pool(cell(rows, 0)) != NULL ? known_pool(cell(rows, 0)) : *pool;
    }
    bsc_sql_result_release(&result);
    return why;
}

/* Keeps what has become of a message: `error` is NULL when it was delivered. */
static bool keep(struct clients *c, const struct conversation *talk, const char *error,
                 struct bsc_err *err)
{
    const char *const words[] = {talk->sender, talk->recipient, talk->channel,
                                 talk->from,   talk->to,        error};
    struct bsc_value *params = bsc_value_list();
    struct bsc_sql_result result = {0};
    struct bsc_sql_limits limits = {0};
    bsc_value_append(params, bsc_value_int(talk->identity));
    bsc_value_append(params, bsc_value_int(talk->number));
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        bsc_value_append(params, bsc_value_text(words[i]));
    bool ok = bsc_sql_run(c->messages,
                          "INSERT INTO messages (time, conversation, number, sender, recipient,"
                          " channel, from_pool, to_pool, error) VALUES"
                          " (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, ?, ?, ?, ?, ?, ?, ?)",
                          params, &limits, &result, err);
    bsc_sql_result_release(&result);
    bsc_value_free(params);
    return ok;
}

static void part(struct conversation *talk)
{
    bsc_mem_free(talk->sender);
    bsc_mem_free(talk->recipient);
    talk->sender = NULL;
    talk->recipient = NULL;
}

/* A name to look for the nearest user of: most users have a number, some have not. */
static char *some_name(int64_t users)
{
    uint64_t random[2];
    bsc_digest_random(random, sizeof random);
    if (random[0] % 4 == 0)
        return bsc_mem_format("sip:%c", (int)('"' + random[1] % ('{' - '"')));
    return bsc_mem_format("sip:user%07" PRIu64, random[1] % ((uint64_t)users + 1));
}

/* One of these rows at random. */
static char *any_of(const struct bsc_value *rows)
{
    uint64_t random = 0;
    size_t count = bsc_value_count(rows);
    if (count == 0)
        return NULL;
    bsc_digest_random(&random, sizeof random);
    return bsc_mem_text(bsc_value_string(bsc_value_at(bsc_value_at(rows, random % count), 0)));
}

/* Some user of a pool, owned; NULL when there is none. One of several, since there are many names
 * that the same one is the nearest to when the pool has few users. */
static char *pick(struct clients *c, const char *pool)
{
    static const char *const statements[] = {
        "SELECT sip FROM homes WHERE pool = ? AND sip >= ? ORDER BY sip LIMIT 4",
        "SELECT sip FROM homes WHERE pool = ? AND sip < ? ORDER BY sip DESC LIMIT 4"};
    char *name = some_name(c->users);
    const char *const params[] = {pool, name};
    char *found = NULL;
    for (size_t i = 0; found == NULL && i < 2; i++) {
        struct bsc_sql_result result = {0};
        found = any_of(ask(c, statements[i], params, 2, &result));
        bsc_sql_result_release(&result);
    }
    bsc_mem_free(name);
    return found;
}

/* Two others begin to talk, if there are two at home in these pools. */
static void meet(struct clients *c, size_t pair, struct conversation *talk)
{
    part(talk);
    talk->from = pools[pair / 2];
    talk->to = pools[pair % 2];
    talk->number = 0;
    talk->sender = pick(c, talk->from);
    talk->recipient = talk->sender != NULL ? pick(c, talk->to) : NULL;
    if (talk->recipient == NULL || is(talk->sender, talk->recipient))
        part(talk);
    else
        talk->identity = ++c->conversation;
}

/* Half of the conversations go on wherever the two are moved meanwhile; the others are given up
 * when they do not speak for their pair of pools any more, so that each pair is heard all the time.
 */
static bool is_over(const struct clients *c, size_t pair, const struct conversation *talk)
{
    bool stays = c->turn % 2 == 0;
    bool fits = talk->from == pools[pair / 2] && talk->to == pools[pair % 2];
    return talk->sender == NULL || talk->number >= MESSAGES_EACH || (!stays && !fits);
}

/* The sender's pool accepts the message, or the sender is told at once that it does not. */
static bool post(struct clients *c, size_t pair, struct bsc_err *err)
{
    bool departed = false;
    struct conversation *talk = &c->conversations[pair][c->turn % CONVERSATIONS];
    if (is_over(c, pair, talk))
        meet(c, pair, talk);
    if (talk->sender == NULL)
        return true;
    talk->channel = channels[(c->turn / CONVERSATIONS + pair) % CHANNELS];
    const char *why = look_up(c, talk->sender, talk->channel, NULL, &talk->from, &departed);
    if (departed) {
        part(talk);
        return true;
    }
    talk->number++;
    if (why != NULL)
        return keep(c, talk, why, err);
    c->under_way[pair] = talk;
    return true;
}

/* The pool that has accepted a message finds the recipient's and hands it over. */
static bool deliver(struct clients *c, size_t pair, struct bsc_err *err)
{
    bool departed = false;
    struct conversation *talk = c->under_way[pair];
    c->under_way[pair] = NULL;
    if (talk == NULL)
        return true;
    const char *why = look_up(c, talk->recipient, talk->channel, talk->from, &talk->to, &departed);
    if (!departed)
        return keep(c, talk, why, err);
    part(talk);
    return true;
}

static bool deliver_all(struct clients *c, struct bsc_err *err)
{
    bool ok = true;
    for (size_t pair = 0; ok && pair < PAIRS; pair++)
        ok = deliver(c, pair, err);
    return ok;
}

/* For each pair of pools and channel what became of the messages of the last seconds. */
static const struct bsc_value *count_recent(struct clients *c, struct bsc_sql_result *ret,
                                            struct bsc_err *err)
{
    static const char statement[] =
        "WITH pool(name) AS (VALUES ('" BSC_LAB_MIG_LEGACY "'), ('" BSC_LAB_MIG_NEW "')),"
        " channel(name) AS (VALUES ('im'), ('presence')),"
        " recent AS (SELECT * FROM messages WHERE id > ?"
        " AND id > (SELECT max(id) FROM messages) - 1000 AND time > strftime('%Y-%m-%dT%H:%M:%fZ', "
        "'now', '-5 seconds'))"
        " SELECT f.name, t.name, c.name, count(m.id) - count(m.error), count(m.error)"
        " FROM pool f CROSS JOIN pool t CROSS JOIN channel c LEFT JOIN recent m"
        " ON m.from_pool = f.name AND m.to_pool = t.name AND m.channel = c.name GROUP BY 1, 2, 3";
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_int(c->before));
    return bsc_lab_sql_ask(c->messages, statement, params, ret, err);
}

static struct bsc_value *flatten(const struct bsc_value *rows)
{
    struct bsc_value *params = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(rows); i++) {
        const struct bsc_value *row = bsc_value_at(rows, i);
        for (size_t k = 0; k < bsc_value_count(row); k++)
            bsc_value_append(params, bsc_value_copy(bsc_value_at(row, k)));
    }
    return params;
}

/* Tells the directory. While somebody else writes there for long the report is late: the clients
 * do not wait. */
static void tell_directory(struct clients *c, const struct bsc_value *rows)
{
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_sql_result result = {0};
    struct bsc_buf text;
    if (c->reports == NULL)
        c->reports = c->lab->kind->directory->open(c->lab, REPORT_PATIENCE_MS, &reason);
    if (c->reports == NULL)
        return;
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, "INSERT INTO reported VALUES ");
    for (size_t i = 0; i < bsc_value_count(rows); i++) {
        bsc_buf_add_text(&text, i > 0 ? ", " : "");
        bsc_lab_mig_fill(c->lab, "(?, ?, ?, ?, ?, $seconds)", &text);
    }
    bsc_buf_add_text(&text, " ON CONFLICT (from_pool, to_pool, channel) DO UPDATE SET"
                            " delivered = excluded.delivered, failed = excluded.failed,"
                            " seconds = excluded.seconds");
    (void)bsc_lab_sql_ask(c->reports, text.data, flatten(rows), &result, &reason);
    if (!bsc_sql_reusable(c->reports)) {
        bsc_sql_close(c->reports);
        c->reports = NULL;
    }
    bsc_sql_result_release(&result);
    bsc_buf_release(&text);
}

static bool report(struct clients *c, struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    const struct bsc_value *rows = count_recent(c, &result, err);
    if (rows != NULL)
        tell_directory(c, rows);
    bsc_sql_result_release(&result);
    return rows != NULL;
}

static bool go_round(struct clients *c, struct bsc_err *err)
{
    bool ok = deliver_all(c, err);
    for (size_t pair = 0; ok && pair < PAIRS; pair++)
        ok = post(c, pair, err);
    c->turn++;
    return ok;
}

/* When they are ready, everybody has been heard over every channel. */
static bool talk_round(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    struct clients *c = w->own;
    bool ok = true;
    bool first = c->turn == 0;
    do
        ok = go_round(c, w->err);
    while (ok && first && c->turn <= (uint64_t)CONVERSATIONS * CHANNELS);
    if (ok && (first || c->turn % REPORT_EVERY_ROUNDS == 0))
        ok = report(c, w->err);
    *ret_pause_ms = ROUND_EVERY_MS;
    return ok;
}

static void count_users(struct clients *c)
{
    struct bsc_sql_result result = {0};
    const struct bsc_value *rows = ask(c, "SELECT count(*) FROM users", NULL, 0, &result);
    c->users = bsc_value_number(bsc_value_at(bsc_value_at(rows, 0), 0), BSC_LAB_USERS_DEFAULT);
    bsc_sql_result_release(&result);
}

static bool begin(struct clients *c, struct bsc_err *err)
{
    count_users(c);
    c->messages = bsc_lab_sql_open(c->lab, BSC_LAB_MIG_MESSAGES, false, err);
    return c->messages != NULL &&
           bsc_lab_sql_number(c->messages, "SELECT coalesce(max(conversation), 0) FROM messages",
                              &c->conversation, err) &&
           bsc_lab_sql_number(c->messages, "SELECT coalesce(max(id), 0) FROM messages", &c->before,
                              err);
}

/* What is under way when they are ended is delivered first. */
bool bsc_lab_mig_talk(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct clients *c = bsc_mem_new(1, sizeof *c);
    struct bsc_lab_worker w = {.lab = lab, .round = talk_round, .err = err, .own = c};
    c->lab = lab;
    bool ok = begin(c, err) && bsc_lab_worker_go_on(&w, BSC_LAB_MIG_CLIENTS) && deliver_all(c, err);
    for (size_t pair = 0; pair < PAIRS; pair++)
        for (size_t i = 0; i < CONVERSATIONS; i++)
            part(&c->conversations[pair][i]);
    bsc_sql_close(c->directory);
    bsc_sql_close(c->reports);
    bsc_sql_close(c->messages);
    bsc_mem_free(c);
    return ok;
}
