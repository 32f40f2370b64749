#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"
#include "compare.h"
#include "dials.h"
#include "hold.h"
#include "life.h"
#include "put.h"
#include "subjects.h"

enum { SECONDS_MAX = 60 };

/* Both sides, and what differs. A procedure goes beyond the point of no return. */
static void try_here(const struct conform_scene *scene, bool taken_back, struct bsc_buf *story,
                     struct bsc_buf *differences)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct conform_sides sides = {0};
    bool unseen = conform_unseen(scene->subject, scene->state);
    if (!conform_act(scene, &sides, &err)) {
        bsc_buf_printf(differences, "    nothing to compare: %s\n", err.message);
    } else {
        (void)snprintf(scene->bench->verdict->outcome, sizeof scene->bench->verdict->outcome, "%s",
                       bsc_run_outcome_name(sides.end.outcome));
        conform_tell(&sides, story);
        conform_compare(&sides, unseen, differences);
        bool back = !unseen && taken_back && differences->length == 0;
        if (back && conform_act_undo(scene, &sides, &err))
            conform_compare_undo(&sides, differences);
        else if (err.code != BSC_ERR_NONE)
            bsc_buf_printf(differences, "    it cannot be taken back: %s\n", err.message);
    }
    conform_sides_release(&sides);
}

static void judge(const struct conform_scene *scene, bool taken_back)
{
    struct conform_verdict *verdict = scene->bench->verdict;
    struct bsc_buf story = {0}, differences = {0};
    try_here(scene, taken_back, &story, &differences);
    verdict->agrees = differences.length == 0;
    (void)snprintf(verdict->text, sizeof verdict->text, "%s%s%s",
                   story.length > 0 ? story.data : "", verdict->agrees ? "" : "  different:\n",
                   verdict->agrees ? "" : differences.data);
    bsc_buf_release(&story);
    bsc_buf_release(&differences);
}

static void child(const struct conform_scene *scene)
{
    struct conform_verdict *verdict = scene->bench->verdict;
    (void)alarm(SECONDS_MAX);
    conform_build(scene);
    judge(scene, !scene->subject->whole);
    conform_holders_end(scene->holders);
    verdict->ended = true;
    /* On exit, and not before, a sanitizer tells what was not given back. */
    exit(0);
}

static void note_death(struct conform_verdict *verdict, int status)
{
    verdict->agrees = false;
    if (!verdict->ended)
        verdict->text[0] = '\0';
    size_t length = strlen(verdict->text);
    if (WIFSIGNALED(status))
        (void)snprintf(verdict->text + length, sizeof verdict->text - length,
                       "  it was ended by signal %d (%s)\n", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(verdict->text + length, sizeof verdict->text - length,
                       "  it ended with exit code %d\n", WEXITSTATUS(status));
}

bool conform_try(const struct conform_bench *bench, const struct conform_subject *subject,
                 const struct conform_state *state)
{
    struct conform_holders holders = {0};
    struct conform_scene scene = {bench, subject, state, &holders, NULL};
    int status = 0;
    memset(bench->verdict, 0, sizeof *bench->verdict);
    if (conform_is(&scene, "backups", "70"))
        (void)conform_life_at(bench->life, 70, false);
    fflush(stdout);
    pid_t pid = fork();
    conform_need(pid >= 0, "begin", "a process");
    if (pid == 0)
        child(&scene);
    conform_need(waitpid(pid, &status, 0) == pid, "wait for", "a process");
    if (!bench->verdict->ended || status != 0)
        note_death(bench->verdict, status);
    conform_agents_end(bench);
    return bench->verdict->agrees;
}

bool conform_try_turn(const struct conform_bench *bench, const struct conform_turn *turn)
{
    static const struct conform_dial *const none[] = {NULL};
    const struct conform_subject subject = {.name = turn->action, .dials = none};
    const struct conform_state state = {{0}};
    struct conform_holders holders = {0};
    struct bsc_buf runbook;
    bsc_buf_init(&runbook);
    conform_write_step(&runbook, turn->action, turn->more);
    const struct conform_scene scene = {bench, &subject, &state, &holders, runbook.data};
    conform_remove(&scene, CONFORM_JOURNAL);
    judge(&scene, !turn->stays);
    bsc_buf_release(&runbook);
    return bench->verdict->agrees;
}
