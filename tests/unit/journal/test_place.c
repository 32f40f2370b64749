#include "unit.h"

#include <errno.h>

#include "fault_sys.h"
#include "journal/place.h"

static void file_systems_over_a_network_are_known_by_name(void **state)
{
    (void)state;
    assert_string_equal(bsc_journal_place_network(0x6969), "NFS");
    assert_string_equal(bsc_journal_place_network(0xff534d42), "CIFS");
    assert_string_equal(bsc_journal_place_network((int32_t)0xff534d42), "CIFS");
    assert_string_equal(bsc_journal_place_network(0x01021997), "9p");
    assert_string_equal(bsc_journal_place_network(0x65735546), "FUSE");
    assert_string_equal(bsc_journal_place_network(0xfe534d42), "SMB2");
    assert_null(bsc_journal_place_network(0xef53));     /* ext4 */
    assert_null(bsc_journal_place_network(0x58465342)); /* XFS */
    assert_null(bsc_journal_place_network(0x01021994)); /* tmpfs */
}

static void a_folder_that_is_yet_to_be_made_is_judged_by_the_one_above(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    const char *name = "";
    char *folder = unit_path(*state, "not/yet/there");
    assert_true(bsc_journal_place_check(bsc_sys_real(), folder, &err));
    assert_true(bsc_journal_place_check(bsc_sys_real(), "not/yet/there", &err));
    unit_sys_init(&fault);
    fault.fs_magic = 0x6969;
    assert_true(bsc_journal_place_look(&fault.table, folder, &name, &err));
    assert_string_equal(name, "NFS");
    assert_false(bsc_journal_place_check(&fault.table, folder, &err));
    assert_int_equal(err.code, BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "lies on a file system of kind NFS"));
    assert_non_null(strstr(err.hint, "--force"));
    free(folder);
}

static void what_cannot_be_told_is_not_taken_for_local(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    const char *name = "";
    unit_sys_init(&fault);
    unit_sys_fail_kind(&fault, UNIT_SYS_STATFS, 1, EIO, true);
    assert_false(bsc_journal_place_look(&fault.table, *state, &name, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    assert_non_null(strstr(err.message, *state));
    unit_sys_fail_kind(&fault, UNIT_SYS_STATFS, 1, ENOENT, true);
    assert_false(bsc_journal_place_look(&fault.table, "/no/such", &name, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_systems_over_a_network_are_known_by_name),
        UNIT_IN_FOLDER(a_folder_that_is_yet_to_be_made_is_judged_by_the_one_above),
        UNIT_IN_FOLDER(what_cannot_be_told_is_not_taken_for_local),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
