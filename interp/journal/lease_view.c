#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "journal/lease_int.h"
#include "journal/lock.h"
#include "os/process.h"
#include "value/json.h"

static const char *const stand_words[] = {[BSC_JOURNAL_LEASE_FREE] = "free",
                                          [BSC_JOURNAL_LEASE_HELD] = "held",
                                          [BSC_JOURNAL_LEASE_LEFT] = "left",
                                          [BSC_JOURNAL_LEASE_UNTOLD] = "untold",
                                          [BSC_JOURNAL_LEASE_UNREADABLE] = "unreadable"};

const char *bsc_journal_lease_stand_word(enum bsc_journal_lease_stand stand)
{
    return stand_words[stand];
}

const char *bsc_journal_lease_word(const struct bsc_value *text, const char *key)
{
    const char *word = bsc_value_get_string(text, key);
    return word != NULL ? word : "unknown";
}

/* -------------------------------------------------------------------- reading */

bool bsc_journal_lease_closed(const char *path, int sys_errno, struct bsc_err *err)
{
    bsc_err_sys(err, sys_errno, "could not open lease '%s'", path);
    if (sys_errno == EACCES || sys_errno == EPERM)
        bsc_err_hint(err, "Another user has made it. Give it the owner and the mode of the "
                          "database beside it (chown, chmod --reference).");
    return false;
}

static bool is_ours(const struct bsc_value *text)
{
    return bsc_value_kind(text) == BSC_VALUE_MAP && bsc_value_get_number(text, "epoch", 0) > 0 &&
           bsc_value_get_string(text, "run") != NULL && bsc_value_get_string(text, "lock") != NULL;
}

/* A file of zeros was made, and a loss of power took what was to be its first text: nobody had the
 * lease yet, or it would have been waited for. */
static bool is_blank(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\0')
            return false;
    }
    return true;
}

bool bsc_journal_lease_read(const struct bsc_sys *sys, int fd, const char *path,
                            struct bsc_journal_lease_view *ret, struct bsc_err *err)
{
    char bytes[BSC_JOURNAL_LEASE_SIZE];
    struct bsc_err ignored = BSC_ERR_INIT;
    ssize_t length = TEMP_FAILURE_RETRY(sys->pread(sys->self, fd, bytes, sizeof bytes, 0));
    *ret = (struct bsc_journal_lease_view){BSC_JOURNAL_LEASE_FREE, NULL};
    if (length < 0)
        return bsc_err_sys(err, errno, "could not read lease '%s'", path);
    if (is_blank(bytes, (size_t)length))
        return true;
    ret->text = bsc_json_parse("lease", bytes, (size_t)length, &ignored);
    ret->stand = BSC_JOURNAL_LEASE_HELD;
    if (is_ours(ret->text))
        return true;
    bsc_journal_lease_view_release(ret);
    ret->stand = BSC_JOURNAL_LEASE_UNREADABLE;
    return true;
}

static bool is_this_host(const struct bsc_value *text)
{
    char host[BSC_PROCESS_HOST];
    bsc_process_host(host);
    return host[0] != '\0' && strcmp(host, bsc_journal_lease_word(text, "host")) == 0;
}

/* Whoever has the lease keeps the lock of its runs for as long as it, or a program that it started,
 * is at work. A lock that is not there any more says nothing: the folder may have been moved. */
static enum bsc_journal_lease_stand stand_of_owner(const struct bsc_sys *sys,
                                                   const struct bsc_value *text)
{
    const char *lock = bsc_journal_lease_word(text, "lock");
    if (!is_this_host(text))
        return BSC_JOURNAL_LEASE_UNTOLD;
    int locked = bsc_journal_lock_is_held(sys, lock);
    return locked < 0   ? BSC_JOURNAL_LEASE_UNTOLD
           : locked > 0 ? BSC_JOURNAL_LEASE_HELD
                        : BSC_JOURNAL_LEASE_LEFT;
}

void bsc_journal_lease_find_owner(const struct bsc_sys *sys, struct bsc_journal_lease_view *view)
{
    if (view->text == NULL)
        return;
    bool given_back = strcmp(bsc_journal_lease_word(view->text, "state"), "free") == 0;
    view->stand = given_back ? BSC_JOURNAL_LEASE_FREE : stand_of_owner(sys, view->text);
}

