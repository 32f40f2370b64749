#include "cli/lab.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/shell.h"
#include "cli/options.h"
#include "journal/lock.h"
#include "os/files.h"
#include "os/tree.h"

char *bsc_lab_path(const struct bsc_lab *lab, const char *name)
{
    return bsc_files_join(lab->folder, name);
}

bool bsc_lab_hint(struct bsc_err *err, const char *what, const char *folder, const char *does)
{
    struct bsc_buf word;
    bsc_buf_init(&word);
    bsc_shell_add(&word, folder);
    bsc_err_hint(err, "bascule lab %s %s %s.", what, word.data, does);
    bsc_buf_release(&word);
    return false;
}

static const struct bsc_lab_kind *const kinds[] = {
    &bsc_lab_embedded, &bsc_lab_postgresql, &bsc_lab_migration, &bsc_lab_migration_postgresql};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* `length` bytes of `mark` are looked at; NULL when no practice site has that mark. */
static const struct bsc_lab_kind *kind_marked(const char *mark, size_t length)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strlen(kinds[i]->mark) == length && memcmp(kinds[i]->mark, mark, length) == 0)
            return kinds[i];
    }
    return NULL;
}

/* What a new lab was asked to be; NULL and 0: not said. */
struct wish {
    const char *platform;
    const char *scenario;
    const char *users;
    bool remove;
};

static bool choose_users(struct bsc_lab *lab, const char *users, struct bsc_err *err)
{
    lab->users = BSC_LAB_USERS_DEFAULT;
    if (users == NULL)
        return true;
    if (lab->kind->directory == NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "only the site of a migration is given users");
    if (bsc_num_parse(users, strlen(users), &lab->users) && lab->users >= BSC_LAB_USERS_MIN &&
        lab->users <= BSC_LAB_USERS_MAX)
        return true;
    return bsc_err_set(err, BSC_ERR_USAGE, "--users is a whole number from %d to %d, not \"%s\"",
                       BSC_LAB_USERS_MIN, BSC_LAB_USERS_MAX, users);
}

static bool choose_kind(struct bsc_lab *lab, const struct wish *wish, struct bsc_err *err)
{
    const char *platform = wish->platform != NULL ? wish->platform : "sqlite";
    const char *scenario = wish->scenario != NULL ? wish->scenario : BSC_LAB_FAILOVER;
    bool known = false;
    for (size_t i = 0; i < KINDS; i++) {
        bool fits = strcmp(kinds[i]->scenario, scenario) == 0;
        known = known || fits;
        if (fits && strcmp(kinds[i]->platform, platform) == 0)
            lab->kind = kinds[i];
    }
    if (lab->kind != NULL)
        return choose_users(lab, wish->users, err);
    bsc_err_set(err, BSC_ERR_USAGE, "there is no practice site %s \"%s\"",
                known ? "on platform" : "for the scenario", known ? platform : scenario);
    return bsc_err_hint(err, known ? "There are: sqlite, postgresql."
                                   : "There are: failover, migration.");
}

static bool read_kind(struct bsc_lab *lab, const char *mark, struct bsc_err *err)
{
    enum { MARK_BYTES_MAX = 64 };
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (bsc_files_read(lab->cli->sys, mark, MARK_BYTES_MAX, &text, err))
        lab->kind = kind_marked(text.data, strcspn(text.data, "\n"));
    bool read = lab->kind != NULL;
    bsc_buf_release(&text);
    return read || bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is a practice site of another bascule",
                               lab->folder);
}

/* A mark that we may not see is not one that is missing. */
static bool is_closed_to_us(const char *folder, struct bsc_err *err)
{
    struct bsc_err reason = BSC_ERR_INIT;
    struct bsc_files_list list = {0};
    bool closed = !bsc_files_list(folder, &list, &reason) && reason.code == BSC_ERR_DENIED;
    bsc_files_list_release(&list);
    if (!closed)
        return false;
    *err = reason;
    bsc_err_hint(err, "A practice site is looked at and changed by the user who made it.");
    return true;
}

/* Only a folder that says so itself is a lab: nothing else is ever broken or removed. */
static bool open_lab(struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    lab->folder = bsc_files_real_path(folder, err);
    if (lab->folder == NULL)
        return false;
    char *mark = bsc_lab_path(lab, BSC_LAB_MARK);
    bool found = bsc_files_exists(lab->cli->sys, mark);
    bool ok = found && read_kind(lab, mark, err);
    bsc_mem_free(mark);
    if (found)
        return ok;
    if (is_closed_to_us(folder, err))
        return false;
    bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is not a practice site", folder);
    return bsc_lab_hint(err, "new", folder, "makes one");
}

