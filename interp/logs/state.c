#include "logs/state.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"
#include "value/json.h"

enum { STATE_FORMAT = 1, STATE_BYTES_MAX = 4 * 1024 * 1024 };

static const char *const role_names[] = {"online", "primary", "restoring", "standby", "mirror"};

const char *bsc_logs_role_name(enum bsc_logs_role role)
{
    return role_names[role];
}

void bsc_logs_state_release(struct bsc_logs_state *state)
{
    bsc_value_free(state->applying_files);
    bsc_value_free(state->own_forks);
    bsc_value_free(state->handed_over);
    *state = (struct bsc_logs_state)BSC_LOGS_STATE_INIT;
}

char *bsc_logs_path_state(const char *db)
{
    return bsc_mem_format("%s.state", db);
}

char *bsc_logs_path_wal(const char *db)
{
    return bsc_mem_format("%s-wal", db);
}

static bool take_role(const struct bsc_value *map, enum bsc_logs_role *ret_role)
{
    const char *name = bsc_value_get_string(map, "role");
    for (size_t i = 0; name != NULL && i < sizeof role_names / sizeof role_names[0]; i++) {
        if (strcmp(name, role_names[i]) != 0)
            continue;
        *ret_role = (enum bsc_logs_role)i;
        return true;
    }
    return false;
}

/* An id is 32 hexadecimal digits, or nothing where that is allowed. */
static bool take_id(const struct bsc_value *map, const char *key, bool optional,
                    char ret_id[BSC_LOGS_ID_HEX])
{
    const char *text = bsc_value_get_string(map, key);
    if (text == NULL || text[0] == '\0')
        return optional;
    if (strlen(text) != BSC_LOGS_ID_HEX - 1 ||
        strspn(text, "0123456789abcdef") != BSC_LOGS_ID_HEX - 1)
        return false;
    memcpy(ret_id, text, BSC_LOGS_ID_HEX);
    return true;
}

static uint32_t take_u32(const struct bsc_value *map, const char *key)
{
    return (uint32_t)bsc_value_get_number(map, key, 0);
}

static void take_wal(const struct bsc_value *map, struct bsc_logs_state *state)
{
    const struct bsc_value *wal = bsc_value_get(map, "wal");
    const struct bsc_value *settled = bsc_value_get(map, "settled");
    state->placed = bsc_value_kind(wal) == BSC_VALUE_MAP;
    if (state->placed)
        state->place = (struct bsc_logs_wal_place){.salt1 = take_u32(wal, "salt1"),
                                                   .salt2 = take_u32(wal, "salt2"),
                                                   .frame = bsc_value_get_number(wal, "frame", 0),
                                                   .check1 = take_u32(wal, "check1"),
                                                   .check2 = take_u32(wal, "check2")};
    state->place_lsn = bsc_value_get_number(wal, "lsn", state->lsn);
    const char *next = bsc_value_get_string(wal, "next");
    if (next != NULL && strlen(next) < sizeof state->place_next)
        memcpy(state->place_next, next, strlen(next) + 1);
    state->settled.known = bsc_value_kind(settled) == BSC_VALUE_MAP;
    if (state->settled.known) {
        state->settled.bytes = bsc_value_get_number(settled, "bytes", 0);
        state->settled.mtime_ns = bsc_value_get_number(settled, "mtime_ns", 0);
    }
}

static void take_applying(const struct bsc_value *map, struct bsc_logs_state *state)
{
    const struct bsc_value *applying = bsc_value_get(map, "applying");
    const struct bsc_value *files = bsc_value_get(applying, "files");
    state->applying = bsc_value_kind(applying) == BSC_VALUE_MAP;
    if (!state->applying)
        return;
    state->applying_first = bsc_value_get_number(applying, "first_lsn", 0);
    state->applying_last = bsc_value_get_number(applying, "last_lsn", 0);
    state->applying_files = files == NULL ? bsc_value_list() : bsc_value_copy(files);
}

static bool is_recovered(enum bsc_logs_role role)
{
    return role == BSC_LOGS_PRIMARY || role == BSC_LOGS_ONLINE;
}

