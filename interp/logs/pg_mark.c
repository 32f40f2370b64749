#include "logs/pg_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "logs/io.h"
#include "os/files.h"

#define MARK_FORMAT "bascule salvaged up to LSN %llu\n"

enum { MARK_MAX = 4096 };

/* Only a file that we have just made, and that has no other name, is given away: whoever owns the
 * folder could have put another one there. */
static bool give_to_owner(const struct bsc_sys *sys, const char *folder, int fd, const char *path,
                          struct bsc_err *err)
{
    struct stat owner = {0}, file = {0};
    if (geteuid() != 0)
        return true;
    if (sys->fstat(sys->self, fd, &file) != 0)
        return bsc_err_sys(err, errno, "cannot look at '%s'", path);
    if (!S_ISREG(file.st_mode) || file.st_nlink != 1)
        return bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is not the file that was made", path);
    if (sys->stat(sys->self, folder, &owner) != 0 || fchown(fd, owner.st_uid, owner.st_gid) != 0)
        return bsc_err_sys(err, errno, "cannot give '%s' to the owner of its folder", path);
    return true;
}

int bsc_logs_pg_mark_open(const struct bsc_sys *sys, const char *folder, const char *path,
                          struct bsc_err *err)
{
    sys->unlink(sys->self, path);
    int fd = sys->open(sys->self, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0640);
    if (fd < 0) {
        bsc_err_sys(err, errno, "cannot create '%s'", path);
        return -1;
    }
    if (give_to_owner(sys, folder, fd, path, err))
        return fd;
    sys->unlink(sys->self, path);
    sys->close(sys->self, fd);
    return -1;
}

bool bsc_logs_pg_mark_put(const struct bsc_sys *sys, const char *folder, const char *name,
                          const char *text, struct bsc_err *err)
{
    char *path = bsc_files_join(folder, name);
    char *staged = bsc_mem_format("%s.new", path);
    int fd = bsc_logs_pg_mark_open(sys, folder, staged, err);
    const bool made = fd >= 0;
    bool ok = made && bsc_logs_io_write_at(sys, fd, staged, text, strlen(text), 0, err) &&
              bsc_logs_io_sync(sys, fd, staged, err) && bsc_logs_io_close(sys, &fd, staged, err);
    if (ok && sys->rename(sys->self, staged, path) != 0)
        ok = bsc_err_sys(err, errno, "cannot give '%s' its name", path);
    ok = ok && bsc_files_sync_folder(sys, folder, err);
    if (made && !ok) {
        struct bsc_err ignored = BSC_ERR_INIT;
        bsc_logs_io_close(sys, &fd, staged, &ignored);
        sys->unlink(sys->self, staged);
    }
    bsc_mem_free(staged);
    bsc_mem_free(path);
    return ok;
}

static char *mark_of(const char *name)
{
    return bsc_mem_format(".%s.salvaged", name);
}

bool bsc_logs_pg_mark_write(const struct bsc_sys *sys, const char *folder, const char *name,
                            uint64_t last_lsn, struct bsc_err *err)
{
    char *mark = mark_of(name);
    char *text = bsc_mem_format(MARK_FORMAT, (unsigned long long)last_lsn);
    bool ok = bsc_logs_pg_mark_put(sys, folder, mark, text, err);
    bsc_mem_free(text);
    bsc_mem_free(mark);
    return ok;
}

bool bsc_logs_pg_mark_read(const struct bsc_sys *sys, const char *folder, const char *name,
                           uint64_t *ret_last_lsn)
{
    struct bsc_buf text;
    struct bsc_err ignored = BSC_ERR_INIT;
    unsigned long long last = 0;
    char *mark = mark_of(name), *path = bsc_files_join(folder, mark);
    bsc_buf_init(&text);
    bool ok = bsc_files_read(sys, path, MARK_MAX, &text, &ignored) &&
              sscanf(text.data, MARK_FORMAT, &last) == 1;
    if (ok)
        *ret_last_lsn = last;
    bsc_buf_release(&text);
    bsc_mem_free(path);
    bsc_mem_free(mark);
    return ok;
}

void bsc_logs_pg_mark_remove(const struct bsc_sys *sys, const char *folder, const char *name)
{
    char *mark = mark_of(name), *path = bsc_files_join(folder, mark);
    sys->unlink(sys->self, path);
    bsc_mem_free(path);
    bsc_mem_free(mark);
}
