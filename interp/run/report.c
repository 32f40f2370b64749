#include "run/report.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "journal/folder.h"
#include "os/files.h"
#include "run/brief.h"
#include "run/html.h"
#include "run/inputs.h"
#include "run/moves.h"
#include "run/plan.h"
#include "run/report_time.h"
#include "run/story.h"

static const char *text_of(const struct bsc_value *map, const char *key)
{
    return bsc_value_get_string(map, key);
}

static void number_row(struct bsc_buf *out, const char *name, int64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    bsc_run_html_row(out, name, text);
}

static bool is_mode(const struct bsc_value *begin, const char *mode)
{
    const char *word = text_of(begin, "mode");
    return word != NULL && strcmp(word, mode) == 0;
}

static const struct bsc_value *last_begin(const struct bsc_run_story *story)
{
    size_t count = bsc_value_count(story->begins);
    return bsc_value_at(story->begins, count > 0 ? count - 1 : 0);
}

/* A rollback that is done has not done what the run was for. */
static const char *outcome_of(const struct bsc_run_story *story)
{
    const char *word = text_of(story->end, "outcome");
    bool back = is_mode(last_begin(story), "rollback");
    return back && word != NULL && strcmp(word, "done") == 0 ? "rolled back" : word;
}

static void extent_write(struct bsc_buf *out, const struct bsc_run_story *story)
{
    char text[64];
    int64_t all = bsc_value_get_number(last_begin(story), "items", 0);
    int length = snprintf(text, sizeof text, "%zu", story->items_begun);
    if (all > 0 && length > 0)
        (void)snprintf(text + length, sizeof text - (size_t)length, " of %lld begun",
                       (long long)all);
    bsc_run_html_row(out, "Items", text);
    if (story->items_undone > 0)
        number_row(out, "Actions taken back", (int64_t)story->items_undone);
}

/* What a run that is parked waits for; nothing of any other. */
static void wait_write(struct bsc_buf *out, const struct bsc_value *parked)
{
    const char *until = text_of(parked, "until");
    if (parked == NULL)
        return;
    bsc_run_html_row(out, "Waits at", text_of(parked, "title"));
    bsc_run_html_row(out, "Waits since", text_of(parked, "since"));
    bsc_run_html_row(out, "Waits until", until != NULL ? until : "somebody answers");
}

/* What the reader wants to know first. */
static void head_write(struct bsc_buf *out, const struct bsc_run_story *story,
                       const struct bsc_value *plan)
{
    const struct bsc_value *begin = bsc_value_at(story->begins, 0);
    const struct bsc_value *runbook = bsc_value_get(plan, "runbook");
    const struct bsc_value *summary = bsc_value_get(story->end, "summary");
    bsc_run_html_element(out, "h1", NULL, text_of(begin, "run"));
    bsc_run_html_element(out, "p", "dim", text_of(runbook, "summary"));
    bsc_buf_add_text(out, "<table>\n<tr><th>Outcome</th><td>");
    bsc_run_html_outcome(out, outcome_of(story));
    bsc_run_html_text(out, text_of(summary, "text"));
    bsc_buf_add_text(out, "</td></tr>\n");
    bsc_run_html_row(out, "Began", text_of(begin, "time"));
    bsc_run_html_row(out, "Ended", text_of(story->end, "time"));
    wait_write(out, bsc_value_get(summary, "parked"));
    bsc_run_html_row(out, "By", text_of(begin, "user"));
    bsc_run_html_row(out, "On host", text_of(begin, "host"));
    extent_write(out, story);
    if (bsc_value_count(story->begins) > 1)
        number_row(out, "Processes", (int64_t)bsc_value_count(story->begins));
    bsc_buf_add_text(out, "</table>\n");
}

