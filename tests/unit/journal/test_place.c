#include "unit.h"

#include "journal/place.h"

static void file_systems_over_a_network_are_known_by_name(void **state)
{
    (void)state;
    assert_string_equal(bsc_journal_place_network(0x6969), "NFS");
    assert_string_equal(bsc_journal_place_network(0xff534d42), "CIFS");
    assert_string_equal(bsc_journal_place_network((int32_t)0xff534d42), "CIFS");
    assert_string_equal(bsc_journal_place_network(0x01021997), "9p");
    assert_string_equal(bsc_journal_place_network(0x65735546), "FUSE");
    assert_null(bsc_journal_place_network(0xef53));     /* ext4 */
    assert_null(bsc_journal_place_network(0x58465342)); /* XFS */
    assert_null(bsc_journal_place_network(0x01021994)); /* tmpfs */
}

static void a_missing_folder_is_named(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    assert_false(bsc_journal_place_check("/no/such/folder/journal.jsonl", &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/no/such/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_systems_over_a_network_are_known_by_name),
        cmocka_unit_test(a_missing_folder_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
