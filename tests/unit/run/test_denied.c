#include "past_unit.h"

/* The question of an item is put, and answered where `answer` is not NULL. */
static void ask(struct story *story, int item, const char *title, const char *answer,
                const char *by)
{
    put(story, BSC_JOURNAL_ASK, from_json("{'item':%d,'title':'%s','lines':[]}", item, title));
    if (answer != NULL)
        put(story, BSC_JOURNAL_ANSWER,
            from_json("{'item':%d,'answer':'%s','by':'%s','reason':null}", item, answer, by));
}

static const struct bsc_value *no_to(struct story *story, const char *title)
{
    return bsc_run_denied_by_title(&read_past(story)->denied, title);
}

static void a_no_stands_until_a_person_says_something_else(void **state)
{
    static const char *const others[] = {"yes", "later"};
    struct story story;
    story_begin(&story, state);
    for (size_t i = 0; i < 2; i++) {
        ask(&story, 2, "Go?", "no", "ann");
        notes_run(&story.notes, "resume");
        assert_word(no_to(&story, "Go?"), "by", "ann");
        ask(&story, 2, "Go?", others[i], "bob");
        assert_null(no_to(&story, "Go?"));
    }
    story_end(&story);
}

static void nobody_says_nothing(void **state)
{
    static const char *const words[] = {"no", "later", "stopped"};
    struct story story;
    story_begin(&story, state);
    ask(&story, 2, "Go?", "no", "nobody");
    assert_null(no_to(&story, "Go?"));
    ask(&story, 2, "Go?", "no", "ann");
    for (size_t i = 0; i < 3; i++)
        ask(&story, 2, "Go?", words[i], "nobody");
    ask(&story, 2, "Go?", NULL, NULL);
    assert_word(no_to(&story, "Go?"), "by", "ann");
    story_end(&story);
}

static void each_question_has_a_no_of_its_own(void **state)
{
    struct story story;
    story_begin(&story, state);
    notes_item(&story.notes, 1);
    ask(&story, 1, "Go?", "no", "ann");
    notes_item_end(&story.notes, 1, "refused");
    ask(&story, 3, "On?", "yes", "ann");
    const struct bsc_run_past *past = read_past(&story);
    const struct bsc_value *no = bsc_run_denied_by_item(&past->denied, 1);
    assert_ptr_equal(no, bsc_run_denied_by_title(&past->denied, "Go?"));
    char *words = bsc_run_denied_words(no);
    assert_int_equal(strncmp(words, "ann said no to this at 20", 25), 0);
    bsc_mem_free(words);
    assert_null(bsc_run_denied_by_item(&past->denied, 3));
    assert_null(bsc_run_denied_by_title(&past->denied, "On?"));
    story_end(&story);
}

static void an_answer_to_no_question_is_no_decision(void **state)
{
    struct story story;
    story_begin(&story, state);
    put(&story, BSC_JOURNAL_ANSWER, from_json("{'item':1,'answer':'no','by':'ann','reason':null}"));
    assert_null(bsc_run_denied_by_item(&read_past(&story)->denied, 1));
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_no_stands_until_a_person_says_something_else),
        UNIT_IN_FOLDER(nobody_says_nothing),
        UNIT_IN_FOLDER(each_question_has_a_no_of_its_own),
        UNIT_IN_FOLDER(an_answer_to_no_question_is_no_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
