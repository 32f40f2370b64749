/*
 * What standby.seed does with what is there before it copies anything, on a server that cannot be
 * asked. PostgreSQL's programs are stand-ins that say what the files in `say` hold.
 */
#include "lib_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

static const char site[] = "site: bench\n"
                           "data_centres: { dc1: { title: A } }\n"
                           "servers:\n"
                           "  sql1: { data_centre: dc1, platform: postgresql, folder: data,\n"
                           "          programs: %s/bin, connection: \"Driver=none\" }\n"
                           "  sql3: { data_centre: dc1, platform: postgresql, folder: other,\n"
                           "          programs: %s/bin, connection: \"Driver=none\" }\n";

struct scene {
    struct lib_bench bench;
    const char *folder; /* borrowed */
    pid_t server;       /* a process that works in the data folder, or 0 */
};

static void shell(const struct scene *scene, const char *command)
{
    char *line = bsc_mem_format("cd '%s' && %s", scene->folder, command);
    assert_int_equal(system(line), 0);
    bsc_mem_free(line);
}

static void scene_set(struct scene *scene, void **state)
{
    char source[1024];
    memset(scene, 0, sizeof *scene);
    scene->folder = *state;
    snprintf(source, sizeof source, site, scene->folder, scene->folder);
    bench_open_site(&scene->bench, state, source);
    shell(scene, "mkdir -p bin share data/global data/pg_wal && touch data/PG_VERSION && "
                 "printf '#!/bin/sh\\n[ \"$1\" = status ] && exec kill -0 "
                 "$(head -n 1 \"$3/postmaster.pid\")\\nexit 0\\n' >bin/pg_ctl && "
                 "printf '#!/bin/sh\\ncat ../control\\n' >bin/pg_controldata && "
                 "sed -i \"s,\\.\\./control,$PWD/control,\" bin/pg_controldata && "
                 "chmod 755 bin/*");
}

static void scene_strike(struct scene *scene)
{
    if (scene->server > 0) {
        kill(scene->server, SIGKILL);
        waitpid(scene->server, NULL, 0);
    }
    bench_close(&scene->bench);
}

static void control_says(const struct scene *scene, const char *state)
{
    char *path = unit_path(scene->folder, "control");
    char *text = bsc_mem_format("Database system identifier:           7710593041989510255\n"
                                "Database cluster state:               %s\n"
                                "Latest checkpoint location:           0/3000028\n"
                                "Latest checkpoint's REDO WAL file:    000000010000000000000003\n"
                                "Bytes per WAL segment:                16777216\n",
                                state);
    unit_file_put(path, text, strlen(text));
    bsc_mem_free(text);
    free(path);
}

/* A process with its pid in the lock file; a server works in its data folder. */
static void run_server(struct scene *scene, const char *works_in)
{
    char *folder = unit_path(scene->folder, works_in);
    char *lock = unit_path(scene->folder, "data/postmaster.pid");
    scene->server = fork();
    assert_true(scene->server >= 0);
    if (scene->server == 0) {
        if (chdir(folder) == 0)
            execlp("sleep", "sleep", "60", (char *)NULL);
        _exit(1);
    }
    char *link =
        bsc_mem_format("[ \"$(readlink /proc/%d/cwd)\" = '%s' ]", (int)scene->server, folder);
    for (int i = 0; system(link) != 0; i++)
        assert_true(i < 1000);
    char *text = bsc_mem_format("%d\n%s/data\n", (int)scene->server, scene->folder);
    unit_file_put(lock, text, strlen(text));
    bsc_mem_free(text);
    bsc_mem_free(link);
    free(lock);
    free(folder);
}

/* Its pid is taken until its parent asks for it. */
static void end_server(struct scene *scene)
{
    assert_int_equal(kill(scene->server, SIGKILL), 0);
    char *ended = bsc_mem_format("grep -q '^State:.Z' /proc/%d/status", (int)scene->server);
    for (int i = 0; system(ended) != 0; i++)
        assert_true(i < 1000);
    bsc_mem_free(ended);
}

static void assert_says(struct scene *scene, const char *part)
{
    struct bsc_value *answer = call_row(
        &scene->bench, "standby.seed",
        "{'from':'sql3','server':'sql1','database':'mgc','share':'%s/share'}", scene->folder);
    assert_null(answer);
    if (strstr(scene->bench.err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", scene->bench.err.message, part);
}

static void a_server_that_runs_and_does_not_answer_is_not_taken_for_closed(void **state)
{
    static const char *const states[] = {"in production", "in crash recovery", "starting up"};
    struct scene scene;
    scene_set(&scene, state);
    run_server(&scene, "data");
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        control_says(&scene, states[i]);
        assert_says(&scene, "sql1 runs and does not answer, so it may be online");
        assert_string_equal(bsc_err_name(scene.bench.err.code), "refused");
    }
    shell(&scene, "[ ! -e data/bascule.leaving ]");
    scene_strike(&scene);
}

/* Whatever comes next needs the other side, which cannot be asked. */
static void one_that_is_a_standby_or_down_is_closed(void **state)
{
    struct scene scene;
    scene_set(&scene, state);
    control_says(&scene, "in production");
    assert_says(&scene, "sql3");
    run_server(&scene, "data");
    control_says(&scene, "in archive recovery");
    assert_says(&scene, "sql3");
    scene_strike(&scene);
}

/* After a crash the pid in the lock file may be anybody's. */
static void another_program_with_its_pid_is_not_the_server(void **state)
{
    struct scene scene;
    scene_set(&scene, state);
    control_says(&scene, "in production");
    run_server(&scene, "share");
    assert_says(&scene, "sql3");
    end_server(&scene);
    assert_says(&scene, "sql3");
    scene_strike(&scene);
}

/* A copy that is about to be made anew has the half of another put aside first. */
static void expect_anew(struct scene *scene, bool anew)
{
    shell(scene, "rm -rf data.half-* data.installing && mkdir -p data.installing/pg_wal");
    assert_says(scene, "sql3");
    shell(scene, anew ? "ls -d data.half-*" : "ls -d data.installing");
    shell(scene, "[ -e data/bascule.seeded ] && [ ! -e data/bascule.leaving ]");
}

static void a_copy_whose_log_was_tidied_away_is_made_anew(void **state)
{
    struct scene scene;
    scene_set(&scene, state);
    control_says(&scene, "in archive recovery");
    shell(&scene, "touch data/standby.signal data/bascule.installing data/bascule.seeded");
    expect_anew(&scene, true);
    shell(&scene, "touch share/000000010000000000000003");
    expect_anew(&scene, false);
    shell(&scene, "printf 'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n' "
                  ">data/backup_label");
    expect_anew(&scene, true);
    shell(&scene, "touch data/pg_wal/000000020000000000000002");
    expect_anew(&scene, false);
    shell(&scene, "rm data/pg_wal/000000020000000000000002");
    run_server(&scene, "data");
    expect_anew(&scene, false);
    scene_strike(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_server_that_runs_and_does_not_answer_is_not_taken_for_closed),
        UNIT_IN_FOLDER(one_that_is_a_standby_or_down_is_closed),
        UNIT_IN_FOLDER(a_copy_whose_log_was_tidied_away_is_made_anew),
        UNIT_IN_FOLDER(another_program_with_its_pid_is_not_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
