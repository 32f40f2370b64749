typedef int bsc_logs_job_is_to_come;
