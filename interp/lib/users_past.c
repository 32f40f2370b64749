#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "journal/folder.h"
#include "journal/reader.h"
#include "lib/users_int.h"

/* ---------------------------------------------------------------- which changes count */

static const char *text_of(const struct bsc_value *map, const char *key, const char *fallback)
{
    const char *text = bsc_value_get_string(map, key);
    return text != NULL ? text : fallback;
}

static bool same(const struct bsc_value *map, const char *key, const char *fallback,
                 const char *wanted)
{
    return strcmp(text_of(map, key, fallback), wanted != NULL ? wanted : fallback) == 0;
}

/* Whether the change moved the same kind of thing between these pools. */
static bool moves(const struct bsc_lib_users_past *past, const struct bsc_value *args,
                  const char *from, const char *to)
{
    return same(args, "from", "", from) && same(args, "to", "", to) &&
           same(args, "kind", BSC_LIB_USERS_KIND, past->kind) &&
           same(args, "directory", "", past->directory);
}

/* What another run has taken back itself is done as if it had been done here. */
static bool is_mine(const struct bsc_lib_users_past *past, const struct bsc_value *intent)
{
    const struct bsc_lib_log *log = past->call->log;
    const struct bsc_value *args = bsc_value_get(intent, "args");
    bool here = past->run == NULL && bsc_value_get_number(intent, "item", 0) == log->item &&
                bsc_value_get_number(intent, "action", 0) == log->action;
    bool there =
        past->run != NULL && bsc_value_kind(bsc_value_get(args, "moved_by")) != BSC_VALUE_NULL;
    return (here || there) && moves(past, args, past->from, past->to);
}

/* A rollback has the numbers of the items that it takes back, so that what says nothing else means
 * the item of that number. */
static bool fits_item(const struct bsc_lib_users_past *past, const struct bsc_value *intent)
{
    return bsc_value_count(past->wanted) > 0 ||
           bsc_value_get_number(intent, "item", 0) == past->call->log->item;
}

static bool fits(const struct bsc_value *wanted, const char *key, const struct bsc_value *intent)
{
    int64_t number = bsc_value_get_number(wanted, key, 0);
    return number == 0 || number == bsc_value_get_number(intent, key, 0);
}

/* Whether what the change moved is to be taken back. */
static bool is_wanted(const struct bsc_lib_users_past *past, const struct bsc_value *intent)
{
    return past->wanted != NULL && fits_item(past, intent) && fits(past->wanted, "item", intent) &&
           fits(past->wanted, "action", intent) &&
           moves(past, bsc_value_get(intent, "args"), past->to, past->from);
}

struct key {
    char text[32];
};

static struct key key_of(int64_t effect)
{
    struct key key;
    snprintf(key.text, sizeof key.text, "%lld", (long long)effect);
    return key;
}

static void intent_seen(struct bsc_lib_users_past *past, const struct bsc_value *intent)
{
    const char *row = bsc_value_get_string(intent, "row");
    bool counts = row != NULL && strcmp(row, "users.move") == 0;
    bool mine = counts && is_mine(past, intent);
    if (mine || (counts && is_wanted(past, intent)))
        bsc_value_set_bool(past->roles, key_of(bsc_value_get_number(intent, "effect", 0)).text,
                           mine);
}

/* ---------------------------------------------------------------- parts */

static void part_seen(struct bsc_lib_users_past *past, const struct bsc_value *part, int64_t offset)
{
    int64_t effect = bsc_value_get_number(part, "effect", 0);
    const struct bsc_value *role = bsc_value_get(past->roles, key_of(effect).text);
    const struct bsc_value *of = bsc_value_get(part, "of");
    if (role == NULL)
        return;
    if (!same(of, "run", "", past->of_run))
        of = NULL;
    if (past->count == past->capacity) {
        past->capacity = past->capacity * 2 + 16;
        past->parts = bsc_mem_resize(past->parts, past->capacity, sizeof *past->parts);
    }
    past->parts[past->count++] =
        (struct bsc_lib_users_part){.effect = effect,
                                    .number = bsc_value_get_number(part, "part", 0),
                                    .offset = offset,
                                    .mine = bsc_value_truth(role),
                                    .of_effect = bsc_value_get_number(of, "effect", 0),
                                    .of_part = bsc_value_get_number(of, "part", 0)};
}

