#include "dials.h"
#include "subjects.h"

static const struct conform_dial shipping = {"shipping", {"configured", "none", "damaged"}, NULL};
static const struct conform_dial secondary = {
    "secondary",
    {"restoring", "standby", "online", "in-use", "ordinary", "missing", "unreachable", "garbled",
     "no-sidecar", "odd-sidecar", "mirror", "torn", "half-recovered"},
    NULL};
/* Fewer, for what does not depend on every way in which a copy can be of no use. */
static const struct conform_dial some_secondary = {
    "secondary",
    {"restoring", "standby", "online", "in-use", "missing", "unreachable", "odd-sidecar", "torn"},
    NULL};
static const struct conform_dial backups = {"backups", {"3", "0", "1", "5", "70"}, NULL};
static const struct conform_dial copied = {"copied", {"none", "one", "all", "last"}, NULL};
static const struct conform_dial all_copied = {"copied", {"all", "none", "but-one", "last"}, NULL};
static const struct conform_dial applied = {"applied", {"none", "one", "all"}, NULL};
static const struct conform_dial gap = {"gap", {"none", "first", "middle", "share"}, NULL};
/* What is wrong within the pages of a backup shows when they are read: while copying, applying. */
static const struct conform_dial damage = {"damage",
                                           {"none", "share-header", "share-short", "share-body",
                                            "copied-header", "copied-short", "copied-body"},
                                           "share-body copied-body"};
static const struct conform_dial stranger = {
    "stranger", {"none", "fork", "database", "overlap", "double", "rewritten", "name"}, NULL};
static const struct conform_dial share = {"share", {"there", "missing", "file"}, NULL};
static const struct conform_dial destination = {"destination", {"there", "missing", "file"}, NULL};
static const struct conform_dial room = {"room", {"enough", "none"}, NULL};
static const struct conform_dial sessions = {"sessions", {"none", "one", "two"}, NULL};
static const struct conform_dial primary = {"primary", {"gone", "online", "missing"}, NULL};
static const struct conform_dial disk = {"disk",
                                         {"whole", "quiet", "nowhere", "gone", "garbled", "torn",
                                          "no-log", "no-sidecar", "another", "in-use"},
                                         NULL};

static const struct conform_dial *const remove_dials[] = {&shipping, &secondary, &sessions,
                                                          &backups, NULL};

static void write_remove(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "log_shipping.remove(db.secondary)", "");
}

const struct conform_subject conform_log_shipping_remove = {
    .name = "log_shipping.remove", .dials = remove_dials, .draws = 4, .write = write_remove};

static const struct conform_dial *const copy_dials[] = {
    &some_secondary, &backups, &copied,      &applied, &gap,  &damage,
    &stranger,       &share,   &destination, &room,    &disk, NULL};

static void write_copy(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "log_backups.copy(db.secondary)", "");
}

const struct conform_subject conform_log_backups_copy = {
    .name = "log_backups.copy", .dials = copy_dials, .draws = 12, .write = write_copy};

static const struct conform_dial *const apply_dials[] = {
    &secondary, &backups, &all_copied,  &applied,  &gap,  &damage,
    &stranger,  &share,   &destination, &sessions, &disk, NULL};

static void write_apply(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "log_backups.apply(db.secondary)", "");
}

const struct conform_subject conform_log_backups_apply = {
    .name = "log_backups.apply", .dials = apply_dials, .draws = 20, .write = write_apply};

static const struct conform_dial all_applied = {"applied", {"all", "none", "one"}, NULL};

static const struct conform_dial *const salvage_dials[] = {
    &disk,  &some_secondary, &all_applied, &all_copied, &backups,     &gap,
    &share, &primary,        &stranger,    &sessions,   &destination, NULL};

static void write_salvage(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "log_backups.salvage(db.primary)", "");
}

const struct conform_subject conform_log_backups_salvage = {
    .name = "log_backups.salvage", .dials = salvage_dials, .draws = 12, .write = write_salvage};
