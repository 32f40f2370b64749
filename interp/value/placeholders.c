#include "value/placeholders.h"

#include <string.h>

#include "base/mem.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_word(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (is_word(text[length]))
        length++;
    return length;
}

/* Names of PostgreSQL may hold a dollar sign, which begins no quotation then. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    while (is_word(text[length]) || text[length] == '$')
        length++;
    return length;
}

/* How long what stands in quotes is; a doubled quote is one of the text. */
static size_t quoted_length(const char *text, bool escapes)
{
    size_t at = 1;
    for (; text[at] != '\0'; at++) {
        if (escapes && text[at] == '\\' && text[at + 1] != '\0')
            at++;
        else if (text[at] == text[0] && text[at + 1] == text[0])
            at++;
        else if (text[at] == text[0])
            return at + 1;
    }
    return at;
}

/* "$$ … $$" or "$tag$ … $tag$"; 0 when it is neither. */
static size_t dollar_length(const char *text)
{
    size_t tag = 1;
    if (!(text[tag] >= '0' && text[tag] <= '9'))
        tag += word_length(text + tag);
    if (text[tag] != '$')
        return 0;
    char *mark = bsc_mem_bytes(text, tag + 1);
    const char *end = strstr(text + tag + 1, mark);
    bsc_mem_free(mark);
    return end != NULL ? (size_t)(end - text) + tag + 1 : strlen(text);
}

/* They are within each other in PostgreSQL and SQL Server, and not in SQLite; whoever writes one
 * within another there has a statement that no database takes. */
static size_t comment_length(const char *text)
{
    size_t at = 2;
    for (int depth = 1; depth > 0 && text[at] != '\0'; at++) {
        if (text[at] == '/' && text[at + 1] == '*')
            depth++;
        else if (text[at] == '*' && text[at + 1] == '/')
            depth--;
        else
            continue;
        at++;
    }
    return at;
}

/* A backslash means something only behind an E that is a word of its own. */
static bool is_escaped(const char *text, const char *quote)
{
    return quote > text && (quote[-1] == 'e' || quote[-1] == 'E') &&
           (quote - text < 2 || !is_word(quote[-2]));
}

/* How many bytes from `at` on hold no placeholder, whatever they look like: at least 1, but for a
 * placeholder or question mark, where it is 0. */
static size_t plain_length(const char *text, const char *at)
{
    size_t length = 1;
    if (is_word(*at))
        length = name_length(at);
    else if (*at == '\'')
        length = quoted_length(at, is_escaped(text, at));
    else if (*at == '"' || *at == '`')
        length = quoted_length(at, false);
    else if (at[0] == '-' && at[1] == '-')
        length = strcspn(at, "\n");
    else if (at[0] == '/' && at[1] == '*')
        length = comment_length(at);
    else if (*at == '$' && (length = dollar_length(at)) == 0)
        length = 1;
    else if (at[0] == ':' && at[1] == ':')
        length = 2;
    else if ((at[0] == ':' && is_letter(at[1])) || *at == '?')
        length = 0;
    return length;
}

static bool is_known(const char *const *known, const char *name)
{
    for (; *known != NULL; known++) {
        if (strcmp(*known, name) == 0)
            return true;
    }
    return false;
}

/* Which names there are, for whoever used another. */
static bool unknown_err(const char *const *known, const char *name, struct bsc_err *err)
{
    struct bsc_buf names;
    bsc_buf_init(&names);
    for (size_t i = 0; known[i] != NULL; i++)
        bsc_buf_printf(&names, "%s:%s", i > 0 ? ", " : "", known[i]);
    bsc_err_set(err, BSC_ERR_INVALID, "the statement has an unknown placeholder \":%s\"", name);
    bsc_err_hint(err, "Here there %s %s.", known[0] != NULL && known[1] == NULL ? "is" : "are",
                 names.length > 0 ? names.data : "none");
    bsc_buf_release(&names);
    return false;
}

/* Takes in the placeholder at `at`; *ret_length is how long it is. */
static bool take(const char *at, const char *const *known, struct bsc_placeholders *into,
                 size_t *ret_length, struct bsc_err *err)
{
    if (*at == '?') {
        bsc_err_set(err, BSC_ERR_INVALID, "the statement has a question mark outside of a text");
        return bsc_err_hint(err, "It would be taken for a parameter; write :name for one.");
    }
    size_t length = word_length(at + 1);
    char *name = bsc_mem_bytes(at + 1, length);
    bool good = is_known(known, name) || unknown_err(known, name, err);
    if (good) {
        bsc_value_append(into->names, bsc_value_text(name));
        bsc_buf_add_char(&into->sql, '?');
    }
    bsc_mem_free(name);
    *ret_length = 1 + length;
    return good;
}

bool bsc_placeholders_parse(const char *text, const char *const *known,
                            struct bsc_placeholders *ret, struct bsc_err *err)
{
    struct bsc_placeholders found = {.names = bsc_value_list()};
    bsc_buf_init(&found.sql);
    for (const char *at = text; *at != '\0';) {
        size_t length = plain_length(text, at);
        if (length > 0)
            bsc_buf_add(&found.sql, at, length);
        else if (!take(at, known, &found, &length, err)) {
            bsc_placeholders_release(&found);
            return false;
        }
        at += length;
    }
    *ret = found;
    return true;
}

bool bsc_placeholders_has(const struct bsc_placeholders *found, const char *name)
{
    for (size_t i = 0; i < bsc_value_count(found->names); i++) {
        if (strcmp(bsc_value_string(bsc_value_at(found->names, i)), name) == 0)
            return true;
    }
    return false;
}

void bsc_placeholders_release(struct bsc_placeholders *found)
{
    bsc_buf_release(&found->sql);
    bsc_value_free(found->names);
    found->names = NULL;
}
