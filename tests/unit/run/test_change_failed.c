#include "live_table.h"

/* How a change that was to empty the table ends that has done nothing; `kept` says whether the
 * model had the list before. */
static void assert_failed_without_effect(void **state, int rows, bool kept)
{
    struct rig rig;
    char *path = table_make(state, rows);
    rig_open(&rig, state);
    bsc_run_model_travel_light(rig.model);
    const struct bsc_value *reply = execute(&rig, path, "DELETE FROM nowhere", "", "{'all':[]}");
    assert_word(reply, "outcome", "failed");
    struct bsc_value *records = rig_records(rig.journal_path);
    const struct bsc_value *intent = NULL;
    for (size_t i = 0; i < bsc_value_count(records); i++)
        if (strcmp(bsc_value_get_string(bsc_value_at(records, i), "kind"), "intent") == 0)
            intent = bsc_value_get(bsc_value_at(records, i), "payload");
    const struct bsc_value *before =
        bsc_value_get(bsc_value_item_at(bsc_value_get(intent, "before"), 0), "all");
    if (kept)
        assert_int_equal(bsc_value_count(before), rows);
    else
        assert_int_equal(bsc_value_get_number(before, "$entries", 0), rows);
    bsc_value_free(records);
    rig_close(&rig);
    free(path);
}

static void a_long_list_that_stayed_as_it_was_tells_that_nothing_happened(void **state)
{
    assert_failed_without_effect(state, 1000, true);
}

static void a_list_too_long_to_be_kept_does_not_tell_that_something_happened(void **state)
{
    assert_failed_without_effect(state, 5000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_long_list_that_stayed_as_it_was_tells_that_nothing_happened),
        UNIT_IN_FOLDER(a_list_too_long_to_be_kept_does_not_tell_that_something_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
