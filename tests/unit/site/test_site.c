#include "site_rows.h"

#include <errno.h>

#include "fault_sys.h"
#include "value/digest.h"
#include "value/json.h"

static void wrong_keys_and_values_are_named_with_the_right_ones(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD, ""},
        {"- a\n", "1:1 a site file must be a map, not list [Begin with a line such as "
                  "\"site: litware\".]"},
        {"# empty\n", "1:1 a site file must be a map, not null [Begin with a line such as "
                      "\"site: litware\".]"},
        {"site: s\nsite: t\n", "2:1 key \"site\" appears twice [The first one is on line 1; keep "
                               "one of the two.]"},
        {"site: s\n",
         "1:1 key \"data_centres\" is missing in the site [Add \"data_centres\": The data centres "
         "by name.]\n"
         "1:1 key \"servers\" is missing in the site [Add \"servers\": The servers by name.]"},
        {"site: s\ndata_centres: {}\nservers:\n",
         "2:15 \"data_centres\" must not be empty\n"
         "3:9 key \"servers\" is missing in the site [Add \"servers\": The servers by name.]"},
        {HEAD "sevrers: {}\n", "7:1 unknown key \"sevrers\" in the site [Did you mean "
                               "\"servers\"?]"},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db }\n"
              "    seconday_mirror: { server: a, file: n.db }\n",
         "10:5 unknown key \"seconday_mirror\" in databases.m [Did you mean "
         "\"secondary_mirror\"?]"},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db, zzz: 1 }\n",
         "9:39 unknown key \"zzz\" in databases.m.primary [Possible here: server, file, database, "
         "salvage.]"},
        {HEAD "databases: [a]\n", "7:12 \"databases\" must be a map from names to maps, not list"},
        {HEAD "databases: { M: { primary: { server: a, file: m.db } } }\n",
         "7:14 \"M\" is not a valid name [Use at most 63 small letters, digits, _ and -, a letter "
         "first.]"},
        {HEAD "databases: { m: text }\n", "7:17 \"m\" must be a map, not text"},
        {HEAD "databases: { m: }\n",
         "7:17 key \"primary\" is missing in databases.m [Add \"primary\": The copy that users "
         "write to.]"},
        {HEAD "databases: { m: { failover: nver, primary: { server: a, file: m.db } } }\n",
         "7:29 \"failover\" must be one of allowed, never, not \"nver\" [Did you mean \"never\"?]"},
        {HEAD "databases: { m: { note: 5, primary: { server: a, file: m.db } } }\n",
         "7:25 \"note\" must be a text, not 5"},
        {HEAD "databases: { m: { note: [], primary: { server: a, file: m.db } } }\n",
         "7:25 \"note\" must be a text, not list"},
        {HEAD "databases: { m: { primary: { server: a, file: m.db },\n"
              "  secondary: { server: a, file: n.db },\n"
              "  log_shipping: { share: s, destination: d, pid_file: p, stop: [kill, 5],\n"
              "                  start: [] } } }\n",
         "9:71 \"stop\" must be a list of texts, not int"},
        {HEAD "databases: { m: { primary: { server: a, file: m.db },\n"
              "  secondary: { server: a, file: n.db },\n"
              "  log_shipping: { share: s, destination: d, stop: [systemctl, stop, x] } } }\n",
         "9:51 log_shipping of database \"m\" has stop but no pid_file [Add the file by which the "
         "job is known.]"},
        {HEAD "databases: { m: { primary: { server: a, file: m.db },\n"
              "  secondary: { server: a, file: n.db },\n"
              "  log_shipping: { share: s, destination: d, into_pg_wal: true } } }\n",
         "9:58 log_shipping of database \"m\" has into_pg_wal, but its secondary has no data "
         "folder "
         "of postgresql on this machine [Leave it out, or add the folder to the server of the "
         "secondary.]"},
        {HEAD "links: [ 5, { between: [d1, d2], low_latency: \"yes\" } ]\n",
         "7:10 \"links\" must be a list of maps, not int\n"
         "7:47 \"low_latency\" must be true or false, not \"yes\""},
        {"site: Nope\ndata_centres: { d1: }\nservers: { a: { data_centre: d1 } }\n",
         "1:7 \"site\" must be a name of small letters, digits, _ and - that begins with a letter, "
         "not \"Nope\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void sizes_durations_and_numbers_have_their_form(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "  e: { data_centre: d1, connect_timeout: 5 }\n",
         "7:42 \"connect_timeout\" must be a duration such as 250ms, 5s or 2m, not 5"},
        {HEAD "  e: { data_centre: d1, start: go }\n",
         "7:32 \"start\" must be a list of words: a program and its arguments, not text"},
        {HEAD "  e: { data_centre: d1, start: [go, 1] }\n",
         "7:37 \"start\" must be a list of texts, not int"},
        {HEAD "  e: { data_centre: d1, stop: [\"\", x] }\n", "7:32 \"stop\" names no program"},
        {HEAD "  e: { data_centre: d1, connect_timeout: 5x }\n",
         "7:42 \"connect_timeout\" must be a duration such as 250ms, 5s or 2m, not \"5x\""},
        {HEAD "  e: { data_centre: d1, connect_timeout: 0s }\n",
         "7:42 \"connect_timeout\" must be a duration such as 250ms, 5s or 2m, not \"0s\""},
        {HEAD "  e: { data_centre: d1, connect_timeout: 9223372036854775807h }\n",
         "7:42 \"connect_timeout\" must be a duration such as 250ms, 5s or 2m, not "
         "\"9223372036854775807h\""},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db }\n"
              "    secondary: { server: a, file: n.db }\n"
              "    log_shipping: { share: x, destination: z, destination_limit: 10MB }\n",
         "11:66 \"destination_limit\" must be a size such as 64KiB, 256MiB or 2GiB, not \"10MB\""},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db }\n"
              "    secondary: { server: a, file: n.db }\n"
              "    log_shipping: { share: x, destination: z, destination_limit: -1 }\n",
         "11:66 \"destination_limit\" must be a size such as 64KiB, 256MiB or 2GiB, not -1"},
        {HEAD "pools: { p: { driver: lync, servers: [c], maximum_active: 65 } }\n",
         "7:59 \"maximum_active\" must be from 1 to 64, not 65"},
        {HEAD "pools: { p: { driver: lync, servers: [c], maximum_active: four } }\n",
         "7:59 \"maximum_active\" must be a whole number, not \"four\""},
        {HEAD "pools: { p: { driver: lync, servers: [c], maximum_active: 1.5 } }\n",
         "7:59 \"1.5\" can be read in more than one way [Put it in quotes if a text is meant.]"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void names_must_lead_somewhere(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "  e: { data_centre: d9 }\n",
         "7:21 there is no data centre named \"d9\" [Did you mean \"d1\"?]"},
        {HEAD "  e: { data_centre: 7 }\n", "7:21 \"data_centre\" must be a name defined in this "
                                           "file, not 7"},
        {HEAD "databases: { m: { primary: { server: nowhere, file: m.db } } }\n",
         "7:38 there is no server named \"nowhere\" [Define it under \"servers\".]"},
        {HEAD "links: [ { between: [d1, d1] } ]\n", "7:26 \"between\" names \"d1\" twice"},
        {HEAD "links: [ { between: [d1] } ]\n", "7:21 \"between\" must name exactly 2, not 1"},
        {HEAD "links: [ { between: [d1, d2, d1] } ]\n",
         "7:21 \"between\" must name exactly 2, not 3\n7:30 \"between\" names \"d1\" twice"},
        {HEAD "links: [ { between: [d1, d3] } ]\n",
         "7:26 there is no data centre named \"d3\" [Did you mean \"d1\"?]"},
        {HEAD "links: [ { between: [d1, d2] }, { between: [d2, d1], low_latency: true } ]\n",
         "7:44 there are two links between \"d2\" and \"d1\""},
        {HEAD "pools: { p: { driver: lync, servers: [] } }\n",
         "7:38 \"servers\" must name at least 1, not 0"},
        {HEAD "pools: { p: { driver: lync, servers: [c, c, {}] } }\n",
         "7:42 \"servers\" names \"c\" twice\n"
         "7:45 the name of a server must be a text, not map"},
        {HEAD "pools: { p: { driver: lync, servers: [c], database: m } }\n",
         "7:53 there is no database named \"m\" [Define it under \"databases\".]"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void a_copy_needs_a_server_that_can_hold_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "databases: { m: { primary: { server: c, file: m.db } } }\n",
         "7:38 server \"c\" of databases.m.primary has no platform [Give the server a platform and "
         "a connection, or name another one.]"},
        {HEAD "databases: { m: { primary: { server: a, database: m } } }\n",
         "7:28 databases.m.primary needs \"file\" [Server \"a\" has platform sqlite.]\n"
         "7:51 databases.m.primary must not have \"database\" [Server \"a\" has platform sqlite; "
         "use \"file\".]"},
        {HEAD "databases: { m: { primary: { server: b, file: m.db } } }\n",
         "7:28 databases.m.primary needs \"database\" [Server \"b\" has platform postgresql.]\n"
         "7:47 databases.m.primary must not have \"file\" [Server \"b\" has platform postgresql; "
         "use \"database\".]"},
        {HEAD "databases: { m: { primary: { server: b, database: m } } }\n", ""},
        {HEAD "databases: { m: { primary: { server: b, database: \"m;PWD=x\" } } }\n",
         "7:51 \"database\" must be the name of a database, not \"m;PWD=x\""},
        {HEAD "databases: { m: { primary: { server: a, file: ../m.db } } }\n",
         "7:47 \"file\" must be a file name below the server's folder, without \"..\", not "
         "\"../m.db\""},
        {HEAD "databases: { m: { primary: { server: a, file: m.db }, mirror: { server: a, file: "
              "m.db } } }\n",
         "7:82 databases.m.mirror and databases.m.primary are the same database \"/site/a/m.db\" "
         "[Give each copy a place of its own.]"},
        {HEAD "databases:\n  m: { primary: { server: b, database: m } }\n"
              "  o: { primary: { server: b, database: m } }\n",
         "9:40 databases.o.primary and databases.m.primary are the same database \"b: m\" [Give "
         "each copy a place of its own.]"},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db }\n"
              "    log_shipping: { share: x, destination: ./x/ }\n",
         "10:19 database \"m\" has log_shipping but no secondary [Add the copy that the log "
         "backups are applied to.]\n"
         "10:44 share and destination of database \"m\" are the same folder"},
        {HEAD "databases:\n  m:\n    primary: { server: a, file: m.db }\n"
              "    loss_check: { server: c, known: SELECT 1, kept: SELECT 1 }\n",
         "10:27 server \"c\" of databases.m.loss_check has no platform [Give the server a platform "
         "and a connection, or name another one.]"},
        {HEAD "  e: { data_centre: d1, platform: sqlite }\n",
         "7:6 server \"e\" has a platform but no connection [Add its ODBC connection string, such "
         "as connection: Driver=SQLite3.]\n"
         "7:6 server \"e\" has platform sqlite but no folder [Add the folder that holds its "
         "database files.]"},
        {HEAD "  e: { data_centre: d1, platform: sqlite, folder: , connection: }\n",
         "7:6 server \"e\" has a platform but no connection [Add its ODBC connection string, such "
         "as connection: Driver=SQLite3.]\n"
         "7:6 server \"e\" has platform sqlite but no folder [Add the folder that holds its "
         "database files.]"},
        {HEAD "  e: { data_centre: d1, platform: oracle, connection: x }\n"
              "databases: { m: { primary: { server: e, file: m.db } } }\n",
         "7:35 \"platform\" must be one of sqlite, postgresql, sqlserver, not \"oracle\""},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void files_outside_the_servers_folder_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"/etc/passwd", "..", "../m", "x/../../m", "x/..",
                                        "./m",         ".",  "x//m", "x/",        "x\\n"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char source[1024];
        snprintf(source, sizeof source,
                 HEAD "databases: { m: { primary: { server: a, file: \"%s\" } } }\n", files[i]);
        char *found = outcome(source);
        assert_non_null(strstr(found, "7:47 \"file\" must be a file name below"));
        free(found);
    }
}

