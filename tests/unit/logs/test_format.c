#include "unit.h"

#include "logs/format.h"
#include "os/sys.h"

enum { PAGE = 512, PAGES = 5 };

static struct bsc_logs_header a_header(void)
{
    return (struct bsc_logs_header){.database_id = "00112233445566778899aabbccddeeff",
                                    .fork = "ffeeddccbbaa99887766554433221100",
                                    .first_lsn = 10,
                                    .last_lsn = 25,
                                    .db_pages = 9,
                                    .commits = 3,
                                    .time_ms = 1700000000000};
}

/* Pages 1, 3, 5, 7, 9, each filled with its number. */
static char *write_backup(const char *folder, struct bsc_logs_header *header)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[PAGE];
    *header = a_header();
    char *name = bsc_logs_format_name("mgc", header->last_lsn);
    assert_true(bsc_logs_writer_open(&writer, bsc_sys_real(), folder, name, PAGE, &err));
    for (uint32_t i = 1; i <= 2 * PAGES - 1; i += 2) {
        memset(page, (int)i, sizeof page);
        assert_true(bsc_logs_writer_page(&writer, i, page, &err));
    }
    assert_true(bsc_logs_writer_finish(&writer, header, &err));
    bsc_logs_writer_release(&writer);
    char *path = unit_path(folder, name);
    free(name);
    return path;
}

static bool is_readable(const char *path, enum bsc_err_code *ret_code)
{
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    bool ok = bsc_logs_reader_open(&reader, bsc_sys_real(), path, &err) &&
              bsc_logs_reader_verify(&reader, &err);
    bsc_logs_reader_release(&reader);
    *ret_code = err.code;
    return ok;
}

static void what_is_written_is_read_back(void **state)
{
    struct bsc_logs_header header;
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    const unsigned char *bytes = NULL;
    uint32_t page = 0;
    char *path = write_backup(*state, &header);
    assert_true(bsc_logs_reader_open(&reader, bsc_sys_real(), path, &err));
    assert_memory_equal(reader.header.digest, header.digest, sizeof header.digest);
    assert_string_equal(reader.header.fork, header.fork);
    assert_string_equal(reader.header.previous_fork, "");
    assert_int_equal(reader.header.last_lsn, 25);
    for (uint32_t i = 1; i <= 2 * PAGES - 1; i += 2) {
        assert_true(bsc_logs_reader_next(&reader, &page, &bytes, &err));
        assert_int_equal(page, i);
        assert_int_equal(bytes[PAGE - 1], i);
    }
    assert_true(bsc_logs_reader_next(&reader, &page, &bytes, &err));
    assert_null(bytes);
    bsc_logs_reader_release(&reader);
    assert_int_equal(unit_entry_count(*state), 1);
    free(path);
}

static void every_changed_byte_is_noticed(void **state)
{
    struct bsc_logs_header header;
    enum bsc_err_code code = BSC_ERR_NONE;
    size_t length = 0;
    char *path = write_backup(*state, &header);
    char *bytes = unit_file_get(path, &length);
    for (size_t at = 0; at < length; at += at < 160 || at > 4060 ? 1 : 97) {
        bytes[at] = (char)(bytes[at] ^ 0x10);
        unit_file_put(path, bytes, length);
        if (is_readable(path, &code))
            fail_msg("byte %zu was changed and nobody noticed", at);
        assert_int_equal(code, BSC_ERR_DAMAGED);
        bytes[at] = (char)(bytes[at] ^ 0x10);
    }
    free(bytes);
    free(path);
}

static void every_cut_and_every_surplus_is_noticed(void **state)
{
    struct bsc_logs_header header;
    enum bsc_err_code code = BSC_ERR_NONE;
    size_t length = 0;
    char *path = write_backup(*state, &header);
    char *bytes = unit_file_get(path, &length);
    for (size_t cut = 0; cut < length; cut += 131) {
        unit_file_put(path, bytes, cut);
        assert_false(is_readable(path, &code));
        assert_int_equal(code, BSC_ERR_DAMAGED);
    }
    bytes = realloc(bytes, length + 1);
    unit_file_put(path, bytes, length + 1);
    assert_false(is_readable(path, &code));
    unit_file_put(path, bytes, length);
    assert_true(is_readable(path, &code));
    free(bytes);
    free(path);
}