static int part_compare(const void *a, const void *b)
{
    const struct bsc_lib_users_part *one = a, *other = b;
    if (one->effect != other->effect)
        return one->effect < other->effect ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

/* NULL: there is none. */
static struct bsc_lib_users_part *part_find(const struct bsc_lib_users_past *past, int64_t effect,
                                            int64_t number)
{
    const struct bsc_lib_users_part wanted = {.effect = effect, .number = number};
    return past->count == 0
               ? NULL
               : bsearch(&wanted, past->parts, past->count, sizeof *past->parts, part_compare);
}

static bool is_at_home(const struct bsc_value *told)
{
    const char *word = bsc_value_string(bsc_value_at(told, 0));
    return word == NULL || strcmp(word, "failed") == 0 || strcmp(word, "left") == 0;
}

static bool is_clean(const struct bsc_value *told)
{
    const struct bsc_value *others = bsc_value_get(told, "others");
    bool clean = bsc_value_get_number(told, "left", 0) == 0;
    for (size_t i = 0; i < bsc_value_count(others) && clean; i++)
        clean = !is_at_home(bsc_value_item_at(others, i));
    return clean;
}

static void end_seen(struct bsc_lib_users_past *past, const struct bsc_value *end, int64_t offset)
{
    struct bsc_lib_users_part *part = part_find(past, bsc_value_get_number(end, "effect", 0),
                                                bsc_value_get_number(end, "part", 0));
    if (part == NULL)
        return;
    part->end_offset = offset;
    part->clean = is_clean(end);
}

static bool record_seen(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_lib_users_past *past = arg;
    if (record->kind != BSC_JOURNAL_INTENT && record->kind != BSC_JOURNAL_PART &&
        record->kind != BSC_JOURNAL_PART_END)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    if (record->kind == BSC_JOURNAL_INTENT)
        intent_seen(past, payload);
    else if (record->kind == BSC_JOURNAL_PART)
        part_seen(past, payload, record->offset);
    else
        end_seen(past, payload, record->offset);
    bsc_value_free(payload);
    return true;
}

/* ---------------------------------------------------------------- reading */

static bool journal_read(struct bsc_lib_users_past *past, struct bsc_err *err)
{
    struct bsc_journal_report report;
    if (!bsc_journal_read(past->call->env->sys, past->path, record_seen, past, &report, err))
        return false;
    /* What is torn was never told to anybody. */
    return report.state != BSC_JOURNAL_DAMAGED || bsc_journal_report_err(past->path, &report, err);
}

/* Another run's journal, by the run's id; "last" may well be this very run. */
static bool other_find(struct bsc_lib_users_past *past, const char *run, struct bsc_err *err)
{
    struct bsc_lib_env *env = past->call->env;
    struct bsc_journal_folder folder = {0};
    const struct bsc_lib_log *log = past->call->log;
    if (env->runs == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "there is no folder of runs to look up run '%s' in",
                           run);
    if (!bsc_journal_folder_find(env->sys, env->runs, run, &folder, err))
        return false;
    bool other = log == NULL || strcmp(folder.journal, log->path) != 0;
    if (other) {
        past->path = bsc_mem_text(folder.journal);
        past->run = bsc_mem_text(folder.id);
    } else {
        bsc_err_set(err, BSC_ERR_USAGE, "run '%s' is this very run", run);
        bsc_err_hint(err, "Name the run whose moves are to be taken back.");
    }
    bsc_journal_folder_release(&folder);
    return other;
}

/* What has been taken back whole, as `by` has it, needs no second look. */
static void mark_taken(struct bsc_lib_users_past *past, const struct bsc_lib_users_past *by)
{
    for (size_t i = 0; i < by->count; i++) {
        const struct bsc_lib_users_part *back = &by->parts[i];
        struct bsc_lib_users_part *part = back->of_effect != 0 && back->mine && back->clean
                                              ? part_find(past, back->of_effect, back->of_part)
                                              : NULL;
        if (part != NULL)
            part->taken = true;
    }
}

/* What this run has done before of what it takes back of another. */
static bool own_read(struct bsc_lib_users_past *past, struct bsc_err *err)
{
    past->own = bsc_mem_new(1, sizeof *past->own);
    *past->own = (struct bsc_lib_users_past){.call = past->call,
                                             .from = past->from,
                                             .to = past->to,
                                             .kind = past->kind,
                                             .directory = past->directory,
                                             .of_run = past->run};
    return bsc_lib_users_past_read(past->own, err);
}

bool bsc_lib_users_past_read(struct bsc_lib_users_past *past, struct bsc_err *err)
{
    const char *run = bsc_value_get_string(past->wanted, "run");
    const struct bsc_lib_log *log = past->call->log;
    past->roles = bsc_value_map();
    if (run == NULL && log == NULL)
        return true;
    if (run == NULL)
        past->path = bsc_mem_text(log->path);
    else if (!other_find(past, run, err))
        return false;
    if (!journal_read(past, err) || (run != NULL && log != NULL && !own_read(past, err)))
        return false;
    past->at = past->count;
    return true;
}

void bsc_lib_users_past_release(struct bsc_lib_users_past *past)
{
    if (past->own != NULL)
        bsc_lib_users_past_release(past->own);
    bsc_mem_free(past->own);
    for (size_t i = 0; i < past->count; i++)
        bsc_value_free(past->parts[i].told);
    bsc_mem_free(past->parts);
    bsc_value_free(past->roles);
    bsc_mem_free(past->path);
    bsc_mem_free(past->run);
}

static bool keep_payload(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct bsc_value **ret = arg;
    *ret = bsc_journal_record_payload(record, err);
    return *ret != NULL;
}

/* The payload of the record at that place, owned. */
static struct bsc_value *payload_at(const struct bsc_lib_users_past *past, int64_t offset,
                                    struct bsc_err *err)
{
    struct bsc_value *payload = NULL;
    if (bsc_journal_read_at(past->call->env->sys, past->path, offset, keep_payload, &payload, err))
        return payload;
    return NULL;
}

/* ---------------------------------------------------------------- what was in flight */

static bool settle(struct bsc_lib_users_past *past, struct bsc_lib_users_part *part,
                   const struct bsc_pools_users_order *order, struct bsc_err *err)
{
    struct bsc_pools_users_order of = *order;
    struct bsc_value *record = payload_at(past, part->offset, err);
    if (record == NULL)
        return false;
    of.from = part->mine ? order->from : order->to;
    of.to = part->mine ? order->to : order->from;
    part->told = bsc_pools_users_look(&of, bsc_value_get(record, "names"),
                                      bsc_value_get(record, "there"), err);
    bsc_value_free(record);
    if (part->told == NULL)
        return bsc_err_wrap(err, "what was under way when the run was stopped cannot be settled");
    part->clean = is_clean(part->told);
    struct bsc_value *end = bsc_value_copy(part->told);
    bsc_value_set_int(end, "effect", part->effect);
    bsc_value_set_int(end, "part", part->number);
    bsc_value_set_bool(end, "settled", true);
    const struct bsc_lib_log *log = past->call->log;
    bool good = log->record(log->arg, BSC_JOURNAL_PART_END, end, false, err);
    bsc_value_free(end);
    return good;
}

bool bsc_lib_users_past_settle(struct bsc_lib_users_past *past,
                               const struct bsc_pools_users_order *order, struct bsc_err *err)
{
    struct bsc_lib_users_past *own = past->run == NULL ? past : past->own;
    for (size_t i = 0; own != NULL && i < own->count; i++) {
        if (own->parts[i].end_offset == 0 && !settle(own, &own->parts[i], order, err))
            return false;
    }
    mark_taken(past, past);
    if (own != NULL && own != past)
        mark_taken(past, own);
    return true;
}

/* ---------------------------------------------------------------- the way back */

/* Of a part of another run that has no end it is known who was there before. */
static struct bsc_value *told_by_there(const struct bsc_value *there)
{
    struct bsc_value *told = bsc_value_map(), *others = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(there); i++)
        bsc_value_set_bool(others, bsc_value_string(bsc_value_at(there, i)), true);
    bsc_value_set(told, "others", others);
    return told;
}

