#include <string.h>

#include "base/mem.h"
#include "build.h"
#include "dials.h"
#include "hold.h"
#include "logs/recover.h"
#include "put.h"

#define PRIMARY "dc1/sql1/mgc.db"
#define MIRROR  "dc1/sql2/mgc.db"
#define COPY    "dc2/sql3/mgc.db"
#define TARGET  "dc2/sql4/mgc.db"
#define DISK    "rescued/sql1/mgc.db"

static void copy_with_sidecar(const struct conform_scene *scene, const char *from, const char *to)
{
    char *state_from = bsc_mem_format("%s.state", from), *state_to = bsc_mem_format("%s.state", to);
    conform_copy(scene, from, to);
    conform_copy(scene, state_from, state_to);
    bsc_mem_free(state_from);
    bsc_mem_free(state_to);
}

static void forget(const struct conform_scene *scene, const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".state", ".shipping"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *path = bsc_mem_format("%s%s", name, ends[i]);
        conform_remove(scene, path);
        bsc_mem_free(path);
    }
}

static void make_standby(struct bsc_logs_state *state)
{
    state->role = BSC_LOGS_STANDBY;
}

static void make_restoring(struct bsc_logs_state *state)
{
    state->role = BSC_LOGS_RESTORING;
}

static void make_mirror(struct bsc_logs_state *state)
{
    state->role = BSC_LOGS_MIRROR;
}

static void make_another(struct bsc_logs_state *state)
{
    memset(state->database_id, 'e', BSC_LOGS_ID_HEX - 1);
}

static void make_torn(struct bsc_logs_state *state)
{
    state->applying = true;
    state->applying_first = state->lsn;
    state->applying_last = state->lsn + 9;
    state->applying_files = bsc_value_list();
    bsc_value_append(state->applying_files, bsc_value_text("mgc_00000000000000000009.blog"));
}

/* As a recovery leaves it that was killed before it opened the header. */
static void make_half_recovered(struct bsc_logs_state *state)
{
    memcpy(state->previous_fork, state->fork, sizeof state->fork);
    memcpy(state->parting.fork, state->fork, sizeof state->fork);
    memset(state->fork, 'b', BSC_LOGS_ID_HEX - 1);
    state->fork_lsn = state->lsn;
    state->parting.lsn = state->lsn;
    state->parting.time_ms = state->time_ms;
    state->role = BSC_LOGS_PRIMARY;
}

static void stand_by(const struct conform_scene *scene, const char *name)
{
    conform_restate(scene, name, make_standby);
    conform_mark(scene, name, BSC_LOGS_MARK_STANDBY);
}

/* An ordinary database, as somebody makes it who knows nothing of copies. */
static void be_ordinary(const struct conform_scene *scene, const char *name)
{
    forget(scene, name);
    conform_sql(scene, name, "CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT NOT NULL)");
}

static void recover(const struct conform_scene *scene, const char *name)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_logs_recovered recovered = {0};
    struct bsc_logs_db_header header = {0};
    char *path = conform_path(scene, name);
    conform_need(bsc_logs_db_header_read(bsc_sys_real(), path, &header, &err), "read", path);
    bool closed = header.mark == BSC_LOGS_MARK_RESTORING || header.mark == BSC_LOGS_MARK_STANDBY;
    conform_need(!closed || bsc_logs_recover(bsc_sys_real(), path, NULL, &recovered, &err),
                 "bring online", err.message);
    bsc_mem_free(path);
}

/* Brought online, and clients have written to it since; the one that wrote still has it open. */
static void be_in_use(const struct conform_scene *scene, const char *name)
{
    recover(scene, name);
    conform_hold(scene, name,
                 "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                 "INSERT INTO message VALUES (100001, 'new')");
}

/* Brought online, and the client that wrote to it has closed it, and with it the log in which its
 * commits were counted. */
static void lose_count(const struct conform_scene *scene, const char *name)
{
    recover(scene, name);
    conform_sql(scene, name, "INSERT INTO message VALUES (100001, 'new')");
}

struct shape {
    const char *word;
    void (*change)(struct bsc_logs_state *state);
};

/* Copies of which only the sidecar says something else. */
static const struct shape shapes[] = {{"mirror", make_mirror},
                                      {"torn", make_torn},
                                      {"half-recovered", make_half_recovered},
                                      {"another", make_another}};

static void shape(const struct conform_scene *scene, const char *word, const char *name)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (strcmp(shapes[i].word, word) == 0)
            conform_restate(scene, name, shapes[i].change);
    }
    if (strcmp(word, "standby") == 0)
        stand_by(scene, name);
    else if (strcmp(word, "online") == 0)
        recover(scene, name);
    else if (strcmp(word, "in-use") == 0)
        be_in_use(scene, name);
    else if (strcmp(word, "uncounted") == 0)
        lose_count(scene, name);
    else if (strcmp(word, "ordinary") == 0)
        be_ordinary(scene, name);
    else if (strcmp(word, "missing") == 0)
        conform_remove(scene, name);
    else if (strcmp(word, "garbled") == 0)
        conform_patch(scene, name, 0, "This is no database", 19);
    else if (strcmp(word, "rotten") == 0)
        conform_patch(scene, name, 1024 + 8, "rotten pages are found by looking at all", 40);
}

