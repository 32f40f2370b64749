#include "cli/meanwhile.h"

#include <string.h>

#include "cli/show.h"
#include "cli/show_drift.h"
#include "journal/lease.h"
#include "run/drift.h"
#include "run/record.h"

/* Takes the text and the data, which may be NULL. */
static struct bsc_value *note_of(const char *kind, struct bsc_value *text, struct bsc_value *data)
{
    struct bsc_value *note = bsc_value_map();
    bsc_value_set_text(note, "kind", kind);
    bsc_value_set(note, "text", text);
    if (data != NULL)
        bsc_value_set(note, "data", data);
    return note;
}

/* -------------------------------------------------------------------- other runs */

/* Adds who has had the lease in the file after this run. */
static bool add_other(const struct bsc_cli_old_run *run, const char *path, struct bsc_value *runs,
                      struct bsc_err *err)
{
    struct bsc_journal_lease_view view = {0};
    bool read = bsc_journal_lease_look(run->cli->sys, path, &view, err);
    const char *other = bsc_value_get_string(view.text, "run");
    const char *user = bsc_value_get_string(view.text, "user");
    const char *since = bsc_value_get_string(view.text, "since");
    if (read && other != NULL && strcmp(other, run->folder.id) != 0)
        bsc_value_append(
            runs, bsc_value_format("while it was parked, run %s of %s has had the lease '%s' "
                                   "(from %s)",
                                   other, user != NULL ? user : "somebody", path,
                                   since != NULL ? since : "an unknown time"));
    bsc_journal_lease_view_release(&view);
    return read;
}

static bool look_at_leases(const struct bsc_cli_old_run *run, struct bsc_value *runs,
                           struct bsc_err *err)
{
    const struct bsc_value *leases = run->past.leases;
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(leases); i++)
        ok = add_other(run, bsc_value_key_at(leases, i), runs, err);
    return ok;
}

/* -------------------------------------------------------------------- all of it */

static void show(const struct bsc_cli_old_run *run, const struct bsc_cli_meanwhile *meanwhile)
{
    bsc_cli_show_since(run->cli, meanwhile->facts);
    for (size_t i = 0; i < bsc_value_count(meanwhile->runs); i++) {
        struct bsc_value *note =
            note_of("warning", bsc_value_copy(bsc_value_at(meanwhile->runs, i)), NULL);
        bsc_cli_show_note(run->cli, note);
        bsc_value_free(note);
    }
}

bool bsc_cli_meanwhile_look(const struct bsc_cli_old_run *run, struct bsc_cli_meanwhile *ret,
                            struct bsc_err *err)
{
    ret->runs = bsc_value_list();
    if (run->past.parked == NULL) {
        ret->facts = bsc_value_list();
        return true;
    }
    ret->facts = bsc_run_drift_last_seen(run->cli->sys, run->folder.journal,
                                         bsc_value_get(run->plan, "facts"), run->facts,
                                         run->session.schema, err);
    if (ret->facts == NULL || !look_at_leases(run, ret->runs, err))
        return false;
    show(run, ret);
    return true;
}

static bool record_facts(const struct bsc_cli_old_run *run, const struct bsc_value *facts,
                         struct bsc_err *err)
{
    if (bsc_value_count(facts) == 0)
        return true;
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_run_drift_since_words(facts, &text);
    struct bsc_value *data = bsc_value_map();
    bsc_value_set(data, "since", bsc_value_copy(facts));
    struct bsc_value *note = note_of("info", bsc_value_text(text.data), data);
    bool ok = bsc_run_record_note(run->journal, 0, note, err);
    bsc_value_free(note);
    bsc_buf_release(&text);
    return ok;
}

bool bsc_cli_meanwhile_record(const struct bsc_cli_old_run *run,
                              const struct bsc_cli_meanwhile *meanwhile, struct bsc_err *err)
{
    bool ok = record_facts(run, meanwhile->facts, err);
    for (size_t i = 0; ok && i < bsc_value_count(meanwhile->runs); i++) {
        struct bsc_value *note =
            note_of("warning", bsc_value_copy(bsc_value_at(meanwhile->runs, i)), NULL);
        ok = bsc_run_record_note(run->journal, 0, note, err);
        bsc_value_free(note);
    }
    return ok;
}

void bsc_cli_meanwhile_release(struct bsc_cli_meanwhile *meanwhile)
{
    bsc_value_free(meanwhile->facts);
    bsc_value_free(meanwhile->runs);
    *meanwhile = (struct bsc_cli_meanwhile){0};
}
