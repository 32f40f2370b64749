#include "cli/lab_worker.h"

#include "base/mem.h"

/* Of a lab that is gone all is zero. */
static struct stat look_at_mark(const struct bsc_lab *lab)
{
    const struct bsc_sys *sys = lab->cli->sys;
    struct stat mark = {0};
    char *path = bsc_lab_path(lab, BSC_LAB_MARK);
    if (sys->stat(sys->self, path, &mark) != 0)
        mark = (struct stat){0};
    bsc_mem_free(path);
    return mark;
}

/* Nobody works on for a lab whose folder was removed without taking it down, and a new one that has
 * its name has workers of its own. */
static bool is_lab_gone(const struct bsc_lab_worker *w)
{
    struct stat mark = look_at_mark(w->lab);
    return mark.st_ino != w->mark.st_ino || mark.st_mtim.tv_sec != w->mark.st_mtim.tv_sec ||
           mark.st_mtim.tv_nsec != w->mark.st_mtim.tv_nsec;
}

static void due(void *arg)
{
    struct bsc_lab_worker *w = arg;
    int64_t pause_ms = 0;
    w->stop = w->stop || is_lab_gone(w);
    w->failed = !w->stop && !w->round(w, &pause_ms);
    if (w->stop || w->failed)
        bsc_loop_stop(w->loop);
    else
        bsc_timer_start(w->loop, pause_ms, due, w);
}

/* What is under way is finished first. */
static void signalled(void *arg, int signal_number)
{
    struct bsc_lab_worker *w = arg;
    (void)signal_number;
    w->stop = true;
    bsc_loop_stop(w->loop);
}

bool bsc_lab_worker_go_on(struct bsc_lab_worker *w, const char *role)
{
    int64_t pause_ms = 0;
    w->mark = look_at_mark(w->lab);
    w->loop = bsc_loop_new(w->err);
    bool ok = w->loop != NULL && bsc_loop_watch_signals(w->loop, signalled, w, w->err) &&
              w->round(w, &pause_ms) && bsc_lab_staff_ready(w->lab, role, w->err);
    if (ok) {
        bsc_timer_start(w->loop, pause_ms, due, w);
        bsc_loop_run(w->loop);
        ok = !w->failed;
    }
    bsc_loop_free(w->loop);
    return ok;
}
