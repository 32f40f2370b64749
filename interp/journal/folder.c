#include "journal/folder.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "value/digest.h"

enum {
    STAMP = 15,           /* characters of "20261120-231501" */
    NAME_MAX_CHARS = 40,  /* of the runbook's name in an id */
    SUFFIX = 4,           /* random characters at its end */
    TRIES_MAX = 20,       /* ids tried when one is taken */
    AHEAD_MAX_MS = 120000 /* how far ids may run ahead of the clock */
};

char *bsc_journal_runs_folder(const char *site_path, const char *option)
{
    if (option != NULL)
        return bsc_mem_text(option);
    if (site_path == NULL)
        return bsc_mem_text("runs");
    char *folder = bsc_files_folder_of(site_path);
    char *runs = bsc_files_join(folder, "runs");
    bsc_mem_free(folder);
    return runs;
}

static void folder_fill(struct bsc_journal_folder *folder, const struct bsc_sys *sys,
                        const char *runs, const char *id)
{
    folder->sys = sys;
    folder->runs = bsc_mem_text(runs);
    folder->id = bsc_mem_text(id);
    folder->path = bsc_files_join(runs, id);
    folder->journal = bsc_files_join(folder->path, BSC_JOURNAL_FILE);
}

void bsc_journal_folder_release(struct bsc_journal_folder *folder)
{
    bsc_mem_free(folder->runs);
    bsc_mem_free(folder->id);
    bsc_mem_free(folder->path);
    bsc_mem_free(folder->journal);
    *folder = (struct bsc_journal_folder){0};
}

