#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/tree.h"

/* Where the small disk is made ready, and where its files are kept while it is taken away. */
#define ABOVE_STAGE ".lab"
#define STAGE       ABOVE_STAGE "/disk"

/* No log file of the lab finds room there. */
enum { ROOM_BYTES = 512 * 1024 };

bool bsc_lab_pg_disk_can_fill(const struct bsc_lab *lab, struct bsc_err *err)
{
    (void)lab;
    if (geteuid() == 0)
        return true;
    bsc_err_set(err, BSC_ERR_DENIED, "a disk of its own can be given to the lab by root only");
    return bsc_err_hint(err, "To see a run refused for want of room, give databases.mgc."
                             "log_shipping a small destination_limit in site.yaml.");
}

static bool stat_at(const struct bsc_lab *lab, const char *name, struct stat *ret)
{
    char *path = bsc_lab_path(lab, name);
    bool there = stat(path, ret) == 0;
    bsc_mem_free(path);
    return there;
}

static bool is_mounted(const struct bsc_lab *lab, const char *name, const char *above)
{
    struct stat folder, around;
    return stat_at(lab, name, &folder) && stat_at(lab, above, &around) &&
           folder.st_dev != around.st_dev;
}

static bool run(const char *const *words, struct bsc_err *err)
{
    if (bsc_lab_pg_run(words, false, err))
        return true;
    return bsc_err_hint(err, "The lab has to mount a file system; in a container even root may "
                             "not be allowed to.");
}

/* Copies what is in one folder into another, over what is there. */
static bool copy_all(const char *from, const char *to, struct bsc_err *err)
{
    char *all = bsc_mem_format("%s/.", from);
    const char *const words[] = {"cp", "-a", all, to, NULL};
    bool ok = bsc_lab_pg_run(words, false, err);
    bsc_mem_free(all);
    return ok;
}

static int64_t bytes_in(const struct bsc_lab *lab, const char *folder)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    int64_t total = 0;
    bool ok = bsc_files_list(folder, &list, &ignored);
    for (size_t i = 0; ok && i < list.count; i++) {
        struct stat info;
        char *name = bsc_mem_format(BSC_LAB_PG_COPIED "/%s", list.names[i]);
        total += stat_at(lab, name, &info) ? info.st_size : 0;
        bsc_mem_free(name);
    }
    bsc_files_list_release(&list);
    return total;
}

static bool mount_stage(const struct bsc_lab *lab, const char *copied, const char *stage,
                        struct bsc_err *err)
{
    struct stat owner = {0};
    if (!stat_at(lab, BSC_LAB_PG_COPIED, &owner))
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "\"%s\" is not there", copied);
    char *options = bsc_mem_format("size=%lld,mode=700,uid=%u,gid=%u",
                                   (long long)bytes_in(lab, copied) + ROOM_BYTES,
                                   (unsigned)owner.st_uid, (unsigned)owner.st_gid);
    const char *const words[] = {"mount", "-t", "tmpfs", "-o", options, "none", stage, NULL};
    bool ok = bsc_files_make_folder(lab->cli->sys, stage, 0700, err) && run(words, err);
    bsc_mem_free(options);
    return ok;
}

/* What is in it has its place by now, or never had one: whoever was to move it was interrupted. */
static bool leave_stage(const struct bsc_lab *lab, const char *stage, struct bsc_err *err)
{
    const char *const leave[] = {"umount", stage, NULL};
    bool ok = true;
    while (ok && is_mounted(lab, STAGE, ABOVE_STAGE))
        ok = run(leave, err);
    return ok;
}

/* The standby and a run may be reading there, so the small disk takes the folder's place only when
 * everything is in it. */
bool bsc_lab_pg_disk_fill(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    char *copied = bsc_lab_path(moves->lab, BSC_LAB_PG_COPIED);
    char *stage = bsc_lab_path(moves->lab, STAGE);
    const char *const bind[] = {"mount", "--bind", stage, copied, NULL};
    struct bsc_err ignored = BSC_ERR_INIT;
    bool ok = bsc_lab_note_mend(moves, err) && mount_stage(moves->lab, copied, stage, err) &&
              copy_all(copied, stage, err) && run(bind, err);
    ok = leave_stage(moves->lab, stage, ok ? err : &ignored) && ok;
    bsc_mem_free(copied);
    bsc_mem_free(stage);
    return ok;
}

/* Puts aside what is on the small disk, and takes that away. */
static bool take_disk(const struct bsc_lab *lab, const char *copied, const char *stage,
                      struct bsc_err *err)
{
    const char *const leave[] = {"umount", copied, NULL};
    return bsc_tree_remove(lab->cli->sys, stage, err) &&
           bsc_files_make_folder(lab->cli->sys, stage, 0700, err) && copy_all(copied, stage, err) &&
           run(leave, err);
}

/* What came in while the disk was small is kept. As long as something is aside without a disk, a
 * lab that was interrupted has not put it back. */
bool bsc_lab_pg_disk_free(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *copied = bsc_lab_path(lab, BSC_LAB_PG_COPIED);
    char *stage = bsc_lab_path(lab, STAGE);
    bool ok = leave_stage(lab, stage, err) &&
              (!is_mounted(lab, BSC_LAB_PG_COPIED, BSC_LAB_PG_SECONDARY) ||
               take_disk(lab, copied, stage, err)) &&
              (!bsc_files_exists(lab->cli->sys, stage) || copy_all(stage, copied, err)) &&
              bsc_tree_remove(lab->cli->sys, stage, err);
    bsc_mem_free(copied);
    bsc_mem_free(stage);
    return ok;
}
