#include "live_table.h"

#include "../logs/practice.h"

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

/* Copying the practice site's two log backups into the folder `to`. */
static struct bsc_value *copy_both(const struct practice *site, const char *to)
{
    struct bsc_value *files = bsc_value_list(), *becomes = bsc_value_map();
    for (size_t i = 0; i < site->count; i++) {
        char *id = bsc_mem_format("file:%s/%s", to, site->files[i].name);
        bsc_value_append(files,
                         bsc_value_format("%lld %lld - - - missing %s",
                                          (long long)site->files[i].first_lsn,
                                          (long long)site->files[i].last_lsn, site->files[i].name));
        bsc_value_set(becomes, id,
                      from_json("{'exists':true,'bytes':{'$unknown':'bytes'},"
                                "'sha256':{'$unknown':'sha256'}}"));
        bsc_mem_free(id);
    }
    struct bsc_value *effect =
        from_json("{'op':'change','resource':'none:x','row':'logs.copy','statement':'copy both',"
                  "'args':{'share':'%s','destination':'%s'}}",
                  site->share, to);
    bsc_value_set(bsc_value_get(effect, "args"), "files", files);
    bsc_value_set(effect, "becomes", becomes);
    return effect;
}

static void a_row_that_resumes_may_be_repeated_after_a_part_of_it(void **state)
{
    struct rig rig;
    struct practice site;
    practice_open(&site, *state);
    for (int i = 0; i < 2; i++) {
        practice_commit(&site, 1);
        practice_back_up(&site);
    }
    char *to = unit_path(*state, "copied"), *aside = unit_path(*state, "aside");
    char *second = bsc_files_join(site.share, site.files[1].name);
    assert_int_equal(mkdir(to, 0700), 0);
    assert_int_equal(rename(second, aside), 0);
    rig_open(&rig, state);
    struct bsc_value *effect = copy_both(&site, to);
    for (size_t i = 0; i < 2; i++)
        rig_look(&rig, bsc_value_key_at(bsc_value_get(effect, "becomes"), i));
    const struct bsc_value *reply = rig_change(&rig, bsc_value_copy(effect));
    assert_word(reply, "outcome", "failed");
    assert_contains(bsc_value_get_string(reply, "reason"), "it has taken effect in part");
    assert_int_equal(rename(aside, second), 0);
    assert_word(rig_perform(&rig, effect), "outcome", "changed");
    bsc_value_free(effect);
    rig_close(&rig);
    practice_close(&site);
    bsc_mem_free(second);
    free(to);
    free(aside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_long_list_that_stayed_as_it_was_tells_that_nothing_happened),
        UNIT_IN_FOLDER(a_list_too_long_to_be_kept_does_not_tell_that_something_happened),
        UNIT_IN_FOLDER(a_row_that_resumes_may_be_repeated_after_a_part_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
