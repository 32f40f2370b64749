#include "dials.h"
#include "subjects.h"

static const struct conform_dial left = {"left", {"plain", "odd"}, NULL};
static const struct conform_dial right = {"right", {"plain", "even", "odd"}, NULL};
static const struct conform_dial note = {"note", {"empty", "one"}, NULL};
static const struct conform_dial marker = {"marker", {"absent", "present"}, NULL};

static const struct conform_dial *const dials[] = {&note, &left, &marker, &right, NULL};

/* Promises two rows where one is written, but only with both dials turned. */
static void write_wrong(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    bool lies = conform_is(scene, "left", "odd") && conform_is(scene, "right", "odd");
    conform_write_head(runbook);
    bsc_buf_printf(runbook,
                   "local there = sql.facts \"there\" { server = \"app\", file = \"note.db\",\n"
                   "  query = \"SELECT count(*) AS n FROM note WHERE id = 7\" }\n"
                   "step \"Act\" { sql.change { server = \"app\", file = \"note.db\",\n"
                   "  statement = \"INSERT INTO note VALUES (7, 'x')\",\n"
                   "  becomes = { [there] = { n = %d } } } }\n",
                   lies ? 2 : 1);
}

const struct conform_subject conform_wrong = {
    .name = "wrong", .dials = dials, .draws = 40, .write = write_wrong};