static void verification_write(struct bsc_buf *out, const struct bsc_journal_report *report)
{
    char text[256];
    bsc_buf_add_text(out, "<h2>Verification</h2>\n");
    if (report->state == BSC_JOURNAL_ENDED) {
        (void)snprintf(text, sizeof text, "The journal verifies: %lld records, from first to last.",
                       (long long)report->records);
        bsc_run_html_element(out, "p", "good", text);
    } else if (report->state == BSC_JOURNAL_OPEN) {
        (void)snprintf(text, sizeof text,
                       "The journal is open or was cut short: %lld records are good, but the run's "
                       "end is missing.",
                       (long long)report->records);
        bsc_run_html_element(out, "p", "warn", text);
    } else {
        (void)snprintf(
            text, sizeof text,
            "The journal does not verify: at line %lld (record %lld) %s. This page tells "
            "what stands before that.",
            (long long)report->bad_line, (long long)report->bad_seq,
            bsc_journal_fault_text(report->fault));
        bsc_run_html_element(out, "p", "bad", text);
    }
    bsc_buf_add_text(out, "<table>\n");
    bsc_run_html_row(out, "Last hash", report->hash);
    if (report->times_backwards > 0)
        number_row(out, "Clock went back at line", report->backwards_line);
    bsc_buf_add_text(out, "</table>\n");
}

static void losses_write(struct bsc_buf *out, const struct bsc_value *losses)
{
    bsc_buf_add_text(out, "<h2>Data-loss window</h2>\n");
    if (bsc_value_count(losses) == 0)
        bsc_run_html_element(out, "p", NULL, "The run reported no loss.");
    for (size_t i = 0; i < bsc_value_count(losses); i++) {
        const struct bsc_value *loss = bsc_value_at(losses, i);
        const struct bsc_value *data = bsc_value_get(loss, "data");
        bsc_buf_add_text(out, "<div class=\"loss\">\n");
        bsc_run_html_element(out, "p", NULL, text_of(loss, "text"));
        bsc_buf_add_text(out, "<table>\n");
        for (size_t k = 0; k < bsc_value_count(data); k++) {
            if (bsc_value_kind(data) != BSC_VALUE_MAP)
                break;
            bsc_buf_add_text(out, "<tr><th>");
            bsc_run_html_text(out, bsc_value_key_at(data, k));
            bsc_buf_add_text(out, "</th><td>");
            bsc_run_html_value(out, bsc_value_item_at(data, k));
            bsc_buf_add_text(out, "</td></tr>\n");
        }
        bsc_buf_add_text(out, "</table>\n</div>\n");
    }
}

static void known_write(struct bsc_buf *out, const struct bsc_value *value)
{
    struct bsc_buf brief;
    bsc_buf_init(&brief);
    if (bsc_run_brief_add(value, &brief))
        bsc_run_html_text(out, brief.data);
    else
        bsc_run_html_value(out, value);
    bsc_buf_release(&brief);
}

static void fact_row(struct bsc_buf *out, const char *id, const char *key,
                     const struct bsc_value *change, const struct bsc_value *becomes)
{
    const struct bsc_value *before = bsc_value_get(bsc_value_get(change, "before"), id);
    const struct bsc_value *after = bsc_value_get(bsc_value_get(change, "after"), id);
    bsc_buf_add_text(out, "<tr><td>");
    bsc_run_html_text(out, id);
    bsc_buf_add_text(out, "</td><td>");
    bsc_run_html_text(out, key);
    bsc_buf_add_text(out, "</td><td>");
    known_write(out, bsc_value_get(before, key));
    bsc_buf_add_text(out, "</td><td>");
    known_write(out, bsc_value_get(becomes, key));
    bsc_buf_add_text(out, "</td><td>");
    known_write(out, bsc_value_get(after, key));
    bsc_buf_add_text(out, "</td></tr>\n");
}

