#include <string.h>

#include "base/mem.h"
#include "dials.h"
#include "subjects.h"

/* That a HAProxy may only be looked at shows when it is changed. */
static const struct conform_dial front = {"front",
                                          {"normal", "failed-over", "split", "closed", "drained",
                                           "odd", "no-server", "no-backend", "operator", "down"},
                                          "operator"};
static const struct conform_dial some_front = {
    "front", {"normal", "failed-over", "split", "no-backend", "operator", "down"}, "operator"};
static const struct conform_dial active = {"active", {"far", "near", "nobody", "both"}, NULL};
static const struct conform_dial some_active = {"active", {"far", "near"}, NULL};
/* A folder that is not there is found when the file is to be written. */
static const struct conform_dial saved = {
    "saved", {"yes", "stale", "no", "nowhere", "away"}, "away"};
static const struct conform_dial second = {"second", {"none", "alike", "other"}, NULL};
static const struct conform_dial writer = {"line", {"none", "writer"}, NULL};
static const struct conform_dial wanted = {"wanted", {"FailedOver", "Normal"}, NULL};
static const struct conform_dial secondary = {"secondary", {"online", "standby", "missing"}, NULL};
static const struct conform_dial primary = {"primary", {"gone", "online"}, NULL};
static const struct conform_dial servers = {
    "servers", {"near", "near-primary", "there", "mixed"}, NULL};

static const struct conform_dial *const state_dials[] = {
    &front, &some_active, &saved, &second, &writer, &wanted, &secondary, &primary, NULL};

static void write_state(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    char *action = bsc_mem_format("pool.set_state(chat, \"%s\")", conform_word(scene, "wanted"));
    conform_write_step(runbook, action, "");
    bsc_mem_free(action);
}

const struct conform_subject conform_haproxy_set_state = {
    .name = "pool.set_state@haproxy", .dials = state_dials, .draws = 4, .write = write_state};

static const struct conform_dial *const servers_dials[] = {&some_front, &active,  &saved,   &second,
                                                           &secondary,  &primary, &servers, NULL};

static const char *choice_of(const struct conform_scene *scene)
{
    if (conform_is(scene, "servers", "near-primary"))
        return "near(db.primary)";
    if (conform_is(scene, "servers", "there"))
        return "{ \"chat1\" }";
    return conform_is(scene, "servers", "mixed") ? "{ \"chat7\", \"chat1\" }"
                                                 : "near(db.secondary)";
}

static void write_servers(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    char *action = bsc_mem_format("pool.set_active_servers(chat, %s)", choice_of(scene));
    conform_write_step(runbook, action, "");
    bsc_mem_free(action);
}

const struct conform_subject conform_haproxy_set_active_servers = {
    .name = "pool.set_active_servers@haproxy",
    .dials = servers_dials,
    .draws = 4,
    .write = write_servers};

static const struct conform_dial *const close_dials[] = {&some_front, &active, &second, NULL};

static void write_close(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "pool.close(chat)", "");
}

const struct conform_subject conform_haproxy_close = {
    .name = "pool.close@haproxy", .dials = close_dials, .draws = 2, .write = write_close};
