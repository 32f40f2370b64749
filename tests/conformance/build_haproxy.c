#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "build.h"
#include "dials.h"
#include "os/clock.h"
#include "pools/haproxy.h"
#include "pools/haproxy_change.h"
#include "pools/haproxy_talk.h"
#include "put.h"

enum { WITHIN_MS = 20000, LOOK_EVERY_MS = 2, LINES_MAX = 16 };

/* Behind its servers is a socket that takes every connection and says nothing. */
#define FORM                                                                                       \
    "global\n  stats socket %s/%s mode 600 level %s\n"                                             \
    "defaults\n  mode tcp\n  retries 0\n"                                                          \
    "  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n"                             \
    "frontend rw\n  bind unix@%s/%s.rw\n  default_backend rw\n"                                    \
    "frontend ro\n  bind unix@%s/%s.ro\n  default_backend %s\n"                                    \
    "backend rw\n  balance first\n"

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    conform_need(strlen(path) < sizeof name.sun_path, "name a socket", path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    return name;
}

static void add_server(const struct conform_scene *scene, struct bsc_buf *text, const char *server)
{
    bsc_buf_printf(text, "  server %s unix@%s/office/db\n", server, scene->bench->site);
}

static void write_settings(const struct conform_scene *scene, const char *name)
{
    struct bsc_buf text;
    char *office = conform_path(scene, "office"), *file = bsc_mem_format("office/%s.cfg", name);
    bool operator_ = conform_is(scene, "front", "operator");
    const char *readers = conform_is(scene, "front", "no-backend") ? "others" : "ro";
    bsc_buf_init(&text);
    bsc_buf_printf(&text, FORM, office, name, operator_ ? "operator" : "admin", office, name,
                   office, name, readers);
    add_server(scene, &text, "sql1");
    if (!conform_is(scene, "front", "no-server"))
        add_server(scene, &text, "sql3");
    add_server(scene, &text, "sql9");
    bsc_buf_printf(&text, "backend %s\n", readers);
    add_server(scene, &text, "chat1");
    add_server(scene, &text, "chat5");
    add_server(scene, &text, "chat7");
    conform_put(scene, file, text.data, text.length);
    bsc_buf_release(&text);
    bsc_mem_free(office);
    bsc_mem_free(file);
}

/* Nothing of it outlives the attempt. */
static _Noreturn void be_haproxy(const char *settings)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(nowhere, STDOUT_FILENO);
    (void)dup2(nowhere, STDERR_FILENO);
    execl("/usr/sbin/haproxy", "haproxy", "-db", "-f", settings, (char *)NULL);
    _exit(127);
}

static bool answers(const char *address)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_pools_haproxy_talk talk = {0};
    bool ok = bsc_pools_haproxy_talk_begin(&talk, address, WITHIN_MS, NULL, &err);
    bsc_pools_haproxy_talk_end(&talk);
    return ok;
}

static void start(const struct conform_scene *scene, const char *name)
{
    struct conform_holders *holders = scene->holders;
    char *settings = bsc_mem_format("%s/office/%s.cfg", scene->bench->site, name);
    char *address = bsc_mem_format("%s/office/%s", scene->bench->site, name);
    int pid = fork();
    conform_need(pid >= 0, "start", "HAProxy");
    if (pid == 0)
        be_haproxy(settings);
    holders->pid[holders->count++] = pid;
    bool ready = false;
    for (int waited = 0; !ready && waited < WITHIN_MS; waited += LOOK_EVERY_MS) {
        bsc_clock_pause(LOOK_EVERY_MS, NULL);
        ready = answers(address);
    }
    conform_need(ready, "start", settings);
    bsc_mem_free(settings);
    bsc_mem_free(address);
}

static void say(const struct conform_scene *scene, const char *name, const char *server,
                const char *state)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_pools_haproxy_talk talk = {0};
    char *address = bsc_mem_format("%s/office/%s", scene->bench->site, name);
    conform_need(bsc_pools_haproxy_talk_begin(&talk, address, WITHIN_MS, NULL, &err) &&
                     bsc_pools_haproxy_talk_set(&talk, server, state, &err),
                 err.message, server);
    bsc_pools_haproxy_talk_end(&talk);
    bsc_mem_free(address);
}

static void save(const struct conform_scene *scene, const char *name)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *address = bsc_mem_format("%s/office/%s", scene->bench->site, name);
    char *file = bsc_mem_format("%s/office/%s.state", scene->bench->site, name);
    conform_need(bsc_pools_haproxy_save(bsc_sys_real(), address, file, WITHIN_MS, &err),
                 err.message, file);
    bsc_mem_free(address);
    bsc_mem_free(file);
}

struct told {
    const char *word;
    const char *server;
    const char *state;
};

/* All begin ready; a plain front leads to sql1 and chat1. */
static const struct told writers[] = {
    {"normal", "rw/sql3", "maint"},      {"normal", "rw/sql9", "maint"},
    {"failed-over", "rw/sql1", "maint"}, {"failed-over", "rw/sql9", "maint"},
    {"split", "rw/sql9", "maint"},       {"closed", "rw/sql1", "maint"},
    {"closed", "rw/sql3", "maint"},      {"closed", "rw/sql9", "maint"},
    {"drained", "rw/sql1", "drain"},     {"drained", "rw/sql9", "maint"},
    {"odd", "rw/sql3", "maint"},         {"no-server", "rw/sql9", "maint"},
    {"no-backend", "rw/sql3", "maint"},  {"no-backend", "rw/sql9", "maint"}};