/* What a practice site that was stopped while it was made has left is a practice site as well. */
static bool refuse_taken(const struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    char *mark = bsc_files_join(folder, BSC_LAB_MARK);
    bool made = bsc_files_exists(lab->cli->sys, mark);
    bsc_mem_free(mark);
    bsc_err_set(err, BSC_ERR_EXISTS, "\"%s\" is not empty", folder);
    if (made)
        return bsc_lab_hint(err, "down --remove", folder, "removes the site that is there");
    return bsc_err_hint(err, "Name a folder that is empty, or one that is yet to be made.");
}

static bool is_empty(const struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    struct bsc_files_list list = {0};
    bool ok = bsc_files_list(folder, &list, err);
    bool empty = ok && list.count == 0;
    bsc_files_list_release(&list);
    return empty || (ok && refuse_taken(lab, folder, err));
}

/* The site's databases could be made, but afterwards nobody could connect to them. */
static bool can_be_connected_to(const char *folder, struct bsc_err *err)
{
    if (strpbrk(folder, ";{}\n\r") == NULL)
        return true;
    bsc_err_set(err, BSC_ERR_INVALID, "\"%.200s\" cannot stand in a connection string", folder);
    return bsc_err_hint(err, "Use a path without semicolons, braces and line ends.");
}

/* The folder, or the uppermost of those above it, that is yet to be made; NULL: it is there.
 * Returns owned. */
static char *topmost_missing(const struct bsc_lab *lab, const char *folder)
{
    char *missing = NULL, *at = bsc_mem_text(folder);
    while (!bsc_files_exists(lab->cli->sys, at) && (missing == NULL || strcmp(missing, at) != 0)) {
        bsc_mem_free(missing);
        missing = at;
        at = bsc_files_folder_of(missing);
    }
    bsc_mem_free(at);
    return missing;
}

/* Those above it are entered by the servers' user too, and hold nothing of the site themselves. */
static bool make_folder(const struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    char *above = bsc_files_folder_of(folder);
    bool ok = bsc_files_make_folder(lab->cli->sys, above, 0755, err) &&
              bsc_files_make_folder(lab->cli->sys, folder, 0700, err);
    bsc_mem_free(above);
    return ok;
}

static bool make_in(struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    if (!make_folder(lab, folder, err) || !is_empty(lab, folder, err))
        return false;
    lab->folder = bsc_files_real_path(folder, err);
    return lab->folder != NULL && can_be_connected_to(lab->folder, err) &&
           lab->kind->make(lab, err);
}

static bool make_lab(struct bsc_lab *lab, const char *folder, struct bsc_err *err)
{
    char *topmost = topmost_missing(lab, folder);
    bool ok = make_in(lab, folder, err);
    if (!ok && topmost != NULL)
        bsc_tree_prune(folder, topmost);
    bsc_mem_free(topmost);
    return ok;
}

/* A run would find all that it works on changed or gone. What a killed one has left behind is no
 * run, and a lock that cannot be looked at keeps nobody from removing a practice site. */
static bool no_run_is_at_work(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_value *holder = NULL;
    char *runs = bsc_lab_path(lab, "runs");
    bool at_work = bsc_journal_lock_look(lab->cli->sys, runs, &holder, &ignored) &&
                   holder != NULL && bsc_value_get(holder, "orphans") == NULL;
    if (at_work) {
        const char *run = bsc_value_get_string(holder, "run");
        bsc_err_set(err, BSC_ERR_CONFLICT, "a run is at work on this site: %s, process %lld",
                    run != NULL ? run : "unknown",
                    (long long)bsc_value_get_number(holder, "pid", 0));
        bsc_err_hint(err, "Wait for it to end, or end it.");
    }
    bsc_value_free(holder);
    bsc_mem_free(runs);
    return !at_work;
}

static bool repair(const struct bsc_lab *lab, const char *fault, struct bsc_err *err)
{
    return (fault != NULL || no_run_is_at_work(lab, err)) && bsc_lab_repair(lab, fault, err);
}

static bool take_down(struct bsc_lab *lab, bool remove, struct bsc_err *err)
{
    if (remove && !no_run_is_at_work(lab, err))
        return false;
    if (!lab->kind->end(lab, err))
        return false;
    bsc_cli_say(lab->cli, "its background processes are ended\n");
    if (!remove)
        return true;
    if (!bsc_tree_remove(lab->cli->sys, lab->folder, err))
        return false;
    bsc_cli_say(lab->cli, "\"%s\" is removed\n", lab->folder);
    return true;
}

static bool is_known(const char *what, struct bsc_err *err)
{
    static const char *const all[] = {"new", "break", "repair", "status", "down", "work"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i], what) == 0)
            return true;
    }
    bsc_err_set(err, BSC_ERR_USAGE, "a lab cannot \"%s\"", what);
    return bsc_err_hint(err, "It knows new, break, repair, status and down.");
}

