#include "logs/chain.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "logs/catalogue.h"
#include "logs/line.h"
#include "logs/state.h"
#include "os/clock.h"
#include "os/files.h"

enum { PROBLEMS_SHOWN = 5 };

struct walk {
    const struct bsc_logs_chain_order *order;
    struct bsc_logs_catalogue *catalogue;
    struct bsc_value *chain;          /* owned until it goes into the facts; NULL when brief */
    const struct bsc_logs_entry *end; /* last entry of the chain so far; NULL is none */
    int64_t lsn;                      /* where the chain, or what is known of it, ends */
    int64_t last_lsn;                 /* where the chain ends */
    int64_t last_ms;
    int64_t copied_lsn;
    int64_t pending_bytes;
    bool copied_all; /* every backup of the chain so far is copied */
    uint16_t fork;
    const struct bsc_logs_state *parted; /* of a copy that was brought online; NULL of any other */
    const char *problem;                 /* "none", or the first one */
    struct bsc_buf text;
    int problems;
};

static const char *name_of(const struct walk *walk, const struct bsc_logs_entry *entry)
{
    return bsc_logs_entry_name(walk->catalogue, entry);
}

static void report(struct walk *walk, const char *problem, char *text)
{
    if (walk->problems == 0)
        walk->problem = problem;
    else if (walk->problems < PROBLEMS_SHOWN)
        bsc_buf_add_text(&walk->text, "; ");
    if (walk->problems < PROBLEMS_SHOWN)
        bsc_buf_add_text(&walk->text, text);
    walk->problems++;
    bsc_mem_free(text);
}

static void report_range(struct walk *walk, const char *problem, const char *what,
                         const struct bsc_logs_entry *entry)
{
    report(walk, problem,
           bsc_mem_format("'%s' (LSN %lld to %lld) %s", name_of(walk, entry),
                          (long long)entry->first_lsn, (long long)entry->last_lsn, what));
}

/* Before all other problems when the copy takes no backups any more: of these only another fork is
 * a danger to it still, since it comes from a third copy that can be written to. */
static void report_fork(struct walk *walk, const struct bsc_logs_entry *entry)
{
    const int others = walk->problems;
    struct bsc_buf text = walk->text;
    bool first = walk->parted != NULL && others > 0 && strcmp(walk->problem, "foreign_fork") != 0;
    if (first) {
        bsc_buf_init(&walk->text);
        walk->problems = 0;
    }
    report_range(walk, "foreign_fork", "belongs to another recovery fork", entry);
    if (!first)
        return;
    bsc_buf_printf(&walk->text, "; %s", text.data);
    bsc_buf_release(&text);
    walk->problems += others;
}

static void report_damaged(struct walk *walk, const struct bsc_logs_entry *entry)
{
    report(walk, "damaged",
           bsc_mem_format("log backup '%s' is damaged after LSN %lld up to LSN %lld: %s",
                          name_of(walk, entry), (long long)walk->lsn, (long long)entry->last_lsn,
                          bsc_logs_entry_reason(walk->catalogue, entry)));
}

static void ignore(struct walk *walk, const struct bsc_logs_entry *entry, const char *why)
{
    bsc_value_append(walk->catalogue->ignored,
                     bsc_value_format("%s: %s", name_of(walk, entry), why));
}

static void set_time(struct bsc_value *map, const char *key, int64_t ms)
{
    char text[BSC_CLOCK_TEXT] = "";
    if (ms > 0)
        bsc_clock_format(ms, text);
    bsc_value_set_text(map, key, text);
}

static struct bsc_value *line_of(const struct walk *walk, const struct bsc_logs_entry *entry)
{
    struct bsc_logs_line line = {.first_lsn = entry->first_lsn,
                                 .last_lsn = entry->last_lsn,
                                 .bytes = entry->bytes,
                                 .copied = entry->copied};
    snprintf(line.name, sizeof line.name, "%s", name_of(walk, entry));
    bsc_digest_hex(entry->digest, line.digest);
    if (entry->time_ms > 0)
        bsc_clock_format(entry->time_ms, line.time);
    return bsc_logs_line_value(&line);
}

static void append(struct walk *walk, const struct bsc_logs_entry *entry)
{
    if (walk->chain != NULL)
        bsc_value_append(walk->chain, line_of(walk, entry));
    walk->copied_all = walk->copied_all && entry->copied;
    if (walk->copied_all)
        walk->copied_lsn = entry->last_lsn;
    if (!entry->copied)
        walk->pending_bytes += entry->bytes;
    walk->last_lsn = entry->last_lsn;
    walk->last_ms = entry->time_ms;
}

static void accept(struct walk *walk, const struct bsc_logs_entry *entry)
{
    if (walk->problems == 0)
        append(walk, entry);
    walk->fork = entry->fork;
    walk->lsn = entry->last_lsn;
    walk->end = entry;
}

/* Damaged entries have no first LSN and sort to the front. One whose name says that it ends within
 * (after, upto] explains why nothing else is there. */
