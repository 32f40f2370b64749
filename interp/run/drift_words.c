#include "run/drift.h"

#include <stdio.h>
#include <string.h>

#include "run/outcome.h"

enum { CAUSES_MAX = 3 };

/* 99874 as people read it. */
static void add_grouped(struct bsc_buf *out, int64_t number)
{
    char digits[32];
    int length =
        snprintf(digits, sizeof digits, "%lld", (long long)(number < 0 ? -number : number));
    bsc_buf_add_text(out, number < 0 ? "-" : "");
    for (int i = 0; i < length; i++)
        bsc_buf_printf(out, "%s%c", i > 0 && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

/* Before and after, where both are numbers. */
static void add_transition(struct bsc_buf *out, const struct bsc_value *fact)
{
    const struct bsc_value *then = bsc_value_get(fact, "then"), *now = bsc_value_get(fact, "now");
    if (bsc_value_kind(then) != BSC_VALUE_INT || bsc_value_kind(now) != BSC_VALUE_INT)
        return;
    add_grouped(out, bsc_value_number(then, 0));
    bsc_buf_add_text(out, " -> ");
    add_grouped(out, bsc_value_number(now, 0));
    bsc_buf_add_text(out, ", ");
}

static void add_number(struct bsc_buf *out, int64_t count, const char *word, const char *noun)
{
    if (count > 0)
        bsc_buf_printf(out, "%s%lld %s %s%s", out->length > 0 ? ", " : "", (long long)count, word,
                       noun, count == 1 ? "" : "s");
}

static void add_counts(struct bsc_buf *out, const struct bsc_value *fact)
{
    const char *noun = bsc_value_get_string(fact, "noun");
    add_number(out, bsc_value_get_number(fact, "more", 0), "more", noun);
    add_number(out, bsc_value_get_number(fact, "fewer", 0), "fewer", noun);
    add_number(out, bsc_value_get_number(fact, "changed", 0), "different", noun);
}

void bsc_run_drift_count_words(const struct bsc_value *fact, struct bsc_buf *out)
{
    struct bsc_buf words;
    bsc_buf_init(&words);
    add_counts(&words, fact);
    add_transition(out, fact);
    bsc_buf_add_text(out, words.data);
    bsc_buf_release(&words);
}

/* ------------------------------------------------------------------- causes */

static bool is_about(const struct bsc_value *step, const char *resource)
{
    const struct bsc_value *changes = bsc_value_get(step, "changes");
    for (size_t i = 0; i < bsc_value_count(changes); i++) {
        const struct bsc_value *ids = bsc_value_get(bsc_value_at(changes, i), "resources");
        for (size_t k = 0; k < bsc_value_count(ids); k++) {
            if (strcmp(bsc_value_string(bsc_value_at(ids, k)), resource) == 0)
                return true;
        }
    }
    return false;
}

/* How good an explanation a fact is: of all that is different only the best are told. */
enum rank { IDENTITY, OF_A_STATEMENT, ANY_OTHER, RANK_MAX };

static enum rank rank_of(const struct bsc_value *drift, const struct bsc_value *fact)
{
    const struct bsc_value *steps = bsc_value_get(drift, "steps");
    if (bsc_value_get_truth(fact, "identity"))
        return IDENTITY;
    for (size_t i = 0; i < bsc_value_count(steps); i++) {
        if (is_about(bsc_value_at(steps, i), bsc_value_get_string(fact, "resource")))
            return OF_A_STATEMENT;
    }
    return ANY_OTHER;
}

static bool is_known(const struct bsc_value *fact)
{
    return bsc_value_kind(bsc_value_get(fact, "now")) != BSC_VALUE_NULL;
}

static void add_cause(struct bsc_buf *out, const struct bsc_value *fact)
{
    bsc_buf_add_text(out, out->length > 0 ? ", " : "");
    if (bsc_value_get(fact, "noun") != NULL)
        bsc_run_drift_count_words(fact, out);
    else
        bsc_buf_printf(out, "%s %s of %s", is_known(fact) ? "another" : "unknown",
                       bsc_value_get_string(fact, "key"), bsc_value_get_string(fact, "resource"));
}

static void add_causes(struct bsc_buf *out, const struct bsc_value *drift)
{
    const struct bsc_value *facts = bsc_value_get(drift, "facts");
    size_t told = 0;
    for (int rank = 0; rank < RANK_MAX && told == 0; rank++) {
        for (size_t i = 0; i < bsc_value_count(facts); i++) {
            const struct bsc_value *fact = bsc_value_at(facts, i);
            if (rank_of(drift, fact) == (enum rank)rank && told++ < CAUSES_MAX)
                add_cause(out, fact);
        }
    }
    if (told > CAUSES_MAX)
        bsc_buf_printf(out, ", %zu more facts", told - CAUSES_MAX);
}

/* ------------------------------------------------------------------ effects */

enum effect { DIFFERS, ASKS_ANEW, IS_NEW, IS_GONE, REFUSED, FAILS, EFFECT_MAX };

/* What comes after the number, and after several. */
static const char *const effect_words[EFFECT_MAX][2] = {
    [DIFFERS] = {"differs", "differ"},
    [ASKS_ANEW] = {"asks anew", "ask anew"},
    [IS_NEW] = {"is new", "are new"},
    [IS_GONE] = {"is gone", "are gone"},
    [REFUSED] = {"would be refused", "would be refused"},
    [FAILS] = {"would not get through", "would not get through"}};

static bool is_word(const struct bsc_value *step, const char *key, const char *word)
{
    const char *is = bsc_value_get_string(step, key);
    return is != NULL && strcmp(is, word) == 0;
}

static bool halts(const struct bsc_value *step)
{
    enum bsc_outcome outcome = BSC_OUTCOME_KEPT;
    bsc_run_outcome_parse(bsc_value_get_string(step, "now"), &outcome);
    return bsc_run_outcome_exit(outcome) != 0;
}

static enum effect effect_of(const struct bsc_value *step)
{
    const char *then = bsc_value_get_string(step, "then"), *now = bsc_value_get_string(step, "now");
    if (now == NULL)
        return IS_GONE;
    if (halts(step))
        return is_word(step, "now", "refused") ? REFUSED : FAILS;
    if (then == NULL)
        return IS_NEW;
    return is_word(step, "kind", "gate") && strcmp(then, now) == 0 ? ASKS_ANEW : DIFFERS;
}

static bool is_told(const struct bsc_value *step, const char *kind, enum effect effect)
{
    return bsc_value_get_truth(step, "blocks") && is_word(step, "kind", kind) &&
           effect_of(step) == effect;
}

/* "steps 6, 7 and 12 differ", or nothing. */
static void add_effect(struct bsc_buf *out, const struct bsc_value *steps, const char *kind,
                       enum effect effect)
{
    size_t count = 0, told = 0;
    for (size_t i = 0; i < bsc_value_count(steps); i++)
        count += is_told(bsc_value_at(steps, i), kind, effect) ? 1 : 0;
    if (count == 0)
        return;
    bsc_buf_printf(out, "%s%s%s", out->length > 0 ? ", " : "", kind, count == 1 ? "" : "s");
    for (size_t i = 0; i < bsc_value_count(steps); i++) {
        const struct bsc_value *step = bsc_value_at(steps, i);
        if (!is_told(step, kind, effect))
            continue;
        told++;
        bsc_buf_printf(out, "%s %lld",
                       told == 1       ? ""
                       : told == count ? " and"
                                       : ",",
                       (long long)bsc_value_get_number(step, "index", 0));
    }
    bsc_buf_printf(out, " %s", effect_words[effect][count == 1 ? 0 : 1]);
}

void bsc_run_drift_words(const struct bsc_value *drift, struct bsc_buf *out)
{
    static const char *const kinds[] = {"guard", "step", "gate"};
    const struct bsc_value *steps = bsc_value_get(drift, "steps");
    struct bsc_buf causes, effects;
    bsc_buf_init(&causes);
    bsc_buf_init(&effects);
    if (bsc_value_count(bsc_value_get(drift, "inputs")) == 0)
        add_causes(&causes, drift);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (int effect = 0; effect < EFFECT_MAX; effect++)
            add_effect(&effects, steps, kinds[i], (enum effect)effect);
    }
    bsc_buf_printf(out, "%s%s%s.", causes.data, causes.length > 0 ? ": " : "",
                   effects.length > 0 ? effects.data : "no step differs");
    bsc_buf_release(&causes);
    bsc_buf_release(&effects);
}
