#include "cli/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/mem.h"
#include "logs/backup.h"
#include "logs/format.h"
#include "logs/recover.h"
#include "os/files.h"
#include "os/tree.h"

enum { BALLAST_BYTES = 64 * 1024 * 1024 };

static bool lose_primary_site(struct bsc_lab_moves *b, struct bsc_err *err)
{
    return bsc_lab_staff_end(b->lab, false, err) &&
           bsc_lab_move(b, "dc1", BSC_LAB_LOST "/dc1", err);
}

static bool lose_primary_server(struct bsc_lab_moves *b, struct bsc_err *err)
{
    return lose_primary_site(b, err) &&
           bsc_lab_move(b, BSC_LAB_LOST "/dc1/sql1", "rescued/sql1", err);
}

/* Only the clients' way to the site is lost: the front ends and the mirror. */
static bool lose_front_end(struct bsc_lab_moves *b, struct bsc_err *err)
{
    return bsc_lab_staff_end(b->lab, false, err) &&
           bsc_lab_move(b, "dc1/sql2", BSC_LAB_LOST "/dc1-sql2", err);
}

/* Name of the newest-but-one log backup on the share: not copied yet, and others follow it.
 * Returns owned, NULL on failure. */
static char *pick_backup(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    char *name = NULL;
    if (bsc_files_list(share, &list, err)) {
        if (list.count >= 2)
            name = bsc_mem_text(list.names[list.count - 2]);
        else
            bsc_err_set(err, BSC_ERR_NOT_FOUND, "there are no log backups in \"%s\"", share);
    }
    bsc_files_list_release(&list);
    bsc_mem_free(share);
    return name;
}

static bool lose_backup(struct bsc_lab_moves *b, struct bsc_err *err)
{
    if (!lose_primary_site(b, err))
        return false;
    char *name = pick_backup(b->lab, err);
    if (name == NULL)
        return false;
    char *from = bsc_mem_format(BSC_LAB_SHARE "/%s", name);
    char *to = bsc_mem_format(BSC_LAB_LOST "/%s", name);
    bool ok = bsc_lab_move(b, from, to, err);
    bsc_cli_say(b->lab->cli, "missing: %s\n", name);
    bsc_mem_free(name);
    bsc_mem_free(from);
    bsc_mem_free(to);
    return ok;
}

/* Turns the bits of one byte in the middle of the pages. */
static bool spoil(const struct bsc_lab *lab, const char *path, struct bsc_buf *bytes,
                  struct bsc_err *err)
{
    if (!bsc_files_read(lab->cli->sys, path, BALLAST_BYTES, bytes, err))
        return false;
    size_t middle =
        (size_t)BSC_LOGS_FORMAT_HEADER + (bytes->length - (size_t)BSC_LOGS_FORMAT_HEADER) / 2;
    bytes->data[middle] = (char)~bytes->data[middle];
    return true;
}

static bool damage_backup(struct bsc_lab_moves *b, struct bsc_err *err)
{
    struct bsc_buf bytes;
    bsc_buf_init(&bytes);
    bool ok = lose_primary_site(b, err);
    char *name = ok ? pick_backup(b->lab, err) : NULL;
    if (name != NULL) {
        char *from = bsc_mem_format(BSC_LAB_SHARE "/%s", name);
        char *to = bsc_mem_format(BSC_LAB_LOST "/%s", name);
        char *path = bsc_lab_path(b->lab, from);
        ok = spoil(b->lab, path, &bytes, err) && bsc_lab_move(b, from, to, err) &&
             bsc_lab_note(b, NULL, from, err) &&
             bsc_files_write(b->lab->cli->sys, path, bytes.data, bytes.length, 0600, err);
        bsc_cli_say(b->lab->cli, "damaged: %s\n", name);
        bsc_mem_free(from);
        bsc_mem_free(to);
        bsc_mem_free(path);
    }
    bsc_buf_release(&bytes);
    bsc_mem_free(name);
    return ok && name != NULL;
}

static bool back_up(const struct bsc_lab *lab, const char *db, char **ret_file, struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, db);
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {
        .sys = lab->cli->sys, .clock = lab->cli->clock, .db = path, .share = share, .name = "mgc"};
    bool ok = bsc_logs_backup_take(&order, &backup, err);
    if (ok && ret_file != NULL && backup.file != NULL)
        *ret_file = bsc_mem_text(backup.file);
    bsc_logs_backup_release(&backup);
    bsc_mem_free(path);
    bsc_mem_free(share);
    return ok;
}

/* What an earlier fork left behind. */
static bool remove_scratch(const struct bsc_lab *lab, const char *scratch, struct bsc_err *err)
{
    static const char *const endings[] = {"", "-wal", "-shm", ".state"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof endings / sizeof endings[0]; i++) {
        char *name = bsc_mem_format("%s%s", scratch, endings[i]);
        char *path = bsc_lab_path(lab, name);
        ok = bsc_tree_remove(lab->cli->sys, path, err);
        bsc_mem_free(name);
        bsc_mem_free(path);
    }
    return ok;
}

/* Somebody recovered a copy of the database elsewhere, worked on it and let its backups go to the
 * same share. */