static void the_table_of_a_pool_is_an_sql_name(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {HEAD "pools: { p: { driver: table, servers: [c] } }\n",
         "7:13 pool \"p\" has driver table and needs \"server\"\n"
         "7:13 pool \"p\" has driver table and needs \"table\""},
        {HEAD "pools: { p: { driver: table, server: a, table: t, servers: [c] } }\n",
         "7:13 pools.p needs \"file\" [Server \"a\" has platform sqlite.]"},
        {HEAD "pools: { p: { driver: table, server: b, table_database: x, table: dbo.t, servers: "
              "[c] } }\n",
         ""},
        {HEAD "pools: { p: { driver: table, server: b, table: t, servers: [c] } }\n",
         "7:13 pools.p needs \"table_database\" [Server \"b\" has platform postgresql.]"},
        {HEAD "pools: { p: { driver: tabel, servers: [c] } }\n",
         "7:23 \"driver\" must be one of table, haproxy, lync, not \"tabel\" [Did you mean "
         "\"table\"?]"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
    static const char *const bad[] = {"1t", "t x", "t;drop", "a.b.c", "a.", ".a", "t'", "\\u00e9"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char source[1024];
        snprintf(source, sizeof source,
                 HEAD "pools: { p: { driver: table, server: a, file: p.db, table: \"%s\", servers: "
                      "[c] } }\n",
                 bad[i]);
        char *found = outcome(source);
        assert_non_null(strstr(found, "\"table\" must be an SQL name such as pool or dbo.pool"));
        free(found);
    }
}

static void a_password_is_refused_and_never_repeated(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "connection: \"Driver=x;PWD=hunter2\"",
        "connection: \"Driver=x; pwd = hunter2\"",
        "connection: \"Password=hunter2;Driver=x\"",
        "connection: \"Driver=x;a={b;PASSWORD=hunter2}\"",
        "connection: Driver=x, secret: hunter2",
        "connection: Driver=x, secret: \"env:hunter2 \"",
        "connection: Driver=x, secret: \"command:\"",
        "connection: Driver=x, secret: \"command:[hunter2]\"",
        "connection: Driver=x, secret: \"command:[]\"",
        "connection: Driver=x, secret: \"command:[\\\"hunter2\\\", 5]\"",
        "connection: Driver=x, secret: \"file:\"",
        "connection: Driver=x, password: hunter2",
        "connection: [hunter2]",
        "connection: Driver=x, secret: {a: hunter2}",
        "connection: \"hunter2\\n\"",
        "connection: \"Driver=x;Database=hunter2\"",
        "secret: \"env:X\"",
        "connection: Driver=x, conninfo: \"host=a password=hunter2\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char source[1024];
        snprintf(source, sizeof source, HEAD "  e: { data_centre: d1, %s }\n", parts[i]);
        char *found = outcome(source);
        assert_memory_equal(found, "7:", 2);
        assert_null(strstr(found, "hunter2"));
        free(found);
    }
    char *found = outcome(HEAD "  e: { data_centre: d1, connection: x, Password: hunter2 }\n");
    assert_string_equal(found, "7:40 unknown key \"Password\" in servers.e [Name where the "
                               "password is found: secret: file:PATH.]");
    free(found);
}

