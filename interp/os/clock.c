#include "os/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { CANCEL_LOOK_MS = 10 }; /* how often a pause looks whether it is still wanted */

static int64_t read_clock(clockid_t which, int64_t per_second, int64_t ns_per_unit)
{
    struct timespec now = {0};
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * per_second + (int64_t)now.tv_nsec / ns_per_unit;
}

static int64_t real_wall_ms(void *self)
{
    (void)self;
    return read_clock(CLOCK_REALTIME, 1000, 1000000);
}

static int64_t real_mono_us(void *self)
{
    (void)self;
    return read_clock(CLOCK_MONOTONIC, 1000000, 1000);
}

static const struct bsc_clock real = {
    .self = NULL, .wall_ms = real_wall_ms, .mono_us = real_mono_us};

const struct bsc_clock *bsc_clock_real(void)
{
    return &real;
}

/* Writes `number` right-aligned with leading zeros and returns the place after it. */
static char *put_digits(char *at, int64_t number, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + count;
}

static char *put(char *at, int64_t number, int count, char after)
{
    at = put_digits(at, number, count);
    *at = after;
    return at + 1;
}

void bsc_clock_format(int64_t wall_ms, char ret_text[BSC_CLOCK_TEXT])
{
    /* Years outside 0000 to 9999 would not fit the text: the nearest time that does stands in. */
    const int64_t first = INT64_C(-62167219200000);
    const int64_t last = INT64_C(253402300799999);
    int64_t ms = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
    int64_t below = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - below) / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    char *at = put(ret_text, (int64_t)utc.tm_year + 1900, 4, '-');
    at = put(at, (int64_t)utc.tm_mon + 1, 2, '-');
    at = put(at, utc.tm_mday, 2, 'T');
    at = put(at, utc.tm_hour, 2, ':');
    at = put(at, utc.tm_min, 2, ':');
    at = put(at, utc.tm_sec, 2, '.');
    at = put(at, below, 3, 'Z');
    *at = '\0';
}

/* Reads `count` digits and the character that must follow them. */
static bool take(const char **at, int count, char after, int *ret_number)
{
    *ret_number = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *ret_number = *ret_number * 10 + (**at - '0');
    }
    return *(*at)++ == after;
}

bool bsc_clock_parse(const char *text, int64_t *ret_wall_ms)
{
    struct tm utc = {0};
    int below = 0;
    const char *at = text;
    if (!take(&at, 4, '-', &utc.tm_year) || !take(&at, 2, '-', &utc.tm_mon) ||
        !take(&at, 2, 'T', &utc.tm_mday) || !take(&at, 2, ':', &utc.tm_hour) ||
        !take(&at, 2, ':', &utc.tm_min) || !take(&at, 2, '.', &utc.tm_sec) ||
        !take(&at, 3, 'Z', &below) || *at != '\0')
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    int64_t wall_ms = (int64_t)timegm(&utc) * 1000 + below;
    char again[BSC_CLOCK_TEXT];
    bsc_clock_format(wall_ms, again);
    if (strcmp(again, text) != 0)
        return false; /* a thirteenth month, say */
    *ret_wall_ms = wall_ms;
    return true;
}

static void sleep_until(int64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                             .tv_nsec = (long)(until_us % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

bool bsc_clock_pause(int64_t ms, const atomic_bool *cancel)
{
    int64_t now_us = real_mono_us(NULL);
    int64_t end_us = now_us + (ms < 0 ? 0 : ms > INT64_MAX / 2000 ? INT64_MAX / 2 : ms * 1000);
    while (now_us < end_us) {
        if (cancel != NULL && atomic_load(cancel))
            return false;
        int64_t look_us = now_us + CANCEL_LOOK_MS * 1000;
        sleep_until(cancel == NULL || look_us > end_us ? end_us : look_us);
        now_us = real_mono_us(NULL);
    }
    return true;
}
