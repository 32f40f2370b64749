#include "lib/pg_place_int.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/args.h"
#include "os/clock.h"
#include "os/files.h"
#include "site/site.h"

enum { WORDS_SHOWN = 300, TIDY_WITHIN_MS = 30000, START_WITHIN_S = 24 * 60 * 60 };

static const char *text_in(const struct bsc_lib_pg_place *place, const char *key)
{
    return bsc_value_get_string(place->map, key);
}

bool bsc_lib_pg_place_find(struct bsc_lib_call *call, const char *server,
                           struct bsc_lib_pg_place *ret, struct bsc_err *err)
{
    const struct bsc_value *map =
        call->env->site == NULL ? NULL : bsc_site_server(call->env->site, server);
    if (map == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "the site has no server \"%.64s\"", server);
    const char *folder = bsc_value_get_string(map, "folder");
    if (folder == NULL) {
        bsc_err_set(err, BSC_ERR_INVALID, "the site does not say where server \"%s\" has its data",
                    server);
        return bsc_err_hint(err, "Add its data folder to the site file: folder: PATH.");
    }
    *ret = (struct bsc_lib_pg_place){call, server, map, folder};
    return true;
}

/* ------------------------------------------------------------ running programs */

/* What a program said, on one line. Its own name before it says nothing new. */
static void flatten(const struct bsc_buf *said, char words[WORDS_SHOWN])
{
    size_t length = 0;
    for (const char *at = said->data; *at != '\0' && length + 3 < WORDS_SHOWN;) {
        size_t line = strcspn(at, "\r\n");
        size_t room = WORDS_SHOWN - 3 - length;
        if (line > 0 && length > 0) {
            memcpy(words + length, "; ", 2);
            length += 2;
            room = WORDS_SHOWN - 1 - length;
        }
        memcpy(words + length, at, line < room ? line : room);
        length += line < room ? line : room;
        at += line;
        at += strspn(at, "\r\n");
    }
    words[length] = '\0';
}

bool bsc_lib_pg_place_complain(const struct bsc_lib_pg_place *place, const char *what,
                               const char *words, struct bsc_err *err)
{
    enum bsc_err_code code = BSC_ERR_IO;
    if (strstr(words, "No space left on device") != NULL)
        code = BSC_ERR_NO_SPACE;
    else if (strstr(words, "Permission denied") != NULL)
        code = BSC_ERR_DENIED;
    bsc_err_set(err, code, "%s on %s: %s", what, place->server, words);
    if (code == BSC_ERR_NO_SPACE)
        bsc_err_hint(err, "Make room there and resume the run.");
    else if (code == BSC_ERR_DENIED)
        bsc_err_hint(err, "The folder and the one around it must belong to the server's user.");
    return false;
}

/* A program that ends in another way than it should, or a way there that was lost. */
static bool judge(const struct bsc_lib_pg_place *place, const char *what,
                  const struct bsc_lib_program *program, const struct bsc_process_result *result,
                  struct bsc_err *err)
{
    char words[WORDS_SHOWN];
    if (result->exit_status == 0)
        return true;
    flatten(&result->err, words);
    if (words[0] == '\0')
        snprintf(words, sizeof words, "\"%s\" ended with exit code %lld", program->argv[0],
                 (long long)bsc_lib_program_exit(result));
    if (!bsc_lib_program_lost(program, result))
        return bsc_lib_pg_place_complain(place, what, words, err);
    bsc_err_set(err, BSC_ERR_UNREACHABLE, "%s on %s: ssh to %s failed: %s", what, place->server,
                program->host, words);
    return false;
}

/* What is looked for in answers is in English; here the environment is ours. The shell of the far
 * side is not left between the program and the one that holds the line. */
static bool run_raw(const struct bsc_lib_pg_place *place, struct bsc_lib_program *program,
                    struct bsc_process_result *result, struct bsc_err *err)
{
    size_t count = 0;
    const char *host = text_in(place, "ssh");
    const char *const *argv = program->argv;
    while (argv[count] != NULL)
        count++;
    static const char *const first[] = {"exec", "env", "LC_ALL=C"};
    enum { FIRST = sizeof first / sizeof first[0] };
    const char **words = bsc_mem_new(count + FIRST + 1, sizeof *words);
    memcpy(words, first, sizeof first);
    memcpy(words + FIRST, argv, count * sizeof *words);
    program->argv = host != NULL ? words : argv;
    program->host = host;
    program->changes = true;
    bool ok = bsc_lib_program_run(place->call, program, result, err);
    program->argv = argv;
    bsc_mem_free(words);
    return ok;
}

