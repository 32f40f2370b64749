#include "journal/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "journal/lease_int.h"
#include "os/process.h"
#include "value/json.h"

/* Whoever only takes a lease has it locked for an instant; a change may take hours. */
enum { LOCK_TRIES = 200, LOCK_PAUSE_MS = 5 };

struct bsc_journal_lease {
    const struct bsc_sys *sys;
    char *path;             /* owned */
    struct bsc_value *text; /* owned */
    struct bsc_buf bytes;   /* owned: the text as it was written */
    int fd;                 /* while it is held; else -1 */
};

/* -------------------------------------------------------------------- the file */

static int file_open(const struct bsc_sys *sys, const char *path, int flags)
{
    return (int)TEMP_FAILURE_RETRY(
        sys->open(sys->self, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660));
}

static bool file_lock(const struct bsc_sys *sys, int fd, const char *path, struct bsc_err *err)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (sys->lock(sys->self, fd, true) == 0)
            return true;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR)
            return bsc_err_sys(err, errno, "could not lock lease '%s'", path);
        bsc_clock_pause(LOCK_PAUSE_MS, NULL);
    }
    bsc_err_set(err, BSC_ERR_CONFLICT, "somebody is in the midst of a change under the lease '%s'",
                path);
    return bsc_err_hint(err, "Nobody can take over within a change: wait for its end, or end that "
                             "process.");
}

/* The text as a file has it: padded to its size. Emptied first. */
static void bytes_make(const struct bsc_value *text, struct bsc_buf *bytes)
{
    bsc_buf_clear(bytes);
    bsc_json_canonical(text, bytes);
    while (bytes->length < BSC_JOURNAL_LEASE_SIZE - 1)
        bsc_buf_add_char(bytes, ' ');
    bsc_buf_add_char(bytes, '\n');
}

static bool file_write(const struct bsc_sys *sys, int fd, const struct bsc_buf *bytes)
{
    ssize_t written = -1;
    errno = ENAMETOOLONG;
    if (bytes->length == BSC_JOURNAL_LEASE_SIZE)
        written = TEMP_FAILURE_RETRY(sys->pwrite(sys->self, fd, bytes->data, bytes->length, 0));
    if (written >= 0 && written < BSC_JOURNAL_LEASE_SIZE)
        errno = ENOSPC; /* a disk that becomes full takes a part first */
    return written == BSC_JOURNAL_LEASE_SIZE;
}

/* -------------------------------------------------------------------- taking it */

/* Of whom it is taken while that one may be at work. */
static struct bsc_value *taken_from(const struct bsc_value *text)
{
    static const char *const kept[] = {"epoch", "run", "host", "user", "since"};
    struct bsc_value *from = bsc_value_map();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const struct bsc_value *word = bsc_value_get(text, kept[i]);
        if (word != NULL)
            bsc_value_set(from, kept[i], bsc_value_copy(word));
    }
    return from;
}

static struct bsc_value *text_of(const struct bsc_journal_lease_view *before,
                                 const struct bsc_clock *clock,
                                 const struct bsc_journal_claim *claim, bool over)
{
    char since[BSC_CLOCK_TEXT], host[BSC_PROCESS_HOST];
    struct bsc_value *text = bsc_value_map();
    bsc_process_host(host);
    bsc_clock_format(clock->wall_ms(clock->self), since);
    bsc_value_set_int(text, "epoch", bsc_value_get_number(before->text, "epoch", 0) + 1);
    bsc_value_set_text(text, "state", "held");
    bsc_value_set_text(text, "run", claim->run);
    bsc_value_set_text(text, "lock", claim->lock);
    bsc_value_set_text(text, "user", claim->user);
    bsc_value_set_int(text, "pid", getpid());
    bsc_value_set_text(text, "since", since);
    bsc_value_set_text(text, "host", host);
    if (over) {
        bsc_value_set_text(text, "reason", claim->reason);
        bsc_value_set(text, "from", taken_from(before->text));
    }
    return text;
}

/* With the lock: nobody else reads and writes meanwhile. Fills the text and the bytes. */
static bool take_locked(struct bsc_journal_lease *lease, const struct bsc_clock *clock, int fd,
                        const struct bsc_journal_claim *claim, int64_t known, struct bsc_err *err)
{
    const struct bsc_sys *sys = lease->sys;
    struct bsc_journal_lease_view before = {0};
    struct bsc_journal_claim ordinary = *claim;
    struct bsc_err why = BSC_ERR_INIT;
    ordinary.reason = NULL;
    if (!bsc_journal_lease_read(sys, fd, lease->path, &before, err))
        return false;
    bsc_journal_lease_find_owner(sys, &before);
    bool taken = bsc_journal_lease_allows(&before, lease->path, claim, known, err);
    if (taken) {
        bool over = !bsc_journal_lease_allows(&before, lease->path, &ordinary, known, &why);
        lease->text = text_of(&before, clock, claim, over);
        bytes_make(lease->text, &lease->bytes);
        taken = file_write(sys, fd, &lease->bytes) && sys->fdatasync(sys->self, fd) == 0;
        if (!taken)
            bsc_err_sys(err, errno, "could not write lease '%s'", lease->path);
        /* A part of a first text must not read as what nobody can tell. */
        if (!taken && before.stand == BSC_JOURNAL_LEASE_FREE && before.text == NULL)
            (void)sys->ftruncate(sys->self, fd, 0);
    }
    bsc_journal_lease_view_release(&before);
    return taken;
}

