#include "cut_off.h"

/*
 * A run is gone on with after its runbook was edited, and its process ends before each of its calls
 * to the system in turn. Whatever is left behind, it can be gone on with.
 */

static const char site_text[] = "site: accept\n"
                                "data_centres:\n"
                                "  dc1: { title: A }\n"
                                "servers:\n"
                                "  db: { data_centre: dc1 }\n";

/* Copies a file, halts until there is a file `open`, and copies to where `to` says. */
static void put_book(const char *folder, const char *to)
{
    char *text =
        bsc_mem_format("runbook \"book\" { summary = \"Copies\" }\n"
                       "local open = command.facts \"open\" { argv = { \"/bin/sh\", \"-c\", "
                       "\"test ! -e %s/one -o -e %s/open\" } }\n"
                       "step \"One\" { file.copy { from = \"%s/site.yaml\", to = \"%s/one\" } }\n"
                       "step \"Two\" { verify { open:has { exit = 0 } } }\n"
                       "step \"Three\" { file.copy { from = \"%s/site.yaml\", to = \"%s/%s\" } }\n",
                       folder, folder, folder, folder, folder, folder, to);
    put(folder, "book.lua", text);
    bsc_mem_free(text);
}

struct deed {
    const char *folder;
    const char *words;
    unsigned long at;
};

static int run_here(void *arg)
{
    struct deed *deed = arg;
    struct desk desk;
    struct unit_sys sys;
    desk_set(&desk);
    cut_off(&desk, &sys, &deed->at);
    int code = desk_run(&desk, "%s --site %s/site.yaml", deed->words, deed->folder);
    if (code != 0 && code != 1)
        fprintf(stderr, "%s: exit code %d\n%s%s\n", deed->words, code, desk.out, desk.err);
    desk_clear(&desk);
    return code;
}

/* In a process of its own, which ends before the `at`-th call; 0: at its end. Returns the exit
 * code. */
static int run_apart(const char *folder, const char *words, unsigned long at)
{
    struct deed deed = {folder, words, at};
    return apart(run_here, &deed);
}

/* A run that has halted, put aside; its runbook has been edited since. */
static void halt(const char *folder)
{
    put(folder, "site.yaml", site_text);
    put_book(folder, "two");
    char *words = bsc_mem_format("run %s/book.lua --yes", folder);
    assert_int_equal(run_apart(folder, words, 0), 1);
    bsc_mem_free(words);
    put(folder, "open", "");
    put_book(folder, "three");
    shell("cp -a runs halted", folder);
}

static void begin_anew(const char *folder)
{
    shell("rm -rf runs two three && cp -a halted runs", folder);
}

static void wherever_it_ends_while_it_accepts_it_can_be_gone_on_with(void **state)
{
    const char *folder = *state;
    unsigned long at = 1;
    halt(folder);
    for (int code = ENDED_EARLY; code == ENDED_EARLY; at += STRIDE) {
        begin_anew(folder);
        code = run_apart(folder, "resume last --yes --accept-changes", at);
        assert_true(code == ENDED_EARLY || code == 0);
        int again = run_apart(folder, "resume last --yes --accept-changes", 0);
        int sound = run_apart(folder, "audit verify last", 0);
        if (again != 0 || sound != 0 || !has(folder, "three") || has(folder, "two"))
            fail_msg("ended before call %lu: exit codes %d and %d", at, again, sound);
    }
    printf("%lu points\n", at / STRIDE);
    assert_true(at > 50);
    assert_int_equal(run_apart(folder, "rollback last --yes", 0), 0);
    assert_false(has(folder, "three") || has(folder, "one"));
    assert_int_equal(run_apart(folder, "audit verify last", 0), 0);
}

/* A call that fails is told, and nothing is recorded that is not kept. */
static int fail_here(const char *folder, unsigned long at, bool *ret_failed)
{
    struct desk desk;
    struct unit_sys sys;
    desk_set(&desk);
    unit_sys_init(&sys);
    unit_sys_fail(&sys, at, 5, false);
    desk.cli.sys = &sys.table;
    int code = desk_run(&desk, "resume last --yes --accept-changes --site %s/site.yaml", folder);
    *ret_failed = sys.failed;
    desk_clear(&desk);
    return code;
}

static void whatever_fails_while_it_accepts_it_can_be_gone_on_with(void **state)
{
    const char *folder = *state;
    bool failed = true;
    halt(folder);
    for (unsigned long at = 1; failed; at += 5 * STRIDE) {
        begin_anew(folder);
        (void)fail_here(folder, at, &failed);
        int again = run_apart(folder, "resume last --yes --accept-changes", 0);
        int sound = run_apart(folder, "audit verify last", 0);
        if (again != 0 || sound != 0 || !has(folder, "three") || has(folder, "two"))
            fail_msg("call %lu failed: exit codes %d and %d", at, again, sound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(wherever_it_ends_while_it_accepts_it_can_be_gone_on_with),
        UNIT_IN_FOLDER(whatever_fails_while_it_accepts_it_can_be_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
