#include "site/check.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"

static bool is_text(const struct bsc_value *map, const char *key)
{
    return bsc_value_get_string(map, key) != NULL;
}

/* Whether the file has the key with a value, be it a wrong one: that has been said already. Keys
 * that were filled in have no place. */
static bool is_written(const struct bsc_value *map, const char *key)
{
    for (size_t i = 0; i < bsc_value_count(map); i++) {
        if (strcmp(bsc_value_key_at(map, i), key) == 0)
            return bsc_value_key_place(map, i).line != 0;
    }
    return false;
}

static bool is_sqlite(const struct bsc_value *server)
{
    const char *platform = bsc_value_get_string(server, "platform");
    return platform != NULL && strcmp(platform, "sqlite") == 0;
}

static const struct bsc_value *server_of(const struct bsc_value *site, const struct bsc_value *user)
{
    const char *name = bsc_value_get_string(user, "server");
    return name == NULL ? NULL : bsc_value_get(bsc_value_get(site, "servers"), name);
}

/* Where a key of a map stands, or the map itself when it does not have the key. */
static struct bsc_value_place place_in(const struct bsc_value *map, const char *key)
{
    const struct bsc_value *item = bsc_value_get(map, key);
    return item != NULL ? bsc_value_place(item) : bsc_value_place(map);
}

static void server_check(struct bsc_site_check *check, const char *name,
                         const struct bsc_value *server)
{
    struct bsc_value_place place = bsc_value_place(server);
    if (is_text(server, "platform") && !is_written(server, "connection")) {
        struct bsc_err *err =
            bsc_site_problem(check, place, "server \"%s\" has a platform but no connection", name);
        bsc_err_hint(err, "Add its ODBC connection string, such as connection: Driver=SQLite3.");
    }
    if (is_sqlite(server) && !is_written(server, "folder")) {
        struct bsc_err *err =
            bsc_site_problem(check, place, "server \"%s\" has platform sqlite but no folder", name);
        bsc_err_hint(err, "Add the folder that holds its database files.");
    }
    const char *conninfo = bsc_value_get_string(server, "conninfo");
    if (conninfo != NULL && strcasestr(conninfo, "password") != NULL) {
        struct bsc_err *err = bsc_site_problem(check, place_in(server, "conninfo"),
                                               "\"conninfo\" must not contain a password");
        bsc_err_hint(err, "Take it out and name where the password is found: secret: file:PATH.");
    }
    if (bsc_value_get_truth(server, "secret") && !is_written(server, "connection"))
        bsc_site_problem(check, place_in(server, "secret"),
                         "server \"%s\" has a secret but no connection to use it for", name);
}

/* What names a database on a server is a file on sqlite and a name on every other platform. */
struct store {
    const char *what;         /* borrowed: who names the database, "databases.mgc.primary" */
    const char *database_key; /* the key for the name: "database", or "table_database" of a pool */
};

static void store_key_check(struct bsc_site_check *check, const struct store *store,
                            const struct bsc_value *user, const struct bsc_value *server)
{
    bool sqlite = is_sqlite(server);
    const char *wanted = sqlite ? "file" : store->database_key;
    const char *other = sqlite ? store->database_key : "file";
    const char *name = bsc_value_get_string(user, "server");
    const char *platform = bsc_value_get_string(server, "platform");
    if (!is_written(user, wanted)) {
        struct bsc_err *err =
            bsc_site_problem(check, bsc_value_place(user), "%s needs \"%s\"", store->what, wanted);
        bsc_err_hint(err, "Server \"%s\" has platform %s.", name, platform);
    }
    if (is_written(user, other)) {
        struct bsc_err *err = bsc_site_problem(check, place_in(user, other),
                                               "%s must not have \"%s\"", store->what, other);
        bsc_err_hint(err, "Server \"%s\" has platform %s; use \"%s\".", name, platform, wanted);
    }
}

/* Adds the absolute path of the database file, or null. */
static void path_add(const struct bsc_value *server, struct bsc_value *user)
{
    const char *folder = bsc_value_get_string(server, "folder");
    const char *file = bsc_value_get_string(user, "file");
    char *path =
        is_sqlite(server) && folder != NULL && file != NULL ? bsc_files_join(folder, file) : NULL;
    bsc_value_set_text(user, "path", path);
    bsc_mem_free(path);
}

