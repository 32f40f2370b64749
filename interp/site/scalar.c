#include "site/check.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "site/names.h"

static const char *text_of(const struct bsc_value *raw)
{
    return bsc_value_string(raw);
}

static bool has_control(const char *text, bool lines_allowed)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 && !(lines_allowed && *text == '\n'))
            return true;
        if (*text == 0x7F)
            return true;
    }
    return false;
}

/* Drops "." parts and doubled slashes, so that one folder has one spelling. ".." stays: behind a
 * link it does not mean what it seems to. Returns owned. */
static char *path_tidy(const char *path)
{
    struct bsc_buf tidy;
    bsc_buf_init(&tidy);
    for (const char *at = path; *at != '\0';) {
        size_t slash = strspn(at, "/");
        size_t part = strcspn(at + slash, "/");
        bool dot = part == 1 && at[slash] == '.';
        if (part > 0 && !dot) {
            bsc_buf_add_char(&tidy, '/');
            bsc_buf_add(&tidy, at + slash, part);
        }
        at += slash + part;
    }
    if (tidy.length == 0)
        bsc_buf_add_char(&tidy, '/');
    char *text = bsc_buf_take(&tidy);
    bsc_buf_release(&tidy);
    return text;
}

static struct bsc_value *path_value(const struct bsc_site_check *check, const char *text)
{
    char *joined = bsc_files_join(check->folder, text);
    char *tidy = path_tidy(joined);
    struct bsc_value *value = bsc_value_text(tidy);
    bsc_mem_free(tidy);
    bsc_mem_free(joined);
    return value;
}

/* Every part is a plain name: nothing absolute, empty, "." or "..". */
static bool file_valid(const char *text)
{
    for (const char *at = text;; at++) {
        size_t part = strcspn(at, "/");
        if (part == 0 || (part == 1 && at[0] == '.') || (part == 2 && memcmp(at, "..", 2) == 0))
            return false;
        at += part;
        if (*at == '\0')
            return true;
    }
}

static bool word_valid(const char *text, size_t length)
{
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    if (length == 0 || length > 128 || (text[0] >= '0' && text[0] <= '9'))
        return false;
    return strspn(text, rest) >= length;
}

static bool identifier_valid(const char *text)
{
    size_t first = strcspn(text, ".");
    if (!word_valid(text, first))
        return false;
    return text[first] == '\0' || word_valid(text + first + 1, strlen(text + first + 1));
}

/* Whether a connection string sets a keyword. Looks at every ";", also inside braces: better one
 * refusal too many than a password let through. */
static bool connection_sets(const char *text, const char *keyword)
{
    for (const char *at = text; at != NULL; at = strchr(at, ';')) {
        at += strspn(at, "; {");
        size_t length = strlen(keyword);
        if (strncasecmp(at, keyword, length) == 0 && at[length + strspn(at + length, " ")] == '=')
            return true;
    }
    return false;
}

static void connection_check(struct bsc_site_check *check, const struct bsc_value *raw)
{
    const char *text = text_of(raw);
    struct bsc_value_place place = bsc_value_place(raw);
    if (connection_sets(text, "pwd") || connection_sets(text, "password")) {
        struct bsc_err *err =
            bsc_site_problem(check, place, "\"connection\" must not contain a password");
        bsc_err_hint(err, "Take PWD= out and name where the password is found: secret: file:PATH.");
    } else if (connection_sets(text, "database")) {
        struct bsc_err *err =
            bsc_site_problem(check, place, "\"connection\" must not choose a database");
        bsc_err_hint(err, "Take Database= out; each copy names its own file or database.");
    }
}

/* The value itself is never quoted: somebody may have written the password in its place. */
static struct bsc_value *secret_read(struct bsc_site_check *check, const struct bsc_value *raw)
{
    if (!bsc_site_secret_valid(text_of(raw))) {
        struct bsc_err *err = bsc_site_problem(check, bsc_value_place(raw),
                                               "\"secret\" must be a reference, not the secret");
        bsc_err_hint(err, "Write env:NAME, file:PATH or command:PROGRAM ARGUMENTS.");
    }
    return bsc_value_bool(true);
}

static struct bsc_value *choice_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                     const struct bsc_value *raw)
{
    const char *text = text_of(raw);
    struct bsc_buf words;
    size_t count = 0;
    bsc_buf_init(&words);
    for (; key->choices[count] != NULL; count++) {
        if (strcmp(key->choices[count], text) == 0) {
            bsc_buf_release(&words);
            return bsc_value_copy(raw);
        }
        bsc_buf_printf(&words, "%s%s", count == 0 ? "" : ", ", key->choices[count]);
    }
    struct bsc_err *err =
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be one of %s, not \"%.64s\"",
                         key->name, words.data, text);
    const char *nearest = bsc_site_nearest_name(text, key->choices, count);
    if (nearest != NULL)
        bsc_err_hint(err, "Did you mean \"%s\"?", nearest);
    bsc_buf_release(&words);
    return bsc_value_null();
}

