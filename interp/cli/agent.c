/*
 * The background jobs of the embedded platform. SQLite has no server, so what a database server's
 * own agent does elsewhere (log backups, copying and applying them, feeding a mirror) is done by
 * this verb, as a process for each job.
 */
#include <stdatomic.h>

#include "base/mem.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "logs/agent.h"
#include "mirrors/agent.h"
#include "os/loop.h"

#include <string.h>

enum { MIRROR_EVERY_MS = 100, BACKUP_EVERY_MS = 60000, APPLY_EVERY_MS = 60000 };

struct job {
    struct bsc_cli *cli;                /* borrowed */
    struct bsc_loop *loop;              /* owned */
    const char *from;                   /* borrowed: database, principal or secondary */
    const char *to;                     /* borrowed: share or mirror; NULL for a secondary */
    struct bsc_logs_guard *guard;       /* owned; for log backups */
    struct bsc_logs_follower *follower; /* owned; for a mirror */
    bool (*round)(struct job *job, struct bsc_err *err);
    int64_t every_ms;
    atomic_bool stop;
    bool announced; /* that the mirror's agent holds the log */
    bool failed;
    struct bsc_err *err; /* borrowed */
};

static bool round_of_log_backup(struct job *job, struct bsc_err *err)
{
    struct bsc_logs_backup backup = BSC_LOGS_BACKUP_INIT;
    struct bsc_logs_backup_order order = {.sys = job->cli->sys,
                                          .clock = job->cli->clock,
                                          .db = job->from,
                                          .share = job->to,
                                          .guard = job->guard};
    bool ok = bsc_logs_agent_log_backup(&order, &backup, err);
    if (ok && backup.taken)
        bsc_cli_say(job->cli, "%s: LSN %lld to %lld\n", backup.file, (long long)backup.first_lsn,
                    (long long)backup.last_lsn);
    bsc_logs_backup_release(&backup);
    return ok;
}

/* The job may have been ended meanwhile, by a failover say: then there is nothing left to do. */
static bool round_of_copy_apply(struct job *job, struct bsc_err *err)
{
    struct bsc_logs_agent_round round = {0};
    if (bsc_logs_agent_copy_apply(job->cli->sys, job->from, &job->stop, &round, err)) {
        if (round.copied > 0 || round.applied > 0)
            bsc_cli_say(job->cli, "%zu copied, %zu applied, LSN %lld\n", round.copied,
                        round.applied, (long long)round.lsn);
        return true;
    }
    atomic_store(&job->stop, err->code == BSC_ERR_NOT_FOUND);
    return err->code == BSC_ERR_NOT_FOUND || err->code == BSC_ERR_CONFLICT;
}

static bool round_of_mirror(struct job *job, struct bsc_err *err)
{
    struct bsc_logs_agent_round round = {0};
    if (!bsc_logs_agent_mirror(job->follower, &round, err))
        return false;
    job->announced = job->announced || bsc_mirrors_agent_announce(job->cli->sys, job->to, err);
    return job->announced;
}

/* A client may hold the database for longer than a round waits. */
static bool is_busy(struct job *job)
{
    struct bsc_err *err = job->err;
    if (err->code != BSC_ERR_CONFLICT || err->retryable != BSC_RETRY_YES)
        return false;
    bsc_cli_say(job->cli, "%s; trying again\n", err->message);
    *err = (struct bsc_err)BSC_ERR_INIT;
    return true;
}

static void due(void *arg)
{
    struct job *job = arg;
    if (!atomic_load(&job->stop))
        job->failed = !job->round(job, job->err) && !is_busy(job);
    if (job->failed || atomic_load(&job->stop))
        bsc_loop_stop(job->loop);
    else
        bsc_timer_start(job->loop, job->every_ms, due, job);
}

static void signalled(void *arg, int signal_number)
{
    struct job *job = arg;
    (void)signal_number;
    atomic_store(&job->stop, true);
    bsc_loop_stop(job->loop);
}

static bool prepare(struct job *job, const char *kind, struct bsc_err *err)
{
    const struct bsc_sys *sys = job->cli->sys;
    if (strcmp(kind, "log-backup") == 0 && job->to != NULL) {
        job->round = round_of_log_backup;
        job->guard = bsc_logs_guard_open(sys, job->from, err);
        return job->guard != NULL && bsc_logs_shipping_begin(sys, job->from, err);
    }
    if (strcmp(kind, "copy-apply") == 0 && job->to == NULL) {
        job->round = round_of_copy_apply;
        return true;
    }
    if (strcmp(kind, "mirror") == 0 && job->to != NULL) {
        job->round = round_of_mirror;
        job->follower = bsc_logs_follower_open(sys, job->cli->clock, job->from, job->to, err);
        return job->follower != NULL;
    }
    bsc_err_set(err, BSC_ERR_USAGE, "an agent cannot do \"%s\" with these arguments", kind);
    return bsc_err_hint(err, "bascule agent --help lists the jobs.");
}

static int64_t usual_interval(const char *kind)
{
    if (strcmp(kind, "mirror") == 0)
        return MIRROR_EVERY_MS;
    return strcmp(kind, "log-backup") == 0 ? BACKUP_EVERY_MS : APPLY_EVERY_MS;
}

static bool work(struct job *job, const char *kind, struct bsc_err *err)
{
    job->loop = bsc_loop_new(err);
    if (job->loop == NULL || !bsc_loop_watch_signals(job->loop, signalled, job, err) ||
        !prepare(job, kind, err))
        return false;
    bsc_timer_start(job->loop, 0, due, job);
    bsc_loop_run(job->loop);
    return !job->failed;
}

static bool read_interval(const char *text, struct job *job, struct bsc_err *err)
{
    if (text == NULL)
        return true;
    if (bsc_num_parse_duration(text, strlen(text), &job->every_ms) && job->every_ms > 0)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "\"%s\" is not a time such as 30s or 5m", text);
}

int bsc_cli_agent(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    const char *every = NULL;
    const struct bsc_cli_option options[] = {
        {"--every", NULL, "TIME", "time between two rounds (default: 60s; mirror 100ms)", NULL,
         &every, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "agent log-backup DATABASE SHARE | agent copy-apply SECONDARY | agent mirror PRINCIPAL "
        "MIRROR",
        "Does a background job of the embedded platform until it is ended by a signal:\n"
        "  log-backup   takes log backups of a live database into a folder\n"
        "  copy-apply   copies log backups and applies them, as <SECONDARY>.shipping says\n"
        "  mirror       keeps a mirror up to date with its principal",
        options, 2, 3};
    struct job job = {.cli = cli, .err = &err};
    size_t operands = 0;
    bool help = false;
    bool ok = bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err);
    if (ok && !help) {
        job.from = argv[2];
        job.to = operands > 2 ? argv[3] : NULL;
        job.every_ms = usual_interval(argv[1]);
        ok = read_interval(every, &job, &err) && work(&job, argv[1], &err);
    }
    bsc_logs_follower_close(job.follower);
    if (job.guard != NULL)
        bsc_logs_guard_close(job.guard);
    if (job.loop != NULL)
        bsc_loop_free(job.loop);
    return ok ? BSC_EXIT_DONE : bsc_cli_fail(cli, &err);
}
