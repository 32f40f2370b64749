#include "base/redact.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

enum {
    ENCODED_MIN = 4, /* bytes of the shortest secret whose encoded forms are looked for too */
    CORE_MIN = 8     /* the same for its encoding inside a longer base64 text */
};

/* One way in which a secret may appear in a text. */
struct form {
    char *bytes; /* owned, wiped on free */
    size_t length;
};

struct bsc_redactor {
    pthread_mutex_t lock; /* guards all below */
    struct form *forms;   /* owned */
    size_t count;
    bool starts[256]; /* whether some form begins with this byte */
};

static const char mask[] = "[secret]";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct bsc_redactor *bsc_redactor_new(void)
{
    struct bsc_redactor *redactor = bsc_mem_new(1, sizeof *redactor);
    pthread_mutex_init(&redactor->lock, NULL);
    return redactor;
}

void bsc_redactor_free(struct bsc_redactor *redactor)
{
    if (redactor == NULL)
        return;
    for (size_t i = 0; i < redactor->count; i++) {
        explicit_bzero(redactor->forms[i].bytes, redactor->forms[i].length);
        bsc_mem_free(redactor->forms[i].bytes);
    }
    bsc_mem_free(redactor->forms);
    pthread_mutex_destroy(&redactor->lock);
    bsc_mem_free(redactor);
}

/* A buffer that held a secret is wiped before its memory goes back. */
static void wipe(struct bsc_buf *buf)
{
    if (buf->capacity > 0)
        explicit_bzero(buf->data, buf->capacity);
    bsc_buf_release(buf);
}

static bool known(const struct bsc_redactor *redactor, const char *bytes, size_t length)
{
    for (size_t i = 0; i < redactor->count; i++)
        if (redactor->forms[i].length == length &&
            memcmp(redactor->forms[i].bytes, bytes, length) == 0)
            return true;
    return false;
}

static void remember(struct bsc_redactor *redactor, const char *bytes, size_t length)
{
    if (length == 0 || known(redactor, bytes, length))
        return;
    redactor->forms = bsc_mem_resize(redactor->forms, redactor->count + 1, sizeof *redactor->forms);
    redactor->forms[redactor->count].bytes = bsc_mem_bytes(bytes, length);
    redactor->forms[redactor->count].length = length;
    redactor->count++;
    redactor->starts[(unsigned char)bytes[0]] = true;
}

/* Makes room at once, so that growing leaves no copies of the secret in freed memory. */
static void remember_encoded(struct bsc_redactor *redactor, const char *secret, size_t length,
                             void (*encode)(struct bsc_buf *out, unsigned char byte))
{
    struct bsc_buf form;
    bsc_buf_init(&form);
    bsc_buf_room(&form, length * 6);
    for (size_t i = 0; i < length; i++)
        encode(&form, (unsigned char)secret[i]);
    remember(redactor, form.data, form.length);
    wipe(&form);
}

static void add_hex_lower(struct bsc_buf *out, unsigned char byte)
{
    bsc_buf_printf(out, "%02x", byte);
}

static void add_hex_upper(struct bsc_buf *out, unsigned char byte)
{
    bsc_buf_printf(out, "%02X", byte);
}

static bool unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static void add_percent_upper(struct bsc_buf *out, unsigned char byte)
{
    if (unreserved(byte))
        bsc_buf_add_char(out, (char)byte);
    else
        bsc_buf_printf(out, "%%%02X", byte);
}

static void add_percent_lower(struct bsc_buf *out, unsigned char byte)
{
    if (unreserved(byte))
        bsc_buf_add_char(out, (char)byte);
    else
        bsc_buf_printf(out, "%%%02x", byte);
}

static void add_json_long(struct bsc_buf *out, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        bsc_buf_add_char(out, '\\');
    if (byte < 0x20)
        bsc_buf_printf(out, "\\u%04x", byte);
    else
        bsc_buf_add_char(out, (char)byte);
}

static void add_json_short(struct bsc_buf *out, unsigned char byte)
{
    static const char letters[] = "btn?fr"; /* for bytes 8 to 13; 11 has no short form */
    if (byte >= 8 && byte <= 13 && byte != 11) {
        bsc_buf_add_char(out, '\\');
        bsc_buf_add_char(out, letters[byte - 8]);
    } else {
        add_json_long(out, byte);
    }
}

static void add_sql_quoted(struct bsc_buf *out, unsigned char byte)
{
    if (byte == '\'')
        bsc_buf_add_char(out, '\'');
    bsc_buf_add_char(out, (char)byte);
}

static void add_shell_quoted(struct bsc_buf *out, unsigned char byte)
{
    if (byte == '\'')
        bsc_buf_add_text(out, "'\\'");
    bsc_buf_add_char(out, (char)byte);
}

/* Encodes `shift` zero bytes and then the secret, and keeps the characters that depend on nothing
 * but the secret: the ones to be found in the encoding of any longer text that holds it. */
static void add_base64_core(struct bsc_buf *out, const char *secret, size_t length, size_t shift)
{
    size_t first = (shift * 8 + 5) / 6;
    size_t last = (shift + length) * 8 / 6;
    for (size_t i = first; i < last; i++) {
        unsigned value = 0;
        for (size_t bit = i * 6; bit < i * 6 + 6; bit++) {
            unsigned char byte = (unsigned char)secret[bit / 8 - shift];
            value = value << 1 | ((unsigned)byte >> (7 - bit % 8) & 1U);
        }
        bsc_buf_add_char(out, alphabet[value]);
    }
}