/* Every key that a change was to set: before, as predicted, and as seen afterwards. */
static void change_facts_write(struct bsc_buf *out, const struct bsc_value *change)
{
    const struct bsc_value *becomes = bsc_value_get(change, "becomes");
    if (bsc_value_count(becomes) == 0 || bsc_value_kind(becomes) != BSC_VALUE_MAP)
        return;
    bsc_buf_add_text(out, "<table>\n<tr><th>Resource</th><th>Fact</th><th>Before</th>"
                          "<th>Predicted</th><th>After</th></tr>\n");
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        const struct bsc_value *facts = bsc_value_item_at(becomes, i);
        if (bsc_value_kind(facts) != BSC_VALUE_MAP)
            continue;
        for (size_t k = 0; k < bsc_value_count(facts); k++)
            fact_row(out, bsc_value_key_at(becomes, i), bsc_value_key_at(facts, k), change, facts);
    }
    bsc_buf_add_text(out, "</table>\n");
}

/* How many came to what, and who failed. */
static void moves_write(struct bsc_buf *out, const struct bsc_value *moves)
{
    const struct bsc_value *failures = bsc_value_get(moves, "failures");
    int64_t unlisted = bsc_value_get_number(moves, "unlisted", 0);
    struct bsc_buf counts;
    if (moves == NULL)
        return;
    bsc_buf_init(&counts);
    bsc_run_moves_say(moves, &counts);
    bsc_run_html_element(out, "p", NULL, counts.data);
    bsc_buf_release(&counts);
    if (bsc_value_count(failures) == 0)
        return;
    bsc_buf_add_text(out, "<table>\n<tr><th>Failed</th><th>Why</th></tr>\n");
    for (size_t i = 0; i < bsc_value_count(failures); i++) {
        const struct bsc_value *failure = bsc_value_at(failures, i);
        bsc_buf_add_text(out, "<tr><td>");
        bsc_run_html_value(out, bsc_value_at(failure, 0));
        bsc_buf_add_text(out, "</td><td>");
        bsc_run_html_value(out, bsc_value_at(failure, 1));
        bsc_buf_add_text(out, "</td></tr>\n");
    }
    bsc_buf_add_text(out, "</table>\n");
    if (unlisted > 0)
        bsc_buf_printf(out, "<p>and %lld more, which the journal names</p>\n", (long long)unlisted);
}

static void change_write(struct bsc_buf *out, const struct bsc_value *change)
{
    const struct bsc_value *error = bsc_value_get(change, "error");
    int64_t duration_us = bsc_value_get_number(change, "duration_us", -1);
    bsc_run_html_element(out, "pre", NULL, text_of(change, "statement"));
    bsc_buf_add_text(out, "<p class=\"dim\">");
    bsc_run_html_outcome(out, text_of(change, "outcome"));
    bsc_buf_printf(out, "change %lld, ", (long long)bsc_value_get_number(change, "effect", 0));
    bsc_run_html_text(out, text_of(change, "row"));
    bsc_buf_add_text(out, ", ");
    bsc_run_html_text(out, text_of(change, "time"));
    if (text_of(change, "settled_by") != NULL) {
        bsc_buf_add_text(out, ", was under way when the run stopped; settled by ");
        bsc_run_html_text(out, text_of(change, "settled_by"));
    } else if (duration_us >= 0)
        bsc_buf_printf(out, ", %lld.%03lld ms", (long long)(duration_us / 1000),
                       (long long)(duration_us % 1000));
    bsc_buf_add_text(out, "</p>\n");
    if (bsc_value_kind(error) == BSC_VALUE_MAP)
        bsc_run_html_element(out, "p", "bad", text_of(error, "message"));
    moves_write(out, bsc_value_get(change, "moves"));
    change_facts_write(out, change);
}

static void note_write(struct bsc_buf *out, const struct bsc_value *note)
{
    const char *kind = text_of(note, "kind");
    bool plain = kind == NULL || strcmp(kind, "info") == 0;
    bsc_run_html_element(out, "p", plain ? NULL : "warn", text_of(note, "text"));
}

