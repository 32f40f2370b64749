#include "practice.h"

#include "logs/catalogue.h"
#include "logs/chain.h"
#include "logs/line.h"

/* A site of made-up backups: a sidecar at LSN 100 and files of one page each. */
struct stage {
    char *share;
    char *destination;
    char *copy;
    struct bsc_value *facts;
};

#define OURS    "11111111111111111111111111111111"
#define FORK    "22222222222222222222222222222222"
#define FORK_2  "33333333333333333333333333333333"
#define FORK_3  "55555555555555555555555555555555"
#define FOREIGN "44444444444444444444444444444444"

static void open_stage(struct stage *stage, const char *folder)
{
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    *stage = (struct stage){.share = unit_path(folder, "share"),
                            .destination = unit_path(folder, "copied"),
                            .copy = unit_path(folder, "copy.db")};
    assert_int_equal(mkdir(stage->share, 0700), 0);
    assert_int_equal(mkdir(stage->destination, 0700), 0);
    memcpy(state.database_id, OURS, sizeof OURS);
    memcpy(state.fork, FORK, sizeof FORK);
    state.role = BSC_LOGS_RESTORING;
    state.lsn = 100;
    state.time_ms = 1700000000000;
    state.page_size = 512;
    assert_true(bsc_logs_state_save(bsc_sys_real(), stage->copy, &state, &err));
}

static void close_stage(struct stage *stage)
{
    bsc_value_free(stage->facts);
    free(stage->share);
    free(stage->destination);
    free(stage->copy);
}

static struct bsc_logs_header ours(int64_t first, int64_t last)
{
    return (struct bsc_logs_header){.database_id = OURS,
                                    .fork = FORK,
                                    .first_lsn = first,
                                    .last_lsn = last,
                                    .db_pages = 4,
                                    .commits = 1,
                                    .time_ms = 1700000000000 + last};
}

/* The fill makes two backups of one range differ. */
static void put(const char *folder, const char *database, struct bsc_logs_header header, int fill)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[512];
    char *name = bsc_logs_format_name(database, header.last_lsn);
    memset(page, fill, sizeof page);
    assert_true(bsc_logs_writer_open(&writer, bsc_sys_real(), folder, name, 512, &err));
    assert_true(bsc_logs_writer_page(&writer, 1, page, &err));
    assert_true(bsc_logs_writer_finish(&writer, &header, &err));
    bsc_logs_writer_release(&writer);
    free(name);
}

static void put_ours(const char *folder, int64_t first, int64_t last)
{
    put(folder, "mgc", ours(first, last), 1);
}

static const struct bsc_value *look_with(struct stage *stage, int64_t limit, bool verify)
{
    const struct bsc_logs_chain_order order = {.sys = bsc_sys_real(),
                                               .share = stage->share,
                                               .destination = stage->destination,
                                               .path = stage->copy,
                                               .destination_limit = limit,
                                               .verify = verify};
    struct bsc_err err = BSC_ERR_INIT;
    bsc_value_free(stage->facts);
    stage->facts = bsc_logs_chain(&order, &err);
    if (stage->facts == NULL)
        fail_msg("%s", err.message);
    return stage->facts;
}

static const struct bsc_value *look(struct stage *stage)
{
    return look_with(stage, 0, false);
}

static void assert_chain(const struct bsc_value *facts, const char *problem, size_t count,
                         int64_t last_lsn)
{
    if (strcmp(bsc_value_get_string(facts, "problem"), problem) != 0)
        fail_msg("%s: %s", bsc_value_get_string(facts, "problem"),
                 bsc_value_get_string(facts, "problem_text"));
    assert_int_equal(bsc_value_count(bsc_value_get(facts, "chain")), count);
    assert_int_equal(bsc_value_get_number(facts, "last_lsn", -1), last_lsn);
}

static void assert_text(const struct bsc_value *facts, const char *part)
{
    if (strstr(bsc_value_get_string(facts, "problem_text"), part) == NULL)
        fail_msg("'%s' is not in '%s'", part, bsc_value_get_string(facts, "problem_text"));
}