static void store_check(struct bsc_site_check *check, const struct bsc_value *site,
                        const struct store *store, struct bsc_value *user)
{
    const struct bsc_value *server = server_of(site, user);
    path_add(server, user);
    if (server == NULL)
        return;
    if (!is_written(server, "platform")) {
        struct bsc_err *err =
            bsc_site_problem(check, place_in(user, "server"), "server \"%s\" of %s has no platform",
                             bsc_value_get_string(user, "server"), store->what);
        bsc_err_hint(err, "Give the server a platform and a connection, or name another one.");
        return;
    }
    if (is_text(server, "platform"))
        store_key_check(check, store, user, server);
}

void bsc_site_check_store(struct bsc_site_check *check, const struct bsc_value *site,
                          const char *what, const char *database_key, struct bsc_value *user)
{
    const struct store store = {what, database_key};
    store_check(check, site, &store, user);
}

/* Two copies in one place would overwrite each other. `seen` maps a place to who has it. */
static void place_once(struct bsc_site_check *check, struct bsc_value *seen, const char *what,
                       const struct bsc_value *copy)
{
    const char *path = bsc_value_get_string(copy, "path");
    const char *database = bsc_value_get_string(copy, "database");
    const char *server = bsc_value_get_string(copy, "server");
    if (server == NULL || (path == NULL && database == NULL))
        return;
    char *place = path != NULL ? bsc_mem_text(path) : bsc_mem_format("%s: %s", server, database);
    const char *other = bsc_value_get_string(seen, place);
    if (other != NULL) {
        struct bsc_err *err =
            bsc_site_problem(check, place_in(copy, path != NULL ? "file" : "database"),
                             "%s and %s are the same database \"%.200s\"", what, other, place);
        bsc_err_hint(err, "Give each copy a place of its own.");
    } else {
        bsc_value_set_text(seen, place, what);
    }
    bsc_mem_free(place);
}

/* Whether a job was ended, or begun, is told by its pid file. */
static void job_check(struct bsc_site_check *check, const char *name,
                      const struct bsc_value *shipping)
{
    static const char *const keys[] = {"job", "stop", "start"};
    if (bsc_value_get_string(shipping, "pid_file") != NULL)
        return;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (bsc_value_count(bsc_value_get(shipping, keys[i])) == 0)
            continue;
        struct bsc_err *err = bsc_site_problem(
            check, place_in(shipping, keys[i]),
            "log_shipping of database \"%s\" has %s but no pid_file", name, keys[i]);
        bsc_err_hint(err, "Add the file by which the job is known.");
    }
}

/* A folder of another machine can be written to by the server there alone. */
static void pg_wal_check(struct bsc_site_check *check, const struct bsc_value *site,
                         const char *name, const struct bsc_value *database)
{
    const struct bsc_value *shipping = bsc_value_get(database, "log_shipping");
    const struct bsc_value *server = server_of(site, bsc_value_get(database, "secondary"));
    if (!bsc_value_get_truth(shipping, "into_pg_wal") || server == NULL)
        return;
    if (is_written(server, "folder") && !is_written(server, "ssh") && !is_sqlite(server))
        return;
    struct bsc_err *err = bsc_site_problem(
        check, place_in(shipping, "into_pg_wal"),
        "log_shipping of database \"%s\" has into_pg_wal, but its secondary has no "
        "data folder of postgresql on this machine",
        name);
    bsc_err_hint(err, "Leave it out, or add the folder to the server of the secondary.");
}

static void shipping_check(struct bsc_site_check *check, const char *name,
                           const struct bsc_value *database)
{
    const struct bsc_value *shipping = bsc_value_get(database, "log_shipping");
    const char *share = bsc_value_get_string(shipping, "share");
    const char *destination = bsc_value_get_string(shipping, "destination");
    if (bsc_value_kind(shipping) != BSC_VALUE_MAP)
        return;
    if (bsc_value_kind(bsc_value_get(database, "secondary")) != BSC_VALUE_MAP) {
        struct bsc_err *err =
            bsc_site_problem(check, bsc_value_place(shipping),
                             "database \"%s\" has log_shipping but no secondary", name);
        bsc_err_hint(err, "Add the copy that the log backups are applied to.");
    }
    if (share != NULL && destination != NULL && strcmp(share, destination) == 0)
        bsc_site_problem(check, place_in(shipping, "destination"),
                         "share and destination of database \"%s\" are the same folder", name);
    job_check(check, name, shipping);
}

