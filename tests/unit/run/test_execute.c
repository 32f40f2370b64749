#include "session_unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "fault_sys.h"
#include "run/about.h"
#include "run/execute.h"
#include "run/record.h"

/* A whole run: session, plan, journal, end. */
struct play {
    struct stage stage;
    struct bsc_value *plan;
    struct bsc_journal *journal;
    char *journal_path;
    struct unit_sys fault; /* under the journal */
    struct bsc_run_hooks items;
    struct bsc_run_live_hooks live;
    struct bsc_buf told;
    const char *interrupt_at; /* Ctrl-C once this file is there */
    bool interrupt_ask;       /* Ctrl-C while a question is asked */
    bool interrupt_sleep;     /* Ctrl-C while something is waited for */
    void (*progress)(void *self, const struct bsc_run_progress *now);
    void (*stopping)(void *self, enum bsc_run_stopping how); /* or NULL */
    struct bsc_run_end end;
    struct bsc_value *parked; /* owned: what the run waits for, or NULL */
    struct bsc_err err;
    bool ok;
};

static bool item_begin(void *self, const struct bsc_value *item, struct bsc_err *err)
{
    struct play *play = self;
    (void)err;
    bsc_buf_printf(&play->told, "[%s", bsc_value_get_string(item, "title"));
    return true;
}

static void poll_for_file(void *arg)
{
    struct play *play = arg;
    if (access(play->interrupt_at, F_OK) == 0)
        raise(SIGINT);
    else
        bsc_timer_start(play->stage.session.loop, 5, poll_for_file, play);
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct play *play = self;
    const char *outcome = bsc_value_get_string(result, "outcome");
    (void)err;
    (void)item;
    bsc_buf_printf(&play->told, " %s]", outcome);
    if (play->interrupt_at != NULL && strcmp(outcome, "parked") == 0) {
        put_text(play->stage.to, "parked");
        bsc_timer_start(play->stage.session.loop, 5, poll_for_file, play);
    }
    return true;
}

static void change_begin(void *self, const struct bsc_value *effect)
{
    struct play *play = self;
    (void)effect;
    if (play->interrupt_at != NULL)
        bsc_timer_start(play->stage.session.loop, 5, poll_for_file, play);
}

static void sleeping(void *self, const struct bsc_value *effect)
{
    struct play *play = self;
    (void)effect;
    if (play->interrupt_sleep)
        raise(SIGINT);
}

static struct bsc_value *ask(void *self, const struct bsc_value *effect)
{
    struct play *play = self;
    (void)effect;
    if (play->interrupt_ask)
        raise(SIGINT);
    return from_json("{'answer':'yes','by':'anna'}");
}

static void ignore_progress(void *self, const struct bsc_run_progress *now)
{
    (void)self;
    (void)now;
}

static void play_set(struct play *play, void **state, const char *book)
{
    memset(play, 0, sizeof *play);
    stage_set(&play->stage, state, book);
    play->journal_path = unit_path(*state, "journal.jsonl");
    bsc_buf_init(&play->told);
    unit_sys_init(&play->fault);
    play->items = (struct bsc_run_hooks){play, item_begin, item_end};
    play->progress = ignore_progress;
    play->live = (struct bsc_run_live_hooks){
        .self = play, .change_begin = change_begin, .sleeping = sleeping, .ask = ask};
}

static void open_journal(struct play *play)
{
    struct bsc_journal_options options = {.sys = &play->fault.table,
                                          .clock = bsc_clock_real(),
                                          .redactor = play->stage.redactor,
                                          .path = play->journal_path};
    play->journal = bsc_journal_create(&options, &play->err);
    assert_non_null(play->journal);
    struct bsc_value *about = bsc_run_about(&play->stage.session, play->plan, "id", "run");
    assert_true(bsc_run_record_begin(play->journal, about, &play->err));
    bsc_value_free(about);
}

/* `before` happens between the journal's first record and the run. */
static void play_run(struct play *play, void (*before)(struct play *play))
{
    stage_open(&play->stage);
    play->plan = stage_plan(&play->stage);
    open_journal(play);
    struct bsc_run_order order = {.session = &play->stage.session,
                                  .cursor = bsc_run_cursor_new(play->plan),
                                  .facts = stage_observe(&play->stage),
                                  .journal = play->journal,
                                  .hooks = &play->items,
                                  .live = &play->live,
                                  .progress = play->progress,
                                  .stopping = play->stopping,
                                  .progress_self = play};
    if (before != NULL)
        before(play);
    play->ok = bsc_run_execute(&order, &play->end, &play->err);
    play->parked = order.parked;
}

