typedef int bsc_logs_tail_is_to_come;
