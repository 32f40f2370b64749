#include "lib_fixture.h"

#include "hot.h"

static const char source[] =
    "site: bench\n"
    "data_centres: { dc1: { title: A }, dc2: { title: B } }\n"
    "links: [ { between: [dc1, dc2], low_latency: false } ]\n"
    "servers:\n"
    "  app: { data_centre: dc2, platform: sqlite, folder: ., connection: \"Driver=SQLite3\" }\n"
    "  fe1: { data_centre: dc1 }\n"
    "  fe3: { data_centre: dc2 }\n"
    "  fe4: { data_centre: dc2 }\n"
    "pools:\n"
    "  chat: { driver: table, server: app, file: pool.db, table: pool, servers: [fe1, fe3, fe4] }\n"
    "  phone: { driver: lync, servers: [fe1] }\n";

/* A site with a pool of which fe1 is active in version 7. */
static void pool_bench_open(struct lib_bench *bench, void **state)
{
    char *path = unit_path(*state, "pool.db");
    unit_file_put(path, "", 0);
    free(path);
    bench_open_site(bench, state, source);
    assert_answer(bench,
                  call_row(bench, "sql.execute",
                           "{'server':'app','file':'pool.db','sql':'CREATE TABLE pool (name TEXT "
                           "PRIMARY KEY, state TEXT, active_servers TEXT, version INTEGER)'}"),
                  "{'rows':0}");
    assert_answer(bench,
                  call_row(bench, "sql.execute",
                           "{'server':'app','file':'pool.db','sql':'INSERT INTO pool VALUES (?, ?, "
                           "?, ?)','params':['chat','Normal','fe1',7]}"),
                  "{'rows':1}");
}

static struct bsc_value *pool_state(struct lib_bench *bench)
{
    return call_row(bench, "pools.state", "{'server':'app','pool':'chat'}");
}

static void a_pool_is_read_from_its_table(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe1'],'state':'Normal','version':7}");
    bench_close(&bench);
}

static void a_pool_whose_table_cannot_be_read_is_unreachable(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "sql.execute",
                           "{'server':'app','file':'pool.db','sql':'DROP TABLE pool'}"),
                  "{'rows':0}");
    struct bsc_value *facts = pool_state(&bench);
    assert_string_equal(bsc_value_get_string(facts, "state"), "unreachable");
    assert_int_equal(bsc_value_count(bsc_value_get(facts, "active_servers")), 0);
    assert_non_null(strstr(bsc_value_get_string(facts, "reason"), "pool"));
    bsc_value_free(facts);
    bench_close(&bench);
}

static void a_pool_without_a_row_is_an_error_not_unreachable(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "sql.execute",
                           "{'server':'app','file':'pool.db','sql':'DELETE FROM pool'}"),
                  "{'rows':1}");
    assert_refusal(&bench, pool_state(&bench), BSC_ERR_NOT_FOUND, "has no row");
    bench_close(&bench);
}

/* The bench has a pool whose state somebody was changing when he was killed. */
static void hot_bench_open(struct lib_bench *bench, struct unit_hot *hot, void **state)
{
    pool_bench_open(bench, state);
    bsc_value_free(pool_state(bench));
    char *path = unit_path(*state, "pool.db");
    unit_hot_make(hot, path, "UPDATE pool SET state = 'FailedOver', version = 9");
    free(path);
}

static void a_pool_whose_writer_was_killed_is_what_it_was_before(void **state)
{
    struct lib_bench bench;
    struct unit_hot hot;
    hot_bench_open(&bench, &hot, state);
    struct bsc_value *facts = pool_state(&bench);
    assert_non_null(strstr(bsc_value_get_string(facts, "reason"), "a writer was killed"));
    bsc_value_remove(facts, "reason");
    assert_answer(&bench, facts, "{'active_servers':['fe1'],'state':'Normal','version':7}");
    unit_hot_assert_untouched(&hot);
    assert_answer(&bench,
                  call_row(&bench, "pools.update",
                           "{'server':'app','pool':'chat','from':{'state':'Normal',"
                           "'active_servers':['fe1'],'version':7},'to':{'state':'FailedOver'}}"),
                  "{'rows':1,'version':8}");
    assert_int_equal(access(hot.journal, F_OK), -1);
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe1'],'state':'FailedOver','version':8}");
    unit_hot_release(&hot);
    bench_close(&bench);
}

static void a_pool_that_cannot_be_read_aside_is_unreachable(void **state)
{
    struct lib_bench bench;
    struct unit_hot hot;
    hot_bench_open(&bench, &hot, state);
    setenv("TMPDIR", "/dev/null", 1);
    struct bsc_value *facts = pool_state(&bench);
    unsetenv("TMPDIR");
    assert_string_equal(bsc_value_get_string(facts, "state"), "unreachable");
    assert_non_null(strstr(bsc_value_get_string(facts, "reason"), "/dev/null"));
    unit_hot_assert_untouched(&hot);
    bsc_value_free(facts);
    unit_hot_release(&hot);
    bench_close(&bench);
}

