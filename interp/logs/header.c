#include "logs/header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/mem.h"
#include "logs/exclusive.h"
#include "logs/leftover.h"

static const char magic[16] = "SQLite format 3";

static const struct {
    unsigned char bytes[2];
    const char *name;
} marks[] = {
    [BSC_LOGS_MARK_ROLLBACK] = {{1, 1}, "rollback"},
    [BSC_LOGS_MARK_WAL] = {{2, 2}, "wal"},
    [BSC_LOGS_MARK_RESTORING] = {{3, 3}, "restoring"},
    [BSC_LOGS_MARK_STANDBY] = {{3, 1}, "standby"},
    [BSC_LOGS_MARK_OTHER] = {{0, 0}, "other"},
};

void bsc_logs_mark_bytes(enum bsc_logs_mark mark, unsigned char ret_bytes[2])
{
    BSC_BUG_ON(mark >= BSC_LOGS_MARK_OTHER);
    memcpy(ret_bytes, marks[mark].bytes, 2);
}

const char *bsc_logs_mark_name(enum bsc_logs_mark mark)
{
    return marks[mark].name;
}

static enum bsc_logs_mark mark_of(const unsigned char *bytes)
{
    for (int mark = 0; mark < BSC_LOGS_MARK_OTHER; mark++)
        if (memcmp(marks[mark].bytes, bytes, 2) == 0)
            return (enum bsc_logs_mark)mark;
    return BSC_LOGS_MARK_OTHER;
}

static uint32_t page_size_of(const unsigned char *bytes)
{
    uint32_t stored = (uint32_t)bytes[16] << 8 | bytes[17];
    uint32_t size = stored == 1 ? 65536 : stored;

    return size >= 512 && (size & (size - 1)) == 0 ? size : 0;
}

bool bsc_logs_db_header_parse(const unsigned char *bytes, size_t length, const char *path,
                              struct bsc_logs_db_header *ret_header, struct bsc_err *err)
{
    struct bsc_logs_db_header header = {0};

    if (length < BSC_LOGS_DB_HEADER_BYTES)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is too short to be a database: %zu bytes",
                           path, length);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not an SQLite database", path);
    header.page_size = page_size_of(bytes);
    if (header.page_size == 0)
        return bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' has an impossible page size", path);
    header.write_version = bytes[BSC_LOGS_DB_HEADER_VERSIONS];
    header.read_version = bytes[BSC_LOGS_DB_HEADER_VERSIONS + 1];
    header.mark = mark_of(bytes + BSC_LOGS_DB_HEADER_VERSIONS);
    header.page_count = (uint32_t)bytes[28] << 24 | (uint32_t)bytes[29] << 16 |
                        (uint32_t)bytes[30] << 8 | bytes[31];
    *ret_header = header;
    return true;
}

/*
 * Closing any descriptor of a file drops every POSIX lock that the process holds on it, those of
 * its own SQLite connections too. SQLite's VFS knows this and keeps such a descriptor open until
 * the locks are gone, so the header is read through it.
 */
static bool read_start(const char *path, unsigned char *bytes, size_t length, struct bsc_err *err)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
    sqlite3_file *file = bsc_mem_new(1, (size_t)vfs->szOsFile);
    int rc = vfs->xOpen(vfs, name, file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, NULL);

    if (rc == SQLITE_OK) {
        rc = file->pMethods->xRead(file, bytes, (int)length, 0);
        /* A short file reads as zeros behind its end, and the magic then says what is wrong. */
        if (rc == SQLITE_IOERR_SHORT_READ)
            rc = SQLITE_OK;
    }
    if (file->pMethods != NULL)
        (void)file->pMethods->xClose(file);
    bsc_mem_free(file);
    sqlite3_free_filename((char *)name);
    if (rc != SQLITE_OK)
        return bsc_err_set(err, rc == SQLITE_CANTOPEN ? BSC_ERR_DENIED : BSC_ERR_IO,
                           "could not read the header of '%s': %s", path, sqlite3_errstr(rc));
    return true;
}

