#include "lib/standby_haste_int.h"

#include "lib/standby_int.h"
#include "os/clock.h"

#define SETTING "restore_command"

enum { WORTH_FILES = 4, PUT_BACK_WITHIN_MS = 10000 };

/* What it fetches log files with. */
struct way {
    int64_t segment;  /* length of a log file */
    bool is_plain;    /* it is the plain command, out of a configuration file */
    bool is_hastened; /* it is the quick one, by ALTER SYSTEM */
};

/* Where a setting stands is told to members of pg_read_all_settings; before PostgreSQL 14, this one
 * could not be changed while the server runs. */
static bool look(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                 const struct bsc_lib_haste *haste, struct way *ret)
{
    static const char question[] =
        "SELECT pg_size_bytes(current_setting('wal_segment_size')),"
        " (setting = ? AND NOT altered)::int, (setting = ? AND altered)::int"
        " FROM (SELECT setting, sourcefile LIKE '%/postgresql.auto.conf' AS altered"
        " FROM pg_settings WHERE name = '" SETTING "' AND context = 'sighup') AS here";
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *params = bsc_value_list();
    bsc_value_append(params, bsc_value_text(haste->plain));
    bsc_value_append(params, bsc_value_text(haste->quick));
    struct bsc_value *row = bsc_lib_standby_ask(call, target, question, params, &ignored);
    bool ok = row != NULL;
    ret->segment = bsc_value_number(bsc_value_at(row, 0), 0);
    ret->is_plain = bsc_value_number(bsc_value_at(row, 1), 0) == 1;
    ret->is_hastened = bsc_value_number(bsc_value_at(row, 2), 0) == 1;
    bsc_value_free(row);
    bsc_value_free(params);
    return ok && ret->segment > 0;
}

void bsc_lib_haste_begin(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                         int64_t lsn, int64_t wanted, struct bsc_lib_haste *haste)
{
    struct way way;
    if (haste->plain == NULL || haste->quick == NULL || !look(call, target, haste, &way))
        return;
    bool is_worth_it = way.is_plain && wanted - lsn >= WORTH_FILES * way.segment;
    haste->until_lsn = (wanted - 1) / way.segment * way.segment;
    haste->is_on =
        way.is_hastened ||
        (is_worth_it && bsc_lib_standby_replace(call, target, SETTING, haste->plain, haste->quick));
}

bool bsc_lib_haste_end(const struct bsc_lib_call *call, const struct bsc_lib_target *target,
                       struct bsc_lib_haste *haste, struct bsc_err *err)
{
    if (!haste->is_on)
        return true;
    const struct bsc_clock *clock = call->env->clock;
    const atomic_bool never = false;
    struct bsc_err why = BSC_ERR_INIT;
    struct bsc_lib_call calm = *call;
    calm.cancel = &never;
    calm.deadline_us = clock->mono_us(clock->self) + (int64_t)PUT_BACK_WITHIN_MS * 1000;
    haste->is_on = !bsc_lib_standby_reset(&calm, target, SETTING, haste->quick, &why);
    return !haste->is_on ||
           bsc_err_set(err, why.code, "\"%s\" still has another " SETTING " than its own: %s%s%s",
                       target->server, why.message, why.cause[0] != '\0' ? ": " : "", why.cause);
}
