/*
 * The rows of a pool behind HAProxy, against a real one.
 */
#include "lib_fixture.h"

#include "../pools/haproxy_fixture.h"

static const char source[] =
    "site: bench\n"
    "data_centres: { dc1: { title: A }, dc2: { title: B } }\n"
    "servers:\n"
    "  sql1: { data_centre: dc1, platform: sqlite, folder: ., connection: \"Driver=SQLite3\" }\n"
    "  sql3: { data_centre: dc2, platform: sqlite, folder: ., connection: \"Driver=SQLite3\" }\n"
    "  chat1: { data_centre: dc1 }\n"
    "  chat2: { data_centre: dc2 }\n"
    "databases: { m: { primary: { server: sql1, file: m.db },\n"
    "                  secondary: { server: sql3, file: n.db } } }\n"
    "pools:\n"
    "  chat: { driver: haproxy, socket: a.admin, state_file: a.states, state_backend: rw,\n"
    "          backend: ro, database: m, servers: [chat1, chat2] }\n"
    "  phone: { driver: lync, servers: [chat1] }\n";

static void haproxy_bench_open(struct lib_bench *bench, struct proxy *proxy, void **state)
{
    bench_open_site(bench, state, source);
    proxy_open(proxy, *state, "a");
}

static void end(struct lib_bench *bench, struct proxy *proxy)
{
    proxy_close(proxy);
    bench_close(bench);
}

#define USERS_ELSEWHERE                                                                            \
    "'from':{'ro/chat1':['ready'],'ro/chat2':['maint']},"                                          \
    "'to':{'ro/chat1':['maint'],'ro/chat2':['ready']}"

static void servers_sessions_and_the_state_file_are_read(void **state)
{
    struct lib_bench bench;
    struct proxy proxy;
    haproxy_bench_open(&bench, &proxy, state);
    struct bsc_value *seen = call_row(&bench, "pools.haproxy", "{'address':'%s','state_file':'%s'}",
                                      proxy.admin, proxy.states);
    assert_int_equal(bsc_value_count(bsc_value_get(seen, "servers")), 4);
    assert_int_equal(bsc_value_count(bsc_value_get(seen, "saved")), 0);
    assert_int_equal(
        bsc_value_get_number(bsc_value_at(bsc_value_get(seen, "servers"), 0), "sessions", -1), 0);
    bsc_value_free(seen);
    assert_answer(&bench,
                  call_row(&bench, "pools.haproxy_set", "{'pool':'chat','from':{},'to':{}}"),
                  "{'sessions_left':0}");
    seen = call_row(&bench, "pools.haproxy", "{'address':'%s','state_file':'%s'}", proxy.admin,
                    proxy.states);
    assert_int_equal(bsc_value_count(bsc_value_get(seen, "saved")), 4);
    bsc_value_free(seen);
    proxy_kill(&proxy);
    assert_refusal(&bench, call_row(&bench, "pools.haproxy", "{'address':'%s'}", proxy.admin),
                   BSC_ERR_UNREACHABLE, proxy.admin);
    end(&bench, &proxy);
}

static void users_are_led_to_servers_near_the_primary_alone(void **state)
{
    struct lib_bench bench;
    struct proxy proxy;
    haproxy_bench_open(&bench, &proxy, state);
    assert_refusal(&bench,
                   call_row(&bench, "pools.haproxy_set",
                            "{'pool':'chat','data_centre':'dc1'," USERS_ELSEWHERE "}"),
                   BSC_ERR_REFUSED, "server 'chat2' cannot be active");
    assert_refusal(&bench,
                   call_row(&bench, "pools.haproxy_set", "{'pool':'chat'," USERS_ELSEWHERE "}"),
                   BSC_ERR_USAGE, "data_centre");
    assert_proxy(&proxy, "sql1 ready, sql3 maint, chat1 ready, chat2 maint");
    assert_answer(&bench,
                  call_row(&bench, "pools.haproxy_set",
                           "{'pool':'chat','data_centre':'dc2'," USERS_ELSEWHERE "}"),
                  "{'sessions_left':0}");
    assert_proxy(&proxy, "sql1 ready, sql3 maint, chat1 maint, chat2 ready");
    assert_answer(&bench,
                  call_row(&bench, "pools.haproxy_set",
                           "{'pool':'chat','from':{'ro/chat2':['ready']},"
                           "'to':{'ro/chat2':['maint']}}"),
                  "{'sessions_left':0}");
    end(&bench, &proxy);
}

