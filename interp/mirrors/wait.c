#include "mirrors/wait_int.h"

#include "os/clock.h"

enum { PAUSE_MS = 10 };

int64_t bsc_mirrors_now_ms(void)
{
    const struct bsc_clock *clock = bsc_clock_real();

    return clock->mono_us(clock->self) / 1000;
}

void bsc_mirrors_pause(void)
{
    (void)bsc_clock_pause(PAUSE_MS, NULL);
}

int64_t bsc_mirrors_lsn_of(const struct bsc_mirrors_engine *engine, const char *path)
{
    struct bsc_value *facts = engine->look(engine->self, path);
    int64_t lsn = bsc_value_get_number(facts, "lsn", -1);

    bsc_value_free(facts);
    return lsn;
}
