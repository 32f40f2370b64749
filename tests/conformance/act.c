#include "act.h"

#include <string.h>

#include "base/mem.h"
#include "dials.h"
#include "put.h"
#include "run/about.h"
#include "run/cursor.h"
#include "run/execute.h"
#include "run/observer.h"
#include "run/plan.h"
#include "run/record.h"

struct survey {
    struct bsc_loop *loop;
    struct bsc_value *facts;
    struct bsc_err *err;
    bool waiting;
    bool over;
};

static void surveyed(void *arg, struct bsc_value *facts, const struct bsc_err *err)
{
    struct survey *survey = arg;
    survey->facts = facts;
    survey->over = true;
    if (facts == NULL)
        *survey->err = *err;
    if (survey->waiting)
        bsc_loop_stop(survey->loop);
}

struct bsc_value *conform_observe(struct conform_sides *sides, struct bsc_err *err)
{
    struct bsc_run_session *session = &sides->session;
    struct survey survey = {.loop = session->loop, .err = err};
    bsc_run_observe_all(session->vm, session->hands, sides->resources, surveyed, &survey);
    survey.waiting = !survey.over;
    if (survey.waiting)
        bsc_loop_run(session->loop);
    return survey.facts;
}

static void add_once(struct bsc_value *ids, const char *id)
{
    for (size_t i = 0; i < bsc_value_count(ids); i++) {
        if (strcmp(bsc_value_string(bsc_value_at(ids, i)), id) == 0)
            return;
    }
    bsc_value_append(ids, bsc_value_text(id));
}

static void list_own(struct conform_sides *sides, bool *ret_of_site)
{
    const struct bsc_value *own = bsc_value_get(sides->session.listing, "resources");
    sides->resources = bsc_value_list();
    *ret_of_site = false;
    for (size_t i = 0; i < bsc_value_count(own); i++) {
        const char *id = bsc_value_string(bsc_value_at(own, i));
        add_once(sides->resources, id);
        *ret_of_site = *ret_of_site || strncmp(id, "database:", 9) == 0;
    }
}

/* What the runbook speaks of and, where that is a database, all else that the site has: an action
 * may well touch what its runbook never looks at. */
static bool list_resources(struct conform_sides *sides, struct bsc_err *err)
{
    bool of_site = false;
    list_own(sides, &of_site);
    if (!of_site)
        return true;
    struct bsc_value *args = bsc_value_map();
    bsc_value_set(args, "site", bsc_value_copy(bsc_site_value(sides->session.site)));
    struct bsc_value *all = bsc_vm_call(sides->session.vm, "resources", args, err);
    bsc_value_free(args);
    for (size_t i = 0; i < bsc_value_count(all); i++)
        add_once(sides->resources, bsc_value_get_string(bsc_value_at(all, i), "id"));
    bsc_value_free(all);
    return all != NULL;
}

static bool runbook_is_right(const struct conform_sides *sides, struct bsc_err *err)
{
    const struct bsc_value *errors = bsc_run_session_errors(&sides->session);
    const struct bsc_value *first = bsc_value_at(errors, 0);
    return bsc_value_count(errors) == 0 ||
           bsc_err_set(err, BSC_ERR_INVALID, "the runbook is wrong: %s",
                       bsc_value_get_string(first, "message"));
}

static bool open_session(const struct conform_scene *scene, struct conform_sides *sides,
                         struct bsc_err *err)
{
    struct bsc_buf text;
    sides->runbook = conform_path(scene, "case.lua");
    sides->site = conform_path(scene, "site.yaml");
    bsc_buf_init(&text);
    if (scene->runbook != NULL)
        bsc_buf_add_text(&text, scene->runbook);
    else
        scene->subject->write(scene, &text);
    conform_put(scene, "case.lua", text.data, text.length);
    bsc_buf_release(&text);
    sides->redactor = bsc_redactor_new();
    struct bsc_run_session_options options = {.sys = bsc_sys_real(),
                                              .clock = bsc_clock_real(),
                                              .redactor = sides->redactor,
                                              .site_path = sides->site,
                                              .runbook_path = sides->runbook};
    bool ok = bsc_run_session_open(&sides->session, &options, err);
    ok = ok && runbook_is_right(sides, err) && list_resources(sides, err);
    return ok;
}