static void a_header_that_makes_no_sense_is_refused_though_its_checksum_is_right(void **state)
{
    unsigned char bytes[BSC_LOGS_FORMAT_HEADER];
    struct bsc_logs_header bad[6];
    struct bsc_err err = BSC_ERR_INIT;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        bad[i] = a_header();
        bad[i].page_size = PAGE;
        bad[i].page_count = PAGES;
    }
    bsc_logs_format_encode(&bad[0], bytes);
    assert_true(bsc_logs_format_decode("x", bytes, &bad[0], &err));
    bad[0].last_lsn = bad[0].first_lsn;
    bad[1].page_size = 1000;
    bad[2].page_count = bad[2].db_pages + 1;
    bad[3].first_lsn = -1;
    bad[4].fork[0] = '\0';
    bad[5].page_count = 0;
    for (size_t i = 0; i < 6; i++) {
        bsc_logs_format_encode(&bad[i], bytes);
        assert_false(bsc_logs_format_decode("x", bytes, &bad[i], &err));
    }
}

static void names_are_told_apart(void **state)
{
    int64_t lsn = 0;
    (void)state;
    assert_true(bsc_logs_format_is_name("mgc_00000000000000000025.blog", &lsn));
    assert_int_equal(lsn, 25);
    assert_false(bsc_logs_format_is_name("_00000000000000000025.blog", &lsn));
    assert_false(bsc_logs_format_is_name("mgc_0000000000000000002x.blog", &lsn));
    assert_false(bsc_logs_format_is_name("mgc_25.blog", &lsn));
    assert_false(bsc_logs_format_is_name(".mgc_00000000000000000025.blog", &lsn));
    assert_true(bsc_logs_format_is_partial(".mgc_00000000000000000025.blog.partial"));
    assert_false(bsc_logs_format_is_partial("mgc_00000000000000000025.blog"));
}

static void what_is_no_ordinary_file_is_not_waited_for(void **state)
{
    struct bsc_logs_header header = {0};
    char *pipe = unit_path(*state, "mgc_00000000000000000025.blog");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int before = unit_fd_count();
    const char *paths[] = {pipe, *state};
    for (int i = 0; i < 2; i++) {
        struct bsc_err err = BSC_ERR_INIT;
        assert_false(bsc_logs_format_peek(bsc_sys_real(), paths[i], &header, &err));
        assert_int_equal(err.code, BSC_ERR_INVALID);
    }
    assert_int_equal(unit_fd_count(), before);
    free(pipe);
}

static void an_unfinished_backup_leaves_nothing(void **state)
{
    struct bsc_logs_writer writer = BSC_LOGS_WRITER_INIT;
    struct bsc_err err = BSC_ERR_INIT;
    unsigned char page[PAGE] = {0};
    assert_true(bsc_logs_writer_open(&writer, bsc_sys_real(), *state, "a.blog", PAGE, &err));
    assert_true(bsc_logs_writer_page(&writer, 1, page, &err));
    assert_int_equal(unit_entry_count(*state), 1);
    bsc_logs_writer_release(&writer);
    assert_int_equal(unit_entry_count(*state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(what_is_written_is_read_back),
        UNIT_IN_FOLDER(every_changed_byte_is_noticed),
        UNIT_IN_FOLDER(every_cut_and_every_surplus_is_noticed),
        cmocka_unit_test(a_header_that_makes_no_sense_is_refused_though_its_checksum_is_right),
        cmocka_unit_test(names_are_told_apart),
        UNIT_IN_FOLDER(what_is_no_ordinary_file_is_not_waited_for),
        UNIT_IN_FOLDER(an_unfinished_backup_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
