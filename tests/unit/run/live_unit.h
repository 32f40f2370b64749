/*
 * The live world on a real folder and a real SQLite file, with a few lines of Lua in place of the
 * platforms: `file:PATH` has the facts of file.state, `sql:FILE` the facts `count` (rows of table
 * t), `top` (largest n in it) and `all` (a number for each), `size:PATH#…` the fact `bytes`, asked
 * for with a shared question, `side:PATH#…` as well, but with a group of its own and another
 * question before and after (PATH `sleep` has a question that nobody waits for to its end),
 * `steps:…` the fact `steps`, which of those were come to until then, `odd:…` cannot be observed,
 * all else has no facts.
 */
#ifndef BSC_UNIT_RUN_LIVE_H
#define BSC_UNIT_RUN_LIVE_H

#include "run_unit.h"

#include "base/mem.h"
#include "run/live.h"
#include "site/site.h"

static const char live_entry[] =
    "local _, host = ...\n"
    "local steps = ''\n"
    "local function call(row, args, shared)\n"
    "  local a = host.yield {op = 'call', row = row, args = args, shared = shared}\n"
    "  if a.ok then return a.value end\n"
    "  error(a.error.message, 0)\n"
    "end\n"
    "local function sql(file)\n"
    "  local rows = call('sql.query', {server = 'db', file = file,\n"
    "    sql = 'SELECT count(*), max(n) FROM t'}).rows\n"
    "  local all = {}\n"
    "  for i = 1, rows[1][1] do all[i] = i end\n"
    "  return {count = rows[1][1], top = rows[1][2], all = host.list(all)}\n"
    "end\n"
    "local function size(name)\n"
    "  local path = name:match('^(.*)#')\n"
    "  if path == 'sleep' then call('command.probe', {argv = {'sleep', '60'}}, true) end\n"
    "  return {bytes = call('file.state', {path = path}, true).bytes}\n"
    "end\n"
    "local function step(name)\n"
    "  steps = steps .. name:match('#(.*)$')\n"
    "  call('file.state', {path = '/nowhere'})\n"
    "end\n"
    "local function side(name)\n"
    "  step(name)\n"
    "  local facts = size(name)\n"
    "  step(name)\n"
    "  return facts\n"
    "end\n"
    "return {\n"
    "  groups = function(args)\n"
    "    local groups = {}\n"
    "    for i, id in ipairs(args.resources) do groups[i] = id:match('^side:.*') or '' end\n"
    "    return host.list(groups)\n"
    "  end,\n"
    "  observe = function(args)\n"
    "    local kind, name = args.resource:match('^(%l+):(.+)$')\n"
    "    if kind == 'file' then return call('file.state', {path = name}) end\n"
    "    if kind == 'sql' then return sql(name) end\n"
    "    if args.resource == 'odd:write' then return call('file.remove', {path = '/x'}) end\n"
    "    if args.resource == 'odd:effect' then host.yield {op = 'note', text = 'x'} end\n"
    "    if args.resource == 'odd:list' then return host.list {1} end\n"
    "    if kind == 'odd' then error('no eyes', 0) end\n"
    "    if kind == 'size' then return size(name) end\n"
    "    if kind == 'side' then return side(name) end\n"
    "    if kind == 'steps' then return {steps = steps} end\n"
    "    return {}\n"
    "  end,\n"
    "  perform = function() return {outcome = 'kept', actions = {}} end,\n"
    "}\n";

static const char live_schema[] = "{'file':{'exists':{'type':'bool'},'bytes':{'type':'int'},"
                                  "'sha256':{'type':'text'}},"
                                  "'sql':{'count':{'type':'int'},"
                                  "'top':{'type':'int','volatile':true},"
                                  "'all':{'type':'list','volatile':true}}}";

struct rig {
    const char *folder; /* borrowed: the test's own */
    struct bsc_redactor *redactor;
    struct bsc_site *site;
    struct bsc_lib_env env;
    struct bsc_loop *loop;
    struct bsc_vm *vm;
    struct bsc_run_hands *hands;
    struct bsc_value *schema;
    struct bsc_run_model *model;
    struct bsc_run_cursor *cursor;
    char *journal_path;
    struct bsc_journal *journal;
    struct bsc_run_live_hooks hooks;
    struct bsc_run_live *live;
    void (*change_begun)(struct rig *rig); /* or NULL */
    const char *poll_for;                  /* cancels once this file is there */
    const char *answer;                    /* to questions, or NULL for yes */
    const struct bsc_run_past *past;       /* of the run that is gone on with, or NULL */
    const struct bsc_clock *clock;         /* of the live world, or NULL for the real one */
    struct bsc_buf told;                   /* what the hooks were told */
    bool replied;
    bool waiting;
    struct bsc_value *reply;
    struct bsc_err err; /* when the world broke off */
};

