#include "cli/view.h"

#include <poll.h>
#include <string.h>

#include "base/mem.h"
#include "base/shell.h"
#include "cli/prompt.h"
#include "cli/show.h"
#include "os/process.h"
#include "run/denied.h"

static void close_line(struct bsc_cli_view *view)
{
    if (view->line_open)
        fputs("\r\x1b[K", view->cli->out);
    view->line_open = false;
}

static bool item_begin(void *self, const struct bsc_value *item, struct bsc_err *err)
{
    struct bsc_cli_view *view = self;
    (void)err;
    close_line(view);
    bsc_cli_show_item(view->cli, item);
    return true;
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct bsc_cli_view *view = self;
    (void)item;
    (void)err;
    close_line(view);
    bsc_cli_show_outcome(view->cli, bsc_value_get_string(result, "outcome"),
                         bsc_value_get_string(result, "reason"));
    return true;
}

static void change_begin(void *self, const struct bsc_value *effect)
{
    struct bsc_cli_view *view = self;
    close_line(view);
    view->began_us = view->cli->clock->mono_us(view->cli->clock->self);
    bsc_cli_show_statement(view->cli, bsc_value_get_string(effect, "statement"));
}

static void change_end(void *self, const struct bsc_value *effect, const char *outcome,
                       const char *reason)
{
    struct bsc_cli_view *view = self;
    (void)effect;
    close_line(view);
    if (strcmp(outcome, "changed") == 0)
        view->changes++;
    if (reason != NULL && strcmp(outcome, "changed") == 0)
        bsc_cli_show_outcome(view->cli, outcome, reason);
}

static void note(void *self, const struct bsc_value *effect)
{
    struct bsc_cli_view *view = self;
    close_line(view);
    bsc_cli_show_note(view->cli, effect);
}

static struct bsc_value *answered(const char *answer, const char *by, const char *reason)
{
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "answer", answer);
    bsc_value_set_text(value, "by", by);
    if (reason != NULL)
        bsc_value_set_text(value, "reason", reason);
    return value;
}

static void show_question(struct bsc_cli_view *view, const struct bsc_value *effect)
{
    const struct bsc_value *lines = bsc_value_get(effect, "lines");
    for (size_t i = 0; i < bsc_value_count(lines); i++)
        bsc_cli_show_statement(view->cli, bsc_value_string(bsc_value_at(lines, i)));
}

/* A person is there. */
static struct bsc_value *prompt(struct bsc_cli_view *view, const char *title, bool parks)
{
    char user[BSC_PROCESS_USER];
    bsc_process_user(user);
    switch (parks ? bsc_cli_prompt_later(view->cli, title) : bsc_cli_prompt(view->cli, title)) {
    case BSC_ANSWER_YES:
        return answered("yes", user, NULL);
    case BSC_ANSWER_LATER:
        return answered("later", user, "the answer was later");
    case BSC_ANSWER_GONE:
        return answered(parks ? "later" : "no", "nobody", "nobody answered: the terminal was lost");
    case BSC_ANSWER_STOPPED:
        return answered("stopped", "nobody", "stopped by the operator before there was an answer");
    default:
        return answered("no", user, "the answer was no");
    }
}

/* Somebody has said no before, and only a person may say otherwise. */
static struct bsc_value *stays_denied(const struct bsc_value *no)
{
    char *words = bsc_run_denied_words(no);
    char *reason = bsc_mem_format("%s; only a person at a terminal can decide anew", words);
    struct bsc_value *answer = answered("no", "nobody", reason);
    bsc_mem_free(reason);
    bsc_mem_free(words);
    return answer;
}

static void show_denied(struct bsc_cli_view *view, const struct bsc_value *no)
{
    char *words = bsc_run_denied_words(no);
    bsc_cli_show_statement(view->cli, words);
    bsc_mem_free(words);
}

/* Without a terminal and without --yes a gate refuses rather than waits, or parks the run. */
static struct bsc_value *ask(void *self, const struct bsc_value *effect)
{
    struct bsc_cli_view *view = self;
    close_line(view);
    show_question(view, effect);
    bool unplanned = bsc_value_get_truth(effect, "unplanned");
    bool parks = bsc_value_get_truth(effect, "parks");
    const struct bsc_value *no = bsc_value_get(effect, "denied");
    if (unplanned)
        bsc_cli_say(view->cli, "      this is not what the plan showed\n");
    if (no != NULL)
        show_denied(view, no);
    if (view->yes && !unplanned && no == NULL) {
        bsc_cli_say(view->cli, "      answered yes by --yes\n");
        return answered("yes", "--yes", NULL);
    }
    if (view->cli->terminal && !view->cli->json)
        return prompt(view, bsc_value_get_string(effect, "title"), parks);
    if (no != NULL)
        return stays_denied(no);
    if (parks)
        return answered("later", "nobody",
                        unplanned ? "it shows something else than the plan; nobody was there to ask"
                                  : "nobody was there to ask");
    return answered("no", "nobody",
                    unplanned ? "the plan showed something else; make a new one and review it"
                              : "there is no terminal to ask on; give --yes to answer gates");
}