static void assert_ignored(const struct bsc_value *facts, const char *part)
{
    const struct bsc_value *list = bsc_value_get(facts, "ignored");
    for (size_t i = 0; i < bsc_value_count(list); i++)
        if (strstr(bsc_value_string(bsc_value_at(list, i)), part) != NULL)
            return;
    fail_msg("nothing ignored as '%s'", part);
}

static void spoil(const char *folder, const char *name, long at)
{
    char *path = unit_path(folder, name);
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    assert_non_null(bytes);
    bytes[at] = (char)(bytes[at] ^ 1);
    unit_file_put(path, bytes, length);
    free(bytes);
    free(path);
}

static void a_whole_chain_is_listed_in_order(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 90, 100);
    put_ours(stage.share, 110, 130);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 130, 131);
    put_ours(stage.destination, 100, 110);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 3, 131);
    assert_true(bsc_value_get_truth(facts, "share_readable"));
    const struct bsc_value *chain = bsc_value_get(facts, "chain");
    struct bsc_logs_line *lines = NULL;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_line_read_all(chain, &lines, &err));
    assert_string_equal(lines[0].name, "mgc_00000000000000000110.blog");
    assert_true(lines[0].copied);
    assert_false(lines[1].copied);
    assert_int_equal(lines[1].first_lsn, 110);
    assert_int_equal(lines[1].bytes, 4096 + 516);
    free(lines);
    assert_int_equal(bsc_value_get_number(facts, "applied_lsn", 0), 100);
    assert_int_equal(bsc_value_get_number(facts, "copied_lsn", 0), 110);
    assert_int_equal(bsc_value_get_number(facts, "pending_bytes", 0), 2 * (4096 + 516));
    assert_string_equal(bsc_value_get_string(facts, "last_time"), "2023-11-14T22:13:20.131Z");
    assert_ignored(facts, "older");
    close_stage(&stage);
}

static void a_gap_names_both_files_and_both_lsns(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 120, 130);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "gap", 1, 110);
    assert_text(facts, "LSN 110 to 120");
    assert_text(facts, "'mgc_00000000000000000110.blog'");
    assert_text(facts, "'mgc_00000000000000000130.blog'");
    close_stage(&stage);
}

static void a_gap_right_after_the_copy_is_one_too(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 105, 110);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "gap", 0, 100);
    assert_text(facts, "LSN 100 to 105");
    close_stage(&stage);
}

static void an_overlap_is_a_problem(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 105, 120);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "overlap", 1, 110);
    assert_text(facts, "'mgc_00000000000000000120.blog' (LSN 105 to 120)");
    close_stage(&stage);
}

static void a_duplicate_is_ignored_unless_it_differs(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put(stage.share, "again", ours(100, 110), 1);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 1, 110);
    assert_ignored(facts, "duplicate");
    put(stage.share, "again", ours(100, 110), 2);
    assert_chain(look(&stage), "damaged", 1, 110);
    close_stage(&stage);
}

static void another_file_of_the_same_name_in_the_destination_is_a_problem(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put(stage.destination, "mgc", ours(100, 110), 2);
    assert_chain(look(&stage), "damaged", 0, 100);
    close_stage(&stage);
}

static void a_foreign_fork_at_or_after_our_lsn_is_a_problem(void **state)
{
    struct stage stage;
    struct bsc_logs_header foreign = ours(110, 125);
    open_stage(&stage, *state);
    memcpy(foreign.fork, FORK_2, sizeof FORK_2);
    put_ours(stage.share, 100, 110);
    put(stage.share, "mgc", foreign, 1);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "foreign_fork", 1, 110);
    assert_text(facts, "LSN 110 to 125");
    close_stage(&stage);
}

static void a_foreign_fork_before_our_lsn_does_not_matter(void **state)
{
    struct stage stage;
    struct bsc_logs_header foreign = ours(80, 99);
    open_stage(&stage, *state);
    memcpy(foreign.fork, FORK_2, sizeof FORK_2);
    put_ours(stage.share, 100, 110);
    put(stage.share, "mgc", foreign, 1);
    assert_chain(look(&stage), "none", 1, 110);
    close_stage(&stage);
}

