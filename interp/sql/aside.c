#include "sql/sql_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "os/files.h"
#include "os/tree.h"
#include "value/digest.h"

/* A copy is held in memory while it is made. */
enum { BYTES_MAX = 64 << 20, NAME_DIGITS = 16 };

static bool copy(const char *from, const char *to, struct bsc_err *err)
{
    const struct bsc_sys *sys = bsc_sys_real();
    struct bsc_buf bytes;
    bsc_buf_init(&bytes);
    bool good = bsc_files_read(sys, from, BYTES_MAX, &bytes, err) &&
                bsc_files_write(sys, to, bytes.data, bytes.length, 0600, err);
    bsc_buf_release(&bytes);
    return good;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Nobody writes to the file as long as its journal stays as it is: whoever wants to must take the
 * change back first, and that changes the journal. For the same reason nobody holds a lock of
 * SQLite that closing the file here would drop. */
static bool copy_both(const char *file, const char *to, struct bsc_err *err)
{
    const struct bsc_sys *sys = bsc_sys_real();
    char *journal = bsc_mem_format("%s-journal", file);
    char *to_journal = bsc_mem_format("%s-journal", to);
    struct stat before = {0}, after = {0};
    bool good = sys->stat(sys->self, journal, &before) == 0 && copy(journal, to_journal, err) &&
                copy(file, to, err);
    if (sys->stat(sys->self, journal, &after) != 0 || !is_same(&before, &after))
        good = bsc_err_set(err, BSC_ERR_CONFLICT, "somebody is at work on \"%s\"", file);
    bsc_mem_free(journal);
    bsc_mem_free(to_journal);
    return good;
}

static char *folder_make(struct bsc_err *err)
{
    const char *parent = getenv("TMPDIR");
    char digits[NAME_DIGITS + 1];
    bsc_digest_random_hex(digits, NAME_DIGITS);
    char *folder = bsc_mem_format("%s/bascule-%s",
                                  parent != NULL && parent[0] == '/' ? parent : P_tmpdir, digits);
    if (bsc_files_make_folder(bsc_sys_real(), folder, 0700, err))
        return folder;
    bsc_mem_free(folder);
    return NULL;
}

char *bsc_sql_aside_make(const char *file, char **ret_folder, struct bsc_err *err)
{
    char *folder = folder_make(err);
    if (folder == NULL)
        return NULL;
    char *to = bsc_files_join(folder, "copy.db");
    if (copy_both(file, to, err)) {
        *ret_folder = folder;
        return to;
    }
    bsc_err_wrap(err, "cannot read \"%s\" aside, whose writer was killed", file);
    bsc_sql_aside_remove(folder);
    bsc_mem_free(folder);
    bsc_mem_free(to);
    return NULL;
}

void bsc_sql_aside_remove(const char *folder)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    bsc_tree_remove(bsc_sys_real(), folder, &ignored);
}
