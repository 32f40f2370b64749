#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/lab_pg.h"
#include "cli/lab_worker.h"
#include "os/files.h"

/* A lease makes the kernel hold up whoever opens the file until we give the lease up, as a slow
 * network would. Nobody is harmed by our end: leases end with us. */
enum { FILES_MAX = 512, LOOK_EVERY_MS = 10, OPENS_AFTER_MS = 300, TAKEN_AGAIN_AFTER_MS = 100 };

struct leased {
    char *name;       /* owned */
    int fd;           /* -1: no lease now */
    int64_t since_ms; /* when somebody began to wait, or when the lease was given up; 0: not yet */
    bool listed;
};

struct share {
    char *folder; /* owned */
    struct leased files[FILES_MAX];
    size_t count;
};

/* The file is opened for nothing but the lease. */
static int lease(const struct bsc_sys *sys, const char *path)
{
    int fd = sys->open(sys->self, path, O_RDONLY | O_NONBLOCK, 0);
    if (fd < 0 || fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
        return fd;
    int reason = errno;
    sys->close(sys->self, fd);
    errno = reason;
    return -1;
}

bool bsc_lab_pg_share_can_be_slow(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, BSC_LAB_MARK);
    int fd = lease(lab->cli->sys, path);
    if (fd >= 0)
        lab->cli->sys->close(lab->cli->sys->self, fd);
    else
        bsc_err_sys(err, errno, "the file system of \"%s\" cannot be slowed down", lab->folder);
    bsc_mem_free(path);
    return fd >= 0;
}

static int64_t now_ms(const struct bsc_lab *lab)
{
    return lab->cli->clock->mono_us(lab->cli->clock->self) / 1000;
}

static struct leased *find(struct share *share, const char *name)
{
    for (size_t i = 0; i < share->count; i++) {
        if (strcmp(share->files[i].name, name) == 0)
            return &share->files[i];
    }
    if (share->count == FILES_MAX)
        return NULL;
    struct leased *file = &share->files[share->count++];
    *file = (struct leased){.name = bsc_mem_text(name), .fd = -1};
    return file;
}

static void give_up(const struct bsc_lab *lab, struct leased *file)
{
    if (file->fd >= 0)
        lab->cli->sys->close(lab->cli->sys->self, file->fd);
    file->fd = -1;
    file->since_ms = now_ms(lab);
}

/* Who waits has the lease shown as what it shall become. */
static void watch(const struct bsc_lab *lab, struct leased *file)
{
    if (fcntl(file->fd, F_GETLEASE) == F_WRLCK) {
        file->since_ms = 0;
        return;
    }
    if (file->since_ms == 0)
        file->since_ms = now_ms(lab);
    if (now_ms(lab) - file->since_ms >= OPENS_AFTER_MS)
        give_up(lab, file);
}

/* While somebody has the file open there is no lease to be had. */
static void take(const struct bsc_lab *lab, const struct share *share, struct leased *file)
{
    if (file->since_ms != 0 && now_ms(lab) - file->since_ms < TAKEN_AGAIN_AFTER_MS)
        return;
    char *path = bsc_files_join(share->folder, file->name);
    file->fd = lease(lab->cli->sys, path);
    file->since_ms = 0;
    bsc_mem_free(path);
}

static void drop_unlisted(const struct bsc_lab *lab, struct share *share)
{
    size_t kept = 0;
    for (size_t i = 0; i < share->count; i++) {
        if (share->files[i].listed) {
            share->files[kept++] = share->files[i];
            continue;
        }
        give_up(lab, &share->files[i]);
        bsc_mem_free(share->files[i].name);
    }
    share->count = kept;
}

static bool slow_round(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    struct share *share = w->own;
    struct bsc_files_list list = {0};
    *ret_pause_ms = LOOK_EVERY_MS;
    if (!bsc_files_list(share->folder, &list, w->err))
        return false;
    for (size_t i = 0; i < share->count; i++)
        share->files[i].listed = false;
    for (size_t i = 0; i < list.count; i++) {
        struct leased *file =
            bsc_lab_pg_is_log_file(list.names[i]) ? find(share, list.names[i]) : NULL;
        if (file == NULL)
            continue;
        file->listed = true;
        if (file->fd >= 0)
            watch(w->lab, file);
        else
            take(w->lab, share, file);
    }
    drop_unlisted(w->lab, share);
    bsc_files_list_release(&list);
    return true;
}

/* The signal that tells of somebody who waits would end us; we look instead. */
bool bsc_lab_pg_slow_down(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct share *share = bsc_mem_new(1, sizeof *share);
    struct bsc_lab_worker w = {.lab = lab, .round = slow_round, .err = err, .own = share};
    share->folder = bsc_lab_path(lab, BSC_LAB_SHARE);
    signal(SIGIO, SIG_IGN);
    bool ok = bsc_lab_worker_go_on(&w, BSC_LAB_PG_SLOW_SHARE);
    for (size_t i = 0; i < share->count; i++)
        share->files[i].listed = false;
    drop_unlisted(lab, share);
    bsc_mem_free(share->folder);
    bsc_mem_free(share);
    return ok;
}