/* Whether a name begins as an id does. */
static bool is_id(const char *name)
{
    static const char pattern[] = "00000000-000000-";
    for (int i = 0; pattern[i] != '\0'; i++)
        if (pattern[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
            return false;
    return true;
}

bool bsc_journal_folder_list(const struct bsc_sys *sys, const char *runs,
                             struct bsc_files_list *ret_ids, struct bsc_err *err)
{
    struct bsc_files_list all = {0};
    *ret_ids = all;
    if (!bsc_files_exists(sys, runs))
        return true;
    if (!bsc_files_list(runs, &all, err))
        return false;
    size_t kept = 0;
    for (size_t i = 0; i < all.count; i++) {
        if (is_id(all.names[i]))
            all.names[kept++] = all.names[i];
        else
            bsc_mem_free(all.names[i]);
    }
    all.count = kept;
    *ret_ids = all;
    return true;
}

/* "20261120-231501" of a time. */
static void stamp_format(int64_t wall_ms, char ret_stamp[STAMP + 1])
{
    static const char digits_at[] = {0, 1, 2, 3, 5, 6, 8, 9, -1, 11, 12, 14, 15, 17, 18};
    char time[BSC_CLOCK_TEXT];
    bsc_clock_format(wall_ms, time);
    for (int i = 0; i < STAMP; i++)
        ret_stamp[i] = digits_at[i] < 0 ? '-' : time[(int)digits_at[i]];
    ret_stamp[STAMP] = '\0';
}

/* The stamp of a new id: now, or as many seconds later as it takes to come after the newest. A
 * newest far in the future is a clock that was wrong then, and is not followed. */
static bool stamp_choose(const struct bsc_sys *sys, const struct bsc_clock *clock, const char *runs,
                         char ret_stamp[STAMP + 1], struct bsc_err *err)
{
    struct bsc_files_list ids = {0};
    int64_t now = clock->wall_ms(clock->self), ahead = 0;
    if (!bsc_journal_folder_list(sys, runs, &ids, err))
        return false;
    stamp_format(now, ret_stamp);
    while (ids.count > 0 && ahead <= AHEAD_MAX_MS &&
           strncmp(ret_stamp, ids.names[ids.count - 1], STAMP) <= 0) {
        ahead += 1000;
        stamp_format(now + ahead, ret_stamp);
    }
    if (ahead > AHEAD_MAX_MS)
        stamp_format(now, ret_stamp);
    bsc_files_list_release(&ids);
    return true;
}

/* The runbook's name as lower-case letters, digits and hyphens. */
static void name_clean(const char *name, char ret_name[NAME_MAX_CHARS + 1])
{
    size_t length = 0;
    for (; *name != '\0' && length < NAME_MAX_CHARS; name++) {
        char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain)
            ret_name[length++] = c;
        else if (length > 0 && ret_name[length - 1] != '-')
            ret_name[length++] = '-';
    }
    while (length > 0 && ret_name[length - 1] == '-')
        length--;
    ret_name[length] = '\0';
}

/* What stands between the time of an id and its random end. */
static const char *name_in_id(const char clean[NAME_MAX_CHARS + 1])
{
    return clean[0] != '\0' ? clean : "run";
}

bool bsc_journal_folder_is_of(const char *id, const char *name)
{
    char clean[NAME_MAX_CHARS + 1];
    name_clean(name, clean);
    const char *part = name_in_id(clean);
    size_t length = strlen(part);
    return is_id(id) && strncmp(id + STAMP + 1, part, length) == 0 &&
           id[STAMP + 1 + length] == '-' && strlen(id + STAMP + 1 + length) == 1 + SUFFIX;
}

static bool folder_make(struct bsc_journal_folder *folder, struct bsc_err *err)
{
    const struct bsc_sys *sys = folder->sys;
    if (sys->mkdir(sys->self, folder->path, 0700) != 0)
        return bsc_err_sys(err, errno, "could not make the run's folder '%s'", folder->path);
    return bsc_files_sync_parent(sys, folder->path, err);
}

bool bsc_journal_folder_create(const struct bsc_sys *sys, const struct bsc_clock *clock,
                               const char *runs, const char *name, struct bsc_journal_folder *ret,
                               struct bsc_err *err)
{
    char stamp[STAMP + 1], clean[NAME_MAX_CHARS + 1], suffix[SUFFIX + 1];
    if (!bsc_files_make_folder(sys, runs, 0700, err) || !stamp_choose(sys, clock, runs, stamp, err))
        return false;
    name_clean(name, clean);
    for (int i = 0; i < TRIES_MAX; i++) {
        struct bsc_journal_folder folder = {0};
        bsc_digest_random_hex(suffix, SUFFIX);
        char *id = bsc_mem_format("%s-%s-%s", stamp, name_in_id(clean), suffix);
        folder_fill(&folder, sys, runs, id);
        bsc_mem_free(id);
        bool taken = bsc_files_exists(sys, folder.path);
        if (!taken && folder_make(&folder, err)) {
            *ret = folder;
            return true;
        }
        bsc_journal_folder_release(&folder);
        if (!taken)
            return false;
    }
    return bsc_err_set(err, BSC_ERR_EXISTS, "could not find a free name for a run in '%s'", runs);
}

static bool not_found(const char *runs, const char *run, struct bsc_err *err)
{
    if (strcmp(run, "last") == 0)
        bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no run yet in '%s'", runs);
    else
        bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no run '%s' in '%s'", run, runs);
    return bsc_err_hint(err,
                        "Give a run's id or the beginning of it, its folder, or 'last'; --runs "
                        "DIR says where runs are kept.");
}

static bool begins_with(const char *id, const char *beginning)
{
    return strncmp(id, beginning, strlen(beginning)) == 0;
}

/* Several runs have ids that begin so: names them. */
static bool ambiguous(const char *run, const struct bsc_files_list *ids, struct bsc_err *err)
{
    enum { NAMED_MAX = 4 };
    struct bsc_buf names;
    size_t count = 0;
    bsc_buf_init(&names);
    for (size_t i = ids->count; i-- > 0;)
        if (begins_with(ids->names[i], run) && count++ < NAMED_MAX)
            bsc_buf_printf(&names, "%s%s", count > 1 ? ", " : "", ids->names[i]);
    bsc_err_set(err, BSC_ERR_USAGE, "%zu runs begin with '%s'", count, run);
    bsc_err_hint(err, "Give more of the id: %s%s", names.data, count > NAMED_MAX ? ", …" : "");
    bsc_buf_release(&names);
    return false;
}

/* The one run whose id begins so. Leaves ret->id NULL when there is none. */
static bool beginning_find(const struct bsc_sys *sys, const char *runs, const char *run,
                           struct bsc_journal_folder *ret, struct bsc_err *err)
{
    struct bsc_files_list ids = {0};
    size_t found = 0, at = 0;
    if (!bsc_journal_folder_list(sys, runs, &ids, err))
        return false;
    for (size_t i = 0; i < ids.count; i++) {
        found += begins_with(ids.names[i], run) ? 1 : 0;
        at = begins_with(ids.names[i], run) ? i : at;
    }
    bool done = found <= 1 || ambiguous(run, &ids, err);
    if (found == 1)
        folder_fill(ret, sys, runs, ids.names[at]);
    bsc_files_list_release(&ids);
    return done;
}

/* A run given by its folder. */
static bool folder_at(const struct bsc_sys *sys, const char *path, struct bsc_journal_folder *ret,
                      struct bsc_err *err)
{
    char *real = bsc_files_real_path(path, err);
    if (real == NULL)
        return false;
    char *runs = bsc_files_folder_of(real);
    folder_fill(ret, sys, runs, bsc_files_name_of(real));
    bsc_mem_free(runs);
    bsc_mem_free(real);
    return true;
}

static bool has_journal(const struct bsc_sys *sys, const char *path)
{
    char *journal = bsc_files_join(path, BSC_JOURNAL_FILE);
    bool there = bsc_files_exists(sys, journal);
    bsc_mem_free(journal);
    return there;
}

/* Enough of an id to know the day: less is more likely a slip than a run. */
static bool is_beginning(const char *run)
{
    enum { DAY = 8 };
    return strlen(run) >= DAY && strspn(run, "0123456789") >= DAY && strchr(run, '/') == NULL;
}

static bool newest_find(const struct bsc_sys *sys, const char *runs, struct bsc_journal_folder *ret,
                        struct bsc_err *err)
{
    struct bsc_files_list ids = {0};
    if (!bsc_journal_folder_list(sys, runs, &ids, err))
        return false;
    bool found = ids.count > 0;
    if (found)
        folder_fill(ret, sys, runs, ids.names[ids.count - 1]);
    else
        not_found(runs, "last", err);
    bsc_files_list_release(&ids);
    return found;
}

bool bsc_journal_folder_find(const struct bsc_sys *sys, const char *runs, const char *run,
                             struct bsc_journal_folder *ret, struct bsc_err *err)
{
    struct bsc_journal_folder folder = {0};
    if (strcmp(run, "last") == 0)
        return newest_find(sys, runs, ret, err);
    if (strchr(run, '/') == NULL && run[0] != '\0' && run[0] != '.') {
        folder_fill(&folder, sys, runs, run);
        if (bsc_files_exists(sys, folder.path)) {
            *ret = folder;
            return true;
        }
        bsc_journal_folder_release(&folder);
    }
    if (has_journal(sys, run))
        return folder_at(sys, run, ret, err);
    if (is_beginning(run) && !beginning_find(sys, runs, run, ret, err))
        return false;
    return ret->id != NULL || not_found(runs, run, err);
}

char *bsc_journal_folder_file(const struct bsc_journal_folder *folder, const char *name)
{
    return bsc_files_join(folder->path, name);
}

bool bsc_journal_folder_write(const struct bsc_journal_folder *folder, const char *name,
                              const void *bytes, size_t length, struct bsc_err *err)
{
    char *path = bsc_journal_folder_file(folder, name);
    char *parent = bsc_files_folder_of(path);
    bool done = bsc_files_make_folder(folder->sys, parent, 0700, err) &&
                bsc_files_write(folder->sys, path, bytes, length, 0600, err);
    bsc_mem_free(parent);
    bsc_mem_free(path);
    return done;
}