static bool dispatch(struct bsc_lab *lab, size_t operands, char **argv, const struct wish *wish,
                     struct bsc_err *err)
{
    const char *what = argv[1];
    const char *folder = argv[2];
    if (!is_known(what, err))
        return false;
    bool wants_fault = strcmp(what, "break") == 0 || strcmp(what, "work") == 0;
    bool takes_fault = wants_fault || strcmp(what, "repair") == 0;
    if ((wants_fault && operands < 3) || (!takes_fault && operands > 2)) {
        bsc_err_set(err, BSC_ERR_USAGE,
                    wants_fault ? "which fault?" : "there are too many arguments");
        return bsc_err_hint(err, "bascule lab --help tells what it takes, and lists the faults.");
    }
    if (strcmp(what, "new") == 0)
        return choose_kind(lab, wish, err) && make_lab(lab, folder, err);
    if (wish->platform != NULL || wish->scenario != NULL || wish->users != NULL)
        return bsc_err_set(err, BSC_ERR_USAGE, "only a new lab is given a %s",
                           wish->platform != NULL   ? "platform"
                           : wish->scenario != NULL ? "scenario"
                                                    : "number of users");
    if (!open_lab(lab, folder, err))
        return false;
    if (strcmp(what, "break") == 0)
        return bsc_lab_break(lab, argv[3], err);
    if (strcmp(what, "repair") == 0)
        return repair(lab, operands > 2 ? argv[3] : NULL, err);
    if (strcmp(what, "status") == 0)
        return bsc_lab_status(lab, err);
    if (strcmp(what, "down") == 0)
        return take_down(lab, wish->remove, err);
    return lab->kind->work(lab, argv[3], err);
}

/* The status has told its own result. */
static void tell_json(const struct bsc_lab *lab, size_t operands, char **argv)
{
    if (!lab->cli->json || strcmp(argv[1], "status") == 0)
        return;
    struct bsc_value *value = bsc_value_map();
    bsc_value_set_text(value, "lab", lab->folder);
    bsc_value_set_text(value, "done", argv[1]);
    if (operands > 2)
        bsc_value_set_text(value, "fault", argv[3]);
    bsc_cli_json(lab->cli, value);
    bsc_value_free(value);
}

int bsc_cli_lab(struct bsc_cli *cli, int argc, char **argv)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_lab lab = {.cli = cli};
    struct wish wish = {0};
    const struct bsc_cli_option options[] = {
        {"--platform", NULL, "PLATFORM", "with new: sqlite (the default) or postgresql", NULL,
         &wish.platform, NULL},
        {"--scenario", NULL, "SCENARIO", "with new: failover (the default) or migration", NULL,
         &wish.scenario, NULL},
        {"--users", NULL, "N", "with new --scenario migration: how many; 2,000 if not said", NULL,
         &wish.users, NULL},
        {"--remove", NULL, NULL, "with down: remove the folder as well", &wish.remove, NULL, NULL},
        {0}};
    const struct bsc_cli_usage usage = {
        "lab new|status|down DIR, lab break DIR FAULT, lab repair DIR [FAULT]",
        "A practice site to learn and test on. FAULT is one of\n"
        "  primary-site     the primary data centre is gone for good\n"
        "  primary-server   as above, but the primary's disk can still be read\n"
        "  primary-alive    clients cannot reach the site, but the primary database answers\n"
        "  gap              a log backup is missing on the share\n"
        "  damaged-backup   a log backup on the share has a wrong byte\n"
        "  foreign-fork     the share holds a log backup of another recovery fork\n"
        "  share-full       there is no room for the backups that must be copied\n"
        "On platform postgresql there is no share-full; the others can be added to a loss of the\n"
        "primary, and repaired one by one. So can\n"
        "  standby-paused   the secondary replays nothing\n"
        "  slow-share       each file on the share takes 300 ms to be opened\n"
        "  disk-full        the disk of the copied log files is full; needs root\n"
        "  secondary-down   all processes of the secondary were killed\n"
        "  haproxy-down     clients reach no database, and all of them run\n"
        "and in the scenario migration one of\n"
        "  user-locked      the directory refuses to move one of the users\n"
        "  user-vanished    a user has left the company\n"
        "  user-joins       a user has joined the company\n"
        "  service-down     a service of the new pool is stopped\n"
        "  not-replicated   the new pool does not have the newest configuration\n"
        "  route-down       nothing gets from the legacy pool to the new one",
        options, 2, 3};
    size_t operands = 0;
    bool help = false;
    bool ok = bsc_cli_parse(cli, &usage, argc, argv, &operands, &help, &err);
    if (ok && !help) {
        ok = dispatch(&lab, operands, argv, &wish, &err);
        if (ok)
            tell_json(&lab, operands, argv);
    }
    bsc_mem_free(lab.folder);
    return ok ? BSC_EXIT_DONE : bsc_cli_fail(cli, &err);
}