static void ask_write(struct bsc_buf *out, const struct bsc_value *ask)
{
    const struct bsc_value *lines = bsc_value_get(ask, "lines");
    bsc_run_html_element(out, "p", NULL, text_of(ask, "title"));
    bsc_buf_add_text(out, "<pre>");
    for (size_t i = 0; i < bsc_value_count(lines); i++) {
        bsc_run_html_value(out, bsc_value_at(lines, i));
        bsc_buf_add_char(out, '\n');
    }
    bsc_buf_add_text(out, "</pre>\n<table>\n");
    bsc_run_html_row(out, "Answer", text_of(ask, "answer"));
    bsc_run_html_row(out, "By", text_of(ask, "by"));
    bsc_run_html_row(out, "Reason", text_of(ask, "reason"));
    bsc_buf_add_text(out, "</table>\n");
}

static void each_write(struct bsc_buf *out, const struct bsc_value *list,
                       void (*one)(struct bsc_buf *out, const struct bsc_value *value))
{
    for (size_t i = 0; i < bsc_value_count(list); i++)
        one(out, bsc_value_at(list, i));
}

static void item_write(struct bsc_buf *out, const struct bsc_value *item)
{
    int64_t attempt = bsc_value_get_number(item, "attempt", 1);
    bsc_buf_printf(out, "<article>\n<h3>%lld. ", (long long)bsc_value_get_number(item, "item", 0));
    bsc_run_html_text(out, text_of(item, "title"));
    if (attempt > 1)
        bsc_buf_printf(out, ", attempt %lld", (long long)attempt);
    bsc_buf_add_text(out, "</h3>\n<p class=\"dim\">");
    bsc_run_html_outcome(out, text_of(item, "outcome"));
    bsc_run_html_text(out, text_of(item, "kind"));
    bsc_buf_add_text(out, ", ");
    bsc_run_html_text(out, text_of(item, "begin"));
    bsc_buf_add_text(out, " to ");
    bsc_run_html_text(out, text_of(item, "end") != NULL ? text_of(item, "end") : "…");
    if (bsc_value_get_truth(item, "again"))
        bsc_buf_add_text(out, "; gone on with below");
    bsc_buf_add_text(out, "</p>\n");
    if (text_of(item, "reason") != NULL)
        bsc_run_html_element(out, "p", NULL, text_of(item, "reason"));
    each_write(out, bsc_value_get(item, "notes"), note_write);
    each_write(out, bsc_value_get(item, "asks"), ask_write);
    each_write(out, bsc_value_get(item, "changes"), change_write);
    bsc_buf_add_text(out, "</article>\n");
}

static void accepted_input_write(struct bsc_buf *out, const struct bsc_value *input)
{
    const char *name = text_of(input, "name");
    bsc_buf_add_text(out, "<tr><td>");
    bsc_run_html_text(out, text_of(input, "what"));
    bsc_buf_add_text(out, " ");
    bsc_run_html_text(out, name != NULL ? name : "");
    bsc_buf_add_text(out, "</td><td>");
    bsc_run_html_value(out, bsc_value_get(input, "then"));
    bsc_buf_add_text(out, "</td><td>");
    bsc_run_html_value(out, bsc_value_get(input, "now"));
    bsc_buf_add_text(out, "</td></tr>\n");
}

static void accepted_item_write(struct bsc_buf *out, const struct bsc_value *item)
{
    const struct bsc_value *how = bsc_value_get(item, "how");
    bsc_buf_printf(out, "<tr><th>%lld. ", (long long)bsc_value_get_number(item, "index", 0));
    bsc_run_html_text(out, text_of(item, "title"));
    bsc_buf_add_text(out, "</th><td>");
    bsc_run_html_text(out, text_of(item, "what"));
    for (size_t i = 0; i < bsc_value_count(how); i++) {
        const struct bsc_value *each = bsc_value_at(how, i);
        bsc_buf_add_text(out, "<br>");
        bsc_run_html_text(out, text_of(each, "key"));
        bsc_buf_add_text(out, ": ");
        bsc_run_html_value(out, bsc_value_get(each, "then"));
        bsc_buf_add_text(out, " → ");
        bsc_run_html_value(out, bsc_value_get(each, "now"));
    }
    bsc_buf_add_text(out, "</td></tr>\n");
}

