/*
 * What a reload of a real HAProxy leaves behind.
 */
#include "haproxy_fixture.h"

#include "os/dial.h"
#include "pools/haproxy_change.h"
#include "pools/haproxy_old.h"

enum { ANSWER_MS = 10000 };

/* A HAProxy with a master, and a change of it that leads writers to sql3. */
struct scene {
    struct proxy proxy;
    char *master;                /* owned */
    struct bsc_value *instances; /* owned */
    struct bsc_value *from;      /* owned */
    struct bsc_value *to;        /* owned */
    struct bsc_err err;
};

static void set_state(struct bsc_value *routes, const char *name, const char *state)
{
    struct bsc_value *states = bsc_value_list();
    bsc_value_append(states, bsc_value_text(state));
    bsc_value_set(routes, name, states);
}

static void scene_open(struct scene *scene, const char *folder)
{
    struct bsc_value *instance = bsc_value_map();
    *scene = (struct scene){.master = bsc_mem_format("%s/master", folder),
                            .instances = bsc_value_list(),
                            .from = bsc_value_map(),
                            .to = bsc_value_map()};
    proxy_open_with(&scene->proxy, folder, "a", scene->master);
    bsc_value_set_text(instance, "socket", scene->proxy.admin);
    bsc_value_set_text(instance, "master_socket", scene->master);
    bsc_value_append(scene->instances, instance);
}

/* Its processes end with it. */
static void scene_close(struct scene *scene)
{
    kill(scene->proxy.pid, SIGTERM);
    assert_int_equal(waitpid(scene->proxy.pid, NULL, 0), scene->proxy.pid);
    scene->proxy.pid = 0;
    proxy_close(&scene->proxy);
    bsc_value_free(scene->instances);
    bsc_value_free(scene->from);
    bsc_value_free(scene->to);
    bsc_mem_free(scene->master);
}

static bool make(struct scene *scene)
{
    const struct bsc_clock *clock = bsc_clock_real();
    int64_t left = 0;
    struct bsc_pools_haproxy_change order = {.instances = scene->instances,
                                             .from = scene->from,
                                             .to = scene->to,
                                             .exclusive = true,
                                             .sys = bsc_sys_real(),
                                             .answer_ms = ANSWER_MS,
                                             .drain_until_us = clock->mono_us(clock->self) +
                                                               ANSWER_MS * INT64_C(1000)};
    return bsc_pools_haproxy_change(&order, &left, &scene->err);
}

/* Sessions on a server, those of old processes among them with a master, and its state where it has
 * any; -1 while HAProxy does not answer. */
static int64_t sessions_on(const struct scene *scene, const char *name, const char *master,
                           char state[8])
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_pools_haproxy_talk talk = {.master = master};
    struct bsc_value *servers = NULL;
    if (bsc_pools_haproxy_talk_begin(&talk, scene->proxy.admin, PROXY_WITHIN_MS, NULL, &err))
        servers = bsc_pools_haproxy_talk_servers(&talk, &err);
    bsc_pools_haproxy_talk_end(&talk);
    const struct bsc_value *server = servers != NULL ? bsc_pools_haproxy_find(servers, name) : NULL;
    int64_t count = servers != NULL ? bsc_value_get_number(server, "sessions", 0) : -1;
    if (server != NULL)
        snprintf(state, 8, "%s", bsc_value_get_string(server, "state"));
    bsc_value_free(servers);
    return count;
}

/* A master that begins answers nobody and ignores signals. */
static struct bsc_dial *dial_master(const struct scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_dial_order order = {
        .address = scene->master, .answer_max = 4096, .timeout_ms = PROXY_WITHIN_MS};
    struct bsc_dial *dial = bsc_dial_open(&order, &err);
    for (int waited = 0; dial == NULL && waited < PROXY_WITHIN_MS; waited += PROXY_LOOK_MS) {
        bsc_clock_pause(PROXY_LOOK_MS, NULL);
        dial = bsc_dial_open(&order, &err);
    }
    assert_non_null(dial);
    return dial;
}

