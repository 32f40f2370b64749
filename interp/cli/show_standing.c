#include "cli/show_standing.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/show.h"
#include "cli/show_parked.h"
#include "cli/typed.h"
#include "os/clock.h"
#include "run/moves.h"
#include "run/outcome.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

void bsc_cli_format_duration(int64_t ms, char ret_text[BSC_CLI_DURATION])
{
    long long t = ms > 0 ? ms : 0;
    if (t < SECOND)
        snprintf(ret_text, BSC_CLI_DURATION, "%lld ms", t);
    else if (t < MINUTE)
        snprintf(ret_text, BSC_CLI_DURATION, "%lld s", t / SECOND);
    else if (t < HOUR)
        snprintf(ret_text, BSC_CLI_DURATION, "%lld min %lld s", t / MINUTE, t % MINUTE / SECOND);
    else if (t < DAY)
        snprintf(ret_text, BSC_CLI_DURATION, "%lld h %lld min", t / HOUR, t % HOUR / MINUTE);
    else
        snprintf(ret_text, BSC_CLI_DURATION, "%lld d %lld h", t / DAY, t % DAY / HOUR);
}

/* -------------------------------------------------------------------- small parts */

static const char *text_of(const struct bsc_value *map, const char *key)
{
    const char *text = bsc_value_get_string(map, key);
    return text != NULL ? text : "";
}

static int64_t time_of(const char *time)
{
    int64_t ms = 0;
    return bsc_clock_parse(time, &ms) ? ms : 0;
}

/* "2026-11-20 23:15:01 UTC, 2 min 5 s ago" */
static void say_time(const struct bsc_cli_standing *shown, const char *time)
{
    char ago[BSC_CLI_DURATION];
    bsc_cli_format_duration(shown->now_ms - time_of(time), ago);
    bsc_cli_say(shown->cli, "%.10s %.8s UTC, %s ago", time, strlen(time) > 11 ? time + 11 : "",
                ago);
}

