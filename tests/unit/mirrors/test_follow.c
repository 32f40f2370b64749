#include "fake_engine.h"

#include <signal.h>

#include "mirrors/agent.h"
#include "mirrors/follow.h"
#include "mirrors/state.h"
#include "os/clock.h"
#include "os/process.h"

/* This program is its own agent: started as `… agent mirror PRINCIPAL MIRROR` it waits. As long as
 * there is a file `<mirror>.mute` it does not say that it holds the log. */
static _Noreturn void be_agent(const char *mirror)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *mute = bsc_mem_format("%s.mute", mirror);

    while (access(mute, F_OK) == 0)
        (void)bsc_clock_pause(1, NULL);
    bsc_mem_free(mute);
    if (!bsc_mirrors_agent_announce(bsc_sys_real(), mirror, &err))
        _exit(1);
    for (;;)
        pause();
}

struct place {
    char *principal;
    char *mirror;
    char *program;
    struct fake fake;
};

static struct place place_in(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct place place = {.principal = unit_path(folder, "principal.db"),
                          .mirror = unit_path(folder, "mirror.db"),
                          .program = bsc_process_own_path(&err),
                          .fake = {.sys = bsc_sys_real()}};

    unit_file_put(place.principal, "42 f1\n", 6);
    unit_file_put(place.mirror, "42 f1\nshut", 10);
    return place;
}

static void place_release(struct place *place)
{
    struct bsc_err err = BSC_ERR_INIT;

    assert_true(bsc_mirrors_agent_end(bsc_sys_real(), place->mirror, &err));
    free(place->principal);
    free(place->mirror);
    free(place->program);
}

static bool follow(struct place *place, int64_t wait_ms, pid_t *ret_pid, struct bsc_err *err)
{
    const struct bsc_mirrors_engine engine = fake_engine(&place->fake);
    const struct bsc_mirrors_follow_order order = {.sys = bsc_sys_real(),
                                                   .engine = &engine,
                                                   .program = place->program,
                                                   .principal = place->principal,
                                                   .mirror = place->mirror,
                                                   .wait_ms = wait_ms};

    return bsc_mirrors_follow(&order, ret_pid, err);
}

static void assert_state_within(struct place *place, int64_t wait_ms, const char *wanted)
{
    const struct bsc_mirrors_engine engine = fake_engine(&place->fake);
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts =
        bsc_mirrors_state(bsc_sys_real(), &engine, place->principal, place->mirror, wait_ms, &err);

    assert_non_null(facts);
    assert_string_equal(bsc_value_get_string(facts, "state"), wanted);
    bsc_value_free(facts);
}

static void assert_state(struct place *place, const char *wanted)
{
    assert_state_within(place, 0, wanted);
}

static void an_agent_is_started_found_and_ended(void **state)
{
    struct place place = place_in(*state);
    struct bsc_mirrors_agent agent = {0};
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    assert_true(follow(&place, 0, &pid, &err));
    assert_true(bsc_process_alive(pid));
    assert_true(bsc_mirrors_agent_find(bsc_sys_real(), place.mirror, &agent, &err));
    assert_int_equal(agent.pid, pid);
    assert_string_equal(agent.principal, place.principal);
    bsc_mirrors_agent_release(&agent);
    assert_true(bsc_mirrors_agent_end(bsc_sys_real(), place.mirror, &err));
    assert_false(bsc_process_alive(pid));
    assert_true(bsc_mirrors_agent_end(bsc_sys_real(), place.mirror, &err));
    place_release(&place);
}

static void a_living_agent_is_kept_and_one_of_another_principal_replaced(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t first = 0, second = 0, third = 0;

    assert_true(follow(&place, 0, &first, &err));
    assert_true(follow(&place, 0, &second, &err));
    assert_int_equal(first, second);
    free(place.principal);
    place.principal = unit_path(*state, "other.db");
    unit_file_put(place.principal, "42 f1\n", 6);
    assert_true(follow(&place, 0, &third, &err));
    assert_int_not_equal(first, third);
    assert_false(bsc_process_alive(first));
    place_release(&place);
}

static void a_pid_of_some_other_process_is_no_agent(void **state)
{
    struct place place = place_in(*state);
    struct bsc_mirrors_agent agent = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_mem_format("%s.agent", place.mirror);
    char *own = bsc_mem_format("%d\n", (int)getpid());

    unit_file_put(path, own, strlen(own));
    assert_true(bsc_mirrors_agent_find(bsc_sys_real(), place.mirror, &agent, &err));
    assert_int_equal(agent.pid, 0);
    unit_file_put(path, "nonsense", 8);
    assert_true(bsc_mirrors_agent_find(bsc_sys_real(), place.mirror, &agent, &err));
    assert_int_equal(agent.pid, 0);
    assert_true(bsc_mirrors_agent_end(bsc_sys_real(), place.mirror, &err));
    free(own);
    free(path);
    place_release(&place);
}