static void database_check(struct bsc_site_check *check, struct bsc_value *site, const char *name,
                           struct bsc_value *seen)
{
    struct bsc_value *database = bsc_value_get(bsc_value_get(site, "databases"), name);
    for (const char *const *role = bsc_site_roles(); *role != NULL; role++) {
        struct bsc_value *copy = bsc_value_get(database, *role);
        if (bsc_value_kind(copy) != BSC_VALUE_MAP)
            continue;
        char *what = bsc_mem_format("databases.%s.%s", name, *role);
        struct store store = {what, "database"};
        store_check(check, site, &store, copy);
        place_once(check, seen, what, copy);
        bsc_mem_free(what);
    }
    struct bsc_value *loss_check = bsc_value_get(database, "loss_check");
    if (bsc_value_kind(loss_check) == BSC_VALUE_MAP) {
        char *what = bsc_mem_format("databases.%s.loss_check", name);
        struct store store = {what, "database"};
        store_check(check, site, &store, loss_check);
        bsc_mem_free(what);
    }
    shipping_check(check, name, database);
    pg_wal_check(check, site, name, database);
}

/* Backends and servers become parts of HAProxy's commands. */
static void backend_check(struct bsc_site_check *check, const struct bsc_value *pool,
                          const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_.:";
    const char *name = bsc_value_get_string(pool, key);
    if (name == NULL || (name[0] != '\0' && name[strspn(name, plain)] == '\0'))
        return;
    struct bsc_err *err = bsc_site_problem(check, place_in(pool, key),
                                           "\"%s\" is no name of a backend: \"%.64s\"", key, name);
    bsc_err_hint(err, "HAProxy's names are made of letters, digits and - _ . :");
}

/* The same servers cannot be databases and the pool's own. */
static void backends_differ_check(struct bsc_site_check *check, const char *what,
                                  const struct bsc_value *pool)
{
    const char *first = bsc_value_get_string(pool, "state_backend");
    const char *second = bsc_value_get_string(pool, "backend");
    if (first != NULL && second != NULL && strcmp(first, second) == 0)
        bsc_site_problem(check, place_in(pool, "backend"),
                         "%s has the same \"backend\" and \"state_backend\"", what);
}

static void instance_check(struct bsc_site_check *check, const char *what,
                           const struct bsc_value *instance)
{
    if (is_written(instance, "socket") != is_written(instance, "address"))
        return;
    struct bsc_err *err = bsc_site_problem(check, bsc_value_place(instance),
                                           "%s needs either \"socket\" or \"address\"", what);
    bsc_err_hint(err, "The runtime socket of a HAProxy is a path or HOST:PORT.");
}

/* Two of one name would be one HAProxy that is asked twice, or two that undo each other's file. */
static void instance_once(struct bsc_site_check *check, const struct bsc_value *instances,
                          size_t index, const char *key)
{
    const struct bsc_value *instance = bsc_value_at(instances, index);
    const char *value = bsc_value_get_string(instance, key);
    for (size_t i = 0; value != NULL && i < index; i++) {
        const char *other = bsc_value_get_string(bsc_value_at(instances, i), key);
        if (other != NULL && strcmp(other, value) == 0)
            bsc_site_problem(check, place_in(instance, key),
                             "two instances have the same \"%s\": \"%.200s\"", key, value);
    }
}

/* With some, a restart would undo a change in the others, and nobody could say that all is kept. */
static void state_files_check(struct bsc_site_check *check, const char *what,
                              const struct bsc_value *pool, const struct bsc_value *instances)
{
    size_t with = 0, count = bsc_value_count(instances);
    for (size_t i = 0; i < count; i++)
        with += is_written(bsc_value_at(instances, i), "state_file") ? 1 : 0;
    if (with == 0 || with == count)
        return;
    struct bsc_err *err =
        bsc_site_problem(check, place_in(pool, "instances"),
                         "%s has a \"state_file\" for %zu of %zu instances", what, with, count);
    bsc_err_hint(err, "Give one to each of them, or to none.");
}

static void instances_check(struct bsc_site_check *check, const char *what,
                            const struct bsc_value *pool)
{
    static const char *const own[] = {"socket", "address", "state_file", "master_socket"};
    const struct bsc_value *instances = bsc_value_get(pool, "instances");
    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
        if (is_written(pool, own[k]))
            bsc_site_problem(check, place_in(pool, own[k]),
                             "%s has \"instances\", each with its own \"%s\"", what, own[k]);
        for (size_t i = 0; i < bsc_value_count(instances); i++)
            instance_once(check, instances, i, own[k]);
    }
    for (size_t i = 0; i < bsc_value_count(instances); i++)
        instance_check(check, "an instance of a pool", bsc_value_at(instances, i));
    state_files_check(check, what, pool, instances);
    if (bsc_value_count(instances) == 0)
        bsc_site_problem(check, place_in(pool, "instances"), "%s has no instances", what);
}