/* It hangs up when it does. */
static void reload(const struct scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf answer;
    struct bsc_dial *dial = dial_master(scene);
    bsc_buf_init(&answer);
    (void)bsc_dial_talk(dial, "reload\n", "> ", &answer, &err);
    bsc_dial_close(dial);
    bsc_buf_release(&answer);
}

/* The session of a writer is in an old process when this returns, and the runtime socket does not
 * tell of it. */
static int leave_a_writer_behind(struct scene *scene, char state[8])
{
    int client = proxy_client(&scene->proxy, "rw", "rw/sql1");
    bool there = false;
    proxy_settings_write(&scene->proxy);
    reload(scene);
    for (int waited = 0; !there && waited < PROXY_WITHIN_MS; waited += PROXY_LOOK_MS) {
        bsc_clock_pause(PROXY_LOOK_MS, NULL);
        there = sessions_on(scene, "rw/sql1", NULL, state) == 0 &&
                sessions_on(scene, "rw/sql1", scene->master, state) == 1;
    }
    assert_true(there);
    return client;
}

static void a_writer_in_an_old_process_is_seen_and_cut_off(void **state)
{
    char byte = 0, seen[8] = "";
    struct scene scene;
    scene_open(&scene, *state);
    int client = leave_a_writer_behind(&scene, seen);
    assert_int_equal(sessions_on(&scene, "rw/sql1", scene.master, seen), 1);
    assert_string_equal(seen, "ready");
    set_state(scene.from, "rw/sql1", "ready");
    set_state(scene.from, "rw/sql3", "maint");
    set_state(scene.to, "rw/sql1", "maint");
    set_state(scene.to, "rw/sql3", "ready");
    assert_true(make(&scene));
    assert_true(recv(client, &byte, 1, 0) <= 0);
    assert_int_equal(sessions_on(&scene, "rw/sql1", scene.master, seen), 0);
    assert_string_equal(seen, "maint");
    close(client);
    scene_close(&scene);
}

static void so_is_one_on_a_server_that_the_new_process_does_not_have(void **state)
{
    char byte = 0, seen[8] = "";
    struct scene scene;
    scene_open(&scene, *state);
    scene.proxy.first = "sql2";
    int client = leave_a_writer_behind(&scene, seen);
    assert_int_equal(sessions_on(&scene, "rw/sql1", scene.master, seen), 1);
    assert_string_equal(seen, "gone");
    set_state(scene.from, "rw/sql2", "ready");
    set_state(scene.from, "rw/sql3", "maint");
    assert_true(make(&scene));
    assert_true(recv(client, &byte, 1, 0) <= 0);
    close(client);
    scene_close(&scene);
}

static void what_is_no_master_is_told(void **state)
{
    struct scene scene;
    scene_open(&scene, *state);
    bsc_value_set_text(bsc_value_at(scene.instances, 0), "master_socket", scene.proxy.admin);
    set_state(scene.from, "rw/sql1", "ready");
    assert_false(make(&scene));
    assert_int_equal(scene.err.code, BSC_ERR_INVALID);
    assert_non_null(strstr(scene.err.message, "the master of HAProxy"));
    scene_close(&scene);
}

static void without_its_master_nothing_is_changed(void **state)
{
    struct scene scene;
    scene_open(&scene, *state);
    bsc_dial_close(dial_master(&scene));
    assert_int_equal(unlink(scene.master), 0);
    set_state(scene.from, "rw/sql1", "ready");
    set_state(scene.to, "rw/sql1", "maint");
    assert_false(make(&scene));
    assert_int_equal(scene.err.code, BSC_ERR_UNREACHABLE);
    assert_proxy(&scene.proxy, "sql1 ready, sql3 maint, chat1 ready, chat2 maint");
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_writer_in_an_old_process_is_seen_and_cut_off),
        UNIT_IN_FOLDER(so_is_one_on_a_server_that_the_new_process_does_not_have),
        UNIT_IN_FOLDER(what_is_no_master_is_told),
        UNIT_IN_FOLDER(without_its_master_nothing_is_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
