/*
 * What a site file says of user directories.
 */
#include "site_rows.h"

#include "value/json.h"

#define HOME                                                                                       \
    HEAD "directories:\n  d:\n    { driver: sql, server: a, file: d.db, legacy: p1, new: p2,\n"
/* What follows begins on line 10. */
#define USERS                                                                                      \
    "      users: {\n"                                                                             \
    "        list: SELECT n FROM h WHERE p = :pool AND n > :after ORDER BY n LIMIT :limit,\n"      \
    "        count: \"SELECT p, count(*) FROM h GROUP BY p\",\n"                                   \
    "        find: SELECT p FROM h WHERE n = :name,\n"
#define MOVE "        move: UPDATE h SET p = :to WHERE n = :name AND p = :from"
/* What follows USERS and MOVE begins on line 14 and 15. */
#define ALL HOME USERS MOVE " }\n"

static void a_directory_says_who_is_where_and_how_they_are_moved(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {ALL "    }\n", ""},
        {ALL "    , pilot: [ ann, \"o'brien\" ], retire: DROP :pool }\n", ""},
        {ALL "    , pilot: SELECT n FROM pilots }\n", ""},
        {HOME USERS "        move: [ UPDATE h SET p = :to WHERE n = :name AND p = :from,\n"
                    "          INSERT INTO m VALUES (:name) ] }\n    }\n",
         ""},
        {HEAD "directories:\n  d: { driver: sql, server: a, file: d.db, legacy: p1, new: p2 }\n",
         "8:6 key \"users\" is missing in directories.d [Add \"users\": The users.]"},
        {HEAD "directories:\n  d: { driver: lync }\n",
         "8:6 key \"legacy\" is missing in directories.d "
         "[Add \"legacy\": The pool that is left, as the directory writes it.]\n"
         "8:6 key \"new\" is missing in directories.d "
         "[Add \"new\": The pool that takes its place, as the directory writes it.]\n"
         "8:6 key \"server\" is missing in directories.d "
         "[Add \"server\": The server that holds the directory.]\n"
         "8:6 key \"users\" is missing in directories.d [Add \"users\": The users.]\n"
         "8:16 \"driver\" must be one of sql, not \"lync\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void values_stand_in_statements_by_the_names_that_there_are(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HOME USERS "        move: UPDATE h SET p = :to WHERE n = :nam AND p = :from }\n    }\n",
         ""},
        {HOME USERS "        move: UPDATE h SET p = :to WHERE n = :name }\n    }\n",
         "14:15 \"move\" does not use :from [Moves `:name` from the pool `:from` to the pool "
         "`:to`, "
         "and nobody who is not in `:from`; several statements are one transaction, in which the "
         "first decides.]"},
        {HOME USERS "        move: [] }\n    }\n", "14:15 \"move\" holds no statement"},
        {HOME USERS "        move: [ 7 ] }\n    }\n",
         "14:17 \"move\" must be an SQL statement, not 7"},
        {ALL "    , retire: DROP p1 }\n",
         "15:15 \"retire\" does not use :pool [Takes the pool `:pool` out of service for good.]"},
        {ALL
         "    , services: { list: \"SELECT n FROM s WHERE p = :pool\", start: \"CALL s(:name)\" } "
         "}\n",
         ""},
    };
    char *found = outcome(rows[0].source);
    assert_non_null(strstr(found, "14:15 \"move\": "));
    assert_non_null(strstr(found, ":nam"));
    free(found);
    rows_check(rows + 1, sizeof rows / sizeof rows[0] - 1);
}

static void names_are_told_apart(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD
         "directories:\n  d: { driver: sql, server: a, file: d.db, legacy: Pool1, new: pool1,\n"
         "       users: { list: \":pool :after :limit\", count: c, find: \":name\",\n"
         "                move: \":name :from :to\" } }\n",
         "8:64 directories.d: the new pool has the name of the legacy pool "
         "[Only a pool of another name can be deployed beside it.]"},
        {ALL "    , pilot: [ ann, bo, ann ] }\n", "15:25 \"pilot\" names \"ann\" twice"},
        {ALL "    , pilot: [ [] ] }\n", "15:16 \"pilot\" must be a text, not list"},
        {ALL "    , pilot: 7 }\n",
         "15:14 \"pilot\" must be a list of names, or an SQL statement that "
         "gives them, not 7"},
        {ALL "    , applications: { pilot: { list: \":pool :after :limit\", count: c,\n"
             "        find: \":name\", move: \":name :from :to\" } } }\n",
         "15:23 an application cannot be called \"pilot\""},
        {ALL "    , applications: { applications: { list: \":pool :after :limit\", count: c,\n"
             "        find: \":name\", move: \":name :from :to\" } } }\n",
         "15:23 an application cannot be called \"applications\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void a_directory_is_in_a_file_or_a_database_of_its_server(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "directories:\n  d: { driver: sql, server: b, legacy: p1, new: p2,\n"
              "       users: { list: \":pool :after :limit\", count: c, find: \":name\",\n"
              "                move: \":name :from :to\" } }\n",
         "8:6 directories.d needs \"database\" [Server \"b\" has platform postgresql.]"},
        {HEAD "directories:\n  d: { driver: sql, server: c, legacy: p1, new: p2,\n"
              "       users: { list: \":pool :after :limit\", count: c, find: \":name\",\n"
              "                move: \":name :from :to\" } }\n",
         "8:29 server \"c\" of directories.d has no platform "
         "[Give the server a platform and a connection, or name another one.]"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void a_move_is_a_list_of_statements_however_it_was_written(void **state)
{
    (void)state;
    struct bsc_site_errors errors;
    static const char source[] = ALL "    }\n";
    bsc_site_errors_init(&errors);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "f", "/site", source, sizeof source - 1, &errors);
    assert_non_null(site);
    const struct bsc_value *directory =
        bsc_value_get(bsc_value_get(bsc_site_value(site), "directories"), "d");
    const struct bsc_value *move = bsc_value_get(bsc_value_get(directory, "users"), "move");
    assert_int_equal(bsc_value_count(move), 1);
    assert_int_equal(bsc_value_kind(bsc_value_get(directory, "pilot")), BSC_VALUE_LIST);
    assert_string_equal(bsc_value_get_string(directory, "path"), "/site/a/d.db");
    bsc_site_free(site);
    bsc_site_errors_release(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_says_who_is_where_and_how_they_are_moved),
        cmocka_unit_test(values_stand_in_statements_by_the_names_that_there_are),
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(a_directory_is_in_a_file_or_a_database_of_its_server),
        cmocka_unit_test(a_move_is_a_list_of_statements_however_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
