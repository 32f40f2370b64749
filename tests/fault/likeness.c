#include "likeness.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Keys whose value is chance; what is left of it is the key. */
static const char *const chance[] = {
    "\"hash\":\"",      "\"prev\":\"",     "\"seq\":",      "\"duration_us\":", "\"pid\":",
    "\"effect\":",      "\"attempt\":",    "\"mtime_ns\":", "\"salt1\":",       "\"salt2\":",
    "\"check1\":",      "\"check2\":",     "\"next\":\"",   "\"boot_id\":\"",   "\"settled_by\":\"",
    "\"agent\":\"pid ", "\"epoch\":",      "\"all_us\":",   "\"changing_us\":", "\"looking_us\":",
    "\"syncing_us\":",  "\"waiting_us\":",
};

/* How much of the text at this place is such a key; 0: none. */
static size_t key_at(const char *text)
{
    for (size_t i = 0; text[0] == '"' && i < sizeof chance / sizeof chance[0]; i++) {
        if (strncmp(text, chance[i], strlen(chance[i])) == 0)
            return strlen(chance[i]);
    }
    return 0;
}

/* Appends the text without what is chance in it. */
static void add_masked(struct bsc_buf *out, const char *text, size_t length)
{
    /* Sessions are known by their process ids, in the words for people too. */
    static const char ends[] = "\"row\":\"logs.end_sessions\"";
    bool no_numbers = memmem(text, length, ends, sizeof ends - 1) != NULL;
    for (size_t at = 0; at < length;) {
        size_t key = key_at(text + at);
        if (key == 0) {
            if (!no_numbers || !isdigit((unsigned char)text[at]))
                bsc_buf_add_char(out, text[at]);
            at++;
            continue;
        }
        bsc_buf_add(out, text + at, key);
        at += key;
        while (at < length && isalnum((unsigned char)text[at]))
            at++;
    }
}

/* A journal as who goes on takes it in: its lines, without those of items that are done. */
struct folding {
    const char **lines; /* owned; borrowed lines, NULL for "an item is done" */
    size_t *lengths;    /* owned; for an item that is done its number */
    size_t count;
    size_t item_begins; /* where the item that has not ended begins among them */
    unsigned long item; /* that item's number; 0: none */
    bool goes_back;     /* a rollback has begun */
};

static const char made[] = "it was made";

/* The kind stands behind the hash, which is of one length. */
static bool is_kind(const char *line, size_t length, const char *kind)
{
    static const size_t place = sizeof "{\"hash\":\"\",\"kind\":\"" - 1 + 64;
    size_t size = strlen(kind);
    return length > place + size && strncmp(line + place, kind, size) == 0 &&
           line[place + size] == '"';
}

static bool says(const char *line, size_t length, const char *words)
{
    return memmem(line, length, words, strlen(words)) != NULL;
}

static void keep(struct folding *folding, const char *line, size_t length)
{
    folding->lines = bsc_mem_resize(folding->lines, folding->count + 1, sizeof *folding->lines);
    folding->lengths =
        bsc_mem_resize(folding->lengths, folding->count + 1, sizeof *folding->lengths);
    folding->lines[folding->count] = line;
    folding->lengths[folding->count++] = length;
}

static unsigned long item_of(const char *line, size_t length)
{
    const char *item = memmem(line, length, "\"item\":", 7);
    return item != NULL ? strtoul(item + 7, NULL, 10) : 0;
}

/* An item that is begun anew is the same one. */
static void take_begin(struct folding *folding, const char *line, size_t length)
{
    unsigned long item = item_of(line, length);
    if (item != folding->item)
        folding->item_begins = folding->count;
    folding->item = item;
    keep(folding, line, length);
}

static void take_end(struct folding *folding, const char *line, size_t length)
{
    bool done =
        says(line, length, "\"outcome\":\"changed\"") || says(line, length, "\"outcome\":\"kept\"");
    if (!done) {
        keep(folding, line, length);
        return;
    }
    folding->count = folding->item_begins;
    keep(folding, NULL, item_of(line, length));
    folding->item_begins = folding->count;
    folding->item = 0;
}

/* Of an item that is taken up again: what was made of it. */
static void keep_made(struct folding *folding, size_t *left, size_t at)
{
    const char *line = folding->lines[at];
    size_t length = folding->lengths[at];
    bool outcome = line != NULL && is_kind(line, length, "outcome");
    bool not_made = outcome && says(line, length, "\"outcome\":\"failed\"");
    if (not_made && *left > folding->item_begins &&
        is_kind(folding->lines[*left - 1], folding->lengths[*left - 1], "intent")) {
        --*left;
        return;
    }
    if (line != NULL && !outcome && !is_kind(line, length, "intent") &&
        !is_kind(line, length, "answer") && length != sizeof made)
        return;
    folding->lines[*left] = outcome ? made : line;
    folding->lengths[(*left)++] = outcome ? sizeof made : length;
}

/* Whoever takes it up looks anew. */
static void take_process(struct folding *folding, const char *line, size_t length)
{
    size_t left = folding->item_begins;
    for (size_t i = left; i < folding->count; i++)
        keep_made(folding, &left, i);
    folding->count = left;
    if (!says(line, length, "\"mode\":\"rollback\"") || folding->goes_back)
        return;
    folding->goes_back = true;
    folding->item = 0;
    keep(folding, line, length);
    folding->item_begins = folding->count;
}