static void the_fork_that_follows_ours_is_as_foreign_as_any(void **state)
{
    struct stage stage;
    struct bsc_logs_header next = ours(110, 120);
    open_stage(&stage, *state);
    memcpy(next.fork, FORK_2, sizeof FORK_2);
    memcpy(next.previous_fork, FORK, sizeof FORK);
    put_ours(stage.share, 100, 110);
    put(stage.share, "mgc", next, 1);
    assert_chain(look(&stage), "foreign_fork", 1, 110);
    assert_text(look(&stage), "LSN 110 to 120");
    close_stage(&stage);
}

/* The copy has left the fork at LSN 100, and has come to LSN 150 on its own. */
static void bring_online(const struct stage *stage)
{
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_state_load(bsc_sys_real(), stage->copy, &state, &err));
    state.parting = (struct bsc_logs_parting){.lsn = state.lsn, .time_ms = state.time_ms};
    memcpy(state.parting.fork, state.fork, sizeof state.fork);
    memcpy(state.fork, FORK_2, sizeof FORK_2);
    state.role = BSC_LOGS_PRIMARY;
    state.lsn = 150;
    assert_true(bsc_logs_state_save(bsc_sys_real(), stage->copy, &state, &err));
    bsc_logs_state_release(&state);
}

static void what_a_copy_that_was_brought_online_writes_moves_nothing(void **state)
{
    struct stage stage;
    struct bsc_logs_header own = ours(100, 150);
    open_stage(&stage, *state);
    bring_online(&stage);
    memcpy(own.fork, FORK_2, sizeof FORK_2);
    put(stage.share, "new", own, 1);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 0, 100);
    assert_int_equal(bsc_value_get_number(facts, "applied_lsn", -1), 100);
    assert_int_equal(bsc_value_get_number(facts, "copied_lsn", -1), 100);
    close_stage(&stage);
}

static void what_comes_after_a_copy_was_brought_online_is_told(void **state)
{
    struct stage stage;
    struct bsc_logs_header foreign = ours(120, 130);
    open_stage(&stage, *state);
    bring_online(&stage);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 110, 120);
    assert_chain(look(&stage), "none", 2, 120);
    memcpy(foreign.fork, FORK_3, sizeof FORK_3);
    put(stage.share, "mgc", foreign, 1);
    assert_chain(look(&stage), "foreign_fork", 2, 120);
    close_stage(&stage);
}

/* Each time its log has lost count it goes on, on one more fork. */
static void every_fork_of_a_copy_that_was_brought_online_is_its_own(void **state)
{
    struct stage stage;
    struct bsc_logs_state sidecar = BSC_LOGS_STATE_INIT;
    struct bsc_logs_header own = ours(100, 110);
    struct bsc_err err = BSC_ERR_INIT;
    open_stage(&stage, *state);
    bring_online(&stage);
    memcpy(own.fork, FORK_3, sizeof FORK_3);
    put(stage.share, "mgc", own, 1);
    assert_chain(look(&stage), "foreign_fork", 0, 100);
    assert_true(bsc_logs_state_load(bsc_sys_real(), stage.copy, &sidecar, &err));
    sidecar.own_forks = bsc_value_list();
    bsc_value_append(sidecar.own_forks, bsc_value_text("66666666666666666666666666666666"));
    bsc_value_append(sidecar.own_forks, bsc_value_text(FORK_3));
    assert_true(bsc_logs_state_save(bsc_sys_real(), stage.copy, &sidecar, &err));
    assert_chain(look(&stage), "none", 0, 100);
    assert_ignored(stage.facts, "taken after the copy was brought online");
    bsc_logs_state_release(&sidecar);
    close_stage(&stage);
}

