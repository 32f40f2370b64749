#include "cli/show_drift.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/show.h"
#include "os/files.h"
#include "run/drift.h"
#include "run/errors.h"

enum { INDENT = 6, COLUMNS = 100, LINES_MAX = 3, CHANGES_MAX = 6, DIGEST_SHOWN = 12 };

static void heading(struct bsc_cli *cli, const char *text)
{
    bsc_cli_say(cli, "%s%s%s\n", bsc_cli_style(cli, BSC_STYLE_BOLD), text,
                bsc_cli_style(cli, BSC_STYLE_PLAIN));
}

/* As far as fits into `room` without breaking a word, if that can be. */
static size_t fitting(const char *text, size_t room)
{
    size_t length = strlen(text), take = room;
    if (length <= room)
        return length;
    while (take > 0 && text[take] != ' ')
        take--;
    return take > 0 ? take : room;
}

/* What is left for text behind an indent, a sign and the mark of a cut. */
static size_t room_behind(int indent)
{
    return (size_t)(COLUMNS - indent) - strlen("- ") - strlen(" .");
}

/* Up to the line with the byte `needed`, and a few lines at most, for the plan has all of it. The
 * sign stands before the first. */
static void say_lines(struct bsc_cli *cli, int indent, const char *sign, const char *text,
                      size_t needed)
{
    size_t room = room_behind(indent), at = 0;
    for (int line = 1; text[at] != '\0'; line++) {
        size_t take = fitting(text + at, room);
        bool enough = line == LINES_MAX || at + take > needed;
        bool cut = enough && text[at + take] != '\0';
        bsc_cli_say(cli, "%*s%s%.*s%s\n", indent, "", sign, (int)take, text + at, cut ? " …" : "");
        if (cut)
            break;
        at += take;
        at += text[at] == ' ' ? 1 : 0;
        sign = strlen(sign) > 0 ? "  " : "";
    }
}

/* The text as one line that may be cut anywhere: a secret cut in two would not be known any more.
 * Returns owned. */
static char *safe_line(struct bsc_cli *cli, const char *text)
{
    struct bsc_buf whole;
    char *line = bsc_cli_line(text);
    bsc_buf_init(&whole);
    bsc_buf_add_text(&whole, line);
    bsc_redact_apply(cli->redactor, &whole);
    bsc_mem_free(line);
    line = bsc_buf_take(&whole);
    bsc_buf_release(&whole);
    return line;
}

static void show_brief(struct bsc_cli *cli, int indent, const char *text)
{
    char *line = safe_line(cli, text);
    say_lines(cli, indent, "", line, strlen(line));
    bsc_mem_free(line);
}

static void add_transition(struct bsc_buf *out, const struct bsc_value *of)
{
    bsc_cli_add_value(out, bsc_value_get(of, "then"));
    bsc_buf_add_text(out, " -> ");
    bsc_cli_add_value(out, bsc_value_get(of, "now"));
}

/* ------------------------------------------------------------------ inputs */

static void add_digest(struct bsc_buf *out, const struct bsc_value *digest)
{
    const char *text = bsc_value_string(digest);
    bsc_buf_printf(out, "%.*s", DIGEST_SHOWN, text != NULL ? text : "(none)");
}

/* A setting that nobody gave is not unknown, as a fact would be. */
static void add_parameter(struct bsc_buf *out, const struct bsc_value *value)
{
    if (bsc_value_kind(value) == BSC_VALUE_NULL)
        bsc_buf_add_text(out, "unset");
    else
        bsc_cli_add_value(out, value);
}

static void show_input(struct bsc_cli *cli, const struct bsc_value *input)
{
    const struct bsc_value *then = bsc_value_get(input, "then"), *now = bsc_value_get(input, "now");
    const char *what = bsc_value_get_string(input, "what");
    const char *name = bsc_value_get_string(input, "name");
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "%s%s%s: ", what, name != NULL ? " " : "", name != NULL ? name : "");
    void (*add)(struct bsc_buf *, const struct bsc_value *) =
        strcmp(what, "parameter") == 0 ? add_parameter : add_digest;
    add(&text, then);
    bsc_buf_add_text(&text, " -> ");
    add(&text, now);
    show_brief(cli, 2, text.data);
    bsc_buf_release(&text);
}

