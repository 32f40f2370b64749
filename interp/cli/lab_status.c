#include "cli/lab.h"

static void show_faults(const struct bsc_lab *lab, const struct bsc_value *names)
{
    size_t count = bsc_value_count(names);
    if (count > 0)
        bsc_cli_say(lab->cli, "%-16s ", "broken");
    for (size_t i = 0; i < count; i++)
        bsc_cli_say(lab->cli, "%s%s", bsc_value_string(bsc_value_at(names, i)),
                    i + 1 < count ? ", " : "\n");
}

void bsc_lab_copies_show(const struct bsc_lab *lab, const struct bsc_value *status)
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
    const struct bsc_value *haproxy = bsc_value_get(status, "haproxy");
    bsc_cli_say(lab->cli, "%-16s %lld messages acknowledged to clients; writer %s%s\n", "office",
                (long long)known, bsc_value_get_truth(status, "writer") ? "running" : "not running",
                haproxy != NULL && !bsc_value_truth(haproxy) ? ", HAProxy not running" : "");
}

bool bsc_lab_status(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_value *status = bsc_value_map();
    bool ok = lab->kind->gather(lab, status, err) && bsc_lab_faults_tell(lab, status, err);
    if (ok && lab->cli->json) {
        bsc_cli_json(lab->cli, status);
    } else if (ok) {
        lab->kind->show(lab, status);
        show_faults(lab, bsc_value_get(status, "faults"));
    }
    bsc_value_free(status);
    return ok;
}