static bool take_parting(const struct bsc_value *parting, struct bsc_logs_state *state)
{
    if (bsc_value_kind(parting) != BSC_VALUE_MAP || !is_recovered(state->role))
        return true;
    state->parting.lsn = bsc_value_get_number(parting, "lsn", 0);
    state->parting.time_ms = bsc_value_get_number(parting, "time", 0);
    if (bsc_value_kind(bsc_value_get(parting, "own")) == BSC_VALUE_LIST)
        state->own_forks = bsc_value_copy(bsc_value_get(parting, "own"));
    return take_id(parting, "fork", false, state->parting.fork);
}

static bool take_state(const struct bsc_value *map, struct bsc_logs_state *state)
{
    if (bsc_value_kind(map) != BSC_VALUE_MAP ||
        bsc_value_get_number(map, "format", 0) != STATE_FORMAT ||
        !take_id(map, "database_id", false, state->database_id) ||
        !take_id(map, "fork", false, state->fork) ||
        !take_id(map, "previous_fork", true, state->previous_fork) ||
        !take_role(map, &state->role) || !take_parting(bsc_value_get(map, "parting"), state))
        return false;
    const struct bsc_value *handed_over = bsc_value_get(map, "handed_over");
    if (bsc_value_kind(handed_over) == BSC_VALUE_MAP)
        state->handed_over = bsc_value_copy(handed_over);
    state->fork_lsn = bsc_value_get_number(map, "fork_lsn", 0);
    state->lsn = bsc_value_get_number(map, "lsn", -1);
    state->time_ms = bsc_value_get_number(map, "time", 0);
    state->page_size = take_u32(map, "page_size");
    state->backed_up = bsc_value_get_truth(map, "backed_up");
    take_wal(map, state);
    take_applying(map, state);
    return state->lsn >= 0;
}

bool bsc_logs_state_load(const struct bsc_sys *sys, const char *db, struct bsc_logs_state *state,
                         struct bsc_err *err)
{
    char *path = bsc_logs_path_state(db);
    struct bsc_buf text = {0};
    struct bsc_value *map = NULL;
    bool ok = false;
    bsc_buf_init(&text);
    if (!bsc_files_read(sys, path, STATE_BYTES_MAX, &text, err))
        goto done;
    map = bsc_json_parse(path, text.data, text.length, err);
    if (map == NULL) {
        err->code = BSC_ERR_DAMAGED;
        goto done;
    }
    ok = take_state(map, state) ||
         bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' does not say what its database is", path);
done:
    bsc_value_free(map);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}

static struct bsc_value *wal_value(const struct bsc_logs_state *state)
{
    struct bsc_value *wal = bsc_value_map();
    bsc_value_set_int(wal, "salt1", state->place.salt1);
    bsc_value_set_int(wal, "salt2", state->place.salt2);
    bsc_value_set_int(wal, "frame", state->place.frame);
    bsc_value_set_int(wal, "check1", state->place.check1);
    bsc_value_set_int(wal, "check2", state->place.check2);
    bsc_value_set_int(wal, "lsn", state->place_lsn);
    bsc_value_set_text(wal, "next", state->place_next);
    return wal;
}

static struct bsc_value *settled_value(const struct bsc_logs_state *state)
{
    struct bsc_value *settled = bsc_value_map();
    bsc_value_set_int(settled, "bytes", state->settled.bytes);
    bsc_value_set_int(settled, "mtime_ns", state->settled.mtime_ns);
    return settled;
}

/* A copy made of this one has not been brought online itself. */
static struct bsc_value *parting_value(const struct bsc_logs_state *state)
{
    if (state->parting.fork[0] == '\0' || !is_recovered(state->role))
        return bsc_value_null();
    struct bsc_value *parting = bsc_value_map();
    bsc_value_set_text(parting, "fork", state->parting.fork);
    bsc_value_set_int(parting, "lsn", state->parting.lsn);
    bsc_value_set_int(parting, "time", state->parting.time_ms);
    if (state->own_forks != NULL)
        bsc_value_set(parting, "own", bsc_value_copy(state->own_forks));
    return parting;
}