/* Says one line of a text that comes from a runbook or a server. */
static void say_line(const struct bsc_cli_standing *shown, const char *text)
{
    char *line = bsc_cli_line(text);
    bsc_cli_say(shown->cli, "%s", line);
    bsc_mem_free(line);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static const char *style_of(const struct bsc_cli_standing *shown)
{
    switch (shown->standing->stand) {
    case BSC_RUN_STAND_DONE:
    case BSC_RUN_STAND_ROLLED_BACK:
        return bsc_cli_style(shown->cli, BSC_STYLE_GOOD);
    case BSC_RUN_STAND_RUNNING:
    case BSC_RUN_STAND_PARKED:
        return bsc_cli_style(shown->cli, BSC_STYLE_BOLD);
    default:
        return bsc_cli_style(shown->cli, BSC_STYLE_BAD);
    }
}

static void say_stand(const struct bsc_cli_standing *shown)
{
    bsc_cli_say(shown->cli, "%s%s%s", style_of(shown), bsc_run_stand_name(shown->standing->stand),
                bsc_cli_style(shown->cli, BSC_STYLE_PLAIN));
}

static void say_extent(const struct bsc_cli_standing *shown)
{
    const struct bsc_run_standing *standing = shown->standing;
    bsc_cli_say(shown->cli, "%zu", bsc_run_standing_done(standing));
    if (standing->items_all > 0)
        bsc_cli_say(shown->cli, " of %zu", standing->items_all);
    bsc_cli_say(shown->cli, " items done, %lld change%s", (long long)standing->changes,
                plural(standing->changes));
    if (standing->undone > 0)
        bsc_cli_say(shown->cli, ", %zu item%s taken back", standing->undone,
                    plural((int64_t)standing->undone));
    bsc_cli_say(shown->cli, "\n");
}

/* The items tell how the way forward ended. */
static void say_stuck(const struct bsc_cli_standing *shown, const char *margin)
{
    const struct bsc_value *stuck = shown->standing->stuck;
    int64_t index = bsc_value_get_number(stuck, "item", 0);
    const struct bsc_run_standing_item *item = bsc_run_standing_item(shown->standing, index);
    if (item == NULL)
        return;
    bsc_cli_say(shown->cli, "%sat       taking back %lld  ", margin, (long long)index);
    say_line(shown, item->title);
    bsc_cli_say(shown->cli, ": %s\n", text_of(stuck, "outcome"));
}

/* What a change that moves one by one has come to. */
static void say_moves(const struct bsc_cli_standing *shown, const char *margin)
{
    const struct bsc_value *moves = bsc_value_get(shown->standing->in_flight, "moves");
    struct bsc_buf counts;
    if (moves == NULL)
        return;
    bsc_buf_init(&counts);
    bsc_run_moves_say(moves, &counts);
    bsc_cli_say(shown->cli, "%s         %s\n", margin, counts.data);
    bsc_buf_release(&counts);
}

/* The item under way and since when, what waits for an answer, what is in flight. */
static void say_now(const struct bsc_cli_standing *shown, const char *margin)
{
    const struct bsc_run_standing *standing = shown->standing;
    const struct bsc_run_standing_item *item = bsc_run_standing_item(standing, standing->item);
    bool runs = standing->stand == BSC_RUN_STAND_RUNNING;
    char took[BSC_CLI_DURATION];
    say_stuck(shown, margin);
    if (bsc_run_standing_parked(standing) != NULL)
        bsc_cli_show_parked(shown->cli, bsc_run_standing_parked(standing), shown->now_ms, margin);
    if (item != NULL && (runs || standing->stand == BSC_RUN_STAND_INTERRUPTED)) {
        bsc_cli_format_duration(shown->now_ms - item->begin_ms, took);
        bsc_cli_say(shown->cli, "%s%s %lld %s  ", margin, runs ? "now     " : "at      ",
                    (long long)standing->item, item->kind != NULL ? item->kind : "");
        say_line(shown, item->title);
        bsc_cli_say(shown->cli, "%s%s\n", runs ? ", for " : "", runs ? took : "");
    }
    if (standing->asked != NULL) {
        bsc_cli_say(shown->cli, "%s%s ", margin, runs ? "waits   " : "waited  ");
        bsc_cli_say(shown->cli, "for an answer: ");
        say_line(shown, text_of(standing->asked, "title"));
        bsc_cli_say(shown->cli, "\n");
    }
    if (standing->in_flight != NULL) {
        bsc_cli_say(shown->cli, "%s%s", margin, runs ? "changing " : "in doubt ");
        say_line(shown, text_of(standing->in_flight, "statement"));
        bsc_cli_say(shown->cli, "\n");
        say_moves(shown, margin);
        if (!runs)
            bsc_cli_say(shown->cli,
                        "%s         it was begun; whether it took effect is not known\n", margin);
    }
}

static void say_left(const struct bsc_cli_standing *shown, const char *margin)
{
    char left[BSC_CLI_DURATION];
    if (shown->left_ms < 0)
        return;
    bsc_cli_format_duration(shown->left_ms, left);
    bsc_cli_say(shown->cli, "%sleft     about %s, as in %s\n", margin, left, shown->left_as);
}

/* -------------------------------------------------------------------- the way on */

static void add_command(const struct bsc_cli_standing *shown, struct bsc_value *commands,
                        const char *verb, const char *option)
{
    char *more = bsc_mem_format("%s%s", option, shown->where);
    char *command = bsc_cli_typed(verb, shown->folder, more);
    bsc_value_append(commands, bsc_value_text(command));
    bsc_mem_free(command);
    bsc_mem_free(more);
}

/* A rollback that stopped goes on as a rollback; what changed nothing has nothing to take back. */
static void add_resumption(const struct bsc_cli_standing *shown, struct bsc_value *commands)
{
    const struct bsc_run_standing *standing = shown->standing;
    bool back = strcmp(bsc_run_standing_mode(standing), "rollback") == 0;
    bool can_go_back =
        bsc_run_standing_has_way_back(standing) && !bsc_run_standing_is_past_return(standing);
    if (!back)
        add_command(shown, commands, "resume", "");
    if (back || can_go_back)
        add_command(shown, commands, "rollback", "");
}

struct bsc_value *bsc_cli_way_on(const struct bsc_cli_standing *shown)
{
    struct bsc_value *commands = bsc_value_list();
    switch (shown->standing->stand) {
    case BSC_RUN_STAND_RUNNING:
        add_command(shown, commands, "status", " --watch");
        break;
    case BSC_RUN_STAND_DONE:
    case BSC_RUN_STAND_ROLLED_BACK:
        add_command(shown, commands, "report", "");
        break;
    case BSC_RUN_STAND_NOT_BEGUN:
        break;
    case BSC_RUN_STAND_DAMAGED:
        add_command(shown, commands, "audit verify", "");
        break;
    default:
        add_resumption(shown, commands);
        break;
    }
    return commands;
}

static const char *advice_of(const struct bsc_run_standing *standing)
{
    if (standing->stand == BSC_RUN_STAND_DAMAGED)
        return "keep the folder as it is; look at the site with bascule observe";
    if (standing->stand == BSC_RUN_STAND_NOT_BEGUN)
        return "plan and run it again";
    if (bsc_run_standing_is_orphaned(standing))
        return "its process is gone, but not a program that it started; once that has ended, the "
               "run can be resumed or taken back";
    bool stopped = standing->stand != BSC_RUN_STAND_RUNNING &&
                   standing->stand != BSC_RUN_STAND_DONE &&
                   standing->stand != BSC_RUN_STAND_ROLLED_BACK;
    if (stopped && bsc_run_standing_is_past_return(standing))
        return standing->in_flight != NULL
                   ? "the point of no return may have been passed; resume looks first"
                   : "past the point of no return: there is no way back";
    return NULL;
}

void bsc_cli_show_way_on(const struct bsc_cli_standing *shown, const char *margin)
{
    struct bsc_value *commands = bsc_cli_way_on(shown);
    const char *advice = advice_of(shown->standing);
    const char *label = "next     ";
    for (size_t i = 0; i < bsc_value_count(commands); i++) {
        bsc_cli_say(shown->cli, "%s%s%s\n", margin, label,
                    bsc_value_string(bsc_value_at(commands, i)));
        label = i == 0 ? "or       " : label;
    }
    if (advice != NULL)
        bsc_cli_say(shown->cli, "%snote     %s\n", margin, advice);
    bsc_value_free(commands);
}

/* -------------------------------------------------------------------- one item */

void bsc_cli_show_standing_item(const struct bsc_cli_standing *shown, int64_t index)
{
    const struct bsc_run_standing *standing = shown->standing;
    const struct bsc_run_standing_item *item = bsc_run_standing_item(standing, index);
    enum bsc_outcome outcome = BSC_OUTCOME_UNKNOWN;
    char took[BSC_CLI_DURATION] = "";
    if (item == NULL)
        return;
    bool good =
        bsc_run_outcome_parse(item->outcome, &outcome) && bsc_run_outcome_goes_on(outcome, false);
    bool live = item->outcome == NULL && standing->stand == BSC_RUN_STAND_RUNNING;
    if (item->outcome != NULL)
        bsc_cli_format_duration(item->end_ms - item->begin_ms, took);
    else if (live)
        bsc_cli_format_duration(shown->now_ms - item->begin_ms, took);
    const char *word = item->outcome != NULL ? item->outcome : live ? "under way" : "not ended";
    bsc_cli_say(shown->cli, "%3lld %-5s %s%-11s%s %10s  ", (long long)index,
                item->kind != NULL ? item->kind : "",
                bsc_cli_style(shown->cli, good || live ? BSC_STYLE_GOOD : BSC_STYLE_BAD), word,
                bsc_cli_style(shown->cli, BSC_STYLE_PLAIN), took);
    say_line(shown, item->title);
    bsc_cli_say(shown->cli, "\n");
    if (!good && item->reason != NULL && *item->reason != '\0')
        bsc_cli_show_folded(shown->cli, 10, item->reason);
}

static void say_items(const struct bsc_cli_standing *shown, const struct bsc_value *planned)
{
    size_t count = bsc_value_count(planned);
    if (shown->standing->item_count > count)
        count = shown->standing->item_count;
    for (size_t i = 1; i <= count; i++) {
        const struct bsc_value *item = bsc_value_at(planned, i - 1);
        if (bsc_run_standing_item(shown->standing, (int64_t)i) != NULL) {
            bsc_cli_show_standing_item(shown, (int64_t)i);
            continue;
        }
        bsc_cli_say(shown->cli, "%3zu %-5s %-11s %10s  ", i, text_of(item, "kind"), "not begun",
                    "");
        say_line(shown, text_of(item, "title"));
        bsc_cli_say(shown->cli, "\n");
    }
}

/* -------------------------------------------------------------------- one run */

static const char *began(const struct bsc_run_standing *standing)
{
    return standing->report.records > 0 ? standing->report.first_time : "";
}

void bsc_cli_show_standing_brief(const struct bsc_cli_standing *shown)
{
    const struct bsc_run_standing *standing = shown->standing;
    const char *why = text_of(bsc_value_get(standing->end, "summary"), "text");
    bsc_cli_say(shown->cli, "%s  ", shown->folder->id);
    say_stand(shown);
    bsc_cli_say(shown->cli, "\n");
    if (standing->begin != NULL) {
        bsc_cli_say(shown->cli, "      begun    ");
        say_time(shown, began(standing));
        bsc_cli_say(shown->cli, "; ");
        say_extent(shown);
    }
    if (standing->end != NULL && *why != '\0' && standing->stand != BSC_RUN_STAND_PARKED) {
        bsc_cli_say(shown->cli, "      why      ");
        say_line(shown, why);
        bsc_cli_say(shown->cli, "\n");
    }
    say_now(shown, "      ");
    say_left(shown, "      ");
    if (standing->stand != BSC_RUN_STAND_DONE && standing->stand != BSC_RUN_STAND_ROLLED_BACK)
        bsc_cli_show_way_on(shown, "      ");
}

static void say_who(const struct bsc_cli_standing *shown, const char *label, const char *time)
{
    const struct bsc_value *begin = shown->standing->begin;
    bsc_cli_say(shown->cli, "%-8s ", label);
    say_time(shown, time);
    bsc_cli_say(shown->cli, " by %s on %s (process %lld)\n", text_of(begin, "user"),
                text_of(begin, "host"), (long long)bsc_value_get_number(begin, "pid", 0));
}

/* A program of a killed run goes on with what it was told to do. */
static void say_orphans(const struct bsc_cli_standing *shown)
{
    const struct bsc_value *orphans = bsc_value_get(shown->standing->holder, "orphans");
    bsc_cli_say(shown->cli,
                "         which is gone; a program that it started still holds the lock");
    for (size_t i = 0; i < bsc_value_count(orphans); i++)
        bsc_cli_say(shown->cli, "%s process %lld", i == 0 ? ":" : ",",
                    (long long)bsc_value_number(bsc_value_at(orphans, i), 0));
    bsc_cli_say(shown->cli, "\n");
}

static void say_holder(const struct bsc_cli_standing *shown)
{
    const struct bsc_value *holder = shown->standing->holder;
    if (holder == NULL)
        return;
    bsc_cli_say(shown->cli, "held     by process %lld on %s since %.10s %.8s UTC\n",
                (long long)bsc_value_get_number(holder, "pid", 0), text_of(holder, "host"),
                text_of(holder, "since"),
                strlen(text_of(holder, "since")) > 11 ? text_of(holder, "since") + 11 : "");
    if (bsc_run_standing_is_orphaned(shown->standing))
        say_orphans(shown);
}

static void say_end(const struct bsc_cli_standing *shown)
{
    const struct bsc_value *end = shown->standing->end;
    const char *why = text_of(bsc_value_get(end, "summary"), "text");
    if (end == NULL)
        return;
    bsc_cli_say(shown->cli, "ended    ");
    say_time(shown, text_of(end, "time"));
    bsc_cli_say(shown->cli, ", exit code %lld\n", (long long)bsc_value_get_number(end, "exit", 0));
    if (*why != '\0')
        bsc_cli_show_folded(shown->cli, 9, why);
}

static void say_journal(const struct bsc_cli_standing *shown)
{
    const struct bsc_journal_report *report = &shown->standing->report;
    bsc_cli_say(shown->cli, "journal  %s, %lld records\n", shown->folder->journal,
                (long long)report->records);
    if (shown->standing->stand == BSC_RUN_STAND_DAMAGED)
        bsc_cli_say(shown->cli, "         damaged at line %lld: %s\n", (long long)report->bad_line,
                    bsc_journal_fault_text(report->fault));
    else if (report->state == BSC_JOURNAL_TORN && shown->standing->stand != BSC_RUN_STAND_RUNNING)
        bsc_cli_say(shown->cli, "         the last record was not written to its end, and does not "
                                "count\n");
}

void bsc_cli_show_standing(const struct bsc_cli_standing *shown, const struct bsc_value *planned)
{
    const struct bsc_run_standing *standing = shown->standing;
    bsc_cli_say(shown->cli, "run      %s\nstate    ", shown->folder->id);
    say_stand(shown);
    bsc_cli_say(shown->cli, ": %s\n", bsc_run_stand_text(standing->stand));
    if (standing->begin != NULL) {
        bsc_cli_say(shown->cli, "runbook  ");
        say_line(shown, text_of(standing->begin, "runbook"));
        bsc_cli_say(shown->cli, "\n");
        say_who(shown, "begun",
                standing->begins == 1 ? began(standing) : text_of(standing->begin, "time"));
        if (standing->begins > 1)
            bsc_cli_say(shown->cli,
                        "         process %zu at it (%s); the first began %.10s %.8s UTC\n",
                        standing->begins, bsc_run_standing_mode(standing), began(standing),
                        began(standing) + 11);
    }
    say_holder(shown);
    say_end(shown);
    say_journal(shown);
    bsc_cli_say(shown->cli, "items    ");
    say_extent(shown);
    say_now(shown, "");
    say_left(shown, "");
    bsc_cli_say(shown->cli, "\n");
    say_items(shown, planned);
    bsc_cli_say(shown->cli, "\n");
    bsc_cli_show_way_on(shown, "");
}

/* -------------------------------------------------------------------- as data */

static void set_time(struct bsc_value *map, const char *key, int64_t ms)
{
    char text[BSC_CLOCK_TEXT];
    bsc_clock_format(ms, text);
    bsc_value_set_text(map, key, text);
}

static void set_copy(struct bsc_value *map, const char *key, const struct bsc_value *value)
{
    if (value != NULL)
        bsc_value_set(map, key, bsc_value_copy(value));
}

static struct bsc_value *item_value(const struct bsc_cli_standing *shown, int64_t index)
{
    const struct bsc_run_standing_item *item = bsc_run_standing_item(shown->standing, index);
    struct bsc_value *map = bsc_value_map();
    int64_t until = item->outcome != NULL ? item->end_ms : shown->now_ms;
    bsc_value_set_int(map, "item", index);
    bsc_value_set_text(map, "kind", item->kind);
    bsc_value_set_text(map, "title", item->title);
    bsc_value_set_text(map, "outcome", item->outcome);
    bsc_value_set_text(map, "reason", item->reason);
    bsc_value_set_int(map, "changes", item->changes);
    set_time(map, "began", item->begin_ms);
    bsc_value_set_int(map, "ms", until - item->begin_ms);
    return map;
}

static struct bsc_value *items_value(const struct bsc_cli_standing *shown)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 1; i <= shown->standing->item_count; i++)
        if (bsc_run_standing_item(shown->standing, (int64_t)i) != NULL)
            bsc_value_append(list, item_value(shown, (int64_t)i));
    return list;
}

