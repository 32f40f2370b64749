#include <string.h>

#include "base/mem.h"
#include "dials.h"
#include "subjects.h"

/* A table may refuse a change, or swallow it, by a trigger that nobody sees beforehand. */
static const struct conform_dial pool = {
    "pool",
    {"normal", "failed-over", "no-row", "no-file", "locked", "odd-state", "refusing", "ignoring"},
    "refusing ignoring"};
static const struct conform_dial active = {"active", {"far", "near", "nobody", "both"}, NULL};
static const struct conform_dial version = {"version", {"1", "late"}, NULL};
static const struct conform_dial wanted = {"wanted", {"FailedOver", "Normal"}, NULL};

static const struct conform_dial secondary = {
    "secondary", {"online", "restoring", "standby", "ordinary", "missing", "unreachable"}, NULL};
static const struct conform_dial primary = {"primary", {"gone", "online", "missing"}, NULL};

static const struct conform_dial *const state_dials[] = {&pool,      &active,  &version, &wanted,
                                                         &secondary, &primary, NULL};

static void write_state(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    char *action = bsc_mem_format("pool.set_state(chat, \"%s\")", conform_word(scene, "wanted"));
    conform_write_step(runbook, action, "");
    bsc_mem_free(action);
}

const struct conform_subject conform_pool_set_state = {
    .name = "pool.set_state", .dials = state_dials, .draws = 8, .write = write_state};

static const struct conform_dial servers = {
    "servers", {"near", "near-primary", "here", "there", "mixed"}, NULL};

static const struct conform_dial *const servers_dials[] = {&pool,    &active,  &version, &secondary,
                                                           &primary, &servers, NULL};

struct choice {
    const char *word;
    const char *lua;
};

static const struct choice choices[] = {
    {"near", "near(db.secondary)"}, {"near-primary", "near(db.primary)"},
    {"here", "{ \"chat5\" }"},      {"none", "{}"},
    {"there", "{ \"chat1\" }"},     {"mixed", "{ \"chat7\", \"chat1\" }"}};

static void write_servers(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (!conform_is(scene, "servers", choices[i].word))
            continue;
        char *action = bsc_mem_format("pool.set_active_servers(chat, %s)", choices[i].lua);
        conform_write_step(runbook, action, "");
        bsc_mem_free(action);
    }
}

const struct conform_subject conform_pool_set_active_servers = {
    .name = "pool.set_active_servers", .dials = servers_dials, .draws = 12, .write = write_servers};

static const struct conform_dial *const close_dials[] = {&pool, &active, &version, &secondary,
                                                         NULL};

static void write_close(const struct conform_scene *scene, struct bsc_buf *runbook)
{
    (void)scene;
    conform_write_step(runbook, "pool.close(chat)", "");
}

const struct conform_subject conform_pool_close = {
    .name = "pool.close", .dials = close_dials, .draws = 4, .write = write_close};