void bsc_cli_view_init(struct bsc_cli_view *view, struct bsc_cli *cli, bool yes)
{
    memset(view, 0, sizeof *view);
    view->cli = cli;
    view->yes = yes;
    view->items.self = view;
    view->items.item_begin = item_begin;
    view->items.item_end = item_end;
    view->live.self = view;
    view->live.change_begin = change_begin;
    view->live.change_end = change_end;
    view->live.note = note;
    view->live.ask = ask;
}

/* The screen may be what hangs. */
static void say_last_words(struct bsc_cli_view *view, enum bsc_run_stopping how)
{
    struct pollfd screen = {.fd = fileno(view->cli->err), .events = POLLOUT};
    if (poll(&screen, 1, 0) <= 0 || (screen.revents & POLLOUT) == 0)
        return;
    struct bsc_buf run;
    bsc_buf_init(&run);
    bsc_shell_add(&run, view->run != NULL ? view->run : "last");
    if (how == BSC_RUN_STOPPING_IN_VAIN)
        fprintf(view->cli->err,
                "\nended without looking: nothing heard from %s for %d s after it was told to "
                "end%s\n",
                view->quiet, BSC_RUN_VAIN_MS / 1000,
                view->quiet_changes ? ",\nand whether it took effect is not known" : "");
    else
        fputs("\nended at once: whether what was under way took effect is not known\n",
              view->cli->err);
    fprintf(view->cli->err, "next     bascule status %s\n", run.data);
    fflush(view->cli->err);
    bsc_buf_release(&run);
}

void bsc_cli_view_stopping(void *self, enum bsc_run_stopping how)
{
    struct bsc_cli_view *view = self;
    close_line(view);
    switch (how) {
    case BSC_RUN_STOPPING_AT_ONCE:
    case BSC_RUN_STOPPING_IN_VAIN:
        say_last_words(view, how);
        break;
    case BSC_RUN_STOPPING_SETTLES:
        bsc_cli_say(view->cli,
                    "      stopping: what is under way is ended and looked at; once more "
                    "within 2 s\n      ends at once, without looking\n");
        break;
    case BSC_RUN_STOPPING_AFTER_ITEM:
        bsc_cli_say(view->cli, "      the terminal was lost: this is the last item\n");
        break;
    }
}

/* Bytes come faster than one in a microsecond, and many of them are more than can be multiplied: so
 * large counts are taken in units of what is a millionth of the work that is done. */
static int64_t seconds_left(int64_t spent_us, const struct bsc_run_progress *progress)
{
    int64_t unit = progress->done / 1000000 + 1;
    int64_t done = progress->done / unit + 1;
    int64_t left = (progress->total - progress->done) / unit;
    return spent_us / 1000 * left / done / 1000;
}

/* Shorter than this, nobody wonders. */
enum { QUIET_MS = 10000 };

/* A server that has much to do looks like one that hangs: so it is said how long nothing was heard,
 * and not what that means. */
static void say_quiet(struct bsc_cli_view *view, int64_t quiet_ms)
{
    struct bsc_cli *cli = view->cli;
    if (!cli->terminal && quiet_ms < 2 * view->quiet_told_ms)
        return;
    view->quiet_told_ms = quiet_ms;
    fprintf(cli->out, "%s      waiting for %s: nothing heard for %lld s%s",
            cli->terminal ? "\r\x1b[K" : "", view->quiet, (long long)quiet_ms / 1000,
            cli->terminal ? "" : "\n");
    fflush(cli->out);
    view->line_open = cli->terminal;
}

static void show_done(struct bsc_cli_view *view, const struct bsc_run_progress *progress)
{
    struct bsc_cli *cli = view->cli;
    if (!cli->terminal || progress->total <= 0 || progress->done <= 0)
        return;
    int64_t spent_us = cli->clock->mono_us(cli->clock->self) - view->began_us;
    int64_t left_s = seconds_left(spent_us, progress);
    fprintf(cli->out, "\r\x1b[K      %lld of %lld %s, %lld s left", (long long)progress->done,
            (long long)progress->total, progress->unit, (long long)left_s);
    fflush(cli->out);
    view->line_open = true;
}

void bsc_cli_view_progress(void *self, const struct bsc_run_progress *progress)
{
    struct bsc_cli_view *view = self;
    const char *row = progress->quiet_row != NULL ? progress->quiet_row : "";
    const char *lane = progress->quiet_row != NULL ? progress->quiet_lane : "";
    const bool has_lane = lane[0] != '\0';
    char quiet[sizeof view->quiet];
    snprintf(quiet, sizeof quiet, "%s%s%s%s", lane, has_lane ? " (" : "", row, has_lane ? ")" : "");
    if (strcmp(quiet, view->quiet) != 0)
        view->quiet_told_ms = 0;
    memcpy(view->quiet, quiet, sizeof quiet);
    view->quiet_changes = progress->quiet_changes;
    if (view->cli->json)
        return;
    if (progress->quiet_ms >= QUIET_MS) {
        say_quiet(view, progress->quiet_ms);
        return;
    }
    view->quiet_told_ms = 0;
    show_done(view, progress);
}
