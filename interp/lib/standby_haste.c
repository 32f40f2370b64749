#include <string.h>

#include "lib/standby_haste_int.h"
#include "lib/standby_int.h"
#include "os/clock.h"

#define SETTING "restore_command"

enum { WORTH_FILES = 4, PUT_BACK_WITHIN_MS = 10000 };

/* The length of its log files where the plain command is what it has and can be changed; else 0. */
static int64_t changeable(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                          const char *plain)
{
    static const char question[] =
        "SELECT pg_size_bytes(current_setting('wal_segment_size')) FROM pg_settings"
        " WHERE name = '" SETTING "' AND setting = ? AND source = 'configuration file'"
        " AND context = 'sighup' AND has_function_privilege('pg_reload_conf()', 'execute')";
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_text(plain));
    struct bsc_value *row = bsc_lib_standby_ask(call, target, question, params, &ignored);
    int64_t segment = bsc_value_number(bsc_value_at(row, 0), 0);
    bsc_value_free(row);
    bsc_value_free(params);
    return segment;
}

/* Of one that was half changed nothing must stay. */
static bool change(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                   const struct bsc_lib_haste *haste)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (bsc_lib_standby_set(call, target, SETTING, haste->quick, &ignored))
        return true;
    bsc_lib_standby_put_back(call, target, SETTING, haste->plain, &ignored);
    return false;
}

void bsc_lib_haste_begin(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         int64_t lsn, int64_t wanted, struct bsc_lib_haste *haste)
{
    int64_t segment = haste->plain != NULL ? changeable(call, target, haste->plain) : 0;
    if (segment <= 0 || wanted - lsn < WORTH_FILES * segment)
        return;
    haste->until_lsn = (wanted - 1) / segment * segment;
    haste->is_on = change(call, target, haste);
}

bool bsc_lib_haste_end(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                       struct bsc_lib_haste *haste, struct bsc_err *err)
{
    if (!haste->is_on)
        return true;
    const struct bsc_clock *clock = call->env->clock;
    const atomic_bool never = false;
    struct bsc_lib_call calm = *call;
    calm.cancel = &never;
    calm.deadline_us = clock->mono_us(clock->self) + (int64_t)PUT_BACK_WITHIN_MS * 1000;
    haste->is_on = false;
    return bsc_lib_standby_put_back(&calm, target, SETTING, haste->plain, err) ||
           bsc_err_wrap(err, "\"%s\" is left with another " SETTING " than it had: %s",
                        target->server, haste->quick);
}
