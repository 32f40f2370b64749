#include "unit.h"

#include "fixture.h"
#include "journal/records.h"

static void every_kind_has_a_name_that_leads_back_to_it(void **state)
{
    (void)state;
    for (int i = 0; i < BSC_JOURNAL_KIND_MAX_; i++) {
        const char *name = bsc_journal_kind_name((enum bsc_journal_kind)i);
        assert_int_equal(bsc_journal_kind_of(name, strlen(name)), i);
        assert_int_equal(bsc_journal_kind_of(name, strlen(name) - 1), BSC_JOURNAL_KIND_MAX_);
    }
    assert_int_equal(bsc_journal_kind_of("", 0), BSC_JOURNAL_KIND_MAX_);
}

static void every_key_that_a_payload_must_have_is_missed(void **state)
{
    (void)state;
    for (int i = 0; i < BSC_JOURNAL_KIND_MAX_; i++) {
        enum bsc_journal_kind kind = (enum bsc_journal_kind)i;
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *whole = fixture_value(fixture_payload(kind));
        assert_true(bsc_journal_payload_check(kind, whole, &err));
        for (size_t k = 0; k < bsc_value_count(whole); k++) {
            struct bsc_value *less = bsc_value_copy(whole);
            const char *key = bsc_value_key_at(whole, k);
            bsc_value_remove(less, key);
            assert_false(bsc_journal_payload_check(kind, less, &err));
            assert_int_equal(err.code, BSC_ERR_INVALID);
            assert_non_null(strstr(err.message, key));
            bsc_value_free(less);
        }
        bsc_value_free(whole);
    }
}

static void a_value_of_another_type_is_refused(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    struct bsc_value *payload = fixture_value(fixture_payload(BSC_JOURNAL_INTENT));
    bsc_value_set_text(payload, "effect", "1");
    assert_false(bsc_journal_payload_check(BSC_JOURNAL_INTENT, payload, &err));
    assert_non_null(strstr(err.message, "'effect' of journal record 'intent' is not int"));
    bsc_value_set_int(payload, "effect", 1);
    bsc_value_set(payload, "row", bsc_value_null());
    assert_false(bsc_journal_payload_check(BSC_JOURNAL_INTENT, payload, &err));
    bsc_value_free(payload);
    payload = bsc_value_list();
    assert_false(bsc_journal_payload_check(BSC_JOURNAL_NOTE, payload, &err));
    bsc_value_free(payload);
}

static void empty_lists_and_maps_stand_for_each_other(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    struct bsc_value *payload = fixture_value(fixture_payload(BSC_JOURNAL_ASK));
    bsc_value_set(payload, "lines", bsc_value_map());
    assert_true(bsc_journal_payload_check(BSC_JOURNAL_ASK, payload, &err));
    bsc_value_set(payload, "lines", bsc_value_text(""));
    assert_false(bsc_journal_payload_check(BSC_JOURNAL_ASK, payload, &err));
    bsc_value_free(payload);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_name_that_leads_back_to_it),
        cmocka_unit_test(every_key_that_a_payload_must_have_is_missed),
        cmocka_unit_test(a_value_of_another_type_is_refused),
        cmocka_unit_test(empty_lists_and_maps_stand_for_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
