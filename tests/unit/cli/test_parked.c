#include "cut_off.h"

/*
 * A run that waits fourteen days at a gate, by a clock that the test sets, and whose process ends
 * before each of its calls to the system in turn: whatever is left behind, it can be gone on with
 * and taken back, nothing is lost, and nobody gets past the gate before it is time.
 */

enum { DONE = 0, REFUSED = 3, PARKED = 7 };

static const int64_t day_ms = 86400000;

static const char site_text[] = "site: waits\n"
                                "data_centres:\n"
                                "  dc1: { title: A }\n"
                                "servers:\n"
                                "  db: { data_centre: dc1 }\n";

/* One command line, by a clock that is so far ahead, ended before one of its calls. */
struct deed {
    const char *folder;
    const char *words;
    double day;
    unsigned long at; /* 0: it comes to its end */
};

static int64_t wall_ahead(void *self)
{
    const struct deed *deed = self;
    const struct bsc_clock *real = bsc_clock_real();
    return real->wall_ms(real->self) + (int64_t)(deed->day * (double)day_ms);
}

static int64_t mono_real(void *self)
{
    const struct bsc_clock *real = bsc_clock_real();
    (void)self;
    return real->mono_us(real->self);
}

static int do_here(void *arg)
{
    struct deed *deed = arg;
    struct bsc_clock clock = {deed, wall_ahead, mono_real};
    struct desk desk;
    struct unit_sys sys;
    desk_set(&desk);
    cut_off(&desk, &sys, &deed->at);
    desk.cli.clock = &clock;
    int code = desk_run(&desk, "%s --site %s/site.yaml", deed->words, deed->folder);
    put(deed->folder, "said", desk.out);
    desk_clear(&desk);
    return code;
}

/* In a process of its own. Returns the exit code. */
static int act(const char *folder, const char *words, double day, unsigned long at)
{
    struct deed deed = {folder, words, day, at};
    return apart(do_here, &deed);
}

/* The command that begins it; owned. */
static char *begin(const char *folder)
{
    char *book = bsc_mem_format("runbook \"book\" { summary = \"Copies, and waits\" }\n"
                                "step \"One\" { file.copy { from = \"%s/site.yaml\", "
                                "to = \"%s/one\" } }\n"
                                "gate \"Go on?\" { after = \"14d\", parks = true }\n"
                                "step \"Two\" { file.copy { from = \"%s/site.yaml\", "
                                "to = \"%s/two\" } }\n",
                                folder, folder, folder, folder);
    put(folder, "site.yaml", site_text);
    put(folder, "book.lua", book);
    bsc_mem_free(book);
    return bsc_mem_format("run %s/book.lua --yes", folder);
}

static void begin_anew(const char *folder, const char *kept)
{
    char *command = bsc_mem_format("rm -rf runs one two && %s", kept);
    shell(command, folder);
    bsc_mem_free(command);
}

static void assert_sound(const char *folder, unsigned long at)
{
    if (act(folder, "audit verify last", 0, 0) != DONE)
        fail_msg("ended before call %lu: the journal does not verify", at);
}

/* A run that is left somewhere before its gate's time goes on when that has come, not before. */
static void assert_waits_and_ends(const char *folder, double reached_by, unsigned long at)
{
    int early = act(folder, "resume last --yes", reached_by, 0);
    int late = act(folder, "resume last --yes", 13.9, 0);
    if (early != PARKED || late != PARKED || !has(folder, "one") || has(folder, "two"))
        fail_msg("ended before call %lu: exit codes %d and %d", at, early, late);
    int done = act(folder, "resume last --yes", reached_by + 14.1, 0);
    if (done != DONE || !has(folder, "two"))
        fail_msg("ended before call %lu: exit code %d", at, done);
    assert_sound(folder, at);
}

static void wherever_it_ends_on_its_way_to_the_gate_it_waits_and_goes_on(void **state)
{
    const char *folder = *state;
    char *run = begin(folder);
    int code = ENDED_EARLY;
    unsigned long at = 1;
    for (; code == ENDED_EARLY; at += STRIDE) {
        begin_anew(folder, "true");
        code = act(folder, run, 0, at);
        assert_true(code == ENDED_EARLY || code == PARKED);
        /* Its process may have been gone before its first record. */
        if (act(folder, "resume last --yes", 0.5, 0) != PARKED)
            assert_int_equal(act(folder, run, 0.5, 0), PARKED);
        assert_waits_and_ends(folder, 1, at);
    }
    assert_true(at > 50);
    bsc_mem_free(run);
}

