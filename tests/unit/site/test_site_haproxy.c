/*
 * What a site file says of pools behind HAProxy.
 */
#include "site_rows.h"

static void a_pool_in_haproxy_names_its_socket_and_backends(void **state)
{
    (void)state;
#define KNOWN HEAD "databases: { m: { primary: { server: a, file: m.db } } }\n"
#define POOL  KNOWN "pools: { p: { driver: haproxy, servers: [c], database: m,\n  "
    static const struct row rows[] = {
        {KNOWN "pools: { p: { driver: haproxy, servers: [c], backend: b, state_backend: r,\n"
               "  database: m, socket: s } }\n",
         ""},
        {KNOWN "pools: { p: { driver: haproxy, servers: [c], backend: b, state_backend: r,\n"
               "  socket: s } }\n",
         "8:13 pool \"p\" has driver haproxy and needs \"database\""},
        {KNOWN "pools: { p: { driver: haproxy, servers: [c], backend: b, database: m } }\n",
         "8:13 pool \"p\" has driver haproxy and needs \"state_backend\"\n"
         "8:13 pool \"p\" needs either \"socket\" or \"address\" "
         "[The runtime socket of a HAProxy is a path or HOST:PORT.]"},
        {KNOWN "pools: { p: { driver: haproxy, servers: [c], backend: b, state_backend: r,\n"
               "  database: m, socket: s, address: \"h:1\" } }\n",
         "8:13 pool \"p\" needs either \"socket\" or \"address\" "
         "[The runtime socket of a HAProxy is a path or HOST:PORT.]"},
        {POOL "backend: \"b; quit\", state_backend: r, socket: s } }\n",
         "9:12 \"backend\" is no name of a backend: \"b; quit\" "
         "[HAProxy's names are made of letters, digits and - _ . :]"},
        {POOL "backend: r, state_backend: r, socket: s } }\n",
         "9:12 pool \"p\" has the same \"backend\" and \"state_backend\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void each_of_several_haproxies_has_a_socket_of_its_own(void **state)
{
    (void)state;
#define SEVERAL POOL "backend: b, state_backend: r,\n  "
    static const struct row rows[] = {
        {SEVERAL
         "instances: [{ socket: s, state_file: f },\n  { address: \"h:1\", state_file: g }] } }\n",
         ""},
        {SEVERAL "instances: [{ socket: s }, { address: \"h:1\" }] } }\n", ""},
        {SEVERAL "instances: [{ socket: s, state_file: f }, { address: \"h:1\" }] } }\n",
         "10:14 pool \"p\" has a \"state_file\" for 1 of 2 instances "
         "[Give one to each of them, or to none.]"},
        {SEVERAL "instances: [] } }\n", "10:14 pool \"p\" has no instances"},
        {SEVERAL "socket: s, instances: [{ socket: t }] } }\n",
         "10:11 pool \"p\" has \"instances\", each with its own \"socket\""},
        {SEVERAL "instances: [{ state_file: f }] } }\n",
         "10:15 an instance of a pool needs either \"socket\" or \"address\" "
         "[The runtime socket of a HAProxy is a path or HOST:PORT.]"},
        {SEVERAL "instances: [{ address: \"h:1\" }, { address: \"h:1\" }] } }\n",
         "10:46 two instances have the same \"address\": \"h:1\""},
    };
#undef SEVERAL
#undef POOL
#undef KNOWN
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_in_haproxy_names_its_socket_and_backends),
        cmocka_unit_test(each_of_several_haproxies_has_a_socket_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