static inline void rig_change_begin(void *self, const struct bsc_value *effect)
{
    struct rig *rig = self;
    bsc_buf_printf(&rig->told, "<%s", bsc_value_get_string(effect, "statement"));
    if (rig->change_begun != NULL)
        rig->change_begun(rig);
}

static inline void rig_change_end(void *self, const struct bsc_value *effect, const char *outcome,
                                  const char *reason)
{
    struct rig *rig = self;
    (void)effect;
    (void)reason;
    bsc_buf_printf(&rig->told, " %s>", outcome);
}

static inline void rig_note(void *self, const struct bsc_value *effect)
{
    struct rig *rig = self;
    bsc_buf_printf(&rig->told, "(%s)", bsc_value_get_string(effect, "text"));
}

static inline struct bsc_value *rig_ask(void *self, const struct bsc_value *effect)
{
    struct rig *rig = self;
    (void)effect;
    return from_json("{'answer':'%s','by':'anna'}", rig->answer != NULL ? rig->answer : "yes");
}

static inline struct bsc_vm *rig_vm(void)
{
    static const struct bsc_vm_source entry = {
        .name = "bascule/host.lua", .text = live_entry, .length = sizeof live_entry - 1};
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_vm_options options = {.sources = &entry, .source_count = 1};
    struct bsc_vm *vm = bsc_vm_new(&options, &err);
    if (vm == NULL)
        fail_msg("%s: %s", err.where, err.message);
    return vm;
}

static inline struct bsc_site *rig_site(const char *folder)
{
    static const char source[] = "site: rig\n"
                                 "data_centres: { dc1: { title: A } }\n"
                                 "servers:\n"
                                 "  db: { data_centre: dc1, platform: sqlite, folder: ., "
                                 "connection: \"Driver=SQLite3\" }\n";
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    struct bsc_site *site =
        bsc_site_parse(bsc_sys_real(), "site.yaml", folder, source, sizeof source - 1, &errors);
    bsc_site_errors_release(&errors);
    assert_non_null(site);
    return site;
}

/* Everything but the journal; the plan has no change. */
static inline void rig_open_base(struct rig *rig, const char *folder)
{
    struct bsc_err err = BSC_ERR_INIT;
    memset(rig, 0, sizeof *rig);
    rig->folder = folder;
    rig->redactor = bsc_redactor_new();
    rig->site = rig_site(folder);
    bsc_lib_env_init(&rig->env, rig->site, rig->redactor, NULL);
    rig->loop = bsc_loop_new(&err);
    rig->vm = rig_vm();
    rig->hands = bsc_run_hands_new(rig->loop, &rig->env);
    rig->schema = from_json("%s", live_schema);
    rig->model = bsc_run_model_new(rig->schema, bsc_value_map());
    bsc_buf_init(&rig->told);
    rig->hooks = (struct bsc_run_live_hooks){.self = rig,
                                             .change_begin = rig_change_begin,
                                             .change_end = rig_change_end,
                                             .note = rig_note,
                                             .ask = rig_ask};
    rig->journal_path = unit_path(folder, "journal.jsonl");
}

/* Begins item 1 of a plan with these changes (owned list, taken). */
static inline void rig_plan(struct rig *rig, struct bsc_value *changes)
{
    struct bsc_value *plan = from_json("{'items':[{'index':1}]}");
    bsc_value_set(bsc_value_at(bsc_value_get(plan, "items"), 0), "changes", changes);
    struct bsc_run_live_options options = {.vm = rig->vm,
                                           .hands = rig->hands,
                                           .model = rig->model,
                                           .cursor = bsc_run_cursor_new(plan),
                                           .journal = rig->journal,
                                           .loop = rig->loop,
                                           .clock =
                                               rig->clock != NULL ? rig->clock : bsc_clock_real(),
                                           .hooks = &rig->hooks,
                                           .past = rig->past};
    bsc_run_live_free(rig->live);
    bsc_run_cursor_free(rig->cursor);
    rig->cursor = options.cursor;
    rig->live = bsc_run_live_new(&options);
    bsc_run_live_enter(rig->live, 1);
    bsc_value_free(plan);
}

static inline bool rig_journal(struct rig *rig, const struct bsc_sys *sys, struct bsc_err *err)
{
    struct bsc_journal_options options = {.sys = sys,
                                          .clock = bsc_clock_real(),
                                          .redactor = rig->redactor,
                                          .path = rig->journal_path};
    rig->journal = bsc_journal_create(&options, err);
    return rig->journal != NULL;
}

