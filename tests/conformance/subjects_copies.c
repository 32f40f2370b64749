#include "dials.h"
#include "subjects.h"

static const struct conform_dial secondary = {"secondary",
                                              {"restoring", "standby", "online", "in-use",
                                               "ordinary", "missing", "unreachable", "garbled",
                                               "no-sidecar", "mirror", "torn", "half-recovered"},
                                              NULL};
static const struct conform_dial sessions = {"sessions", {"none", "one", "two"}, NULL};
static const struct conform_dial some_sessions = {"sessions", {"one", "none", "two"}, NULL};
static const struct conform_dial backups = {"backups", {"1", "0", "3"}, NULL};
static const struct conform_dial applied = {"applied", {"all", "none"}, NULL};
static const struct conform_dial gap = {"gap", {"none", "first"}, NULL};
static const struct conform_dial stranger = {"stranger", {"none", "fork", "overlap"}, NULL};
static const struct conform_dial share = {"share", {"there", "missing"}, NULL};
static const struct conform_dial disk = {
    "disk", {"whole", "quiet", "nowhere", "gone", "garbled"}, NULL};
static const struct conform_dial ledger = {"ledger", {"there", "missing"}, NULL};
static const struct conform_dial shipping = {"shipping", {"none", "configured"}, NULL};
static const struct conform_dial primary = {
    "primary", {"gone", "online", "missing", "restoring", "ordinary"}, NULL};
static const struct conform_dial mirror = {"mirror", {"none", "mirror", "online"}, NULL};
static const struct conform_dial target = {
    "target", {"missing", "unreachable", "online", "mirror", "stalled"}, NULL};
/* Structure is checked when the copy is brought online or cloned, not whenever it is looked at. */
static const struct conform_dial pages = {"pages", {"sound", "rotten"}, "rotten"};

static const struct conform_dial *const kill_dials[] = {&secondary, &some_sessions, &primary,
                                                        &backups, NULL};

static void write_kill(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "sessions.kill_all(db.secondary)", "");
}

const struct conform_subject conform_sessions_kill_all = {
    .name = "sessions.kill_all", .dials = kill_dials, .draws = 4, .write = write_kill};

static const struct conform_dial *const recover_dials[] = {
    &secondary, &sessions, &shipping, &primary,  &mirror, &target,
    &backups,   &applied,  &disk,     &stranger, &pages,  NULL};

static void write_recover(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "database.recover(db.secondary)", "point_of_no_return = true");
}

const struct conform_subject conform_database_recover = {
    .name = "database.recover", .dials = recover_dials, .draws = 16, .write = write_recover};

static const struct conform_dial online = {"secondary",
                                           {"online", "in-use", "uncounted", "restoring", "standby",
                                            "ordinary", "missing", "unreachable", "garbled"},
                                           NULL};
static const struct conform_dial new_target = {"target",
                                               {"missing", "unreachable", "online", "ordinary",
                                                "mirror", "restoring", "another", "garbled",
                                                "stalled"},
                                               NULL};
static const struct conform_dial target_sessions = {"target-sessions", {"none", "one"}, NULL};

static const struct conform_dial *const mirror_dials[] = {
    &online, &new_target, &target_sessions, &backups, &gap, &share, &ledger, NULL};

static void write_mirror(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(
        runbook, "mirror.install { principal = db.secondary, mirror = db.secondary_mirror }", "");
}

const struct conform_subject conform_mirror_install = {
    .name = "mirror.install", .dials = mirror_dials, .draws = 8, .write = write_mirror};

static const struct conform_dial begun = {
    "secondary", {"restoring", "standby", "online", "torn", "half-recovered"}, NULL};
static const struct conform_dial old_target = {
    "target", {"missing", "unreachable", "stalled"}, NULL};
static const struct conform_dial nothing_applied = {"applied", {"none", "all"}, NULL};

static const struct conform_dial *const failover_dials[] = {
    &begun,           &sessions, &shipping, &primary, &old_target, &backups,
    &nothing_applied, &disk,     &gap,      &ledger,  NULL};

/* All of it, as the shipped runbook has it: each step stands on what the twin made of the ones
 * before. */
static void write_failover(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    bsc_buf_add_text(
        runbook,
        "runbook \"conformance\" {\n"
        "  summary = \"A failover\",\n"
        "  params = { pool = param.pool(), database = param.database() },\n"
        "}\n"
        "local db, chat = params.database, params.pool\n"
        "step \"Remove log shipping\" { log_shipping.remove(db.secondary) }\n"
        "step \"End sessions\" { sessions.kill_all(db.secondary) }\n"
        "step \"Copy\" { log_backups.copy(db.secondary) }\n"
        "step \"Apply\" { log_backups.apply(db.secondary) }\n"
        "step \"Salvage\" { log_backups.salvage(db.primary), optional = true }\n"
        "gate \"Online?\" { shows = { \"data_loss_window\" } }\n"
        "step \"Recover\" { database.recover(db.secondary), point_of_no_return = true }\n"
        "step \"State\" { pool.set_state(chat, \"FailedOver\") }\n"
        "step \"Mirror\" { mirror.install { principal = db.secondary, "
        "mirror = db.secondary_mirror } }\n"
        "step \"Servers\" { pool.set_active_servers(chat, near(db.secondary)) }\n"
        "step \"Verify\" { verify { db.secondary:has { state = \"online\", writable = true },\n"
        "  db.secondary_mirror:follows(db.secondary), chat:is \"FailedOver\" } }\n");
}

const struct conform_subject conform_failover = {.name = "failover",
                                                 .dials = failover_dials,
                                                 .draws = 8,
                                                 .whole = true,
                                                 .write = write_failover};
