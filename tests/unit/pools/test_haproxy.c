#include "unit.h"

#include "pools/haproxy.h"
#include "value/json.h"

#define HEAD                                                                                       \
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"

static void assert_servers(const char *answer, const char *expected)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    struct bsc_value *servers = bsc_pools_haproxy_servers(answer, &err);
    assert_non_null(servers);
    bsc_buf_init(&text);
    bsc_json_canonical(servers, &text);
    assert_string_equal(text.data, expected);
    bsc_buf_release(&text);
    bsc_value_free(servers);
}

static int64_t sessions_of(const struct bsc_value *servers, const char *name)
{
    return bsc_value_get_number(bsc_pools_haproxy_find(servers, name), "sessions", -1);
}

static void each_server_is_ready_drained_or_in_maintenance(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 2 0 1 1 0\n"
                        "3 rw 2 sql3 - 0 5 1 1 0\n"
                        "4 ro 1 chat1 127.0.0.1 2 8 1 1 0\n"
                        "4 ro 2 chat2 127.0.0.1 0 32 1 1 0\n"
                        "4 ro 3 chat3 127.0.0.1 0 64 1 1 0\n\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"ready\",\"up\":true},"
                   "{\"backend\":\"rw\",\"server\":\"sql3\",\"state\":\"maint\",\"up\":false},"
                   "{\"backend\":\"ro\",\"server\":\"chat1\",\"state\":\"drain\",\"up\":true},"
                   "{\"backend\":\"ro\",\"server\":\"chat2\",\"state\":\"maint\",\"up\":false},"
                   "{\"backend\":\"ro\",\"server\":\"chat3\",\"state\":\"maint\",\"up\":false}]");
}

static void maintenance_outweighs_draining(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 0 9 1 1 0\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"maint\",\"up\":false}]");
}

/* Whether a server is up says nothing of what was wanted of it. */
static void a_server_that_is_down_may_be_ready(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 0 0 1 1 0\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"ready\",\"up\":false}]");
}

/* A server that the configuration disables, and somebody enabled since. */
static void what_the_configuration_said_does_not_count(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 2 sql3 - 2 4 1 1 0\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql3\",\"state\":\"ready\",\"up\":true}]");
}