/* Of all that was observed, what the program itself would have observed. */
static struct bsc_value *facts_for_plan(const struct conform_sides *sides)
{
    struct bsc_value *facts = bsc_value_map();
    const struct bsc_value *own = bsc_value_get(sides->session.listing, "resources");
    for (size_t i = 0; i < bsc_value_count(own); i++) {
        const char *id = bsc_value_string(bsc_value_at(own, i));
        bsc_value_set(facts, id, bsc_value_copy(bsc_value_get(sides->before, id)));
    }
    return facts;
}

static bool item_end(void *self, const struct bsc_value *item, const struct bsc_value *result,
                     struct bsc_err *err)
{
    struct conform_sides *sides = self;
    (void)item;
    (void)err;
    bsc_value_append(sides->results, bsc_value_copy(result));
    return true;
}

static void change_begin(void *self, const struct bsc_value *effect)
{
    struct conform_sides *sides = self;
    bsc_value_append(sides->changes, bsc_value_copy(effect));
}

static void noted(void *self, const struct bsc_value *effect)
{
    struct conform_sides *sides = self;
    bsc_value_append(sides->notes, bsc_value_copy(effect));
}

static struct bsc_value *asked(void *self, const struct bsc_value *effect)
{
    struct bsc_value *answer = bsc_value_map();
    const struct conform_sides *sides = self;
    (void)effect;
    bsc_value_set_text(answer, "answer", sides->says_no ? "no" : "yes");
    bsc_value_set_text(answer, "by", "rehearsal");
    return answer;
}

struct bsc_journal *conform_journal(const struct conform_scene *scene,
                                    const struct conform_sides *sides, const char *mode,
                                    struct bsc_err *err)
{
    bool is_new = strcmp(mode, "run") == 0;
    char *path = conform_path(scene, CONFORM_JOURNAL);
    struct bsc_journal_options options = {.sys = bsc_sys_real(),
                                          .clock = bsc_clock_real(),
                                          .redactor = sides->redactor,
                                          .path = path,
                                          .force = true};
    struct bsc_journal *journal =
        is_new ? bsc_journal_create(&options, err) : bsc_journal_open(&options, NULL, err);
    struct bsc_value *about = bsc_run_about(&sides->session, sides->plan, "conformance", mode);
    if (journal != NULL && !bsc_run_record_begin(journal, about, err)) {
        bsc_journal_close(journal, err);
        journal = NULL;
    }
    bsc_value_free(about);
    bsc_mem_free(path);
    return journal;
}

static bool run_live(const struct conform_scene *scene, struct conform_sides *sides,
                     struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_run_hooks hooks = {.self = sides, .item_end = item_end};
    struct bsc_run_live_hooks live = {
        .self = sides, .change_begin = change_begin, .note = noted, .ask = asked};
    struct bsc_journal *journal = conform_journal(scene, sides, "run", err);
    if (journal == NULL) {
        bsc_value_free(facts);
        return false;
    }
    struct bsc_run_order order = {.session = &sides->session,
                                  .cursor = bsc_run_cursor_new(sides->plan),
                                  .facts = facts,
                                  .journal = journal,
                                  .hooks = &hooks,
                                  .live = &live};
    sides->results = bsc_value_list();
    sides->changes = bsc_value_list();
    sides->notes = bsc_value_list();
    bool ok = bsc_run_execute(&order, &sides->end, err);
    return bsc_journal_close(journal, err) && ok;
}

bool conform_act(const struct conform_scene *scene, struct conform_sides *sides,
                 struct bsc_err *err)
{
    sides->says_no = conform_is(scene, "operator", "no");
    if (!open_session(scene, sides, err))
        return false;
    sides->before = conform_observe(sides, err);
    if (sides->before == NULL)
        return false;
    struct bsc_value *facts = facts_for_plan(sides);
    sides->plan = bsc_run_plan_make(&sides->session, bsc_value_copy(facts), err);
    if (sides->plan == NULL) {
        bsc_value_free(facts);
        return false;
    }
    if (!run_live(scene, sides, facts, err))
        return false;
    sides->after = conform_observe(sides, err);
    return sides->after != NULL;
}

void conform_sides_release(struct conform_sides *sides)
{
    bsc_run_session_close(&sides->session);
    bsc_redactor_free(sides->redactor);
    bsc_mem_free(sides->runbook);
    bsc_mem_free(sides->site);
    bsc_value_free(sides->resources);
    bsc_value_free(sides->before);
    bsc_value_free(sides->plan);
    bsc_value_free(sides->results);
    bsc_value_free(sides->changes);
    bsc_value_free(sides->notes);
    bsc_value_free(sides->after);
    bsc_value_free(sides->undo);
    bsc_value_free(sides->undo_outcomes);
    bsc_value_free(sides->after_undo);
}
