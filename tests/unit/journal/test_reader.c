#include "unit.h"

#include <errno.h>
#include <sys/stat.h>

#include "fault_sys.h"
#include "fixture.h"
#include "journal/reader.h"

/* A journal held in memory, its lines, and a file to put variants of it into. */
struct book {
    char *path;
    char *bytes;
    size_t length;
    size_t starts[BSC_JOURNAL_KIND_MAX_ + 1]; /* where each line begins; last: the end */
};

enum { LINES = BSC_JOURNAL_KIND_MAX_ };

static void book_open(struct book *book, const char *folder)
{
    book->path = fixture_journal(folder);
    book->bytes = unit_file_get(book->path, &book->length);
    size_t line = 0;
    book->starts[0] = 0;
    for (size_t i = 0; i < book->length; i++)
        if (book->bytes[i] == '\n')
            book->starts[++line] = i + 1;
    assert_int_equal(line, LINES);
}

static void book_close(struct book *book)
{
    free(book->path);
    free(book->bytes);
}

static struct bsc_journal_report verify(const struct book *book, const char *bytes, size_t length)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    unit_file_put(book->path, bytes, length);
    assert_true(bsc_journal_verify(bsc_sys_real(), book->path, &report, &err));
    return report;
}

/* Verifies the lines whose numbers (from 0) are given. */
static struct bsc_journal_report verify_lines(const struct book *book, const int *lines, int count)
{
    char *bytes = malloc(2 * book->length);
    size_t length = 0;
    for (int i = 0; i < count; i++) {
        size_t start = book->starts[lines[i]], size = book->starts[lines[i] + 1] - start;
        memcpy(bytes + length, book->bytes + start, size);
        length += size;
    }
    struct bsc_journal_report report = verify(book, bytes, length);
    free(bytes);
    return report;
}

static void a_whole_journal_is_ended_and_counted(void **state)
{
    struct book book;
    book_open(&book, *state);
    struct bsc_journal_report report = verify(&book, book.bytes, book.length);
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_NONE);
    assert_int_equal(report.records, LINES);
    assert_int_equal(report.good_bytes, book.length);
    assert_int_equal(report.bad_line, 0);
    assert_int_equal(report.found_seq, 0);
    for (int i = 0; i < LINES; i++)
        assert_int_equal(report.counts[i], 1);
    assert_string_equal(report.first_time, "2026-11-20T23:15:01.007Z");
    assert_string_equal(report.last_time, "2026-11-20T23:15:01.112Z");
    book_close(&book);
}

/* The line that byte i belongs to, from 1. */
static int64_t line_of(const struct book *book, size_t i)
{
    int64_t line = 1;
    while (book->starts[line] <= i)
        line++;
    return line;
}

static void every_flipped_byte_is_found_in_its_line(void **state)
{
    static const unsigned char masks[] = {0x01, 0xff};
    struct book book;
    book_open(&book, *state);
    for (size_t i = 0; i < book.length; i++) {
        for (size_t m = 0; m < sizeof masks; m++) {
            book.bytes[i] = (char)(book.bytes[i] ^ masks[m]);
            struct bsc_journal_report report = verify(&book, book.bytes, book.length);
            book.bytes[i] = (char)(book.bytes[i] ^ masks[m]);
            int64_t line = line_of(&book, i);
            assert_int_equal(report.state,
                             line == LINES || (line == LINES - 1 && book.bytes[i] == '\n')
                                 ? BSC_JOURNAL_TORN
                                 : BSC_JOURNAL_DAMAGED);
            assert_int_equal(report.bad_line, line);
            assert_int_equal(report.bad_seq, line);
            assert_int_equal(report.records, line - 1);
            assert_int_not_equal(report.fault, BSC_JOURNAL_FAULT_NONE);
        }
    }
    book_close(&book);
}