/* What a report tells and nobody who goes on asks for: what was seen, said and what time it was. */
static bool is_told_only(const char *line, size_t length)
{
    return is_kind(line, length, "observed") || is_kind(line, length, "note") ||
           is_kind(line, length, "now") || is_kind(line, length, "lease");
}

static void take_line(struct folding *folding, const char *line, size_t length, bool last)
{
    if (is_told_only(line, length) || (is_kind(line, length, "run_end") && !last))
        return;
    if (is_kind(line, length, "run_begin"))
        take_process(folding, line, length);
    else if (is_kind(line, length, "item_begin"))
        take_begin(folding, line, length);
    else if (is_kind(line, length, "item_end"))
        take_end(folding, line, length);
    else
        keep(folding, line, length);
}

static void fold(struct folding *folding, const struct fault_blob *journal)
{
    size_t length = journal->length;
    /* Room that was made for records to come. */
    while (length > 0 && journal->bytes[length - 1] == '\0')
        length--;
    for (size_t at = 0; at < length;) {
        const char *line = journal->bytes + at;
        const char *end = memchr(line, '\n', length - at);
        size_t step = end != NULL ? (size_t)(end - line) + 1 : length - at;
        /* A torn end is put aside, whatever it holds. */
        if (end == NULL || memchr(line, '\0', step) != NULL) {
            keep(folding, "torn", 4);
            return;
        }
        take_line(folding, line, step, at + step == length);
        at += step;
    }
}

static void find_in_journal(struct fault_blob *blob)
{
    struct folding folding = {0};
    struct bsc_buf text;
    bsc_buf_init(&text);
    fold(&folding, blob);
    for (size_t i = 0; i < folding.count; i++) {
        if (folding.lines[i] != NULL)
            add_masked(&text, folding.lines[i], folding.lengths[i]);
        else
            bsc_buf_printf(&text, "item %zu is done\n", folding.lengths[i]);
    }
    fault_hash_add(&blob->likeness, text.data, text.length);
    bsc_buf_release(&text);
    bsc_mem_free(folding.lines);
    bsc_mem_free(folding.lengths);
}

static void find_in_blob(struct fault_blob *blob, const char *name)
{
    struct bsc_buf text;
    blob->has_likeness = true;
    if (ends_with(name, "/journal.jsonl")) {
        find_in_journal(blob);
        return;
    }
    bsc_buf_init(&text);
    add_masked(&text, blob->bytes, blob->length);
    fault_hash_add(&blob->likeness, text.data, text.length);
    bsc_buf_release(&text);
}

/* In a run's folder only what who goes on reads. */
static bool counts(const char *name)
{
    static const char *const read[] = {"/journal.jsonl", "/plan.json", "/runbook.lua",
                                       "/site.yaml"};
    if (ends_with(name, "-shm") || strstr(name, "mgc.db.agent") != NULL)
        return false;
    if (strncmp(name, "runs/", 5) != 0)
        return true;
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        if (ends_with(name, read[i]))
            return true;
    }
    return false;
}

/* Without the id of a run. */
static const char *known_name(const char *name)
{
    const char *inner = strncmp(name, "runs/", 5) == 0 ? strchr(name + 5, '/') : NULL;
    return inner != NULL ? inner : name;
}

/* The engine's logs have salts in every frame. */
static bool is_salted(const char *name)
{
    return ends_with(name, "-wal") || ends_with(name, "-journal");
}

/* Whoever goes on with a run may have a lease that it had, or that nobody had; all that could keep
 * it out is one that says nothing. */
static bool says_nothing(const struct fault_blob *lease)
{
    bool blank = true;
    for (size_t i = 0; blank && i < lease->length; i++)
        blank = lease->bytes[i] == '\0';
    return !blank && memmem(lease->bytes, lease->length, "\"epoch\":", 8) == NULL;
}

void fault_likeness_find(struct fault_state *state)
{
    struct fault_hash hash = {0};
    fault_hash_add(&hash, &state->session, sizeof state->session);
    fault_hash_add(&hash, &state->agents, sizeof state->agents);
    for (size_t i = 0; i < state->count; i++) {
        const struct fault_entry *entry = &state->entries[i];
        struct fault_blob *blob = entry->blob;
        bool is_lease = ends_with(entry->name, ".lease");
        if (!counts(entry->name) || (is_lease && (blob == NULL || !says_nothing(blob))))
            continue;
        const char *name = known_name(entry->name);
        fault_hash_add(&hash, name, strlen(name));
        if (blob == NULL)
            continue;
        bool plain = !ends_with(entry->name, "/journal.jsonl") &&
                     !ends_with(entry->name, "/plan.json") &&
                     strstr(entry->name, ".state") == NULL && !is_salted(entry->name);
        if (!plain && !is_salted(entry->name) && !blob->has_likeness)
            find_in_blob(blob, entry->name);
        if (is_salted(entry->name))
            fault_hash_add(&hash, &blob->length, sizeof blob->length);
        else
            fault_hash_add(&hash, plain ? &blob->hash : &blob->likeness, sizeof blob->hash);
    }
    state->likeness = hash;
}