/* What was different when the run was gone on with, and who took that upon them. */
static void accepted_write(struct bsc_buf *out, const struct bsc_value *accepted)
{
    if (accepted == NULL)
        return;
    bsc_buf_add_text(out, "<h3>Changes accepted by ");
    bsc_run_html_text(out, text_of(accepted, "by"));
    bsc_buf_add_text(out, "</h3>\n<table>\n<tr><th>Input</th><th>Then</th><th>Now</th></tr>\n");
    each_write(out, bsc_value_get(accepted, "inputs"), accepted_input_write);
    bsc_buf_add_text(out, "</table>\n");
    if (bsc_value_count(bsc_value_get(accepted, "items")) == 0) {
        bsc_run_html_element(out, "p", NULL, "No item differed.");
        return;
    }
    bsc_buf_add_text(out, "<table>\n");
    each_write(out, bsc_value_get(accepted, "items"), accepted_item_write);
    bsc_buf_add_text(out, "</table>\n");
}

/* Who took the run in hand again, and for what. */
static void process_write(struct bsc_buf *out, const struct bsc_value *begin)
{
    bsc_run_html_element(out, "h2", NULL, is_mode(begin, "rollback") ? "Taken back" : "Resumed");
    bsc_buf_add_text(out, "<p class=\"dim\">");
    bsc_run_html_text(out, text_of(begin, "time"));
    bsc_buf_add_text(out, " by ");
    bsc_run_html_text(out, text_of(begin, "user"));
    bsc_buf_add_text(out, " on ");
    bsc_run_html_text(out, text_of(begin, "host"));
    bsc_buf_add_text(out, "</p>\n");
    accepted_write(out, bsc_value_get(begin, "accepted"));
}

/* The items in the order in which they were begun, below the process that did them. */
static void items_write(struct bsc_buf *out, const struct bsc_run_story *story)
{
    size_t process = 1, all = bsc_value_count(story->begins);
    for (size_t i = 0; i <= bsc_value_count(story->items); i++) {
        const struct bsc_value *item = bsc_value_at(story->items, i);
        int64_t own = bsc_value_get_number(item, "process", (int64_t)all);
        for (; process < all && (int64_t)process < own; process++)
            process_write(out, bsc_value_at(story->begins, process));
        if (item != NULL)
            item_write(out, item);
    }
}

/* The whole site, as planned from and as last seen. */
static void facts_write(struct bsc_buf *out, const struct bsc_value *before,
                        const struct bsc_value *seen)
{
    bsc_buf_add_text(out, "<h2>Facts</h2>\n<details><summary>Before the run and as last seen"
                          "</summary>\n<table>\n<tr><th>Resource</th><th>Fact</th><th>Before</th>"
                          "<th>Last seen</th></tr>\n");
    for (size_t i = 0; i < bsc_value_count(before); i++) {
        const char *id = bsc_value_key_at(before, i);
        const struct bsc_value *facts = bsc_value_item_at(before, i);
        for (size_t k = 0; k < bsc_value_count(facts); k++) {
            const char *key = bsc_value_key_at(facts, k);
            bsc_buf_add_text(out, "<tr><td>");
            bsc_run_html_text(out, id);
            bsc_buf_add_text(out, "</td><td>");
            bsc_run_html_text(out, key);
            bsc_buf_add_text(out, "</td><td>");
            known_write(out, bsc_value_item_at(facts, k));
            bsc_buf_add_text(out, "</td><td>");
            known_write(out, bsc_value_get(bsc_value_get(seen, id), key));
            bsc_buf_add_text(out, "</td></tr>\n");
        }
    }
    bsc_buf_add_text(out, "</table>\n</details>\n");
}

