#include "dials.h"

#include <string.h>

size_t conform_dial_count(const struct conform_subject *subject)
{
    size_t count = 0;
    while (subject->dials[count] != NULL)
        count++;
    return count;
}

static unsigned word_count(const struct conform_dial *dial)
{
    unsigned count = 0;
    while (dial->words[count] != NULL)
        count++;
    return count;
}

static unsigned single_count(const struct conform_subject *subject)
{
    unsigned count = 0;
    for (size_t i = 0; subject->dials[i] != NULL; i++)
        count += word_count(subject->dials[i]) - 1;
    return count;
}

unsigned conform_case_count(const struct conform_subject *subject)
{
    return 1 + single_count(subject) + subject->draws;
}

/* SplitMix64: small, and the same on every machine. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* Subjects do not share a sequence: another one between them moves none of their cases. */
static uint64_t start_of(const struct conform_subject *subject, uint64_t seed, unsigned index)
{
    uint64_t state = seed * 1000003U + index;
    for (const char *c = subject->name; *c != '\0'; c++)
        state = state * 131 + (unsigned char)*c;
    return state;
}

static void turn_one(const struct conform_subject *subject, unsigned which,
                     struct conform_state *state)
{
    for (size_t i = 0; subject->dials[i] != NULL; i++) {
        unsigned others = word_count(subject->dials[i]) - 1;
        if (which < others) {
            state->word[i] = (unsigned char)(which + 1);
            return;
        }
        which -= others;
    }
}

/* Few at once: where much is odd the first oddity ends the action, and the others are never met. */
static void turn_some(const struct conform_subject *subject, uint64_t random,
                      struct conform_state *state)
{
    size_t count = conform_dial_count(subject);
    for (uint64_t more = 2 + next(&random) % 2; more > 0; more--) {
        size_t i = next(&random) % count;
        unsigned others = word_count(subject->dials[i]) - 1;
        state->word[i] = (unsigned char)(1 + next(&random) % others);
    }
}

void conform_draw(const struct conform_subject *subject, uint64_t seed, unsigned index,
                  struct conform_state *ret)
{
    unsigned singles = single_count(subject);
    *ret = (struct conform_state){0};
    if (index > singles)
        turn_some(subject, start_of(subject, seed, index), ret);
    else if (index > 0)
        turn_one(subject, index - 1, ret);
}

static const char *word_at(const struct conform_dial *dial, const struct conform_state *state,
                           size_t index)
{
    return dial->words[state->word[index]];
}

const char *conform_word(const struct conform_scene *scene, const char *dial)
{
    const struct conform_dial *const *dials = scene->subject->dials;
    for (size_t i = 0; dials[i] != NULL; i++) {
        if (strcmp(dials[i]->name, dial) == 0)
            return word_at(dials[i], scene->state, i);
    }
    return "";
}

bool conform_is(const struct conform_scene *scene, const char *dial, const char *word)
{
    return strcmp(conform_word(scene, dial), word) == 0;
}

static bool holds_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at != NULL && *at != '\0';) {
        size_t span = strcspn(at, " ");
        if (span == length && strncmp(at, word, length) == 0)
            return true;
        at += span + (at[span] == ' ');
    }
    return false;
}

bool conform_unseen(const struct conform_subject *subject, const struct conform_state *state)
{
    for (size_t i = 0; subject->dials[i] != NULL; i++) {
        if (holds_word(subject->dials[i]->unseen, word_at(subject->dials[i], state, i)))
            return true;
    }
    return false;
}

unsigned conform_turned(const struct conform_subject *subject, const struct conform_state *state)
{
    unsigned count = 0;
    for (size_t i = 0; subject->dials[i] != NULL; i++)
        count += state->word[i] != 0;
    return count;
}

void conform_describe(const struct conform_subject *subject, const struct conform_state *state,
                      struct bsc_buf *text)
{
    for (size_t i = 0; subject->dials[i] != NULL; i++) {
        if (state->word[i] != 0)
            bsc_buf_printf(text, "%s%s=%s", text->length > 0 ? " " : "", subject->dials[i]->name,
                           word_at(subject->dials[i], state, i));
    }
}

bool conform_read(const struct conform_subject *subject, const char *text,
                  struct conform_state *state)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; subject->dials[i] != NULL; i++) {
        const struct conform_dial *dial = subject->dials[i];
        if (strlen(dial->name) != length || strncmp(dial->name, text, length) != 0)
            continue;
        for (unsigned k = 0; text[length] == '=' && dial->words[k] != NULL; k++) {
            if (strcmp(dial->words[k], text + length + 1) == 0) {
                state->word[i] = (unsigned char)k;
                return true;
            }
        }
    }
    return false;
}

void conform_shrink(const struct conform_subject *subject, struct conform_state *state,
                    bool (*fails)(void *arg, const struct conform_state *state), void *arg)
{
    bool smaller = true;
    while (smaller) {
        smaller = false;
        for (size_t i = 0; subject->dials[i] != NULL; i++) {
            struct conform_state without = *state;
            without.word[i] = 0;
            if (state->word[i] == 0 || !fails(arg, &without))
                continue;
            *state = without;
            smaller = true;
        }
    }
}
