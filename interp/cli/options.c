#include "cli/options.h"

#include <string.h>

#include "base/mem.h"
#include "site/names.h"

static void print_help(struct bsc_cli *cli, const struct bsc_cli_usage *usage)
{
    fprintf(cli->out, "usage: bascule %s\n\n%s\n\noptions:\n", usage->synopsis, usage->summary);
    for (const struct bsc_cli_option *o = usage->options; o->name != NULL; o++) {
        char head[64];
        snprintf(head, sizeof head, "%s%s%s%s%s", o->short_name ? o->short_name : "",
                 o->short_name ? ", " : "", o->name, o->value_name ? " " : "",
                 o->value_name ? o->value_name : "");
        fprintf(cli->out, "  %-24s %s\n", head, o->doc);
    }
    fprintf(cli->out, "  %-24s %s\n", "--json", "print the result as JSON");
    fprintf(cli->out, "  %-24s %s\n", "--help", "show this text");
}

static const struct bsc_cli_option *find_option(const struct bsc_cli_usage *usage, const char *word,
                                                size_t length)
{
    for (const struct bsc_cli_option *o = usage->options; o->name != NULL; o++) {
        if (strlen(o->name) == length && memcmp(o->name, word, length) == 0)
            return o;
        if (o->short_name != NULL && strlen(o->short_name) == length &&
            memcmp(o->short_name, word, length) == 0)
            return o;
    }
    return NULL;
}

static bool unknown_option(const struct bsc_cli_usage *usage, const char *word, size_t length,
                           struct bsc_err *err)
{
    const char *names[32];
    char *option = bsc_mem_bytes(word, length);
    size_t count = 0;
    for (const struct bsc_cli_option *o = usage->options; o->name != NULL && count < 30; o++)
        names[count++] = o->name;
    names[count++] = "--json";
    names[count++] = "--help";
    const char *nearest = bsc_site_nearest_name(option, names, count);
    bsc_err_set(err, BSC_ERR_USAGE, "unknown option \"%s\"", option);
    bsc_mem_free(option);
    if (nearest != NULL)
        return bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
    return bsc_err_hint(err, "usage: bascule %s", usage->synopsis);
}

static bool take_pair(struct bsc_value *pairs, const char *text, struct bsc_err *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is not of the form name=value", text);
        return bsc_err_hint(err, "Write it as --set pool=chat.");
    }
    char *key = bsc_mem_bytes(text, (size_t)(equals - text));
    bool fresh = bsc_value_get(pairs, key) == NULL;
    if (fresh)
        bsc_value_set_text(pairs, key, equals + 1);
    else
        bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is set twice", key);
    bsc_mem_free(key);
    return fresh;
}

static bool take_option(const struct bsc_cli_option *option, const char *value, struct bsc_err *err)
{
    if (option->flag != NULL) {
        if (value != NULL)
            return bsc_err_set(err, BSC_ERR_USAGE, "%s takes no value", option->name);
        *option->flag = true;
        return true;
    }
    if (value == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "%s needs a value: %s", option->name,
                           option->value_name);
    if (option->pairs != NULL)
        return take_pair(option->pairs, value, err);
    *option->text = value;
    return true;
}

/* One word that begins with a dash; *index moves on when the value is a word of its own. */
static bool parse_option(const struct bsc_cli_usage *usage, int argc, char **argv, int *index,
                         struct bsc_err *err)
{
    const char *word = argv[*index];
    const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    const struct bsc_cli_option *option = find_option(usage, word, length);
    if (option == NULL)
        return unknown_option(usage, word, length, err);
    const char *value = equals != NULL ? equals + 1 : NULL;
    if (value == NULL && option->flag == NULL && *index + 1 < argc)
        value = argv[++*index];
    return take_option(option, value, err);
}

static bool check_operands(const struct bsc_cli_usage *usage, size_t count, struct bsc_err *err)
{
    if (count >= usage->operands_min && count <= usage->operands_max)
        return true;
    bsc_err_set(err, BSC_ERR_USAGE,
                count < usage->operands_min ? "something is missing"
                                            : "there are too many arguments");
    return bsc_err_hint(err, "usage: bascule %s", usage->synopsis);
}

bool bsc_cli_wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

bool bsc_cli_parse(struct bsc_cli *cli, const struct bsc_cli_usage *usage, int argc, char **argv,
                   size_t *ret_operands, bool *ret_help, struct bsc_err *err)
{
    size_t operands = 0;
    bool only_operands = false;
    *ret_help = false;
    cli->json = cli->json || bsc_cli_wants_json(argc, argv);
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            argv[++operands] = word;
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (strcmp(word, "--json") == 0) {
            cli->json = true;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            print_help(cli, usage);
            *ret_help = true;
            return true;
        } else if (!parse_option(usage, argc, argv, &i, err)) {
            return false;
        }
    }
    *ret_operands = operands;
    return check_operands(usage, operands, err);
}
