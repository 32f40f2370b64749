#include "unit.h"

#include "pools/active.h"
#include "value/json.h"

/* dc1 and dc3 are joined by a fast link, dc1 and dc2 by a slow one, dc2 and dc3 by none. */
static const char site_json[] =
    "{\"data_centres\":{\"dc1\":{},\"dc2\":{},\"dc3\":{},\"dc4\":{}},"
    "\"links\":[{\"between\":[\"dc1\",\"dc2\"],\"low_latency\":false},"
    "{\"between\":[\"dc3\",\"dc1\"],\"low_latency\":true}],"
    "\"servers\":{\"a1\":{\"data_centre\":\"dc1\"},\"a2\":{\"data_centre\":\"dc1\"},"
    "\"b1\":{\"data_centre\":\"dc2\"},\"b2\":{\"data_centre\":\"dc2\"},"
    "\"c1\":{\"data_centre\":\"dc3\"},\"c2\":{\"data_centre\":\"dc3\"},"
    "\"other\":{\"data_centre\":\"dc1\"}},"
    "\"pools\":{\"chat\":{\"driver\":\"table\",\"maximum_active\":3,"
    "\"servers\":[\"c2\",\"a2\",\"b1\",\"a1\",\"c1\",\"b2\"]},"
    "\"lync\":{\"driver\":\"lync\",\"maximum_active\":6,"
    "\"servers\":[\"a1\",\"a2\",\"c1\",\"c2\",\"other\"]}}}";

static struct bsc_value *value_of(const char *json)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = bsc_json_parse("test", json, strlen(json), &err);
    assert_non_null(value);
    return value;
}

static int setup(void **state)
{
    *state = value_of(site_json);
    return 0;
}

static int teardown(void **state)
{
    bsc_value_free(*state);
    return 0;
}

static enum bsc_err_code check(const struct bsc_value *site, const char *pool, const char *centre,
                               const char *servers, struct bsc_err *err)
{
    *err = (struct bsc_err)BSC_ERR_INIT;
    struct bsc_value *list = value_of(servers);
    bool fits = bsc_pools_active_check(site, pool, centre, list, err);
    assert_int_equal(fits, err->code == BSC_ERR_NONE);
    bsc_value_free(list);
    return err->code;
}

static void a_server_far_away_is_refused_by_name(void **state)
{
    struct bsc_err err;
    assert_int_equal(check(*state, "chat", "dc1", "[\"a1\",\"b1\"]", &err), BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "'b1'"));
    assert_non_null(strstr(err.message, "'dc2'"));
    assert_non_null(strstr(err.message, "'dc1'"));
    assert_int_equal(check(*state, "chat", "dc3", "[\"b2\"]", &err), BSC_ERR_REFUSED);
    assert_int_equal(check(*state, "chat", "dc2", "[\"a1\"]", &err), BSC_ERR_REFUSED);
    assert_int_equal(check(*state, "chat", "dc1", "[\"a1\",\"c1\"]", &err), BSC_ERR_NONE);
    assert_int_equal(check(*state, "chat", "dc3", "[\"a1\",\"c1\"]", &err), BSC_ERR_NONE);
}

static void a_fast_link_does_not_reach_over_a_second_one(void **state)
{
    struct bsc_err err;
    struct bsc_value *link = value_of("{\"between\":[\"dc3\",\"dc4\"],\"low_latency\":true}");
    bsc_value_append(bsc_value_get(*state, "links"), link);
    assert_int_equal(check(*state, "chat", "dc4", "[\"c1\"]", &err), BSC_ERR_NONE);
    assert_int_equal(check(*state, "chat", "dc4", "[\"a1\"]", &err), BSC_ERR_REFUSED);
}

static void no_server_and_too_many_are_refused(void **state)
{
    struct bsc_err err;
    assert_int_equal(check(*state, "chat", "dc1", "[]", &err), BSC_ERR_REFUSED);
    assert_int_equal(check(*state, "chat", "dc1", "[\"a1\",\"a2\",\"c1\"]", &err), BSC_ERR_NONE);
    assert_int_equal(check(*state, "chat", "dc1", "[\"a1\",\"a2\",\"c1\",\"c2\"]", &err),
                     BSC_ERR_REFUSED);
    assert_non_null(strstr(err.message, "4 active servers where 3 are the most"));
}

static void a_lync_pool_never_has_more_than_four(void **state)
{
    struct bsc_err err;
    assert_int_equal(bsc_pools_active_maximum(*state, "lync"), 4);
    assert_int_equal(check(*state, "lync", "dc1", "[\"a1\",\"a2\",\"c1\",\"c2\",\"other\"]", &err),
                     BSC_ERR_REFUSED);
}

static void unknown_names_and_repetitions_are_refused(void **state)
{
    struct bsc_err err;
    assert_int_equal(check(*state, "chat", "dc1", "[\"a9\"]", &err), BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'a9'"));
    assert_int_equal(check(*state, "chat", "dc1", "[\"other\"]", &err), BSC_ERR_NOT_FOUND);
    assert_int_equal(check(*state, "chat", "dc1", "[7]", &err), BSC_ERR_NOT_FOUND);
    assert_int_equal(check(*state, "chat", "dc9", "[\"a1\"]", &err), BSC_ERR_NOT_FOUND);
    assert_int_equal(check(*state, "none", "dc1", "[\"a1\"]", &err), BSC_ERR_NOT_FOUND);
    assert_int_equal(check(*state, "chat", "dc1", "[\"a1\",\"a1\"]", &err), BSC_ERR_INVALID);
}

#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SITE(a_server_far_away_is_refused_by_name),
        ON_SITE(a_fast_link_does_not_reach_over_a_second_one),
        ON_SITE(no_server_and_too_many_are_refused),
        ON_SITE(a_lync_pool_never_has_more_than_four),
        ON_SITE(unknown_names_and_repetitions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