bool bsc_journal_lease_look(const struct bsc_sys *sys, const char *path,
                            struct bsc_journal_lease_view *ret, struct bsc_err *err)
{
    *ret = (struct bsc_journal_lease_view){BSC_JOURNAL_LEASE_FREE, NULL};
    int fd = (int)TEMP_FAILURE_RETRY(
        sys->open(sys->self, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0));
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || bsc_journal_lease_closed(path, errno, err);
    bool read = bsc_journal_lease_read(sys, fd, path, ret, err);
    sys->close(sys->self, fd);
    bsc_journal_lease_find_owner(sys, ret);
    return read;
}

void bsc_journal_lease_view_release(struct bsc_journal_lease_view *view)
{
    bsc_value_free(view->text);
    *view = (struct bsc_journal_lease_view){0};
}

/* -------------------------------------------------------------------- who may take it */

static bool is_same_run(const struct bsc_value *text, const struct bsc_journal_claim *claim)
{
    return claim->run != NULL && strcmp(bsc_journal_lease_word(text, "run"), claim->run) == 0 &&
           strcmp(bsc_journal_lease_word(text, "lock"), claim->lock) == 0;
}

/* Whoever holds a lock of ours has it from us: the one who wrote its path is gone. */
static bool is_at_work(const struct bsc_journal_lease_view *view,
                       const struct bsc_journal_claim *claim)
{
    bool ours = strcmp(bsc_journal_lease_word(view->text, "lock"), claim->lock) == 0;
    return view->stand == BSC_JOURNAL_LEASE_UNTOLD ||
           (view->stand == BSC_JOURNAL_LEASE_HELD && !ours);
}

static bool deny(struct bsc_err *err)
{
    return bsc_err_hint(err, "If you know that nobody works on it any more, and that it is right "
                             "to go on, give --take-over \"REASON\"; it is recorded.");
}

static bool deny_held(const struct bsc_journal_lease_view *view, const char *path,
                      struct bsc_err *err)
{
    const struct bsc_value *text = view->text;
    bsc_err_set(err, BSC_ERR_CONFLICT,
                "run %s has the lease '%s' since %s: process %lld of %s on host %s, which %s",
                bsc_journal_lease_word(text, "run"), path, bsc_journal_lease_word(text, "since"),
                (long long)bsc_value_get_number(text, "pid", 0),
                bsc_journal_lease_word(text, "user"), bsc_journal_lease_word(text, "host"),
                view->stand == BSC_JOURNAL_LEASE_HELD ? "is at work"
                                                      : "may be at work: it cannot be told here");
    return deny(err);
}

static bool deny_later(const struct bsc_value *text, const char *path, struct bsc_err *err)
{
    const char *reason = bsc_value_get_string(text, "reason");
    bsc_err_set(err, BSC_ERR_CONFLICT,
                "since this run stopped, run %s has had the lease '%s' (from %s, epoch %lld%s%s)",
                bsc_journal_lease_word(text, "run"), path, bsc_journal_lease_word(text, "since"),
                (long long)bsc_value_get_number(text, "epoch", 0),
                reason != NULL ? ", taken over: " : "", reason != NULL ? reason : "");
    return deny(err);
}

/* Whether somebody has had the lease after this run. Epochs begin anew in a file that was removed
 * or could not be read, so another run counts whatever its epoch. */
static bool had_another(const struct bsc_value *text, const struct bsc_journal_claim *claim,
                        int64_t known)
{
    bool same_id =
        claim->run != NULL && strcmp(bsc_journal_lease_word(text, "run"), claim->run) == 0;
    return text != NULL && known > 0 &&
           (!same_id || bsc_value_get_number(text, "epoch", 0) > known);
}

bool bsc_journal_lease_allows(const struct bsc_journal_lease_view *view, const char *path,
                              const struct bsc_journal_claim *claim, int64_t known,
                              struct bsc_err *err)
{
    if (claim->reason != NULL || (view->text != NULL && is_same_run(view->text, claim)))
        return true;
    if (view->stand == BSC_JOURNAL_LEASE_UNREADABLE) {
        bsc_err_set(err, BSC_ERR_CONFLICT, "nobody can tell who has the lease '%s'", path);
        return deny(err);
    }
    if (view->text != NULL && is_at_work(view, claim))
        return deny_held(view, path, err);
    return !had_another(view->text, claim, known) || deny_later(view->text, path, err);
}
