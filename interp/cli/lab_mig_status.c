#include <string.h>

#include "base/mem.h"
#include "cli/lab_mig.h"

/* The rows of a statement as maps with these keys (NULL at the end). */
static bool tell_rows(struct bsc_sql *sql, const char *statement, const char *const *keys,
                      struct bsc_value *list, struct bsc_err *err)
{
    struct bsc_sql_result result = {0};
    const struct bsc_value *rows = bsc_lab_sql_ask(sql, statement, NULL, &result, err);
    for (size_t i = 0; i < bsc_value_count(rows); i++) {
        struct bsc_value *map = bsc_value_map();
        for (size_t k = 0; keys[k] != NULL; k++)
            bsc_value_set(map, keys[k], bsc_value_copy(bsc_value_at(bsc_value_at(rows, i), k)));
        bsc_value_append(list, map);
    }
    bsc_sql_result_release(&result);
    return rows != NULL;
}

/* A directory that was taken down, or that a migration is about to end, is told as it is. */
static bool gather_pools(const struct bsc_lab *lab, struct bsc_value *status)
{
    static const char *const keys[] = {"pool", "state", "users", NULL};
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_value *list = bsc_value_list();
    struct bsc_sql *sql = bsc_lab_mig_open(lab, &reason);
    bool there = sql != NULL && tell_rows(sql,
                                          "SELECT p.name, p.state, (SELECT count(*) FROM homes h"
                                          " WHERE h.pool = p.name) FROM pools p ORDER BY p.name",
                                          keys, list, &reason);
    bsc_value_set(status, "pools", list);
    bsc_value_set_bool(status, "directory", there);
    bsc_sql_close(sql);
    return true;
}

static bool gather_messages(const struct bsc_lab *lab, struct bsc_value *status,
                            struct bsc_err *err)
{
    static const char *const talk_keys[] = {"from", "to", "delivered", "failed", NULL};
    static const char *const failure_keys[] = {"error", "count", NULL};
    static const char *const order_keys[] = {"lost", "overtaken", NULL};
    struct bsc_value *talk = bsc_value_list(), *failures = bsc_value_list();
    struct bsc_value *order = bsc_value_list();
    struct bsc_sql *sql = bsc_lab_sql_open(lab, BSC_LAB_MIG_MESSAGES, false, err);
    bool ok =
        sql != NULL &&
        tell_rows(sql,
                  "SELECT from_pool, to_pool, sum(count * (error = '')),"
                  " sum(count * (error <> '')) FROM totals GROUP BY 1, 2 ORDER BY 1, 2",
                  talk_keys, talk, err) &&
        tell_rows(sql,
                  "SELECT error, sum(count) FROM totals WHERE error <> '' GROUP BY 1 ORDER BY 1",
                  failure_keys, failures, err) &&
        tell_rows(sql, "SELECT lost, overtaken FROM disorder", order_keys, order, err);
    const struct bsc_value *counted = bsc_value_at(order, 0);
    bsc_value_set(status, "talk", talk);
    bsc_value_set(status, "failures", failures);
    bsc_value_set_int(status, "lost", bsc_value_get_number(counted, "lost", 0));
    bsc_value_set_int(status, "overtaken", bsc_value_get_number(counted, "overtaken", 0));
    bsc_value_free(order);
    bsc_sql_close(sql);
    return ok;
}

static bool gather_looks(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    int64_t looks = 0, blind = 0, violations = 0;
    struct bsc_sql *sql = bsc_lab_sql_open(lab, BSC_LAB_MIG_LOOKS, false, err);
    bool ok = sql != NULL && bsc_lab_sql_number(sql, "SELECT count FROM looks", &looks, err) &&
              bsc_lab_sql_number(sql, "SELECT blind FROM looks", &blind, err) &&
              bsc_lab_sql_number(sql, "SELECT count(*) FROM violations", &violations, err);
    bsc_value_set_int(status, "looks", looks);
    bsc_value_set_int(status, "blind_looks", blind);
    bsc_value_set_int(status, "violations", violations);
    bsc_sql_close(sql);
    return ok;
}

