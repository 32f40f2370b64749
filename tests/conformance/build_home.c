#include <string.h>

#include "base/mem.h"
#include "build.h"
#include "dials.h"
#include "hold.h"
#include "logs/catch_up.h"
#include "logs/hand_over.h"
#include "logs/recover.h"
#include "logs/reseed.h"
#include "put.h"

#define PRIMARY "dc1/sql1/mgc.db"
#define COPY    "dc2/sql3/mgc.db"
#define SHARE   "backups/mgc"

static void recover(const struct conform_scene *scene, const char *name)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_recovered recovered = {0};
    char *path = conform_path(scene, name);
    conform_need(bsc_logs_recover(bsc_sys_real(), path, NULL, &recovered, &err), "bring online",
                 err.message);
    bsc_mem_free(path);
}

static void seed(const struct conform_scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    int64_t lsn = 0, bytes = 0;
    char *from = conform_path(scene, COPY), *to = conform_path(scene, PRIMARY);
    char *share = conform_path(scene, SHARE);
    struct bsc_logs_seed_order order = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .db = from, .share = share, .copy = to};
    conform_need(bsc_logs_reseed(&order, &lsn, &bytes, &err), "seed", err.message);
    bsc_mem_free(from);
    bsc_mem_free(to);
    bsc_mem_free(share);
}

/* A client writes to the secondary and leaves, and its commits stay counted. */
static void go_on(const struct conform_scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = conform_path(scene, COPY);
    struct bsc_logs_guard *guard = bsc_logs_guard_open(bsc_sys_real(), path, &err);
    conform_need(guard != NULL, "hold the log of", path);
    conform_sql(scene, COPY,
                "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                "INSERT INTO message VALUES (100001, 'new')");
    bsc_logs_guard_close(guard);
    bsc_mem_free(path);
}

static void hand_over(const struct conform_scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_handed_over handed_over = {0};
    char *path = conform_path(scene, COPY), *share = conform_path(scene, SHARE);
    struct bsc_logs_backup_order order = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .db = path, .share = share};
    conform_need(bsc_logs_hand_over(&order, &handed_over, &err), "hand over", err.message);
    bsc_mem_free(path);
    bsc_mem_free(share);
}

static void catch_up(const struct conform_scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_caught_up caught_up = {0};
    char *from = conform_path(scene, COPY), *to = conform_path(scene, PRIMARY);
    char *share = conform_path(scene, SHARE);
    struct bsc_logs_catch_up_order order = {
        .sys = bsc_sys_real(), .clock = bsc_clock_real(), .from = from, .to = to, .share = share};
    conform_need(bsc_logs_catch_up(&order, &caught_up, &err), "catch up", err.message);
    bsc_mem_free(from);
    bsc_mem_free(to);
    bsc_mem_free(share);
}

/* The newest log backup is gone, which nobody sees before it is asked for. */
static void lose_last(const struct conform_scene *scene)
{
    struct bsc_files_list list = {0};
    conform_backups(scene, &list);
    char *name = bsc_mem_format(SHARE "/%s", list.names[list.count - 1]);
    conform_remove(scene, name);
    bsc_mem_free(name);
    bsc_files_list_release(&list);
}

/* As a recovery leaves it that was killed before it noted how the file looked. */
static void forget(struct bsc_logs_state *state)
{
    state->placed = false;
    state->settled = (struct bsc_logs_settled){0};
}

struct stage {
    const char *word;
    /* What has been done, in this order. */
    bool goes_on, hands_over, loses, catches_up, takes_over;
    bool holds;   /* a client has the secondary open */
    bool forgets; /* how far the primary has come is not known */
    bool removes; /* the secondary is not there any more */
};

static const struct stage stages[] = {
    {.word = "seeded"},
    {.word = "ahead", .goes_on = true},
    {.word = "in-use", .holds = true},
    {.word = "handed-over", .hands_over = true},
    {.word = "handed-over-ahead", .goes_on = true, .hands_over = true},
    {.word = "lost", .goes_on = true, .hands_over = true, .loses = true},
    {.word = "caught-up", .goes_on = true, .hands_over = true, .catches_up = true},
    {.word = "taken-over", .hands_over = true, .takes_over = true},
    {.word = "uncounted", .hands_over = true, .takes_over = true, .forgets = true},
    {.word = "gone", .hands_over = true, .takes_over = true, .removes = true},
};

static void reach(const struct conform_scene *scene, const struct stage *stage)
{
    recover(scene, COPY);
    seed(scene);
    if (stage->goes_on)
        go_on(scene);
    if (stage->holds)
        conform_hold(scene, COPY, NULL);
    if (stage->hands_over)
        hand_over(scene);
    if (stage->loses)
        lose_last(scene);
    if (stage->catches_up)
        catch_up(scene);
    if (stage->takes_over)
        recover(scene, PRIMARY);
    if (stage->forgets)
        conform_restate(scene, PRIMARY, forget);
    if (stage->removes)
        conform_remove(scene, COPY);
}

/* How far the way home has been gone. */
void conform_build_home(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "home");
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        if (strcmp(stages[i].word, word) == 0)
            reach(scene, &stages[i]);
    }
}
