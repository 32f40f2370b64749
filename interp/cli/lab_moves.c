#include "cli/lab.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/tree.h"
#include "value/json.h"

enum { FAULTS_BYTES_MAX = 1024 * 1024 };

static bool load_moves(const struct bsc_lab *lab, struct bsc_value **ret_moves, struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, BSC_LAB_FAULTS);
    bool ok = true;
    bsc_buf_init(&text);
    *ret_moves = NULL;
    if (bsc_files_exists(lab->cli->sys, path)) {
        ok = bsc_files_read(lab->cli->sys, path, FAULTS_BYTES_MAX, &text, err) &&
             (*ret_moves = bsc_json_parse(path, text.data, text.length, err)) != NULL;
    } else {
        *ret_moves = bsc_value_list();
    }
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

static bool save_moves(const struct bsc_lab_moves *b, struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(b->lab, BSC_LAB_FAULTS);
    bsc_buf_init(&text);
    bsc_json_canonical(b->list, &text);
    bool ok = bsc_files_write(b->lab->cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

static bool note(struct bsc_lab_moves *b, struct bsc_value *move, struct bsc_err *err)
{
    bsc_value_set_text(move, "fault", b->fault);
    bsc_value_append(b->list, move);
    return save_moves(b, err);
}

bool bsc_lab_note(struct bsc_lab_moves *b, const char *from, const char *to, struct bsc_err *err)
{
    struct bsc_value *move = bsc_value_map();
    if (from != NULL)
        bsc_value_set_text(move, "from", from);
    bsc_value_set_text(move, from != NULL ? "to" : "remove", to);
    return note(b, move, err);
}

bool bsc_lab_note_mend(struct bsc_lab_moves *b, struct bsc_err *err)
{
    struct bsc_value *move = bsc_value_map();
    bsc_value_set_bool(move, "mend", true);
    return note(b, move, err);
}

static bool rename_in(const struct bsc_lab *lab, const char *from, const char *to,
                      struct bsc_err *err)
{
    const struct bsc_sys *sys = lab->cli->sys;
    char *old = bsc_lab_path(lab, from);
    char *new = bsc_lab_path(lab, to);
    char *folder = bsc_files_folder_of(new);
    bool ok = bsc_files_make_folder(sys, folder, 0700, err) &&
              (sys->rename(sys->self, old, new) == 0 ||
               bsc_err_sys(err, errno, "cannot move \"%s\" to \"%s\"", old, new));
    bsc_mem_free(old);
    bsc_mem_free(new);
    bsc_mem_free(folder);
    return ok;
}

bool bsc_lab_move(struct bsc_lab_moves *b, const char *from, const char *to, struct bsc_err *err)
{
    return bsc_lab_note(b, from, to, err) && rename_in(b->lab, from, to, err);
}

static const struct bsc_lab_fault *fault_named(const struct bsc_lab *lab, const char *name)
{
    const struct bsc_lab_fault *fault = lab->kind->faults;
    while (fault->name != NULL && strcmp(fault->name, name) != 0)
        fault++;
    return fault->name != NULL ? fault : NULL;
}

static const struct bsc_lab_fault *fault_wanted(const struct bsc_lab *lab, const char *name,
                                                struct bsc_err *err)
{
    const struct bsc_lab_fault *fault = fault_named(lab, name);
    if (fault != NULL)
        return fault;
    bool scenario = lab->kind->directory != NULL;
    bsc_err_set(err, BSC_ERR_USAGE, "there is no fault \"%s\" %s %s", name,
                scenario ? "in the scenario" : "on platform",
                scenario ? lab->kind->scenario : lab->kind->platform);
    bsc_err_hint(err, "bascule lab --help lists the faults.");
    return NULL;
}

/* The fault of a move; a lab that an older bascule has broken does not tell. */
static const struct bsc_lab_fault *fault_of(const struct bsc_lab *lab, const struct bsc_value *done)
{
    const char *name = bsc_value_get_string(done, "fault");
    return name != NULL ? fault_named(lab, name) : NULL;
}

static bool call_mend(const struct bsc_lab *lab, const struct bsc_value *done, struct bsc_err *err)
{
    const struct bsc_lab_fault *fault = fault_of(lab, done);
    return fault == NULL || fault->mend == NULL || fault->mend(lab, err);
}

/* A move that was noted but not made, because the lab was interrupted, is no error. */
static bool take_back(const struct bsc_lab *lab, const struct bsc_value *done, struct bsc_err *err)
{
    if (bsc_value_get_truth(done, "mend"))
        return call_mend(lab, done, err);
    const char *added = bsc_value_get_string(done, "remove");
    const char *to = bsc_value_get_string(done, "to");
    char *path = bsc_lab_path(lab, added != NULL ? added : to);
    bool ok = true;
    if (added != NULL)
        ok = bsc_tree_remove(lab->cli->sys, path, err);
    else if (bsc_files_exists(lab->cli->sys, path))
        ok = rename_in(lab, to, bsc_value_get_string(done, "from"), err);
    bsc_mem_free(path);
    return ok;
}

/* How the faults that are there stand to the one that is wanted. */
struct standing {
    bool same;
    bool loss;
    bool alone; /* all of them */
    bool whole; /* one of them, or one that nobody knows */
};

static struct standing standing_of(const struct bsc_lab_moves *b,
                                   const struct bsc_lab_fault *wanted)
{
    struct standing s = {.alone = true};
    for (size_t i = 0; i < bsc_value_count(b->list); i++) {
        const struct bsc_lab_fault *fault = fault_of(b->lab, bsc_value_at(b->list, i));
        s.same = s.same || fault == wanted;
        s.loss = s.loss || (fault != NULL && fault->kind == BSC_LAB_FAULT_LOSS);
        s.alone = s.alone && fault != NULL && fault->kind == BSC_LAB_FAULT_ALONE;
        s.whole = s.whole || fault == NULL || fault->kind == BSC_LAB_FAULT_WHOLE;
    }
    return s;
}

static bool may_break(const struct standing *s, const struct bsc_lab_fault *wanted)
{
    switch (wanted->kind) {
    case BSC_LAB_FAULT_WHOLE:
        return s->alone && !s->same;
    case BSC_LAB_FAULT_LOSS:
        return s->alone;
    default:
        return !s->same && !s->whole;
    }
}

static bool make_fault(struct bsc_lab_moves *b, const struct bsc_lab_fault *fault,
                       struct bsc_err *err)
{
    b->fault = fault->name;
    if (!fault->make(b, err))
        return false;
    bsc_cli_say(b->lab->cli, "%s\n", fault->said);
    return true;
}

static bool make_with_loss(struct bsc_lab_moves *b, const struct bsc_lab_fault *fault,
                           struct bsc_err *err)
{
    struct standing s = standing_of(b, fault);
    if (!may_break(&s, fault)) {
        bsc_err_set(err, BSC_ERR_REFUSED, "the lab is broken already");
        return bsc_lab_hint(err, "repair", b->lab->folder, "mends it");
    }
    if (fault->can != NULL && !fault->can(b->lab, err))
        return false;
    bool needs_loss = fault->kind == BSC_LAB_FAULT_ADDED && !s.loss;
    return (!needs_loss || make_fault(b, &b->lab->kind->faults[0], err)) &&
           make_fault(b, fault, err);
}

bool bsc_lab_break(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    struct bsc_lab_moves moves = {.lab = lab};
    const struct bsc_lab_fault *fault = fault_wanted(lab, name, err);
    bool ok =
        fault != NULL && load_moves(lab, &moves.list, err) && make_with_loss(&moves, fault, err);
    bsc_value_free(moves.list);
    return ok;
}

/* Two primaries would drift apart: the old one comes back fenced, or not at all. */
static bool may_return(const struct bsc_lab *lab, bool *ret_over, struct bsc_err *err)
{
    if (!lab->kind->failed_over(lab, ret_over, err))
        return false;
    if (!*ret_over)
        return true;
    if (lab->kind->fence != NULL)
        return lab->kind->fence(lab, err);
    bsc_err_set(err, BSC_ERR_REFUSED, "the lab was failed over: the old primary must not return");
    return bsc_err_hint(err, "Make a new lab: bascule lab down DIR --remove, then lab new DIR.");
}

/* Takes back the moves of one fault, or all (NULL), and keeps the others noted. */
static bool take_back_all(const struct bsc_lab *lab, const struct bsc_lab_fault *only,
                          size_t *ret_count, struct bsc_err *err)
{
    struct bsc_value *list = NULL;
    struct bsc_lab_moves kept = {.lab = lab, .list = bsc_value_list()};
    bool ok = load_moves(lab, &list, err);
    *ret_count = 0;
    for (size_t i = bsc_value_count(list); ok && i > 0; i--) {
        if (only == NULL || fault_of(lab, bsc_value_at(list, i - 1)) == only) {
            ok = take_back(lab, bsc_value_at(list, i - 1), err);
            (*ret_count)++;
        }
    }
    for (size_t i = 0; ok && only != NULL && i < bsc_value_count(list); i++) {
        if (fault_of(lab, bsc_value_at(list, i)) != only)
            bsc_value_append(kept.list, bsc_value_copy(bsc_value_at(list, i)));
    }
    ok = ok && save_moves(&kept, err);
    bsc_value_free(list);
    bsc_value_free(kept.list);
    return ok;
}

static bool repair_one(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    size_t count = 0;
    const struct bsc_lab_fault *fault = fault_wanted(lab, name, err);
    if (fault == NULL)
        return false;
    if (fault->kind != BSC_LAB_FAULT_ADDED && fault->kind != BSC_LAB_FAULT_ALONE) {
        bsc_err_set(err, BSC_ERR_REFUSED, "\"%s\" is repaired with everything else only", name);
        return bsc_lab_hint(err, "repair", lab->folder, "does that");
    }
    if (!take_back_all(lab, fault, &count, err))
        return false;
    if (count == 0)
        return bsc_err_set(err, BSC_ERR_REFUSED, "the lab does not have the fault \"%s\"", name);
    bsc_cli_say(lab->cli, "\"%s\" is repaired\n", name);
    return true;
}

static bool repair_all(const struct bsc_lab *lab, struct bsc_err *err)
{
    bool over = false;
    size_t count = 0;
    if (!may_return(lab, &over, err) || !take_back_all(lab, NULL, &count, err) ||
        !lab->kind->restart(lab, err))
        return false;
    bsc_cli_say(lab->cli, over ? "the primary data centre is back, and the pool still uses the "
                                 "secondary: runbooks/failback.lua brings it home\n"
                               : "the lab is whole again\n");
    return true;
}

bool bsc_lab_repair(const struct bsc_lab *lab, const char *fault, struct bsc_err *err)
{
    return fault != NULL ? repair_one(lab, fault, err) : repair_all(lab, err);
}

static bool is_told(const struct bsc_value *names, const char *name)
{
    for (size_t i = 0; i < bsc_value_count(names); i++) {
        if (strcmp(bsc_value_string(bsc_value_at(names, i)), name) == 0)
            return true;
    }
    return false;
}

bool bsc_lab_faults_tell(const struct bsc_lab *lab, struct bsc_value *status, struct bsc_err *err)
{
    struct bsc_value *list = NULL;
    struct bsc_value *names = bsc_value_list();
    bool ok = load_moves(lab, &list, err);
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        const char *name = bsc_value_get_string(bsc_value_at(list, i), "fault");
        if (name != NULL && !is_told(names, name))
            bsc_value_append(names, bsc_value_text(name));
    }
    bsc_value_set(status, "faults", names);
    bsc_value_free(list);
    return ok;
}