static void every_form_of_secret_reference_is_accepted(void **state)
{
    (void)state;
    static const char *const references[] = {"env:A_1", "file:secrets/a b", "file:/etc/x",
                                             "command:pass show x",
                                             "command:[\\\"pass\\\", \\\"show\\\", \\\"a b\\\"]"};
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        char source[1024];
        snprintf(source, sizeof source,
                 HEAD "  e: { data_centre: d1, connection: x, secret: \"%s\" }\n", references[i]);
        char *found = outcome(source);
        assert_string_equal(found, "");
        free(found);
    }
}

static void every_error_of_a_file_is_reported_in_order_of_place(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"site: S\n"
         "data_centers: { d1: }\n"
         "servers:\n"
         "  a: { data_centre: d1, platfrom: sqlite }\n"
         "  b: {}\n",
         "1:1 key \"data_centres\" is missing in the site [Add \"data_centres\": The data centres "
         "by name.]\n"
         "1:7 \"site\" must be a name of small letters, digits, _ and - that begins with a letter, "
         "not \"S\"\n"
         "2:1 unknown key \"data_centers\" in the site [Did you mean \"data_centres\"?]\n"
         "4:21 there is no data centre named \"d1\" [Define it under \"data_centres\".]\n"
         "4:25 unknown key \"platfrom\" in servers.a [Did you mean \"platform\"?]\n"
         "5:6 key \"data_centre\" is missing in servers.b [Add \"data_centre\": The data centre in "
         "which the server stands.]"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0]);
}

