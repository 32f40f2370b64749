#include "unit.h"

#include "fixture.h"
#include "journal/reader.h"

enum { LINES = BSC_JOURNAL_KIND_MAX_ };

struct places {
    int64_t offsets[LINES];
    char hashes[LINES][BSC_DIGEST_HEX];
    size_t count;
};

static bool place_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct places *places = arg;
    (void)err;
    places->offsets[places->count] = record->offset;
    memcpy(places->hashes[places->count++], record->hash, sizeof record->hash);
    return true;
}

static bool hash_kept(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    (void)err;
    memcpy(arg, record->hash, sizeof record->hash);
    return true;
}

static char *journal_make(void **state, struct places *places)
{
    struct ticking ticking;
    struct bsc_journal_report report;
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    assert_int_equal(fixture_write(bsc_sys_real(), &ticking, path, &err), LINES);
    places->count = 0;
    assert_true(bsc_journal_read(bsc_sys_real(), path, place_seen, places, &report, &err));
    assert_int_equal(places->count, LINES);
    return path;
}

static void each_record_is_read_again_at_its_place(void **state)
{
    struct places places;
    struct bsc_err err = BSC_ERR_INIT;
    char hash[BSC_DIGEST_HEX] = "";
    char *path = journal_make(state, &places);
    for (size_t i = LINES; i > 0; i--) {
        assert_true(bsc_journal_read_at(bsc_sys_real(), path, places.offsets[i - 1], hash_kept,
                                        hash, &err));
        assert_string_equal(hash, places.hashes[i - 1]);
    }
    free(path);
}

static void assert_damaged(const char *path, int64_t offset)
{
    struct bsc_err err = BSC_ERR_INIT;
    char hash[BSC_DIGEST_HEX] = "";
    assert_false(bsc_journal_read_at(bsc_sys_real(), path, offset, hash_kept, hash, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
}

static void what_is_no_record_there_is_damage(void **state)
{
    struct places places;
    size_t length = 0;
    char *path = journal_make(state, &places);
    char *bytes = unit_file_get(path, &length);
    assert_damaged(path, places.offsets[1] + 1);
    assert_damaged(path, (int64_t)length);
    bytes[places.offsets[2] + 100] ^= 1;
    unit_file_put(path, bytes, length);
    assert_damaged(path, places.offsets[2]);
    unit_file_put(path, bytes, (size_t)places.offsets[1] + 50);
    assert_damaged(path, places.offsets[1]);
    free(bytes);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(each_record_is_read_again_at_its_place),
        UNIT_IN_FOLDER(what_is_no_record_there_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