static void lease_release(struct bsc_journal_lease *lease)
{
    bsc_buf_release(&lease->bytes);
    bsc_mem_free(lease->path);
    bsc_value_free(lease->text);
    bsc_mem_free(lease);
}

bool bsc_journal_lease_take(const struct bsc_sys *sys, const struct bsc_clock *clock,
                            const char *path, const struct bsc_journal_claim *claim, int64_t known,
                            struct bsc_journal_lease **ret, struct bsc_err *err)
{
    *ret = NULL;
    int fd = file_open(sys, path, O_RDWR | O_CREAT);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (fd < 0)
        return bsc_journal_lease_closed(path, errno, err);
    struct bsc_journal_lease *lease = bsc_mem_new(1, sizeof *lease);
    *lease = (struct bsc_journal_lease){.sys = sys, .path = bsc_mem_text(path), .fd = -1};
    bsc_buf_init(&lease->bytes);
    bool taken = file_lock(sys, fd, path, err) && take_locked(lease, clock, fd, claim, known, err);
    sys->close(sys->self, fd);
    if (taken)
        *ret = lease;
    else
        lease_release(lease);
    return taken;
}

const struct bsc_value *bsc_journal_lease_text(const struct bsc_journal_lease *lease)
{
    return lease->text;
}

const char *bsc_journal_lease_path(const struct bsc_journal_lease *lease)
{
    return lease->path;
}

/* -------------------------------------------------------------------- while it is ours */

static bool lost(const struct bsc_journal_lease *lease, const struct bsc_value *text,
                 struct bsc_err *err)
{
    const char *reason = bsc_value_get_string(text, "reason");
    if (text == NULL)
        bsc_err_set(err, BSC_ERR_REFUSED,
                    "the lease '%s' is no longer ours, and does not say whose", lease->path);
    else
        bsc_err_set(err, BSC_ERR_REFUSED,
                    "run %s of %s on host %s took over at %s (lease '%s', epoch %lld, ours was "
                    "%lld): %s",
                    bsc_journal_lease_word(text, "run"), bsc_journal_lease_word(text, "user"),
                    bsc_journal_lease_word(text, "host"), bsc_journal_lease_word(text, "since"),
                    lease->path, (long long)bsc_value_get_number(text, "epoch", 0),
                    (long long)bsc_value_get_number(lease->text, "epoch", 0),
                    reason != NULL ? reason : "it found nobody at work");
    return bsc_err_hint(err, "This run changes nothing more. Ask whoever took over.");
}

/* Whether the file, which is locked, still says what was written. */
static bool is_still_ours(const struct bsc_journal_lease *lease, int fd, struct bsc_err *err)
{
    char bytes[BSC_JOURNAL_LEASE_SIZE];
    struct bsc_journal_lease_view now = {0};
    ssize_t length =
        TEMP_FAILURE_RETRY(lease->sys->pread(lease->sys->self, fd, bytes, sizeof bytes, 0));
    if (length == (ssize_t)lease->bytes.length &&
        memcmp(bytes, lease->bytes.data, sizeof bytes) == 0)
        return true;
    if (bsc_journal_lease_read(lease->sys, fd, lease->path, &now, err))
        lost(lease, now.text, err);
    bsc_journal_lease_view_release(&now);
    return false;
}

bool bsc_journal_lease_hold(struct bsc_journal_lease *lease, struct bsc_err *err)
{
    BSC_BUG_ON(lease->fd >= 0);
    int fd = file_open(lease->sys, lease->path, O_RDWR);
    if (fd < 0 && errno == ENOENT)
        return lost(lease, NULL, err);
    if (fd < 0)
        return bsc_journal_lease_closed(lease->path, errno, err);
    if (file_lock(lease->sys, fd, lease->path, err) && is_still_ours(lease, fd, err)) {
        lease->fd = fd;
        return true;
    }
    lease->sys->close(lease->sys->self, fd);
    return false;
}

void bsc_journal_lease_rest(struct bsc_journal_lease *lease)
{
    if (lease->fd >= 0)
        lease->sys->close(lease->sys->self, lease->fd);
    lease->fd = -1;
}

/* Not durable: whoever finds it held after a power cut finds its owner gone as well. */
void bsc_journal_lease_free(struct bsc_journal_lease *lease)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    if (lease == NULL)
        return;
    bsc_journal_lease_rest(lease);
    if (bsc_journal_lease_hold(lease, &ignored)) {
        bsc_value_set_text(lease->text, "state", "free");
        bytes_make(lease->text, &lease->bytes);
        (void)file_write(lease->sys, lease->fd, &lease->bytes);
        bsc_journal_lease_rest(lease);
    }
    lease_release(lease);
}
