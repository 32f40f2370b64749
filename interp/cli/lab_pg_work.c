#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/lab_pg.h"
#include "cli/lab_worker.h"
#include "logs/pg_mark.h"
#include "os/files.h"
#include "os/process.h"

enum {
    MESSAGE_EVERY_MS = 25,
    DIAL_EVERY_MS = 50,
    STATEMENT_WITHIN_MS = 3000,
    COPY_EVERY_MS = 15 * 60 * 1000,
    DAY_MS = 24 * 60 * 60 * 1000,
    LOG_FILE_MAX = 1 << 30
};

struct writer {
    struct bsc_sql *front; /* the way to the database; NULL while there is none */
    struct bsc_sql *ledger;
    int64_t last; /* message that was tried */
};

/* Who has no connection dials again and again, as clients do. A message whose commit was not
 * confirmed is never sent again under its number: the ledger holds what was confirmed and nothing
 * else. */
static bool write_round(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    struct writer *writer = w->own;
    struct bsc_err reason = BSC_ERR_INIT;
    *ret_pause_ms = DIAL_EVERY_MS;
    if (writer->front == NULL)
        writer->front = bsc_lab_pg_open(w->lab, BSC_LAB_PG_FRONT, "mgc", &reason);
    if (writer->front == NULL)
        return true;
    writer->last++;
    if (!bsc_lab_pg_add_messages(writer->front, writer->last, writer->last, &reason)) {
        bsc_sql_close(writer->front);
        writer->front = NULL;
        return true;
    }
    *ret_pause_ms = MESSAGE_EVERY_MS;
    return bsc_lab_acknowledge(writer->ledger, writer->last, writer->last, w->err);
}

/* After a failover the database may hold messages that nobody was told of: begin above them. */
static bool begin_above(struct bsc_lab_worker *w)
{
    struct writer *writer = w->own;
    struct bsc_err reason = BSC_ERR_INIT;
    int64_t there = 0;
    if (!bsc_lab_sql_number(writer->ledger, "SELECT max(id) FROM acknowledged", &writer->last,
                            w->err))
        return false;
    writer->front = bsc_lab_pg_open(w->lab, BSC_LAB_PG_FRONT, "mgc", &reason);
    if (writer->front != NULL &&
        bsc_lab_sql_number(writer->front, "SELECT max(id) FROM tblChatMessage", &there, &reason) &&
        there > writer->last)
        writer->last = there;
    return true;
}

static bool write_messages(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct writer writer = {0};
    struct bsc_lab_worker w = {.lab = lab, .round = write_round, .err = err, .own = &writer};
    bool ok = (writer.ledger = bsc_lab_sql_open(lab, BSC_LAB_LEDGER, false, err)) != NULL &&
              begin_above(&w) && bsc_lab_worker_go_on(&w, "writer");
    bsc_sql_close(writer.front);
    bsc_sql_close(writer.ledger);
    return ok;
}

static bool has_form(const char *name, size_t digits, const char *ending)
{
    return strspn(name, "0123456789ABCDEF") == digits && strcmp(name + digits, ending) == 0;
}

bool bsc_lab_pg_is_log_file(const char *name)
{
    return has_form(name, 24, "");
}

/* Log files, whole or the beginning of one, and histories of timelines. */
static bool is_shipped(const char *name)
{
    return bsc_lab_pg_is_log_file(name) || has_form(name, 24, ".partial") ||
           has_form(name, 8, ".history");
}

static bool copy_file(const struct bsc_lab *lab, const char *from, const char *to,
                      struct bsc_err *err)
{
    struct bsc_buf bytes;
    bsc_buf_init(&bytes);
    bool ok = bsc_files_read(lab->cli->sys, from, LOG_FILE_MAX, &bytes, err) &&
              bsc_files_write(lab->cli->sys, to, bytes.data, bytes.length, 0600, err);
    bsc_buf_release(&bytes);
    return ok;
}

/* A file that was salvaged is there in part, and is marked. */
static bool is_copied(const struct bsc_lab *lab, const char *folder, const char *name)
{
    char *to = bsc_files_join(folder, name);
    uint64_t last_lsn = 0;
    bool copied = bsc_files_exists(lab->cli->sys, to) &&
                  !bsc_logs_pg_mark_read(lab->cli->sys, folder, name, &last_lsn);
    bsc_mem_free(to);
    return copied;
}

static bool copy_new(struct bsc_lab_worker *w, const char *share, const char *copied)
{
    struct bsc_files_list list = {0};
    bool ok = bsc_files_list(share, &list, w->err);
    for (size_t i = 0; ok && i < list.count; i++) {
        char *from = bsc_files_join(share, list.names[i]);
        char *to = bsc_files_join(copied, list.names[i]);
        if (is_shipped(list.names[i]) && !is_copied(w->lab, copied, list.names[i])) {
            ok = copy_file(w->lab, from, to, w->err);
            if (ok)
                bsc_logs_pg_mark_remove(w->lab->cli->sys, copied, list.names[i]);
        }
        bsc_mem_free(from);
        bsc_mem_free(to);
    }
    bsc_files_list_release(&list);
    return ok;
}

static bool copy_round(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    char *share = bsc_lab_path(w->lab, BSC_LAB_SHARE);
    char *copied = bsc_lab_path(w->lab, BSC_LAB_PG_COPIED);
    bool ok = copy_new(w, share, copied);
    *ret_pause_ms = COPY_EVERY_MS;
    bsc_mem_free(share);
    bsc_mem_free(copied);
    return ok;
}

static bool copy_log_files(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_worker w = {.lab = lab, .round = copy_round, .err = err};
    return bsc_lab_worker_go_on(&w, BSC_LAB_PG_COPY_JOB);
}

static bool rest(struct bsc_lab_worker *w, int64_t *ret_pause_ms)
{
    (void)w;
    *ret_pause_ms = DAY_MS;
    return true;
}

/* A program that is connected to the secondary: what a failover must end before recovery. */
static bool hold_session(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_lab_worker w = {.lab = lab, .round = rest, .err = err};
    struct bsc_sql *sql = bsc_lab_pg_open(lab, BSC_LAB_PG_SECONDARY, "mgc", err);
    bool ok = sql != NULL && bsc_lab_worker_go_on(&w, "session");
    bsc_sql_close(sql);
    return ok;
}

bool bsc_lab_pg_work(const struct bsc_lab *lab, const char *role, struct bsc_err *err)
{
    if (strcmp(role, BSC_LAB_PG_SHIP) == 0)
        return bsc_lab_staff_alive(lab, BSC_LAB_PG_COPY_JOB) ||
               bsc_lab_staff_hire(lab, BSC_LAB_PG_COPY_JOB, err);
    if (!bsc_process_become_owner(lab->folder, err))
        return false;
    if (strcmp(role, "writer") == 0)
        return write_messages(lab, err);
    if (strcmp(role, BSC_LAB_PG_COPY_JOB) == 0)
        return copy_log_files(lab, err);
    if (strcmp(role, "session") == 0)
        return hold_session(lab, err);
    if (strcmp(role, BSC_LAB_PG_SLOW_SHARE) == 0)
        return bsc_lab_pg_slow_down(lab, err);
    return bsc_err_set(err, BSC_ERR_USAGE, "there is no such work in a lab: \"%s\"", role);
}
