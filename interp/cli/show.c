#include "cli/show.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "run/brief.h"
#include "run/plan.h"
#include "value/json.h"

enum { WIDTH = 100, INDENT = 6 };

/* Folds at blanks; a word longer than the line stands alone. */
static void fold(struct bsc_cli *cli, int indent, const char *text)
{
    size_t room = (size_t)(WIDTH - indent);
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        size_t take = line;
        if (take > room) {
            take = room;
            while (take > 0 && text[take] != ' ')
                take--;
            if (take == 0)
                take = strcspn(text, " \n");
        }
        bsc_cli_say(cli, "%*s%.*s\n", indent, "", (int)take, text);
        text += take;
        text += *text == ' ' || *text == '\n' ? 1 : 0;
    }
}

/* A secret with blanks in it would be unknown once it stands on two lines. */
static void say_folded(struct bsc_cli *cli, int indent, const char *text)
{
    struct bsc_buf whole;
    bsc_buf_init(&whole);
    bsc_buf_add_text(&whole, text);
    bsc_redact_apply(cli->redactor, &whole);
    fold(cli, indent, whole.data);
    bsc_buf_release(&whole);
}

void bsc_cli_show_statement(struct bsc_cli *cli, const char *statement)
{
    say_folded(cli, INDENT, statement != NULL ? statement : "");
}

/* A chain of log backups, say: for people its length will do, the facts as JSON have all of it. */
static bool is_long_list(const struct bsc_value *value)
{
    enum { ENTRIES_MAX = 8, RECORDS_MAX = 2 };
    size_t count = bsc_value_count(value);
    if (bsc_value_kind(value) != BSC_VALUE_LIST)
        return false;
    return count > ENTRIES_MAX ||
           (count > RECORDS_MAX && bsc_value_kind(bsc_value_at(value, 0)) == BSC_VALUE_MAP);
}

/* An empty list that comes from Lua is an empty map. */
void bsc_cli_add_value(struct bsc_buf *out, const struct bsc_value *value)
{
    enum bsc_value_kind kind = bsc_value_kind(value);
    if (bsc_run_brief_add(value, out))
        return;
    if (kind == BSC_VALUE_TEXT)
        bsc_buf_add_text(out, *bsc_value_string(value) != '\0' ? bsc_value_string(value) : "\"\"");
    else if (kind == BSC_VALUE_NULL)
        bsc_buf_add_text(out, "unknown");
    else if (kind == BSC_VALUE_BOOL)
        bsc_buf_add_text(out, bsc_value_truth(value) ? "yes" : "no");
    else if (kind >= BSC_VALUE_LIST && bsc_value_count(value) == 0)
        bsc_buf_add_text(out, "(none)");
    else if (is_long_list(value))
        bsc_buf_printf(out, "(%zu entries)", bsc_value_count(value));
    else if (kind == BSC_VALUE_LIST && bsc_value_kind(bsc_value_at(value, 0)) == BSC_VALUE_TEXT)
        for (size_t i = 0; i < bsc_value_count(value); i++)
            bsc_buf_printf(out, "%s%s", i > 0 ? ", " : "",
                           bsc_value_string(bsc_value_at(value, i)));
    else
        bsc_json_canonical(value, out);
}

static void show_transition(struct bsc_cli *cli, const char *resource, const char *key,
                            const struct bsc_value *before, const struct bsc_value *after)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "%s  %s: ", resource, key);
    bsc_cli_add_value(&text, before);
    bsc_buf_add_text(&text, " -> ");
    bsc_cli_add_value(&text, after);
    bsc_cli_say(cli, "%s", bsc_cli_style(cli, BSC_STYLE_DIM));
    say_folded(cli, INDENT + 2, text.data);
    bsc_cli_say(cli, "%s", bsc_cli_style(cli, BSC_STYLE_PLAIN));
    bsc_buf_release(&text);
}

static void show_change(struct bsc_cli *cli, const struct bsc_value *change)
{
    const struct bsc_value *becomes = bsc_value_get(change, "becomes");
    const struct bsc_value *before = bsc_value_get(change, "before");
    bsc_cli_show_statement(cli, bsc_value_get_string(change, "statement"));
    if (bsc_value_count(becomes) == 0)
        bsc_cli_say(cli, "%*s(assumed: what it makes true is not said, so nobody compares)\n",
                    INDENT + 2, "");
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const char *resource = bsc_value_key_at(becomes, i);
        const struct bsc_value *keys = bsc_value_item_at(becomes, i);
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            const char *key = bsc_value_key_at(keys, k);
            const struct bsc_value *was = bsc_value_get(bsc_value_get(before, resource), key);
            const struct bsc_value *now = bsc_value_item_at(keys, k);
            /* A fact that there is neither before nor afterwards says nothing to anybody. */
            if (bsc_value_kind(was) != BSC_VALUE_NULL || bsc_value_kind(now) != BSC_VALUE_NULL)
                show_transition(cli, resource, key, was, now);
        }
    }
}