static void remember_base64(struct bsc_redactor *redactor, const char *secret, size_t length,
                            size_t shift)
{
    struct bsc_buf form;
    bsc_buf_init(&form);
    bsc_buf_room(&form, length * 2);
    add_base64_core(&form, secret, length, shift);
    remember(redactor, form.data, form.length);
    for (size_t i = 0; i < form.length; i++) {
        if (form.data[i] == '+')
            form.data[i] = '-';
        else if (form.data[i] == '/')
            form.data[i] = '_';
    }
    remember(redactor, form.data, form.length);
    wipe(&form);
}

void bsc_redactor_add(struct bsc_redactor *redactor, const char *secret, size_t length)
{
    pthread_mutex_lock(&redactor->lock);
    remember(redactor, secret, length);
    if (length >= ENCODED_MIN) {
        remember_encoded(redactor, secret, length, add_json_short);
        remember_encoded(redactor, secret, length, add_json_long);
        remember_encoded(redactor, secret, length, add_sql_quoted);
        remember_encoded(redactor, secret, length, add_shell_quoted);
        remember_encoded(redactor, secret, length, add_hex_lower);
        remember_encoded(redactor, secret, length, add_hex_upper);
        remember_encoded(redactor, secret, length, add_percent_upper);
        remember_encoded(redactor, secret, length, add_percent_lower);
        remember_base64(redactor, secret, length, 0);
    }
    if (length >= CORE_MIN) {
        remember_base64(redactor, secret, length, 1);
        remember_base64(redactor, secret, length, 2);
    }
    pthread_mutex_unlock(&redactor->lock);
}

/* Length of the longest form that stands at the start of the text; 0 when none does. */
static size_t match(const struct bsc_redactor *redactor, const char *text, size_t length)
{
    size_t longest = 0;
    if (!redactor->starts[(unsigned char)text[0]])
        return 0;
    for (size_t i = 0; i < redactor->count; i++) {
        const struct form *form = &redactor->forms[i];
        if (form->length > longest && form->length <= length &&
            memcmp(form->bytes, text, form->length) == 0)
            longest = form->length;
    }
    return longest;
}

/* Appends the text with one mask for each run that secrets cover. Secrets may overlap, so a match
 * is looked for inside the run too: otherwise the end of the second would stay readable. */
static bool mask_all(const struct bsc_redactor *redactor, const char *text, size_t length,
                     struct bsc_buf *out)
{
    bool found = false;
    size_t covered = 0;
    for (size_t i = 0; i < length; i++) {
        size_t matched = match(redactor, text + i, length - i);
        if (matched > 0 && i >= covered)
            bsc_buf_add_text(out, mask);
        if (matched > 0 && i + matched > covered)
            covered = i + matched;
        if (i >= covered)
            bsc_buf_add_char(out, text[i]);
        found = found || matched > 0;
    }
    return found;
}

static bool any(const struct bsc_redactor *redactor, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (match(redactor, text + i, length - i) > 0)
            return true;
    return false;
}

bool bsc_redact_apply(struct bsc_redactor *redactor, struct bsc_buf *buf)
{
    pthread_mutex_lock(&redactor->lock);
    bool found = any(redactor, buf->data, buf->length);
    if (found) {
        struct bsc_buf clean;
        bsc_buf_init(&clean);
        mask_all(redactor, buf->data, buf->length, &clean);
        wipe(buf);
        *buf = clean;
    }
    pthread_mutex_unlock(&redactor->lock);
    return found;
}

/* Length of the part at the end of the text that is the beginning of a secret. */
static size_t cut_secret(const struct bsc_redactor *redactor, const char *text, size_t length)
{
    size_t longest = 0;
    for (size_t i = 0; i < redactor->count; i++) {
        const struct form *form = &redactor->forms[i];
        size_t part = form->length - 1 < length ? form->length - 1 : length;
        while (part > longest && memcmp(text + length - part, form->bytes, part) != 0)
            part--;
        if (part > longest)
            longest = part;
    }
    return longest;
}

/* A text that was cut to fit its array may end inside a secret, where comparing with whole secrets
 * finds nothing. */
static bool mask_cut_end(const struct bsc_redactor *redactor, struct bsc_buf *text)
{
    size_t end = text->length;
    if (end >= 3 && memcmp(text->data + end - 3, "...", 3) == 0)
        end -= 3;
    size_t part = cut_secret(redactor, text->data, end);
    if (part < ENCODED_MIN)
        return false;
    text->length = end - part;
    bsc_buf_add_text(text, mask);
    return true;
}

bool bsc_redact_text(struct bsc_redactor *redactor, char *text, size_t size)
{
    size_t length = strnlen(text, size);
    struct bsc_buf clean;
    bsc_buf_init(&clean);
    pthread_mutex_lock(&redactor->lock);
    bool found = mask_all(redactor, text, length, &clean);
    bool full = length + 1 >= size;
    if (full && mask_cut_end(redactor, &clean))
        found = true;
    pthread_mutex_unlock(&redactor->lock);
    if (found && size > 0) {
        size_t kept = clean.length < size ? clean.length : size - 1;
        explicit_bzero(text, size);
        memcpy(text, clean.data, kept);
    }
    wipe(&clean);
    return found;
}