/* A client may still take the log away before that one has begun. */
static void a_mirror_follows_only_when_its_agent_holds_the_log(void **state)
{
    struct place place = place_in(*state);
    struct bsc_mirrors_agent agent = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *mute = bsc_mem_format("%s.mute", place.mirror);
    pid_t pid = 0;

    unit_file_put(mute, "", 0);
    assert_false(follow(&place, 1, &pid, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_non_null(strstr(err.message, "does not hold the log"));
    assert_state_within(&place, 20, "stalled");
    assert_true(bsc_mirrors_agent_find(bsc_sys_real(), place.mirror, &agent, &err));
    assert_int_not_equal(agent.pid, 0);
    assert_int_equal(unlink(mute), 0);
    assert_true(follow(&place, 0, &pid, &err));
    assert_int_equal(pid, agent.pid);
    assert_state(&place, "following");
    bsc_mirrors_agent_release(&agent);
    bsc_mem_free(mute);
    place_release(&place);
}

static void what_an_earlier_agent_said_does_not_count(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    char *mute = bsc_mem_format("%s.mute", place.mirror);
    char *said = bsc_mem_format("%s.agent", place.mirror);
    pid_t pid = 0;

    assert_true(follow(&place, 0, &pid, &err));
    assert_true(bsc_mirrors_agent_end(bsc_sys_real(), place.mirror, &err));
    unit_file_put(mute, "", 0);
    assert_false(follow(&place, 1, &pid, &err));
    assert_int_equal(access(said, F_OK), -1);
    bsc_mem_free(mute);
    bsc_mem_free(said);
    place_release(&place);
}

static void following_waits_until_the_mirror_has_caught_up(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    place.fake.slow_mirror = place.mirror;
    place.fake.looks_left = 3;
    assert_true(follow(&place, 0, &pid, &err));
    assert_true(place.fake.looks_left < 0);
    place_release(&place);
}

/* Each look takes longer than what it may take to move. */
static void following_waits_for_as_long_as_the_mirror_moves(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    assert_true(follow(&place, 0, &pid, &err));
    place.fake.slow_mirror = place.mirror;
    place.fake.looks_left = 20;
    place.fake.climbs = true;
    assert_true(follow(&place, 1, &pid, &err));
    assert_true(place.fake.looks_left < 0);
    place_release(&place);
}

static void a_mirror_that_does_not_catch_up_is_said(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    unit_file_put(place.mirror, "41 f1\nshut", 10);
    assert_false(follow(&place, 1, &pid, &err));
    assert_int_equal(err.code, BSC_ERR_TIMEOUT);
    assert_non_null(strstr(err.message, "LSN 41"));
    assert_non_null(strstr(err.message, "LSN 42"));
    place_release(&place);
}

static void an_agent_that_ends_at_once_is_said(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    free(place.program);
    place.program = bsc_mem_text("/bin/true");
    assert_false(follow(&place, 0, &pid, &err));
    assert_int_equal(err.code, BSC_ERR_IO);
    assert_non_null(strstr(err.hint, ".agent.log"));
    place_release(&place);
}

static void the_state_says_what_keeps_a_mirror_from_following(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    assert_state(&place, "stalled");
    assert_true(follow(&place, 0, &pid, &err));
    assert_state(&place, "following");
    unit_file_put(place.mirror, "41 f1\nshut", 10);
    assert_state_within(&place, 20, "stalled");
    unit_file_put(place.mirror, "42 f0\nshut", 10);
    assert_state(&place, "broken");
    unit_file_put(place.mirror, "42 f1\n", 6);
    assert_state(&place, "none");
    assert_int_equal(unlink(place.mirror), 0);
    assert_state(&place, "none");
    place_release(&place);
}

static void a_mirror_that_is_behind_and_moves_is_following(void **state)
{
    struct place place = place_in(*state);
    struct bsc_err err = BSC_ERR_INIT;
    pid_t pid = 0;

    assert_true(follow(&place, 0, &pid, &err));
    place.fake.slow_mirror = place.mirror;
    place.fake.looks_left = 2;
    assert_state(&place, "following");
    assert_true(place.fake.looks_left < 0);
    place_release(&place);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(an_agent_is_started_found_and_ended),
        UNIT_IN_FOLDER(a_living_agent_is_kept_and_one_of_another_principal_replaced),
        UNIT_IN_FOLDER(a_pid_of_some_other_process_is_no_agent),
        UNIT_IN_FOLDER(a_mirror_follows_only_when_its_agent_holds_the_log),
        UNIT_IN_FOLDER(what_an_earlier_agent_said_does_not_count),
        UNIT_IN_FOLDER(following_waits_until_the_mirror_has_caught_up),
        UNIT_IN_FOLDER(following_waits_for_as_long_as_the_mirror_moves),
        UNIT_IN_FOLDER(a_mirror_that_does_not_catch_up_is_said),
        UNIT_IN_FOLDER(an_agent_that_ends_at_once_is_said),
        UNIT_IN_FOLDER(the_state_says_what_keeps_a_mirror_from_following),
        UNIT_IN_FOLDER(a_mirror_that_is_behind_and_moves_is_following),
    };

    if (argc == 5 && strcmp(argv[1], "agent") == 0)
        be_agent(argv[4]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
