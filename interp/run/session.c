#include "run/session.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"
#include "run/observer.h"

enum { RUNBOOK_BYTES_MAX = 1024 * 1024, SITE_BYTES_MAX = 1024 * 1024 };

static void digest_library(char ret_hex[BSC_DIGEST_HEX])
{
    struct bsc_digest digest;
    unsigned char hash[BSC_DIGEST_BYTES];
    size_t count = 0;
    const struct bsc_vm_source *sources = bsc_vm_embedded(&count);
    bsc_digest_init(&digest);
    for (size_t i = 0; i < count; i++) {
        bsc_digest_add(&digest, sources[i].name, strlen(sources[i].name) + 1);
        bsc_digest_add(&digest, sources[i].text, sources[i].length);
    }
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, ret_hex);
}

static bool open_vm(struct bsc_run_session *session, struct bsc_err *err)
{
    struct bsc_vm_options options = {0};
    if (session->with.modules_folder != NULL)
        session->folder = bsc_mem_text(session->with.modules_folder);
    else if (session->with.runbook_path != NULL)
        session->folder = bsc_files_folder_of(session->with.runbook_path);
    options.sources = bsc_vm_embedded(&options.source_count);
    options.folder = session->folder;
    session->vm = bsc_vm_new(&options, err);
    if (session->vm == NULL)
        return false;
    session->schema = bsc_vm_call(session->vm, "schema", NULL, err);
    return session->schema != NULL;
}

static struct bsc_value *load_arguments(const struct bsc_run_session *session)
{
    struct bsc_value *args = bsc_value_map();
    if (session->with.runbook_path != NULL) {
        bsc_value_set_text(args, "path", session->with.runbook_path);
        bsc_value_set(args, "source",
                      bsc_value_bytes(session->runbook_text.data, session->runbook_text.length));
    }
    if (session->site != NULL)
        bsc_value_set(args, "site", bsc_value_copy(bsc_site_value(session->site)));
    bsc_value_set(args, "set",
                  session->with.set != NULL ? bsc_value_copy(session->with.set) : bsc_value_map());
    bsc_value_set_text(args, "mode", session->site != NULL ? "run" : "check");
    return args;
}

static bool load_runbook(struct bsc_run_session *session, struct bsc_err *err)
{
    if (!bsc_files_read(session->with.sys, session->with.runbook_path, RUNBOOK_BYTES_MAX,
                        &session->runbook_text, err))
        return false;
    bsc_digest_text(session->runbook_text.data, session->runbook_text.length,
                    session->runbook_digest);
    struct bsc_value *args = load_arguments(session);
    bsc_vm_collector_rest(session->vm, true);
    session->listing = bsc_vm_call(session->vm, "load", args, err);
    bsc_vm_collector_rest(session->vm, false);
    bsc_value_free(args);
    return session->listing != NULL;
}

static bool open_hands(struct bsc_run_session *session, struct bsc_err *err)
{
    session->own_path = bsc_process_own_path(err);
    if (session->own_path == NULL)
        return false;
    session->loop = bsc_loop_new(err);
    if (session->loop == NULL)
        return false;
    bsc_lib_env_init(&session->env, session->site, session->with.redactor, session->own_path);
    session->env.sys = session->with.sys;
    session->env.clock = session->with.clock;
    session->env.sql_calls = session->with.sql_calls;
    session->hands = bsc_run_hands_new(session->loop, &session->env);
    return true;
}

/* A site file that lies elsewhere than where its paths begin. */
static bool open_moved_site(struct bsc_run_session *session, struct bsc_err *err)
{
    const struct bsc_run_session_options *with = &session->with;
    struct bsc_site_errors errors;
    struct bsc_buf text;
    bsc_site_errors_init(&errors);
    bsc_buf_init(&text);
    if (bsc_files_read(with->sys, with->site_path, SITE_BYTES_MAX, &text, err)) {
        session->site = bsc_site_parse(with->sys, with->site_path, with->site_folder, text.data,
                                       text.length, &errors);
        if (session->site == NULL)
            *err = errors.items[0];
    }
    bsc_buf_release(&text);
    bsc_site_errors_release(&errors);
    return session->site != NULL;
}

static bool open_site(struct bsc_run_session *session, struct bsc_err *err)
{
    const struct bsc_run_session_options *with = &session->with;
    if (with->site_folder != NULL)
        return open_moved_site(session, err);
    if (with->site_errors == NULL) {
        session->site = bsc_site_load(with->sys, with->site_path, err);
    } else {
        session->site = bsc_site_load_all(with->sys, with->site_path, with->site_errors);
        if (session->site == NULL)
            *err = with->site_errors->items[0];
    }
    return session->site != NULL;
}