static void no_more_than_a_hundred_errors_are_kept(void **state)
{
    (void)state;
    struct bsc_buf source;
    bsc_buf_init(&source);
    bsc_buf_add_text(&source, HEAD);
    for (int i = 0; i < 500; i++)
        bsc_buf_printf(&source, "wrong%d: 1\n", i);
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    assert_null(bsc_site_parse(bsc_sys_real(), "f", "/site", source.data, source.length, &errors));
    assert_int_equal(errors.count, 100);
    assert_true(errors.more);
    bsc_site_errors_release(&errors);
    bsc_buf_release(&source);
}

static void the_map_is_normalised(void **state)
{
    (void)state;
    static const char source[] =
        "site: s\n"
        "data_centres: { d1: }\n"
        "servers:\n"
        "  a: { data_centre: d1, platform: sqlite, folder: .//x/./a/, connection: Driver=SQLite3,\n"
        "       secret: \"env:A\", connect_timeout: 2m, start: [go, \"\"] }\n"
        "databases:\n"
        "  m:\n"
        "    note:\n"
        "    primary: { server: a, file: sub/m.db, salvage: /rescued/m.db }\n"
        "    secondary: { server: a, file: n.db }\n"
        "    log_shipping: { share: /share, destination: in, destination_limit: 2MiB }\n"
        "pools:\n"
        "  p: { driver: table, server: a, file: p.db, table: t, database: m, servers: [a] }\n";
    static const char expected[] =
        "{\"data_centres\":{\"d1\":{\"title\":null}},\"databases\":{\"m\":{\"backlog\":null,"
        "\"failover\":\"allowed\",\"log_shipping\":{\"destination\":\"/site/in\","
        "\"destination_limit\":2097152,\"into_pg_wal\":false,\"job\":[],\"pid_file\":null,"
        "\"share\":\"/share\",\"start\":[],\"stop\":[]},"
        "\"loss_check\":null,\"mirror\":null,\"note\":null,\"primary\":{\"database\":null,\"file\":"
        "\"sub/m.db\","
        "\"path\":\"/site/x/a/sub/m.db\",\"salvage\":\"/rescued/m.db\",\"server\":\"a\"},"
        "\"secondary\":{\"database\":null,\"file\":\"n.db\",\"path\":\"/site/x/a/n.db\","
        "\"salvage\":null,\"server\":\"a\"},\"secondary_mirror\":null}},\"directories\":{},"
        "\"links\":[],\"pools\":"
        "{\"p\":{\"address\":null,\"backend\":null,\"database\":\"m\",\"driver\":\"table\","
        "\"file\":\"p.db\",\"instances\":[],\"master_socket\":null,\"maximum_active\":4,"
        "\"path\":\"/site/x/a/"
        "p.db\",\"server\":\"a\",\"servers\":[\"a\"],\"socket\":null,\"state_backend\":null,"
        "\"state_file\":null,\"table\":\"t\","
        "\"table_database\":null}},\"servers\":{\"a\":{\"address\":null,\"connect_timeout\":120000,"
        "\"connection\":\"Driver=SQLite3\",\"conninfo\":null,\"data_centre\":\"d1\",\"fence\":null,"
        "\"folder\":\"/site/x/a\",\"platform\":\"sqlite\",\"programs\":null,\"secret\":true,"
        "\"ssh\":null,\"start\":[\"go\",\"\"],\"stop\":[],\"user\":null}},\"site\":\"s\"}";
    struct bsc_site_errors errors;
    struct bsc_buf out;
    bsc_buf_init(&out);
    bsc_site_errors_init(&errors);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "f", "/site", source, strlen(source), &errors);
    assert_non_null(site);
    bsc_json_canonical(bsc_site_value(site), &out);
    assert_string_equal(out.data, expected);
    const struct bsc_value *copy = bsc_value_get(bsc_site_database(site, "m"), "primary");
    assert_int_equal(bsc_value_place(copy).line, 9);
    assert_int_equal(bsc_value_place(bsc_value_get(copy, "file")).column, 33);
    assert_non_null(bsc_site_server(site, "a"));
    assert_null(bsc_site_server(site, "z"));
    assert_non_null(bsc_site_pool(site, "p"));
    assert_string_equal(bsc_site_folder(site), "/site");
    assert_string_equal(bsc_site_source(site), source);
    assert_int_equal(bsc_site_source_length(site), strlen(source));
    bsc_site_free(site);
    bsc_buf_release(&out);
}

