#include "run_fixture.h"

#include "run/plan.h"
#include "run/report.h"

#define HOSTILE "<script>alert(1)</script> & \\\"quoted\\\" 'too' \\u001b[31m"

/* A run in which a pool is marked, with a loss, a question and an error on the way. */
static void make_run(const char *folder, bool whole)
{
    struct bsc_journal *journal = fixture_open(folder);
    fixture_append(journal, BSC_JOURNAL_ITEM_BEGIN,
                   "{\"item\":1,\"title\":\"Mark " HOSTILE "\",\"kind\":\"step\",\"attempt\":1}");
    fixture_append(journal, BSC_JOURNAL_OBSERVED,
                   "{\"item\":1,\"resource\":\"pool:chat\",\"facts\":{\"state\":\"Normal\","
                   "\"version\":7}}");
    fixture_append(journal, BSC_JOURNAL_NOTE,
                   "{\"kind\":\"loss\",\"text\":\"37 messages are lost\","
                   "\"data\":{\"lost\":37,\"applied_lsn\":2410}}");
    fixture_append(journal, BSC_JOURNAL_ASK,
                   "{\"item\":1,\"title\":\"Go on?\",\"lines\":[\"line one\"]}");
    fixture_append(journal, BSC_JOURNAL_ANSWER,
                   "{\"item\":1,\"answer\":\"yes\",\"by\":\"anna\",\"reason\":\"drill\"}");
    fixture_append(journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":1,\"item\":1,\"action\":1,\"resource\":\"pool:chat\",\"statement\":"
                   "\"UPDATE pool "
                   "SET state = 'FailedOver'\",\"row\":\"pools.update\",\"args\":{},\"becomes\":"
                   "{\"pool:chat\":{\"state\":\"FailedOver\",\"version\":{\"$unknown\":\"int\"}}},"
                   "\"before\":{\"pool:chat\":{\"state\":\"Normal\"}}}");
    fixture_append(journal, BSC_JOURNAL_OUTCOME,
                   "{\"effect\":1,\"outcome\":\"failed\",\"result\":null,\"error\":{\"message\":"
                   "\"the table is locked\"},\"duration_us\":1234567}");
    fixture_append(journal, BSC_JOURNAL_AFTER,
                   "{\"effect\":1,\"resource\":\"pool:chat\",\"facts\":{\"state\":\"Seen\"}}");
    fixture_append(journal, BSC_JOURNAL_ITEM_END,
                   "{\"item\":1,\"outcome\":\"failed\",\"reason\":\"it was locked\",\"actions\":[],"
                   "\"spent\":{\"all_us\":2000000,\"changing_us\":1234567,\"looking_us\":250000,"
                   "\"waiting_us\":500000,\"syncing_us\":9433}}");
    if (whole)
        fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
}

static void do_item(struct bsc_journal *journal, const char *begin, const char *outcome)
{
    char *end =
        bsc_mem_format("{\"item\":1,\"outcome\":\"%s\",\"reason\":null,\"actions\":[]}", outcome);
    fixture_append(journal, BSC_JOURNAL_ITEM_BEGIN, begin);
    fixture_append(journal, BSC_JOURNAL_ITEM_END, end);
    bsc_mem_free(end);
}

/* The same folder's run again: a process of its own. */
static void take_in_hand(struct bsc_journal *journal, const char *mode)
{
    char *begin = bsc_mem_format(
        "{\"run\":\"r\",\"mode\":\"%s\",\"stdlib_digest\":\"l\",\"plan_digest\":\"p\","
        "\"runbook_digest\":\"r\",\"site_digest\":\"s\",\"tool\":\"0.1.0\",\"host\":\"ops2\","
        "\"user\":\"berta\",\"pid\":4242,\"boot_id\":\"b\",\"params\":{},\"modules\":[]}",
        mode);
    fixture_append(journal, BSC_JOURNAL_RUN_BEGIN, begin);
    bsc_mem_free(begin);
}

#define STEP "{\"item\":1,\"title\":\"Mark it\",\"kind\":\"step\",\"attempt\":1}"
#define BACK "{\"item\":1,\"title\":\"take back: Mark it\",\"kind\":\"undo\",\"attempt\":1}"