void bsc_cli_show_item(struct bsc_cli *cli, const struct bsc_value *item)
{
    const char *kind = bsc_value_get_string(item, "kind");
    char *title = bsc_cli_line(bsc_value_get_string(item, "title"));
    bool final = bsc_value_get_truth(item, "point_of_no_return");
    bsc_cli_say(cli, "%3lld %-5s %s%s%s%s\n", (long long)bsc_value_get_number(item, "index", 0),
                kind != NULL ? kind : "", bsc_cli_style(cli, BSC_STYLE_BOLD), title,
                bsc_cli_style(cli, BSC_STYLE_PLAIN), final ? "  (point of no return)" : "");
    bsc_mem_free(title);
}

static enum bsc_cli_style style_of(const char *outcome)
{
    if (strcmp(outcome, "parked") == 0)
        return BSC_STYLE_BOLD;
    static const char *const good[] = {"kept", "changed", "skipped"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (strcmp(outcome, good[i]) == 0)
            return BSC_STYLE_GOOD;
    }
    return BSC_STYLE_BAD;
}

void bsc_cli_show_outcome(struct bsc_cli *cli, const char *outcome, const char *reason)
{
    const char *word = outcome != NULL ? outcome : "unknown";
    bsc_cli_say(cli, "%*s%s%s%s\n", INDENT, "", bsc_cli_style(cli, style_of(word)), word,
                bsc_cli_style(cli, BSC_STYLE_PLAIN));
    if (reason != NULL && *reason != '\0')
        say_folded(cli, INDENT + 2, reason);
}

void bsc_cli_show_note(struct bsc_cli *cli, const struct bsc_value *note)
{
    const char *kind = bsc_value_get_string(note, "kind");
    const char *text = bsc_value_get_string(note, "text");
    struct bsc_buf line;
    bsc_buf_init(&line);
    if (kind != NULL && strcmp(kind, "info") != 0)
        bsc_buf_printf(&line, "%s: ", strcmp(kind, "loss") == 0 ? "data loss" : kind);
    bsc_buf_add_text(&line, text != NULL ? text : "");
    say_folded(cli, INDENT, line.data);
    bsc_buf_release(&line);
}

const char *bsc_cli_label_words(const char *label)
{
    static const struct {
        const char *label;
        const char *words;
    } known[] = {{"modelled", "what it makes true is proven by conformance tests"},
                 {"evaluated", "only looks, at the facts as they are"},
                 {"declared", "what it makes true is the author's word, unproven"},
                 {"assumed", "nobody says what it makes true"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].label, label) == 0)
            return known[i].words;
    }
    return label;
}

/* Says where the plan rests on somebody's word. */
static void show_labels(struct bsc_cli *cli, const struct bsc_value *labels)
{
    for (size_t i = 0; i < bsc_value_count(labels); i++) {
        const char *label = bsc_value_string(bsc_value_at(labels, i));
        if (label != NULL && (strcmp(label, "declared") == 0 || strcmp(label, "assumed") == 0))
            bsc_cli_say(cli, "%*s%s: %s\n", INDENT, "", label, bsc_cli_label_words(label));
    }
}

/* Where the plan says that the run ends for a while. */
static void show_wait(struct bsc_cli *cli, const struct bsc_value *item)
{
    const char *after = bsc_value_get_string(item, "after");
    const char *since = bsc_value_get_string(item, "since");
    char *line = bsc_cli_line(after != NULL ? after : "");
    if (after != NULL && since != NULL && strlen(since) >= 19)
        bsc_cli_say(cli, "%*sit waits %s, since %.10s %.8s UTC\n", INDENT, "", line, since,
                    since + 11);
    else if (after != NULL)
        bsc_cli_say(cli, "%*sit waits %s once it is reached, and the run is parked meanwhile\n",
                    INDENT, "", line);
    if (bsc_value_get_truth(item, "parks"))
        bsc_cli_say(cli, "%*swithout an answer the run is parked\n", INDENT, "");
    bsc_mem_free(line);
}

static void show_planned_item(struct bsc_cli *cli, const struct bsc_value *item)
{
    const struct bsc_value *changes = bsc_value_get(item, "changes");
    const struct bsc_value *notes = bsc_value_get(item, "notes");
    const struct bsc_value *asks = bsc_value_get(item, "asks");
    const char *outcome = bsc_value_get_string(item, "outcome");
    const char *reason = bsc_value_get_string(item, "reason");
    bsc_cli_show_item(cli, item);
    for (size_t i = 0; i < bsc_value_count(asks); i++) {
        const struct bsc_value *lines = bsc_value_get(bsc_value_at(asks, i), "lines");
        for (size_t k = 0; k < bsc_value_count(lines); k++)
            say_folded(cli, INDENT, bsc_value_string(bsc_value_at(lines, k)));
    }
    for (size_t i = 0; i < bsc_value_count(changes); i++)
        show_change(cli, bsc_value_at(changes, i));
    if (bsc_value_count(changes) > 0)
        show_labels(cli, bsc_value_get(item, "labels"));
    for (size_t i = 0; i < bsc_value_count(notes); i++)
        bsc_cli_show_note(cli, bsc_value_at(notes, i));
    show_wait(cli, item);
    if (bsc_value_count(asks) > 0 && outcome != NULL && strcmp(outcome, "kept") == 0)
        bsc_cli_say(cli, "%*sthe run asks here, and goes on after yes\n", INDENT, "");
    else if (outcome != NULL && strcmp(outcome, "changed") != 0)
        bsc_cli_show_outcome(cli, outcome, reason);
}

