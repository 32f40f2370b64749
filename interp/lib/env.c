#include "lib/env.h"

#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "lib/knock.h"
#include "lib/wal_memo_int.h"
#include "site/site.h"

enum { LOGIN_TIMEOUT_MS = 10000 };

/* One open connection and what it is connected to. */
struct link {
    struct link *next;   /* owned */
    struct bsc_sql *sql; /* owned */
    pthread_t owner;     /* the thread that opened it and alone may use it */
    char *server;        /* owned */
    char *file;          /* owned, or NULL */
    char *database;      /* owned, or NULL */
    bool read_only;
};

struct bsc_lib_links {
    pthread_mutex_t lock; /* guards the chain, never held while a statement or a login runs */
    pthread_mutex_t door; /* one login or logout at a time: unixODBC loads and unloads drivers and
                             reads its files without a lock of its own */
    struct link *first;
};

void bsc_lib_env_init(struct bsc_lib_env *env, const struct bsc_site *site,
                      struct bsc_redactor *redactor, const char *own_path)
{
    memset(env, 0, sizeof *env);
    env->site = site;
    env->redactor = redactor;
    env->sys = bsc_sys_real();
    env->clock = bsc_clock_real();
    env->own_path = own_path;
    env->links = bsc_mem_new(1, sizeof *env->links);
    env->wal_memo = bsc_lib_wal_memo_new();
    env->silences = bsc_lib_silences_new();
    BSC_BUG_ON(pthread_mutex_init(&env->links->lock, NULL) != 0);
    BSC_BUG_ON(pthread_mutex_init(&env->links->door, NULL) != 0);
}

static void lock(struct bsc_lib_env *env)
{
    BSC_BUG_ON(pthread_mutex_lock(&env->links->lock) != 0);
}

static void unlock(struct bsc_lib_env *env)
{
    BSC_BUG_ON(pthread_mutex_unlock(&env->links->lock) != 0);
}

static void link_free(struct bsc_lib_env *env, struct link *link)
{
    BSC_BUG_ON(pthread_mutex_lock(&env->links->door) != 0);
    bsc_sql_close(link->sql);
    BSC_BUG_ON(pthread_mutex_unlock(&env->links->door) != 0);
    bsc_mem_free(link->server);
    bsc_mem_free(link->file);
    bsc_mem_free(link->database);
    bsc_mem_free(link);
}