static void show_inputs(struct bsc_cli *cli, const struct bsc_value *inputs)
{
    if (bsc_value_count(inputs) > 0)
        heading(cli, "inputs");
    for (size_t i = 0; i < bsc_value_count(inputs); i++)
        show_input(cli, bsc_value_at(inputs, i));
}

/* ------------------------------------------------------------------- facts */

static void show_fact(struct bsc_cli *cli, const struct bsc_value *fact)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bool other = bsc_value_get_truth(fact, "identity") &&
                 bsc_value_kind(bsc_value_get(fact, "now")) != BSC_VALUE_NULL;
    bsc_buf_printf(&text, "%s%s: ", other ? "another " : "", bsc_value_get_string(fact, "key"));
    if (bsc_value_get(fact, "noun") != NULL)
        bsc_run_drift_count_words(fact, &text);
    else
        add_transition(&text, fact);
    show_brief(cli, 4, text.data);
    bsc_buf_release(&text);
}

static void show_by_resource(struct bsc_cli *cli, const struct bsc_value *facts)
{
    const char *before = "";
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const struct bsc_value *fact = bsc_value_at(facts, i);
        const char *resource = bsc_value_get_string(fact, "resource");
        if (strcmp(resource, before) != 0)
            bsc_cli_say(cli, "  %s\n", resource);
        before = resource;
        show_fact(cli, fact);
    }
}

static void show_facts(struct bsc_cli *cli, const struct bsc_value *facts)
{
    if (bsc_value_count(facts) > 0)
        heading(cli, "facts");
    show_by_resource(cli, facts);
}

void bsc_cli_show_since(struct bsc_cli *cli, const struct bsc_value *facts)
{
    if (bsc_value_count(facts) == 0) {
        bsc_cli_say(cli, "Since the run was parked nothing has changed on the site.\n\n");
        return;
    }
    heading(cli, "Since the run was parked:");
    show_by_resource(cli, facts);
    bsc_cli_say(cli, "\n");
}

/* ------------------------------------------------------------------- steps */

static void show_shift(struct bsc_cli *cli, const struct bsc_value *fact)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "%s  %s %s it: ", bsc_value_get_string(fact, "resource"),
                   bsc_value_get_string(fact, "key"), bsc_value_get_string(fact, "side"));
    add_transition(&text, fact);
    show_brief(cli, INDENT + 2, text.data);
    bsc_buf_release(&text);
}

static const char *text_of(const struct bsc_value *change)
{
    const char *statement = bsc_value_get_string(change, "statement");
    return statement != NULL ? statement : bsc_value_get_string(change, "line");
}

static char sign_at(const struct bsc_value *changes, size_t index)
{
    const char *sign = bsc_value_get_string(bsc_value_at(changes, index), "sign");
    return sign != NULL ? sign[0] : '\0';
}

/* Where the changes of the same sign begin that this one stands among. */
static size_t group_of(const struct bsc_value *changes, size_t index)
{
    while (index > 0 && sign_at(changes, index - 1) == sign_at(changes, index))
        index--;
    return index;
}

/* The change that came instead of this one, or that this one came instead of: the same place among
 * those of the other sign beside it. NULL for none. */
static const struct bsc_value *counterpart(const struct bsc_value *changes, size_t index)
{
    size_t group = group_of(changes, index), end = index;
    char sign = sign_at(changes, index);
    while (sign_at(changes, end) == sign)
        end++;
    if (sign == '-' && sign_at(changes, end + index - group) == '+')
        return bsc_value_at(changes, end + index - group);
    if (sign != '+' || group == 0 || sign_at(changes, group - 1) != '-')
        return NULL;
    size_t at = group_of(changes, group - 1) + index - group;
    return at < group ? bsc_value_at(changes, at) : NULL;
}

/* How far both texts are the same, in whole words. */
static size_t common_words(const char *a, const char *b)
{
    size_t length = 0;
    while (a[length] != '\0' && a[length] == b[length])
        length++;
    while (length > 0 && a[length - 1] != ' ')
        length--;
    return length;
}

