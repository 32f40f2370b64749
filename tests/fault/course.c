#include "course.h"

#include <string.h>

#include "alone.h"
#include "base/mem.h"
#include "directory.h"
#include "fault.h"
#include "others.h"

static const char atlanta[] = "dc1/sql1/mgc.db", atlanta_mirror[] = "dc1/sql2/mgc.db";
static const char boston[] = "dc2/sql3/mgc.db", boston_mirror[] = "dc2/sql4/mgc.db";

static const struct fault_rule failover_rules[] = {
    {"dc2/sql3/mgc.db.shipping", " logs.unship "},
    {"dc2/sql3/mgc.db.salvaged", " logs.salvage "},
    {"dc2/sql3/mgc.db-", " logs.apply logs.recover mirrors.install mirrors.follow "},
    {"dc2/sql3/mgc.db", " logs.apply logs.recover "},
    {"dc2/sql3/copied/", " logs.copy logs.salvage "},
    {"dc2/sql3/.", " logs.unship logs.copy logs.salvage logs.apply logs.recover "},
    {"dc2/sql4/", " mirrors.install mirrors.follow "},
    {"dc2/app/pool.db", " pools.update "},
    {NULL, NULL},
};

/* A log that was applied would have been applied anyway, and backups that were copied are copies.
 */
static const char *const failover_lasting[] = {"runs*",
                                               "dc2/sql3/copied*",
                                               "dc2/sql3/mgc.db",
                                               "dc2/sql3/mgc.db.state*",
                                               "dc2/sql3/mgc.db.salvaged*",
                                               NULL};

static const struct fault_course failover = {
    .name = "failover",
    .runbook = "failover.lua",
    .session = boston,
    .online = boston,
    .mirror = boston_mirror,
    .pool_before = "Normal chat1 1",
    .pool = "FailedOver chat5 3",
    .beyond = "logs.recover",
    .stride = 1,
    .rules = failover_rules,
    .lasting = failover_lasting,
};

static const struct fault_rule switchover_rules[] = {
    {"dc2/sql3/mgc.db.shipping", " logs.unship "},
    {"dc2/sql3/mgc.db-", " logs.catch_up logs.recover mirrors.install mirrors.follow "},
    {"dc2/sql3/mgc.db", " logs.catch_up logs.recover "},
    {"dc2/sql3/copied/", " logs.catch_up "},
    {"dc2/sql3/.", " logs.unship logs.catch_up logs.recover "},
    {"dc2/sql4/", " mirrors.install mirrors.follow "},
    {"dc1/sql1/mgc.db-", NULL}, /* its client's */
    {"dc2/app/ledger.db", NULL},
    {"dc1/sql1/", " logs.catch_up logs.hand_over "},
    {"dc1/sql2/mgc.db.before-", " mirrors.remove "},
    {"dc1/sql2/", NULL}, /* its agent's */
    {"backups/mgc/", " logs.catch_up logs.hand_over "},
    {"dc2/app/pool.db", " pools.update "},
    {NULL, NULL},
};

/* The primary is opened again where its log was when it was closed, and counts from there. */
static const char *const switchover_lasting[] = {"runs*",
                                                 "dc2/sql3/copied*",
                                                 "dc2/sql3/mgc.db",
                                                 "dc2/sql3/mgc.db.state",
                                                 "backups/mgc/*",
                                                 "dc1/sql1/mgc.db",
                                                 "dc1/sql1/mgc.db-*",
                                                 "dc1/sql1/mgc.db.state",
                                                 "dc1/sql1/mgc.db.before-*",
                                                 "dc1/sql2/*",
                                                 "dc2/app/pool.db",
                                                 "dc2/app/ledger.db",
                                                 NULL};

/* The bench's site has no mirror of its primary, since nothing looks at one that is lost. */
static void begin_switchover(struct fault_bench *bench)
{
    static const char runbook[] =
        "runbook \"mirror\" { summary = \"Installs the primary's mirror\",\n"
        "  params = { database = param.database { default = \"mgc\" } } }\n"
        "local db = params.database\n"
        "step \"Install\" { mirror.install { principal = db.primary, mirror = db.mirror } }\n";
    const struct fault_order undisturbed = {.kind = FAULT_NONE};
    char *path = bsc_mem_format("%s/mirror.lua", bench->folder);
    char *site = bsc_mem_format("%s/site.yaml", bench->site);
    char *runs = bsc_mem_format("%s/runs", bench->site);
    const char *const words[] = {"run", path, "--site", site, "--yes", NULL};
    fault_tree_save(&bench->alive, bench->site);
    fault_site_folder(bench, "dc1/sql2");
    fault_site_text(path, runbook, sizeof runbook - 1);
    fault_run(bench, &undisturbed, words);
    fault_need(bench->result->ended && bench->result->code == 0, "install", "the mirror");
    fault_agents_end(bench);
    fault_tree_remove(runs);
    bsc_mem_free(runs);
    bsc_mem_free(site);
    bsc_mem_free(path);
}

static const struct fault_course switchover = {
    .name = "switchover",
    .runbook = "switchover.lua",
    .begin = begin_switchover,
    .session = boston,
    .agents = FAULT_ATLANTA,
    .online = boston,
    .other = atlanta,
    .commits = FAULT_COMMITS,
    .mirror = boston_mirror,
    .removed = atlanta_mirror,
    .pool_before = "Normal chat1 1",
    .pool = "FailedOver chat5 4",
    .beyond = "logs.recover",
    .stride = 1,
    .rules = switchover_rules,
    .lasting = switchover_lasting,
};