static bool same_text(const char *a, const char *b)
{
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool leads_to(const struct link *link, const struct bsc_lib_target *target)
{
    return pthread_equal(link->owner, pthread_self()) && link->read_only == target->read_only &&
           same_text(link->server, target->server) && same_text(link->file, target->file) &&
           same_text(link->database, target->database);
}

static struct bsc_sql *find(struct bsc_lib_env *env, const struct bsc_lib_target *target)
{
    struct bsc_sql *found = NULL;
    lock(env);
    for (struct link *link = env->links->first; link != NULL && found == NULL; link = link->next) {
        if (leads_to(link, target))
            found = link->sql;
    }
    unlock(env);
    return found;
}

/* Takes the connection. */
static void keep(struct bsc_lib_env *env, const struct bsc_lib_target *target, struct bsc_sql *sql)
{
    struct link *link = bsc_mem_new(1, sizeof *link);
    link->sql = sql;
    link->owner = pthread_self();
    link->server = bsc_mem_text(target->server);
    link->file = target->file == NULL ? NULL : bsc_mem_text(target->file);
    link->database = target->database == NULL ? NULL : bsc_mem_text(target->database);
    link->read_only = target->read_only;
    lock(env);
    link->next = env->links->first;
    env->links->first = link;
    unlock(env);
}

/* The connection string may hold a password: it lives only from here to the driver. */
static struct bsc_sql *open_target(struct bsc_lib_env *env, const struct bsc_lib_target *target,
                                   const atomic_bool *cancel, struct bsc_err *err)
{
    struct bsc_sql *sql = NULL;
    struct bsc_buf string;
    bsc_buf_init(&string);
    if (bsc_site_connection(env->site, target->server, target->file, target->database, &string,
                            env->redactor, err)) {
        struct bsc_sql_options options = {
            .name = target->server,
            .connection = string.data,
            .read_only = target->read_only,
            .aside = target->aside,
            .login_timeout_ms = bsc_value_get_number(bsc_site_server(env->site, target->server),
                                                     "connect_timeout", LOGIN_TIMEOUT_MS),
            .redactor = env->redactor,
            .calls = env->sql_calls};
        /* Whoever logs in after that was wanted tidies up. */
        const bool wanted = cancel != NULL && atomic_load(cancel);
        BSC_BUG_ON(pthread_mutex_lock(&env->links->door) != 0);
        if (!wanted && cancel != NULL && atomic_load(cancel))
            bsc_err_set(err, BSC_ERR_CANCELLED, "logging in on server \"%s\" was cancelled",
                        target->server);
        else
            sql = bsc_sql_open(&options, err);
        BSC_BUG_ON(pthread_mutex_unlock(&env->links->door) != 0);
    }
    bsc_site_string_wipe(&string);
    return sql;
}

struct bsc_sql *bsc_lib_env_connect(struct bsc_lib_env *env, const struct bsc_lib_target *target,
                                    const atomic_bool *cancel, struct bsc_err *err)
{
    if (env->site == NULL) {
        bsc_err_set(err, BSC_ERR_USAGE, "there is no site to look up server \"%s\" in",
                    target->server);
        return NULL;
    }
    struct bsc_sql *sql = target->aside ? NULL : find(env, target);
    if (sql != NULL && bsc_sql_reusable(sql))
        return sql;
    if (sql != NULL)
        bsc_lib_env_drop(env, sql);
    sql = bsc_lib_knock(env, target->server, cancel, err) ? open_target(env, target, cancel, err)
                                                          : NULL;
    if (sql != NULL)
        keep(env, target, sql);
    return sql;
}

/* Sets *ret_stale when the connection was an old one that turned out to be broken. */
static bool run_once(struct bsc_lib_env *env, const struct bsc_lib_target *target, const char *text,
                     const struct bsc_value *params, const struct bsc_sql_limits *limits,
                     struct bsc_sql_result *ret, bool *ret_stale, struct bsc_err *err)
{
    struct bsc_sql *kept = target->aside ? NULL : find(env, target);
    struct bsc_sql *sql = bsc_lib_env_connect(env, target, limits->cancel, err);
    memset(ret, 0, sizeof *ret);
    if (sql == NULL)
        return false;
    bool good = bsc_sql_run(sql, text, params, limits, ret, err);
    bool stopped = !good && (err->code == BSC_ERR_CANCELLED || err->code == BSC_ERR_TIMEOUT);
    *ret_stale = !good && !stopped && sql == kept && !bsc_sql_reusable(sql);
    if (target->aside || target->fleeting || !bsc_sql_reusable(sql))
        bsc_lib_env_drop(env, sql);
    return good;
}

/* A server that was started anew since it was looked at last has ended the connection; what it is
 * now, only a new one tells. */
bool bsc_lib_env_run(struct bsc_lib_env *env, const struct bsc_lib_target *target, const char *text,
                     const struct bsc_value *params, const struct bsc_sql_limits *limits,
                     struct bsc_sql_result *ret, struct bsc_err *err)
{
    bool stale = false;
    if (run_once(env, target, text, params, limits, ret, &stale, err))
        return true;
    return stale && target->read_only &&
           run_once(env, target, text, params, limits, ret, &stale, err);
}

/* Unhooks the first connection that is `sql`, or, when that is NULL, the first of the thread
 * `owner`, or, when that is NULL too, the first of all. Closing waits for the server, so it happens
 * outside the lock. */
static struct link *unhook(struct bsc_lib_env *env, const struct bsc_sql *sql,
                           const pthread_t *owner)
{
    struct link *found = NULL;
    lock(env);
    for (struct link **at = &env->links->first; *at != NULL; at = &(*at)->next) {
        if ((sql != NULL && (*at)->sql != sql) ||
            (owner != NULL && !pthread_equal((*at)->owner, *owner)))
            continue;
        found = *at;
        *at = found->next;
        break;
    }
    unlock(env);
    return found;
}

void bsc_lib_env_drop(struct bsc_lib_env *env, struct bsc_sql *sql)
{
    struct link *link = unhook(env, sql, NULL);
    if (link != NULL)
        link_free(env, link);
}

void bsc_lib_env_close_connections(struct bsc_lib_env *env)
{
    const pthread_t self = pthread_self();
    for (struct link *link = NULL; (link = unhook(env, NULL, &self)) != NULL;)
        link_free(env, link);
}

void bsc_lib_env_release(struct bsc_lib_env *env)
{
    if (env->links == NULL)
        return;
    for (struct link *link = NULL; (link = unhook(env, NULL, NULL)) != NULL;) {
        bsc_sql_adopt(link->sql);
        link_free(env, link);
    }
    pthread_mutex_destroy(&env->links->lock);
    pthread_mutex_destroy(&env->links->door);
    bsc_mem_free(env->links);
    env->links = NULL;
    bsc_lib_wal_memo_free(env->wal_memo);
    env->wal_memo = NULL;
    bsc_lib_silences_free(env->silences);
    env->silences = NULL;
}

void bsc_lib_env_cancel(struct bsc_lib_env *env)
{
    lock(env);
    for (struct link *link = env->links->first; link != NULL; link = link->next)
        bsc_sql_cancel(link->sql);
    unlock(env);
}