static bool make_fork(const struct bsc_lab *lab, const char *scratch, struct bsc_err *err)
{
    static const char *const work[] = {"PRAGMA wal_autocheckpoint=0",
                                       "DELETE FROM tblChatMessage WHERE id = 1", NULL};
    char *copy = bsc_lab_path(lab, scratch);
    struct bsc_logs_recovered recovered;
    bool ok = remove_scratch(lab, scratch, err) && bsc_lab_seed(lab, scratch, err) &&
              bsc_logs_recover(lab->cli->sys, copy, NULL, &recovered, err) &&
              bsc_logs_shipping_begin(lab->cli->sys, copy, err);
    struct bsc_logs_guard *guard = ok ? bsc_logs_guard_open(lab->cli->sys, copy, err) : NULL;
    struct bsc_sql *sql = guard != NULL ? bsc_lab_sql_open(lab, scratch, false, err) : NULL;
    ok = sql != NULL && bsc_lab_sql_run(sql, work, err);
    bsc_sql_close(sql);
    bsc_logs_guard_close(guard);
    bsc_mem_free(copy);
    return ok;
}

/* Enough messages that the range of this log backup differs from the other fork's, which would
 * otherwise have the same name. */
static bool go_on(const struct bsc_lab *lab, struct bsc_err *err)
{
    enum { MESSAGES = 200 };
    char *db = bsc_lab_path(lab, BSC_LAB_PRIMARY);
    struct bsc_logs_guard *guard = bsc_logs_guard_open(lab->cli->sys, db, err);
    struct bsc_sql *primary =
        guard != NULL ? bsc_lab_sql_open(lab, BSC_LAB_PRIMARY, false, err) : NULL;
    struct bsc_sql *ledger =
        primary != NULL ? bsc_lab_sql_open(lab, BSC_LAB_LEDGER, false, err) : NULL;
    bool ok = ledger != NULL && bsc_lab_add_messages(primary, ledger, MESSAGES, err) &&
              back_up(lab, BSC_LAB_PRIMARY, NULL, err);
    bsc_sql_close(ledger);
    bsc_sql_close(primary);
    bsc_logs_guard_close(guard);
    bsc_mem_free(db);
    return ok;
}

/* The primary goes on after the other fork has left it: a fork that only follows where its
 * predecessor ends would be its lawful successor. */
static bool mix_forks(struct bsc_lab_moves *b, struct bsc_err *err)
{
    static const char scratch[] = ".lab/elsewhere.db";
    char *file = NULL;
    bool ok = bsc_lab_staff_end(b->lab, false, err) &&
              back_up(b->lab, BSC_LAB_PRIMARY, NULL, err) && make_fork(b->lab, scratch, err) &&
              go_on(b->lab, err) && back_up(b->lab, scratch, &file, err);
    if (ok && file == NULL)
        ok = bsc_err_set(err, BSC_ERR_IO, "the other fork gave no log backup");
    if (ok) {
        char *added = bsc_mem_format(BSC_LAB_SHARE "/%s", file);
        ok = bsc_lab_note(b, NULL, added, err) && lose_primary_site(b, err);
        bsc_cli_say(b->lab->cli, "of another recovery fork: %s\n", file);
        bsc_mem_free(added);
    }
    bsc_mem_free(file);
    return ok;
}

/* The folder's limit in site.yaml is used up by something else. */
static bool fill_destination(struct bsc_lab_moves *b, struct bsc_err *err)
{
    static const char ballast[] = BSC_LAB_COPIED "/forgotten.iso";
    const struct bsc_sys *sys = b->lab->cli->sys;
    if (!lose_primary_site(b, err) || !bsc_lab_note(b, NULL, ballast, err))
        return false;
    char *path = bsc_lab_path(b->lab, ballast);
    int fd = sys->open(sys->self, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    bool ok = fd >= 0 && sys->fallocate(sys->self, fd, 0, 0, BALLAST_BYTES) == 0;
    if (!ok)
        bsc_err_sys(err, errno, "cannot fill \"%s\"", path);
    if (fd >= 0)
        sys->close(sys->self, fd);
    bsc_mem_free(path);
    return ok;
}

const struct bsc_lab_fault bsc_lab_embedded_faults[] = {
    {"primary-site", lose_primary_site, "Atlanta (dc1) is gone: primary, mirror and front ends",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {"primary-server", lose_primary_server,
     "Atlanta (dc1) is gone, but sql1's disk was rescued and can be read in rescued/sql1",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {"primary-alive", lose_front_end, "clients cannot reach Atlanta, but its primary answers",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {"gap", lose_backup, "Atlanta (dc1) is gone, and a log backup is missing on the share",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {"damaged-backup", damage_backup,
     "Atlanta (dc1) is gone, and a log backup on the share is damaged", BSC_LAB_FAULT_WHOLE, NULL,
     NULL},
    {"foreign-fork", mix_forks,
     "Atlanta (dc1) is gone, and the share holds a log backup of another recovery fork",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {"share-full", fill_destination,
     "Atlanta (dc1) is gone, and there is no room for the backups in dc2/sql3/copied",
     BSC_LAB_FAULT_WHOLE, NULL, NULL},
    {0},
};
