/*
 * A server that is dead, and the standby that its log was shipped to up to the middle. The log was
 * written by a real PostgreSQL, which was killed.
 */
#ifndef BSC_UNIT_PG_DEAD_H
#define BSC_UNIT_PG_DEAD_H

#include "pg_cluster.h"

#include "logs/pg_survey.h"
#include "logs/pg_tail.h"
#include "os/files.h"

enum { MIB = 1 << 20 };

struct site {
    char *folder;      /* owned, and all that follow: of the test */
    char *disk;        /* a copy of the dead server's data folder */
    char *destination; /* of the standby */
    char *share;
    const char *disks[1];
    uint64_t first; /* where the log begins */
    uint64_t last;  /* and ends */
    uint64_t half;  /* what was shipped ends here: a record does too */
    uint64_t system;
    int64_t commits; /* behind that */
    struct bsc_logs_pg_tail_order order;
};

static const char history[] =
    "CREATE TABLE t (a int, b text);\n\n"
    "INSERT INTO t SELECT i, repeat('x', i % 500) FROM generate_series(1, 7900) i;\n\n" PG_FILL
    "SELECT pg_switch_wal();\n\n"
    "INSERT INTO t VALUES (1);\n\n"
    "INSERT INTO t SELECT i, repeat('y', i % 500) FROM generate_series(1, 9000) i;\n\n"
    "BEGIN; INSERT INTO t VALUES (3); ROLLBACK;\n\n"
    "BEGIN; INSERT INTO t VALUES (4); PREPARE TRANSACTION 'one';\n\n"
    "BEGIN; INSERT INTO t VALUES (5); PREPARE TRANSACTION 'two';\n\n"
    "BEGIN; INSERT INTO t VALUES (6); PREPARE TRANSACTION 'three';\n\n"
    "ROLLBACK PREPARED 'one';\n\n"
    "COMMIT PREPARED 'two';\n\n"
    "INSERT INTO t VALUES (2);\n\n";

static inline int make_history(void **state)
{
    struct pg_cluster *cluster = bsc_mem_new(1, sizeof *cluster);
    pg_cluster_make(cluster);
    pg_run(cluster, true, history);
    *state = cluster;
    return 0;
}

static inline int remove_history(void **state)
{
    pg_cluster_remove(*state);
    bsc_mem_free(*state);
    return 0;
}

static inline struct bsc_logs_pg_survey survey_of(const char *folder, uint64_t lsn, bool find)
{
    const struct bsc_logs_pg_folder folders[] = {{.path = folder}};
    const struct bsc_logs_pg_survey_order order = {.log = {.sys = bsc_sys_real(),
                                                           .folders = folders,
                                                           .folder_count = 1,
                                                           .timeline = 1,
                                                           .segment = MIB,
                                                           .first_lsn = lsn,
                                                           .find = find}};
    struct bsc_logs_pg_survey survey;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_survey_make(&order, &survey, &err));
    return survey;
}

/* Finds the end of the file that was closed in the middle of the history. */
static inline void find_ends(struct site *site, const char *wal)
{
    const struct bsc_logs_pg_folder folders[] = {{.path = wal}};
    const struct bsc_logs_pg_order order = {.sys = bsc_sys_real(),
                                            .folders = folders,
                                            .folder_count = 1,
                                            .timeline = 1,
                                            .segment = MIB,
                                            .first_lsn = site->first,
                                            .find = true};
    struct bsc_logs_pg_reader reader;
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_open(&reader, &order, &err));
    while (bsc_logs_pg_next(&reader)) {
        if (reader.record.kind == BSC_LOGS_PG_SWITCH) {
            site->half = reader.record.end_lsn;
            site->commits = 0;
        } else if (reader.record.kind == BSC_LOGS_PG_COMMIT) {
            site->commits++;
        }
    }
    site->last = reader.end_lsn;
    site->system = reader.order.system;
    bsc_logs_pg_release(&reader);
}

static inline char *file_in(const char *folder, uint64_t lsn)
{
    char name[BSC_LOGS_PG_NAME];
    bsc_logs_pg_name(1, lsn, MIB, name);
    return unit_path(folder, name);
}

static inline void copy_range(const char *from, const char *to, uint64_t first, uint64_t last)
{
    for (uint64_t lsn = first; lsn < last; lsn += MIB) {
        char *source = file_in(from, lsn), *target = file_in(to, lsn);
        size_t length = 0;
        char *bytes = unit_file_get(source, &length);
        assert_non_null(bytes);
        unit_file_put(target, bytes, length);
        free(bytes);
        free(source);
        free(target);
    }
}

static inline void site_make(const struct pg_cluster *cluster, struct site *site)
{
    *site = (struct site){.folder = unit_folder_make()};
    site->disk = unit_path(site->folder, "disk");
    site->destination = unit_path(site->folder, "copied");
    site->share = unit_path(site->folder, "share");
    char *wal = unit_path(site->disk, "pg_wal");
    assert_int_equal(mkdir(site->disk, 0700) + mkdir(wal, 0700), 0);
    assert_int_equal(mkdir(site->destination, 0700) + mkdir(site->share, 0700), 0);
    site->first = first_file(cluster->wal, MIB);
    find_ends(site, cluster->wal);
    assert_true(site->half > site->first && site->last > site->half + MIB);
    copy_range(cluster->wal, wal, site->first, site->last);
    copy_range(wal, site->destination, site->first, site->half);
    copy_range(wal, site->share, site->first, site->half);
    site->disks[0] = site->disk;
    site->order = (struct bsc_logs_pg_tail_order){.sys = bsc_sys_real(),
                                                  .salvage = site->disks,
                                                  .salvage_count = 1,
                                                  .destination = site->destination,
                                                  .share = site->share,
                                                  .timeline = 1,
                                                  .segment = MIB,
                                                  .system = site->system,
                                                  .after_lsn = site->half,
                                                  .list_max = 1000};
    free(wal);
}

static inline void site_remove(struct site *site)
{
    free(site->disk);
    free(site->destination);
    free(site->share);
    unit_folder_remove(site->folder);
}

static inline char *dead_file(const struct site *site, uint64_t lsn)
{
    char *wal = unit_path(site->disk, "pg_wal");
    char *path = file_in(wal, lsn);
    free(wal);
    return path;
}

static inline void is_in_state(const struct bsc_value *facts, const char *state)
{
    assert_string_equal(bsc_value_get_string(facts, "state"), state);
}

/* Returns owned. */
static inline struct bsc_value *tail_of(const struct site *site)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_value *facts = bsc_logs_pg_tail(&site->order, &err);
    assert_non_null(facts);
    return facts;
}

static inline void tail_is(const struct site *site, const char *state)
{
    struct bsc_value *facts = tail_of(site);
    is_in_state(facts, state);
    bsc_value_free(facts);
}

static inline void says(const struct bsc_value *facts, const char *words)
{
    const char *reason = bsc_value_get_string(facts, "reason");
    if (strstr(reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

static inline void tail_says(const struct site *site, const char *state, const char *words)
{
    struct bsc_value *facts = tail_of(site);
    is_in_state(facts, state);
    says(facts, words);
    bsc_value_free(facts);
}

static inline void overwrite(const char *path, off_t offset, const char *bytes)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, strlen(bytes), offset), strlen(bytes));
    close(fd);
}

#endif