/* The beginning of the word a little before the place, which begins a word itself. */
static size_t a_little_before(const char *text, size_t place)
{
    enum { LITTLE = 30 };
    size_t from = place > LITTLE ? place - LITTLE : 0;
    while (from > 0 && from < place && text[from - 1] != ' ')
        from++;
    return from;
}

/* As much of the text as tells it from its counterpart, which may be far behind its beginning. */
static void show_text(struct bsc_cli *cli, const char *sign, const char *text, const char *other)
{
    enum { LEAD = COLUMNS / 2, NEAR = COLUMNS * (LINES_MAX - 1) - LEAD };
    size_t needed = common_words(text, other);
    struct bsc_buf whole;
    bsc_buf_init(&whole);
    if (needed > NEAR) {
        size_t from = a_little_before(text, needed);
        bsc_buf_printf(&whole, "%.*s … ", (int)fitting(text, LEAD), text);
        needed = whole.length + needed - from;
        text += from;
    }
    bsc_buf_add_text(&whole, text);
    say_lines(cli, INDENT, sign, whole.data, needed);
    bsc_buf_release(&whole);
}

static void show_change(struct bsc_cli *cli, const struct bsc_value *changes, size_t index)
{
    const struct bsc_value *change = bsc_value_at(changes, index);
    const struct bsc_value *facts = bsc_value_get(change, "facts");
    const struct bsc_value *instead = counterpart(changes, index);
    char *text = safe_line(cli, text_of(change));
    char *other = safe_line(cli, instead != NULL ? text_of(instead) : "");
    char sign[] = {sign_at(changes, index), ' ', '\0'};
    show_text(cli, sign, text, other);
    for (size_t i = 0; i < bsc_value_count(facts); i++)
        show_shift(cli, bsc_value_at(facts, i));
    bsc_mem_free(text);
    bsc_mem_free(other);
}

static const char *word(const struct bsc_value *step, const char *key)
{
    return bsc_value_get_string(step, key);
}

/* Where the outcome is the same, the statements tell the rest. */
static void show_outcomes(struct bsc_cli *cli, const struct bsc_value *step)
{
    const char *then = word(step, "then"), *now = word(step, "now"), *why = word(step, "reason");
    if (then != NULL && now != NULL && strcmp(then, now) == 0)
        return;
    if (then == NULL)
        bsc_cli_say(cli, "%*snot in the plan; now it would be %s\n", INDENT, "", now);
    else if (now == NULL)
        bsc_cli_say(cli, "%*s%s in the plan; now it would not be there\n", INDENT, "", then);
    else
        bsc_cli_say(cli, "%*s%s in the plan; now it would be %s\n", INDENT, "", then, now);
    if (now != NULL && why != NULL && *why != '\0')
        show_brief(cli, INDENT + 2, why);
}

static void show_step(struct bsc_cli *cli, const struct bsc_value *step)
{
    const struct bsc_value *changes = bsc_value_get(step, "changes");
    size_t count = bsc_value_count(changes);
    size_t shown = count > CHANGES_MAX ? CHANGES_MAX - 1 : count;
    bsc_cli_show_item(cli, step);
    show_outcomes(cli, step);
    for (size_t i = 0; i < shown; i++)
        show_change(cli, changes, i);
    if (shown < count)
        bsc_cli_say(cli, "%*s… and %zu more\n", INDENT, "", count - shown);
}

static void show_steps(struct bsc_cli *cli, const struct bsc_value *steps)
{
    if (bsc_value_count(steps) > 0)
        heading(cli, "steps");
    for (size_t i = 0; i < bsc_value_count(steps); i++)
        show_step(cli, bsc_value_at(steps, i));
}

/* ------------------------------------------------------------------- drift */

void bsc_cli_show_drift(struct bsc_cli *cli, const struct bsc_value *drift)
{
    if (!bsc_run_drift_any(drift))
        return;
    bsc_cli_say(cli, "Since the plan was made:\n");
    show_inputs(cli, bsc_value_get(drift, "inputs"));
    show_facts(cli, bsc_value_get(drift, "facts"));
    show_steps(cli, bsc_value_get(drift, "steps"));
    if (bsc_value_get_truth(drift, "holds"))
        bsc_cli_say(cli, "The plan still holds: nothing that it would do depends on this.\n");
    bsc_cli_say(cli, "\n");
}