static void an_update_raises_the_version_and_happens_once(void **state)
{
    static const char update[] = "{'server':'app','pool':'chat','data_centre':'dc2',"
                                 "'from':{'state':'Normal','active_servers':['fe1'],'version':7},"
                                 "'to':{'state':'FailedOver','active_servers':['fe4','fe3']}}";
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench, call_row(&bench, "pools.update", "%s", update), "{'rows':1,'version':8}");
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe3','fe4'],'state':'FailedOver','version':8}");
    assert_refusal(&bench, call_row(&bench, "pools.update", "%s", update), BSC_ERR_CONFLICT,
                   "no longer 'Normal' in version 7");
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe3','fe4'],'state':'FailedOver','version':8}");
    bench_close(&bench);
}

static void servers_left_alone_need_no_data_centre(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "pools.update",
                           "{'server':'app','pool':'chat','from':{'state':'Normal',"
                           "'active_servers':['fe1'],'version':7},'to':{'state':'FailedOver'}}"),
                  "{'rows':1,'version':8}");
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe1'],'state':'FailedOver','version':8}");
    bench_close(&bench);
}

static void where_nobody_is_active_no_data_centre_is_needed(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_answer(&bench,
                  call_row(&bench, "pools.update",
                           "{'server':'app','pool':'chat','from':{'state':'Normal',"
                           "'active_servers':['fe1'],'version':7},'to':{'active_servers':[]}}"),
                  "{'rows':1,'version':8}");
    assert_answer(&bench, pool_state(&bench), "{'active_servers':[],'state':'Normal','version':8}");
    bench_close(&bench);
}

static void servers_against_the_rule_change_nothing(void **state)
{
    static const struct {
        const char *to;
        const char *centre;
        enum bsc_err_code code;
        const char *part;
    } cases[] = {
        {"['fe3','fe1']", ",'data_centre':'dc2'", BSC_ERR_REFUSED, "'fe1'"},
        {"['fe3']", ",'data_centre':'dc1'", BSC_ERR_REFUSED, "'fe3'"},
        {"['fe9']", ",'data_centre':'dc2'", BSC_ERR_NOT_FOUND, "'fe9'"},
        {"['fe3']", ",'data_centre':'dc9'", BSC_ERR_NOT_FOUND, "'dc9'"},
        {"['fe3']", "", BSC_ERR_USAGE, "data_centre"},
    };
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refusal(&bench,
                       call_row(&bench, "pools.update",
                                "{'server':'app','pool':'chat','from':{'state':'Normal',"
                                "'active_servers':['fe1'],'version':7},"
                                "'to':{'active_servers':%s}%s}",
                                cases[i].to, cases[i].centre),
                       cases[i].code, cases[i].part);
    assert_answer(&bench, pool_state(&bench),
                  "{'active_servers':['fe1'],'state':'Normal','version':7}");
    bench_close(&bench);
}

static void calls_that_name_no_table_pool_are_refused(void **state)
{
    struct lib_bench bench;
    pool_bench_open(&bench, state);
    assert_refusal(&bench, call_row(&bench, "pools.state", "{'server':'app','pool':'none'}"),
                   BSC_ERR_NOT_FOUND, "'none'");
    assert_refusal(&bench, call_row(&bench, "pools.state", "{'server':'fe1','pool':'chat'}"),
                   BSC_ERR_USAGE, "'app'");
    assert_refusal(&bench, call_row(&bench, "pools.state", "{'server':'app','pool':'phone'}"),
                   BSC_ERR_UNSUPPORTED, "'lync'");
    assert_refusal(&bench, call_row(&bench, "pools.state", "{'server':'app','pol':'chat'}"),
                   BSC_ERR_USAGE, "pol");
    assert_refusal(&bench,
                   call_row(&bench, "pools.update",
                            "{'server':'app','pool':'chat','from':{'state':'Normal',"
                            "'active_servers':[],'version':7},'to':{'state':'Broken'}}"),
                   BSC_ERR_USAGE, "'Broken'");
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_pool_is_read_from_its_table),
        UNIT_IN_FOLDER(a_pool_whose_table_cannot_be_read_is_unreachable),
        UNIT_IN_FOLDER(a_pool_without_a_row_is_an_error_not_unreachable),
        UNIT_IN_FOLDER(a_pool_whose_writer_was_killed_is_what_it_was_before),
        UNIT_IN_FOLDER(a_pool_that_cannot_be_read_aside_is_unreachable),
        UNIT_IN_FOLDER(an_update_raises_the_version_and_happens_once),
        UNIT_IN_FOLDER(servers_left_alone_need_no_data_centre),
        UNIT_IN_FOLDER(where_nobody_is_active_no_data_centre_is_needed),
        UNIT_IN_FOLDER(servers_against_the_rule_change_nothing),
        UNIT_IN_FOLDER(calls_that_name_no_table_pool_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
