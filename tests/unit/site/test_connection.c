#include "unit.h"

#include "site/site.h"

static const char source[] =
    "site: s\n"
    "data_centres: { d1: }\n"
    "servers:\n"
    "  a: { data_centre: d1, platform: sqlite, folder: a, connection: \"Driver=SQLite3;\" }\n"
    "  b: { data_centre: d1, platform: postgresql, connection: \"Driver=x;UID=u ; \", secret: "
    "\"file:key\" }\n"
    "  c: { data_centre: d1 }\n"
    "  odd: { data_centre: d1, platform: sqlite, folder: \"o;d\", connection: Driver=x }\n";

struct row {
    const char *server, *file, *database;
    const char *expected; /* the string, or the message of the error */
};

static struct bsc_site *site_new(const char *folder)
{
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "f", folder, source, strlen(source), &errors);
    assert_non_null(site);
    return site;
}

static void rows_check(const struct row *rows, size_t count, const char *folder)
{
    struct bsc_site *site = site_new(folder);
    struct bsc_redactor *redactor = bsc_redactor_new();
    for (size_t i = 0; i < count; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_buf string;
        bsc_buf_init(&string);
        bool made = bsc_site_connection(site, rows[i].server, rows[i].file, rows[i].database,
                                        &string, redactor, &err);
        assert_string_equal(made ? string.data : err.message, rows[i].expected);
        bsc_site_string_wipe(&string);
        assert_null(string.data);
    }
    bsc_redactor_free(redactor);
    bsc_site_free(site);
}

static void the_string_names_the_database_of_the_copy(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a", "m.db", NULL, "Driver=SQLite3;Database=/site/a/m.db"},
        {"a", "sub/m.db", NULL, "Driver=SQLite3;Database=/site/a/sub/m.db"},
        {"a", "/site/a/m.db", NULL, "Driver=SQLite3;Database=/site/a/m.db"},
        {"a", NULL, NULL, "Driver=SQLite3"},
        {"a", NULL, "m", "Driver=SQLite3;Database=m"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0], "/site");
}

static void what_does_not_belong_to_the_server_is_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"z", "m.db", NULL, "the site has no server \"z\""},
        {"c", "m.db", NULL, "server \"c\" has no connection"},
        {"a", "../m.db", NULL, "file \"../m.db\" is not in the folder of server \"a\""},
        {"a", "x/../m.db", NULL, "file \"x/../m.db\" is not in the folder of server \"a\""},
        {"a", "/site/a/../m.db", NULL,
         "file \"/site/a/../m.db\" is not in the folder of server \"a\""},
        {"a", "/site/ab/m.db", NULL, "file \"/site/ab/m.db\" is not in the folder of server \"a\""},
        {"a", "/etc/passwd", NULL, "file \"/etc/passwd\" is not in the folder of server \"a\""},
        {"a", "", NULL, "file \"\" is not in the folder of server \"a\""},
        {"a", "m;Timeout=1", NULL,
         "database \"/site/a/m;Timeout=1\" of server \"a\" cannot stand in a connection string"},
        {"odd", "m", NULL,
         "database \"/site/o;d/m\" of server \"odd\" cannot stand in a connection string"},
        {"b", "m.db", NULL, "server \"b\" has no folder for file \"m.db\""},
        {"b", NULL, "x}y", "database \"x}y\" of server \"b\" cannot stand in a connection string"},
    };
    rows_check(rows, sizeof rows / sizeof rows[0], "/site");
}

static void the_secret_is_quoted_as_odbc_wants_it(void **state)
{
    static const struct {
        const char *secret, *expected;
    } rows[] = {
        {"hunter2", "Driver=x;UID=u;Database=m;PWD={hunter2}"},
        {"a;b{c}d}", "Driver=x;UID=u;Database=m;PWD={a;b{c}}d}}}"},
    };
    char *path = unit_path(*state, "key");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct row row = {"b", NULL, "m", rows[i].expected};
        unit_file_put(path, rows[i].secret, strlen(rows[i].secret));
        rows_check(&row, 1, *state);
    }
    free(path);
}

static void the_redactor_knows_the_secret_in_both_spellings(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_site *site = site_new(*state);
    struct bsc_buf string;
    char text[64] = "a}bcde and a}}bcde";
    char *path = unit_path(*state, "key");
    unit_file_put(path, "a}bcde\n", 7);
    bsc_buf_init(&string);
    assert_true(bsc_site_connection(site, "b", NULL, "m", &string, redactor, &err));
    assert_true(bsc_redact_text(redactor, text, sizeof text));
    assert_string_equal(text, "[secret] and [secret]");
    assert_true(bsc_redact_apply(redactor, &string));
    assert_string_equal(string.data, "Driver=x;UID=u;Database=m;PWD={[secret]}");
    bsc_site_string_wipe(&string);
    bsc_site_free(site);
    bsc_redactor_free(redactor);
    free(path);
}

static void a_secret_that_cannot_be_had_names_the_server(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_redactor *redactor = bsc_redactor_new();
    struct bsc_site *site = site_new(*state);
    struct bsc_buf string;
    bsc_buf_init(&string);
    assert_false(bsc_site_connection(site, "b", NULL, "m", &string, redactor, &err));
    assert_string_equal(err.message, "could not get the secret of server \"b\"");
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_non_null(strstr(err.cause, "could not open secret file"));
    bsc_site_string_wipe(&string);
    bsc_site_free(site);
    bsc_redactor_free(redactor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_string_names_the_database_of_the_copy),
        cmocka_unit_test(what_does_not_belong_to_the_server_is_refused),
        UNIT_IN_FOLDER(the_secret_is_quoted_as_odbc_wants_it),
        UNIT_IN_FOLDER(the_redactor_knows_the_secret_in_both_spellings),
        UNIT_IN_FOLDER(a_secret_that_cannot_be_had_names_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
