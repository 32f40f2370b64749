#include "run/brief.h"

static const char mark[] = "$entries", unknown[] = "$unknown";

static bool is_longer(const struct bsc_value *value, size_t entries_max)
{
    return bsc_value_kind(value) == BSC_VALUE_LIST && bsc_value_count(value) > entries_max;
}

void bsc_run_brief_facts(struct bsc_value *facts, size_t entries_max,
                         bool (*chosen)(const void *arg, const char *key), const void *arg)
{
    for (size_t i = 0; i < bsc_value_count(facts); i++) {
        const char *key = bsc_value_key_at(facts, i);
        const struct bsc_value *fact = bsc_value_item_at(facts, i);
        if (!is_longer(fact, entries_max) || (chosen != NULL && !chosen(arg, key)))
            continue;
        struct bsc_value *brief = bsc_value_map();
        bsc_value_set_int(brief, mark, (int64_t)bsc_value_count(fact));
        bsc_value_set(facts, key, brief);
    }
}

bool bsc_run_brief_is(const struct bsc_value *value)
{
    return bsc_value_get(value, mark) != NULL;
}

bool bsc_run_brief_add(const struct bsc_value *value, struct bsc_buf *out)
{
    if (bsc_run_brief_is(value))
        bsc_buf_printf(out, "(%lld entries)", (long long)bsc_value_get_number(value, mark, 0));
    else if (is_longer(value, BSC_RUN_BRIEF_SHOWN))
        bsc_buf_printf(out, "(%zu entries)", bsc_value_count(value));
    else if (bsc_value_get_string(value, unknown) != NULL)
        bsc_buf_printf(out, "unknown<%s>", bsc_value_get_string(value, unknown));
    else
        return false;
    return true;
}
