#include <string.h>

#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"

enum {
    LOG_FILE_MAX = 1 << 30,
    /* In the first page, where records are: an empty place would hardly matter. */
    SPOILT_FROM = 1024,
    SPOILT_BYTES = 64
};

static bool is_pending(const struct bsc_lab *lab, const char *name)
{
    char *copied = bsc_mem_format(BSC_LAB_PG_COPIED "/%s", name);
    char *path = bsc_lab_path(lab, copied);
    bool pending = bsc_lab_pg_is_log_file(name) && !bsc_files_exists(lab->cli->sys, path);
    bsc_mem_free(copied);
    bsc_mem_free(path);
    return pending;
}

/* Name of the log file on the share before the newest: it is still to be copied, and so is one that
 * follows it. Returns owned, NULL on failure. */
static char *pick(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    const char *last = NULL, *before = NULL;
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    bool ok = bsc_files_list(share, &list, err);
    for (size_t i = 0; ok && i < list.count; i++) {
        if (is_pending(lab, list.names[i])) {
            before = last;
            last = list.names[i];
        }
    }
    char *name = before != NULL ? bsc_mem_text(before) : NULL;
    if (ok && name == NULL) {
        bsc_err_set(err, BSC_ERR_NOT_FOUND,
                    "the copy job has just copied all that is on the share");
        bsc_err_hint(err, "Repair the lab, and break it again after two minutes.");
    }
    bsc_files_list_release(&list);
    bsc_mem_free(share);
    return name;
}

/* Moves such a log file away; returns its path below the lab, owned, or NULL on failure. */
static char *take_away(struct bsc_lab_moves *moves, const char *what, struct bsc_err *err)
{
    char *name = pick(moves->lab, err);
    if (name == NULL)
        return NULL;
    char *from = bsc_mem_format(BSC_LAB_SHARE "/%s", name);
    char *to = bsc_mem_format(BSC_LAB_LOST "/%s", name);
    bool ok = bsc_lab_move(moves, from, to, err);
    if (ok)
        bsc_cli_say(moves->lab->cli, "%s: %s\n", what, name);
    bsc_mem_free(name);
    bsc_mem_free(to);
    if (ok)
        return from;
    bsc_mem_free(from);
    return NULL;
}

bool bsc_lab_pg_lose_log(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    char *path = take_away(moves, "missing", err);
    bool ok = path != NULL;
    bsc_mem_free(path);
    return ok;
}

static bool write_spoilt(const struct bsc_lab *lab, const char *from, const char *to,
                         struct bsc_err *err)
{
    struct bsc_buf bytes;
    bsc_buf_init(&bytes);
    bool ok = bsc_files_read(lab->cli->sys, from, LOG_FILE_MAX, &bytes, err);
    for (size_t i = SPOILT_FROM; i < SPOILT_FROM + SPOILT_BYTES && i < bytes.length; i++)
        bytes.data[i] = (char)~bytes.data[i];
    ok = ok && bsc_files_write(lab->cli->sys, to, bytes.data, bytes.length, 0600, err) &&
         bsc_lab_pg_give(lab, err);
    bsc_buf_release(&bytes);
    return ok;
}

bool bsc_lab_pg_damage_log(struct bsc_lab_moves *moves, struct bsc_err *err)
{
    char *path = take_away(moves, "damaged", err);
    if (path == NULL)
        return false;
    char *kept = bsc_mem_format(BSC_LAB_LOST "/%s", bsc_files_name_of(path));
    char *from = bsc_lab_path(moves->lab, kept);
    char *to = bsc_lab_path(moves->lab, path);
    bool ok = bsc_lab_note(moves, NULL, path, err) && write_spoilt(moves->lab, from, to, err);
    bsc_mem_free(path);
    bsc_mem_free(kept);
    bsc_mem_free(from);
    bsc_mem_free(to);
    return ok;
}