/* A parked run on which the command is ended before each of its calls in turn, and then given once
 * more. It is done when there is `made` and no `gone`; NULL: whatever there is of that. */
static void end_everywhere(const char *folder, const char *words, double day, const char *made,
                           const char *gone)
{
    char *run = begin(folder);
    int code = ENDED_EARLY;
    unsigned long at = 1;
    assert_int_equal(act(folder, run, 0, 0), PARKED);
    shell("cp -a runs parked", folder);
    for (; code == ENDED_EARLY; at += STRIDE) {
        begin_anew(folder, "cp -a parked runs && cp site.yaml one");
        code = act(folder, words, day, at);
        assert_true(code == ENDED_EARLY || code == DONE);
        if (act(folder, words, day, 0) != DONE || (made != NULL && !has(folder, made)) ||
            (gone != NULL && has(folder, gone)))
            fail_msg("ended before call %lu", at);
        assert_sound(folder, at);
    }
    assert_true(at > 50);
    bsc_mem_free(run);
}

static void wherever_it_ends_behind_the_gate_it_goes_on_without_waiting_again(void **state)
{
    end_everywhere(*state, "resume last --yes", 14.1, "two", NULL);
}

static void wherever_it_ends_while_it_is_taken_back_it_comes_back(void **state)
{
    end_everywhere(*state, "rollback last --yes", 3, NULL, "one");
    assert_int_equal(act(*state, "resume last --yes", 20, 0), REFUSED);
}

/* What status said last is in the file `said`. */
static void assert_status(const char *folder, double day, const char *words)
{
    assert_int_equal(act(folder, "status last", day, 0), DONE);
    char *path = unit_path(folder, "said");
    char *said = unit_file_get(path, NULL);
    assert_contains(said, words);
    free(said);
    free(path);
}

static void a_clock_that_is_set_back_makes_the_wait_longer(void **state)
{
    const char *folder = *state;
    char *run = begin(folder);
    assert_int_equal(act(folder, run, 10, 0), PARKED);
    assert_status(folder, 0, "in 23 d 23 h");
    assert_int_equal(act(folder, "resume last --yes", 0, 0), PARKED);
    assert_int_equal(act(folder, "resume last --yes", 14.1, 0), PARKED);
    assert_int_equal(act(folder, "resume last --yes", 23.9, 0), PARKED);
    assert_status(folder, 24.1, "which is over: it can be answered; since ");
    assert_int_equal(act(folder, "resume last --yes", 24.1, 0), DONE);
    bsc_mem_free(run);
}

/* The gate is reached when the clock is ten days behind what the journal has already. */
static void a_clock_that_was_set_back_before_the_gate_does_not_shorten_the_wait(void **state)
{
    const char *folder = *state;
    char *run = begin(folder);
    unsigned long at = 1;
    int code = ENDED_EARLY;
    for (; !has(folder, "one") && code == ENDED_EARLY; at++)
        code = act(folder, run, 10, at);
    assert_int_equal(code, ENDED_EARLY);
    assert_int_equal(act(folder, "resume last --yes", 0, 0), PARKED);
    assert_int_equal(act(folder, "resume last --yes", 14.1, 0), PARKED);
    assert_int_equal(act(folder, "resume last --yes", 23.9, 0), PARKED);
    assert_int_equal(act(folder, "resume last --yes", 24.1, 0), DONE);
    bsc_mem_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(wherever_it_ends_on_its_way_to_the_gate_it_waits_and_goes_on),
        UNIT_IN_FOLDER(wherever_it_ends_behind_the_gate_it_goes_on_without_waiting_again),
        UNIT_IN_FOLDER(wherever_it_ends_while_it_is_taken_back_it_comes_back),
        UNIT_IN_FOLDER(a_clock_that_is_set_back_makes_the_wait_longer),
        UNIT_IN_FOLDER(a_clock_that_was_set_back_before_the_gate_does_not_shorten_the_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
