#include "lib_fixture.h"

#include <time.h>

#include "logs/agent.h"
#include "logs/practice.h"
#include "mirrors/agent.h"
#include "os/process.h"

/* A row's number, or its failure. */
static int64_t number(struct lib_bench *bench, struct bsc_value *answer, const char *key)
{
    int64_t found;

    if (answer == NULL)
        fail_msg("%s: %s", bench->err.message, bench->err.cause);
    found = bsc_value_get_number(answer, key, -1);
    bsc_value_free(answer);
    return found;
}

static void assert_text(struct lib_bench *bench, struct bsc_value *answer, const char *key,
                        const char *wanted)
{
    const char *found;

    if (answer == NULL)
        fail_msg("%s: %s", bench->err.message, bench->err.cause);
    found = bsc_value_get_string(answer, key);
    assert_non_null(found);
    assert_string_equal(found, wanted);
    bsc_value_free(answer);
}

static char *digest_of(const struct practice *site, size_t index)
{
    struct bsc_logs_header header = {0};
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(site->share, site->files[index].name);
    char hex[BSC_DIGEST_HEX];

    assert_true(bsc_logs_format_peek(bsc_sys_real(), path, &header, &err));
    bsc_digest_hex(header.digest, hex);
    free(path);
    return bsc_mem_text(hex);
}

static struct bsc_value *apply_row(struct lib_bench *bench, const struct practice *site)
{
    char *digest = digest_of(site, 0);
    struct bsc_value *answer = call_row(
        bench, "logs.apply", "{'path':'%s','folder':'%s','files':['%lld %lld - %s - copied %s']}",
        site->copy, site->share, (long long)site->files[0].first_lsn,
        (long long)site->files[0].last_lsn, digest, site->files[0].name);

    free(digest);
    return answer;
}

static void a_copy_is_looked_at_fed_and_recovered(void **state)
{
    struct lib_bench bench;
    struct practice site;

    bench_open(&bench, state);
    practice_open(&site, *state);
    practice_commit(&site, 2);
    practice_back_up(&site);
    assert_text(&bench, call_row(&bench, "logs.copy_state", "{'path':'%s'}", site.copy), "state",
                "restoring");
    assert_int_equal(number(&bench, apply_row(&bench, &site), "applied"), 1);
    assert_int_equal(number(&bench, apply_row(&bench, &site), "kept"), 1);
    assert_int_equal(
        number(&bench, call_row(&bench, "logs.recover", "{'path':'%s'}", site.copy), "lsn"),
        site.files[0].last_lsn);
    assert_text(&bench, call_row(&bench, "logs.copy_state", "{'path':'%s'}", site.copy), "state",
                "online");
    practice_assert_same(site.primary, site.copy);
    practice_close(&site);
    bench_close(&bench);
}

static void only_open(const char *path)
{
    if (open(path, O_RDONLY) < 0)
        _exit(1);
}

static void sessions_are_listed_and_ended(void **state)
{
    struct lib_bench bench;
    struct practice site;
    pid_t child;

    bench_open(&bench, state);
    practice_open(&site, *state);
    assert_answer(&bench, call_row(&bench, "logs.sessions", "{'path':'%s'}", site.copy),
                  "{'sessions':[]}");
    child = practice_child(site.copy, only_open);
    struct bsc_value *answer = call_row(&bench, "logs.sessions", "{'path':'%s'}", site.copy);
    assert_int_equal(
        bsc_value_get_number(bsc_value_at(bsc_value_get(answer, "sessions"), 0), "pid", 0), child);
    bsc_value_free(answer);
    assert_answer(
        &bench,
        call_row(&bench, "logs.end_sessions", "{'path':'%s','pids':[%d]}", site.copy, (int)child),
        "{'ended':1}");
    (void)practice_reap(child);
    practice_close(&site);
    bench_close(&bench);
}

static void a_tail_is_found_and_salvaged(void **state)
{
    struct lib_bench bench;
    struct practice site;
    static const char args[] = "{'path':'/nonexistent/primary.db','salvage':'%s',"
                               "'destination':'%s','copy':'%s','after_lsn':%lld}";

    bench_open(&bench, state);
    practice_open(&site, *state);
    practice_commit(&site, 2);
    long long after = (long long)number(
        &bench, call_row(&bench, "logs.copy_state", "{'path':'%s'}", site.copy), "lsn");
    assert_text(&bench,
                call_row(&bench, "logs.tail",
                         "{'path':'/nonexistent/primary.db','salvage':null,'destination':'%s',"
                         "'copy':'%s','after_lsn':0}",
                         *state, site.copy),
                "state", "unavailable");
    assert_text(&bench, call_row(&bench, "logs.tail", args, site.primary, *state, site.copy, after),
                "state", "available");
    assert_int_equal(
        number(&bench,
               call_row(&bench, "logs.salvage", args, site.primary, *state, site.copy, after),
               "commits"),
        2);
    assert_text(&bench, call_row(&bench, "logs.tail", args, site.primary, *state, site.copy, after),
                "state", "salvaged");
    practice_close(&site);
    bench_close(&bench);
}

