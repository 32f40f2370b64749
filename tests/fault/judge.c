#include "judge.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "client.h"
#include "journal/folder.h"
#include "journal/reader.h"

#define FAULT_BACKUP "INSERT INTO backups"

enum { WRITE_BYTE = 18, READ_BYTE = 19, CLOSED = 3 };

static char *path_in(const struct fault_bench *bench, const char *name)
{
    return bsc_mem_format("%s/%s", bench->site, name);
}

static bool is_database(const struct fault_file *file)
{
    return file->bytes != NULL && file->length >= 100 &&
           memcmp(file->bytes, "SQLite format 3", 16) == 0;
}

bool fault_judge_is_open(const struct fault_bench *bench, const char *name)
{
    char *path = path_in(bench, name);
    unsigned char header[100] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is = fd >= 0 && read(fd, header, sizeof header) == (ssize_t)sizeof header &&
              header[WRITE_BYTE] != CLOSED;
    if (fd >= 0)
        close(fd);
    bsc_mem_free(path);
    return is;
}

static void add_copy(struct fault_tree *copies, const struct fault_file *file, const char *name,
                     bool closed)
{
    if (file == NULL)
        return;
    struct fault_file *copy = &copies->files[copies->count++];
    *copy = *file;
    copy->name = bsc_mem_text(name);
    copy->bytes = bsc_mem_bytes(file->bytes, file->length);
    if (closed)
        copy->bytes[WRITE_BYTE] = copy->bytes[READ_BYTE] = 1;
}

/* Puts a database with its log into the scratch folder: looking at it must not change the site. */
static bool take_copy(const struct fault_bench *bench, const char *name, bool closed)
{
    struct fault_tree site = {0}, copies = {0};
    char *log = bsc_mem_format("%s-wal", name);
    fault_tree_load_file(&site, bench->site, name);
    fault_tree_load_file(&site, bench->site, log);
    const struct fault_file *file = fault_tree_find(&site, name);
    bool found = file != NULL && is_database(file);
    copies.files = bsc_mem_new(2, sizeof *copies.files);
    if (found) {
        add_copy(&copies, file, "copy.db", closed);
        if (!closed)
            add_copy(&copies, fault_tree_find(&site, log), "copy.db-wal", false);
    }
    fault_tree_save(&copies, bench->scratch);
    fault_tree_release(&copies);
    fault_tree_release(&site);
    bsc_mem_free(log);
    return found;
}

static char *ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    char *answer = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        answer = bsc_mem_text((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return answer;
}

/* The first column of the first row, owned, from a copy of the database; NULL when it gives none.
 */
static char *ask_copy(const struct fault_bench *bench, const char *name, bool closed,
                      const char *sql)
{
    sqlite3 *db = NULL;
    char *path = bsc_mem_format("%s/copy.db", bench->scratch);
    char *answer = NULL;
    if (take_copy(bench, name, closed) &&
        sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK)
        answer = ask(db, sql);
    sqlite3_close(db);
    bsc_mem_free(path);
    return answer;
}

char *fault_judge_ask(const struct fault_bench *bench, const char *name, const char *sql)
{
    return ask_copy(bench, name, false, sql);
}

char *fault_judge_pool(const struct fault_bench *bench)
{
    return fault_judge_ask(bench, "dc2/app/pool.db",
                           "SELECT state || ' ' || active_servers || ' ' || version FROM pool");
}

char *fault_messages(const struct fault_bench *bench, const char *name, bool closed,
                     const char **ret_why)
{
    char *sound = ask_copy(bench, name, closed, "PRAGMA integrity_check");
    bool is_sound = sound != NULL && strcmp(sound, "ok") == 0;
    char *messages = NULL;
    *ret_why = "it is not sound";
    if (is_sound) {
        messages = ask_copy(bench, name, closed, FAULT_MESSAGES);
        *ret_why = "it has no messages";
    }
    bsc_mem_free(sound);
    return messages;
}

/* Of the runs' folder: NULL when the name is not in it. */
static const char *in_runs(const char *name)
{
    if (strcmp(name, "runs") == 0)
        return name + 4;
    return strncmp(name, "runs/", 5) == 0 ? name + 5 : NULL;
}

static void note_difference(void *arg, const char *name, const struct fault_file *was,
                            const struct fault_file *is)
{
    (void)was;
    (void)is;
    if (in_runs(name) == NULL)
        *(bool *)arg = true;
}

bool fault_is_untouched(const struct fault_bench *bench, const struct fault_tree *then)
{
    struct fault_tree now = {0};
    bool differs = false;
    fault_tree_load(&now, bench->site);
    fault_tree_compare(then, &now, note_difference, &differs);
    fault_tree_release(&now);
    return !differs;
}

struct evidence {
    struct fault_bench *bench;
    const struct fault_order *order;
    struct bsc_buf intents; /* rows, each between blanks */
};

static bool take_intent(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct evidence *evidence = arg;
    if (record->kind != BSC_JOURNAL_INTENT)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    bsc_buf_printf(&evidence->intents, " %s ", bsc_value_get_string(payload, "row"));
    bsc_value_free(payload);
    return true;
}

static void read_journal(struct evidence *evidence, const char *path)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report = {0};
    struct fault_bench *bench = evidence->bench;
    if (!bsc_journal_read(bsc_sys_real(), path, take_intent, evidence, &report, &err))
        fault_complain(bench, evidence->order, "run", "its journal cannot be read: %s",
                       err.message);
    else if (report.state == BSC_JOURNAL_DAMAGED)
        fault_complain(bench, evidence->order, "run", "its journal is damaged at line %lld",
                       (long long)report.bad_line);
    else if (bench->result->ended && bench->result->code == 0 && report.state != BSC_JOURNAL_ENDED)
        fault_complain(bench, evidence->order, "run", "it succeeded, but its journal is %s",
                       bsc_journal_state_name(report.state));
}

