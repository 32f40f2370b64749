/*
 * A real HAProxy in the test's folder: backends rw (sql1, sql3) and ro (chat1, chat2), in front of
 * a socket that takes every connection and says nothing.
 */
#ifndef BSC_HAPROXY_FIXTURE_H
#define BSC_HAPROXY_FIXTURE_H

#include "unit.h"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "os/clock.h"
#include "pools/haproxy.h"
#include "pools/haproxy_talk.h"

enum { PROXY_WITHIN_MS = 20000, PROXY_LOOK_MS = 5, PROXY_PORT_FD = 200 };

/* A master that reloads starts what it was called by. */
#define PROXY_PROGRAM "/usr/sbin/haproxy"

struct proxy {
    const char *folder; /* borrowed */
    const char *name;   /* borrowed: its sockets and files begin with it */
    char *admin;        /* owned: path of the runtime socket */
    char *operator_;    /* owned: of the one that may only look */
    char *port;         /* owned: HOST:PORT of the runtime socket */
    char *states;       /* owned: path of the state file */
    int listener;       /* of that port: HAProxy is given it, so that nobody takes it before */
    int database;       /* where its servers lead */
    const char *master; /* borrowed: path of the socket of its master, where it shall have one */
    const char *first;  /* borrowed: name of its first server, sql1 where NULL */
    pid_t pid;
};

static inline char *proxy_path(const struct proxy *proxy, const char *what)
{
    return bsc_mem_format("%s/%s.%s", proxy->folder, proxy->name, what);
}

static inline struct sockaddr_un proxy_socket_name(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof name.sun_path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    return name;
}

/* A master closes what it was given once it has workers, and a reload would not find it any more.
 */
static inline void proxy_settings_write(const struct proxy *proxy)
{
    char *path = proxy_path(proxy, "cfg");
    char *base = bsc_mem_format("%s/%s", proxy->folder, proxy->name);
    const char *port = proxy->master == NULL ? "  stats socket fd@200 level admin\n" : "";
    char *text = bsc_mem_format(
        "global\n  stats socket %s.admin mode 600 level admin\n"
        "%s  stats socket %s.operator mode 600 level operator\n  "
        "server-state-file %s.states\n"
        "defaults\n  mode tcp\n  load-server-state-from-file global\n"
        "  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n"
        "frontend rw\n  bind unix@%s.rw\n  default_backend rw\n"
        "frontend ro\n  bind unix@%s.ro\n  default_backend ro\n"
        "backend rw\n  server %s unix@%s.db\n  server sql3 unix@%s.db disabled\n"
        "backend ro\n  server chat1 unix@%s.db\n  server chat2 unix@%s.db disabled\n",
        base, port, base, base, base, base, proxy->first != NULL ? proxy->first : "sql1", base,
        base, base, base);
    unit_file_put(path, text, strlen(text));
    bsc_mem_free(path);
    bsc_mem_free(base);
    bsc_mem_free(text);
}

/* Nothing of it outlives the test. */
static inline _Noreturn void proxy_become(const struct proxy *proxy)
{
    char *path = proxy_path(proxy, "cfg");
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nowhere, STDERR_FILENO);
    dup2(proxy->listener, PROXY_PORT_FD);
    if (proxy->master != NULL)
        execl(PROXY_PROGRAM, PROXY_PROGRAM, "-W", "-S", proxy->master, "-f", path, (char *)NULL);
    execl(PROXY_PROGRAM, PROXY_PROGRAM, "-db", "-f", path, (char *)NULL);
    _exit(127);
}

static inline void proxy_start(struct proxy *proxy)
{
    struct bsc_err err = BSC_ERR_INIT;
    bool ready = false;
    unlink(proxy->admin);
    proxy->pid = fork();
    assert_true(proxy->pid >= 0);
    if (proxy->pid == 0)
        proxy_become(proxy);
    for (int waited = 0; !ready && waited < PROXY_WITHIN_MS; waited += PROXY_LOOK_MS) {
        struct bsc_pools_haproxy_talk talk = {0};
        ready = bsc_pools_haproxy_talk_begin(&talk, proxy->admin, PROXY_WITHIN_MS, NULL, &err);
        bsc_pools_haproxy_talk_end(&talk);
        if (!ready)
            bsc_clock_pause(PROXY_LOOK_MS, NULL);
    }
    assert_true(ready);
}

static inline void proxy_listen(struct proxy *proxy)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&name, &length), 0);
    proxy->port = bsc_mem_format("127.0.0.1:%u", (unsigned)ntohs(name.sin_port));
}

