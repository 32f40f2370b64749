#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/options.h"
#include "run/errors.h"
#include "run/outcome.h"
#include "site/names.h"
#include "site/site.h"
#include "value/scrub.h"
#include "value/utf8.h"
#include "vm/vm.h"

struct verb {
    const char *name;
    bsc_cli_verb run;
    const char *doc;
    bool only_shows;
};

static const struct verb verbs[] = {
    {"lab", bsc_cli_lab, "make, break and look at a practice site", false},
    {"check", bsc_cli_check, "find every error of a runbook without running anything", true},
    {"observe", bsc_cli_observe, "show the facts of a site; changes nothing", true},
    {"plan", bsc_cli_plan, "show what a runbook would do, statement by statement", true},
    {"rehearse", bsc_cli_rehearse, "try what can go wrong with a runbook, on a model of the site",
     true},
    {"test", bsc_cli_test, "try the tests of a runbook, on a model of the site", true},
    {"run", bsc_cli_run, "carry out a plan or a runbook under a journal", false},
    {"status", bsc_cli_status, "show how runs stand and what to do next; follow a live one", true},
    {"resume", bsc_cli_resume, "go on with a run that has stopped", false},
    {"rollback", bsc_cli_rollback, "take back what a run has done", false},
    {"audit", bsc_cli_audit, "verify the journal of a run", true},
    {"report", bsc_cli_report, "write a run's report as one HTML page", true},
    {"agent", bsc_cli_agent, "do the background jobs of the embedded platform", false},
};

enum { VERB_COUNT = sizeof verbs / sizeof verbs[0] };

static int print_help(struct bsc_cli *cli)
{
    fputs("usage: bascule VERB [arguments]\n\n"
          "Rehearses, executes and proves operational procedures written as runbooks.\n\n",
          cli->out);
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(cli->out, "  %-10s %s\n", verbs[i].name, verbs[i].doc);
    fputs("\n  bascule VERB --help shows a verb's options, bascule --version the version.\n"
          "  exit codes: 0 done, 1 failed or halted, 2 usage, 3 refused, 4 rehearsal found a\n"
          "  violation, 5 journal does not verify, 6 outcome unknown, 7 parked\n",
          cli->out);
    return BSC_EXIT_DONE;
}

static int print_version(struct bsc_cli *cli)
{
    bool old = false;
    fprintf(cli->out, "bascule %s, %s\n", BSC_VERSION, bsc_vm_lua_release(&old));
    if (old)
        fputs(
            "warning: this Lua release has known memory bugs, mended in 5.4.8; the sandbox keeps\n"
            "runbooks away from them\n",
            cli->out);
    return BSC_EXIT_DONE;
}

static int unknown_verb(struct bsc_cli *cli, const char *word)
{
    const char *names[VERB_COUNT];
    struct bsc_err err = BSC_ERR_INIT;
    for (size_t i = 0; i < VERB_COUNT; i++)
        names[i] = verbs[i].name;
    const char *nearest = bsc_site_nearest_name(word, names, VERB_COUNT);
    bsc_err_set(&err, BSC_ERR_USAGE, "there is no verb \"%s\"", word);
    if (nearest != NULL)
        bsc_err_hint(&err, "Did you mean \"bascule %s\"?", nearest);
    else
        bsc_err_hint(&err, "bascule --help lists the verbs.");
    return bsc_cli_fail(cli, &err);
}

/* Empties the buffer of `out`, and keeps the first reason why that did not work. */
static void flush_out(struct bsc_cli *cli)
{
    errno = 0;
    if ((fflush(cli->out) != 0 || ferror(cli->out)) && cli->out_errno == 0)
        cli->out_errno = errno != 0 ? errno : EIO;
}

/* A reader who has seen enough and left is no reason to complain. */
static int tell_lost_output(struct bsc_cli *cli)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (cli->out_errno != EPIPE) {
        cli->json = false;
        bsc_err_sys(&err, cli->out_errno, "could not write to standard output");
        bsc_cli_fail(cli, &err);
    }
    return BSC_EXIT_FAILED;
}

static int run_verb(struct bsc_cli *cli, const struct verb *verb, int argc, char **argv)
{
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    cli->site_errors = &errors;
    int code = verb->run(cli, argc, argv);
    cli->site_errors = NULL;
    bsc_site_errors_release(&errors);
    flush_out(cli);
    if (cli->out_errno != 0 && code == BSC_EXIT_DONE && verb->only_shows)
        return tell_lost_output(cli);
    return code;
}

int bsc_cli_main(struct bsc_cli *cli, int argc, char **argv)
{
    if (argc < 2) {
        print_help(cli);
        return BSC_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return print_help(cli);
    if (strcmp(argv[1], "--version") == 0)
        return print_version(cli);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        if (strcmp(argv[1], verbs[i].name) == 0)
            return run_verb(cli, &verbs[i], argc - 1, argv + 1);
    }
    cli->json = bsc_cli_wants_json(argc, argv);
    return unknown_verb(cli, argv[1]);
}

static int exit_of(const struct bsc_err *err)
{
    switch (err->code) {
    case BSC_ERR_USAGE:
        return BSC_EXIT_USAGE;
    case BSC_ERR_REFUSED:
    case BSC_ERR_CONFLICT:
        return BSC_EXIT_REFUSED;
    case BSC_ERR_UNKNOWN:
    case BSC_ERR_PENDING:
        return BSC_EXIT_UNKNOWN;
    default:
        return BSC_EXIT_FAILED;
    }
}