static void
another_fork_comes_first_of_all_that_is_wrong_after_a_copy_was_brought_online(void **state)
{
    struct stage stage;
    struct bsc_logs_header foreign = ours(120, 130);
    open_stage(&stage, *state);
    put_ours(stage.share, 105, 110);
    put_ours(stage.share, 112, 120);
    memcpy(foreign.fork, FORK_3, sizeof FORK_3);
    put(stage.share, "mgc", foreign, 1);
    assert_chain(look(&stage), "gap", 0, 100);
    bring_online(&stage);
    assert_chain(look(&stage), "foreign_fork", 0, 100);
    assert_text(stage.facts, "'mgc_00000000000000000130.blog' (LSN 120 to 130) belongs to another "
                             "recovery fork; log backups of LSN 100 to 105 are missing before");
    assert_text(stage.facts, "; log backups of LSN 110 to 112 are missing between");
    close_stage(&stage);
}

static void a_foreign_database_is_a_problem(void **state)
{
    struct stage stage;
    struct bsc_logs_header foreign = ours(100, 120);
    open_stage(&stage, *state);
    memcpy(foreign.database_id, FOREIGN, sizeof FOREIGN);
    put(stage.share, "other", foreign, 1);
    assert_chain(look(&stage), "foreign_database", 0, 100);
    close_stage(&stage);
}

static void a_damaged_header_is_named_in_place_of_the_gap_it_makes(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 110, 120);
    put_ours(stage.share, 120, 130);
    spoil(stage.share, "mgc_00000000000000000120.blog", 70);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "damaged", 1, 110);
    assert_text(facts, "'mgc_00000000000000000120.blog'");
    assert_text(facts, "LSN 110");
    assert_text(facts, "LSN 120");
    close_stage(&stage);
}

static void a_damaged_newest_backup_is_a_problem(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 110, 120);
    char *path = unit_path(stage.share, "mgc_00000000000000000120.blog");
    assert_int_equal(truncate(path, 4096 + 100), 0);
    assert_chain(look(&stage), "damaged", 1, 110);
    assert_int_equal(truncate(path, 12), 0);
    assert_chain(look(&stage), "damaged", 1, 110);
    assert_int_equal(truncate(path, 0), 0);
    assert_chain(look(&stage), "damaged", 1, 110);
    free(path);
    close_stage(&stage);
}

static void a_backup_that_is_good_in_one_of_the_folders_is_good(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.destination, 100, 110);
    spoil(stage.share, "mgc_00000000000000000110.blog", 70);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 1, 110);
    assert_int_equal(bsc_value_get_number(facts, "copied_lsn", 0), 110);
    put_ours(stage.share, 100, 110);
    spoil(stage.destination, "mgc_00000000000000000110.blog", 70);
    facts = look(&stage);
    assert_chain(facts, "none", 1, 110);
    assert_int_equal(bsc_value_get_number(facts, "copied_lsn", 0), 100);
    close_stage(&stage);
}

static void damaged_pages_are_found_when_they_are_asked_for(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    put_ours(stage.share, 110, 120);
    spoil(stage.share, "mgc_00000000000000000110.blog", 4096 + 300);
    assert_chain(look(&stage), "none", 2, 120);
    assert_chain(look_with(&stage, 0, true), "damaged", 0, 100);
    close_stage(&stage);
}

static void unfinished_and_strange_files_are_ignored_with_a_reason(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    char *partial = unit_path(stage.share, ".mgc_00000000000000000120.blog.partial");
    char *strange = unit_path(stage.share, "mgc_final.blog");
    char *notes = unit_path(stage.share, "notes.txt");
    unit_file_put(partial, "x", 1);
    unit_file_put(strange, "x", 1);
    unit_file_put(notes, "x", 1);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 1, 110);
    assert_ignored(facts, "unfinished");
    assert_ignored(facts, "not named like");
    free(partial);
    free(strange);
    free(notes);
    close_stage(&stage);
}

static void a_backup_under_a_wrong_name_is_damaged(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 110);
    char *from = unit_path(stage.share, "mgc_00000000000000000110.blog");
    char *to = unit_path(stage.share, "mgc_00000000000000000150.blog");
    assert_int_equal(rename(from, to), 0);
    assert_chain(look(&stage), "damaged", 0, 100);
    free(from);
    free(to);
    close_stage(&stage);
}

