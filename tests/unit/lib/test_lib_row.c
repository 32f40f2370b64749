#include "lib_fixture.h"

#include "lib/args.h"

static void the_table_is_in_order_of_name(void **state)
{
    size_t count = 0;
    const struct bsc_lib_row *const *rows = bsc_lib_rows(&count);
    (void)state;
    assert_true(count > 0);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(rows[i - 1]->name, rows[i]->name) < 0);
}

static void every_row_is_found_by_its_name(void **state)
{
    size_t count = 0;
    const struct bsc_lib_row *const *rows = bsc_lib_rows(&count);
    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(bsc_lib_find(rows[i]->name), rows[i]);
    assert_null(bsc_lib_find(""));
    assert_null(bsc_lib_find("sql"));
    assert_null(bsc_lib_find("zzz"));
}

static void every_row_is_described(void **state)
{
    size_t count = 0;
    const struct bsc_lib_row *const *rows = bsc_lib_rows(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct bsc_lib_row *row = rows[i];
        assert_non_null(row->run);
        assert_non_null(strchr(row->name, '.'));
        assert_non_null(strchr(row->args, ':'));
        assert_true(row->result[0] != '\0');
        assert_int_equal(row->doc[strlen(row->doc) - 1], '.');
    }
}

/* The lane must be an argument, or all work would meet on one thread. */
static void every_lane_is_an_argument(void **state)
{
    size_t count = 0;
    const struct bsc_lib_row *const *rows = bsc_lib_rows(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->lane == NULL)
            continue;
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *args = bsc_value_map();
        bsc_value_set_int(args, rows[i]->lane, 1);
        assert_true(bsc_lib_args_known(args, rows[i]->args, &err));
        bsc_value_free(args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_in_order_of_name),
        cmocka_unit_test(every_row_is_found_by_its_name),
        cmocka_unit_test(every_row_is_described),
        cmocka_unit_test(every_lane_is_an_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