static void play_strike(struct play *play)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    bsc_journal_close(play->journal, &ignored);
    bsc_value_free(play->plan);
    bsc_value_free(play->parked);
    stage_strike(&play->stage);
    bsc_buf_release(&play->told);
    free(play->journal_path);
}

static void assert_last_record(const struct play *play, const char *outcome, int exit_code)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *text = unit_file_get(play->journal_path, NULL);
    size_t length = strlen(text);
    assert_true(length > 0 && text[length - 1] == '\n');
    text[length - 1] = '\0';
    const char *line = strrchr(text, '\n') + 1;
    struct bsc_value *record = bsc_json_parse("journal", line, strlen(line), &err);
    assert_word(record, "kind", "run_end");
    assert_word(bsc_value_get(record, "payload"), "outcome", outcome);
    assert_int_equal(bsc_value_get_number(bsc_value_get(record, "payload"), "exit", -1), exit_code);
    bsc_value_free(record);
    free(text);
}

static void a_plan_is_carried_out_to_its_end(void **state)
{
    struct play play;
    play_set(&play, state, COPY_BOOK);
    play_run(&play, NULL);
    assert_true(play.ok);
    assert_false(play.end.broke);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_CHANGED);
    assert_int_equal(play.end.items_done, 1);
    unit_assert_file(play.stage.to, "hello");
    assert_string_equal(play.told.data, "[Copy the file changed]");
    assert_last_record(&play, "done", 0);
    play_strike(&play);
}

static void a_run_that_finds_all_done_is_kept(void **state)
{
    struct play play;
    play_set(&play, state, COPY_BOOK);
    put_text(play.stage.to, "hello");
    play_run(&play, NULL);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_KEPT);
    assert_last_record(&play, "done", 0);
    play_strike(&play);
}

/* Nothing of this runbook is observed by a row, so that the loop has not run before the command. */
static void a_command_of_which_nothing_can_be_observed_is_waited_for(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook \"c\" { summary = \"s\" }\n"
             "step \"Run\" { point_of_no_return = true, command.run { argv = { \"touch\", "
             "\"@/to\" } } }\n");
    play_run(&play, NULL);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_CHANGED);
    assert_int_equal(play.end.items_done, 1);
    unit_assert_file(play.stage.to, "");
    assert_last_record(&play, "done", 0);
    play_strike(&play);
}

static void write_target(struct play *play)
{
    put_text(play->stage.to, "another");
}

static void a_run_that_is_refused_says_so(void **state)
{
    struct play play;
    play_set(&play, state, COPY_BOOK);
    play_run(&play, write_target);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_REFUSED);
    assert_contains(play.end.reason, "is another file");
    unit_assert_file(play.stage.to, "another");
    assert_last_record(&play, "refused", 3);
    play_strike(&play);
}

#define SLEEP_BOOK                                                                                 \
    "runbook \"c\" { summary = \"s\" }\n"                                                          \
    "step \"Long\" { harmless = \"it only sleeps\", command.run { argv = { \"sh\", \"-c\", "       \
    "\"touch @/begun; exec sleep 60\" } } }\n"                                                     \
    "step \"Next\" { file.copy { from = \"@/from\", to = \"@/to\" } }\n"

static void ctrl_c_ends_the_command_and_the_run(void **state)
{
    struct play play;
    char *begun = unit_path(*state, "begun");
    play_set(&play, state, SLEEP_BOOK);
    play.interrupt_at = begun;
    play_run(&play, NULL);
    assert_true(play.ok);
    assert_false(play.end.broke);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_INTERRUPTED);
    assert_string_equal(play.told.data, "[Long interrupted]");
    assert_last_record(&play, "cancelled", 1);
    assert_int_equal(access(play.stage.to, F_OK), -1);
    free(begun);
    play_strike(&play);
}

static void ctrl_c_ends_a_wait(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook \"w\" { summary = \"s\" }\n"
             "local f = command.facts \"f\" { argv = { \"test\", \"-e\", \"@/never\" } }\n"
             "step \"Wait\" { harmless = \"x\", wait_until { f:has { exit = 0 }, "
             "timeout = \"1h\", every = \"1h\" } }\n");
    play.interrupt_sleep = true;
    play.plan = from_json("{'runbook':{},'params':{},'items':[],'digest':'x'}");
    stage_open(&play.stage);
    open_journal(&play);
    struct bsc_run_order order = {.session = &play.stage.session,
                                  .cursor = bsc_run_cursor_new(play.plan),
                                  .facts = stage_observe(&play.stage),
                                  .journal = play.journal,
                                  .hooks = &play.items,
                                  .live = &play.live};
    assert_true(bsc_run_execute(&order, &play.end, &play.err));
    assert_int_equal(play.end.outcome, BSC_OUTCOME_INTERRUPTED);
    assert_string_equal(play.told.data, "[Wait interrupted]");
    assert_last_record(&play, "cancelled", 1);
    play_strike(&play);
}