/* A step with a timeout waits for sessions as long as that leaves time for the rest. */
static void sessions_are_waited_for_within_the_timeout(void **state)
{
    enum { TIMEOUT_US = 4000 * 1000 };
    struct lib_bench bench;
    struct proxy proxy;
    const struct bsc_clock *clock = bsc_clock_real();
    haproxy_bench_open(&bench, &proxy, state);
    int client = proxy_client(&proxy, "ro", "ro/chat1");
    int64_t begin_us = clock->mono_us(clock->self);
    bench.deadline_us = begin_us + TIMEOUT_US;
    assert_answer(&bench,
                  call_row(&bench, "pools.haproxy_set",
                           "{'pool':'chat','data_centre':'dc2'," USERS_ELSEWHERE "}"),
                  "{'sessions_left':1}");
    assert_true(clock->mono_us(clock->self) - begin_us >= TIMEOUT_US / 3);
    assert_proxy(&proxy, "sql1 ready, sql3 maint, chat1 maint, chat2 ready");
    close(client);
    end(&bench, &proxy);
}

static void an_update_is_about_one_backend_of_one_pool(void **state)
{
    static const struct {
        const char *args;
        enum bsc_err_code code;
        const char *part;
    } rows[] = {
        {"{'pool':'none','from':{},'to':{}}", BSC_ERR_NOT_FOUND, "no pool 'none'"},
        {"{'pool':'phone','from':{},'to':{}}", BSC_ERR_UNSUPPORTED, "not by HAProxy"},
        {"{'pool':'chat','from':1,'to':{}}", BSC_ERR_USAGE, "'from' is not a map"},
        {"{'pool':'chat','from':{},'to':{},'why':1}", BSC_ERR_USAGE, "why"},
        {"{'pool':'chat','from':{'rx/sql1':['ready']},'to':{}}", BSC_ERR_USAGE, "no backend"},
        {"{'pool':'chat','from':{'rw/sql1':['ready'],'ro/chat1':['ready']},'to':{}}", BSC_ERR_USAGE,
         "one backend, not both"},
    };
    struct lib_bench bench;
    struct proxy proxy;
    haproxy_bench_open(&bench, &proxy, state);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_refusal(&bench, call_row(&bench, "pools.haproxy_set", "%s", rows[i].args),
                       rows[i].code, rows[i].part);
    end(&bench, &proxy);
}

/* Wherever it comes from: an undo of a change that brought two HAProxy together, or a mistake. */
static void writers_are_never_led_to_two_sides(void **state)
{
    static const char *const split[] = {
        "'from':{'rw/sql1':['ready'],'rw/sql3':['maint']},'to':{'rw/sql3':['ready']}",
        "'from':{},'to':{'rw/sql1':['ready'],'rw/sql3':['ready']}",
        "'from':{},'to':{'rw/sql1':['maint','ready'],'rw/sql3':['ready','maint']}",
        "'from':{'rw/sql1':['ready'],'rw/sql9':['maint']},'to':{'rw/sql9':['ready']}",
    };
    struct lib_bench bench;
    struct proxy proxy;
    haproxy_bench_open(&bench, &proxy, state);
    for (size_t i = 0; i < sizeof split / sizeof split[0]; i++)
        assert_refusal(&bench,
                       call_row(&bench, "pools.haproxy_set", "{'pool':'chat',%s}", split[i]),
                       BSC_ERR_REFUSED, "would lead writers to both");
    assert_proxy(&proxy, "sql1 ready, sql3 maint, chat1 ready, chat2 maint");
    end(&bench, &proxy);
}

/* What cannot be read is not taken for a file that holds nothing. */
static void a_state_file_that_cannot_be_read_is_unknown(void **state)
{
    struct lib_bench bench;
    struct proxy proxy;
    haproxy_bench_open(&bench, &proxy, state);
    char *itself = bsc_mem_format("%s.itself", proxy.admin);
    assert_int_equal(symlink(itself, itself), 0);
    struct bsc_value *seen = call_row(&bench, "pools.haproxy", "{'address':'%s','state_file':'%s'}",
                                      proxy.admin, itself);
    assert_non_null(seen);
    assert_null(bsc_value_get(seen, "saved"));
    bsc_value_free(seen);
    bsc_mem_free(itself);
    end(&bench, &proxy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(servers_sessions_and_the_state_file_are_read),
        UNIT_IN_FOLDER(users_are_led_to_servers_near_the_primary_alone),
        UNIT_IN_FOLDER(sessions_are_waited_for_within_the_timeout),
        UNIT_IN_FOLDER(writers_are_never_led_to_two_sides),
        UNIT_IN_FOLDER(a_state_file_that_cannot_be_read_is_unknown),
        UNIT_IN_FOLDER(an_update_is_about_one_backend_of_one_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
