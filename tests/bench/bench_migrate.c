/*
 * A whole migration by the program: how many users a second it moves, how soon it goes on after it
 * was killed in the middle, how many a second a rollback moves back, and the memory all of that
 * takes.
 *
 *     bench_migrate BASCULE FOLDER [USERS]
 *
 * In FOLDER, which must not be there, a directory of USERS (1,000,000) is made on SQLite, with a
 * runbook of one step.
 */
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#include "base/mem.h"
#include "base/num.h"
#include "os/files.h"

enum { USERS = 1000000, BATCH = 500, POLL_US = 1000 };

static const char site_text[] =
    "site: bench\n"
    "data_centres: { here: { title: Here } }\n"
    "servers:\n"
    "  hq: { data_centre: here, platform: sqlite, folder: ., connection: Driver=SQLite3 }\n"
    "directories:\n"
    "  people:\n"
    "    driver: sql\n"
    "    server: hq\n"
    "    file: people.db\n"
    "    legacy: old\n"
    "    new: new\n"
    "    users:\n"
    "      list: SELECT sip FROM homes WHERE pool = :pool AND sip > :after ORDER BY sip "
    "LIMIT :limit\n"
    "      count: SELECT pool, count(*) FROM homes GROUP BY pool\n"
    "      find: SELECT pool FROM homes WHERE sip = :name\n"
    "      move: UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from\n";

static const char book_text[] =
    "runbook \"many\" {\n"
    "  summary = \"Move everybody\",\n"
    "  params = { directory = param.directory() },\n"
    "}\n"
    "local people = params.directory\n"
    "step \"Move everybody\" { each(people.users, { batch = 500 }, move_to(people.new)) }\n";

static void put(const char *path, const char *text)
{
    struct bsc_err err = BSC_ERR_INIT;
    if (!bsc_files_write(bsc_sys_real(), path, text, strlen(text), 0600, &err))
        bench_die(path, &err);
}

static void fill(int64_t users)
{
    sqlite3 *db = NULL;
    char *text = bsc_mem_format(
        "CREATE TABLE homes (sip TEXT PRIMARY KEY, pool TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld)"
        "INSERT INTO homes SELECT printf('sip:user%%08d@litware.example', i), 'old' FROM n;"
        "CREATE INDEX homes_by_pool ON homes (pool, sip);",
        (long long)users);
    if (sqlite3_open("people.db", &db) != SQLITE_OK ||
        sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        bench_die(sqlite3_errmsg(db), NULL);
    sqlite3_close(db);
    bsc_mem_free(text);
}

/* ---------------------------------------------------------------- the journal as it grows */

struct growing {
    int fd;
    char tail[1 << 16]; /* a line that has not been read to its end: only its beginning counts */
    size_t length;
    int64_t ends;    /* of parts, that no later process found out */
    double first_us; /* when the first of them was there */
    bool is_old;     /* what was there before does not count */
};

static void line_seen(struct growing *journal)
{
    bool end = memmem(journal->tail, journal->length, "\"kind\":\"part_end\"", 17) != NULL &&
               memmem(journal->tail, journal->length, "\"settled\":true", 14) == NULL;
    journal->length = 0;
    if (!end || journal->is_old)
        return;
    if (journal->ends++ == 0)
        journal->first_us = bench_now_us();
}

static void read_on(struct growing *journal)
{
    char bytes[1 << 16];
    ssize_t got = 0;
    while (journal->fd >= 0 && (got = read(journal->fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            if (bytes[i] == '\n')
                line_seen(journal);
            else if (journal->length < sizeof journal->tail)
                journal->tail[journal->length++] = bytes[i];
        }
    }
}

/* The journal of the only run; not there yet at first. */
static void find_journal(struct growing *journal)
{
    glob_t found = {0};
    if (journal->fd < 0 && glob("runs/*/journal.jsonl", 0, NULL, &found) == 0)
        journal->fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
    globfree(&found);
}

/* ---------------------------------------------------------------- the program */

static pid_t start(const char *program, const char *verb, const char *what)
{
    const char *const words[] = {program, verb, what, "--site", "site.yaml", "--yes", NULL};
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(null, fd);
    execv(program, (char *const *)(uintptr_t)words);
    _exit(127);
}

/* Runs the program, to its end or until so many parts have ended, when it is killed. Returns its
 * peak memory in MiB. */
static double watch(struct growing *journal, const char *program, const char *verb,
                    const char *what, int64_t kill_at)
{
    struct rusage used;
    int status = 0;
    journal->is_old = true;
    read_on(journal);
    journal->is_old = false;
    journal->ends = 0;
    journal->first_us = 0;
    pid_t pid = start(program, verb, what);
    while (wait4(pid, &status, WNOHANG, &used) == 0) {
        find_journal(journal);
        read_on(journal);
        if (kill_at != 0 && journal->ends >= kill_at)
            kill(pid, SIGKILL);
        usleep(POLL_US);
    }
    read_on(journal);
    if (kill_at == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        bench_die(verb, NULL);
    return (double)used.ru_maxrss / 1024;
}

static double rate(const struct growing *journal)
{
    return (double)(journal->ends - 1) * BATCH * 1e6 / (bench_now_us() - journal->first_us);
}

static void measure(const char *program, int64_t users)
{
    struct growing *journal = bsc_mem_new(1, sizeof *journal);
    journal->fd = -1;
    double memory = watch(journal, program, "run", "many.lua", users / BATCH / 2);
    printf("run       %8.0f users/s, %3.0f MiB; killed in the middle\n", rate(journal), memory);
    double began_us = bench_now_us();
    memory = watch(journal, program, "resume", "last", 0);
    printf("resume    %8.0f users/s, %3.0f MiB; the first new part after %.2f s\n", rate(journal),
           memory, (journal->first_us - began_us) / 1e6);
    began_us = bench_now_us();
    memory = watch(journal, program, "rollback", "last", 0);
    printf("rollback  %8.0f users/s, %3.0f MiB; the first part after %.2f s\n", rate(journal),
           memory, (journal->first_us - began_us) / 1e6);
    close(journal->fd);
    bsc_mem_free(journal);
}

int main(int argc, char **argv)
{
    int64_t users = USERS;
    struct bsc_err err = BSC_ERR_INIT;
    if (argc < 3 || argc > 4 || (argc > 3 && !bsc_num_parse(argv[3], strlen(argv[3]), &users)) ||
        users < 4 * BATCH)
        bench_die("usage: bench_migrate BASCULE FOLDER [USERS]", NULL);
    char *program = bsc_files_real_path(argv[1], &err);
    if (program == NULL || mkdir(argv[2], 0700) != 0 || chdir(argv[2]) != 0)
        bench_die(argv[2], &err);
    put("site.yaml", site_text);
    put("many.lua", book_text);
    fill(users);
    measure(program, users);
    bsc_mem_free(program);
    return 0;
}