static void read_journals(struct evidence *evidence, const struct fault_tree *now)
{
    for (size_t i = 0; i < now->count; i++) {
        const char *name = now->files[i].name;
        size_t length = strlen(name);
        if (in_runs(name) == NULL || length < 14 ||
            strcmp(name + length - 14, "/journal.jsonl") != 0)
            continue;
        char *path = path_in(evidence->bench, name);
        read_journal(evidence, path);
        bsc_mem_free(path);
    }
}

/* Whether one of the rows, each between blanks, was intended. */
static bool intended(const struct evidence *evidence, const char *rows)
{
    while (*rows == ' ')
        rows++;
    while (*rows != '\0') {
        size_t length = strcspn(rows, " ");
        char *word = bsc_mem_format(" %.*s ", (int)length, rows);
        bool found = strstr(evidence->intents.data, word) != NULL;
        bsc_mem_free(word);
        if (found)
            return true;
        rows += length;
        while (*rows == ' ')
            rows++;
    }
    return false;
}

/* Where it was not written, or not to the end, an agent is found by its command line. */
static bool is_agents(const char *name)
{
    return strstr(name, "mgc.db.agent") != NULL;
}

static void check_change(void *arg, const char *name, const struct fault_file *was,
                         const struct fault_file *is)
{
    struct evidence *evidence = arg;
    const char *how = was == NULL ? "appeared" : is == NULL ? "vanished" : "changed";
    if (in_runs(name) != NULL || is_agents(name))
        return;
    const struct fault_rule *rule = evidence->bench->course->rules;
    for (; rule->begins != NULL; rule++) {
        if (strncmp(name, rule->begins, strlen(rule->begins)) != 0)
            continue;
        if (rule->rows != NULL && !intended(evidence, rule->rows))
            fault_complain(evidence->bench, evidence->order, "run",
                           "%s has %s without an intent in the journal", name, how);
        return;
    }
    fault_complain(evidence->bench, evidence->order, "run", "%s has %s", name, how);
}

/* It has all messages, those of at least so many commits of the client among them. */
static void check_messages(struct fault_bench *bench, const struct fault_order *order,
                           const char *name, bool open, size_t least)
{
    const char *why = "";
    char *messages = fault_messages(bench, name, !open, &why);
    bool found = false;
    for (size_t i = least; i <= bench->course->commits && messages != NULL; i++)
        found = found || strcmp(messages, bench->messages[i]) == 0;
    if (messages == NULL)
        fault_complain(bench, order, "run", "%s is there, but %s", name, why);
    else if (!found)
        fault_complain(bench, order, "run", "%s has %.4s messages", name, messages);
    bsc_mem_free(messages);
}

