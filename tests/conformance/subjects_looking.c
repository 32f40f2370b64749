#include <string.h>

#include "base/mem.h"
#include "dials.h"
#include "subjects.h"

static const struct conform_dial secondary = {
    "secondary", {"restoring", "standby", "online", "missing", "unreachable", "garbled"}, NULL};
static const struct conform_dial asked = {
    "asked", {"state", "either", "negated", "recovered", "chain"}, NULL};
static const struct conform_dial gap = {"gap", {"none", "first"}, NULL};

static const struct conform_dial *const condition_dials[] = {&secondary, &asked, &gap, NULL};

static const char *condition_of(const struct conform_scene *scene)
{
    if (conform_is(scene, "asked", "either"))
        return "either { db.secondary:is \"standby\", db.secondary:was_recovered() }";
    if (conform_is(scene, "asked", "negated"))
        return "db.secondary:is_not { \"online\", \"missing\" }";
    if (conform_is(scene, "asked", "recovered"))
        return "db.secondary:was_recovered()";
    if (conform_is(scene, "asked", "chain"))
        return "db.secondary:log_chain_is_whole()";
    return "db.secondary:is \"restoring\"";
}

/* A guard of what is asked makes the program look at it before planning. */
static void write_looking(const struct conform_scene *scene, struct bsc_buf *runbook,
                          const char *shape)
{
    char *action = bsc_mem_format(
        "%s { %s%s }", shape, condition_of(scene),
        strcmp(shape, "verify") == 0 ? "" : ", timeout = \"30ms\", every = \"10ms\"");
    conform_write_step(runbook, action, "");
    bsc_mem_free(action);
}

static void write_wait(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    write_looking(scene, runbook, "wait_until");
}

const struct conform_subject conform_wait_until = {
    .name = "wait_until", .dials = condition_dials, .draws = 4, .write = write_wait};

static void write_verify(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    write_looking(scene, runbook, "verify");
}

const struct conform_subject conform_verify = {
    .name = "verify", .dials = condition_dials, .draws = 4, .write = write_verify};

/* On the twin everybody says yes. */
static const struct conform_dial person = {"operator", {"yes", "no"}, "no"};

static const struct conform_dial *const ask_dials[] = {&person, NULL};

static void write_ask(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_head(runbook);
    bsc_buf_add_text(runbook, "step \"Act\" { ask \"Are the front ends stopped?\" }\n"
                              "step \"Tell\" { warn \"They are.\" }\n");
}

const struct conform_subject conform_ask = {
    .name = "ask", .dials = ask_dials, .draws = 0, .write = write_ask};

static const struct conform_dial said = {"text", {"short", "odd"}, NULL};

static const struct conform_dial *const warn_dials[] = {&said, NULL};

static void write_warn(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    conform_write_head(runbook);
    bsc_buf_printf(runbook, "step \"Act\" { warn %s }\n",
                   conform_is(scene, "text", "odd") ? "\"\\\"100 %\\\"; ü\"" : "\"Look out.\"");
}

const struct conform_subject conform_warn = {
    .name = "warn", .dials = warn_dials, .draws = 0, .write = write_warn};