static void every_cut_is_called_open_or_torn_and_never_ended(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (size_t length = 0; length < book.length; length++) {
        struct bsc_journal_report report = verify(&book, book.bytes, length);
        int64_t line = line_of(&book, length);
        bool between = length == book.starts[line - 1];
        assert_int_equal(report.state, between ? BSC_JOURNAL_OPEN : BSC_JOURNAL_TORN);
        assert_int_equal(report.fault, between ? BSC_JOURNAL_FAULT_NONE : BSC_JOURNAL_FAULT_CUT);
        assert_int_equal(report.bad_line, between ? 0 : line);
        assert_int_equal(report.records, line - 1);
        assert_int_equal(report.good_bytes, book.starts[line - 1]);
        assert_int_equal(report.file_bytes, length);
    }
    book_close(&book);
}

static bool is_waited_for(int kind)
{
    return kind == BSC_JOURNAL_RUN_BEGIN || kind == BSC_JOURNAL_INTENT ||
           kind == BSC_JOURNAL_ANSWER || kind == BSC_JOURNAL_ITEM_END;
}

/* The state of the book with zeros from `from` to `to`, which are in these lines; the rest of their
 * last line is broken, unless it is all gone. */
static void hole_is(const struct book *book, size_t from, size_t to, bool torn)
{
    char *bytes = malloc(book->length);
    memcpy(bytes, book->bytes, book->length);
    memset(bytes + from, 0, to - from);
    struct bsc_journal_report report = verify(book, bytes, book->length);
    assert_int_equal(report.state, torn ? BSC_JOURNAL_TORN : BSC_JOURNAL_DAMAGED);
    assert_int_equal(report.file_bytes, book->length);
    free(bytes);
}

static int line_with(const struct book *book, size_t offset)
{
    int line = 0;
    while (book->starts[line + 1] <= offset)
        line++;
    return line;
}

/* Sectors that a loss of power took read as zeros. */
static void a_hole_is_torn_unless_something_behind_it_was_waited_for(void **state)
{
    struct book book;
    int torn = 0, damaged = 0;
    book_open(&book, *state);
    for (int first = 0; first < LINES; first++) {
        size_t from = book.starts[first] + 5;
        for (size_t to = (from / 512 + 1) * 512; to < book.length; to += 512) {
            bool waited = false;
            for (int kind = line_with(&book, to - 1) + 1; kind < LINES - 1; kind++)
                waited = waited || is_waited_for(kind);
            hole_is(&book, from, to, !waited);
            torn += !waited;
            damaged += waited;
        }
    }
    assert_true(torn > 0 && damaged > 0);
    book_close(&book);
}

static void zeros_within_a_sector_are_no_hole(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (int line = 0; line < LINES - 1; line++) {
        size_t at = book.starts[line] + 5;
        at += (at + 1) % 512 == 0;
        hole_is(&book, at, at + 1, false);
    }
    book_close(&book);
}

static void every_lost_record_is_found_where_it_was(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (int lost = 0; lost < LINES - 1; lost++) {
        int lines[LINES], count = 0;
        for (int i = 0; i < LINES; i++)
            if (i != lost)
                lines[count++] = i;
        struct bsc_journal_report report = verify_lines(&book, lines, count);
        assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
        assert_int_equal(report.fault, BSC_JOURNAL_FAULT_SEQ);
        assert_int_equal(report.bad_line, lost + 1);
        assert_int_equal(report.found_seq, lost + 2);
    }
    book_close(&book);
}

static void every_repeated_record_is_found(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (int twice = 0; twice < LINES; twice++) {
        int lines[LINES + 1], count = 0;
        for (int i = 0; i < LINES; i++) {
            lines[count++] = i;
            if (i == twice)
                lines[count++] = i;
        }
        struct bsc_journal_report report = verify_lines(&book, lines, count);
        assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
        assert_int_equal(report.fault, BSC_JOURNAL_FAULT_SEQ);
        assert_int_equal(report.bad_line, twice + 2);
        assert_int_equal(report.bad_seq, twice + 2);
        assert_int_equal(report.found_seq, twice + 1);
    }
    book_close(&book);
}

static void every_two_records_that_changed_places_are_found(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (int a = 0; a < LINES; a++) {
        for (int b = a + 1; b < LINES; b++) {
            int lines[LINES];
            for (int i = 0; i < LINES; i++)
                lines[i] = i == a ? b : i == b ? a : i;
            struct bsc_journal_report report = verify_lines(&book, lines, LINES);
            assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
            assert_int_equal(report.fault, BSC_JOURNAL_FAULT_SEQ);
            assert_int_equal(report.bad_line, a + 1);
        }
    }
    book_close(&book);
}