/* One HAProxy is a list of one, so that nobody after us has to tell the two apart. */
static void instance_add(struct bsc_value *pool)
{
    static const char *const own[] = {"socket", "address", "state_file", "master_socket"};
    struct bsc_value *list = bsc_value_list();
    struct bsc_value *instance = bsc_value_map();
    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
        bsc_value_set_text(instance, own[k], bsc_value_get_string(pool, own[k]));
    bsc_value_append(list, instance);
    bsc_value_set(pool, "instances", list);
}

/* Which database it is, and so which of its servers are meant, decides the pool's state. */
static void haproxy_check(struct bsc_site_check *check, const char *name, struct bsc_value *pool)
{
    static const char *const needed[] = {"state_backend", "backend", "database"};
    char *what = bsc_mem_format("pool \"%s\"", name);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!is_written(pool, needed[i]))
            bsc_site_problem(check, bsc_value_place(pool), "%s has driver haproxy and needs \"%s\"",
                             what, needed[i]);
    }
    backend_check(check, pool, "state_backend");
    backend_check(check, pool, "backend");
    backends_differ_check(check, what, pool);
    if (is_written(pool, "instances")) {
        instances_check(check, what, pool);
    } else {
        instance_check(check, what, pool);
        instance_add(pool);
    }
    bsc_mem_free(what);
}

static void pool_check(struct bsc_site_check *check, const struct bsc_value *site, const char *name,
                       struct bsc_value *pool)
{
    const char *driver = bsc_value_get_string(pool, "driver");
    if (driver == NULL || strcmp(driver, "table") != 0) {
        path_add(NULL, pool);
        if (driver != NULL && strcmp(driver, "haproxy") == 0)
            haproxy_check(check, name, pool);
        return;
    }
    static const char *const needed[] = {"server", "table"};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!is_written(pool, needed[i]))
            bsc_site_problem(check, bsc_value_place(pool),
                             "pool \"%s\" has driver table and needs \"%s\"", name, needed[i]);
    }
    char *what = bsc_mem_format("pools.%s", name);
    struct store store = {what, "table_database"};
    store_check(check, site, &store, pool);
    bsc_mem_free(what);
}

/* Two links between the same data centres could contradict each other. */
static void link_check(struct bsc_site_check *check, const struct bsc_value *links, size_t index)
{
    const struct bsc_value *between = bsc_value_get(bsc_value_at(links, index), "between");
    for (size_t i = 0; i < index; i++) {
        const struct bsc_value *other = bsc_value_get(bsc_value_at(links, i), "between");
        bool same = bsc_value_equal(bsc_value_at(between, 0), bsc_value_at(other, 0)) &&
                    bsc_value_equal(bsc_value_at(between, 1), bsc_value_at(other, 1));
        bool crossed = bsc_value_equal(bsc_value_at(between, 0), bsc_value_at(other, 1)) &&
                       bsc_value_equal(bsc_value_at(between, 1), bsc_value_at(other, 0));
        if (bsc_value_count(between) == 2 && (same || crossed))
            bsc_site_problem(check, bsc_value_place(between),
                             "there are two links between \"%s\" and \"%s\"",
                             bsc_value_string(bsc_value_at(between, 0)),
                             bsc_value_string(bsc_value_at(between, 1)));
    }
}

void bsc_site_check_cross(struct bsc_site_check *check, struct bsc_value *site)
{
    const struct bsc_value *servers = bsc_value_get(site, "servers");
    const struct bsc_value *databases = bsc_value_get(site, "databases");
    const struct bsc_value *pools = bsc_value_get(site, "pools");
    const struct bsc_value *links = bsc_value_get(site, "links");
    struct bsc_value *seen = bsc_value_map();
    for (size_t i = 0; i < bsc_value_count(servers); i++)
        server_check(check, bsc_value_key_at(servers, i), bsc_value_item_at(servers, i));
    for (size_t i = 0; i < bsc_value_count(databases); i++)
        database_check(check, site, bsc_value_key_at(databases, i), seen);
    for (size_t i = 0; i < bsc_value_count(pools); i++)
        pool_check(check, site, bsc_value_key_at(pools, i), bsc_value_item_at(pools, i));
    for (size_t i = 0; i < bsc_value_count(links); i++)
        link_check(check, links, i);
    bsc_site_check_directories(check, site);
    bsc_value_free(seen);
}
