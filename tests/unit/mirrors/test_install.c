#include "fake_engine.h"

#include <sys/wait.h>

#include "fault_sys.h"
#include "mirrors/install.h"

static const char content[] = "42 f1\n";

struct place {
    char *principal;
    char *mirror;
    char *temporary;
};

static struct place place_in(const char *folder)
{
    struct place place = {.principal = unit_path(folder, "principal.db"),
                          .mirror = unit_path(folder, "mirror.db"),
                          .temporary = unit_path(folder, ".mirror.db.installing")};

    unit_file_put(place.principal, content, sizeof content - 1);
    return place;
}

static void place_release(struct place *place)
{
    free(place->principal);
    free(place->mirror);
    free(place->temporary);
}

static bool install(const struct place *place, struct fake *fake, struct bsc_mirrors_installed *ret,
                    struct bsc_err *err)
{
    const struct bsc_mirrors_engine engine = fake_engine(fake);
    const struct bsc_mirrors_install_order order = {.sys = fake->sys,
                                                    .engine = &engine,
                                                    .principal = place->principal,
                                                    .mirror = place->mirror};

    return bsc_mirrors_install(&order, ret, err);
}

static void a_mirror_is_the_closed_content_of_its_principal(void **state)
{
    struct place place = place_in(*state);
    struct fake fake = {.sys = bsc_sys_real()};
    struct bsc_mirrors_installed installed = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char hex[BSC_DIGEST_HEX];

    assert_true(install(&place, &fake, &installed, &err));
    unit_assert_file(place.mirror, "42 f1\nshut");
    assert_int_equal(installed.lsn, 42);
    assert_int_equal(installed.bytes, sizeof content - 1);
    bsc_digest_text("42 f1\nshut", 10, hex);
    assert_string_equal(installed.sha256, hex);
    assert_int_equal(unit_entry_count(*state), 3);
    place_release(&place);
}

static void an_existing_mirror_is_renamed_and_kept(void **state)
{
    struct place place = place_in(*state);
    struct fake fake = {.sys = bsc_sys_real()};
    struct bsc_mirrors_installed installed = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *aside = unit_path(*state, "mirror.db.before");

    unit_file_put(place.mirror, "old", 3);
    unit_file_put(place.temporary, "rest of a killed run", 20);
    assert_true(install(&place, &fake, &installed, &err));
    unit_assert_file(place.mirror, "42 f1\nshut");
    unit_assert_file(aside, "old");
    assert_null(unit_file_get(place.temporary, NULL));
    free(aside);
    place_release(&place);
}

static void an_unsound_clone_and_a_mirror_in_use_leave_everything_as_it_was(void **state)
{
    struct place place = place_in(*state);
    struct fake fake = {.sys = bsc_sys_real(), .unsound = true};
    struct bsc_mirrors_installed installed = {0};
    struct bsc_err err = BSC_ERR_INIT;

    unit_file_put(place.mirror, "old", 3);
    assert_false(install(&place, &fake, &installed, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    fake = (struct fake){.sys = bsc_sys_real(), .in_use = true};
    assert_false(install(&place, &fake, &installed, &err));
    assert_int_equal(err.code, BSC_ERR_CONFLICT);
    unit_assert_file(place.mirror, "old");
    assert_int_equal(unit_entry_count(*state), 2);
    place_release(&place);
}

/* The name holds nothing, the old mirror, or the whole new one. */
static void assert_never_half(const char *mirror)
{
    char *found = unit_file_get(mirror, NULL);

    if (found != NULL)
        assert_true(strcmp(found, "old") == 0 || strcmp(found, "42 f1\nshut") == 0);
    free(found);
}

static void every_failing_call_is_followed_by_a_run_that_works(void **state)
{
    struct place place = place_in(*state);
    struct unit_sys fault;
    unsigned long call = 1;

    for (;; call++) {
        struct fake fake = {.sys = &fault.table};
        struct bsc_mirrors_installed installed = {0};
        struct bsc_err err = BSC_ERR_INIT;
        int descriptors = unit_fd_count();

        unit_file_put(place.mirror, "old", 3);
        unit_sys_init(&fault);
        unit_sys_fail(&fault, call, EIO, false);
        bool ok = install(&place, &fake, &installed, &err);
        if (!fault.failed)
            break;
        assert_true(ok || err.code != BSC_ERR_NONE);
        assert_never_half(place.mirror);
        assert_int_equal(unit_fd_count(), descriptors);
        fake.sys = bsc_sys_real();
        assert_true(install(&place, &fake, &installed, &err));
        unit_assert_file(place.mirror, "42 f1\nshut");
    }
    assert_true(call > 20);
    place_release(&place);
}

static void crash_here(void *arg, enum unit_sys_kind kind, unsigned long call)
{
    const unsigned long *at = arg;

    (void)kind;
    if (call == *at)
        _exit(1);
}

static int install_and_crash(const struct place *place, unsigned long at)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        struct unit_sys fault;
        struct fake fake = {.sys = &fault.table};
        struct bsc_mirrors_installed installed = {0};
        struct bsc_err err = BSC_ERR_INIT;

        unit_sys_init(&fault);
        fault.before = crash_here;
        fault.before_arg = &at;
        _exit(install(place, &fake, &installed, &err) ? 0 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void a_kill_at_any_call_is_followed_by_a_run_that_works(void **state)
{
    struct place place = place_in(*state);
    unsigned long call = 1;
    int outcome = 1;

    for (; outcome != 0; call++) {
        struct fake fake = {.sys = bsc_sys_real()};
        struct bsc_mirrors_installed installed = {0};
        struct bsc_err err = BSC_ERR_INIT;

        unit_file_put(place.mirror, "old", 3);
        outcome = install_and_crash(&place, call);
        assert_true(outcome == 0 || outcome == 1);
        assert_never_half(place.mirror);
        assert_true(install(&place, &fake, &installed, &err));
        unit_assert_file(place.mirror, "42 f1\nshut");
        assert_null(unit_file_get(place.temporary, NULL));
    }
    assert_true(call > 20);
    place_release(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_mirror_is_the_closed_content_of_its_principal),
        UNIT_IN_FOLDER(an_existing_mirror_is_renamed_and_kept),
        UNIT_IN_FOLDER(an_unsound_clone_and_a_mirror_in_use_leave_everything_as_it_was),
        UNIT_IN_FOLDER(every_failing_call_is_followed_by_a_run_that_works),
        UNIT_IN_FOLDER(a_kill_at_any_call_is_followed_by_a_run_that_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