/* With the path of a `master`'s socket it has a master, which can reload it. */
static inline void proxy_open_with(struct proxy *proxy, const char *folder, const char *name,
                                   const char *master)
{
    *proxy = (struct proxy){.folder = folder, .name = name, .master = master};
    char *path = proxy_path(proxy, "db");
    struct sockaddr_un address = proxy_socket_name(path);
    proxy->admin = proxy_path(proxy, "admin");
    proxy->operator_ = proxy_path(proxy, "operator");
    proxy->states = proxy_path(proxy, "states");
    proxy->database = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(proxy->database, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(proxy->database, 64), 0);
    bsc_mem_free(path);
    proxy_listen(proxy);
    proxy_settings_write(proxy);
    proxy_start(proxy);
}

static inline void proxy_open(struct proxy *proxy, const char *folder, const char *name)
{
    proxy_open_with(proxy, folder, name, NULL);
}

static inline void proxy_kill(struct proxy *proxy)
{
    kill(proxy->pid, SIGKILL);
    assert_int_equal(waitpid(proxy->pid, NULL, 0), proxy->pid);
    proxy->pid = 0;
}

static inline void proxy_close(struct proxy *proxy)
{
    if (proxy->pid != 0)
        proxy_kill(proxy);
    close(proxy->database);
    close(proxy->listener);
    bsc_mem_free(proxy->port);
    bsc_mem_free(proxy->admin);
    bsc_mem_free(proxy->operator_);
    bsc_mem_free(proxy->states);
}

/* Asks the HAProxy itself; returns owned. */
static inline struct bsc_value *proxy_servers(const struct proxy *proxy)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_pools_haproxy_talk talk = {0};
    assert_true(bsc_pools_haproxy_talk_begin(&talk, proxy->admin, PROXY_WITHIN_MS, NULL, &err));
    struct bsc_value *servers = bsc_pools_haproxy_talk_servers(&talk, &err);
    bsc_pools_haproxy_talk_end(&talk);
    assert_non_null(servers);
    return servers;
}

/* What somebody else tells it. */
static inline void proxy_say(const struct proxy *proxy, const char *command)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf answer;
    struct bsc_pools_haproxy_talk talk = {0};
    bsc_buf_init(&answer);
    assert_true(bsc_pools_haproxy_talk_begin(&talk, proxy->admin, PROXY_WITHIN_MS, NULL, &err));
    assert_true(bsc_pools_haproxy_talk_ask(&talk, command, &answer, &err));
    bsc_pools_haproxy_talk_end(&talk);
    bsc_buf_release(&answer);
}

/* `what` is "sessions", or "closed" for those that their client has closed. */
static inline int64_t proxy_sessions(const struct proxy *proxy, const char *server,
                                     const char *what)
{
    struct bsc_value *servers = proxy_servers(proxy);
    int64_t count = bsc_value_get_number(bsc_pools_haproxy_find(servers, server), what, 0);
    bsc_value_free(servers);
    return count;
}

/* "sql1 ready, sql3 maint, chat1 ready, chat2 maint" */
static inline void assert_proxy(const struct proxy *proxy, const char *expected)
{
    struct bsc_buf text;
    struct bsc_value *servers = proxy_servers(proxy);
    bsc_buf_init(&text);
    for (size_t i = 0; i < bsc_value_count(servers); i++)
        bsc_buf_printf(&text, "%s%s %s", i == 0 ? "" : ", ",
                       bsc_value_get_string(bsc_value_at(servers, i), "server"),
                       bsc_value_get_string(bsc_value_at(servers, i), "state"));
    assert_string_equal(text.data, expected);
    bsc_buf_release(&text);
    bsc_value_free(servers);
}

/* A client of a frontend, "rw" or "ro", whose session is there when this returns. */
static inline int proxy_client(const struct proxy *proxy, const char *frontend, const char *server)
{
    char *path = proxy_path(proxy, frontend);
    struct sockaddr_un address = proxy_socket_name(path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = false;
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    for (int waited = 0; !there && waited < PROXY_WITHIN_MS; waited += PROXY_LOOK_MS) {
        struct bsc_value *servers = proxy_servers(proxy);
        const struct bsc_value *found = bsc_pools_haproxy_find(servers, server);
        there = bsc_value_get_number(found, "sessions", 0) > 0;
        bsc_value_free(servers);
        if (!there)
            bsc_clock_pause(PROXY_LOOK_MS, NULL);
    }
    assert_true(there);
    bsc_mem_free(path);
    return client;
}

#endif
