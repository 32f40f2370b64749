#include "lib/row.h"

#include <string.h>

#include "lib/rows_int.h"

/* In order of name: people read the list, and bsc_lib_find halves it. */
static const struct bsc_lib_row *const table[] = {
    &bsc_lib_row_command_probe,     /* command.probe */
    &bsc_lib_row_command_run,       /* command.run */
    &bsc_lib_row_file_copy,         /* file.copy */
    &bsc_lib_row_file_remove,       /* file.remove */
    &bsc_lib_row_file_state,        /* file.state */
    &bsc_lib_row_folder_list,       /* folder.list */
    &bsc_lib_row_logs_apply,        /* logs.apply */
    &bsc_lib_row_logs_catch_up,     /* logs.catch_up */
    &bsc_lib_row_logs_chain,        /* logs.chain */
    &bsc_lib_row_logs_copy,         /* logs.copy */
    &bsc_lib_row_logs_copy_state,   /* logs.copy_state */
    &bsc_lib_row_logs_end_sessions, /* logs.end_sessions */
    &bsc_lib_row_logs_hand_over,    /* logs.hand_over */
    &bsc_lib_row_logs_recover,      /* logs.recover */
    &bsc_lib_row_logs_reopen,       /* logs.reopen */
    &bsc_lib_row_logs_salvage,      /* logs.salvage */
    &bsc_lib_row_logs_seed,         /* logs.seed */
    &bsc_lib_row_logs_sessions,     /* logs.sessions */
    &bsc_lib_row_logs_ship,         /* logs.ship */
    &bsc_lib_row_logs_ship_from,    /* logs.ship_from */
    &bsc_lib_row_logs_tail,         /* logs.tail */
    &bsc_lib_row_logs_unseed,       /* logs.unseed */
    &bsc_lib_row_logs_unship,       /* logs.unship */
    &bsc_lib_row_mirrors_follow,    /* mirrors.follow */
    &bsc_lib_row_mirrors_install,   /* mirrors.install */
    &bsc_lib_row_mirrors_pg_follow, /* mirrors.pg_follow */
    &bsc_lib_row_mirrors_pg_make,   /* mirrors.pg_make */
    &bsc_lib_row_mirrors_pg_remove, /* mirrors.pg_remove */
    &bsc_lib_row_mirrors_pg_waits,  /* mirrors.pg_waits */
    &bsc_lib_row_mirrors_remove,    /* mirrors.remove */
    &bsc_lib_row_mirrors_state,     /* mirrors.state */
    &bsc_lib_row_pools_haproxy,     /* pools.haproxy */
    &bsc_lib_row_pools_haproxy_set, /* pools.haproxy_set */
    &bsc_lib_row_pools_state,       /* pools.state */
    &bsc_lib_row_pools_update,      /* pools.update */
    &bsc_lib_row_process_begin,     /* process.begin */
    &bsc_lib_row_process_end,       /* process.end */
    &bsc_lib_row_process_state,     /* process.state */
    &bsc_lib_row_server_listens,    /* server.listens */
    &bsc_lib_row_sql_each,          /* sql.each */
    &bsc_lib_row_sql_execute,       /* sql.execute */
    &bsc_lib_row_sql_query,         /* sql.query */
    &bsc_lib_row_standby_catch_up,  /* standby.catch_up */
    &bsc_lib_row_standby_clear,     /* standby.clear */
    &bsc_lib_row_standby_go_on,     /* standby.go_on */
    &bsc_lib_row_standby_hand_over, /* standby.hand_over */
    &bsc_lib_row_standby_order,     /* standby.order */
    &bsc_lib_row_standby_promote,   /* standby.promote */
    &bsc_lib_row_standby_prove,     /* standby.prove */
    &bsc_lib_row_standby_put_back,  /* standby.put_back */
    &bsc_lib_row_standby_reopen,    /* standby.reopen */
    &bsc_lib_row_standby_replay,    /* standby.replay */
    &bsc_lib_row_standby_reset,     /* standby.reset */
    &bsc_lib_row_standby_seed,      /* standby.seed */
    &bsc_lib_row_standby_set,       /* standby.set */
    &bsc_lib_row_standby_ship_from, /* standby.ship_from */
    &bsc_lib_row_standby_unseed,    /* standby.unseed */
    &bsc_lib_row_users_move,        /* users.move */
    &bsc_lib_row_wal_commits,       /* wal.commits */
    &bsc_lib_row_wal_compare,       /* wal.compare */
    &bsc_lib_row_wal_copy,          /* wal.copy */
    &bsc_lib_row_wal_end,           /* wal.end */
    &bsc_lib_row_wal_history,       /* wal.history */
    &bsc_lib_row_wal_own,           /* wal.own */
    &bsc_lib_row_wal_salvage,       /* wal.salvage */
    &bsc_lib_row_wal_tail,          /* wal.tail */
};

enum { TABLE_COUNT = sizeof table / sizeof table[0] };

const struct bsc_lib_row *bsc_lib_find(const char *name)
{
    size_t low = 0, high = TABLE_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, table[middle]->name);
        if (order == 0)
            return table[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct bsc_lib_row *const *bsc_lib_rows(size_t *ret_count)
{
    *ret_count = TABLE_COUNT;
    return table;
}