static void shape_sidecar(const struct conform_scene *scene, const char *word, const char *name)
{
    char *state = bsc_mem_format("%s.state", name);
    if (strcmp(word, "no-sidecar") == 0)
        conform_remove(scene, state);
    else if (strcmp(word, "odd-sidecar") == 0)
        conform_put_text(scene, state, "{");
    bsc_mem_free(state);
}

static void hold_some(const struct conform_scene *scene, const char *word, const char *name)
{
    if (strcmp(word, "one") == 0 || strcmp(word, "two") == 0)
        conform_hold(scene, name, NULL);
    if (strcmp(word, "two") == 0)
        conform_hold(scene, name, NULL);
}

/* What stands where the secondary's new mirror is to be. */
void conform_build_target(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "target");
    if (word[0] == '\0' || strcmp(word, "missing") == 0)
        return;
    if (strcmp(word, "unreachable") == 0) {
        conform_remove(scene, "dc2/sql4");
        return;
    }
    if (strcmp(word, "ordinary") != 0)
        copy_with_sidecar(scene, COPY, TARGET);
    shape(scene, word, TARGET);
    hold_some(scene, conform_word(scene, "target-sessions"), TARGET);
}

/* A mirror of the secondary as it is now, whose agent has ended. */
static void build_stalled(const struct conform_scene *scene)
{
    forget(scene, TARGET);
    copy_with_sidecar(scene, COPY, TARGET);
    conform_restate(scene, TARGET, make_mirror);
    conform_mark(scene, TARGET, BSC_LOGS_MARK_RESTORING);
}

void conform_build_secondary(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "secondary");
    shape(scene, word, COPY);
    shape_sidecar(scene, word, COPY);
    if (strcmp(word, "missing") == 0)
        return;
    if (conform_is(scene, "target", "stalled") && strcmp(word, "ordinary") != 0 &&
        strcmp(word, "no-sidecar") != 0)
        build_stalled(scene);
    hold_some(scene, conform_word(scene, "sessions"), COPY);
    shape(scene, conform_word(scene, "pages"), COPY);
}

static bool there_is_mirror(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "mirror");
    return word[0] != '\0' && strcmp(word, "none") != 0;
}

static void build_mirror(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "mirror");
    if (!there_is_mirror(scene))
        return;
    copy_with_sidecar(scene, PRIMARY, MIRROR);
    conform_mark(scene, MIRROR, BSC_LOGS_MARK_RESTORING);
    shape(scene, word, MIRROR);
}

void conform_build_primary(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "primary");
    build_mirror(scene);
    if (word[0] == '\0' || strcmp(word, "gone") == 0) {
        forget(scene, PRIMARY);
        if (word[0] == '\0' || !there_is_mirror(scene))
            conform_remove(scene, "dc1");
        else
            conform_remove(scene, "dc1/sql1");
    } else if (strcmp(word, "restoring") == 0) {
        forget(scene, PRIMARY);
        copy_with_sidecar(scene, COPY, PRIMARY);
        conform_restate(scene, PRIMARY, make_restoring);
        conform_mark(scene, PRIMARY, BSC_LOGS_MARK_RESTORING);
    } else if (strcmp(word, "online") != 0) {
        forget(scene, PRIMARY);
        shape(scene, strcmp(word, "missing") == 0 ? "" : word, PRIMARY);
    }
}

static void salvage_disk(const struct conform_scene *scene)
{
    conform_copy(scene, PRIMARY, DISK);
    conform_copy(scene, PRIMARY ".state", DISK ".state");
    conform_copy(scene, PRIMARY "-wal", DISK "-wal");
}

/* The disk of the old primary, dug out of the ruins. */
void conform_build_disk(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "disk");
    if (strcmp(word, "gone") == 0)
        return;
    salvage_disk(scene);
    if (strcmp(word, "garbled") == 0)
        conform_patch(scene, DISK "-wal", 0, "This is no log", 14);
    else if (strcmp(word, "torn") == 0)
        conform_patch(scene, DISK "-wal", 200, "torn", 4);
    else if (strcmp(word, "no-log") == 0)
        conform_remove(scene, DISK "-wal");
    else if (strcmp(word, "no-sidecar") == 0)
        conform_remove(scene, DISK ".state");
    else if (strcmp(word, "another") == 0)
        conform_restate(scene, DISK, make_another);
    else if (strcmp(word, "in-use") == 0)
        conform_hold(scene, DISK, NULL);
}