/* Killed at its change, resumed, and taken back: two actions, the first of which fails once. */
static void make_long_run(const char *folder)
{
    struct bsc_journal *journal = fixture_open(folder);
    fixture_append(journal, BSC_JOURNAL_ITEM_BEGIN, STEP);
    fixture_append(journal, BSC_JOURNAL_INTENT,
                   "{\"effect\":1,\"item\":1,\"action\":1,\"resource\":\"pool:chat\","
                   "\"statement\":\"UPDATE pool\",\"row\":\"r\",\"args\":{},\"becomes\":{},"
                   "\"before\":{}}");
    take_in_hand(journal, "resume");
    fixture_append(journal, BSC_JOURNAL_OUTCOME,
                   "{\"effect\":1,\"outcome\":\"changed\",\"result\":null,\"error\":null,"
                   "\"duration_us\":0,\"settled_by\":\"berta\"}");
    do_item(journal, STEP, "changed");
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    take_in_hand(journal, "rollback");
    do_item(journal, BACK, "failed");
    take_in_hand(journal, "rollback");
    do_item(journal, BACK, "changed");
    do_item(journal, BACK, "changed");
    fixture_append(journal, BSC_JOURNAL_RUN_END, FIXTURE_END);
    fixture_close(journal);
}

static char *page_of(const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf page;
    bsc_buf_init(&page);
    if (!bsc_run_report_html(bsc_sys_real(), folder, NULL, &page, &err))
        fail_msg("%s", err.message);
    char *text = bsc_buf_take(&page);
    bsc_buf_release(&page);
    return text;
}

static void assert_says(const char *page, const char *text)
{
    if (strstr(page, text) == NULL)
        fail_msg("the page does not say: %s", text);
}

static void the_page_tells_the_whole_run(void **state)
{
    static const char *const texts[] = {
        "20261120-231501-failover-a3f2",
        "Fail a pool over",
        "anna",
        "ops1",
        "37 messages are lost",
        "<th>lost</th><td>37</td>",
        "<th>applied_lsn</th><td>2410</td>",
        "Go on?",
        "line one",
        "drill",
        "UPDATE pool SET state = &#39;FailedOver&#39;",
        "<td>state</td><td>Normal</td><td>FailedOver</td><td>Seen</td>",
        "<td>version</td><td>–</td><td>unknown&lt;int&gt;</td>",
        "the table is locked",
        "it was locked",
        "1234.567 ms",
        "<td>2000.0 ms</td><td>1234.5 ms</td><td>250.0 ms</td><td>500.0 ms</td><td>9.4 ms</td><td>",
        "<td>9.4 ms</td><td>6.0 ms</td></tr>\n<tr><td>All of it</td><td>2000.0 ms</td>",
        "bascule itself took 0.4 per cent of the time that was not spent waiting.",
        "all is well",
        "The journal verifies: 11 records",
        "<td>state</td><td>Normal</td><td>Seen</td>",
        "<td>active_servers</td><td>[&quot;fe1&quot;]</td><td>–</td>",
    };
    make_run(*state, true);
    char *page = page_of(*state);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_says(page, texts[i]);
    bsc_mem_free(page);
}

static void a_run_tells_the_same_of_itself_as_is_told_of_it_later(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf own;
    make_run(*state, true);
    char *later = page_of(*state);
    char *path = unit_path(*state, "plan.json");
    struct bsc_value *plan = bsc_run_plan_read(bsc_sys_real(), path, &err);
    assert_non_null(plan);
    bsc_run_plan_lighten(plan);
    bsc_buf_init(&own);
    assert_true(bsc_run_report_html(bsc_sys_real(), *state, plan, &own, &err));
    assert_string_equal(own.data, later);
    assert_says(later, "<td>many</td><td>(40 entries)</td>");
    assert_says(later, "<td>some</td><td>[" FIXTURE_TEN "," FIXTURE_TEN "]</td>");
    bsc_buf_release(&own);
    bsc_value_free(plan);
    bsc_mem_free(later);
    free(path);
}

static void nothing_on_the_page_can_run_or_be_fetched(void **state)
{
    static const char *const never[] = {"<script", "http://", "https://",    "src=", "href=",
                                        "url(",    "@import", "javascript:", "\x1b"};
    make_run(*state, true);
    char *page = page_of(*state);
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_null(strstr(page, never[i]));
    assert_says(page, "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;quoted&quot;");
    assert_says(page, "default-src 'none'");
    assert_says(page, "prefers-color-scheme:dark");
    bsc_mem_free(page);
}