static const char *const style_codes[] = {"\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[2m"};

enum { STYLE_COUNT = sizeof style_codes / sizeof style_codes[0] };

static bool is_own_style(const struct bsc_cli *cli, const char *text)
{
    if (!cli->colour)
        return false;
    for (size_t i = 0; i < STYLE_COUNT; i++) {
        if (strncmp(text, style_codes[i], strlen(style_codes[i])) == 0)
            return true;
    }
    return false;
}

/* Besides the control characters of ASCII those of Latin-1, which some terminals obey too, and the
 * ones that turn the direction of writing, with which a statement can be made to look like another.
 */
static bool steers(uint32_t point)
{
    if (point < 0x20)
        return point != '\n' && point != '\t';
    return (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2066 && point <= 0x2069);
}

/* Text from scripts, files and servers must not be able to steer the terminal. */
static void make_visible(const struct bsc_cli *cli, struct bsc_buf *text)
{
    size_t step = 0;
    for (size_t i = 0; i < text->length; i += step) {
        uint32_t point = 0;
        step = bsc_utf8_decode(text->data + i, text->length - i, &point);
        bool valid = step > 0;
        if (!valid)
            step = 1;
        if (!valid || (steers(point) && !(point == 0x1b && is_own_style(cli, text->data + i))))
            memset(text->data + i, '?', step);
    }
}

char *bsc_cli_line(const char *text)
{
    char *line = bsc_mem_text(text != NULL ? text : "");
    for (char *c = line; *c != '\0'; c++)
        *c = (unsigned char)*c < 0x20 ? '?' : *c;
    return line;
}

static void write_text(struct bsc_cli *cli, FILE *stream, struct bsc_buf *text)
{
    bsc_redact_apply(cli->redactor, text);
    make_visible(cli, text);
    fwrite(text->data, 1, text->length, stream);
    if (stream == cli->out)
        flush_out(cli);
    else
        fflush(stream);
}

static void add_line(struct bsc_buf *text, const char *label, const char *line)
{
    if (line[0] != '\0')
        bsc_buf_printf(text, "  %s%s\n", label, line);
}

static void add_error(struct bsc_buf *text, const struct bsc_err *err)
{
    if (err->where[0] != '\0')
        bsc_buf_printf(text, "%s: ", err->where);
    bsc_buf_printf(text, "error: %s\n", err->message);
    add_line(text, "cause: ", err->cause);
    add_line(text, "", err->detail);
    add_line(text, "", err->hint);
}

static void fail_in_json(struct bsc_cli *cli, const struct bsc_err *all, size_t count, int code)
{
    struct bsc_value *value = bsc_value_map();
    bsc_value_set(value, "error", bsc_run_error_value(all));
    if (count > 1) {
        struct bsc_value *list = bsc_value_list();
        for (size_t i = 0; i < count; i++)
            bsc_value_append(list, bsc_run_error_value(&all[i]));
        bsc_value_set(value, "errors", list);
    }
    bsc_value_set_int(value, "exit", code);
    bsc_cli_json(cli, value);
    bsc_value_free(value);
}

int bsc_cli_fail(struct bsc_cli *cli, const struct bsc_err *err)
{
    return bsc_cli_fail_with(cli, err, exit_of(err));
}

int bsc_cli_fail_with(struct bsc_cli *cli, const struct bsc_err *err, int code)
{
    bool several = cli->site_errors != NULL && cli->site_errors->count > 1;
    const struct bsc_err *all = several ? cli->site_errors->items : err;
    size_t count = several ? cli->site_errors->count : 1;
    if (cli->json) {
        fail_in_json(cli, all, count, code);
        return code;
    }
    struct bsc_buf text;
    bsc_buf_init(&text);
    for (size_t i = 0; i < count; i++)
        add_error(&text, &all[i]);
    if (several)
        bsc_buf_printf(&text, "%s%zu errors\n", cli->site_errors->more ? "more than " : "", count);
    write_text(cli, cli->err, &text);
    bsc_buf_release(&text);
    return code;
}

/* Nothing is made visible here: a program must get the bytes of which digests were taken. */
void bsc_cli_json(struct bsc_cli *cli, const struct bsc_value *value)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_scrub_canonical(cli->redactor, value, &text);
    bsc_buf_add_char(&text, '\n');
    fwrite(text.data, 1, text.length, cli->out);
    flush_out(cli);
    bsc_buf_release(&text);
}

void bsc_cli_say(struct bsc_cli *cli, const char *format, ...)
{
    if (cli->json)
        return;
    struct bsc_buf text;
    va_list args;
    bsc_buf_init(&text);
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    va_start(args, format);
    vsnprintf(bsc_buf_room(&text, (size_t)length), (size_t)length + 1, format, args);
    va_end(args);
    bsc_buf_grown(&text, (size_t)length);
    write_text(cli, cli->out, &text);
    bsc_buf_release(&text);
}

const char *bsc_cli_style(const struct bsc_cli *cli, enum bsc_cli_style style)
{
    return cli->colour ? style_codes[style] : "";
}
