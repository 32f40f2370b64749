#include "logs/reseed.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "logs/exclusive.h"
#include "logs/header.h"
#include "logs/leftover.h"
#include "logs/primary_int.h"
#include "os/files.h"

/* Only what nobody can open is put away; what cannot be read as a database is not used by anybody
 * either. */
static bool is_out_of_use(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    struct bsc_logs_db_header header = {0};
    struct bsc_err unread = BSC_ERR_INIT;

    if (!bsc_logs_exclusive_alone(sys, path, err))
        return false;
    if (!bsc_logs_db_header_read(sys, path, &header, &unread)) {
        if (unread.code != BSC_ERR_DAMAGED)
            *err = unread;
        return unread.code == BSC_ERR_DAMAGED;
    }
    if (header.mark == BSC_LOGS_MARK_RESTORING || header.mark == BSC_LOGS_MARK_STANDBY)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "'%s' can be written to", path);
    return bsc_err_hint(err, "Fence it first: rename it, or take its server out of use.");
}

static bool rename_to(const struct bsc_sys *sys, const char *from, const char *to,
                      struct bsc_err *err)
{
    return !bsc_files_exists(sys, from) || sys->rename(sys->self, from, to) == 0 ||
           bsc_err_sys(err, errno, "could not rename '%s' to '%s'", from, to);
}

/* Renames a database and its sidecar, the sidecar last: where it is alone, the file was moved by
 * somebody who was stopped, and `to` is where. */
static bool rename_both(const struct bsc_sys *sys, const char *from, const char *to,
                        struct bsc_err *err)
{
    char *old = bsc_logs_path_state(from);
    char *new = bsc_logs_path_state(to);
    bool ok = rename_to(sys, from, to, err) && rename_to(sys, old, new, err) &&
              bsc_files_sync_parent(sys, from, err);

    bsc_mem_free(old);
    bsc_mem_free(new);
    return ok;
}

/* The database that was set aside last before `path` got another one: an owned path, or NULL. Times
 * in names sort as text does. */
static char *last_aside(const char *path)
{
    char *folder = bsc_files_folder_of(path);
    char *prefix = bsc_mem_format("%s.before-", bsc_files_name_of(path));
    struct bsc_files_list list = {0};
    struct bsc_err ignored = BSC_ERR_INIT;
    const char *found = NULL;
    char *result = NULL;

    if (bsc_files_list(folder, &list, &ignored)) {
        for (size_t i = 0; i < list.count; i++) {
            const char *name = list.names[i];
            const char *time = name + strlen(prefix);
            if (strncmp(name, prefix, strlen(prefix)) == 0 &&
                strspn(time, "0123456789TZ-") == strlen(time) &&
                (found == NULL || strcmp(name, found) > 0))
                found = name;
        }
        if (found != NULL)
            result = bsc_files_join(folder, found);
    }
    bsc_files_list_release(&list);
    bsc_mem_free(prefix);
    bsc_mem_free(folder);
    return result;
}

/* Where a sidecar belongs whose file is not there: to the one that was set aside last, unless that
 * has one. An owned path, or NULL. */
static char *reunited(const struct bsc_sys *sys, const char *path)
{
    char *aside = last_aside(path);
    char *state = aside != NULL ? bsc_logs_path_state(aside) : NULL;

    if (state != NULL && bsc_files_exists(sys, state)) {
        bsc_mem_free(aside);
        aside = NULL;
    }
    bsc_mem_free(state);
    return aside;
}

static bool set_aside_as(const struct bsc_sys *sys, const char *path, const char *word,
                         struct bsc_err *err)
{
    bool there = bsc_files_exists(sys, path);
    char *aside = there ? NULL : reunited(sys, path);
    bool ok;

    if (aside == NULL)
        aside = bsc_logs_leftover_name_as(sys, path, word);
    ok = (!there || is_out_of_use(sys, path, err)) && bsc_logs_leftover_set_aside(sys, path, err) &&
         rename_both(sys, path, aside, err);
    bsc_mem_free(aside);
    return ok;
}

bool bsc_logs_reseed(const struct bsc_logs_seed_order *order, int64_t *ret_lsn, int64_t *ret_bytes,
                     struct bsc_err *err)
{
    return set_aside_as(order->sys, order->copy, "before", err) &&
           bsc_logs_seed(order, ret_lsn, ret_bytes, err);
}

/* Nobody takes log backups of it any more: its mirror alone decides when its log may go. */
static bool end_backups(const struct bsc_sys *sys, const char *db, struct bsc_err *err)
{
    struct bsc_logs_primary primary = BSC_LOGS_PRIMARY_INIT;
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    bool ok = bsc_logs_primary_open(&primary, sys, db, false, err) &&
              bsc_logs_primary_lock(&primary, err) && bsc_logs_state_load(sys, db, &state, err);

    if (ok && state.backed_up) {
        state.backed_up = false;
        ok = bsc_logs_state_save(sys, db, &state, err);
    }
    bsc_logs_state_release(&state);
    bsc_logs_primary_unlock(&primary);
    bsc_logs_primary_close(&primary);
    return ok;
}

static bool put_back(const struct bsc_sys *sys, const char *copy, struct bsc_err *err)
{
    char *aside = last_aside(copy);
    bool ok = aside == NULL || rename_both(sys, aside, copy, err);

    bsc_mem_free(aside);
    return ok;
}

bool bsc_logs_unseed(const struct bsc_sys *sys, const char *db, const char *copy, bool restore,
                     struct bsc_err *err)
{
    return set_aside_as(sys, copy, "seeded", err) && (!restore || put_back(sys, copy, err)) &&
           end_backups(sys, db, err);
}
