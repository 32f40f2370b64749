#include "dials.h"
#include "subjects.h"

/* The primary's data centre is back. */
static const struct conform_dial back = {"primary", {"missing", "restoring"}, NULL};
static const struct conform_dial primary = {
    "primary", {"missing", "gone", "online", "restoring", "ordinary"}, NULL};
static const struct conform_dial online = {"secondary",
                                           {"online", "in-use", "uncounted", "restoring", "standby",
                                            "ordinary", "missing", "unreachable", "garbled"},
                                           NULL};
static const struct conform_dial backups = {"backups", {"1", "0", "3"}, NULL};
static const struct conform_dial shipping = {"shipping", {"none", "configured"}, NULL};
static const struct conform_dial target = {
    "target",
    {"mirror", "missing", "unreachable", "online", "ordinary", "restoring", "garbled", "stalled"},
    NULL};
static const struct conform_dial target_sessions = {"target-sessions", {"none", "one"}, NULL};
/* That a log backup is gone shows when it is asked for. */
static const struct conform_dial catching_up = {"home",
                                                {"handed-over-ahead", "seeded", "ahead", "in-use",
                                                 "handed-over", "lost", "caught-up", "taken-over",
                                                 "none"},
                                                "lost"};
static const struct conform_dial handing_over = {
    "home", {"seeded", "ahead", "in-use", "handed-over", "caught-up", "taken-over", "none"}, NULL};
static const struct conform_dial reopening = {
    "home",
    {"handed-over", "handed-over-ahead", "caught-up", "taken-over", "seeded", "in-use", "none"},
    NULL};
static const struct conform_dial shipping_again = {
    "home",
    {"taken-over", "uncounted", "gone", "caught-up", "handed-over", "seeded", "none"},
    NULL};

static const struct conform_dial *const seed_dials[] = {&online, &primary, &backups, NULL};

static void write_seed(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "database.seed { copy = db.primary, from = db.secondary }", "");
}

const struct conform_subject conform_database_seed = {
    .name = "database.seed", .dials = seed_dials, .draws = 8, .write = write_seed};

static const struct conform_dial *const catch_up_dials[] = {&catching_up, &back, &backups, NULL};

static void write_catch_up(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "database.catch_up { copy = db.primary, from = db.secondary }", "");
}

const struct conform_subject conform_database_catch_up = {
    .name = "database.catch_up", .dials = catch_up_dials, .draws = 4, .write = write_catch_up};

static const struct conform_dial *const hand_over_dials[] = {&handing_over, &back, &backups, NULL};

static void write_hand_over(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "database.hand_over(db.secondary)", "");
}

const struct conform_subject conform_database_hand_over = {
    .name = "database.hand_over", .dials = hand_over_dials, .draws = 4, .write = write_hand_over};

static const struct conform_dial *const reopen_dials[] = {&reopening, &back, &backups, NULL};

static void write_reopen(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "database.reopen(db.secondary)", "");
}

const struct conform_subject conform_database_reopen = {
    .name = "database.reopen", .dials = reopen_dials, .draws = 4, .write = write_reopen};

static const struct conform_dial *const install_dials[] = {&shipping_again, &back, &backups,
                                                           &shipping, NULL};

static void write_install(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "log_shipping.install(db.secondary)", "");
}

const struct conform_subject conform_log_shipping_install = {
    .name = "log_shipping.install", .dials = install_dials, .draws = 4, .write = write_install};

static const struct conform_dial *const remove_dials[] = {&target, &online, &target_sessions, NULL};

static void write_remove(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "mirror.remove(db.secondary_mirror)", "");
}

const struct conform_subject conform_mirror_remove = {
    .name = "mirror.remove", .dials = remove_dials, .draws = 6, .write = write_remove};