/* --------------------------------------------------------------- amendment */

/* What an item does not say is not unknown, as a fact would be. */
static void add_said(struct bsc_buf *out, const struct bsc_value *said)
{
    if (bsc_value_kind(said) == BSC_VALUE_NULL)
        bsc_buf_add_text(out, "(none)");
    else
        bsc_cli_add_value(out, said);
}

static void show_how(struct bsc_cli *cli, const struct bsc_value *how)
{
    for (size_t i = 0; i < bsc_value_count(how); i++) {
        const struct bsc_value *each = bsc_value_at(how, i);
        struct bsc_buf text;
        bsc_buf_init(&text);
        bsc_buf_printf(&text, "%s: ", bsc_value_get_string(each, "key"));
        add_said(&text, bsc_value_get(each, "then"));
        bsc_buf_add_text(&text, " -> ");
        add_said(&text, bsc_value_get(each, "now"));
        show_brief(cli, INDENT, text.data);
        bsc_buf_release(&text);
    }
}

static void show_place(struct bsc_cli *cli, const struct bsc_value *item)
{
    int64_t was = bsc_value_get_number(item, "was_line", 0);
    int64_t line = bsc_value_get_number(item, "line", 0);
    const char *what = bsc_value_get_string(item, "what");
    const char *file = bsc_value_get_string(item, "file");
    const char *name = bsc_files_name_of(file != NULL ? file : "");
    bsc_cli_say(cli, "%*s%s: %s:%lld", INDENT, "", what, name, (long long)line);
    if (strcmp(what, "differs") == 0 && was != line)
        bsc_cli_say(cli, ", was line %lld", (long long)was);
    bsc_cli_say(cli, "\n");
}

/* Those before, or behind, the place where the run goes on. */
static void show_items(struct bsc_cli *cli, const struct bsc_value *items, bool reached,
                       const char *title)
{
    bool any = false;
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        if (bsc_value_get_truth(item, "reached") != reached)
            continue;
        if (!any)
            heading(cli, title);
        any = true;
        bsc_cli_show_item(cli, item);
        show_place(cli, item);
        show_how(cli, bsc_value_get(item, "how"));
    }
}

static void show_site(struct bsc_cli *cli, const struct bsc_value *site)
{
    if (bsc_value_count(site) > 0)
        heading(cli, "of the site, and what was carried out rests on it");
    show_how(cli, site);
}

static bool has_input(const struct bsc_value *drift, const char *what)
{
    const struct bsc_value *inputs = bsc_value_get(drift, "inputs");
    for (size_t i = 0; i < bsc_value_count(inputs); i++) {
        if (strcmp(bsc_value_get_string(bsc_value_at(inputs, i), "what"), what) == 0)
            return true;
    }
    return false;
}

void bsc_cli_show_amendment(struct bsc_cli *cli, const struct bsc_value *drift)
{
    const struct bsc_value *amendment = bsc_value_get(drift, "amendment");
    const struct bsc_value *items = bsc_value_get(amendment, "items");
    if (has_input(drift, "library"))
        bsc_cli_say(cli, "bascule itself is another build than the one that planned the run.\n");
    show_items(cli, items, true, "carried out already, or begun");
    show_site(cli, bsc_value_get(amendment, "site"));
    show_items(cli, items, false, "still ahead");
    if (bsc_value_count(items) == 0)
        bsc_cli_say(cli, "No step differs.\n");
    bsc_cli_say(cli, "\n");
}

int bsc_cli_fail_drifted(struct bsc_cli *cli, const struct bsc_err *err,
                         const struct bsc_value *drift)
{
    if (!cli->json)
        return bsc_cli_fail(cli, err);
    struct bsc_value *value = bsc_value_map();
    bsc_value_set(value, "error", bsc_run_error_value(err));
    bsc_value_set(value, "drift", bsc_value_copy(drift));
    bsc_value_set_int(value, "exit", BSC_EXIT_REFUSED);
    bsc_cli_json(cli, value);
    bsc_value_free(value);
    return BSC_EXIT_REFUSED;
}