static bool report_damaged_within(struct walk *walk, int64_t after, int64_t upto)
{
    bool any = false;
    for (size_t i = 0; i < walk->catalogue->count; i++) {
        const struct bsc_logs_entry *entry = &walk->catalogue->entries[i];
        if (entry->kind != BSC_LOGS_ENTRY_DAMAGED || entry->last_lsn <= after ||
            entry->last_lsn > upto)
            continue;
        report_damaged(walk, entry);
        any = true;
    }
    return any;
}

static void report_gap(struct walk *walk, const struct bsc_logs_entry *entry)
{
    long long from = walk->lsn, to = entry->first_lsn;
    if (walk->end != NULL)
        report(walk, "gap",
               bsc_mem_format("log backups of LSN %lld to %lld are missing between '%s' and '%s'",
                              from, to, name_of(walk, walk->end), name_of(walk, entry)));
    else
        report(walk, "gap",
               bsc_mem_format("log backups of LSN %lld to %lld are missing before '%s', the copy "
                              "is at LSN %lld",
                              from, to, name_of(walk, entry), from));
}

static bool is_same_range(const struct walk *walk, const struct bsc_logs_entry *entry)
{
    return walk->end != NULL && entry->first_lsn == walk->end->first_lsn &&
           entry->last_lsn == walk->end->last_lsn;
}

/* Whether a copy that was brought online has taken the backup itself. */
static bool is_own(const struct walk *walk, const struct bsc_logs_entry *entry)
{
    const struct bsc_logs_state *state = walk->parted;
    const char *fork = walk->catalogue->forks[entry->fork];
    bool own = state != NULL && strcmp(fork, state->fork) == 0;
    for (size_t i = 0; state != NULL && !own && i < bsc_value_count(state->own_forks); i++) {
        const char *before = bsc_value_string(bsc_value_at(state->own_forks, i));
        own = before != NULL && strcmp(fork, before) == 0;
    }
    return own;
}

static void step(struct walk *walk, const struct bsc_logs_entry *entry)
{
    if (entry->kind == BSC_LOGS_ENTRY_DAMAGED)
        return;
    if (entry->kind == BSC_LOGS_ENTRY_FOREIGN) {
        report_range(walk, "foreign_database", "belongs to another database", entry);
    } else if (entry->fork != walk->fork && is_own(walk, entry)) {
        ignore(walk, entry, "taken after the copy was brought online");
    } else if (entry->fork != walk->fork) {
        report_fork(walk, entry);
    } else if (entry->first_lsn == walk->lsn) {
        accept(walk, entry);
    } else if (is_same_range(walk, entry)) {
        if (memcmp(entry->digest, walk->end->digest, sizeof entry->digest) == 0)
            ignore(walk, entry, "duplicate");
        else
            report_range(walk, "damaged", "differs from another backup of the same range", entry);
    } else if (entry->first_lsn < walk->lsn) {
        report_range(walk, "overlap", "overlaps what comes before it", entry);
        walk->lsn = entry->last_lsn > walk->lsn ? entry->last_lsn : walk->lsn;
    } else {
        if (!report_damaged_within(walk, walk->lsn, entry->first_lsn))
            report_gap(walk, entry);
        accept(walk, entry);
    }
}

static bool verify_entry(struct walk *walk, const struct bsc_logs_entry *entry, struct bsc_err *err)
{
    struct bsc_logs_reader reader = BSC_LOGS_READER_INIT;
    const struct bsc_logs_chain_order *order = walk->order;
    char *path =
        bsc_files_join(entry->copied ? order->destination : order->share, name_of(walk, entry));
    bool ok = bsc_logs_reader_open(&reader, order->sys, path, err) &&
              bsc_logs_reader_verify(&reader, err);
    bsc_logs_reader_release(&reader);
    bsc_mem_free(path);
    return ok;
}

/* Reads the pages of what is needed; what turns out damaged is an entry like any other. */
static bool verify_all(struct walk *walk, struct bsc_err *err)
{
    struct bsc_logs_catalogue *catalogue = walk->catalogue;
    const struct bsc_logs_chain_order *order = walk->order;
    int64_t done = 0, total = 0;
    for (size_t i = 0; i < catalogue->count; i++)
        total += catalogue->entries[i].bytes;
    for (size_t i = 0; i < catalogue->count; i++) {
        struct bsc_logs_entry *entry = &catalogue->entries[i];
        struct bsc_err why = BSC_ERR_INIT;
        if (order->cancel != NULL && atomic_load(order->cancel))
            return bsc_err_set(err, BSC_ERR_CANCELLED, "checking the log backups was cancelled");
        done += entry->bytes;
        if (entry->kind == BSC_LOGS_ENTRY_GOOD && !verify_entry(walk, entry, &why)) {
            entry->kind = BSC_LOGS_ENTRY_DAMAGED;
            entry->reason = catalogue->texts.length;
            bsc_buf_add(&catalogue->texts, why.message, strlen(why.message) + 1);
        }
        if (order->progress != NULL)
            order->progress(order->progress_arg, done, total);
    }
    return true;
}

