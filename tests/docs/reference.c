/*
 * Prints docs/reference.md from the program itself, or compares the committed page with it.
 *
 * usage: reference [PAGE]     without PAGE: prints; with it: compares, and exits with 1 when the
 * page differs. With BSC_UPDATE=1 in the environment the page is written instead.
 *
 * Verbs come from the program's own help, everything else from the tables that the program works
 * with, so that the page cannot say anything else than the program does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/redact.h"
#include "cli/cli.h"
#include "lib/row.h"
#include "run/fault.h"
#include "run/outcome.h"
#include "value/value.h"
#include "vm/vm.h"

enum { WORD_MAX = 64, PAGE_MAX = 1024 * 1024 };

static void add(struct bsc_buf *page, const char *text)
{
    bsc_buf_add_text(page, text);
}

/* A bar would end the table's cell. */
static void add_cell(struct bsc_buf *page, const char *text)
{
    for (const char *c = text != NULL ? text : ""; *c != '\0'; c++) {
        if (*c == '|')
            bsc_buf_add_char(page, '\\');
        bsc_buf_add_char(page, *c);
    }
}

/* ------------------------------------------------------------------ verbs */

/* What `bascule WORDS` prints; returns owned. */
static char *output_of(int argc, char **argv)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct bsc_cli cli = {.sys = bsc_sys_real(),
                          .clock = bsc_clock_real(),
                          .redactor = bsc_redactor_new(),
                          .in = stdin,
                          .out = out,
                          .err = out};
    int code = bsc_cli_main(&cli, argc, argv);
    bsc_redactor_free(cli.redactor);
    fclose(out);
    if (code != BSC_EXIT_DONE) {
        fprintf(stderr, "\"bascule %s\" ended with %d:\n%s", argv[1], code, text);
        exit(1);
    }
    return text;
}

static void add_help(struct bsc_buf *page, char *verb)
{
    char program[] = "bascule";
    char help[] = "--help";
    char *words[] = {program, verb, help, NULL};
    char *text = output_of(3, words);
    bsc_buf_printf(page, "\n### bascule %s\n\n```text\n%s```\n", verb, text);
    free(text);
}

/* The program's own help lists each verb on a line of its own, two blanks before it. */
static void add_verbs(struct bsc_buf *page)
{
    char program[] = "bascule";
    char help[] = "--help";
    char *words[] = {program, help, NULL};
    char *text = output_of(2, words);
    bsc_buf_printf(page, "\n## Verbs\n\n```text\n%s```\n", text);
    char *line = strstr(text, "\n  ");
    const char *end = line != NULL ? strstr(line, "\n\n") : NULL;
    for (; line != NULL && end != NULL && line < end; line = strstr(line + 1, "\n  ")) {
        char verb[WORD_MAX];
        snprintf(verb, sizeof verb, "%.*s", (int)strcspn(line + 3, " "), line + 3);
        add_help(page, verb);
    }
    free(text);
}

/* -------------------------------------------------------------- vocabulary */

/* An argument is { "name", "type", … }: its positions come as the keys 1 and 2. */
static void add_argument(struct bsc_buf *page, const struct bsc_value *arg)
{
    const char *type = bsc_value_get_string(arg, "type");
    const struct bsc_value *values = bsc_value_get(arg, "values");
    const struct bsc_value *fallback = bsc_value_get(arg, "default");
    bsc_buf_printf(page, "`%s`: ", bsc_value_get_string(arg, "name"));
    if (strcmp(type, "choice") != 0)
        add(page, type);
    for (size_t i = 0; i < bsc_value_count(values); i++)
        bsc_buf_printf(page, "%s`%s`", i > 0 ? " or " : "",
                       bsc_value_string(bsc_value_at(values, i)));
    if (fallback != NULL && bsc_value_kind(fallback) == BSC_VALUE_TEXT)
        bsc_buf_printf(page, ", default `%s`", bsc_value_string(fallback));
    else if (fallback != NULL && bsc_value_kind(fallback) == BSC_VALUE_INT)
        bsc_buf_printf(page, ", default %lld", (long long)bsc_value_number(fallback, 0));
    else if (fallback != NULL || bsc_value_get_truth(arg, "optional"))
        add(page, ", may be left out");
    if (bsc_value_get_string(arg, "doc") != NULL) {
        add(page, "; ");
        add_cell(page, bsc_value_get_string(arg, "doc"));
    }
}

