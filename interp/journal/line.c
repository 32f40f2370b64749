#include "journal/line_int.h"

#include <string.h>

#include "base/num.h"
#include "journal/canonical_int.h"

#define HASH_KEY    "{\"hash\":\""
#define KIND_KEY    "\",\"kind\":\""
#define PAYLOAD_KEY "\",\"payload\":"
#define PREV_KEY    ",\"prev\":\""
#define SEQ_KEY     "\",\"seq\":"
#define TIME_KEY    ",\"time\":\""
#define LINE_TAIL   "\"}"

enum {
    HASH_AT = sizeof HASH_KEY - 1,
    /* The comma after the hash: what follows it, with a brace in its place, is what is hashed. */
    HASHED_AT = HASH_AT + BSC_JOURNAL_HEX + 1
};

void bsc_journal_line_hash(char *bytes, size_t length, char ret_hash[BSC_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[BSC_DIGEST_BYTES];
    char comma = bytes[HASHED_AT];
    bytes[HASHED_AT] = '{';
    bsc_digest_bytes(bytes + HASHED_AT, length - HASHED_AT, hash);
    bytes[HASHED_AT] = comma;
    /* Nothing here is secret, so digits may be looked up, which bsc_digest_hex avoids. */
    for (int i = 0; i < BSC_DIGEST_BYTES; i++) {
        ret_hash[2 * i] = digits[hash[i] >> 4];
        ret_hash[2 * i + 1] = digits[hash[i] & 15];
    }
    ret_hash[BSC_JOURNAL_HEX] = '\0';
}

void bsc_journal_line_write(struct bsc_buf *out, const char *kind, const struct bsc_buf *payload,
                            const char *prev, int64_t seq, const char *time,
                            char ret_hash[BSC_DIGEST_HEX])
{
    size_t start = out->length;
    bsc_buf_add_text(out, HASH_KEY BSC_JOURNAL_ZEROS KIND_KEY);
    bsc_buf_add_text(out, kind);
    bsc_buf_add_text(out, PAYLOAD_KEY);
    bsc_buf_add(out, payload->data, payload->length);
    bsc_buf_printf(out, PREV_KEY "%s" SEQ_KEY "%lld" TIME_KEY "%s" LINE_TAIL, prev, (long long)seq,
                   time);
    bsc_journal_line_hash(out->data + start, out->length - start, ret_hash);
    memcpy(out->data + start + HASH_AT, ret_hash, BSC_JOURNAL_HEX);
    bsc_buf_add_char(out, '\n');
}

/* What is left to read of a line, from both ends. */
struct rest {
    const char *at;
    const char *end;
};

static bool first_take(struct rest *rest, const char *text, size_t length)
{
    if ((size_t)(rest->end - rest->at) < length || memcmp(rest->at, text, length) != 0)
        return false;
    rest->at += length;
    return true;
}

static bool last_take(struct rest *rest, const char *text, size_t length)
{
    if ((size_t)(rest->end - rest->at) < length || memcmp(rest->end - length, text, length) != 0)
        return false;
    rest->end -= length;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_kind(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

/* Whoever compares a hash with what it should be finds out whether it is one; here only its place
 * counts. */
static bool hash_take_first(struct rest *rest, const char **ret_hash)
{
    if (rest->end - rest->at < BSC_JOURNAL_HEX)
        return false;
    *ret_hash = rest->at;
    rest->at += BSC_JOURNAL_HEX;
    return true;
}

static bool hash_take_last(struct rest *rest, const char **ret_hash)
{
    if (rest->end - rest->at < BSC_JOURNAL_HEX)
        return false;
    rest->end -= BSC_JOURNAL_HEX;
    *ret_hash = rest->end;
    return true;
}

static bool kind_take(struct rest *rest, struct bsc_journal_line *line)
{
    line->kind = rest->at;
    while (rest->at < rest->end && is_kind(*rest->at))
        rest->at++;
    line->kind_length = (size_t)(rest->at - line->kind);
    return line->kind_length > 0;
}

/* Compares with the pattern in which every 0 stands for a digit. */
static bool time_take(struct rest *rest, struct bsc_journal_line *line)
{
    static const char pattern[] = "0000-00-00T00:00:00.000Z";
    if (rest->end - rest->at < BSC_JOURNAL_TIME)
        return false;
    const char *time = rest->end - BSC_JOURNAL_TIME;
    for (int i = 0; i < BSC_JOURNAL_TIME; i++)
        if (pattern[i] == '0' ? !is_digit(time[i]) : time[i] != pattern[i])
            return false;
    rest->end = time;
    line->time = time;
    return true;
}

static bool seq_take(struct rest *rest, struct bsc_journal_line *line)
{
    const char *digits = rest->end;
    while (digits > rest->at && is_digit(digits[-1]))
        digits--;
    size_t length = (size_t)(rest->end - digits);
    if (length == 0 || digits[0] == '0' || !bsc_num_parse(digits, length, &line->seq))
        return false;
    rest->end = digits;
    return true;
}

bool bsc_journal_line_parse(const char *bytes, size_t length, struct bsc_journal_line *ret)
{
    struct rest rest = {bytes, bytes + length};
    struct bsc_journal_line line = {0};
    bool fits = first_take(&rest, HASH_KEY, HASH_AT) && hash_take_first(&rest, &line.hash) &&
                first_take(&rest, KIND_KEY, sizeof KIND_KEY - 1) && kind_take(&rest, &line) &&
                first_take(&rest, PAYLOAD_KEY, sizeof PAYLOAD_KEY - 1) &&
                last_take(&rest, LINE_TAIL, sizeof LINE_TAIL - 1) && time_take(&rest, &line) &&
                last_take(&rest, TIME_KEY, sizeof TIME_KEY - 1) && seq_take(&rest, &line) &&
                last_take(&rest, SEQ_KEY, sizeof SEQ_KEY - 1) &&
                hash_take_last(&rest, &line.prev) &&
                last_take(&rest, PREV_KEY, sizeof PREV_KEY - 1);
    if (!fits || !bsc_journal_canonical_map(rest.at, (size_t)(rest.end - rest.at)))
        return false;
    line.payload = rest.at;
    line.payload_length = (size_t)(rest.end - rest.at);
    *ret = line;
    return true;
}