static uint16_t fork_number(const struct walk *walk, const char *fork)
{
    const struct bsc_logs_catalogue *catalogue = walk->catalogue;
    for (uint16_t i = 1; i < catalogue->fork_count; i++)
        if (strcmp(catalogue->forks[i], fork) == 0)
            return i;
    return UINT16_MAX;
}

static void walk_all(struct walk *walk, const struct bsc_logs_state *state)
{
    const struct bsc_logs_catalogue *catalogue = walk->catalogue;
    walk->parted = state->parting.fork[0] != '\0' ? state : NULL;
    walk->fork = fork_number(walk, walk->parted != NULL ? state->parting.fork : state->fork);
    for (size_t i = 0; i < catalogue->count; i++)
        step(walk, &catalogue->entries[i]);
    report_damaged_within(walk, walk->lsn, INT64_MAX);
    for (size_t i = 0; i < catalogue->count; i++)
        if (catalogue->entries[i].kind == BSC_LOGS_ENTRY_DAMAGED &&
            catalogue->entries[i].last_lsn <= walk->last_lsn)
            ignore(walk, &catalogue->entries[i], "damaged, but not needed");
}

/* The folder may have to be made first; then its nearest ancestor counts. */
static int64_t free_bytes(const struct walk *walk)
{
    const struct bsc_logs_chain_order *order = walk->order;
    struct bsc_err ignored = BSC_ERR_INIT;
    char *folder = bsc_mem_text(order->destination);
    int64_t bytes = 0;
    while (!bsc_files_exists(order->sys, folder) && strcmp(folder, "/") != 0 &&
           strcmp(folder, ".") != 0) {
        char *parent = bsc_files_folder_of(folder);
        bsc_mem_free(folder);
        folder = parent;
    }
    if (!bsc_files_free_space(order->sys, folder, &bytes, &ignored))
        bytes = 0;
    bsc_mem_free(folder);
    int64_t left = order->destination_limit - walk->catalogue->present_bytes;
    if (order->destination_limit > 0 && left < bytes)
        bytes = left < 0 ? 0 : left;
    return bytes;
}

static struct bsc_value *facts(struct walk *walk, const struct bsc_logs_state *state)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_bool(map, "share_readable", walk->catalogue->share_readable);
    bsc_value_set_int(map, "free_bytes", free_bytes(walk));
    if (walk->chain != NULL)
        bsc_value_set(map, "chain", walk->chain);
    walk->chain = NULL;
    bsc_value_set_int(map, "applied_lsn", state->lsn);
    set_time(map, "applied_time", state->time_ms);
    bsc_value_set_int(map, "copied_lsn", walk->copied_lsn);
    bsc_value_set_int(map, "last_lsn", walk->last_lsn);
    set_time(map, "last_time", walk->last_ms);
    bsc_value_set_int(map, "pending_bytes", walk->pending_bytes);
    bsc_value_set_text(map, "problem", walk->problem);
    bsc_value_set_text(map, "problem_text", walk->text.data);
    bsc_value_set(map, "ignored", bsc_value_copy(walk->catalogue->ignored));
    return map;
}

static struct bsc_value *chain_after(const struct bsc_logs_chain_order *order,
                                     const struct bsc_logs_state *state, struct bsc_err *err)
{
    struct bsc_logs_catalogue catalogue = {0};
    struct bsc_logs_catalogue_order wanted = {.sys = order->sys,
                                              .share = order->share,
                                              .destination = order->destination,
                                              .database_id = state->database_id,
                                              .after_lsn = state->lsn};
    struct walk walk = {.order = order,
                        .catalogue = &catalogue,
                        .chain = order->brief ? NULL : bsc_value_list(),
                        .lsn = state->lsn,
                        .last_lsn = state->lsn,
                        .last_ms = state->time_ms,
                        .copied_lsn = state->lsn,
                        .copied_all = true,
                        .problem = "none"};
    struct bsc_value *map = NULL;
    bsc_buf_init(&walk.text);
    if (bsc_logs_catalogue_read(&wanted, &catalogue, err) &&
        (!order->verify || verify_all(&walk, err))) {
        walk_all(&walk, state);
        map = facts(&walk, state);
    }
    bsc_value_free(walk.chain);
    bsc_buf_release(&walk.text);
    bsc_logs_catalogue_release(&catalogue);
    return map;
}

/* Of a copy that was brought online the chain is told as it was then: what it has not got of the
 * fork that it left came too late. What is written to it from then on moves none of this. */
static void back_to_parting(struct bsc_logs_state *state)
{
    if (state->parting.fork[0] == '\0')
        return;
    state->lsn = state->parting.lsn;
    state->time_ms = state->parting.time_ms;
}

struct bsc_value *bsc_logs_chain(const struct bsc_logs_chain_order *order, struct bsc_err *err)
{
    struct bsc_logs_state state = BSC_LOGS_STATE_INIT;
    struct bsc_value *map = NULL;
    if (bsc_logs_state_load(order->sys, order->path, &state, err)) {
        back_to_parting(&state);
        map = chain_after(order, &state, err);
    }
    bsc_logs_state_release(&state);
    return map;
}