bool fault_judge_is_temporary(const char *name)
{
    static const char *const words[] = {".partial", ".installing", ".seeding", ".tmp"};
    bool is = false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        is = is || strstr(name, words[i]) != NULL;
    return is;
}

/* A copy under its own name that lets clients in has everything; under a temporary name nobody
 * looks for one. */
static void check_copies(struct fault_bench *bench, const struct fault_order *order,
                         const struct fault_tree *now)
{
    int open_copies = 0;
    for (size_t i = 0; i < now->count; i++) {
        const struct fault_file *file = &now->files[i];
        const char *slash = strrchr(file->name, '/');
        if (!is_database(file) || file->bytes[WRITE_BYTE] == CLOSED || slash == NULL ||
            slash[1] == '.' || strstr(file->name, "mgc.db") == NULL ||
            fault_judge_is_temporary(file->name) || strncmp(file->name, "rescued/", 8) == 0)
            continue;
        bool is_other =
            bench->course->other != NULL && strcmp(file->name, bench->course->other) == 0;
        open_copies++;
        check_messages(bench, order, file->name, true,
                       is_other ? fault_client_told(bench) : bench->course->commits);
    }
    if (open_copies > 1)
        fault_complain(bench, order, "run", "%d copies can be opened", open_copies);
}

/* One failure leaves the means to clean up; a process that ends at once does not. */
static void check_leftovers(struct fault_bench *bench, const struct fault_order *order,
                            const struct fault_tree *now)
{
    bool stopped = order->kind == FAULT_KILL || order->kind == FAULT_STOP;
    for (size_t i = 0; i < now->count && !stopped && !order->sticky; i++) {
        if (fault_judge_is_temporary(now->files[i].name))
            fault_complain(bench, order, "run", "%s was left behind", now->files[i].name);
    }
}

void fault_judge_between(struct fault_bench *bench, const struct fault_order *order)
{
    struct evidence evidence = {.bench = bench, .order = order};
    struct fault_tree now = {0};
    bsc_buf_init(&evidence.intents);
    fault_tree_load(&now, bench->site);
    read_journals(&evidence, &now);
    fault_tree_compare(&bench->before, &now, check_change, &evidence);
    if (bench->course->scene != NULL)
        bench->course->scene->judge_between(bench, order);
    else
        check_copies(bench, order, &now);
    check_leftovers(bench, order, &now);
    fault_tree_release(&now);
    bsc_buf_release(&evidence.intents);
}

void fault_judge_copy(struct fault_bench *bench, const struct fault_order *order, const char *name,
                      bool open, size_t least)
{
    if (fault_judge_is_open(bench, name) != open)
        fault_complain(bench, order, "run", "in the end %s is %s", name, open ? "closed" : "open");
    check_messages(bench, order, name, open, least);
}

static bool is_chance(const char *name)
{
    size_t length = strlen(name);
    return in_runs(name) != NULL || strstr(name, ".before-") != NULL || is_agents(name) ||
           (length > 4 &&
            (strcmp(name + length - 4, "-wal") == 0 || strcmp(name + length - 4, "-shm") == 0));
}

struct names {
    struct fault_bench *bench;
    const struct fault_order *order;
};

static void check_name(void *arg, const char *name, const struct fault_file *was,
                       const struct fault_file *is)
{
    const struct names *names = arg;
    if (is_chance(name) || (was != NULL && is != NULL))
        return;
    fault_complain(names->bench, names->order, "run", "in the end %s is %s", name,
                   was == NULL ? "there" : "missing");
}

static void check_pool(struct fault_bench *bench, const struct fault_order *order)
{
    char *pool = fault_judge_pool(bench);
    if (pool == NULL || strcmp(pool, bench->course->pool) != 0)
        fault_complain(bench, order, "run", "in the end the pool is %s",
                       pool == NULL ? "lost" : pool);
    bsc_mem_free(pool);
}

static void check_chat(struct fault_bench *bench, const struct fault_order *order)
{
    const struct fault_course *course = bench->course;
    check_pool(bench, order);
    fault_judge_copy(bench, order, course->online, true, course->commits);
    fault_judge_copy(bench, order, course->mirror, false, course->commits);
    if (course->other != NULL)
        fault_judge_copy(bench, order, course->other, false, course->commits);
}