static void ctrl_c_at_a_question_lets_nothing_more_begin(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook \"q\" { summary = \"s\" }\n"
             "gate \"Go on?\" { says = \"really\" }\n"
             "step \"Copy\" { file.copy { from = \"@/from\", to = \"@/to\" } }\n");
    play.interrupt_ask = true;
    play_run(&play, NULL);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_INTERRUPTED);
    assert_int_equal(access(play.stage.to, F_OK), -1);
    assert_last_record(&play, "cancelled", 1);
    play_strike(&play);
}

static void a_signal_after_the_run_disturbs_nobody(void **state)
{
    struct play play;
    play_set(&play, state, COPY_BOOK);
    play_run(&play, NULL);
    raise(SIGTERM);
    bsc_value_free(stage_observe(&play.stage));
    assert_last_record(&play, "done", 0);
    play_strike(&play);
}

static void a_step_with_retry_is_tried_again_under_the_same_plan(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook \"r\" { summary = \"s\" }\n"
             "step \"Try\" { harmless = \"x\", retry = { times = 3, every = \"1ms\" },\n"
             "  command.run { argv = { \"sh\", \"-c\", "
             "\"test -e @/once || { touch @/once; exit 1; }\" } } }\n");
    play_run(&play, NULL);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_CHANGED);
    char *text = unit_file_get(play.journal_path, NULL);
    assert_contains(text, "attempt 2 of 3");
    assert_contains(text, "\"effect\":2,\"item\":1");
    free(text);
    play_strike(&play);
}

static void a_journal_that_fails_in_the_middle_stops_the_run(void **state)
{
    struct play play;
    for (unsigned long n = 1;; n++) {
        play_set(&play, state, COPY_BOOK);
        stage_open(&play.stage);
        play.plan = stage_plan(&play.stage);
        open_journal(&play);
        unit_sys_fail(&play.fault, play.fault.calls + n, EIO, true);
        struct bsc_run_order order = {.session = &play.stage.session,
                                      .cursor = bsc_run_cursor_new(play.plan),
                                      .facts = stage_observe(&play.stage),
                                      .journal = play.journal,
                                      .hooks = &play.items,
                                      .live = &play.live};
        play.ok = bsc_run_execute(&order, &play.end, &play.err);
        bool failed = play.fault.failed;
        assert_int_equal(play.ok, !failed);
        if (failed)
            assert_contains(play.err.message, "journal");
        play_strike(&play);
        char *path = unit_path(*state, "journal.jsonl");
        unlink(path);
        free(path);
        path = unit_path(*state, "to");
        unlink(path);
        free(path);
        if (!failed)
            break;
        assert_true(n < 100);
    }
}

static void the_first_record_says_who_runs_what_where(void **state)
{
    struct play play;
    play_set(&play, state, COPY_BOOK);
    stage_open(&play.stage);
    play.plan = stage_plan(&play.stage);
    struct bsc_value *about = bsc_run_about(&play.stage.session, play.plan, "id-1", "run");
    assert_true(bsc_journal_payload_check(BSC_JOURNAL_RUN_BEGIN, about, &play.err));
    assert_word(about, "run", "id-1");
    assert_word(about, "plan_digest", bsc_value_get_string(play.plan, "digest"));
    assert_int_equal(bsc_value_get_number(about, "pid", 0), getpid());
    assert_true(strlen(bsc_value_get_string(about, "user")) > 0);
    bsc_value_free(about);
    play_strike(&play);
}

static void a_gate_that_waits_ends_the_process_and_says_what_for(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook 'x' { summary = 'Own' }\n"
             "gate 'Go?' { after = '14d' }\n"
             "step 'Tell' { warn 'It goes on.' }\n");
    play_run(&play, NULL);
    assert_true(play.ok);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_PARKED);
    assert_int_equal(play.end.items_done, 0);
    assert_word(play.parked, "title", "Go?");
    assert_word(play.parked, "waits_for", "time");
    assert_string_equal(play.told.data, "[Go? parked]");
    char *journal = unit_file_get(play.journal_path, NULL);
    assert_contains(journal, "\"exit\":7,\"outcome\":\"parked\",\"summary\":{");
    assert_contains(journal, "\"parked\":{\"item\":1,\"since\":\"20");
    free(journal);
    play_strike(&play);
}