static void a_record_of_another_run_does_not_follow(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    struct book book;
    char *other = unit_path(*state, "other.jsonl");
    ticking_init(&ticking);
    ticking.now_ms += 5000;
    assert_int_equal(fixture_write(bsc_sys_real(), &ticking, other, &err), LINES);
    book_open(&book, *state);
    size_t length = 0;
    char *bytes = unit_file_get(other, &length);
    memcpy(bytes, book.bytes, book.starts[4]); /* all lines are as long as in the other journal */
    struct bsc_journal_report report = verify(&book, bytes, length);
    assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_PREV);
    assert_int_equal(report.bad_line, 5);
    assert_int_equal(report.found_seq, 5);
    free(bytes);
    free(other);
    book_close(&book);
}

static void a_line_that_is_json_but_no_record_is_told_from_one_that_is_not_json(void **state)
{
    struct book book;
    book_open(&book, *state);
    struct bsc_journal_report report = verify(&book, "{\"a\": 1}\n{}\n", 12);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_SHAPE);
    assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
    report = verify(&book, "hello\n\n", 7);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_JSON);
    report = verify(&book, "\n", 1);
    assert_int_equal(report.fault, BSC_JOURNAL_FAULT_JSON);
    assert_int_equal(report.state, BSC_JOURNAL_TORN);
    report = verify(&book, "", 0);
    assert_int_equal(report.state, BSC_JOURNAL_OPEN);
    assert_int_equal(report.records, 0);
    book_close(&book);
}

static void a_clock_that_goes_back_is_noted_and_nothing_more(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct ticking ticking;
    struct bsc_journal_report report;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    const struct bsc_journal_options options = {bsc_sys_real(), &ticking.clock, NULL, path, false};
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    assert_true(fixture_append(journal, BSC_JOURNAL_NOTE, false, &err));
    ticking.now_ms -= 100;
    assert_true(fixture_append(journal, BSC_JOURNAL_NOTE, false, &err));
    assert_true(fixture_append(journal, BSC_JOURNAL_RUN_END, false, &err));
    assert_int_equal(bsc_journal_latest_ms(journal), 1795216501007);
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    assert_int_equal(report.times_backwards, 1);
    assert_int_equal(report.backwards_line, 2);
    assert_string_equal(report.latest_time, "2026-11-20T23:15:01.007Z");
    journal = bsc_journal_open(&options, &report, &err);
    assert_int_equal(bsc_journal_latest_ms(journal), 1795216501007);
    assert_true(bsc_journal_close(journal, &err));
    free(path);
}

struct seen {
    int count;
    int stop_at;
};

static bool seen_record(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct seen *seen = arg;
    assert_int_equal(record->line, seen->count + 1);
    assert_int_equal(record->seq, seen->count + 1);
    assert_int_equal(record->kind, seen->count);
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    struct bsc_value *given = fixture_value(fixture_payload(record->kind));
    assert_true(bsc_value_equal(payload, given));
    bsc_value_free(payload);
    bsc_value_free(given);
    if (++seen->count == seen->stop_at)
        return bsc_err_set(err, BSC_ERR_CANCELLED, "enough");
    return true;
}

static bool seen_offsets(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    int64_t *offsets = arg;
    (void)err;
    offsets[record->line - 1] = record->offset;
    return true;
}

static void records_read_in_pieces_are_the_same(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    char *path = fixture_journal(*state);
    for (size_t length = 1; length < 600; length += 7) {
        struct unit_sys fault;
        unit_sys_init(&fault);
        fault.length_max = length;
        assert_true(bsc_journal_verify(&fault.table, path, &report, &err));
        assert_int_equal(report.state, BSC_JOURNAL_ENDED);
        assert_int_equal(report.records, LINES);
    }
    free(path);
}

