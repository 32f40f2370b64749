#include "cli/watch.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/show_standing.h"
#include "os/loop.h"
#include "run/estimate.h"
#include "run/standing.h"

enum {
    LOOK_MS = 200,
    /* An estimate reads other journals; it need not be as fresh as what happens. */
    ESTIMATE_EVERY = 10
};

struct watch {
    struct bsc_cli *cli;                     /* borrowed */
    const struct bsc_journal_folder *folder; /* borrowed */
    struct bsc_loop *loop;                   /* owned */
    struct bsc_timer *timer;                 /* owned by the loop; NULL: none */
    struct bsc_run_standing standing;
    struct bsc_cli_standing shown;
    char *left_as;   /* owned */
    int64_t left_at; /* when the estimate was made; wall time */
    int looks;       /* so far */
    bool line_open;  /* the line of what is under way is on the screen */
    bool stopped;    /* by whoever watches */
    bool failed;     /* `err` says why */
    struct bsc_err err;
};

static int64_t now_of(const struct watch *watch)
{
    return watch->cli->clock->wall_ms(watch->cli->clock->self);
}

static void close_line(struct watch *watch)
{
    if (watch->line_open)
        fputs("\r\x1b[K", watch->cli->out);
    watch->line_open = false;
}

/* -------------------------------------------------------------------- events */

static void tell_json(struct watch *watch, enum bsc_journal_kind kind,
                      const struct bsc_value *payload)
{
    static const char *const keys[] = {"time",      "mode",    "item",   "title", "kind",
                                       "statement", "outcome", "reason", "text",  "answer"};
    struct bsc_value *event = bsc_value_map();
    bsc_value_set_text(event, "event", bsc_journal_kind_name(kind));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct bsc_value *value = bsc_value_get(payload, keys[i]);
        if (value != NULL)
            bsc_value_set(event, keys[i], bsc_value_copy(value));
    }
    bsc_cli_json(watch->cli, event);
    bsc_value_free(event);
}

static void tell_text(struct watch *watch, const char *label, const char *text)
{
    char *line = bsc_cli_line(text);
    bsc_cli_say(watch->cli, "          %s%s\n", label, line);
    bsc_mem_free(line);
}

/* One record, as it comes. */
static void told(void *arg, enum bsc_journal_kind kind, const struct bsc_value *payload)
{
    struct watch *watch = arg;
    close_line(watch);
    watch->shown.now_ms = now_of(watch);
    if (watch->cli->json) {
        tell_json(watch, kind, payload);
        return;
    }
    switch (kind) {
    case BSC_JOURNAL_RUN_BEGIN:
        bsc_cli_say(watch->cli, "%s by %s on %s, process %lld\n",
                    bsc_value_get_string(payload, "mode"), bsc_value_get_string(payload, "user"),
                    bsc_value_get_string(payload, "host"),
                    (long long)bsc_value_get_number(payload, "pid", 0));
        break;
    case BSC_JOURNAL_ITEM_END:
        bsc_cli_show_standing_item(&watch->shown, bsc_value_get_number(payload, "item", 0));
        break;
    case BSC_JOURNAL_ASK:
        tell_text(watch, "waits for an answer: ", bsc_value_get_string(payload, "title"));
        break;
    case BSC_JOURNAL_ANSWER:
        tell_text(watch, "answered: ", bsc_value_get_string(payload, "answer"));
        break;
    default:
        break;
    }
}

/* -------------------------------------------------------------------- what is under way */

static void estimate(struct watch *watch)
{
    if (watch->looks++ % ESTIMATE_EVERY != 0)
        return;
    bsc_mem_free(watch->left_as);
    watch->left_as = NULL;
    watch->left_at = now_of(watch);
    if (!bsc_run_estimate(watch->cli->sys, watch->folder, &watch->standing, watch->left_at,
                          &watch->shown.left_ms, &watch->left_as))
        watch->shown.left_ms = -1;
    watch->shown.left_as = watch->left_as;
}