/* The site is looked at once more when the gate has parked the run, which may take long. */
static void ctrl_c_ends_the_look_at_the_site_of_a_parked_run(void **state)
{
    struct play play;
    char *looking = unit_path(*state, "looking");
    play_set(&play, state,
             "runbook 'x' { summary = 'Own' }\n"
             "local slow = command.facts 'slow' { argv = { 'sh', '-c', "
             "'test -e @/to || exit 0; touch @/looking; exec sleep 60' } }\n"
             "guard 'Quick' { slow:has { exit = 0 } }\n"
             "gate 'Go?' { after = '14d' }\n"
             "step 'Tell' { warn 'It goes on.' }\n");
    play.interrupt_at = looking;
    play_run(&play, NULL);
    assert_true(play.ok);
    assert_int_equal(play.end.outcome, BSC_OUTCOME_PARKED);
    assert_string_equal(play.told.data, "[Quick kept][Go? parked]");
    assert_word(play.parked, "title", "Go?");
    assert_last_record(&play, "parked", 7);
    free(looking);
    play_strike(&play);
}

/* A file system that has stopped answering, and a clock by which three minutes are soon over. */
static atomic_bool has_stopped;

static int never_open(void *self, const char *path, int flags, mode_t mode)
{
    const struct bsc_sys *real = bsc_sys_real();
    (void)self;
    while (atomic_load(&has_stopped) && strstr(path, "/from") != NULL)
        pause();
    return real->open(real->self, path, flags, mode);
}

static int64_t a_thousand_times_as_fast(void *self)
{
    const struct bsc_clock *real = bsc_clock_real();
    (void)self;
    return real->mono_us(real->self) * 1000;
}

static void stop_answering(void *self, const struct bsc_value *effect)
{
    (void)self;
    (void)effect;
    atomic_store(&has_stopped, true);
}

static void keep_last(void *self, const struct bsc_run_progress *now)
{
    struct play *play = self;
    bsc_buf_clear(&play->told);
    bsc_buf_printf(&play->told, "%s in lane '%s', asked to stop: %d",
                   now->quiet_row != NULL ? now->quiet_row : "nothing",
                   now->quiet_row != NULL ? now->quiet_lane : "", now->stopping_ms > 0);
}

static void tell_how(void *self, enum bsc_run_stopping how)
{
    struct play *play = self;
    if (how == BSC_RUN_STOPPING_IN_VAIN)
        put_text(play->stage.to, play->told.data);
}

/* Ends the process. */
static void play_in_vain(void **state)
{
    struct play play;
    play_set(&play, state,
             "runbook \"copy\" { summary = \"Copy one file\" }\n"
             "step \"Copy the file\" { timeout = \"100ms\", file.copy { from = \"@/from\", "
             "to = \"@/other\" } }\n");
    struct bsc_sys sys = *bsc_sys_real();
    struct bsc_clock clock = *bsc_clock_real();
    sys.open = never_open;
    clock.mono_us = a_thousand_times_as_fast;
    play.live.change_begin = stop_answering;
    play.stage.options.sys = &sys;
    play.stage.options.clock = &clock;
    play.progress = keep_last;
    play.stopping = tell_how;
    play_run(&play, NULL);
    _exit(1);
}

static void what_does_not_end_when_its_time_is_over_is_not_waited_for_for_ever(void **state)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        play_in_vain(state);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 6);
    char *to = unit_path(*state, "to"), *path = unit_path(*state, "journal.jsonl");
    unit_assert_file(to, "file.copy in lane '', asked to stop: 1");
    char *journal = unit_file_get(path, NULL);
    assert_contains(journal, "\"kind\":\"intent\"");
    assert_null(strstr(journal, "\"kind\":\"outcome\""));
    free(journal);
    free(path);
    free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(a_plan_is_carried_out_to_its_end),
        UNIT_IN_FOLDER(a_run_that_finds_all_done_is_kept),
        UNIT_IN_FOLDER(a_command_of_which_nothing_can_be_observed_is_waited_for),
        UNIT_IN_FOLDER(a_run_that_is_refused_says_so),
        UNIT_IN_FOLDER(ctrl_c_ends_the_command_and_the_run),
        UNIT_IN_FOLDER(ctrl_c_ends_a_wait),
        UNIT_IN_FOLDER(ctrl_c_at_a_question_lets_nothing_more_begin),
        UNIT_IN_FOLDER(a_signal_after_the_run_disturbs_nobody),
        UNIT_IN_FOLDER(a_step_with_retry_is_tried_again_under_the_same_plan),
        UNIT_IN_FOLDER(a_journal_that_fails_in_the_middle_stops_the_run),
        UNIT_IN_FOLDER(the_first_record_says_who_runs_what_where),
        UNIT_IN_FOLDER(a_gate_that_waits_ends_the_process_and_says_what_for),
        UNIT_IN_FOLDER(ctrl_c_ends_the_look_at_the_site_of_a_parked_run),
        UNIT_IN_FOLDER(what_does_not_end_when_its_time_is_over_is_not_waited_for_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