bool bsc_lib_pg_place_run(const struct bsc_lib_pg_place *place, const char *what,
                          struct bsc_lib_program *program, struct bsc_process_result *result,
                          struct bsc_err *err)
{
    program->user = text_in(place, "user");
    if (!run_raw(place, program, result, err))
        return bsc_err_wrap(err, "%s on %s", what, place->server);
    return judge(place, what, program, result, err);
}

bool bsc_lib_pg_place_do(const struct bsc_lib_pg_place *place, const char *what,
                         const char *const *argv, struct bsc_err *err)
{
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, what, &program, &result, err);
    bsc_process_result_release(&result);
    return ok;
}

/* Runs a program that answers by its exit status; 255 at the most is one of its own. */
static bool ask(const struct bsc_lib_pg_place *place, const char *what, const char *const *argv,
                struct bsc_process_result *result, struct bsc_err *err)
{
    struct bsc_lib_program program = {.argv = argv, .user = text_in(place, "user")};
    memset(result, 0, sizeof *result);
    if (!run_raw(place, &program, result, err))
        return bsc_err_wrap(err, "%s on %s", what, place->server);
    program.host = text_in(place, "ssh");
    return !bsc_lib_program_lost(&program, result) || judge(place, what, &program, result, err);
}

char *bsc_lib_pg_place_program(const struct bsc_lib_pg_place *place, const char *name)
{
    const char *folder = text_in(place, "programs");
    return folder == NULL ? bsc_mem_text(name) : bsc_files_join(folder, name);
}

/* ------------------------------------------------------------ looking */

static bool has_line(const char *text, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = text; *at != '\0'; at += *at == '\n') {
        size_t here = strcspn(at, "\n");
        if (here == length && strncmp(at, line, length) == 0)
            return true;
        at += here;
    }
    return false;
}

static enum bsc_lib_pg_content content_of(const char *names)
{
    if (names[0] == '\0')
        return BSC_LIB_PG_NOTHING;
    if (!has_line(names, "PG_VERSION") || !has_line(names, "global"))
        return BSC_LIB_PG_SOMEBODYS;
    /* One that was brought online has lost its signal file. */
    return has_line(names, BSC_LIB_PG_UNFINISHED) && has_line(names, "standby.signal")
               ? BSC_LIB_PG_INSTALLING
               : BSC_LIB_PG_CLUSTER;
}

bool bsc_lib_pg_place_look(const struct bsc_lib_pg_place *place, enum bsc_lib_pg_content *ret,
                           char ret_name[256], struct bsc_err *err)
{
    static const char what[] = "could not look at the data folder";
    const char *const argv[] = {"ls", "-A", "--", place->folder, NULL};
    struct bsc_process_result result = {0};
    char words[WORDS_SHOWN];
    bool ok = ask(place, what, argv, &result, err);
    if (ok && result.exit_status != 0) {
        flatten(&result.err, words);
        ok = strstr(words, "No such file or directory") != NULL ||
             bsc_lib_pg_place_complain(place, what, words, err);
    }
    if (ok) {
        size_t length = strcspn(result.out.data, "\n");
        *ret = content_of(result.out.data);
        memcpy(ret_name, result.out.data, length < 255 ? length : 255);
        ret_name[length < 255 ? length : 255] = '\0';
    }
    bsc_process_result_release(&result);
    return ok;
}

bool bsc_lib_pg_place_control(const struct bsc_lib_pg_place *place,
                              struct bsc_mirrors_pg_control *ret, struct bsc_err *err)
{
    static const char what[] = "could not read the control file";
    char *path = bsc_lib_pg_place_program(place, "pg_controldata");
    const char *const argv[] = {path, "-D", place->folder, NULL};
    struct bsc_lib_program program = {.argv = argv};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, what, &program, &result, err);
    if (ok && !bsc_mirrors_pg_control_read(result.out.data, ret))
        ok = bsc_lib_pg_place_complain(place, what, "pg_controldata tells no identifier", err);
    bsc_process_result_release(&result);
    bsc_mem_free(path);
    return ok;
}

/* Whether the program ends with 0. */
static bool is_so(const struct bsc_lib_pg_place *place, const char *const *argv, bool *ret,
                  struct bsc_err *err)
{
    struct bsc_process_result result = {0};
    bool ok = ask(place, "could not look for a folder", argv, &result, err);
    *ret = ok && result.exit_status == 0;
    bsc_process_result_release(&result);
    return ok;
}

bool bsc_lib_pg_place_has(const struct bsc_lib_pg_place *place, const char *path, bool *ret,
                          struct bsc_err *err)
{
    return is_so(place, (const char *const[]){"test", "-e", path, NULL}, ret, err);
}

