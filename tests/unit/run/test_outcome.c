#include "unit.h"

#include "run/outcome.h"

static const char *const words[] = {"kept",     "changed", "skipped",     "refused", "failed",
                                    "diverged", "timeout", "interrupted", "parked",  "unknown"};

static void every_word_is_read_back_as_itself(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum bsc_outcome outcome = BSC_OUTCOME_KEPT;
        assert_true(bsc_run_outcome_parse(words[i], &outcome));
        assert_int_equal(outcome, i);
        assert_string_equal(bsc_run_outcome_name(outcome), words[i]);
    }
}

static void another_word_is_no_outcome(void **state)
{
    (void)state;
    enum bsc_outcome outcome = BSC_OUTCOME_TIMEOUT;
    assert_false(bsc_run_outcome_parse("done", &outcome));
    assert_false(bsc_run_outcome_parse("", &outcome));
    assert_false(bsc_run_outcome_parse(NULL, &outcome));
    assert_int_equal(outcome, BSC_OUTCOME_TIMEOUT);
}

static void only_a_definite_failure_of_an_optional_item_is_passed_over(void **state)
{
    (void)state;
    static const bool needed[] = {true,  true,  true,  false, false,
                                  false, false, false, false, false};
    static const bool optional[] = {true,  true,  true,  true,  true,
                                    false, false, false, false, false};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        assert_int_equal(bsc_run_outcome_goes_on((enum bsc_outcome)i, false), needed[i]);
        assert_int_equal(bsc_run_outcome_goes_on((enum bsc_outcome)i, true), optional[i]);
    }
}

static void the_exit_code_tells_refused_and_unknown_from_failed(void **state)
{
    (void)state;
    static const int codes[] = {0, 0, 0, 3, 1, 1, 1, 1, 7, 6};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_int_equal(bsc_run_outcome_exit((enum bsc_outcome)i), codes[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_is_read_back_as_itself),
        cmocka_unit_test(another_word_is_no_outcome),
        cmocka_unit_test(only_a_definite_failure_of_an_optional_item_is_passed_over),
        cmocka_unit_test(the_exit_code_tells_refused_and_unknown_from_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