/* "server" for "servers", "data centre" for "data_centres". */
static void target_words(const char *target, char *ret_words, size_t size)
{
    size_t length = strlen(target) - 1;
    BSC_BUG_ON(length >= size);
    memcpy(ret_words, target, length);
    ret_words[length] = '\0';
    for (char *at = ret_words; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
}

bool bsc_site_name_known(struct bsc_site_check *check, const char *target,
                         const struct bsc_value *raw)
{
    char words[32];
    const struct bsc_value *map = bsc_value_get(check->source, target);
    const char *name = text_of(raw);
    target_words(target, words, sizeof words);
    if (name == NULL) {
        bsc_site_problem(check, bsc_value_place(raw), "the name of a %s must be a text, not %s",
                         words, bsc_value_kind_name(bsc_value_kind(raw)));
        return false;
    }
    if (bsc_value_get(map, name) != NULL)
        return true;
    struct bsc_err *err = bsc_site_problem(check, bsc_value_place(raw),
                                           "there is no %s named \"%.64s\"", words, name);
    bsc_err_hint(err, "Define it under \"%s\".", target);
    bsc_site_suggest(err, name, map);
    return false;
}

static struct bsc_value *number_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                     const struct bsc_value *raw)
{
    int64_t number = bsc_value_number(raw, 0);
    if (number < key->least || number > key->most)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be from %lld to %lld, not %lld",
                         key->name, (long long)key->least, (long long)key->most, (long long)number);
    return bsc_value_int(number);
}

static struct bsc_value *value_refuse(struct bsc_site_check *check, const struct bsc_site_key *key,
                                      const struct bsc_value *raw)
{
    const char *words = bsc_site_type_words(key->type);
    const char *text = text_of(raw);
    int64_t number = bsc_value_number(raw, 0);
    if (key->type == BSC_SITE_CONNECTION || key->type == BSC_SITE_SECRET)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be %s", key->name, words);
    else if (text != NULL)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be %s, not \"%.64s\"", key->name,
                         words, text);
    else if (bsc_value_kind(raw) == BSC_VALUE_INT)
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be %s, not %lld", key->name,
                         words, (long long)number);
    else
        bsc_site_problem(check, bsc_value_place(raw), "\"%s\" must be %s, not %s", key->name, words,
                         bsc_value_kind_name(bsc_value_kind(raw)));
    return bsc_value_null();
}

static void values_check(struct bsc_site_check *check, const struct bsc_site_key *key,
                         const struct bsc_value *raw)
{
    struct bsc_value *statements = bsc_value_list();
    struct bsc_value *copy = bsc_value_copy(raw);
    bsc_value_place_set(copy, bsc_value_place(raw));
    bsc_value_append(statements, copy);
    bsc_site_values_check(check, key, statements, bsc_value_place(raw));
    bsc_value_free(statements);
}

/* Whether a text has the form that its type asks for. */
static bool form_valid(enum bsc_site_type type, const char *text)
{
    bool lines_allowed = type == BSC_SITE_TEXT || type == BSC_SITE_SQL;
    if (has_control(text, lines_allowed) || text[0] == '\0')
        return type == BSC_SITE_TEXT && text[0] == '\0';
    switch (type) {
    case BSC_SITE_NAME:
        return bsc_site_name_valid(text);
    case BSC_SITE_FILE:
        return file_valid(text);
    case BSC_SITE_IDENTIFIER:
        return identifier_valid(text);
    case BSC_SITE_CATALOG:
        return strpbrk(text, ";{}[]'\"") == NULL && strlen(text) <= 128;
    default:
        return true;
    }
}

static struct bsc_value *text_read(struct bsc_site_check *check, const struct bsc_site_key *key,
                                   const struct bsc_value *raw)
{
    const char *text = text_of(raw);
    int64_t number = 0;
    if (key->type == BSC_SITE_SECRET)
        return secret_read(check, raw);
    if (!form_valid(key->type, text))
        return value_refuse(check, key, raw);
    switch (key->type) {
    case BSC_SITE_CHOICE:
        return choice_read(check, key, raw);
    case BSC_SITE_REFERENCE:
        return bsc_site_name_known(check, key->target, raw) ? bsc_value_copy(raw)
                                                            : bsc_value_null();
    case BSC_SITE_PATH:
        return path_value(check, text);
    case BSC_SITE_SIZE:
        if (!bsc_num_parse_size(text, strlen(text), &number) || number == 0)
            return value_refuse(check, key, raw);
        return bsc_value_int(number);
    case BSC_SITE_DURATION:
        if (!bsc_num_parse_duration(text, strlen(text), &number) || number == 0)
            return value_refuse(check, key, raw);
        return bsc_value_int(number);
    case BSC_SITE_CONNECTION:
        connection_check(check, raw);
        return bsc_value_copy(raw);
    case BSC_SITE_SQL:
        if (key->values != NULL)
            values_check(check, key, raw);
        return bsc_value_copy(raw);
    default:
        return bsc_value_copy(raw);
    }
}

struct bsc_value *bsc_site_scalar(struct bsc_site_check *check, const struct bsc_site_key *key,
                                  const struct bsc_value *raw)
{
    enum bsc_value_kind kind = bsc_value_kind(raw);
    if (key->type == BSC_SITE_TRUTH && kind == BSC_VALUE_BOOL)
        return bsc_value_copy(raw);
    if (key->type == BSC_SITE_NUMBER && kind == BSC_VALUE_INT)
        return number_read(check, key, raw);
    if (key->type == BSC_SITE_SIZE && kind == BSC_VALUE_INT && bsc_value_number(raw, 0) > 0)
        return bsc_value_copy(raw);
    bool textual = key->type != BSC_SITE_TRUTH && key->type != BSC_SITE_NUMBER;
    if (textual && kind == BSC_VALUE_TEXT)
        return text_read(check, key, raw);
    return value_refuse(check, key, raw);
}