/* What is known of who of a part was not moved, owned. */
static struct bsc_value *told_of(const struct bsc_lib_users_past *past,
                                 const struct bsc_lib_users_part *part,
                                 const struct bsc_value *record, struct bsc_err *err)
{
    if (part->told != NULL)
        return bsc_value_copy(part->told);
    if (part->end_offset != 0)
        return payload_at(past, part->end_offset, err);
    return told_by_there(bsc_value_get(record, "there"));
}

/* Those that were moved, the last first. */
static struct bsc_value *moved_of(const struct bsc_value *names, const struct bsc_value *told)
{
    const struct bsc_value *others = bsc_value_get(told, "others");
    int64_t left = bsc_value_get_number(told, "left", 0);
    struct bsc_value *moved = bsc_value_list();
    for (size_t i = bsc_value_count(names) - (size_t)left; i > 0; i--) {
        const struct bsc_value *name = bsc_value_at(names, i - 1);
        if (bsc_value_get(others, bsc_value_string(name)) == NULL)
            bsc_value_append(moved, bsc_value_copy(name));
    }
    return moved;
}

static struct bsc_value *names_of(const struct bsc_lib_users_past *past,
                                  const struct bsc_lib_users_part *part, struct bsc_err *err)
{
    struct bsc_value *record = payload_at(past, part->offset, err);
    struct bsc_value *told = record != NULL ? told_of(past, part, record, err) : NULL;
    struct bsc_value *moved = NULL;
    if (told != NULL)
        moved = moved_of(bsc_value_get(record, "names"), told);
    bsc_value_free(record);
    bsc_value_free(told);
    return moved;
}

static struct bsc_value *name_part(const struct bsc_lib_users_past *past,
                                   const struct bsc_lib_users_part *part)
{
    struct bsc_value *of = bsc_value_map();
    bsc_value_set_int(of, "effect", part->effect);
    bsc_value_set_int(of, "part", part->number);
    if (past->run != NULL)
        bsc_value_set_text(of, "run", past->run);
    return of;
}

bool bsc_lib_users_past_next(struct bsc_lib_users_past *past, struct bsc_value **ret_names,
                             struct bsc_value **ret_of, struct bsc_err *err)
{
    *ret_names = *ret_of = NULL;
    while (past->at > 0) {
        const struct bsc_lib_users_part *part = &past->parts[--past->at];
        if (part->mine || part->taken)
            continue;
        struct bsc_value *names = names_of(past, part, err);
        if (names == NULL)
            return false;
        if (bsc_value_count(names) > 0) {
            *ret_names = names;
            *ret_of = name_part(past, part);
            return true;
        }
        bsc_value_free(names);
    }
    return true;
}