bool bsc_logs_db_header_read(const struct bsc_sys *sys, const char *path,
                             struct bsc_logs_db_header *ret_header, struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_DB_HEADER_BYTES] = {0};
    struct stat status = {0};

    if (sys->stat(sys->self, path, &status) != 0)
        return bsc_err_sys(err, errno, "could not look at '%s'", path);
    if (!S_ISREG(status.st_mode))
        return bsc_err_set(err, BSC_ERR_INVALID, "'%s' is not a file", path);
    if (status.st_size < BSC_LOGS_DB_HEADER_BYTES)
        return bsc_logs_db_header_parse(bytes, (size_t)status.st_size, path, ret_header, err);
    return read_start(path, bytes, sizeof bytes, err) &&
           bsc_logs_db_header_parse(bytes, sizeof bytes, path, ret_header, err);
}

bool bsc_logs_db_header_at(const struct bsc_sys *sys, int fd, const char *path,
                           struct bsc_logs_db_header *ret_header, struct bsc_err *err)
{
    unsigned char bytes[BSC_LOGS_DB_HEADER_BYTES] = {0};
    ssize_t got = TEMP_FAILURE_RETRY(sys->pread(sys->self, fd, bytes, sizeof bytes, 0));

    if (got < 0)
        return bsc_err_sys(err, errno, "could not read the header of '%s'", path);
    return bsc_logs_db_header_parse(bytes, (size_t)got, path, ret_header, err);
}

bool bsc_logs_db_header_write(const struct bsc_sys *sys, int fd, const char *path,
                              enum bsc_logs_mark mark, struct bsc_err *err)
{
    struct bsc_logs_db_header header = {0};
    unsigned char bytes[2];
    ssize_t put;

    if (!bsc_logs_db_header_at(sys, fd, path, &header, err))
        return false;
    bsc_logs_mark_bytes(mark, bytes);
    /* Both bytes lie in one sector of one page: they change together or not at all. */
    put = TEMP_FAILURE_RETRY(
        sys->pwrite(sys->self, fd, bytes, sizeof bytes, BSC_LOGS_DB_HEADER_VERSIONS));
    if (put != (ssize_t)sizeof bytes)
        return bsc_err_sys(err, put < 0 ? errno : EIO, "could not mark '%s' as %s", path,
                           bsc_logs_mark_name(mark));
    if (sys->fdatasync(sys->self, fd) != 0)
        return bsc_err_sys(err, errno, "could not make the mark of '%s' durable", path);
    return true;
}

static bool closes_it(enum bsc_logs_mark mark)
{
    return mark == BSC_LOGS_MARK_RESTORING || mark == BSC_LOGS_MARK_STANDBY;
}

bool bsc_logs_db_header_set(const struct bsc_sys *sys, const char *path, enum bsc_logs_mark mark,
                            struct bsc_err *err)
{
    struct bsc_logs_db_header header = {0};
    bool ok = false;
    int fd = -1;

    if (!bsc_logs_exclusive_open(sys, path, &fd, err))
        return false;
    if (!bsc_logs_exclusive_alone(sys, path, err) ||
        !bsc_logs_db_header_at(sys, fd, path, &header, err))
        goto done;
    if (closes_it(mark) && !closes_it(header.mark) && bsc_logs_leftover_found(sys, path)) {
        bsc_err_set(err, BSC_ERR_REFUSED,
                    "'%s' cannot be marked %s: commits beside it are not in the file yet", path,
                    bsc_logs_mark_name(mark));
        bsc_err_hint(err, "Open and close it once with any SQLite client, then try again.");
        goto done;
    }
    ok = bsc_logs_db_header_write(sys, fd, path, mark, err);
done:
    bsc_logs_exclusive_close(sys, fd);
    return ok;
}