static const struct told users[] = {
    {"far", "ro/chat5", "maint"},    {"far", "ro/chat7", "maint"},
    {"near", "ro/chat1", "maint"},   {"nobody", "ro/chat1", "maint"},
    {"nobody", "ro/chat5", "maint"}, {"nobody", "ro/chat7", "drain"},
    {"both", "ro/chat7", "maint"}};

static void say_all(const struct conform_scene *scene, const char *name, const struct told *all,
                    size_t count, const char *word)
{
    bool lacks = conform_is(scene, "front", "no-server");
    for (size_t i = 0; i < count; i++) {
        bool there = !lacks || strcmp(all[i].server, "rw/sql3") != 0;
        if (there && strcmp(all[i].word, word) == 0)
            say(scene, name, all[i].server, all[i].state);
    }
}

/* A writer's session that stays: the first goes to sql1, as long as that is open. */
static void draw_line(const struct conform_scene *scene)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *path = bsc_mem_format("%s/office/haproxy.rw", scene->bench->site);
    char *address = bsc_mem_format("%s/office/haproxy", scene->bench->site);
    struct sockaddr_un name = name_of(path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = false;
    conform_need(connect(client, (struct sockaddr *)&name, sizeof name) == 0, "reach", path);
    for (int waited = 0; !there && waited < WITHIN_MS; waited += LOOK_EVERY_MS) {
        struct bsc_pools_haproxy_talk talk = {0};
        bsc_clock_pause(LOOK_EVERY_MS, NULL);
        conform_need(bsc_pools_haproxy_talk_begin(&talk, address, WITHIN_MS, NULL, &err),
                     err.message, address);
        struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&talk, &err);
        const struct bsc_value *found = bsc_pools_haproxy_find(servers, "rw/sql1");
        there = bsc_value_get_number(found, "sessions", 0) > 0;
        bsc_value_free(servers);
        bsc_pools_haproxy_talk_end(&talk);
    }
    conform_need(there, "wait for a session at", path);
    bsc_mem_free(path);
    bsc_mem_free(address);
}

static void set_states(const struct conform_scene *scene, const char *name, bool other)
{
    const char *front = conform_word(scene, "front");
    bool is_normal = strcmp(front, "normal") == 0 || strcmp(front, "no-backend") == 0;
    const char *word = !other ? front : is_normal ? "failed-over" : "normal";
    say_all(scene, name, writers, sizeof writers / sizeof writers[0], word);
    if (!conform_is(scene, "front", "no-backend"))
        say_all(scene, name, users, sizeof users / sizeof users[0], conform_word(scene, "active"));
}

/* One that may only be looked at is as its configuration makes it. */
static void build_one(const struct conform_scene *scene, const char *name, bool other)
{
    write_settings(scene, name);
    start(scene, name);
    if (conform_is(scene, "line", "writer") && strcmp(name, "haproxy") == 0)
        draw_line(scene);
    if (conform_is(scene, "saved", "stale"))
        save(scene, name);
    if (!conform_is(scene, "front", "operator"))
        set_states(scene, name, other);
    if (conform_is(scene, "saved", "yes"))
        save(scene, name);
}

void conform_build_haproxy(const struct conform_scene *scene)
{
    const char *second = conform_word(scene, "second");
    char *database = conform_path(scene, "office/db");
    if (conform_word(scene, "front")[0] == '\0') {
        bsc_mem_free(database);
        return;
    }
    conform_make_folder(scene, "office");
    struct sockaddr_un name = name_of(database);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    conform_need(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 &&
                     listen(listener, LINES_MAX) == 0,
                 "listen at", database);
    bsc_mem_free(database);
    build_one(scene, "haproxy", false);
    if (second[0] != '\0' && strcmp(second, "none") != 0)
        build_one(scene, "second", strcmp(second, "other") == 0);
    if (conform_is(scene, "front", "down"))
        conform_remove(scene, "office/haproxy");
}

char *conform_haproxy_pool(const struct conform_scene *scene)
{
    const char *second = conform_word(scene, "second");
    bool two = second[0] != '\0' && strcmp(second, "none") != 0;
    bool none = conform_is(scene, "saved", "nowhere"), away = conform_is(scene, "saved", "away");
    const char *first = none   ? ""
                        : away ? ", state_file: nowhere/state"
                               : ", state_file: office/haproxy.state";
    return bsc_mem_format(
        "  chat: { driver: haproxy, state_backend: rw, backend: ro, database: mgc,"
        "\n          maximum_active: 2, servers: [chat1, chat5, chat7],\n"
        "          instances: [ { socket: office/haproxy%s }%s%s%s ] }\n",
        first, two ? ", { socket: office/second" : "",
        two && !none ? ", state_file: office/second.state" : "", two ? " }" : "");
}
