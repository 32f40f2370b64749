#include "dials.h"
#include "subjects.h"

/* What a trigger does with a change is seen by nobody beforehand. */
static const struct conform_dial homes = {"homes",
                                          {"some", "moved", "all-moved", "pilot-moved", "nobody",
                                           "twice", "no-pool", "no-table", "no-file", "locked",
                                           "refusing", "one-refusing", "ignoring"},
                                          "refusing one-refusing ignoring"};
static const struct conform_dial pools = {"pools",
                                          {"both", "no-new", "new-retired", "legacy-retired",
                                           "not-replicated", "odd-state", "no-table", "refusing"},
                                          "refusing"};
static const struct conform_dial services = {
    "services", {"running", "stopped", "half", "none", "no-table", "refusing"}, "refusing"};

/* The action twice: the second time shows what the twin has learnt of the first. */
static void write_twice(struct bsc_buf *runbook, const char *action, const char *more)
{
    bsc_buf_printf(runbook,
                   "runbook \"conformance\" {\n"
                   "  summary = \"One case\", params = { directory = param.directory() },\n"
                   "}\n"
                   "local people = params.directory\n"
                   "step \"Act\" {\n  %s,\n  %s,\n  %s\n}\n",
                   action, action, more);
}

static const struct conform_dial who = {
    "who", {"users", "pilot", "applications", "one-kind", "back", "with-rate"}, NULL};

struct choice {
    const char *word;
    const char *lua;
};

static const struct choice choices[] = {
    {"users", "each(people.users, { batch = 2, parallel = 2 }, move_to(people.new))"},
    {"pilot", "each(people.pilot, {}, move_to(people.new))"},
    {"applications", "each(people.applications, {}, move_to(people.new))"},
    {"one-kind", "each(people.applications.groups, { parallel = 1 }, move_to(people.new))"},
    {"back", "each(people.users, {}, move_to(people.legacy))"},
    {"with-rate", "each(people.users, { rate = \"1000/s\", stop_after_failures = 1 },"
                  " move_to(people.new))"}};

static void write_each(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (conform_is(scene, "who", choices[i].word))
            write_twice(runbook, choices[i].lua, "");
    }
}

static const struct conform_dial *const each_dials[] = {&homes, &pools, &services, &who, NULL};

const struct conform_subject conform_each = {
    .name = "each", .dials = each_dials, .draws = 24, .write = write_each};

static const struct conform_dial readable = {
    "homes", {"some", "nobody", "no-pool", "no-table", "no-file", "locked"}, NULL};
static const struct conform_dial backups = {"backups", {"none", "some", "no-table"}, NULL};

static void write_back_up(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    write_twice(runbook, "directory.back_up(people)", "");
}

static const struct conform_dial *const back_up_dials[] = {&readable, &backups, NULL};

const struct conform_subject conform_directory_back_up = {
    .name = "directory.back_up", .dials = back_up_dials, .draws = 4, .write = write_back_up};

static void write_take(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    write_twice(runbook, "inventory.take(people)", "");
}

static const struct conform_dial *const take_dials[] = {&homes, NULL};

const struct conform_subject conform_inventory_take = {
    .name = "inventory.take", .dials = take_dials, .draws = 2, .write = write_take};

static const struct conform_dial meetings = {"meetings", {"some", "none", "no-table"}, NULL};

static void write_show(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    write_twice(runbook, "caveats.show(people)", "");
}

static const struct conform_dial *const show_dials[] = {&readable, &meetings, NULL};

const struct conform_subject conform_caveats_show = {
    .name = "caveats.show", .dials = show_dials, .draws = 4, .write = write_show};

static const struct conform_dial side = {"side", {"new", "legacy"}, NULL};

static void write_start(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    bool is_new = conform_is(scene, "side", "new");
    write_twice(runbook, is_new ? "services.start(people.new)" : "services.start(people.legacy)",
                "");
}

static const struct conform_dial *const start_dials[] = {&readable, &services, &side, NULL};

const struct conform_subject conform_services_start = {
    .name = "services.start", .dials = start_dials, .draws = 10, .write = write_start};

static const struct conform_dial left = {
    "homes",
    {"all-moved", "some", "moved", "nobody", "no-pool", "no-table", "no-file", "locked"},
    NULL};

static void write_retire(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    write_twice(runbook, "deployment.retire(people.legacy)", "point_of_no_return = true");
}

static const struct conform_dial *const retire_dials[] = {&left, &pools, NULL};

const struct conform_subject conform_deployment_retire = {
    .name = "deployment.retire", .dials = retire_dials, .draws = 10, .write = write_retire};