static void digests_table(struct bsc_buf *out, const struct bsc_value *begin)
{
    static const char *const rows[][2] = {
        {"Plan", "plan_digest"},      {"Runbook", "runbook_digest"},
        {"Site file", "site_digest"}, {"Library", "stdlib_digest"},
        {"bascule", "tool"},          {"Boot id of the host", "boot_id"},
    };
    bsc_buf_add_text(out, "<table>\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        bsc_run_html_row(out, rows[i][0], text_of(begin, rows[i][1]));
    bsc_buf_add_text(out, "</table>\n");
}

static void digests_write(struct bsc_buf *out, const struct bsc_value *begins)
{
    bsc_buf_add_text(out, "<h2>Digests</h2>\n");
    digests_table(out, bsc_value_at(begins, 0));
    for (size_t i = 1; i < bsc_value_count(begins); i++) {
        const struct bsc_value *begin = bsc_value_at(begins, i);
        if (bsc_value_get(begin, "accepted") == NULL)
            continue;
        bsc_run_html_element(out, "p", "dim", text_of(begin, "time"));
        digests_table(out, begin);
    }
}

/* Returns the owned plan, NULL with the reason in *err. */
static struct bsc_value *plan_read(const struct bsc_sys *sys, const char *run_folder,
                                   const struct bsc_run_story *story, struct bsc_err *err)
{
    const struct bsc_value *begin = last_begin(story);
    char *file = bsc_run_inputs_file(bsc_run_inputs_of(begin), BSC_JOURNAL_PLAN_FILE);
    char *path = bsc_files_join(run_folder, file);
    struct bsc_value *plan = bsc_run_plan_read_head(sys, path, err);
    const char *wanted = text_of(begin, "plan_digest");
    const char *found = text_of(plan, "digest");
    bsc_mem_free(path);
    bsc_mem_free(file);
    if (plan == NULL || wanted == NULL || (found != NULL && strcmp(wanted, found) == 0))
        return plan;
    bsc_err_set(err, BSC_ERR_DAMAGED, "the plan in the folder is not the one that was run");
    bsc_value_free(plan);
    return NULL;
}

static void page_write(struct bsc_buf *out, const struct bsc_run_story *story,
                       const struct bsc_value *plan, const struct bsc_err *plan_err)
{
    const struct bsc_value *begin = bsc_value_at(story->begins, 0);
    const char *run = text_of(begin, "run");
    bsc_run_html_begin(out, run != NULL ? run : "run");
    head_write(out, story, plan);
    if (plan == NULL)
        bsc_run_html_element(out, "p", "bad", plan_err->message);
    losses_write(out, story->losses);
    bsc_buf_add_text(out, "<h2>What was done</h2>\n");
    each_write(out, story->notes, note_write);
    items_write(out, story);
    bsc_run_report_times(out, story);
    facts_write(out, bsc_value_get(plan, "facts"), story->facts);
    digests_write(out, story->begins);
    verification_write(out, &story->report);
    bsc_run_html_end(out);
}

bool bsc_run_report_html(const struct bsc_sys *sys, const char *run_folder,
                         const struct bsc_value *plan, struct bsc_buf *out, struct bsc_err *err)
{
    struct bsc_run_story story = {0};
    struct bsc_err plan_err = BSC_ERR_INIT;
    char *journal = bsc_files_join(run_folder, BSC_JOURNAL_FILE);
    bool done = bsc_run_story_read(&story, sys, journal, err);
    if (done) {
        struct bsc_value *kept =
            plan == NULL ? plan_read(sys, run_folder, &story, &plan_err) : NULL;
        page_write(out, &story, plan != NULL ? plan : kept, &plan_err);
        bsc_value_free(kept);
    }
    bsc_run_story_release(&story);
    bsc_mem_free(journal);
    return done;
}