static inline void rig_open(struct rig *rig, void **state)
{
    struct bsc_err err = BSC_ERR_INIT;
    rig_open_base(rig, *state);
    assert_true(rig_journal(rig, bsc_sys_real(), &err));
    rig_plan(rig, bsc_value_list());
}

static inline void rig_close(struct rig *rig)
{
    struct bsc_err err = BSC_ERR_INIT;
    bsc_run_live_free(rig->live);
    bsc_run_cursor_free(rig->cursor);
    bsc_run_model_free(rig->model);
    bsc_run_hands_free(rig->hands);
    bsc_loop_free(rig->loop);
    bsc_lib_env_release(&rig->env);
    bsc_vm_free(rig->vm);
    bsc_site_free(rig->site);
    bsc_value_free(rig->schema);
    bsc_value_free(rig->reply);
    bsc_journal_close(rig->journal, &err);
    bsc_redactor_free(rig->redactor);
    bsc_buf_release(&rig->told);
    free(rig->journal_path);
}

static inline void rig_replied(void *arg, struct bsc_value *answer, const struct bsc_err *err)
{
    struct rig *rig = arg;
    assert_false(rig->replied);
    rig->replied = true;
    rig->reply = answer;
    if (answer == NULL)
        rig->err = *err;
    if (rig->waiting)
        bsc_loop_stop(rig->loop);
}

/* Performs one effect to its reply, which is borrowed; NULL when the world broke off. */
static inline const struct bsc_value *rig_perform(struct rig *rig, const struct bsc_value *effect)
{
    const struct bsc_run_world *world = bsc_run_live_world(rig->live);
    bsc_value_free(rig->reply);
    rig->reply = NULL;
    rig->replied = false;
    world->perform(world->self, effect, rig_replied, rig);
    rig->waiting = !rig->replied;
    if (rig->waiting)
        bsc_loop_run(rig->loop);
    rig->waiting = false;
    assert_true(rig->replied);
    return rig->reply;
}

/* Plans just this change and makes it. Takes the effect. */
static inline const struct bsc_value *rig_change(struct rig *rig, struct bsc_value *effect)
{
    struct bsc_value *changes = bsc_value_list();
    bsc_value_append(changes, bsc_value_copy(effect));
    rig_plan(rig, changes);
    const struct bsc_value *reply = rig_perform(rig, effect);
    bsc_value_free(effect);
    return reply;
}

/* Observes a resource, as every action does first. */
static inline const struct bsc_value *rig_look(struct rig *rig, const char *resource)
{
    struct bsc_value *effect = from_json("{'op':'observe','resource':'%s'}", resource);
    const struct bsc_value *facts = rig_perform(rig, effect);
    bsc_value_free(effect);
    return facts;
}

/* Looks every 5 ms for the file that a program makes when it has begun. */
static inline void rig_poll(void *arg)
{
    struct rig *rig = arg;
    if (access(rig->poll_for, F_OK) == 0)
        bsc_run_live_cancel(rig->live);
    else
        bsc_timer_start(rig->loop, 5, rig_poll, rig);
}

static inline void rig_cancel_once_begun(struct rig *rig)
{
    bsc_timer_start(rig->loop, 5, rig_poll, rig);
}

static inline void rig_cancel_at_once(struct rig *rig)
{
    bsc_run_live_cancel(rig->live);
}

/* The journal's lines, read from the disk, as an owned list of whole records. */
static inline struct bsc_value *rig_records(const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *list = bsc_value_list();
    char *text = unit_file_get(path, NULL);
    for (char *line = text; line != NULL && *line != '\0';) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        struct bsc_value *record = bsc_json_parse("journal", line, (size_t)(end - line), &err);
        assert_non_null(record);
        bsc_value_append(list, record);
        line = end + 1;
    }
    free(text);
    return list;
}

/* "observed intent outcome after " */
static inline void rig_assert_kinds(const char *path, const char *expected)
{
    struct bsc_buf kinds;
    struct bsc_value *records = rig_records(path);
    bsc_buf_init(&kinds);
    for (size_t i = 0; i < bsc_value_count(records); i++)
        bsc_buf_printf(&kinds, "%s%s", i > 0 ? " " : "",
                       bsc_value_get_string(bsc_value_at(records, i), "kind"));
    assert_string_equal(kinds.data, expected);
    bsc_buf_release(&kinds);
    bsc_value_free(records);
}

#endif