static void add_primitive(struct bsc_buf *page, const struct bsc_value *primitive)
{
    const struct bsc_value *args = bsc_value_get(primitive, "args");
    const char *usage = bsc_value_get_string(primitive, "usage");
    bsc_buf_printf(page, "\n### %s\n\n", bsc_value_get_string(primitive, "name"));
    if (bsc_value_get_string(primitive, "doc") != NULL)
        bsc_buf_printf(page, "%s\n\n", bsc_value_get_string(primitive, "doc"));
    if (usage != NULL)
        bsc_buf_printf(page, "    %s\n\n", usage);
    for (size_t i = 0; i < bsc_value_count(args); i++) {
        add(page, "* ");
        add_argument(page, bsc_value_at(args, i));
        add(page, "\n");
    }
    bsc_buf_printf(page, "* undo: %s\n", bsc_value_get_string(primitive, "undo"));
}

static void add_vocabulary(struct bsc_buf *page, const struct bsc_value *primitives)
{
    add(page, "\n## Primitives of the language\n\n"
              "What stands in the braces of a step. [Writing runbooks](writing-runbooks.md) shows "
              "them in use.\n"
              "Arguments are given in this order, or by name in braces.\n");
    for (size_t i = 0; i < bsc_value_count(primitives); i++)
        add_primitive(page, bsc_value_at(primitives, i));
}

/* -------------------------------------------------------------------- facts */

/* What a plan makes of the fact when it is another later on. */
static const char *standing_of(const struct bsc_value *fact)
{
    if (bsc_value_get_truth(fact, "volatile"))
        return "volatile";
    if (bsc_value_get_truth(fact, "advances"))
        return "advances";
    return bsc_value_get_truth(fact, "identity") ? "identity" : "";
}