static void a_journal_longer_than_a_block_is_read_to_its_end(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct ticking ticking;
    char *path = unit_path(*state, "journal.jsonl");
    ticking_init(&ticking);
    const struct bsc_journal_options options = {bsc_sys_real(), &ticking.clock, NULL, path, false};
    struct bsc_journal *journal = bsc_journal_create(&options, &err);
    for (int i = 0; i < 3000; i++)
        assert_true(fixture_append(journal, BSC_JOURNAL_INTENT, false, &err));
    assert_true(bsc_journal_bytes(journal) > 1024 * 1024);
    struct bsc_value *payload = fixture_value(fixture_payload(BSC_JOURNAL_NOTE));
    char *text = malloc(900001);
    memset(text, 't', 900000);
    text[900000] = '\0';
    bsc_value_set_text(payload, "text", text);
    assert_true(bsc_journal_append(journal, BSC_JOURNAL_NOTE, payload, false, &err));
    assert_true(fixture_append(journal, BSC_JOURNAL_RUN_END, false, &err));
    assert_true(bsc_journal_close(journal, &err));
    assert_true(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_ENDED);
    assert_int_equal(report.records, 3002);
    bsc_value_free(payload);
    free(text);
    free(path);
}

static void whichever_call_fails_reading_says_so(void **state)
{
    char *path = fixture_journal(*state);
    bool failed = true;
    for (unsigned long call = 1; failed; call++) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_journal_report report;
        struct unit_sys fault;
        int before = unit_fd_count();
        unit_sys_init(&fault);
        fault.length_max = 1000;
        unit_sys_fail(&fault, call, EIO, false);
        bool done = bsc_journal_verify(&fault.table, path, &report, &err);
        failed = fault.failed;
        assert_true(done ? report.state == BSC_JOURNAL_ENDED : err.code == BSC_ERR_IO);
        assert_true(done || strstr(err.message, path) != NULL);
        assert_int_equal(unit_fd_count(), before);
    }
    free(path);
}

static void records_are_shown_in_order_with_their_payloads(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct book book;
    int64_t offsets[LINES] = {0};
    book_open(&book, *state);
    assert_true(bsc_journal_read(bsc_sys_real(), book.path, seen_offsets, offsets, &report, &err));
    for (int i = 0; i < LINES; i++)
        assert_int_equal(offsets[i], book.starts[i]);
    book_close(&book);
}

static void a_reader_that_has_enough_ends_the_reading(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    struct seen seen = {0, 3};
    char *path = fixture_journal(*state);
    assert_false(bsc_journal_read(bsc_sys_real(), path, seen_record, &seen, &report, &err));
    assert_int_equal(err.code, BSC_ERR_CANCELLED);
    assert_int_equal(seen.count, 3);
    free(path);
}

static bool counts(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    int64_t *last = arg;
    (void)err;
    assert_int_equal(record->seq, *last + 1);
    *last = record->seq;
    return true;
}

static void a_journal_that_grows_is_read_on_whatever_piece_is_there(void **state)
{
    struct book book;
    book_open(&book, *state);
    for (size_t piece = 1; piece < book.length; piece = piece * 2 + 1) {
        struct bsc_err err = BSC_ERR_INIT;
        struct bsc_journal_report report;
        int64_t last = 0;
        unit_file_put(book.path, "", 0);
        assert_true(bsc_journal_read(bsc_sys_real(), book.path, counts, &last, &report, &err));
        for (size_t length = piece; length < book.length + piece; length += piece) {
            size_t there = length < book.length ? length : book.length;
            unit_file_put(book.path, book.bytes, there);
            assert_true(
                bsc_journal_read_on(bsc_sys_real(), book.path, counts, &last, &report, &err));
            assert_int_equal(report.records, last);
            assert_int_equal(report.file_bytes, there);
            assert_true(report.state == (there == (size_t)report.good_bytes ? BSC_JOURNAL_OPEN
                                                                            : BSC_JOURNAL_TORN) ||
                        there == book.length);
        }
        assert_int_equal(report.state, BSC_JOURNAL_ENDED);
        assert_int_equal(report.fault, BSC_JOURNAL_FAULT_NONE);
        assert_int_equal(last, LINES);
        assert_string_equal(report.first_time, "2026-11-20T23:15:01.007Z");
    }
    book_close(&book);
}

