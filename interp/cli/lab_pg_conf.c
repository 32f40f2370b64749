#include <string.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"

/* HAProxy makes a socket under a name of its own first. */
#define LONGEST_SOCKET "/" BSC_LAB_PG_FRONT "/.s.PGSQL.5432.4194304.tmp"

bool bsc_lab_pg_folder_check(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";
    static const size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    size_t most = longest - strlen(LONGEST_SOCKET);
    if (strlen(lab->folder) > most) {
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is too long for the names of its sockets",
                    lab->folder);
        return bsc_err_hint(err, "Use a path of at most %zu bytes.", most);
    }
    if (lab->folder[strspn(lab->folder, plain)] == '\0')
        return true;
    bsc_err_set(err, BSC_ERR_INVALID,
                "\"%s\" cannot stand in the settings of PostgreSQL and HAProxy", lab->folder);
    return bsc_err_hint(err, "Use a path of ASCII letters, digits and the characters / . _ + -");
}

static bool write_text(const struct bsc_lab *lab, const char *name, const struct bsc_buf *text,
                       struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, name);
    bool ok = bsc_files_write(lab->cli->sys, path, text->data, text->length, 0600, err);
    bsc_mem_free(path);
    return ok;
}

void bsc_lab_pg_fill(const struct bsc_lab *lab, const char *text, struct bsc_buf *out)
{
    for (; *text != '\0'; text++) {
        if (text[0] == '@' && text[1] == '/')
            bsc_buf_add_text(out, lab->folder);
        else
            bsc_buf_add_char(out, *text);
    }
}

/* A log file that has been archived once may be asked for again after a crash; and one that is half
 * there is nobody's. */
static const char server_settings[] =
    "# A server of a practice site, made by `bascule lab new`.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "dynamic_shared_memory_type = mmap\n"
    "shared_buffers = 16MB\n"
    "max_connections = 40\n"
    "min_wal_size = 8MB\n"
    "max_wal_size = 128MB\n"
    "wal_keep_size = 32MB\n"
    "track_commit_timestamp = on\n"
    "timezone = 'UTC'\n"
    "log_timezone = 'UTC'\n"
    "archive_mode = on\n"
    "archive_command = 'cmp -s %p @/" BSC_LAB_SHARE "/%f || { test ! -e @/" BSC_LAB_SHARE "/%f && "
    "cp %p @/" BSC_LAB_SHARE "/.%f.part && mv @/" BSC_LAB_SHARE "/.%f.part @/" BSC_LAB_SHARE
    "/%f; }'\n"
    "archive_timeout = 30\n";

static const char mirror_settings[] = "primary_conninfo = 'host=@/" BSC_LAB_PG_PRIMARY
                                      " port=5432 user=postgres application_name=sql2'\n";

static const char secondary_settings[] =
    "restore_command = 'test -e @/" BSC_LAB_PG_SECONDARY "/copied/%f && cp @/" BSC_LAB_PG_SECONDARY
    "/copied/%f %p'\n"
    "recovery_target_timeline = 'latest'\n";

static const char *role_settings(const char *server)
{
    if (strcmp(server, BSC_LAB_PG_PRIMARY) == 0)
        return "synchronous_standby_names = 'sql2'\n";
    return strcmp(server, BSC_LAB_PG_MIRROR) == 0 ? mirror_settings : secondary_settings;
}

bool bsc_lab_pg_settings_write(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    struct bsc_buf text;
    char *name = bsc_mem_format("%s/data/postgresql.conf", server);
    bsc_buf_init(&text);
    bsc_lab_pg_fill(lab, server_settings, &text);
    bsc_buf_printf(&text, "unix_socket_directories = '%s/%s'\n", lab->folder, server);
    bsc_lab_pg_fill(lab, role_settings(server), &text);
    bool ok = write_text(lab, name, &text, err);
    bsc_buf_release(&text);
    bsc_mem_free(name);
    return ok;
}

#define SOCKET          "/.s.PGSQL.5432"
#define AT(folder)      " unix@@/" folder SOCKET
#define AT_REST(folder) AT(folder) " disabled"

/* The servers of `rw` have the names of the site's servers, those of `ro` the names of the front
 * ends that read there. */
/* clang-format off */
static const char haproxy_settings[] =
    "# HAProxy of a practice site, made by `bascule lab new`.\n"
    "global\n"
    "  stats socket @/" BSC_LAB_PG_RUNTIME " mode 600 level admin\n"
    "  server-state-file @/" BSC_LAB_PG_STATES "\n"
    "defaults\n"
    "  mode tcp\n"
    "  load-server-state-from-file global\n"
    "  retries 0\n"
    "  timeout connect 500ms\n"
    "  timeout client 1h\n"
    "  timeout server 1h\n"
    "  default-server on-marked-down shutdown-sessions\n"
    "frontend rw\n"
    "  bind" AT(BSC_LAB_PG_FRONT) " mode 600\n"
    "  default_backend rw\n"
    "frontend ro\n"
    "  bind" AT(BSC_LAB_PG_READERS) " mode 600\n"
    "  default_backend ro\n"
    "backend rw\n"
    "  server sql1" AT(BSC_LAB_PG_PRIMARY) "\n"
    "  server sql3" AT_REST(BSC_LAB_PG_SECONDARY) "\n"
    "backend ro\n"
    "  server chat1" AT(BSC_LAB_PG_PRIMARY) "\n"
    "  server chat2" AT(BSC_LAB_PG_MIRROR) "\n"
    "  server chat5" AT_REST(BSC_LAB_PG_SECONDARY) "\n"
    "  server chat6" AT_REST(BSC_LAB_PG_NEW_MIRROR) "\n";
/* clang-format on */

bool bsc_lab_pg_haproxy_write(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_lab_pg_fill(lab, haproxy_settings, &text);
    bool ok = write_text(lab, BSC_LAB_PG_HAPROXY, &text, err);
    bsc_buf_release(&text);
    return ok;
}