static void add_fact(struct bsc_buf *page, const char *key, const struct bsc_value *fact)
{
    const struct bsc_value *values = bsc_value_get(fact, "values");
    const char *unit = bsc_value_get_string(fact, "unit");
    bsc_buf_printf(page, "| `%s` | %s", key, bsc_value_get_string(fact, "type"));
    if (unit != NULL)
        bsc_buf_printf(page, ", %s", unit);
    for (size_t i = 0; i < bsc_value_count(values); i++)
        bsc_buf_printf(page, "%s`%s`", i > 0 ? ", " : ": ",
                       bsc_value_string(bsc_value_at(values, i)));
    bsc_buf_printf(page, " | %s | ", standing_of(fact));
    add_cell(page, bsc_value_get_string(fact, "doc"));
    add(page, " |\n");
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of a map in order of name; returns an owned array of borrowed texts. */
static const char **sorted_keys(const struct bsc_value *map)
{
    size_t count = bsc_value_count(map);
    const char **keys = bsc_mem_new(count + 1, sizeof *keys);
    for (size_t i = 0; i < count; i++)
        keys[i] = bsc_value_key_at(map, i);
    qsort(keys, count, sizeof *keys, by_text);
    return keys;
}

static void add_kind(struct bsc_buf *page, const char *kind, const struct bsc_value *facts)
{
    const char **keys = sorted_keys(facts);
    bsc_buf_printf(page, "\n### %s\n\n| fact | type | between plan and run | meaning |\n", kind);
    add(page, "|---|---|---|---|\n");
    for (size_t i = 0; keys[i] != NULL; i++)
        add_fact(page, keys[i], bsc_value_get(facts, keys[i]));
    bsc_mem_free(keys);
}

static void add_facts(struct bsc_buf *page, const struct bsc_value *schema)
{
    const char **kinds = sorted_keys(schema);
    add(page,
        "\n## Facts\n\n"
        "What is known of a resource, by kind; the kind is the part of its id before the "
        "colon. `bascule observe`\nprints them. The kinds `sql` and `command` have the facts "
        "that their query or program gives.\n\n"
        "A *volatile* fact moves by itself and is never compared. One that *advances* goes on "
        "while the site is at\nwork: a plan does not depend on it, but within a run only the "
        "run's own changes may move it. An *identity*\ntells the resource from another of the "
        "same name: a plan is never run on another. Any other fact that is\ndifferent is "
        "shown, and the plan is refused if it makes a step different.\n");
    for (size_t i = 0; kinds[i] != NULL; i++)
        add_kind(page, kinds[i], bsc_value_get(schema, kinds[i]));
    bsc_mem_free(kinds);
}

/* -------------------------------------------------------------------- tables */

static void add_outcomes(struct bsc_buf *page)
{
    add(page, "\n## Outcome words\n\nThe same in runbooks, in JSON, in the journal and on screen. "
              "The exit code is that of a run that ends so.\n\n"
              "| word | meaning | exit code |\n|---|---|---|\n");
#define ADD_OUTCOME(id, name, text)                                                                \
    bsc_buf_printf(page, "| `%s` | %s | %d |\n", name, text,                                       \
                   bsc_run_outcome_exit(BSC_OUTCOME_##id));
    BSC_OUTCOMES(ADD_OUTCOME)
#undef ADD_OUTCOME
}

static void add_errors(struct bsc_buf *page)
{
    add(page, "\n## Error codes\n\nThe `code` of an error in JSON and in the journal.\n\n"
              "| code | meaning |\n|---|---|\n");
#define ADD_ERROR(id, name, text)                                                                  \
    if (BSC_ERR_##id != BSC_ERR_NONE)                                                              \
        bsc_buf_printf(page, "| `%s` | %s |\n", name, text);
    BSC_ERR_CODES(ADD_ERROR)
#undef ADD_ERROR
}

static void add_rows(struct bsc_buf *page)
{
    size_t count = 0;
    const struct bsc_lib_row *const *rows = bsc_lib_rows(&count);
    add(page, "\n## Rows of the host\n\n"
              "What the program itself can do. A change in a plan names its row and arguments. "
              "Runbooks do not call\nrows; primitives do. A *read* row only looks. A row that "
              "*resumes* does the rest when it is\ncarried out again after a part of it. Rows with "
              "a lane run on one thread for each value of that\nargument.\n");
    for (size_t i = 0; i < count; i++) {
        const struct bsc_lib_row *row = rows[i];
        bsc_buf_printf(page, "\n### %s\n\n%s\n\n", row->name, row->doc);
        bsc_buf_printf(page, "* %s%s%s%s\n", row->effect == BSC_LIB_READ ? "read" : "write",
                       row->resumes ? ", resumes" : "", row->lane != NULL ? ", lane: " : "",
                       row->lane != NULL ? row->lane : "");
        bsc_buf_printf(page, "* arguments: `%s`\n* result: `%s`\n", row->args, row->result);
    }
}

/* -------------------------------------------------------------------- faults */

static const char *happens_to(enum bsc_run_fault fault)
{
    static const enum bsc_run_op ops[] = {BSC_RUN_OP_CHANGE, BSC_RUN_OP_OBSERVE, BSC_RUN_OP_ASK};
    static const char *const words[] = {"a change", "a look", "a question"};
    if (bsc_run_fault_fits(fault, BSC_RUN_OP_NOTE))
        return "anything but a change";
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (bsc_run_fault_fits(fault, ops[i]))
            return words[i];
    }
    return "";
}

static void add_faults(struct bsc_buf *page, const struct bsc_value *moves)
{
    add(page, "\n## Faults\n\nWhat a rehearsal tries, and what a test of a runbook may name. It "
              "happens to one change, look or question\nof the run.\n\n"
              "| name | happens to | what happens |\n|---|---|---|\n");
    for (int i = BSC_RUN_FAULT_NONE + 1; i < BSC_RUN_FAULT_COUNT; i++) {
        enum bsc_run_fault fault = (enum bsc_run_fault)i;
        const struct bsc_run_fault_kind *kind = bsc_run_fault_kind(fault);
        bsc_buf_printf(page, "| `%s` | %s | %s |\n", kind->name, happens_to(fault), kind->words);
    }
    add(page, "\nWhat the world may do by itself between two looks; `…` is the resource, for "
              "example `the primary of mgc`.\n\n| kind | what happens |\n|---|---|\n");
    for (size_t i = 0; i < bsc_value_count(moves); i++)
        bsc_buf_printf(page, "| %s | `%s` |\n",
                       bsc_value_get_string(bsc_value_at(moves, i), "kind"),
                       bsc_value_get_string(bsc_value_at(moves, i), "words"));
}

/* -------------------------------------------------------------------- page */

static struct bsc_value *ask(struct bsc_vm *vm, const char *entry)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *none = bsc_value_map();
    struct bsc_value *value = bsc_vm_call(vm, entry, none, &err);
    bsc_value_free(none);
    if (value == NULL) {
        fprintf(stderr, "%s: %s\n%s\n", entry, err.message, err.detail);
        exit(1);
    }
    return value;
}

static void make_page(struct bsc_buf *page)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm_options options = {0};
    options.sources = bsc_vm_embedded(&options.source_count);
    struct bsc_vm *vm = bsc_vm_new(&options, &err);
    if (vm == NULL) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    struct bsc_value *primitives = ask(vm, "primitives");
    struct bsc_value *schema = ask(vm, "schema");
    struct bsc_value *moves = ask(vm, "all_moves");
    add(page, "# Reference\n\n"
              "This page is printed by the program itself, and a test compares the two. To write "
              "it anew after a change:\n\n"
              "    BSC_UPDATE=1 sh tests/run.sh -R docs.reference\n");
    add_verbs(page);
    add_outcomes(page);
    add_vocabulary(page, primitives);
    add_facts(page, schema);
    add_faults(page, moves);
    add_errors(page);
    add_rows(page);
    bsc_value_free(primitives);
    bsc_value_free(schema);
    bsc_value_free(moves);
    bsc_vm_free(vm);
}

static bool read_page(const char *path, struct bsc_buf *text)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    char *room = bsc_buf_room(text, PAGE_MAX);
    bsc_buf_grown(text, fread(room, 1, PAGE_MAX, file));
    return fclose(file) == 0;
}