/* Counts what opens and what closes, for every kind of element that the page uses. */
static void every_element_that_opens_also_closes(void **state)
{
    static const char *const tags[] = {
        "html", "head",    "body", "main",    "table", "tr", "td", "th",    "p",     "pre",
        "h1",   "article", "div",  "details", "span",  "h2", "h3", "style", "title", "summary"};
    make_run(*state, false);
    char *page = page_of(*state);
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        char open[16], open_class[16], close[16];
        int depth = 0;
        (void)snprintf(open, sizeof open, "<%s>", tags[i]);
        (void)snprintf(open_class, sizeof open_class, "<%s ", tags[i]);
        (void)snprintf(close, sizeof close, "</%s>", tags[i]);
        for (const char *at = page; *at != '\0'; at++) {
            if (strncmp(at, open, strlen(open)) == 0 ||
                strncmp(at, open_class, strlen(open_class)) == 0)
                depth++;
            if (strncmp(at, close, strlen(close)) == 0)
                depth--;
            assert_true(depth >= 0);
        }
        assert_int_equal(depth, 0);
    }
    bsc_mem_free(page);
}

static size_t count_of(const char *page, const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(page, text); at != NULL; at = strstr(at + 1, text))
        count++;
    return count;
}

static void what_was_gone_on_with_is_told_as_attempts_of_one_item(void **state)
{
    make_long_run(*state);
    char *page = page_of(*state);
    assert_says(page, "<h3>1. Mark it</h3>");
    assert_says(page, "<h3>1. Mark it, attempt 2</h3>");
    assert_int_equal(count_of(page, "gone on with below"), 2);
    assert_says(page, "was under way when the run stopped; settled by berta");
    assert_says(page, "<h2>Resumed</h2>");
    assert_int_equal(count_of(page, "<h2>Taken back</h2>"), 2);
    assert_int_equal(count_of(page, "<h3>1. take back: Mark it</h3>"), 2);
    assert_int_equal(count_of(page, "<h3>1. take back: Mark it, attempt 2</h3>"), 1);
    assert_says(page, "<th>Items</th><td>1</td>");
    assert_says(page, "<th>Actions taken back</th><td>2</td>");
    assert_says(page, "<th>Processes</th><td>4</td>");
    assert_says(page, "<span class=\"good\">rolled back</span>");
    bsc_mem_free(page);
}

static void a_run_cut_short_is_never_called_verified(void **state)
{
    make_run(*state, false);
    char *page = page_of(*state);
    assert_says(page, "open or was cut short: 10 records are good");
    assert_says(page, "not finished");
    assert_null(strstr(page, "The journal verifies"));
    bsc_mem_free(page);
}

static void a_damaged_journal_is_told_up_to_its_bad_record(void **state)
{
    make_run(*state, true);
    char *path = unit_path(*state, "journal.jsonl");
    size_t length = 0;
    char *bytes = unit_file_get(path, &length);
    *strstr(bytes, "the table is locked") = 'T';
    unit_file_put(path, bytes, length);
    char *page = page_of(*state);
    assert_says(page, "does not verify: at line 8 (record 8)");
    assert_says(page, "37 messages are lost");
    assert_null(strstr(page, "able is locked"));
    bsc_mem_free(page);
    free(bytes);
    free(path);
}

static void another_plan_in_the_folder_is_named_and_not_told(void **state)
{
    char hex[BSC_DIGEST_HEX];
    make_run(*state, true);
    fixture_plan(*state, "{\"format\":1,\"runbook\":{\"summary\":\"something else\"}}", hex);
    char *page = page_of(*state);
    assert_says(page, "is not the one that was run");
    assert_null(strstr(page, "something else"));
    bsc_mem_free(page);
}

static void a_folder_without_a_journal_gives_no_page(void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf page;
    bsc_buf_init(&page);
    assert_false(bsc_run_report_html(bsc_sys_real(), *state, NULL, &page, &err));
    assert_int_equal(err.code, BSC_ERR_NOT_FOUND);
    assert_int_equal(page.length, 0);
    bsc_buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(the_page_tells_the_whole_run),
        UNIT_IN_FOLDER(a_run_tells_the_same_of_itself_as_is_told_of_it_later),
        UNIT_IN_FOLDER(nothing_on_the_page_can_run_or_be_fetched),
        UNIT_IN_FOLDER(every_element_that_opens_also_closes),
        UNIT_IN_FOLDER(what_was_gone_on_with_is_told_as_attempts_of_one_item),
        UNIT_IN_FOLDER(a_run_cut_short_is_never_called_verified),
        UNIT_IN_FOLDER(a_damaged_journal_is_told_up_to_its_bad_record),
        UNIT_IN_FOLDER(another_plan_in_the_folder_is_named_and_not_told),
        UNIT_IN_FOLDER(a_folder_without_a_journal_gives_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
