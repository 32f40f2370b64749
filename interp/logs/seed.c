typedef int bsc_logs_seed_is_to_come;
