#include "site/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KIND(id, label, anchor, text)                                                              \
    static const struct bsc_site_kind id##_kind = {label, anchor, text, id##_keys, COUNT(id##_keys)}

static const char *const platforms[] = {"sqlite", "postgresql", "sqlserver", NULL};
static const char *const drivers[] = {"table", "haproxy", "lync", NULL};
static const char *const directory_drivers[] = {"sql", NULL};
static const char *const no_values[] = {NULL};
static const char *const pool_values[] = {"pool", NULL};
static const char *const list_values[] = {"pool", "after", "limit", NULL};
static const char *const move_values[] = {"name", "from", "to", NULL};
static const char *const service_values[] = {"name", "pool", NULL};
static const char *const find_values[] = {"name", NULL};
static const char *const failovers[] = {"allowed", "never", NULL};
static const char *const roles[] = {"primary", "mirror", "secondary", "secondary_mirror", NULL};

static const struct bsc_site_key data_centre_keys[] = {
    {.name = "title", .type = BSC_SITE_TEXT, .doc = "Name shown to people."},
};
KIND(data_centre, "data centre", "data-centre", "A place that can fail as a whole.");

static const struct bsc_site_key link_keys[] = {
    {.name = "between",
     .type = BSC_SITE_REFERENCES,
     .required = true,
     .target = "data_centres",
     .least = 2,
     .most = 2,
     .doc = "The two data centres at the ends of the link."},
    {.name = "low_latency",
     .type = BSC_SITE_TRUTH,
     .preset = "false",
     .doc = "Whether servers at one end may actively serve a database at the other end."},
};
KIND(link, "link", "link", "A connection between two data centres.");

static const struct bsc_site_key fence_keys[] = {
    {.name = "proof",
     .type = BSC_SITE_WORDS,
     .required = true,
     .doc = "Program that proves it and changes nothing. Exit status 0: the server serves nobody "
            "and will not by itself; 1: it does or may; any other: not known."},
    {.name = "host",
     .type = BSC_SITE_TEXT,
     .doc = "Where to start it over ssh, such as operator@jump1: a second place to look from. Here "
            "when left out."},
    {.name = "timeout", .type = BSC_SITE_DURATION, .preset = "30s", .doc = "How long it may take."},
};
KIND(fence, "fence", "fence", "How it is proved that a server that does not answer is fenced.");

static const struct bsc_site_key server_keys[] = {
    {.name = "data_centre",
     .type = BSC_SITE_REFERENCE,
     .required = true,
     .target = "data_centres",
     .doc = "The data centre in which the server stands."},
    {.name = "platform",
     .type = BSC_SITE_CHOICE,
     .choices = platforms,
     .doc = "Database technology; left out for a server that holds no database."},
    {.name = "folder",
     .type = BSC_SITE_PATH,
     .doc = "Folder that holds the server's database files; needed with platform sqlite. On "
            "postgresql its data folder, where that can be looked at from here."},
    {.name = "connection",
     .type = BSC_SITE_CONNECTION,
     .doc = "ODBC connection string without password and database; needed with a platform."},
    {.name = "secret",
     .type = BSC_SITE_SECRET,
     .doc = "Where the password is found: env:NAME, file:PATH or command:PROGRAM ARGUMENTS."},
    {.name = "address", .type = BSC_SITE_TEXT, .doc = "Host name or IP address."},
    {.name = "connect_timeout",
     .type = BSC_SITE_DURATION,
     .preset = "5s",
     .doc = "How long to wait for an answer before the server counts as unreachable. On platform "
            "postgresql, over TCP, it is 2s at least, and a look after one in vain takes a tenth "
            "of it, 250ms at least."},
    {.name = "fence",
     .type = BSC_SITE_OBJECT,
     .of = &fence_kind,
     .doc = "How it is proved that the server is fenced when it does not answer. With it no other "
            "copy of its databases is brought online without that proof."},
    {.name = "ssh",
     .type = BSC_SITE_TEXT,
     .doc = "Where the server's folder and programs are reached over ssh, such as postgres@db4; "
            "here when left out. Platform postgresql only, as are all keys below."},
    {.name = "user",
     .type = BSC_SITE_TEXT,
     .doc = "User to whom the server's folder belongs: as this one the programs for it are run "
            "where bascule itself works as root. Over ssh, log in as this user instead."},
    {.name = "programs",
     .type = BSC_SITE_PATH,
     .doc = "Folder of the programs pg_basebackup, pg_controldata, pg_ctl and pg_rewind; they are "
            "looked for in PATH when it is left out."},
    {.name = "start",
     .type = BSC_SITE_WORDS,
     .doc = "What starts the server and ends when it has, such as [systemctl, start, postgresql]; "
            "pg_ctl when left out."},
    {.name = "stop",
     .type = BSC_SITE_WORDS,
     .doc = "What stops the server and ends when it has; pg_ctl when left out."},
    {.name = "conninfo",
     .type = BSC_SITE_TEXT,
     .doc = "How the server's mirror reaches it, such as host=db3 port=5432 user=replicator, "
            "without password; made of connection when left out."},
};
KIND(server, "server", "server", "A machine or instance that holds databases or serves users.");