static void show_line(struct watch *watch)
{
    struct bsc_cli *cli = watch->cli;
    const struct bsc_run_standing *standing = &watch->standing;
    const struct bsc_run_standing_item *item = bsc_run_standing_item(standing, standing->item);
    if (!cli->terminal || cli->json || item == NULL)
        return;
    char took[BSC_CLI_DURATION], left[BSC_CLI_DURATION];
    estimate(watch);
    bsc_cli_format_duration(now_of(watch) - item->begin_ms, took);
    bsc_cli_format_duration(watch->shown.left_ms, left);
    char *title = bsc_cli_line(item->title);
    fputs("\r\x1b[K", cli->out);
    bsc_cli_say(cli, "%3lld %-5s under way, %s: %.50s%s%s", (long long)standing->item,
                item->kind != NULL ? item->kind : "", took, title,
                watch->shown.left_ms >= 0 ? "; all of it about " : "",
                watch->shown.left_ms >= 0 ? left : "");
    watch->line_open = true;
    bsc_mem_free(title);
}

/* -------------------------------------------------------------------- the watching */

static void stop(struct watch *watch)
{
    close_line(watch);
    bsc_loop_stop(watch->loop);
}

static void signalled(void *arg, int signal_number)
{
    struct watch *watch = arg;
    (void)signal_number;
    watch->stopped = true;
    stop(watch);
}

static void look(void *arg)
{
    struct watch *watch = arg;
    watch->timer = NULL;
    watch->failed =
        !bsc_run_standing_read(&watch->standing, watch->cli->sys, watch->folder, &watch->err);
    /* Nobody reads what is told any more: there is nothing to stay for. */
    watch->stopped = watch->stopped || watch->cli->out_errno != 0;
    if (watch->failed || watch->stopped || watch->standing.stand != BSC_RUN_STAND_RUNNING) {
        stop(watch);
        return;
    }
    show_line(watch);
    watch->timer = bsc_timer_start(watch->loop, LOOK_MS, look, watch);
}

static int exit_of(const struct watch *watch)
{
    switch (watch->standing.stand) {
    case BSC_RUN_STAND_RUNNING:
        return BSC_EXIT_UNKNOWN;
    case BSC_RUN_STAND_INTERRUPTED:
    case BSC_RUN_STAND_NOT_BEGUN:
    case BSC_RUN_STAND_DAMAGED:
        return BSC_EXIT_NOT_VERIFIED;
    default:
        return (int)(bsc_value_get_number(watch->standing.end, "exit", 1) & 0xff);
    }
}

static int conclude(struct watch *watch)
{
    const struct bsc_run_standing *standing = &watch->standing;
    int code = exit_of(watch);
    watch->shown.now_ms = now_of(watch);
    watch->shown.left_ms = -1;
    if (watch->cli->json) {
        struct bsc_value *value = bsc_cli_standing_value(&watch->shown, false);
        bsc_cli_json(watch->cli, value);
        bsc_value_free(value);
        return code;
    }
    if (watch->stopped)
        bsc_cli_say(watch->cli, "\nno longer watched; the run goes on\n");
    else
        bsc_cli_say(watch->cli, "\n%s: %s\n", bsc_run_stand_name(standing->stand),
                    bsc_run_stand_text(standing->stand));
    bsc_cli_show_way_on(&watch->shown, "");
    return code;
}

int bsc_cli_watch(struct bsc_cli *cli, const struct bsc_journal_folder *folder, const char *where)
{
    struct watch watch = {.cli = cli, .folder = folder};
    watch.shown = (struct bsc_cli_standing){cli, &watch.standing, folder, where, 0, -1, NULL};
    watch.standing.told = told;
    watch.standing.told_arg = &watch;
    watch.loop = bsc_loop_new(&watch.err);
    int code = -1;
    if (watch.loop != NULL && bsc_loop_watch_signals(watch.loop, signalled, &watch, &watch.err)) {
        bsc_cli_say(cli, "run      %s\n", folder->id);
        watch.timer = bsc_timer_start(watch.loop, 0, look, &watch);
        bsc_loop_run(watch.loop);
        code = watch.failed ? -1 : conclude(&watch);
    }
    bsc_loop_free(watch.loop);
    bsc_run_standing_release(&watch.standing);
    bsc_mem_free(watch.left_as);
    return code >= 0 ? code : bsc_cli_fail(cli, &watch.err);
}