static void without_the_share_what_is_copied_still_counts(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.destination, 100, 110);
    assert_int_equal(rmdir(stage.share), 0);
    const struct bsc_value *facts = look(&stage);
    assert_chain(facts, "none", 1, 110);
    assert_false(bsc_value_get_truth(facts, "share_readable"));
    close_stage(&stage);
}

static void the_room_left_is_the_smaller_of_device_and_limit(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.destination, 100, 110);
    assert_int_equal(bsc_value_get_number(look_with(&stage, 10000, false), "free_bytes", -1),
                     10000 - 4096 - 516);
    assert_int_equal(bsc_value_get_number(look_with(&stage, 100, false), "free_bytes", -1), 0);
    assert_true(bsc_value_get_number(look(&stage), "free_bytes", -1) > 10000);
    close_stage(&stage);
}

static void ten_thousand_backups_are_one_chain(void **state)
{
    struct stage stage;
    open_stage(&stage, *state);
    put_ours(stage.share, 100, 101);
    char *from = unit_path(stage.share, "mgc_00000000000000000101.blog");
    size_t length = 0;
    char *bytes = unit_file_get(from, &length);
    for (int64_t lsn = 101; lsn < 10100; lsn++) {
        struct bsc_logs_header header = {0};
        struct bsc_err err = BSC_ERR_INIT;
        assert_true(bsc_logs_format_decode("x", (const unsigned char *)bytes, &header, &err));
        header.first_lsn = lsn;
        header.last_lsn = lsn + 1;
        char *name = bsc_logs_format_name("mgc", lsn + 1);
        char *path = unit_path(stage.share, name);
        unsigned char *copy = malloc(length);
        memcpy(copy, bytes, length);
        bsc_logs_format_encode(&header, copy);
        unit_file_put(path, copy, length);
        free(copy);
        free(path);
        free(name);
    }
    assert_chain(look(&stage), "none", 10000, 10100);
    free(bytes);
    free(from);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_whole_chain_is_listed_in_order),
        UNIT_IN_FOLDER(a_gap_names_both_files_and_both_lsns),
        UNIT_IN_FOLDER(a_gap_right_after_the_copy_is_one_too),
        UNIT_IN_FOLDER(an_overlap_is_a_problem),
        UNIT_IN_FOLDER(a_duplicate_is_ignored_unless_it_differs),
        UNIT_IN_FOLDER(another_file_of_the_same_name_in_the_destination_is_a_problem),
        UNIT_IN_FOLDER(a_foreign_fork_at_or_after_our_lsn_is_a_problem),
        UNIT_IN_FOLDER(a_foreign_fork_before_our_lsn_does_not_matter),
        UNIT_IN_FOLDER(the_fork_that_follows_ours_is_as_foreign_as_any),
        UNIT_IN_FOLDER(what_a_copy_that_was_brought_online_writes_moves_nothing),
        UNIT_IN_FOLDER(what_comes_after_a_copy_was_brought_online_is_told),
        UNIT_IN_FOLDER(every_fork_of_a_copy_that_was_brought_online_is_its_own),
        UNIT_IN_FOLDER(
            another_fork_comes_first_of_all_that_is_wrong_after_a_copy_was_brought_online),
        UNIT_IN_FOLDER(a_foreign_database_is_a_problem),
        UNIT_IN_FOLDER(a_damaged_header_is_named_in_place_of_the_gap_it_makes),
        UNIT_IN_FOLDER(a_damaged_newest_backup_is_a_problem),
        UNIT_IN_FOLDER(a_backup_that_is_good_in_one_of_the_folders_is_good),
        UNIT_IN_FOLDER(damaged_pages_are_found_when_they_are_asked_for),
        UNIT_IN_FOLDER(unfinished_and_strange_files_are_ignored_with_a_reason),
        UNIT_IN_FOLDER(a_backup_under_a_wrong_name_is_damaged),
        UNIT_IN_FOLDER(without_the_share_what_is_copied_still_counts),
        UNIT_IN_FOLDER(the_room_left_is_the_smaller_of_device_and_limit),
        UNIT_IN_FOLDER(ten_thousand_backups_are_one_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