static const struct fault_rule failback_rules[] = {
    {"dc1/sql1/", " logs.seed "},
    {"dc1/sql2/", " mirrors.install mirrors.follow "},
    {"dc2/sql3/mgc.db.shipping", " logs.ship_from "},
    {"dc2/sql3/copied/", " logs.ship_from "},
    {"dc2/sql3/mgc.db-", NULL}, /* its client's */
    {"dc2/app/ledger.db", NULL},
    {"dc2/sql3/", " logs.seed logs.catch_up logs.hand_over logs.ship_from "},
    {"dc2/sql4/mgc.db.before-", " mirrors.remove "},
    {"dc2/sql4/", NULL}, /* its agent's */
    {"backups/mgc/", " logs.seed logs.catch_up logs.hand_over logs.ship_from "},
    {"dc2/app/pool.db", " pools.update "},
    {NULL, NULL},
};

static const char *const failback_lasting[] = {"runs*",
                                               "backups/mgc/*",
                                               "dc1/sql1/mgc.db.seeded-*",
                                               "dc2/sql3/mgc.db",
                                               "dc2/sql3/mgc.db-*",
                                               "dc2/sql3/mgc.db.state",
                                               "dc2/sql3/mgc.db.before-*",
                                               "dc2/sql4/*",
                                               "dc2/app/pool.db",
                                               "dc2/app/ledger.db",
                                               NULL};

/* The data centre is back, with disks that hold nothing. */
static void begin_failback(struct fault_bench *bench)
{
    char *runs = bsc_mem_format("%s/runs", bench->site);
    fault_tree_save(&bench->done, bench->site);
    fault_site_folder(bench, "dc1");
    fault_site_folder(bench, "dc1/sql1");
    fault_site_folder(bench, "dc1/sql2");
    fault_tree_remove(runs);
    bsc_mem_free(runs);
}

/* Its disk is back too, and somebody has fenced the database on it. Once that is put aside the way
 * is the same. */
static void begin_stale(struct fault_bench *bench)
{
    begin_failback(bench);
    fault_site_copy(bench, "rescued/sql1/mgc.db", atlanta);
    fault_site_copy(bench, "rescued/sql1/mgc.db.state", "dc1/sql1/mgc.db.state");
    fault_site_close(bench, atlanta);
}

#define COURSE_HOME                                                                                \
    .runbook = "failback.lua", .after = &failover, .agents = FAULT_BOSTON, .online = atlanta,      \
    .other = boston, .commits = FAULT_COMMITS, .mirror = atlanta_mirror, .removed = boston_mirror, \
    .pool_before = "FailedOver chat5 3", .pool = "Normal chat1 6", .pool_changes = 2,              \
    .beyond = "logs.recover", .stride = 1, .rules = failback_rules, .lasting = failback_lasting

static const struct fault_course failback = {
    COURSE_HOME,
    .name = "failback",
    .begin = begin_failback,
};

static const struct fault_course stale = {
    COURSE_HOME,
    .name = "failback-stale",
    .begin = begin_stale,
    .until = "\"title\":\"Close the service and go home?\"",
};

static const struct fault_rule migration_rules[] = {
    {FAULT_DIRECTORY, " sql.execute users.move "},
    {NULL, NULL},
};

static const char *const migration_lasting[] = {"runs*", FAULT_DIRECTORY "*", NULL};

static const struct fault_course migration = {
    .name = "migration",
    .runbook = "migration.lua",
    .set = "accept_early=tested",
    .scene = &fault_directory_scene,
    .pool = FAULT_DIRECTORY_MOVED,
    .beyond = "UPDATE pools SET state = 'retired'",
    .stride = 4,
    .rules = migration_rules,
    .lasting = migration_lasting,
};

static const struct fault_course migration_rollback = {
    .name = "migration-rollback",
    .runbook = "migration-rollback.lua",
    .scene = &fault_directory_scene,
    .begin = fault_directory_move_all,
    .pool = FAULT_DIRECTORY_BACK,
    .stride = 4,
    .rules = migration_rules,
    .lasting = migration_lasting,
};

const struct fault_course *const fault_courses[] = {
    &failover, &switchover, &failback, &stale, &migration, &migration_rollback, NULL};

const struct fault_course *fault_course_find(const char *name)
{
    for (size_t i = 0; fault_courses[i] != NULL; i++) {
        if (strcmp(fault_courses[i]->name, name) == 0)
            return fault_courses[i];
    }
    return NULL;
}

void fault_course_begin(struct fault_bench *bench, const struct fault_course *course)
{
    bsc_mem_free(bench->runbook);
    bench->runbook = bsc_mem_format("%s/%s", FAULT_RUNBOOKS, course->runbook);
    bench->course = course;
    if (course->begin != NULL) {
        course->begin(bench);
        fault_tree_release(&bench->before);
        fault_tree_load(&bench->before, bench->site);
    }
    fault_tree_release(&bench->done);
    fault_alone_fork(course->after == NULL ? 'f' : 'e');
}

bool fault_course_lasts(const struct fault_course *course, const char *name)
{
    for (size_t i = 0; course->lasting[i] != NULL; i++) {
        const char *lasting = course->lasting[i];
        size_t length = strcspn(lasting, "*");
        bool all = lasting[length] == '*';
        if (strncmp(name, lasting, length) == 0 && (all || name[length] == '\0'))
            return true;
    }
    return false;
}