static void a_journal_that_was_changed_or_cut_meanwhile_is_damaged(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct book book;
    book_open(&book, *state);
    struct bsc_journal_report before = verify(&book, book.bytes, book.starts[4]), report = before;
    book.bytes[book.starts[4] + 200] ^= 1;
    unit_file_put(book.path, book.bytes, book.length);
    assert_true(bsc_journal_read_on(bsc_sys_real(), book.path, NULL, NULL, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
    assert_int_equal(report.bad_line, 5);
    report = before;
    unit_file_put(book.path, book.bytes, book.starts[4] - 1);
    assert_true(bsc_journal_read_on(bsc_sys_real(), book.path, NULL, NULL, &report, &err));
    assert_int_equal(report.state, BSC_JOURNAL_DAMAGED);
    assert_int_equal(report.bad_line, 4);
    book_close(&book);
}

static void a_missing_journal_is_not_found_and_leaks_nothing(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    char *path = unit_path(*state, "none.jsonl");
    int before = unit_fd_count();
    assert_false(bsc_journal_verify(bsc_sys_real(), path, &report, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_int_equal(unit_fd_count(), before);
    free(path);
}

static void what_is_no_ordinary_file_is_not_waited_for(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report;
    char *pipe = unit_path(*state, "journal.jsonl");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    int before = unit_fd_count();
    assert_false(bsc_journal_verify(bsc_sys_real(), pipe, &report, &err));
    assert_int_equal(err.code, BSC_ERR_INVALID);
    assert_int_equal(unit_fd_count(), before);
    free(pipe);
}

static void the_report_names_line_and_record_for_people_and_machines(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct book book;
    book_open(&book, *state);
    book.bytes[book.starts[3] + 200] ^= 1;
    struct bsc_journal_report report = verify(&book, book.bytes, book.length);
    assert_false(bsc_journal_report_err("j", &report, &err));
    assert_int_equal(err.code, BSC_ERR_DAMAGED);
    assert_non_null(strstr(err.message, "line 4 (record 4)"));
    struct bsc_value *map = bsc_journal_report_value(&report);
    assert_string_equal(bsc_value_get_string(map, "state"), "damaged");
    assert_int_equal(bsc_value_get_number(map, "bad_line", 0), 4);
    assert_int_equal(bsc_value_get_number(map, "records", 0), 3);
    bsc_value_free(map);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_whole_journal_is_ended_and_counted),
        UNIT_IN_FOLDER(every_flipped_byte_is_found_in_its_line),
        UNIT_IN_FOLDER(every_cut_is_called_open_or_torn_and_never_ended),
        UNIT_IN_FOLDER(a_hole_is_torn_unless_something_behind_it_was_waited_for),
        UNIT_IN_FOLDER(zeros_within_a_sector_are_no_hole),
        UNIT_IN_FOLDER(every_lost_record_is_found_where_it_was),
        UNIT_IN_FOLDER(every_repeated_record_is_found),
        UNIT_IN_FOLDER(every_two_records_that_changed_places_are_found),
        UNIT_IN_FOLDER(a_record_of_another_run_does_not_follow),
        UNIT_IN_FOLDER(a_line_that_is_json_but_no_record_is_told_from_one_that_is_not_json),
        UNIT_IN_FOLDER(a_clock_that_goes_back_is_noted_and_nothing_more),
        UNIT_IN_FOLDER(records_read_in_pieces_are_the_same),
        UNIT_IN_FOLDER(a_journal_longer_than_a_block_is_read_to_its_end),
        UNIT_IN_FOLDER(whichever_call_fails_reading_says_so),
        UNIT_IN_FOLDER(records_are_shown_in_order_with_their_payloads),
        UNIT_IN_FOLDER(a_reader_that_has_enough_ends_the_reading),
        UNIT_IN_FOLDER(a_journal_that_grows_is_read_on_whatever_piece_is_there),
        UNIT_IN_FOLDER(a_journal_that_was_changed_or_cut_meanwhile_is_damaged),
        UNIT_IN_FOLDER(a_missing_journal_is_not_found_and_leaks_nothing),
        UNIT_IN_FOLDER(what_is_no_ordinary_file_is_not_waited_for),
        UNIT_IN_FOLDER(the_report_names_line_and_record_for_people_and_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
