#include "run/leases.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "run/record.h"

struct bsc_run_leases {
    struct bsc_run_leases_options with;
    struct bsc_value *places;        /* owned {id=path} */
    struct bsc_journal_lease **held; /* owned array */
    size_t count;
};

/* The file, or where there is none yet its folder, by the one name that all its other names lead
 * to: whoever says another one must find the same lease. Returns owned. */
static char *place_of(const char *file)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *real = bsc_files_real_path(file, &ignored);
    if (real == NULL) {
        char *folder = bsc_files_folder_of(file);
        char *real_folder = bsc_files_real_path(folder, &ignored);
        real = bsc_files_join(real_folder != NULL ? real_folder : folder, bsc_files_name_of(file));
        bsc_mem_free(real_folder);
        bsc_mem_free(folder);
    }
    char *place = bsc_mem_format("%s.lease", real);
    bsc_mem_free(real);
    return place;
}

struct bsc_value *bsc_run_leases_places(struct bsc_run_session *session, struct bsc_err *err)
{
    struct bsc_value *list = bsc_run_session_ask(session, "leases", err);
    if (list == NULL)
        return NULL;
    struct bsc_value *places = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const struct bsc_value *each = bsc_value_at(list, i);
        char *place = place_of(bsc_value_get_string(each, "file"));
        bsc_value_set_text(places, bsc_value_get_string(each, "id"), place);
        bsc_mem_free(place);
    }
    bsc_value_free(list);
    return places;
}

/* -------------------------------------------------------------------- places */

typedef bool (*visit)(void *self, const char *path, struct bsc_err *err);

static bool each_place(const struct bsc_value *places, const struct bsc_value *resources,
                       visit seen, void *self, struct bsc_err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(resources); i++) {
        const char *id = bsc_value_string(bsc_value_at(resources, i));
        const char *path = bsc_value_get_string(places, id);
        ok = path == NULL || seen(self, path, err);
    }
    return ok;
}

/* Those of the resources, and those that the run has had before. */
static bool each_of_run(const struct bsc_value *places, const struct bsc_value *targets,
                        const struct bsc_value *known, visit seen, void *self, struct bsc_err *err)
{
    bool ok = each_place(places, targets, seen, self, err);
    for (size_t i = 0; ok && i < bsc_value_count(known); i++)
        ok = seen(self, bsc_value_key_at(known, i), err);
    return ok;
}

struct question {
    const struct bsc_sys *sys;
    const struct bsc_journal_claim *claim;
    const struct bsc_value *known;
};

static bool may_have(void *self, const char *path, struct bsc_err *err)
{
    const struct question *question = self;
    struct bsc_journal_lease_view view = {0};
    int64_t known = bsc_value_get_number(question->known, path, 0);
    bool may = bsc_journal_lease_look(question->sys, path, &view, err) &&
               bsc_journal_lease_allows(&view, path, question->claim, known, err);
    bsc_journal_lease_view_release(&view);
    return may;
}

bool bsc_run_leases_allow(struct bsc_run_session *session, const struct bsc_value *targets,
                          const struct bsc_journal_claim *claim, const struct bsc_value *known,
                          struct bsc_err *err)
{
    struct question question = {session->with.sys, claim, known};
    struct bsc_value *places = bsc_run_leases_places(session, err);
    bool allowed = places != NULL && each_of_run(places, targets, known, may_have, &question, err);
    bsc_value_free(places);
    return allowed;
}

/* -------------------------------------------------------------------- of a run */

struct bsc_run_leases *bsc_run_leases_new(const struct bsc_run_leases_options *options,
                                          struct bsc_err *err)
{
    struct bsc_value *places = bsc_run_leases_places(options->session, err);
    if (places == NULL)
        return NULL;
    struct bsc_run_leases *leases = bsc_mem_new(1, sizeof *leases);
    leases->with = *options;
    leases->places = places;
    return leases;
}

void bsc_run_leases_free(struct bsc_run_leases *leases)
{
    if (leases == NULL)
        return;
    for (size_t i = 0; i < leases->count; i++)
        bsc_journal_lease_free(leases->held[i]);
    bsc_mem_free(leases->held);
    bsc_value_free(leases->places);
    bsc_mem_free(leases);
}

static bool is_taken(const struct bsc_run_leases *leases, const char *path)
{
    for (size_t i = 0; i < leases->count; i++)
        if (strcmp(bsc_journal_lease_path(leases->held[i]), path) == 0)
            return true;
    return false;
}

/* Whoever reads the journal, or sits before the screen, is told of a take-over. */
static bool tell_taken_over(struct bsc_run_leases *leases, const char *path,
                            const struct bsc_value *text, struct bsc_err *err)
{
    const struct bsc_value *from = bsc_value_get(text, "from");
    const char *run = bsc_value_get_string(from, "run");
    if (from == NULL)
        return true;
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", "warning");
    bsc_value_set(note, "text",
                  bsc_value_format("took over the lease '%s' from run %s: %s", path,
                                   run != NULL ? run : "unknown",
                                   bsc_value_get_string(text, "reason")));
    bool ok = bsc_run_record_note(leases->with.journal, 0, note, err);
    if (ok && leases->with.note != NULL)
        leases->with.note(leases->with.note_self, note);
    bsc_value_free(note);
    return ok;
}

static bool take_one(void *self, const char *path, struct bsc_err *err)
{
    struct bsc_run_leases *leases = self;
    const struct bsc_run_session_options *with = &leases->with.session->with;
    struct bsc_journal_lease *lease = NULL;
    if (is_taken(leases, path))
        return true;
    int64_t known = bsc_value_get_number(leases->with.known, path, 0);
    if (!bsc_journal_lease_take(with->sys, with->clock, path, leases->with.claim, known, &lease,
                                err))
        return false;
    if (lease == NULL)
        return true;
    leases->held = bsc_mem_resize(leases->held, leases->count + 1, sizeof *leases->held);
    leases->held[leases->count++] = lease;
    const struct bsc_value *text = bsc_journal_lease_text(lease);
    return bsc_run_record_lease(leases->with.journal, path, text, err) &&
           tell_taken_over(leases, path, text, err);
}

bool bsc_run_leases_take(struct bsc_run_leases *leases, const struct bsc_value *targets,
                         struct bsc_err *err)
{
    return each_of_run(leases->places, targets, leases->with.known, take_one, leases, err);
}

bool bsc_run_leases_hold(struct bsc_run_leases *leases, const struct bsc_value *resources,
                         struct bsc_err *err)
{
    bool ok = each_place(leases->places, resources, take_one, leases, err);
    for (size_t i = 0; ok && i < leases->count; i++)
        ok = bsc_journal_lease_hold(leases->held[i], err);
    if (!ok)
        bsc_run_leases_rest(leases);
    return ok;
}

void bsc_run_leases_rest(struct bsc_run_leases *leases)
{
    for (size_t i = 0; i < leases->count; i++)
        bsc_journal_lease_rest(leases->held[i]);
}
