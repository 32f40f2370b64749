typedef int bsc_logs_copy_is_to_come;