static bool write_page(const char *path, const struct bsc_buf *page)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool ok = fwrite(page->data, 1, page->length, file) == page->length;
    return fclose(file) == 0 && ok;
}

/* Names the first line that differs. */
static bool same_page(const char *path, const struct bsc_buf *page)
{
    struct bsc_buf old;
    size_t line = 1, at = 0;
    bsc_buf_init(&old);
    bool ok = read_page(path, &old) && old.length == page->length &&
              memcmp(old.data, page->data, page->length) == 0;
    while (!ok && at < old.length && at < page->length && old.data[at] == page->data[at])
        line += old.data[at++] == '\n' ? 1 : 0;
    if (!ok)
        fprintf(stderr,
                "%s differs from what the program prints, first in line %zu.\n"
                "BSC_UPDATE=1 writes it anew.\n",
                path, line);
    bsc_buf_release(&old);
    return ok;
}

int main(int argc, char **argv)
{
    struct bsc_buf page;
    const char *update = getenv("BSC_UPDATE");
    bool ok = true;
    bsc_buf_init(&page);
    make_page(&page);
    if (argc < 2)
        fputs(page.data, stdout);
    else if (update != NULL && strcmp(update, "1") == 0)
        ok = write_page(argv[1], &page);
    else
        ok = same_page(argv[1], &page);
    bsc_buf_release(&page);
    return ok ? 0 : 1;
}