bool bsc_lib_pg_place_can_move(const struct bsc_lib_pg_place *place, struct bsc_err *err)
{
    const char *const link[] = {"test", "-L", place->folder, NULL};
    const char *const mount[] = {"mountpoint", "-q", place->folder, NULL};
    bool is_link = false, is_mount = false;
    if (!is_so(place, link, &is_link, err) || !is_so(place, mount, &is_mount, err))
        return false;
    if (is_link)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "the folder %s on %s is a symbolic link; give the server the folder that"
                           " it leads to",
                           place->folder, place->server);
    return !is_mount || bsc_err_set(err, BSC_ERR_REFUSED,
                                    "the folder %s on %s is a mount point, which cannot be renamed;"
                                    " give the server a folder below it",
                                    place->folder, place->server);
}

/* ------------------------------------------------------------ changing */

/* "2026-11-20T23:05:01.042Z" without what is awkward in a file's name. */
static void time_name(const struct bsc_lib_pg_place *place, char text[BSC_CLOCK_TEXT])
{
    const struct bsc_clock *clock = place->call->env->clock;
    size_t kept = 0;
    bsc_clock_format(clock->wall_ms(clock->self), text);
    for (size_t i = 0; text[i] != '\0'; i++)
        if (strchr("-:.", text[i]) == NULL)
            text[kept++] = text[i];
    text[kept] = '\0';
}

bool bsc_lib_pg_place_set_aside(const struct bsc_lib_pg_place *place, const char *path,
                                const char *word, char **ret_name, struct bsc_err *err)
{
    char when[BSC_CLOCK_TEXT] = "";
    time_name(place, when);
    char *name = bsc_mem_format("%s.%s-%s", place->folder, word, when);
    const char *const argv[] = {"mv", "-T", "--", path, name, NULL};
    struct bsc_lib_program program = {
        .argv = argv, .uncancelled = true, .timeout_ms = TIDY_WITHIN_MS};
    struct bsc_process_result result = {0};
    bool ok =
        bsc_lib_pg_place_run(place, "could not rename what is in the way", &program, &result, err);
    bsc_process_result_release(&result);
    if (ok && ret_name != NULL)
        *ret_name = name;
    else
        bsc_mem_free(name);
    return ok;
}

static const char not_written[] = "could not write a file of the mirror";

bool bsc_lib_pg_place_make(const struct bsc_lib_pg_place *place, const char *path,
                           struct bsc_err *err)
{
    const char *const argv[] = {"install", "-m", "600", "/dev/null", path, NULL};
    return bsc_lib_pg_place_do(place, not_written, argv, err);
}

bool bsc_lib_pg_place_fill(const struct bsc_lib_pg_place *place, const char *path, const char *text,
                           struct bsc_err *err)
{
    char *to = bsc_mem_format("of=%s", path);
    const char *const argv[] = {"dd", "status=none", "conv=fsync", to, NULL};
    struct bsc_lib_program program = {.argv = argv, .input = text};
    struct bsc_process_result result = {0};
    bool ok = bsc_lib_pg_place_run(place, not_written, &program, &result, err);
    bsc_process_result_release(&result);
    bsc_mem_free(to);
    return ok;
}

bool bsc_lib_pg_place_finish(const struct bsc_lib_pg_place *place, struct bsc_err *err)
{
    char *mark = bsc_mem_format("%s/%s", place->folder, BSC_LIB_PG_UNFINISHED);
    const char *const argv[] = {"rm", "-f", "--", mark, NULL};
    bool ok = bsc_lib_pg_place_do(place, "could not end the installation", argv, err);
    bsc_mem_free(mark);
    return ok;
}

/* Runs the words that the site has under `key`, as we are or as who logs in there. False in
 * *ret_given when it has none. */
static bool run_own(const struct bsc_lib_pg_place *place, const char *key, const char *what,
                    bool *ret_given, struct bsc_err *err)
{
    const struct bsc_value *list = bsc_value_get(place->map, key);
    size_t count = bsc_value_count(list);
    *ret_given = count > 0;
    if (count == 0)
        return true;
    const char **argv = bsc_mem_new(count + 1, sizeof *argv);
    for (size_t i = 0; i < count; i++)
        argv[i] = bsc_value_string(bsc_value_at(list, i));
    struct bsc_lib_program program = {.argv = argv, .leaves = true};
    struct bsc_process_result result = {0};
    bool ok = run_raw(place, &program, &result, err)
                  ? judge(place, what, &program, &result, err)
                  : bsc_err_wrap(err, "%s on %s", what, place->server);
    bsc_process_result_release(&result);
    bsc_mem_free(argv);
    return ok;
}

/* A copy that took hours has as much log to replay before it takes connections: pg_ctl's own minute
 * is no limit for that. */
static int64_t start_within_s(const struct bsc_lib_call *call)
{
    int64_t left_ms = bsc_lib_call_left_ms(call);
    return left_ms == 0 ? START_WITHIN_S : left_ms / 1000 + 1;
}