void bsc_logs_state_forget(struct bsc_logs_state *state)
{
    bsc_value_free(state->handed_over);
    state->handed_over = NULL;
}

/* The LSN tells whether the copy has taken anything since. */
void bsc_logs_state_hand_over(struct bsc_logs_state *state)
{
    bsc_logs_state_forget(state);
    state->handed_over = bsc_value_map();
    bsc_value_set(state->handed_over, "parting", parting_value(state));
    bsc_value_set_bool(state->handed_over, "backed_up", state->backed_up);
    bsc_value_set_int(state->handed_over, "lsn", state->lsn);
    bsc_value_set_text(state->handed_over, "fork", state->fork);
}

static bool is_as_noted(const struct bsc_logs_state *state)
{
    const struct bsc_value *was = state->handed_over;
    const char *fork = was != NULL ? bsc_value_get_string(was, "fork") : NULL;
    return fork != NULL && !state->applying && strcmp(fork, state->fork) == 0 &&
           bsc_value_get_number(was, "lsn", -1) == state->lsn;
}

bool bsc_logs_state_is_handed_over(const struct bsc_logs_state *state)
{
    return state->role == BSC_LOGS_RESTORING && is_as_noted(state);
}

bool bsc_logs_state_take_back(struct bsc_logs_state *state)
{
    const struct bsc_value *was = state->handed_over;
    if (!is_as_noted(state))
        return false;
    if (!is_recovered(state->role)) {
        state->role = BSC_LOGS_PRIMARY;
        state->backed_up = bsc_value_get_truth(was, "backed_up");
        if (!take_parting(bsc_value_get(was, "parting"), state))
            return false;
    }
    return true;
}

static struct bsc_value *applying_value(const struct bsc_logs_state *state)
{
    struct bsc_value *applying = bsc_value_map();
    bsc_value_set_int(applying, "first_lsn", state->applying_first);
    bsc_value_set_int(applying, "last_lsn", state->applying_last);
    bsc_value_set(applying, "files",
                  state->applying_files == NULL ? bsc_value_list()
                                                : bsc_value_copy(state->applying_files));
    return applying;
}

static struct bsc_value *state_value(const struct bsc_logs_state *state)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_int(map, "format", STATE_FORMAT);
    bsc_value_set_text(map, "database_id", state->database_id);
    bsc_value_set_text(map, "fork", state->fork);
    bsc_value_set_text(map, "previous_fork", state->previous_fork);
    bsc_value_set_int(map, "fork_lsn", state->fork_lsn);
    bsc_value_set_text(map, "role", bsc_logs_role_name(state->role));
    bsc_value_set_int(map, "lsn", state->lsn);
    bsc_value_set_int(map, "time", state->time_ms);
    bsc_value_set_int(map, "page_size", state->page_size);
    bsc_value_set_bool(map, "backed_up", state->backed_up);
    bsc_value_set(map, "wal", state->placed ? wal_value(state) : bsc_value_null());
    bsc_value_set(map, "settled", state->settled.known ? settled_value(state) : bsc_value_null());
    bsc_value_set(map, "parting", parting_value(state));
    bsc_value_set(map, "applying", state->applying ? applying_value(state) : bsc_value_null());
    if (state->handed_over != NULL)
        bsc_value_set(map, "handed_over", bsc_value_copy(state->handed_over));
    return map;
}

bool bsc_logs_state_save(const struct bsc_sys *sys, const char *db,
                         const struct bsc_logs_state *state, struct bsc_err *err)
{
    char *path = bsc_logs_path_state(db);
    struct bsc_value *map = state_value(state);
    struct bsc_buf text = {0};
    bsc_buf_init(&text);
    bsc_json_canonical(map, &text);
    bsc_buf_add_char(&text, '\n');
    bool ok = bsc_files_write(sys, path, text.data, text.length, 0640, err);
    bsc_buf_release(&text);
    bsc_value_free(map);
    bsc_mem_free(path);
    return ok;
}