void fault_judge_done(struct fault_bench *bench, const struct fault_order *order)
{
    struct fault_tree now = {0};
    struct names names = {bench, order};
    if (bench->course->scene != NULL)
        bench->course->scene->judge_done(bench, order);
    else
        check_chat(bench, order);
    if (bench->done.count == 0)
        return;
    fault_tree_load(&now, bench->site);
    fault_tree_compare(&bench->done, &now, check_name, &names);
    fault_tree_release(&now);
}

struct made {
    struct bsc_value *intents; /* owned {effect=what it is} */
    struct bsc_value *times;   /* owned {what=how often it was made} */
};

const char *fault_judge_row(const struct bsc_value *change)
{
    const char *row = bsc_value_get_string(change, "row");
    const char *statement = bsc_value_get_string(change, "statement");
    bool is_backup =
        statement != NULL && strncmp(statement, FAULT_BACKUP, strlen(FAULT_BACKUP)) == 0;
    return is_backup ? FAULT_BACKUP : row;
}

bool fault_judge_is_repeatable(const char *row)
{
    return strncmp(row, "mirrors.", 8) == 0 || strcmp(row, "logs.catch_up") == 0 ||
           strcmp(row, FAULT_BACKUP) == 0;
}

static bool take_made(void *arg, const struct bsc_journal_record *record, struct bsc_err *err)
{
    struct made *made = arg;
    char effect[32];
    if (record->kind != BSC_JOURNAL_INTENT && record->kind != BSC_JOURNAL_OUTCOME)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    (void)snprintf(effect, sizeof effect, "%lld",
                   (long long)bsc_value_get_number(payload, "effect", 0));
    const char *outcome = bsc_value_get_string(payload, "outcome");
    const char *known = bsc_value_get_string(made->intents, effect);
    const char *row = fault_judge_row(payload);
    bool repeatable = row != NULL && fault_judge_is_repeatable(row);
    if (record->kind == BSC_JOURNAL_INTENT && !repeatable)
        bsc_value_set(made->intents, effect,
                      bsc_value_format("%lld %s",
                                       (long long)bsc_value_get_number(payload, "item", 0),
                                       bsc_value_get_string(payload, "statement")));
    else if (record->kind == BSC_JOURNAL_OUTCOME && known != NULL && outcome != NULL &&
             strcmp(outcome, "changed") == 0)
        bsc_value_set_int(made->times, known, bsc_value_get_number(made->times, known, 0) + 1);
    bsc_value_free(payload);
    return true;
}

void fault_judge_once(struct fault_bench *bench, const struct fault_order *order)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_journal_report report = {0};
    struct bsc_journal_folder folder = {0};
    struct made made = {bsc_value_map(), bsc_value_map()};
    char *runs = bsc_mem_format("%s/runs", bench->site);
    bool read = bsc_journal_folder_find(bsc_sys_real(), runs, "last", &folder, &err) &&
                bsc_journal_read(bsc_sys_real(), folder.journal, take_made, &made, &report, &err);
    if (!read || report.state != BSC_JOURNAL_ENDED)
        fault_complain(bench, order, "resume", "its journal is %s %s",
                       bsc_journal_state_name(report.state), err.message);
    for (size_t i = 0; i < bsc_value_count(made.times); i++) {
        if (bsc_value_number(bsc_value_item_at(made.times, i), 0) > 1)
            fault_complain(bench, order, "resume", "it was made twice: %s",
                           bsc_value_key_at(made.times, i));
    }
    bsc_journal_folder_release(&folder);
    bsc_value_free(made.intents);
    bsc_value_free(made.times);
    bsc_mem_free(runs);
}

void fault_judge_end(struct fault_bench *bench, const struct fault_order *order, const char *verb)
{
    const struct fault_result *result = bench->result;
    if (!result->ended) {
        if (order->kind != FAULT_KILL || !result->hit)
            fault_complain(bench, order, verb, "it crashed (wait status 0x%x)",
                           (unsigned)result->status);
        return;
    }
    if (result->status != 0)
        fault_complain(bench, order, verb, "it did not give everything back");
    if (result->descriptors != 0)
        fault_complain(bench, order, verb, "%d descriptors were left open", result->descriptors);
    bool known = result->code == 0 || result->code == 1 || result->code == 3 || result->code == 6;
    if (!known)
        fault_complain(bench, order, verb, "exit code %d", result->code);
}