static void wrong_arguments_are_named(void **state)
{
    struct lib_bench bench;

    bench_open(&bench, state);
    assert_refusal(&bench, call_row(&bench, "logs.recover", "{}"), BSC_ERR_USAGE, "path");
    assert_refusal(&bench, call_row(&bench, "logs.recover", "{'path':'relative'}"), BSC_ERR_USAGE,
                   "path");
    assert_refusal(&bench, call_row(&bench, "logs.sessions", "{'path':'/a','x':1}"), BSC_ERR_USAGE,
                   "x");
    assert_refusal(&bench, call_row(&bench, "logs.end_sessions", "{'path':'/a','pids':['b']}"),
                   BSC_ERR_USAGE, "pids");
    assert_refusal(&bench, call_row(&bench, "logs.end_sessions", "{'path':'/a','pids':[1]}"),
                   BSC_ERR_USAGE, "pids");
    assert_refusal(&bench,
                   call_row(&bench, "logs.apply",
                            "{'path':'/a','folder':'/b','files':['0 1 - - - copied ../c']}"),
                   BSC_ERR_INVALID, "log backup 1");
    assert_refusal(&bench, call_row(&bench, "mirrors.install", "{'principal':'/a'}"), BSC_ERR_USAGE,
                   "mirror");
    assert_refusal(&bench, call_row(&bench, "mirrors.follow", "{'principal':'/a','mirror':'/b'}"),
                   BSC_ERR_UNSUPPORTED, "bascule itself");
    bench_close(&bench);
}

static void a_mirror_is_installed_and_followed(void **state)
{
    struct lib_bench bench;
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    char *program = bsc_process_own_path(&err);
    char *mirror = unit_path(*state, "mirror.db");
    char *pair =
        bsc_mem_format("{'principal':'%s/primary.db','mirror':'%s'}", (char *)*state, mirror);

    bench_open(&bench, state);
    bench.env.own_path = program;
    practice_open(&site, *state);
    assert_text(&bench, call_row(&bench, "mirrors.state", "%s", pair), "state", "none");
    assert_true(number(&bench, call_row(&bench, "mirrors.install", "%s", pair), "bytes") > 0);
    assert_true(practice_is_closed(mirror));
    assert_text(&bench, call_row(&bench, "mirrors.state", "%s", pair), "state", "stalled");
    practice_commit(&site, 2);
    pid_t pid = (pid_t)number(&bench, call_row(&bench, "mirrors.follow", "%s", pair), "pid");
    assert_text(&bench, call_row(&bench, "mirrors.state", "%s", pair), "state", "following");
    assert_int_equal(number(&bench, call_row(&bench, "mirrors.state", "%s", pair), "lag"), 0);
    /* Installing anew ends the agent of the mirror that is put aside. */
    assert_true(number(&bench, call_row(&bench, "mirrors.install", "%s", pair), "bytes") > 0);
    assert_false(bsc_process_alive(pid));
    assert_text(&bench, call_row(&bench, "mirrors.state", "%s", pair), "state", "stalled");
    practice_close(&site);
    bench_close(&bench);
    free(program);
    free(mirror);
    free(pair);
}

/* A client that is alone comes, commits and leaves while the mirror is put in its place. */
static int rename_meanwhile(void *self, const char *from, const char *to)
{
    const char *primary = self;
    sqlite3 *client = NULL;

    if (strstr(to, "mirror.db") != NULL && strstr(to, ".state") == NULL) {
        assert_int_equal(sqlite3_open(primary, &client), SQLITE_OK);
        practice_sql(client, "INSERT INTO message(text) VALUES ('meanwhile')");
        assert_int_equal(sqlite3_close(client), SQLITE_OK);
    }
    return rename(from, to);
}

static void no_client_takes_the_log_while_a_mirror_is_made(void **state)
{
    struct lib_bench bench;
    struct practice site;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_agent_round round = {0};
    struct bsc_sys sys = *bsc_sys_real();
    char *mirror = unit_path(*state, "mirror.db");

    bench_open(&bench, state);
    practice_open(&site, *state);
    assert_int_equal(sqlite3_close(site.app), SQLITE_OK);
    site.app = NULL;
    sys.self = site.primary;
    sys.rename = rename_meanwhile;
    bench.env.sys = &sys;
    int64_t lsn = number(&bench,
                         call_row(&bench, "mirrors.install", "{'principal':'%s','mirror':'%s'}",
                                  site.primary, mirror),
                         "lsn");
    struct bsc_logs_follower *follower =
        bsc_logs_follower_open(bsc_sys_real(), bsc_clock_real(), site.primary, mirror, &err);
    assert_non_null(follower);
    if (!bsc_logs_agent_mirror(follower, &round, &err))
        fail_msg("%s: %s", err.message, err.cause);
    assert_true(round.lsn > lsn);
    bsc_logs_follower_close(follower);
    practice_close(&site);
    bench_close(&bench);
    free(mirror);
}

/* This program is the agent that the row starts. */
static int be_agent(char **words)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_agent_round round = {0};
    struct bsc_logs_follower *follower =
        bsc_logs_follower_open(bsc_sys_real(), bsc_clock_real(), words[3], words[4], &err);

    while (follower != NULL && bsc_logs_agent_mirror(follower, &round, &err) &&
           bsc_mirrors_agent_announce(bsc_sys_real(), words[4], &err))
        (void)nanosleep(&pause, NULL);
    (void)fprintf(stderr, "%s: %s\n", err.message, err.cause);
    return 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_copy_is_looked_at_fed_and_recovered),
        UNIT_IN_FOLDER(sessions_are_listed_and_ended),
        UNIT_IN_FOLDER(a_tail_is_found_and_salvaged),
        UNIT_IN_FOLDER(wrong_arguments_are_named),
        UNIT_IN_FOLDER(a_mirror_is_installed_and_followed),
        UNIT_IN_FOLDER(no_client_takes_the_log_while_a_mirror_is_made),
    };

    if (argc == 5 && strcmp(argv[1], "agent") == 0)
        return be_agent(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