static const struct bsc_site_key copy_keys[] = {
    {.name = "server",
     .type = BSC_SITE_REFERENCE,
     .required = true,
     .target = "servers",
     .doc = "The server that holds the copy."},
    {.name = "file",
     .type = BSC_SITE_FILE,
     .doc = "Database file below the server's folder; platform sqlite only."},
    {.name = "database",
     .type = BSC_SITE_CATALOG,
     .doc = "Name of the database on the server; platforms other than sqlite."},
    {.name = "salvage",
     .type = BSC_SITE_PATH,
     .doc = "Where the copy's disk can still be read when its server is dead."},
};
KIND(copy, "copy", "copy", "One copy of a database.");

static const struct bsc_site_key log_shipping_keys[] = {
    {.name = "share",
     .type = BSC_SITE_PATH,
     .required = true,
     .doc = "Folder into which the primary writes its log backups."},
    {.name = "destination",
     .type = BSC_SITE_PATH,
     .required = true,
     .doc = "Folder at the secondary into which they are copied."},
    {.name = "destination_limit",
     .type = BSC_SITE_SIZE,
     .doc = "The most bytes that the destination folder may hold."},
    {.name = "into_pg_wal",
     .type = BSC_SITE_TRUTH,
     .preset = "false",
     .doc = "Whether log files are put straight into pg_wal of the secondary's folder, where that "
            "is on this machine: it then replays them without fetching each; platform postgresql "
            "only."},
    {.name = "pid_file",
     .type = BSC_SITE_PATH,
     .doc = "File that holds the pid of the job that copies them; platforms other than sqlite."},
    {.name = "job",
     .type = BSC_SITE_WORDS,
     .doc = "Words that stand one after the other in the command line of that job, which tell it "
            "from another program that has got its pid."},
    {.name = "stop",
     .type = BSC_SITE_WORDS,
     .doc = "Program that ends that job, and its arguments; left out, its process gets a SIGTERM."},
    {.name = "start",
     .type = BSC_SITE_WORDS,
     .doc =
         "Program that begins that job again, and its arguments; the job may be at work a little "
         "later. Without it nobody can be brought home on platforms other than sqlite."},
};
KIND(log_shipping, "log shipping", "log-shipping",
     "How log backups travel from the primary to the secondary.");

static const struct bsc_site_key loss_check_keys[] = {
    {.name = "server",
     .type = BSC_SITE_REFERENCE,
     .required = true,
     .target = "servers",
     .doc = "The server on which `known` is asked."},
    {.name = "file",
     .type = BSC_SITE_FILE,
     .doc = "Database file below that server's folder; platform sqlite only."},
    {.name = "database",
     .type = BSC_SITE_CATALOG,
     .doc = "Name of the database on that server; platforms other than sqlite."},
    {.name = "known",
     .type = BSC_SITE_SQL,
     .required = true,
     .doc = "Query that counts what users were told is saved."},
    {.name = "kept",
     .type = BSC_SITE_SQL,
     .required = true,
     .doc = "Query that counts what the database holds; asked on the copy."},
};
KIND(loss_check, "loss check", "loss-check", "Counts acknowledged work against what a copy holds.");

static const struct bsc_site_key database_keys[] = {
    {.name = "failover",
     .type = BSC_SITE_CHOICE,
     .choices = failovers,
     .preset = "allowed",
     .doc = "Whether a runbook may fail the database over."},
    {.name = "note", .type = BSC_SITE_TEXT, .doc = "What the operator is told about the database."},
    {.name = "backlog",
     .type = BSC_SITE_SQL,
     .doc = "Query that counts work waiting in the database."},
    {.name = "primary",
     .type = BSC_SITE_OBJECT,
     .required = true,
     .of = &copy_kind,
     .doc = "The copy that users write to."},
    {.name = "mirror",
     .type = BSC_SITE_OBJECT,
     .of = &copy_kind,
     .doc = "The copy beside the primary that follows it at once."},
    {.name = "secondary",
     .type = BSC_SITE_OBJECT,
     .of = &copy_kind,
     .doc = "The copy elsewhere that log backups are applied to."},
    {.name = "secondary_mirror",
     .type = BSC_SITE_OBJECT,
     .of = &copy_kind,
     .doc = "The place for a mirror of the secondary after a failover."},
    {.name = "log_shipping",
     .type = BSC_SITE_OBJECT,
     .of = &log_shipping_kind,
     .doc = "How log backups travel from the primary to the secondary."},
    {.name = "loss_check",
     .type = BSC_SITE_OBJECT,
     .of = &loss_check_kind,
     .doc = "How lost work is counted."},
};
KIND(database, "database", "database", "A database and its copies by role.");