static void a_file_is_read_and_its_bytes_are_digested(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char digest[BSC_DIGEST_HEX];
    char *path = unit_path(*state, "site.yaml");
    unit_file_put(path, HEAD, strlen(HEAD));
    struct bsc_site *site = bsc_site_load(bsc_sys_real(), path, &err);
    assert_non_null(site);
    bsc_digest_text(HEAD, strlen(HEAD), digest);
    assert_string_equal(bsc_site_digest(site), digest);
    char *folder = unit_path(*state, "a");
    char *real = realpath(*state, NULL);
    assert_string_equal(bsc_site_folder(site), real);
    assert_string_equal(bsc_value_get_string(bsc_site_server(site, "a"), "folder") + strlen(real),
                        "/a");
    free(real);
    free(folder);
    bsc_site_free(site);
    free(path);
}

static void the_first_error_says_how_many_more_there_are(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "site.yaml");
    unit_file_put(path, "site: s\n", 8);
    assert_null(bsc_site_load(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_string_equal(err.message, "key \"data_centres\" is missing in the site");
    assert_string_equal(err.detail, "The file has 1 more error.");
    assert_memory_equal(err.where, path, strlen(path));
    assert_string_equal(err.where + strlen(path), ":1:1");
    free(path);
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "none.yaml");
    assert_null(bsc_site_load(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "none.yaml"));
    free(path);
    path = unit_path(*state, "no/folder/site.yaml");
    assert_null(bsc_site_load(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    free(path);
}

static void a_file_over_one_mebibyte_is_refused(void **state)
{
    enum { SIZE = 1024 * 1024 + 1 };
    struct bsc_err err = BSC_ERR_INIT;
    char *path = unit_path(*state, "site.yaml");
    char *bytes = calloc(SIZE, 1);
    assert_non_null(bytes);
    memset(bytes, '#', SIZE);
    unit_file_put(path, bytes, SIZE);
    assert_null(bsc_site_load(bsc_sys_real(), path, &err));
    assert_int_equal(err.code, BSC_ERR_LIMIT);
    free(bytes);
    free(path);
}

static void every_system_call_of_a_load_may_fail(void **state)
{
    char *path = unit_path(*state, "site.yaml");
    int descriptors = unit_fd_count();
    unsigned long failed = 0;
    unit_file_put(path, HEAD, strlen(HEAD));
    for (unsigned long n = 1;; n++) {
        struct unit_sys fault;
        struct bsc_err err = BSC_ERR_INIT;
        unit_sys_init(&fault);
        unit_sys_fail(&fault, n, EIO, false);
        struct bsc_site *site = bsc_site_load(&fault.table, path, &err);
        if (!fault.failed) {
            assert_non_null(site);
            bsc_site_free(site);
            break;
        }
        failed++;
        /* A file that was only read has lost nothing when its close fails. */
        assert_true((site != NULL) == (fault.failed_kind == UNIT_SYS_CLOSE));
        if (site == NULL) {
            assert_int_equal(err.code, BSC_ERR_IO);
            assert_non_null(strstr(err.message, "site.yaml"));
        }
        bsc_site_free(site);
        assert_int_equal(unit_fd_count(), descriptors);
    }
    assert_true(failed >= 4);
    free(path);
}

static void short_reads_make_no_difference(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct unit_sys fault;
    char *path = unit_path(*state, "site.yaml");
    unit_file_put(path, HEAD, strlen(HEAD));
    unit_sys_init(&fault);
    fault.length_max = 7;
    struct bsc_site *site = bsc_site_load(&fault.table, path, &err);
    assert_non_null(site);
    assert_string_equal(bsc_site_source(site), HEAD);
    bsc_site_free(site);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_keys_and_values_are_named_with_the_right_ones),
        cmocka_unit_test(sizes_durations_and_numbers_have_their_form),
        cmocka_unit_test(names_must_lead_somewhere),
        cmocka_unit_test(a_copy_needs_a_server_that_can_hold_it),
        cmocka_unit_test(files_outside_the_servers_folder_are_refused),
        cmocka_unit_test(the_table_of_a_pool_is_an_sql_name),
        cmocka_unit_test(a_password_is_refused_and_never_repeated),
        cmocka_unit_test(every_form_of_secret_reference_is_accepted),
        cmocka_unit_test(every_error_of_a_file_is_reported_in_order_of_place),
        cmocka_unit_test(no_more_than_a_hundred_errors_are_kept),
        cmocka_unit_test(the_map_is_normalised),
        UNIT_IN_FOLDER(a_file_is_read_and_its_bytes_are_digested),
        UNIT_IN_FOLDER(the_first_error_says_how_many_more_there_are),
        UNIT_IN_FOLDER(a_file_that_is_not_there_is_named),
        UNIT_IN_FOLDER(a_file_over_one_mebibyte_is_refused),
        UNIT_IN_FOLDER(every_system_call_of_a_load_may_fail),
        UNIT_IN_FOLDER(short_reads_make_no_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
