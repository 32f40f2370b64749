/*
 * A log that a real PostgreSQL has written and that ends in a crash: rows, transactions of all
 * kinds, a record longer than a file, a file that was left before it was full.
 */
#ifndef BSC_UNIT_PG_HISTORY_H
#define BSC_UNIT_PG_HISTORY_H

#include "pg_cluster.h"

#include "logs/pg_log.h"
#include "os/files.h"

enum { MIB = 1 << 20 };

struct facts {
    struct pg_cluster cluster;
    struct bsc_logs_pg_folder folder;
    struct bsc_logs_pg_order order;
    uint64_t first; /* LSN of the first file there is */
};

static const char history[] =
    "CREATE TABLE t (a int, b text);\n\n"
    "INSERT INTO t SELECT i, repeat('x', i % 500) FROM generate_series(1, 9000) i;\n\n"
    "BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'one';\n\n"
    "BEGIN; CREATE TABLE u (a int); DROP TABLE u; SAVEPOINT s; INSERT INTO t VALUES (2); "
    "RELEASE s; PREPARE TRANSACTION 'two';\n\n"
    "COMMIT PREPARED 'two';\n\n"
    "COMMIT PREPARED 'one';\n\n"
    "BEGIN; CREATE TABLE v (a int); CREATE TABLE w (a int); PREPARE TRANSACTION 'three';\n\n"
    "BEGIN; CREATE TABLE x (a int, b int UNIQUE); PREPARE TRANSACTION 'four';\n\n"
    "ROLLBACK PREPARED 'three';\n\n"
    "COMMIT PREPARED 'four';\n\n"
    "BEGIN; DROP TABLE x; PREPARE TRANSACTION 'five';\n\n"
    "COMMIT PREPARED 'five';\n\n"
    "SELECT pg_logical_emit_message(true, 'x', repeat('a', 3000000));\n\n"
    "BEGIN; INSERT INTO t VALUES (3); ROLLBACK;\n\n"
    "CHECKPOINT;\n\n"
    "SELECT pg_switch_wal();\n\n"
    "UPDATE t SET a = a + 1;\n\n"
    "DELETE FROM t WHERE a % 7 = 0;\n\n"
    "INSERT INTO t VALUES (5);\n\n";

static inline void aim(struct facts *facts, uint32_t segment)
{
    facts->first = first_file(facts->cluster.wal, segment);
    facts->folder = (struct bsc_logs_pg_folder){.path = facts->cluster.wal};
    facts->order = (struct bsc_logs_pg_order){.sys = bsc_sys_real(),
                                              .folders = &facts->folder,
                                              .folder_count = 1,
                                              .timeline = 1,
                                              .segment = segment,
                                              .first_lsn = facts->first,
                                              .find = true};
}

static inline int make_history(void **state)
{
    struct facts *facts = bsc_mem_new(1, sizeof *facts);
    pg_cluster_make(&facts->cluster);
    pg_run(&facts->cluster, true, history);
    aim(facts, MIB);
    *state = facts;
    return 0;
}

static inline int remove_history(void **state)
{
    struct facts *facts = *state;
    pg_cluster_remove(&facts->cluster);
    bsc_mem_free(facts);
    return 0;
}

static inline void begin(struct bsc_logs_pg_reader *reader, const struct bsc_logs_pg_order *order)
{
    struct bsc_err err = BSC_ERR_INIT;
    assert_true(bsc_logs_pg_open(reader, order, &err));
}

#endif