static const struct bsc_site_key instance_keys[] = {
    {.name = "socket", .type = BSC_SITE_PATH, .doc = "Its runtime socket, where that is a path."},
    {.name = "address",
     .type = BSC_SITE_TEXT,
     .doc = "Its runtime socket, where that is HOST:PORT."},
    {.name = "state_file",
     .type = BSC_SITE_PATH,
     .doc = "The file that it reads its servers' states from when it starts."},
    {.name = "master_socket",
     .type = BSC_SITE_PATH,
     .doc = "The socket of its master process, where it has one (haproxy -W -S PATH)."},
};
KIND(instance, "instance", "instance", "One of several HAProxy in front of the same pool.");

static const struct bsc_site_key pool_keys[] = {
    {.name = "driver",
     .type = BSC_SITE_CHOICE,
     .required = true,
     .choices = drivers,
     .doc = "How the pool's state is read and set."},
    {.name = "server",
     .type = BSC_SITE_REFERENCE,
     .target = "servers",
     .doc = "The server that holds the pool table; needed with driver table."},
    {.name = "file",
     .type = BSC_SITE_FILE,
     .doc = "Database file of the pool table below that server's folder; platform sqlite only."},
    {.name = "table_database",
     .type = BSC_SITE_CATALOG,
     .doc = "Name of the database of the pool table; platforms other than sqlite."},
    {.name = "table",
     .type = BSC_SITE_IDENTIFIER,
     .doc = "The pool table, with an optional schema before a dot; needed with driver table."},
    {.name = "socket",
     .type = BSC_SITE_PATH,
     .doc = "Runtime socket of the HAProxy, where it is a path; driver haproxy only."},
    {.name = "address",
     .type = BSC_SITE_TEXT,
     .doc = "Runtime socket of the HAProxy, where it is HOST:PORT; driver haproxy only."},
    {.name = "state_file",
     .type = BSC_SITE_PATH,
     .doc =
         "The file that the HAProxy reads its servers' states from when it starts; written after "
         "each change, so that a restart does not undo it; driver haproxy only."},
    {.name = "master_socket",
     .type = BSC_SITE_PATH,
     .doc = "The socket of the HAProxy's master process (haproxy -W -S PATH): over it sessions are "
            "seen and ended that go on in an old process after a reload; driver haproxy only."},
    {.name = "instances",
     .type = BSC_SITE_OBJECTS,
     .of = &instance_kind,
     .doc = "Every HAProxy of the pool, where there are several; driver haproxy only."},
    {.name = "state_backend",
     .type = BSC_SITE_TEXT,
     .doc = "Backend whose servers are the site's database servers, by name: which of them is "
            "ready is the pool's state; needed with driver haproxy."},
    {.name = "backend",
     .type = BSC_SITE_TEXT,
     .doc = "Backend whose servers are the pool's, by name: those that are ready are active; "
            "needed with driver haproxy."},
    {.name = "database",
     .type = BSC_SITE_REFERENCE,
     .target = "databases",
     .doc = "The database that the pool works on."},
    {.name = "maximum_active",
     .type = BSC_SITE_NUMBER,
     .preset = "4",
     .least = 1,
     .most = 64,
     .doc = "The most servers that may be active at once."},
    {.name = "servers",
     .type = BSC_SITE_REFERENCES,
     .required = true,
     .target = "servers",
     .least = 1,
     .most = 1000,
     .doc = "The servers of the pool, active or not."},
};
KIND(pool, "pool", "pool", "A group of servers of which some are active.");

