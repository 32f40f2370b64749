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

static void each_server_is_ready_drained_or_in_maintenance(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 2 0 1 1 0\n"
                        "3 rw 2 sql3 - 0 5 1 1 0\n"
                        "4 ro 1 chat1 127.0.0.1 2 8 1 1 0\n"
                        "4 ro 2 chat2 127.0.0.1 0 32 1 1 0\n"
                        "4 ro 3 chat3 127.0.0.1 0 64 1 1 0\n\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"ready\"},"
                   "{\"backend\":\"rw\",\"server\":\"sql3\",\"state\":\"maint\"},"
                   "{\"backend\":\"ro\",\"server\":\"chat1\",\"state\":\"drain\"},"
                   "{\"backend\":\"ro\",\"server\":\"chat2\",\"state\":\"maint\"},"
                   "{\"backend\":\"ro\",\"server\":\"chat3\",\"state\":\"maint\"}]");
}

static void maintenance_outweighs_draining(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 0 9 1 1 0\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"maint\"}]");
}

/* Whether a server is up says nothing of what was wanted of it. */
static void a_server_that_is_down_may_be_ready(void **state)
{
    (void)state;
    assert_servers(HEAD "3 rw 1 sql1 - 0 0 1 1 0\n",
                   "[{\"backend\":\"rw\",\"server\":\"sql1\",\"state\":\"ready\"}]");
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
        cmocka_unit_test(a_haproxy_without_servers_has_none),
        cmocka_unit_test(an_answer_of_another_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
