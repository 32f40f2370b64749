#include "run/wait.h"

#include "os/clock.h"

int64_t bsc_run_wait_until(const struct bsc_run_wait *wait)
{
    int64_t after = wait->after_ms > 0 ? wait->after_ms : 0;
    return wait->since_ms > INT64_MAX - after ? INT64_MAX : wait->since_ms + after;
}

static void set_time(struct bsc_value *map, const char *key, int64_t ms)
{
    char text[BSC_CLOCK_TEXT];
    bsc_clock_format(ms, text);
    bsc_value_set_text(map, key, text);
}

struct bsc_value *bsc_run_wait_value(const struct bsc_run_wait *wait, int64_t now_ms)
{
    struct bsc_value *value = bsc_value_map();
    int64_t until = bsc_run_wait_until(wait);
    set_time(value, "since", wait->since_ms);
    set_time(value, "until", until);
    bsc_value_set_int(value, "remaining_ms", until > now_ms ? until - now_ms : 0);
    return value;
}

int64_t bsc_run_wait_time(const struct bsc_value *map, const char *key, int64_t fallback)
{
    int64_t ms = 0;
    const char *text = bsc_value_get_string(map, key);
    return text != NULL && bsc_clock_parse(text, &ms) ? ms : fallback;
}

struct bsc_value *bsc_run_wait_parked(const struct bsc_value *map)
{
    static const char *const keys[] = {"item", "title", "since", "until", "waits_for"};
    struct bsc_value *copy = bsc_value_map();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct bsc_value *value = bsc_value_get(map, keys[i]);
        if (value != NULL)
            bsc_value_set(copy, keys[i], bsc_value_copy(value));
    }
    return copy;
}

void bsc_run_wait_keep(struct bsc_value *waits, const struct bsc_value *parked)
{
    const char *title = bsc_value_get_string(parked, "title");
    int64_t since_ms = bsc_run_wait_time(parked, "since", 0);
    if (title != NULL && since_ms > 0 && bsc_value_get(waits, title) == NULL)
        bsc_value_set_int(waits, title, since_ms);
}