static const struct bsc_site_key members_keys[] = {
    {.name = "list",
     .type = BSC_SITE_SQL,
     .required = true,
     .values = list_values,
     .least = 3,
     .doc = "Names of those in the pool `:pool`, in order, the first `:limit` of them after "
            "`:after`."},
    {.name = "count",
     .type = BSC_SITE_SQL,
     .required = true,
     .values = no_values,
     .doc = "How many there are in each pool: rows of pool and count."},
    {.name = "twice",
     .type = BSC_SITE_SQL,
     .values = no_values,
     .doc = "Names of those that are in more than one pool."},
    {.name = "find",
     .type = BSC_SITE_SQL,
     .required = true,
     .values = find_values,
     .least = 1,
     .doc = "The pool in which `:name` is; no row where it is in none."},
    {.name = "move",
     .type = BSC_SITE_STATEMENTS,
     .required = true,
     .values = move_values,
     .least = 3,
     .doc = "Moves `:name` from the pool `:from` to the pool `:to`, and nobody who is not in "
            "`:from`; several statements are one transaction, in which the first decides."},
};
KIND(members, "members", "members",
     "Users, or the objects of an application: everything that has its home in a pool.");

static const struct bsc_site_key services_keys[] = {
    {.name = "list",
     .type = BSC_SITE_SQL,
     .required = true,
     .values = pool_values,
     .least = 1,
     .doc = "Rows of name and state; `running` is the state of one that runs."},
    {.name = "start",
     .type = BSC_SITE_SQL,
     .values = service_values,
     .least = 1,
     .doc = "Starts the service `:name` of the pool `:pool`."},
    {.name = "stop",
     .type = BSC_SITE_SQL,
     .values = service_values,
     .least = 1,
     .doc = "Stops it again, when a run is rolled back."},
};
KIND(services, "services", "services", "The services of the pools.");

static const struct bsc_site_key caveats_keys[] = {
    {.name = "meetings",
     .type = BSC_SITE_SQL,
     .values = no_values,
     .doc = "Names of organisers whose new meetings stop working on a way back."},
    {.name = "clients",
     .type = BSC_SITE_SQL,
     .values = no_values,
     .doc = "Names of users whose clients have to be downgraded on a way back."},
};
KIND(caveats, "caveats", "caveats", "What a way back costs, and whom.");

static const struct bsc_site_key backup_keys[] = {
    {.name = "state",
     .type = BSC_SITE_SQL,
     .required = true,
     .values = no_values,
     .doc = "The time of the newest backup of the directory; no row, or null, where there is "
            "none."},
    {.name = "make",
     .type = BSC_SITE_SQL,
     .values = no_values,
     .doc = "Makes one beside those that are there. A run that was stopped meanwhile makes one "
            "more when it goes on."},
};
KIND(backup, "backup", "backup", "The backup of a directory.");

static const struct bsc_site_key directory_keys[] = {
    {.name = "driver",
     .type = BSC_SITE_CHOICE,
     .required = true,
     .choices = directory_drivers,
     .doc = "How the directory is read and changed; `sql`: by the statements below."},
    {.name = "server",
     .type = BSC_SITE_REFERENCE,
     .required = true,
     .target = "servers",
     .doc = "The server that holds the directory."},
    {.name = "file",
     .type = BSC_SITE_FILE,
     .doc = "Database file of the directory below that server's folder; platform sqlite only."},
    {.name = "database",
     .type = BSC_SITE_CATALOG,
     .doc = "Name of the database of the directory; platforms other than sqlite."},
    {.name = "legacy",
     .type = BSC_SITE_TEXT,
     .required = true,
     .doc = "The pool that is left, as the directory writes it."},
    {.name = "new",
     .type = BSC_SITE_TEXT,
     .required = true,
     .doc = "The pool that takes its place, as the directory writes it."},
    {.name = "users",
     .type = BSC_SITE_OBJECT,
     .required = true,
     .of = &members_kind,
     .doc = "The users."},
    {.name = "pilot",
     .type = BSC_SITE_MEMBERS,
     .doc = "The users who are moved first: their names, or a statement that gives them; 1,000 at "
            "most."},
    {.name = "applications",
     .type = BSC_SITE_NAMED,
     .of = &members_kind,
     .doc = "What else has its home in a pool, by name: response groups, dial-in numbers, "
            "conference directories and the like."},
    {.name = "deployment",
     .type = BSC_SITE_SQL,
     .values = pool_values,
     .least = 1,
     .doc = "One row of the pool `:pool`: state (`deployed` or `retired`), version, whether what "
            "it has to know was replicated to it, and the store that keeps its users."},
    {.name = "services",
     .type = BSC_SITE_OBJECT,
     .of = &services_kind,
     .doc = "The services of the pools."},
    {.name = "administration",
     .type = BSC_SITE_SQL,
     .values = pool_values,
     .least = 1,
     .doc = "Rows of tool and state: whether the pool `:pool` can be administered by the tool of "
            "its version; `reachable` where it can."},
    {.name = "talk",
     .type = BSC_SITE_SQL,
     .values = no_values,
     .doc = "Rows of sender's pool, receiver's pool, channel, how many messages were delivered and "
            "how many failed: what was measured of late."},
    {.name = "caveats",
     .type = BSC_SITE_OBJECT,
     .of = &caveats_kind,
     .doc = "What a way back costs, and whom."},
    {.name = "backup",
     .type = BSC_SITE_OBJECT,
     .of = &backup_kind,
     .doc = "The backup of the directory."},
    {.name = "retire",
     .type = BSC_SITE_SQL,
     .values = pool_values,
     .least = 1,
     .doc = "Takes the pool `:pool` out of service for good."},
};
KIND(directory, "directory", "directory",
     "Who has a home in which of two pools, while everybody is moved from one to the other.");