static void add_up(struct bsc_value *status)
{
    int64_t delivered = 0, failed = 0;
    const struct bsc_value *talk = bsc_value_get(status, "talk");
    for (size_t i = 0; i < bsc_value_count(talk); i++) {
        delivered += bsc_value_get_number(bsc_value_at(talk, i), "delivered", 0);
        failed += bsc_value_get_number(bsc_value_at(talk, i), "failed", 0);
    }
    bsc_value_set_int(status, "delivered", delivered);
    bsc_value_set_int(status, "failed", failed);
}

bool bsc_lab_mig_gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    bool ok = gather_pools(lab, status) && gather_messages(lab, status, err) &&
              gather_looks(lab, status, err);
    bsc_value_set_bool(status, "clients", bsc_lab_staff_alive(lab, BSC_LAB_MIG_CLIENTS));
    bsc_value_set_bool(status, "observer", bsc_lab_staff_alive(lab, BSC_LAB_MIG_OBSERVER));
    add_up(status);
    return ok;
}

static const char *side(const char *pool)
{
    return strcmp(pool, BSC_LAB_MIG_NEW) == 0 ? "new" : "legacy";
}

static const char *running(const struct bsc_value *status, const char *who)
{
    return bsc_value_get_truth(status, who) ? "running" : "not running";
}

static long long number(const struct bsc_value *map, const char *key)
{
    return (long long)bsc_value_get_number(map, key, 0);
}

static void show_pools(const struct bsc_lab *lab, const struct bsc_value *status)
{
    const struct bsc_value *list = bsc_value_get(status, "pools");
    if (!bsc_value_get_truth(status, "directory"))
        bsc_cli_say(lab->cli, "%-16s unreachable\n", "directory");
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const struct bsc_value *pool = bsc_value_at(list, i);
        bsc_cli_say(lab->cli, "%-16s %s: %s, %lld %s\n", side(bsc_value_get_string(pool, "pool")),
                    bsc_value_get_string(pool, "pool"), bsc_value_get_string(pool, "state"),
                    number(pool, "users"), number(pool, "users") == 1 ? "user" : "users");
    }
}

static void show_messages(const struct bsc_lab *lab, const struct bsc_value *status)
{
    const struct bsc_value *talk = bsc_value_get(status, "talk");
    const struct bsc_value *failures = bsc_value_get(status, "failures");
    bsc_cli_say(lab->cli,
                "%-16s %s; %lld messages delivered, %lld failed, %lld lost, %lld overtaken\n",
                "clients", running(status, "clients"), number(status, "delivered"),
                number(status, "failed"), number(status, "lost"), number(status, "overtaken"));
    for (size_t i = 0; i < bsc_value_count(talk); i++) {
        const struct bsc_value *pair = bsc_value_at(talk, i);
        bsc_cli_say(lab->cli, "                 %s > %s: %lld delivered, %lld failed\n",
                    side(bsc_value_get_string(pair, "from")),
                    side(bsc_value_get_string(pair, "to")), number(pair, "delivered"),
                    number(pair, "failed"));
    }
    for (size_t i = 0; i < bsc_value_count(failures); i++) {
        const struct bsc_value *failure = bsc_value_at(failures, i);
        bsc_cli_say(lab->cli, "                 %s: %lld\n", bsc_value_get_string(failure, "error"),
                    number(failure, "count"));
    }
}

void bsc_lab_mig_show(const struct bsc_lab *lab, const struct bsc_value *status)
{
    show_pools(lab, status);
    show_messages(lab, status);
    bsc_cli_say(lab->cli, "%-16s %s; %lld looks, %lld violations: users in no pool, or in two\n",
                "observer", running(status, "observer"), number(status, "looks"),
                number(status, "violations"));
    if (number(status, "blind_looks") > 0)
        bsc_cli_say(lab->cli, "                 %lld times the directory could not be read\n",
                    number(status, "blind_looks"));
}