bool bsc_run_session_open(struct bsc_run_session *session,
                          const struct bsc_run_session_options *options, struct bsc_err *err)
{
    session->with = *options;
    bsc_buf_init(&session->runbook_text);
    digest_library(session->library_digest);
    if (options->site_path != NULL && !open_site(session, err))
        return false;
    if (!open_vm(session, err))
        return false;
    if (options->runbook_path != NULL && !load_runbook(session, err))
        return false;
    return options->look_only || open_hands(session, err);
}

/* The threads end with the loop; only then may their connections be closed. */
void bsc_run_session_close(struct bsc_run_session *session)
{
    bsc_run_hands_free(session->hands);
    if (session->loop != NULL) {
        bsc_loop_free(session->loop);
        bsc_lib_env_release(&session->env);
    }
    bsc_vm_free(session->vm);
    bsc_value_free(session->schema);
    bsc_value_free(session->listing);
    bsc_site_free(session->site);
    if (session->runbook_text.data != NULL)
        bsc_buf_release(&session->runbook_text);
    bsc_mem_free(session->folder);
    bsc_mem_free(session->own_path);
    memset(session, 0, sizeof *session);
}

const struct bsc_value *bsc_run_session_errors(const struct bsc_run_session *session)
{
    return bsc_value_get(session->listing, "errors");
}

const struct bsc_value *bsc_run_session_runbook(const struct bsc_run_session *session)
{
    return bsc_value_get(session->listing, "runbook");
}

struct bsc_value *bsc_run_session_ask(struct bsc_run_session *session, const char *entry,
                                      struct bsc_err *err)
{
    struct bsc_value *args = load_arguments(session);
    struct bsc_value *answer = bsc_vm_call(session->vm, entry, args, err);
    bsc_value_free(args);
    return answer;
}

struct bsc_value *bsc_run_session_warnings(struct bsc_run_session *session,
                                           const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *args = load_arguments(session);
    bsc_value_set(args, "facts", bsc_value_copy(facts));
    struct bsc_value *warnings = bsc_vm_call(session->vm, "warnings", args, err);
    bsc_value_free(args);
    return warnings;
}

struct bsc_value *bsc_run_session_resources(struct bsc_run_session *session, struct bsc_err *err)
{
    struct bsc_value *resources = bsc_run_session_ask(session, "resources", err);
    if (resources == NULL)
        return NULL;
    struct bsc_value *ids = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(resources); i++)
        bsc_value_append(ids, bsc_value_copy(bsc_value_get(bsc_value_at(resources, i), "id")));
    bsc_value_free(resources);
    return ids;
}

struct survey {
    struct bsc_loop *loop;   /* borrowed */
    struct bsc_value *facts; /* owned: of resources, or what a row gives */
    struct bsc_err *err;     /* borrowed */
    bool waiting;            /* the loop runs until the end */
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

/* What an earlier look left behind must not stand beside what this one brings. */
static void tidy(struct bsc_run_session *session)
{
    enum { WORTH_IT = 2 * 1024 * 1024 };
    bool first = !session->looked;
    session->looked = true;
    if (first || bsc_vm_memory(session->vm) < WORTH_IT)
        return;
    bsc_vm_collect(session->vm);
    bsc_mem_trim();
}

struct bsc_value *bsc_run_session_look(struct bsc_run_session *session, const struct bsc_value *ids,
                                       struct bsc_err *err)
{
    struct survey survey = {.loop = session->loop, .err = err};
    tidy(session);
    bsc_run_observe_all(session->vm, session->hands, ids, surveyed, &survey);
    survey.waiting = !survey.over;
    if (survey.waiting)
        bsc_loop_run(session->loop);
    BSC_BUG_ON(!survey.over);
    return survey.facts;
}

struct bsc_value *bsc_run_session_call(struct bsc_run_session *session,
                                       const struct bsc_lib_row *row, const struct bsc_value *args,
                                       struct bsc_err *err)
{
    struct survey survey = {.loop = session->loop, .err = err};
    BSC_BUG_ON(row->effect != BSC_LIB_READ);
    const struct bsc_run_errand errand = {.row = row, .args = args};
    bsc_run_hands_perform(session->hands, &errand, surveyed, &survey);
    survey.waiting = !survey.over;
    if (survey.waiting)
        bsc_loop_run(session->loop);
    BSC_BUG_ON(!survey.over);
    return survey.facts;
}

struct bsc_value *bsc_run_session_observe(struct bsc_run_session *session, struct bsc_err *err)
{
    const struct bsc_value *spoken_of = bsc_value_get(session->listing, "resources");
    if (spoken_of != NULL)
        return bsc_run_session_look(session, spoken_of, err);
    struct bsc_value *all = bsc_run_session_resources(session, err);
    struct bsc_value *facts = all != NULL ? bsc_run_session_look(session, all, err) : NULL;
    bsc_value_free(all);
    return facts;
}