static void sessions_are_found_by_the_name_of_their_column(void **state)
{
    (void)state;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *servers = bsc_pools_haproxy_servers(
        HEAD "3 rw 1 sql1 - 2 0 1 1 0\n3 rw 2 sql3 - 2 0 1 1 0\n3 rw 3 sql9 - 2 0 1 1 0\n", &err);
    assert_true(bsc_pools_haproxy_sessions("# pxname,svname,qcur,qmax,scur,smax,\n"
                                           "rw,sql1,0,0,7,9,\n"
                                           "ro,sql3,0,0,5,9,\n"
                                           "rw,sql3,1,2,,4,\n",
                                           servers, &err));
    assert_int_equal(sessions_of(servers, "rw/sql1"), 7);
    assert_int_equal(sessions_of(servers, "rw/sql3"), 0);
    assert_int_equal(sessions_of(servers, "rw/sql9"), 0);
    assert_null(bsc_pools_haproxy_find(servers, "rw/sql"));
    assert_null(bsc_pools_haproxy_find(servers, "sql1"));
    static const char *const answers[] = {"", "# pxname,svname,qcur\n", "rw,sql1,scur\n",
                                          "Unknown command\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_false(bsc_pools_haproxy_sessions(answers[i], servers, &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
    bsc_value_free(servers);
}

#define SESSION(server, flags)                                                                     \
    "0x55: proto=tcpv4 src=::1:1 fe=rw be=rw srv=" server " ts=00 epoch=0 age=0s calls=2 rate=0 "  \
    "cpu=0 lat=0 rq[f=" flags "h,i=0,an=00h,rx=,wx=,ax=] rp[f=80002020h,i=0,an=00h,rx=,wx=,ax=]\n"

/* The one with the bits in its answer alone, and the one whose client has closed it before all was
 * passed on, may still do something. */
static void sessions_that_their_client_has_closed_are_told_apart(void **state)
{
    static const struct {
        const char *answer;
        int64_t sessions;
        int64_t closed;
    } rows[] = {
        {"\n", 3, 0},
        {"Permission denied\n", 3, 0},
        {SESSION("sql1", "84a020"), 2, 1},
        {SESSION("sql1", "84a020") SESSION("sql1", "848000") SESSION("sql1", "84a020"), 1, 2},
        {SESSION("sql1", "848000") SESSION("sql1", "84c020") SESSION("sql1", "84a020"), 2, 1},
        {SESSION("sql3", "84a020") SESSION("sql11", "84a020"), 3, 0},
        {SESSION("sql1", "what"), 3, 0},
        /* One that came since the count. */
        {SESSION("sql1", "84a020") SESSION("sql1", "84a020") SESSION("sql1", "84a020")
             SESSION("sql1", "848000"),
         1, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *servers =
            bsc_pools_haproxy_servers(HEAD "3 rw 1 sql1 - 2 1 1 1 0\n", &err);
        assert_true(
            bsc_pools_haproxy_sessions("# pxname,svname,scur,\nrw,sql1,3,\n", servers, &err));
        bsc_pools_haproxy_closed(rows[i].answer, servers);
        const struct bsc_value *server = bsc_pools_haproxy_find(servers, "rw/sql1");
        assert_int_equal(sessions_of(servers, "rw/sql1"), rows[i].sessions);
        assert_int_equal(bsc_value_get_number(server, "closed", 0), rows[i].closed);
        bsc_value_free(servers);
    }
}

static void what_haproxy_refuses_is_told_with_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum bsc_err_code code;
        const char *message;
        const char *hint;
    } rows[] = {
        {"", BSC_ERR_NONE, "", ""},
        {"\n", BSC_ERR_NONE, "", ""},
        {"No such server.\n", BSC_ERR_NOT_FOUND, "HAProxy at \"/s\" has no server rw/sql1",
         "same names"},
        {"No such backend.\n", BSC_ERR_NOT_FOUND, "HAProxy at \"/s\" has no server rw/sql1",
         "same names"},
        {"Permission denied\n", BSC_ERR_DENIED, "HAProxy at \"/s\" lets nobody change it there",
         "level admin"},
        {"what?\nmore\n", BSC_ERR_INVALID, "HAProxy at \"/s\" says of rw/sql1: what?", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        bool done = bsc_pools_haproxy_done(rows[i].answer, "/s", "rw/sql1", &err);
        assert_int_equal(done, rows[i].code == BSC_ERR_NONE);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.message, rows[i].message);
        assert_non_null(strstr(err.hint, rows[i].hint));
    }
}

static void only_a_name_is_a_name(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",       "rw",     "rw/",     "/sql1",    "rw/sql 1",
                                        "rw/a/b", "rw/a;b", "rw/a\nb", "rw/sql1 ", "rw/sql1;"};
    assert_true(bsc_pools_haproxy_name_valid("rw/sql1"));
    assert_true(bsc_pools_haproxy_name_valid("a.b-c_d:e/F.1"));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(bsc_pools_haproxy_name_valid(wrong[i]));
}

static void a_haproxy_without_servers_has_none(void **state)
{
    (void)state;
    assert_servers(HEAD "\n", "[]");
}

static void an_answer_of_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "2\n# other\n", "Permission denied\n",
                                          HEAD "3 rw 1 sql1 - 2\n",
                                          HEAD "3 rw 1 sql1 - 2 ready 1\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        assert_null(bsc_pools_haproxy_servers(answers[i], &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_server_is_ready_drained_or_in_maintenance),
        cmocka_unit_test(maintenance_outweighs_draining),
        cmocka_unit_test(a_server_that_is_down_may_be_ready),
        cmocka_unit_test(what_the_configuration_said_does_not_count),
        cmocka_unit_test(sessions_are_found_by_the_name_of_their_column),
        cmocka_unit_test(sessions_that_their_client_has_closed_are_told_apart),
        cmocka_unit_test(what_haproxy_refuses_is_told_with_what_to_do),
        cmocka_unit_test(only_a_name_is_a_name),
        cmocka_unit_test(a_haproxy_without_servers_has_none),
        cmocka_unit_test(an_answer_of_another_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