bool bsc_lib_pg_place_start(const struct bsc_lib_pg_place *place, struct bsc_err *err)
{
    static const char what[] = "could not start the mirror";
    bool given = false;
    bool ok = run_own(place, "start", what, &given, err);
    if (!ok || given)
        return ok;
    char *path = bsc_lib_pg_place_program(place, "pg_ctl");
    char *log = bsc_mem_format("%s.log", place->folder);
    char *within = bsc_mem_format("%lld", (long long)start_within_s(place->call));
    const char *const argv[] = {path, "start",       "-w", "-t", within,
                                "-D", place->folder, "-l", log,  NULL};
    struct bsc_lib_program program = {.argv = argv, .leaves = true};
    struct bsc_process_result result = {0};
    ok = bsc_lib_pg_place_run(place, what, &program, &result, err);
    bsc_process_result_release(&result);
    if (!ok)
        bsc_err_hint(err, "Its messages are in %.200s.", log);
    bsc_mem_free(within);
    bsc_mem_free(log);
    bsc_mem_free(path);
    return ok;
}

static const char not_looked_for[] = "could not look for the server";

/* The pid in the lock file, as text; empty where there is none. */
static bool read_pid(const struct bsc_lib_pg_place *place, char ret[24], struct bsc_err *err)
{
    char *lock = bsc_mem_format("%s/postmaster.pid", place->folder);
    const char *const argv[] = {"head", "-n", "1", "--", lock, NULL};
    struct bsc_process_result result = {0};
    bool ok = ask(place, not_looked_for, argv, &result, err);
    size_t length = ok && result.exit_status == 0 ? strspn(result.out.data, "0123456789") : 0;
    snprintf(ret, 24, "%.*s", length < 24 ? (int)length : 0, ok ? result.out.data : "");
    bsc_process_result_release(&result);
    bsc_mem_free(lock);
    return ok;
}

/* The lines of what readlink says: of our own folder, of that of the process, and the server's. A
 * process that has ended and that nobody has asked for has none any more. */
static bool says_works_there(const struct bsc_process_result *said)
{
    const char *own = strchr(said->out.data, '\n');
    const char *there = own != NULL ? own + 1 : NULL;
    const char *folder = there != NULL ? strchr(there, '\n') : NULL;
    if (folder == NULL || folder[1] == '\0')
        return own == NULL || strstr(said->err.data, "No such file or directory") == NULL;
    size_t length = (size_t)(folder - there) + 1;
    return strncmp(there, folder + 1, length) == 0;
}

/* A server works in its folder. The pid of one that was killed may be another program's by now,
 * which would be taken for it, and be ended in its place. Where the system does not tell, the pid
 * counts. */
static bool works_there(const struct bsc_lib_pg_place *place, bool *ret, struct bsc_err *err)
{
    char pid[24];
    struct bsc_process_result result = {0};
    if (!read_pid(place, pid, err))
        return false;
    char *cwd = bsc_mem_format("/proc/%s/cwd", pid);
    const char *const argv[] = {"readlink",       "-e", "-v",          "--",
                                "/proc/self/cwd", cwd,  place->folder, NULL};
    bool ok = ask(place, not_looked_for, argv, &result, err);
    *ret = ok && says_works_there(&result);
    bsc_process_result_release(&result);
    bsc_mem_free(cwd);
    return ok;
}

/* pg_ctl says by 0 that the process lives whose pid is in the folder. */
bool bsc_lib_pg_place_runs(const struct bsc_lib_pg_place *place, bool *ret, struct bsc_err *err)
{
    char *path = bsc_lib_pg_place_program(place, "pg_ctl");
    const char *const argv[] = {path, "status", "-D", place->folder, NULL};
    struct bsc_process_result result = {0};
    bool ok = ask(place, not_looked_for, argv, &result, err);
    *ret = ok && result.exit_status == 0;
    bsc_process_result_release(&result);
    bsc_mem_free(path);
    return ok && (!*ret || works_there(place, ret, err));
}

bool bsc_lib_pg_place_stop(const struct bsc_lib_pg_place *place, struct bsc_err *err)
{
    static const char what[] = "could not stop the server";
    char *path = bsc_lib_pg_place_program(place, "pg_ctl");
    const char *const argv[] = {path, "stop", "-w", "-m", "fast", "-D", place->folder, NULL};
    bool running = false, given = false;
    bool ok = bsc_lib_pg_place_runs(place, &running, err);
    if (ok && running)
        ok = run_own(place, "stop", what, &given, err) &&
             (given || bsc_lib_pg_place_do(place, what, argv, err));
    if (ok && running && given)
        ok = bsc_lib_pg_place_runs(place, &running, err) &&
             (!running || bsc_lib_pg_place_complain(place, what, "it still runs", err));
    bsc_mem_free(path);
    return ok;
}