/* The settings that would waive something: only they have no value in a plan. */
static void show_unset(struct bsc_cli *cli, const struct bsc_value *params)
{
    for (size_t i = 0; i < bsc_value_count(params); i++) {
        if (bsc_value_kind(bsc_value_item_at(params, i)) != BSC_VALUE_NULL)
            continue;
        char *name = bsc_cli_line(bsc_value_key_at(params, i));
        bsc_cli_say(cli, "unset   %s, so it waives nothing: that takes --set %s=REASON\n", name,
                    name);
        bsc_mem_free(name);
    }
}

static void show_params(struct bsc_cli *cli, const struct bsc_value *params)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (size_t i = 0; i < bsc_value_count(params); i++) {
        const struct bsc_value *value = bsc_value_item_at(params, i);
        if (bsc_value_kind(value) == BSC_VALUE_NULL)
            continue;
        bsc_buf_printf(&text, "%s%s = ", text.length > 0 ? ", " : "", bsc_value_key_at(params, i));
        bsc_cli_add_value(&text, value);
    }
    char *line = bsc_cli_line(text.data);
    if (text.length > 0)
        bsc_cli_say(cli, "with    %s\n", line);
    bsc_mem_free(line);
    bsc_buf_release(&text);
    show_unset(cli, params);
}

static void show_name(struct bsc_cli *cli, const struct bsc_value *runbook)
{
    char *name = bsc_cli_line(bsc_value_get_string(runbook, "name"));
    char *summary = bsc_cli_line(bsc_value_get_string(runbook, "summary"));
    bsc_cli_say(cli, "Plan    %s: %s\n", name, summary);
    bsc_mem_free(name);
    bsc_mem_free(summary);
}

static void show_phase(struct bsc_cli *cli, const char *phase)
{
    char *line = bsc_cli_line(phase);
    bsc_cli_say(cli, "%s\n", line);
    bsc_mem_free(line);
}

void bsc_cli_show_plan(struct bsc_cli *cli, const struct bsc_value *plan)
{
    const struct bsc_value *items = bsc_value_get(plan, "items");
    const char *phase_before = "";
    show_name(cli, bsc_value_get(plan, "runbook"));
    show_params(cli, bsc_value_get(plan, "params"));
    bsc_cli_say(cli, "digest  %s\n\n", bsc_value_get_string(plan, "digest"));
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        const char *phase = bsc_value_get_string(item, "phase");
        if (phase != NULL && strcmp(phase, phase_before) != 0)
            show_phase(cli, phase);
        phase_before = phase != NULL ? phase : "";
        show_planned_item(cli, item);
    }
    size_t count = bsc_run_plan_change_count(plan);
    bsc_cli_say(cli, "\n%zu change%s planned; nothing has been changed.\n", count,
                count == 1 ? "" : "s");
}

void bsc_cli_show_facts(struct bsc_cli *cli, const struct bsc_value *facts)
{
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const struct bsc_value *keys = bsc_value_item_at(facts, i);
        bsc_cli_say(cli, "%s%s%s\n", bsc_cli_style(cli, BSC_STYLE_BOLD), bsc_value_key_at(facts, i),
                    bsc_cli_style(cli, BSC_STYLE_PLAIN));
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            struct bsc_buf text;
            bsc_buf_init(&text);
            bsc_cli_add_value(&text, bsc_value_item_at(keys, k));
            bsc_cli_say(cli, "  %-16s %s\n", bsc_value_key_at(keys, k), text.data);
            bsc_buf_release(&text);
        }
    }
}

void bsc_cli_show_errors(struct bsc_cli *cli, const struct bsc_value *errors)
{
    for (size_t i = 0; i < bsc_value_count(errors); i++) {
        const struct bsc_value *error = bsc_value_at(errors, i);
        const char *text = bsc_value_get_string(error, "text");
        const char *hint = bsc_value_get_string(error, "hint");
        bsc_cli_say(cli, "%s:%lld: %s\n", bsc_value_get_string(error, "file"),
                    (long long)bsc_value_get_number(error, "line", 0),
                    bsc_value_get_string(error, "message"));
        if (text != NULL && *text != '\0')
            bsc_cli_say(cli, "    %s\n", text);
        if (hint != NULL && *hint != '\0')
            bsc_cli_say(cli, "    %s\n", hint);
    }
}

void bsc_cli_show_folded(struct bsc_cli *cli, int indent, const char *text)
{
    say_folded(cli, indent, text);
}