static const struct bsc_site_key site_keys[] = {
    {.name = "site", .type = BSC_SITE_NAME, .required = true, .doc = "Name of the site."},
    {.name = "data_centres",
     .type = BSC_SITE_NAMED,
     .required = true,
     .of = &data_centre_kind,
     .least = 1,
     .doc = "The data centres by name."},
    {.name = "links",
     .type = BSC_SITE_OBJECTS,
     .of = &link_kind,
     .doc = "The connections between data centres."},
    {.name = "servers",
     .type = BSC_SITE_NAMED,
     .required = true,
     .of = &server_kind,
     .least = 1,
     .doc = "The servers by name."},
    {.name = "databases",
     .type = BSC_SITE_NAMED,
     .of = &database_kind,
     .doc = "The databases by name."},
    {.name = "pools", .type = BSC_SITE_NAMED, .of = &pool_kind, .doc = "The pools by name."},
    {.name = "directories",
     .type = BSC_SITE_NAMED,
     .of = &directory_kind,
     .doc = "The user directories by name, for migrations from one pool to another."},
};
KIND(site, "site", "site", "Everything that runbooks of this site can name.");

const struct bsc_site_kind *bsc_site_schema(void)
{
    return &site_kind;
}

const struct bsc_site_kind *const *bsc_site_kinds(size_t *ret_count)
{
    static const struct bsc_site_kind *const kinds[] = {
        &site_kind,       &data_centre_kind, &link_kind,     &server_kind,
        &fence_kind,      &database_kind,    &copy_kind,     &log_shipping_kind,
        &loss_check_kind, &pool_kind,        &instance_kind, &directory_kind,
        &members_kind,    &services_kind,    &caveats_kind,  &backup_kind,
    };
    *ret_count = COUNT(kinds);
    return kinds;
}

const char *const *bsc_site_roles(void)
{
    return roles;
}

const char *bsc_site_type_words(enum bsc_site_type type)
{
    static const char *const words[] = {
        [BSC_SITE_NAME] = "a name of small letters, digits, _ and - that begins with a letter",
        [BSC_SITE_TEXT] = "a text",
        [BSC_SITE_SQL] = "an SQL statement",
        [BSC_SITE_STATEMENTS] = "an SQL statement, or a list of them",
        [BSC_SITE_MEMBERS] = "a list of names, or an SQL statement that gives them",
        [BSC_SITE_TRUTH] = "true or false",
        [BSC_SITE_NUMBER] = "a whole number",
        [BSC_SITE_SIZE] = "a size such as 64KiB, 256MiB or 2GiB",
        [BSC_SITE_DURATION] = "a duration such as 250ms, 5s or 2m",
        [BSC_SITE_PATH] = "a path, absolute or below the site's folder",
        [BSC_SITE_FILE] = "a file name below the server's folder, without \"..\"",
        [BSC_SITE_IDENTIFIER] = "an SQL name such as pool or dbo.pool",
        [BSC_SITE_CATALOG] = "the name of a database",
        [BSC_SITE_CONNECTION] = "an ODBC connection string",
        [BSC_SITE_SECRET] = "a reference such as env:NAME, file:PATH or command:PROGRAM ARGUMENTS",
        [BSC_SITE_CHOICE] = "one of the words allowed",
        [BSC_SITE_REFERENCE] = "a name defined in this file",
        [BSC_SITE_REFERENCES] = "a list of names defined in this file",
        [BSC_SITE_WORDS] = "a list of words: a program and its arguments",
        [BSC_SITE_OBJECT] = "a map",
        [BSC_SITE_OBJECTS] = "a list of maps",
        [BSC_SITE_NAMED] = "a map from names to maps",
    };
    return words[type];
}
