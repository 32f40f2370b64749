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

bool bsc_lab_note(struct bsc_lab_moves *b, const char *from, const char *to, struct bsc_err *err)
{
    struct bsc_value *move = bsc_value_map();
    if (from != NULL)
        bsc_value_set_text(move, "from", from);
    bsc_value_set_text(move, from != NULL ? "to" : "remove", to);
    bsc_value_append(b->list, move);
    return save_moves(b, err);
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

/* A move that was noted but not made, because the lab was interrupted, is no error. */
static bool take_back(const struct bsc_lab *lab, const struct bsc_value *done, struct bsc_err *err)
{
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

static const struct bsc_lab_fault *fault_named(const struct bsc_lab *lab, const char *name)
{
    const struct bsc_lab_fault *fault = lab->kind->faults;
    while (fault->name != NULL && strcmp(fault->name, name) != 0)
        fault++;
    return fault->name != NULL ? fault : NULL;
}

bool bsc_lab_break(const struct bsc_lab *lab, const char *name, struct bsc_err *err)
{
    struct bsc_lab_moves moves = {lab, NULL};
    const struct bsc_lab_fault *fault = fault_named(lab, name);
    if (fault == NULL) {
        bsc_err_set(err, BSC_ERR_USAGE, "there is no fault \"%s\" on platform %s", name,
                    lab->kind->platform);
        return bsc_err_hint(err, "bascule lab --help lists the faults.");
    }
    bool ok = load_moves(lab, &moves.list, err);
    if (ok && bsc_value_count(moves.list) > 0) {
        ok = bsc_err_set(err, BSC_ERR_REFUSED, "the lab is broken already");
        bsc_lab_hint(err, "repair", lab->folder, "mends it");
    }
    ok = ok && fault->make(&moves, err);
    if (ok)
        bsc_cli_say(lab->cli, "%s\n", fault->said);
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

bool bsc_lab_repair(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_value *list = NULL;
    bool over = false;
    if (!may_return(lab, &over, err) || !load_moves(lab, &list, err))
        return false;
    bool ok = true;
    for (size_t i = bsc_value_count(list); ok && i > 0; i--)
        ok = take_back(lab, bsc_value_at(list, i - 1), err);
    bsc_value_free(list);
    struct bsc_lab_moves none = {lab, bsc_value_list()};
    ok = ok && save_moves(&none, err) && lab->kind->restart(lab, err);
    bsc_value_free(none.list);
    if (ok)
        bsc_cli_say(lab->cli, over ? "the primary data centre is back, and the pool still uses the "
                                     "secondary: runbooks/failback.lua brings it home\n"
                                   : "the lab is whole again\n");
    return ok;
}
