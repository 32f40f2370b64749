#include "run/moves.h"

#include <string.h>

static const char *const words[] = {"moved", "already", "gone", "failed", "left"};

static void add(struct bsc_value *moves, const char *key, int64_t more)
{
    bsc_value_set_int(moves, key, bsc_value_get_number(moves, key, 0) + more);
}

void bsc_run_moves_part(struct bsc_value *moves, const struct bsc_value *payload)
{
    add(moves, "parts", 1);
    add(moves, "names", (int64_t)bsc_value_count(bsc_value_get(payload, "names")));
}

static void keep_failure(struct bsc_value *moves, const char *name, const struct bsc_value *reason)
{
    struct bsc_value *failures = bsc_value_get(moves, "failures");
    if (failures == NULL) {
        failures = bsc_value_list();
        bsc_value_set(moves, "failures", failures);
    }
    if (bsc_value_count(failures) >= BSC_RUN_MOVES_FAILURES) {
        add(moves, "unlisted", 1);
        return;
    }
    struct bsc_value *failure = bsc_value_list();
    bsc_value_append(failure, bsc_value_text(name));
    bsc_value_append(failure, reason != NULL ? bsc_value_copy(reason) : bsc_value_null());
    bsc_value_append(failures, failure);
}

static void take_in(struct bsc_value *moves, const char *name, const struct bsc_value *told)
{
    const char *word = bsc_value_string(bsc_value_at(told, 0));
    for (size_t i = 0; i < sizeof words / sizeof words[0] && word != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            add(moves, words[i], 1);
    }
    if (word != NULL && strcmp(word, "failed") == 0)
        keep_failure(moves, name, bsc_value_at(told, 1));
}

void bsc_run_moves_end(struct bsc_value *moves, const struct bsc_value *payload)
{
    const struct bsc_value *others = bsc_value_get(payload, "others");
    add(moves, "moved", bsc_value_get_number(payload, "moved", 0));
    add(moves, "left", bsc_value_get_number(payload, "left", 0));
    for (size_t i = 0; i < bsc_value_count(others); i++)
        take_in(moves, bsc_value_key_at(others, i), bsc_value_item_at(others, i));
}

int64_t bsc_run_moves_in_flight(const struct bsc_value *moves)
{
    int64_t open = bsc_value_get_number(moves, "names", 0);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        open -= bsc_value_get_number(moves, words[i], 0);
    return open > 0 ? open : 0;
}

static void say(struct bsc_buf *out, int64_t count, const char *word)
{
    if (count > 0)
        bsc_buf_printf(out, "%s%lld %s", out->length > 0 ? ", " : "", (long long)count, word);
}

void bsc_run_moves_say(const struct bsc_value *moves, struct bsc_buf *out)
{
    static const char *const said[] = {"moved", "there already", "gone", "failed", "not begun"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        say(out, bsc_value_get_number(moves, words[i], 0), said[i]);
    say(out, bsc_run_moves_in_flight(moves), "in flight");
    if (out->length == 0)
        bsc_buf_add_text(out, "0 moved");
}
