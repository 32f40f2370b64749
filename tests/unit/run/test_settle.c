#include "session_unit.h"

#include "run/settle.h"
#include "standing_unit.h"

/* The change that was under way was to copy a file; `says` is what its intent says besides. */
struct scene {
    struct stage stage;
    struct bsc_run_past past;
    struct bsc_run_word found;
    struct bsc_err err;
};

static const struct bsc_run_word nothing = {BSC_RUN_MADE_MAYBE, "anna"};

static void scene_set(struct scene *scene, void **state, const char *says)
{
    memset(scene, 0, sizeof *scene);
    stage_set(&scene->stage, state, COPY_BOOK);
    stage_open(&scene->stage);
    char *resource = bsc_mem_format("file:%s", scene->stage.to);
    scene->past.schema = scene->stage.session.schema;
    scene->past.made = bsc_value_map();
    scene->past.trail = bsc_value_list();
    scene->past.open = from_json("{'effect':1,'item':1,'action':1,'resource':'%s',"
                                 "'statement':'copy it','row':'file.copy','args':{}%s}",
                                 resource, says);
    if (bsc_value_get(scene->past.open, "becomes") == NULL) {
        bsc_value_set(scene->past.open, "becomes", from_json("{'%s':{'exists':true}}", resource));
        bsc_value_set(scene->past.open, "before", from_json("{'%s':{'exists':false}}", resource));
    }
    bsc_mem_free(resource);
}

static void scene_strike(struct scene *scene)
{
    bsc_run_past_release(&scene->past);
    stage_strike(&scene->stage);
}

static bool settle(struct scene *scene, const struct bsc_run_word *said)
{
    struct bsc_buf why;
    bsc_buf_init(&why);
    scene->err = (struct bsc_err)BSC_ERR_INIT;
    bool ok = bsc_run_settle_look(&scene->stage.session, &scene->past, said, &scene->found, &why,
                                  &scene->err);
    bsc_buf_release(&why);
    return ok;
}

static void what_shows_is_found_by_looking(void **state)
{
    struct scene scene;
    scene_set(&scene, state, "");
    assert_true(settle(&scene, &nothing));
    assert_int_equal(scene.found.made, BSC_RUN_MADE_NOT);
    assert_string_equal(scene.found.by, "observing");
    put_text(scene.stage.to, "hello");
    assert_true(settle(&scene, &nothing));
    assert_int_equal(scene.found.made, BSC_RUN_MADE);
    assert_non_null(scene.past.open);
    scene_strike(&scene);
}

static void what_is_seen_counts_more_than_what_is_said(void **state)
{
    static const struct bsc_run_word made = {BSC_RUN_MADE, "anna"};
    struct scene scene;
    scene_set(&scene, state, ",'once':true");
    assert_true(settle(&scene, &made));
    assert_int_equal(scene.found.made, BSC_RUN_MADE_NOT);
    assert_string_equal(scene.found.by, "observing");
    scene_strike(&scene);
}

static void of_what_nothing_shows_only_a_person_can_tell(void **state)
{
    struct scene scene;
    scene_set(&scene, state, ",'once':true,'becomes':{},'before':{}");
    assert_false(settle(&scene, &nothing));
    assert_int_equal(scene.err.code, BSC_ERR_UNKNOWN);
    assert_contains(scene.err.message, "copy it");
    assert_contains(scene.err.hint, scene.stage.to);
    assert_contains(scene.err.hint, "--settle not-made");
    for (int i = 0; i < 2; i++) {
        struct bsc_run_word said = {i == 0 ? BSC_RUN_MADE : BSC_RUN_MADE_NOT, "anna"};
        assert_true(settle(&scene, &said));
        assert_int_equal(scene.found.made, said.made);
        assert_string_equal(scene.found.by, "anna");
    }
    scene_strike(&scene);
}

/* Its action looks by itself what is left to do. */
static void nobody_is_asked_about_a_change_that_is_not_made_blindly(void **state)
{
    struct scene scene;
    scene_set(&scene, state, ",'becomes':{},'before':{}");
    assert_true(settle(&scene, &nothing));
    assert_int_equal(scene.found.made, BSC_RUN_MADE_MAYBE);
    assert_string_equal(scene.found.by, "observing");
    scene_strike(&scene);
}

/* The row that settles it cannot tell here, and a look alone must not pass for its word. */
static void what_may_still_happen_is_not_taken_for_not_made_by_its_looks(void **state)
{
    static const char *const rows[] = {"standby.order", "file.state", "file.copy", "no.row"};
    struct scene scene;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *says = bsc_mem_format(",'settles':'%s','bound':{'path':'/dev/null'}", rows[i]);
        scene_set(&scene, state, says);
        assert_true(settle(&scene, &nothing));
        assert_int_equal(scene.found.made, BSC_RUN_MADE_MAYBE);
        put_text(scene.stage.to, "hello");
        assert_true(settle(&scene, &nothing));
        assert_int_equal(scene.found.made, BSC_RUN_MADE);
        unlink(scene.stage.to);
        scene_strike(&scene);
        bsc_mem_free(says);
    }
}

static void what_was_found_is_read_again_as_it_was_found(void **state)
{
    static const enum bsc_run_made all[] = {BSC_RUN_MADE_NOT, BSC_RUN_MADE_MAYBE, BSC_RUN_MADE};
    static const char *const words[] = {"failed", "unknown", "changed"};
    struct notes notes;
    notes_begin(&notes, *state, "20261120-231501-failover-a3f2");
    for (size_t i = 0; i < 3; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        const struct bsc_run_word found = {all[i], "anna"};
        assert_true(bsc_run_settle_record(notes.journal, (int64_t)i + 1, &found, &err));
    }
    char *text = unit_file_get(notes.folder.journal, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_contains(text, words[i]);
    assert_contains(text, "\"settled_by\":\"anna\"");
    free(text);
    notes_end(&notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_shows_is_found_by_looking),
        UNIT_IN_FOLDER(what_is_seen_counts_more_than_what_is_said),
        UNIT_IN_FOLDER(of_what_nothing_shows_only_a_person_can_tell),
        UNIT_IN_FOLDER(nobody_is_asked_about_a_change_that_is_not_made_blindly),
        UNIT_IN_FOLDER(what_may_still_happen_is_not_taken_for_not_made_by_its_looks),
        UNIT_IN_FOLDER(what_was_found_is_read_again_as_it_was_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
