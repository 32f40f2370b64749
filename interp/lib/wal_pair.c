#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/args.h"
#include "lib/env.h"
#include "lib/rows_int.h"
#include "logs/pg_pair.h"
#include "logs/segments.h"

/* wal.compare */

#define COMPARE_ARGS                                                                               \
    "share: text, destination: text, files: list, segment: int, lsn: int, known: map?"

struct compare {
    struct bsc_logs_pg_pair pair;
    const struct bsc_value *known; /* borrowed: file name to the mark of both; NULL for none */
    struct bsc_value *same;        /* owned map of the same kind */
    struct bsc_value *shared;      /* owned list */
};

static bool take_order(const struct bsc_lib_call *call, struct compare *compare,
                       const struct bsc_value **ret_files, struct bsc_err *err)
{
    struct bsc_logs_pg_pair *pair = &compare->pair;
    int64_t segment = 0, lsn = 0;
    if (!bsc_lib_args_known(call->args, COMPARE_ARGS, err) ||
        !bsc_lib_args_path(call->args, "share", &pair->share, err) ||
        !bsc_lib_args_path(call->args, "destination", &pair->destination, err) ||
        !bsc_lib_args_list(call->args, "files", ret_files, err) ||
        !bsc_lib_args_count(call->args, "segment", &segment, err) ||
        !bsc_lib_args_count(call->args, "lsn", &lsn, err))
        return false;
    if (segment < 1 || segment > UINT32_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no such segment size");
    pair->sys = call->env->sys;
    pair->cancel = call->cancel;
    pair->segment = (uint32_t)segment;
    pair->from_lsn = (uint64_t)lsn;
    compare->known = bsc_value_get(call->args, "known");
    return true;
}

static void add_mark(const struct stat *file, struct bsc_buf *mark)
{
    bsc_buf_printf(mark, "%ju %ju %jd %jd.%09ld %jd.%09ld ", (uintmax_t)file->st_dev,
                   (uintmax_t)file->st_ino, (intmax_t)file->st_size, (intmax_t)file->st_mtim.tv_sec,
                   file->st_mtim.tv_nsec, (intmax_t)file->st_ctim.tv_sec, file->st_ctim.tv_nsec);
}

/* Changes with either file. */
static bool mark_of(const struct compare *compare, const char *name, struct bsc_buf *mark,
                    struct bsc_err *err)
{
    const struct bsc_sys *sys = compare->pair.sys;
    const char *const folders[] = {compare->pair.share, compare->pair.destination};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct stat found = {0};
        char *path = bsc_mem_format("%s/%s", folders[i], name);
        bool ok = sys->stat(sys->self, path, &found) == 0 ||
                  bsc_err_sys(err, errno, "cannot look at '%s'", path);
        bsc_mem_free(path);
        if (!ok)
            return false;
        add_mark(&found, mark);
    }
    return true;
}

static bool is_known(const struct compare *compare, const char *name, const char *mark)
{
    const char *before = bsc_value_get_string(compare->known, name);
    return before != NULL && strcmp(before, mark) == 0;
}

static bool compare_one(struct compare *compare, const char *name, const char *mark,
                        struct bsc_err *err)
{
    bool same = is_known(compare, name, mark), shared = false;
    if (!same && !bsc_logs_pg_pair_same(&compare->pair, &same, err))
        return false;
    if (!same && !bsc_logs_pg_pair_judge(&compare->pair, &shared, err))
        return false;
    if (same)
        bsc_value_set_text(compare->same, name, mark);
    else if (shared)
        bsc_value_append(compare->shared, bsc_value_text(name));
    return true;
}

static bool compare_named(struct compare *compare, const struct bsc_value *file,
                          struct bsc_err *err)
{
    const char *name = bsc_value_string(file);
    int64_t timeline = 0, first_lsn = 0;
    struct bsc_err problem = BSC_ERR_INIT;
    struct bsc_buf mark;
    if (name == NULL ||
        !bsc_logs_segments_named(name, compare->pair.segment, &timeline, &first_lsn))
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"files\" must be names of log files");
    compare->pair.timeline = (uint32_t)timeline;
    compare->pair.first_lsn = (uint64_t)first_lsn;
    bsc_buf_init(&mark);
    bool ok =
        mark_of(compare, name, &mark, &problem) && compare_one(compare, name, mark.data, &problem);
    bsc_buf_release(&mark);
    /* One that is gone by now, or cannot be read, tells nothing of the others. */
    if (!ok && (problem.code == BSC_ERR_CANCELLED || problem.code == BSC_ERR_INVALID)) {
        *err = problem;
        return false;
    }
    return true;
}

static bool compare_run(struct bsc_lib_call *call, struct bsc_value **ret, struct bsc_err *err)
{
    struct compare compare = {.known = NULL};
    const struct bsc_value *files = NULL;
    if (!take_order(call, &compare, &files, err))
        return false;
    compare.same = bsc_value_map();
    compare.shared = bsc_value_list();
    bool ok = true;
    for (size_t i = 0; ok && i < bsc_value_count(files); i++)
        ok = bsc_lib_call_continue(call, err) &&
             compare_named(&compare, bsc_value_at(files, i), err);
    if (!ok) {
        bsc_value_free(compare.same);
        bsc_value_free(compare.shared);
        return false;
    }
    *ret = bsc_value_map();
    bsc_value_set(*ret, "same", compare.same);
    bsc_value_set(*ret, "shared", compare.shared);
    return true;
}

const struct bsc_lib_row bsc_lib_row_wal_compare = {
    .name = "wal.compare",
    .effect = BSC_LIB_READ,
    .run = compare_run,
    .args = COMPARE_ARGS,
    .result = "map {same: map, shared: list of text}",
    .doc = "Compares log files of PostgreSQL that were copied with those of the share: which are "
           "the same, each with a mark that stands for both as they are now, and with which the "
           "log can be followed farther where it is the one of the share. Those `known` by their "
           "mark are not read again, and those that cannot be read are left out.",
};
