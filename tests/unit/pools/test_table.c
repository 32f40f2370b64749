#include "unit.h"

#include "pools/table.h"
#include "value/json.h"

static struct bsc_value *value_of(const char *json)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *value = bsc_json_parse("test", json, strlen(json), &err);
    assert_non_null(value);
    return value;
}

static void assert_value(const struct bsc_value *value, const char *json)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_json_canonical(value, &text);
    assert_string_equal(text.data, json);
    bsc_buf_release(&text);
}

static void a_pool_is_read_by_name_as_a_parameter(void **state)
{
    struct bsc_pools_statement statement = {0};
    (void)state;
    bsc_pools_table_read("pool", "chat'; DROP TABLE pool; --", &statement);
    assert_string_equal(statement.sql.data,
                        "SELECT name, state, active_servers, version FROM \"pool\" WHERE name = ?");
    assert_value(statement.params, "[\"chat'; DROP TABLE pool; --\"]");
    bsc_pools_statement_release(&statement);
    bsc_pools_statement_release(&statement);
}

static void a_table_name_is_quoted_part_by_part(void **state)
{
    struct bsc_pools_statement statement = {0};
    (void)state;
    bsc_pools_table_read("dbo.pool\" WHERE 1=1 --", "chat", &statement);
    assert_non_null(strstr(statement.sql.data, " FROM \"dbo\".\"pool\"\" WHERE 1=1 --\" WHERE "));
    bsc_pools_statement_release(&statement);
}

static void a_swap_changes_only_the_version_it_was_decided_on(void **state)
{
    struct bsc_pools_statement statement = {0};
    (void)state;
    struct bsc_value *servers = value_of("[\"fe4\",\"fe3\",\"fe4\"]");
    const struct bsc_pools_version from = {"Normal", NULL, 7};
    const struct bsc_pools_version to = {"FailedOver", servers, 0};
    bsc_pools_table_swap("pool", "chat", &from, &to, &statement);
    assert_string_equal(statement.sql.data,
                        "UPDATE \"pool\" SET state = ?, active_servers = ?, version = version + 1 "
                        "WHERE name = ? AND state = ? AND version = ?");
    assert_value(statement.params, "[\"FailedOver\",\"fe3,fe4\",\"chat\",\"Normal\",7]");
    bsc_pools_statement_release(&statement);
    bsc_value_free(servers);
}

static void rows_become_facts_with_sorted_servers(void **state)
{
    static const char *const cases[][2] = {
        {"[[\"chat\",\"Normal\",\"fe1,fe2\",7]]",
         "{\"active_servers\":[\"fe1\",\"fe2\"],\"state\":\"Normal\",\"version\":7}"},
        {"[[\"chat\",\"FailedOver\",\" fe3 ,, fe1,fe3 ,\",\"12\"]]",
         "{\"active_servers\":[\"fe1\",\"fe3\"],\"state\":\"FailedOver\",\"version\":12}"},
        {"[[\"chat\",\"Normal\",null,0]]",
         "{\"active_servers\":[],\"state\":\"Normal\",\"version\":0}"},
        {"[[\"chat\",\"Normal\",\"\",0]]",
         "{\"active_servers\":[],\"state\":\"Normal\",\"version\":0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *rows = value_of(cases[i][0]);
        struct bsc_value *facts = bsc_pools_table_facts("chat", rows, &err);
        assert_non_null(facts);
        assert_value(facts, cases[i][1]);
        bsc_value_free(facts);
        bsc_value_free(rows);
    }
}

static void rows_that_cannot_be_a_pool_are_refused(void **state)
{
    static const struct {
        const char *rows;
        enum bsc_err_code code;
    } cases[] = {
        {"[]", BSC_ERR_NOT_FOUND},
        {"[[\"chat\",\"Normal\",\"fe1\",1],[\"chat\",\"Normal\",\"fe1\",2]]", BSC_ERR_INVALID},
        {"[[\"chat\",\"Normal\"]]", BSC_ERR_INVALID},
        {"[[\"chat\",\"normal\",\"fe1\",1]]", BSC_ERR_INVALID},
        {"[[\"chat\",null,\"fe1\",1]]", BSC_ERR_INVALID},
        {"[[\"chat\",\"Normal\",\"fe1\",null]]", BSC_ERR_INVALID},
        {"[[\"chat\",\"Normal\",\"fe1\",\"1.5\"]]", BSC_ERR_INVALID},
        {"[[\"chat\",\"Normal\",\"fe1\",-1]]", BSC_ERR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_value *rows = value_of(cases[i].rows);
        assert_null(bsc_pools_table_facts("chat", rows, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.message, "'chat'"));
        bsc_value_free(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_read_by_name_as_a_parameter),
        cmocka_unit_test(a_table_name_is_quoted_part_by_part),
        cmocka_unit_test(a_swap_changes_only_the_version_it_was_decided_on),
        cmocka_unit_test(rows_become_facts_with_sorted_servers),
        cmocka_unit_test(rows_that_cannot_be_a_pool_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
