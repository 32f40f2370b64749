#include "cli/lab.h"

#include <string.h>

#include "base/mem.h"
#include "logs/copy_state.h"

struct copy {
    const char *title;
    const char *path;
};

static const struct copy copies[] = {{"sql1 (Atlanta)", BSC_LAB_PRIMARY},
                                     {"sql2 (Atlanta)", BSC_LAB_MIRROR},
                                     {"sql3 (Boston)", BSC_LAB_SECONDARY},
                                     {"sql4 (Boston)", BSC_LAB_NEW_MIRROR}};

enum { COPY_COUNT = sizeof copies / sizeof copies[0] };

static struct bsc_value *state_of(const struct bsc_lab *lab, const char *name)
{
    char *path = bsc_lab_path(lab, name);
    struct bsc_value *facts = bsc_logs_copy_state(lab->cli->sys, path);
    bsc_mem_free(path);
    return facts;
}

static bool is_online(const struct bsc_value *facts)
{
    const char *state = bsc_value_get_string(facts, "state");
    return state != NULL && strcmp(state, "online") == 0;
}

static bool count_messages(const struct bsc_lab *lab, const char *database, const char *statement,
                           int64_t *ret_count, struct bsc_err *err)
{
    struct bsc_sql *sql = bsc_lab_sql_open(lab, database, false, err);
    bool ok = sql != NULL && bsc_lab_sql_number(sql, statement, ret_count, err);
    bsc_sql_close(sql);
    return ok;
}

/* Every copy, and where the users' messages are: the online copy is the one that clients use. */
static bool gather(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    struct bsc_value *list = bsc_value_list();
    int64_t known = 0;
    bool ok = count_messages(lab, BSC_LAB_LEDGER, "SELECT count(*) FROM acknowledged", &known, err);
    bsc_value_set(status, "copies", list);
    for (size_t i = 0; ok && i < COPY_COUNT; i++) {
        struct bsc_value *facts = state_of(lab, copies[i].path);
        int64_t kept = 0;
        bsc_value_set_text(facts, "title", copies[i].title);
        if (is_online(facts)) {
            ok = count_messages(lab, copies[i].path, "SELECT count(*) FROM tblChatMessage", &kept,
                                err);
            bsc_value_set_int(facts, "messages", kept);
        }
        bsc_value_append(list, facts);
    }
    bsc_value_set_int(status, "acknowledged", known);
    bsc_value_set_bool(status, "writer", bsc_lab_staff_alive(lab, "writer"));
    return ok;
}

static void show(const struct bsc_lab *lab, const struct bsc_value *status)
{
    const struct bsc_value *list = bsc_value_get(status, "copies");
    int64_t known = bsc_value_get_number(status, "acknowledged", 0);
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const struct bsc_value *copy = bsc_value_at(list, i);
        int64_t kept = bsc_value_get_number(copy, "messages", -1);
        bsc_cli_say(lab->cli, "%-16s %-12s", bsc_value_get_string(copy, "title"),
                    bsc_value_get_string(copy, "state"));
        if (kept >= 0)
            bsc_cli_say(lab->cli, " %lld messages, %lld of the acknowledged ones are lost",
                        (long long)kept, (long long)(known > kept ? known - kept : 0));
        bsc_cli_say(lab->cli, "\n");
    }
    bsc_cli_say(lab->cli, "%-16s %lld messages acknowledged to clients; writer %s\n", "office",
                (long long)known,
                bsc_value_get_truth(status, "writer") ? "running" : "not running");
}

bool bsc_lab_status(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_value *status = bsc_value_map();
    bool ok = gather(lab, status, err);
    if (ok && lab->cli->json)
        bsc_cli_json(lab->cli, status);
    else if (ok)
        show(lab, status);
    bsc_value_free(status);
    return ok;
}