static void set_begin(struct bsc_value *map, const struct bsc_run_standing *standing)
{
    static const char *const keys[] = {"runbook", "mode", "user", "host", "pid"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        set_copy(map, keys[i], bsc_value_get(standing->begin, keys[i]));
    bsc_value_set_text(map, "began", began(standing));
    bsc_value_set_int(map, "processes", (int64_t)standing->begins);
}

static void set_end(struct bsc_value *map, const struct bsc_run_standing *standing)
{
    set_copy(map, "ended", bsc_value_get(standing->end, "time"));
    set_copy(map, "exit", bsc_value_get(standing->end, "exit"));
    set_copy(map, "why", bsc_value_get(bsc_value_get(standing->end, "summary"), "text"));
}

struct bsc_value *bsc_cli_standing_value(const struct bsc_cli_standing *shown, bool items)
{
    const struct bsc_run_standing *standing = shown->standing;
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "run", shown->folder->id);
    bsc_value_set_text(map, "folder", shown->folder->path);
    bsc_value_set_text(map, "state", bsc_run_stand_name(standing->stand));
    if (standing->begin != NULL)
        set_begin(map, standing);
    set_end(map, standing);
    bsc_value_set_int(map, "items_done", (int64_t)bsc_run_standing_done(standing));
    if (standing->items_all > 0)
        bsc_value_set_int(map, "items_all", (int64_t)standing->items_all);
    bsc_value_set_int(map, "items_undone", (int64_t)standing->undone);
    bsc_value_set_int(map, "changes", standing->changes);
    bsc_value_set_bool(map, "past_return", bsc_run_standing_is_past_return(standing));
    if (bsc_run_standing_item(standing, standing->item) != NULL)
        bsc_value_set(map, "item", item_value(shown, standing->item));
    set_copy(map, "asked", standing->asked);
    set_copy(map, "parked", bsc_run_standing_parked(standing));
    set_copy(map, "stuck", standing->stuck);
    set_copy(map, "in_flight", standing->in_flight);
    set_copy(map, "holder", standing->holder);
    if (shown->left_ms >= 0) {
        bsc_value_set_int(map, "left_ms", shown->left_ms);
        bsc_value_set_text(map, "left_as", shown->left_as);
    }
    bsc_value_set(map, "next", bsc_cli_way_on(shown));
    if (items) {
        bsc_value_set(map, "items", items_value(shown));
        bsc_value_set(map, "journal", bsc_journal_report_value(&standing->report));
    }
    return map;
}
