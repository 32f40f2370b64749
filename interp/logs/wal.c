typedef int bsc_logs_wal_is_to_come;
