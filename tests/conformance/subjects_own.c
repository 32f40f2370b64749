#include "base/mem.h"
#include "dials.h"
#include "subjects.h"

/* What becomes of a statement or a program that does not do what its author says is nothing that
 * the twin could know: it takes the author's word. */
static const struct conform_dial note = {
    "note",
    {"empty", "one", "taken", "no-table", "no-file", "locked", "refusing", "ignoring"},
    "taken no-table no-file locked refusing ignoring"};
static const struct conform_dial says = {"says", {"becomes", "nothing"}, NULL};

static const struct conform_dial *const change_dials[] = {&note, &says, NULL};

static void write_change(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    bool says_so = conform_is(scene, "says", "becomes");
    conform_write_head(runbook);
    if (says_so)
        bsc_buf_add_text(
            runbook, "local there = sql.facts \"there\" { server = \"app\", file = \"note.db\",\n"
                     "  query = \"SELECT count(*) AS n FROM note WHERE id = 7\" }\n");
    bsc_buf_printf(runbook,
                   "step \"Act\" { sql.change { server = \"app\", file = \"note.db\",\n"
                   "  statement = \"INSERT INTO note VALUES (?, ?)\",\n"
                   "  params = { 7, \"it's here\" }, expect_rows = 1,\n"
                   "  %s\n"
                   "  undo = { statement = \"DELETE FROM note WHERE id = ?\", params = { 7 }%s } "
                   "} }\n",
                   says_so ? "becomes = { [there] = { n = 1 } }," : "",
                   says_so ? ", becomes = { [there] = { n = 0 } }" : "");
    if (says_so)
        bsc_buf_add_text(runbook, "step \"See\" { verify { there:has { n = 1 } } }\n");
}

const struct conform_subject conform_sql_change = {
    .name = "sql.change", .dials = change_dials, .draws = 12, .write = write_change};

static const struct conform_dial looked = {
    "note", {"one", "empty", "taken", "no-table", "no-file", "locked"}, NULL};
static const struct conform_dial query = {
    "query", {"count", "row", "null", "nonsense", "writing"}, NULL};

static const struct conform_dial *const facts_dials[] = {&looked, &query, NULL};

static const char *query_of(const struct conform_scene *scene)
{
    if (conform_is(scene, "query", "row"))
        return "SELECT id AS n, text FROM note";
    if (conform_is(scene, "query", "null"))
        return "SELECT max(id) AS n FROM note";
    if (conform_is(scene, "query", "nonsense"))
        return "SELECT n FROM nowhere";
    if (conform_is(scene, "query", "writing"))
        return "DELETE FROM note";
    return "SELECT count(*) AS n FROM note";
}

static void write_facts(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    conform_write_head(runbook);
    bsc_buf_printf(runbook,
                   "local notes = sql.facts \"notes\" { server = \"app\", file = \"note.db\",\n"
                   "  query = \"%s\" }\n"
                   "step \"Act\" { verify { notes:has { reachable = true },\n"
                   "  notes:has { n = at_least(1) } } }\n",
                   query_of(scene));
}

const struct conform_subject conform_sql_facts = {
    .name = "sql.facts", .dials = facts_dials, .draws = 8, .write = write_facts};

static const struct conform_dial program = {
    "program", {"touch", "true", "false", "missing", "slow"}, "true false missing slow"};
static const struct conform_dial marker = {"marker", {"absent", "present"}, NULL};

static const struct conform_dial *const run_dials[] = {&program, &marker, &says, NULL};

static char *argv_of(const struct conform_scene *scene)
{
    if (conform_is(scene, "program", "touch"))
        return bsc_mem_format("\"/usr/bin/touch\", \"%s/own/marker\"", scene->bench->site);
    if (conform_is(scene, "program", "slow"))
        return bsc_mem_text("\"/bin/sleep\", \"30\"");
    return bsc_mem_format("\"/bin/%s\"", conform_word(scene, "program"));
}

/* An empty file appears; one that is full is not what was foretold. */
static void write_run(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    static const char empty[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char *argv = argv_of(scene);
    conform_write_head(runbook);
    bsc_buf_printf(runbook, "step \"Act\" { command.run { argv = { %s }", argv);
    if (conform_is(scene, "says", "becomes"))
        bsc_buf_printf(runbook,
                       ", becomes = { [\"file:%s/own/marker\"] = { exists = true, bytes = 0, "
                       "sha256 = \"%s\" } }",
                       scene->bench->site, empty);
    bsc_buf_printf(runbook, "%s } }\n",
                   conform_is(scene, "program", "slow") ? ", timeout = \"20ms\"" : "");
    bsc_mem_free(argv);
}

const struct conform_subject conform_command_run = {
    .name = "command.run", .dials = run_dials, .draws = 8, .write = write_run};

static const struct conform_dial looking = {
    "program", {"true", "false", "echo", "missing", "slow"}, NULL};

static const struct conform_dial *const probe_dials[] = {&looking, &marker, NULL};

static const char *probe_of(const struct conform_scene *scene)
{
    if (conform_is(scene, "program", "echo"))
        return "\"/bin/echo\", \"it's\", \"so\"";
    if (conform_is(scene, "program", "slow"))
        return "\"/bin/sleep\", \"30\"";
    if (conform_is(scene, "program", "missing"))
        return "\"/bin/there-is-none\"";
    return conform_is(scene, "program", "false") ? "\"/bin/false\"" : "\"/bin/true\"";
}

static void write_probe(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    conform_write_head(runbook);
    bsc_buf_printf(runbook,
                   "local seen = command.facts \"seen\" { argv = { %s }%s }\n"
                   "step \"Act\" { verify { seen:has { reachable = true, exit = 0 } } }\n",
                   probe_of(scene),
                   conform_is(scene, "program", "slow") ? ", timeout = \"20ms\"" : "");
}

const struct conform_subject conform_command_facts = {
    .name = "command.facts", .dials = probe_dials, .draws = 4, .write = write_probe};

static const struct conform_dial from = {"from", {"there", "missing", "empty"}, NULL};
/* Whether a file can be made in a folder shows when it is made. */
static const struct conform_dial to = {
    "to", {"missing", "same", "other", "no-folder"}, "no-folder"};

static const struct conform_dial *const file_dials[] = {&from, &to, NULL};

static void write_file(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    const char *site = scene->bench->site;
    const char *deep = conform_is(scene, "to", "no-folder") ? "deep/" : "";
    conform_write_head(runbook);
    bsc_buf_printf(runbook,
                   "step \"Act\" { file.copy { from = \"%s/own/from\", to = \"%s/own/%sto\" },\n"
                   "  file.copy { from = \"%s/own/from\", to = \"%s/own/%sto\" } }\n",
                   site, site, deep, site, site, deep);
}

const struct conform_subject conform_file_copy = {
    .name = "file.copy", .dials = file_dials, .draws = 8, .write = write_file};
