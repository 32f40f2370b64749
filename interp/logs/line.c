#include "logs/line.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum { WORDS = 6 };

struct word {
    const char *text;
    size_t length;
};

struct bsc_value *bsc_logs_line_value(const struct bsc_logs_line *line)
{
    char bytes[24] = "-";
    if (line->bytes > 0)
        snprintf(bytes, sizeof bytes, "%lld", (long long)line->bytes);
    return bsc_value_format(
        "%lld %lld %s %s %s %s %s", (long long)line->first_lsn, (long long)line->last_lsn, bytes,
        line->digest[0] != '\0' ? line->digest : "-", line->time[0] != '\0' ? line->time : "-",
        line->copied ? "copied" : "missing", line->name);
}

/* Words with one blank behind each of them, and what comes after the last. */
static bool split(const char *text, struct word words[WORDS], struct word *ret_rest)
{
    for (int i = 0; i < WORDS; i++) {
        words[i] = (struct word){text, strcspn(text, " ")};
        text += words[i].length;
        if (words[i].length == 0 || *text == '\0')
            return false;
        text++;
    }
    *ret_rest = (struct word){text, strlen(text)};
    return true;
}

static bool is(struct word word, const char *text)
{
    return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

static bool take_text(struct word word, char *to, size_t size)
{
    if (is(word, "-"))
        return true;
    if (word.length >= size)
        return false;
    memcpy(to, word.text, word.length);
    to[word.length] = '\0';
    return true;
}

static bool take_count(struct word word, int64_t *to)
{
    return is(word, "-") || (bsc_num_parse(word.text, word.length, to) && *to >= 0);
}

static bool take_digest(struct word word, char to[BSC_DIGEST_HEX])
{
    if (is(word, "-"))
        return true;
    return word.length == BSC_DIGEST_HEX - 1 &&
           strspn(word.text, "0123456789abcdef") >= word.length &&
           take_text(word, to, BSC_DIGEST_HEX);
}

static bool stays_in_folder(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

bool bsc_logs_line_read(const char *text, struct bsc_logs_line *ret, struct bsc_err *err)
{
    struct word words[WORDS];
    struct word name;
    *ret = (struct bsc_logs_line){.first_lsn = -1, .last_lsn = -1};
    bool right = text != NULL && split(text, words, &name) &&
                 take_count(words[0], &ret->first_lsn) && ret->first_lsn >= 0 &&
                 take_count(words[1], &ret->last_lsn) && ret->last_lsn > ret->first_lsn &&
                 take_count(words[2], &ret->bytes) && take_digest(words[3], ret->digest) &&
                 take_text(words[4], ret->time, sizeof ret->time) &&
                 (is(words[5], "copied") || is(words[5], "missing")) &&
                 take_text(name, ret->name, sizeof ret->name) && stays_in_folder(ret->name);
    if (!right)
        return bsc_err_set(err, BSC_ERR_INVALID, "'%.200s' does not describe a log backup",
                           text != NULL ? text : "");
    ret->copied = is(words[5], "copied");
    return true;
}

bool bsc_logs_line_read_all(const struct bsc_value *list, struct bsc_logs_line **ret_lines,
                            struct bsc_err *err)
{
    size_t count = bsc_value_count(list);
    struct bsc_logs_line *lines = bsc_mem_new(count, sizeof *lines);
    for (size_t i = 0; i < count; i++) {
        if (!bsc_logs_line_read(bsc_value_string(bsc_value_at(list, i)), &lines[i], err)) {
            bsc_mem_free(lines);
            return bsc_err_wrap(err, "log backup %zu of the list is wrong", i + 1);
        }
    }
    *ret_lines = lines;
    return true;
}
