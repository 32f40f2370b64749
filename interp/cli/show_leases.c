#include "cli/show_leases.h"

#include <string.h>

#include "base/mem.h"
#include "cli/opening.h"
#include "cli/show.h"
#include "cli/show_standing.h"
#include "os/clock.h"
#include "run/leases.h"

/* -------------------------------------------------------------------- looking */

static const char *word(const struct bsc_value *lease, const char *key)
{
    const char *text = bsc_value_get_string(lease, key);
    return text != NULL ? text : "unknown";
}

static bool is_of(const struct bsc_value *text, const char *run)
{
    return run == NULL || strcmp(word(text, "run"), run) == 0;
}

static bool add_lease(struct bsc_cli *cli, const char *path, const char *run,
                      struct bsc_value *list, struct bsc_err *err)
{
    struct bsc_journal_lease_view view = {0};
    if (!bsc_journal_lease_look(cli->sys, path, &view, err))
        return false;
    if (view.stand != BSC_JOURNAL_LEASE_FREE && is_of(view.text, run)) {
        struct bsc_value *lease = view.text != NULL ? bsc_value_copy(view.text) : bsc_value_map();
        bsc_value_set_text(lease, "place", path);
        bsc_value_set_text(lease, "stand", bsc_journal_lease_stand_word(view.stand));
        bsc_value_append(list, lease);
    }
    bsc_journal_lease_view_release(&view);
    return true;
}

struct bsc_value *bsc_cli_leases(struct bsc_cli *cli, const struct bsc_value *places,
                                 const char *run, struct bsc_err *err)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(places); i++) {
        if (!add_lease(cli, bsc_value_key_at(places, i), run, list, err)) {
            bsc_value_free(list);
            return NULL;
        }
    }
    return list;
}

bool bsc_cli_leases_of_site(struct bsc_cli *cli, const char *site_path, struct bsc_value *places,
                            struct bsc_err *err)
{
    struct bsc_run_session session = {0};
    struct bsc_run_session_options options = bsc_cli_session_options(cli);
    struct bsc_value *found = NULL;
    options.site_path = site_path;
    options.look_only = true;
    if (bsc_run_session_open(&session, &options, err))
        found = bsc_run_leases_places(&session, err);
    for (size_t i = 0; i < bsc_value_count(found); i++)
        bsc_value_set_bool(places, bsc_value_string(bsc_value_item_at(found, i)), true);
    bool done = found != NULL;
    bsc_value_free(found);
    bsc_run_session_close(&session);
    return done;
}

/* -------------------------------------------------------------------- telling */

static const char *stand_text(const char *stand)
{
    if (strcmp(stand, "held") == 0)
        return "at work";
    if (strcmp(stand, "left") == 0)
        return "its process is gone; the next run takes it";
    return "whether it is at work cannot be told from here";
}

static void say_owner(struct bsc_cli *cli, const struct bsc_value *lease, int64_t now_ms)
{
    char ago[BSC_CLI_DURATION];
    int64_t since = now_ms;
    bsc_clock_parse(word(lease, "since"), &since);
    bsc_cli_format_duration(now_ms - since, ago);
    bsc_cli_say(cli, "      run %s, process %lld of %s on %s, since %.10s %.8s UTC, %s ago: %s\n",
                word(lease, "run"), (long long)bsc_value_get_number(lease, "pid", 0),
                word(lease, "user"), word(lease, "host"), word(lease, "since"),
                strlen(word(lease, "since")) > 11 ? word(lease, "since") + 11 : "", ago,
                stand_text(word(lease, "stand")));
}

static void say_taken_over(struct bsc_cli *cli, const struct bsc_value *lease)
{
    const struct bsc_value *from = bsc_value_get(lease, "from");
    if (from == NULL)
        return;
    char *reason = bsc_cli_line(word(lease, "reason"));
    bsc_cli_say(cli, "      taken over from run %s: %s\n", word(from, "run"), reason);
    bsc_mem_free(reason);
}

void bsc_cli_show_leases(struct bsc_cli *cli, const struct bsc_value *leases, int64_t now_ms)
{
    for (size_t i = 0; i < bsc_value_count(leases); i++) {
        const struct bsc_value *lease = bsc_value_at(leases, i);
        bsc_cli_say(cli, "%s %s\n", i == 0 ? "\nlease" : "lease", word(lease, "place"));
        if (bsc_value_get(lease, "run") != NULL) {
            say_owner(cli, lease, now_ms);
            say_taken_over(cli, lease);
        } else {
            bsc_cli_say(cli, "      nobody can tell who has it\n");
        }
    }
}
