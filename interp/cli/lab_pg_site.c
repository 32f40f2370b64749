#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"
#include "os/process.h"

/* A driver takes paths as they are, so those of the connections are absolute. */
static const char site_text[] =
    "# A practice site on PostgreSQL, made by `bascule lab new`. Paths are relative to this file,\n"
    "# but for those in connections.\n"
    "site: litware\n"
    "\n"
    "data_centres:\n"
    "  dc1: { title: Atlanta }\n"
    "  dc2: { title: Boston }\n"
    "  office: { title: The users' offices }\n"
    "\n"
    "links:\n"
    "  - { between: [dc1, dc2], low_latency: false }\n"
    "\n"
    "servers:\n";

static const char site_databases[] =
    "  clients: { data_centre: office, platform: sqlite, folder: office,\n"
    "             connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  chat1: { data_centre: dc1 }\n"
    "  chat2: { data_centre: dc1 }\n"
    "  chat5: { data_centre: dc2 }\n"
    "  chat6: { data_centre: dc2 }\n"
    "\n"
    "databases:\n"
    "  mgc:\n"
    "    primary: { server: sql1, database: mgc, salvage: rescued/sql1/data }\n"
    "    mirror: { server: sql2, database: mgc }\n"
    "    secondary: { server: sql3, database: mgc }\n"
    "    secondary_mirror: { server: sql4, database: mgc }\n"
    "    log_shipping: { share: backups/mgc, destination: dc2/sql3/copied,\n"
    "                    pid_file: .lab/pids/copier, job: [lab, work, %F, copier],\n";

static const char site_rest[] =
    "    loss_check:\n"
    "      server: clients\n"
    "      file: ledger.db\n"
    "      known: \"SELECT count(*) FROM acknowledged\"\n"
    "      kept: \"SELECT count(*) FROM tblChatMessage\"\n"
    "\n"
    "pools:\n"
    "  chat: { driver: haproxy, socket: office/haproxy, state_file: office/haproxy.state,\n"
    "          state_backend: rw, backend: ro, database: mgc, maximum_active: 4,\n"
    "          servers: [chat1, chat2, chat5, chat6] }\n";

/* How a mirror is started that has been made in the server's place: the settings it was cloned with
 * name the socket of another, and the messages of the one that was there may be root's. */
static const char start_text[] = "start, -w, -D, @/%F/data, -l, @/%F/mirror.log,\n"
                                 "                  -o, \"-c unix_socket_directories=@/%F\"]";

/* Adds the text with a folder for each %F. */
static void fill_folder(const struct bsc_lab *lab, const char *text, const char *folder,
                        struct bsc_buf *out)
{
    struct bsc_buf filled;
    bsc_buf_init(&filled);
    for (; *text != '\0'; text++) {
        bool stands = text[0] == '%' && text[1] == 'F';
        if (stands)
            bsc_buf_add_text(&filled, folder);
        else
            bsc_buf_add_char(&filled, *text);
        text += stands;
    }
    bsc_lab_pg_fill(lab, filled.data, out);
    bsc_buf_release(&filled);
}

static void add_server(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                       const char *folder, struct bsc_buf *out)
{
    static const char *const no_words[] = {NULL};
    struct bsc_lab_pg_argv before;
    char *bin = bsc_files_folder_of(programs->server);
    bsc_lab_pg_argv_make(&before, no_words);
    bsc_buf_printf(out, "  %s: { data_centre: %.3s, platform: postgresql, folder: %s/data,\n",
                   bsc_files_name_of(folder), folder, folder);
    bsc_buf_printf(out, "          programs: %s,%s\n", bin,
                   before.words[0] != NULL ? " user: postgres," : "");
    fill_folder(lab,
                "          connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
                "                       Servername=@/%F\",\n"
                "          start: [",
                folder, out);
    for (size_t i = 0; before.words[i] != NULL; i++)
        bsc_buf_printf(out, "%s, ", before.words[i]);
    bsc_buf_printf(out, "\n                  %s/pg_ctl, ", bin);
    fill_folder(lab, start_text, folder, out);
    bsc_buf_add_text(out, " }\n");
    bsc_mem_free(bin);
}

/* The words that begin the copy job again. */
static bool add_job(const struct bsc_lab *lab, struct bsc_buf *out, struct bsc_err *err)
{
    char *own = bsc_process_own_path(err);
    if (own == NULL)
        return false;
    bsc_buf_printf(out, "                    start: [\"%s\", lab, work, %s, %s] }\n", own,
                   lab->folder, BSC_LAB_PG_SHIP);
    bsc_mem_free(own);
    return true;
}

bool bsc_lab_pg_site_write(const struct bsc_lab *lab, const struct bsc_lab_pg_programs *programs,
                           struct bsc_err *err)
{
    static const char *const servers[] = {BSC_LAB_PG_PRIMARY, BSC_LAB_PG_MIRROR,
                                          BSC_LAB_PG_SECONDARY, BSC_LAB_PG_NEW_MIRROR};
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, BSC_LAB_SITE);
    bsc_buf_init(&text);
    bsc_lab_pg_fill(lab, site_text, &text);
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++)
        add_server(lab, programs, servers[i], &text);
    fill_folder(lab, site_databases, lab->folder, &text);
    bool ok = add_job(lab, &text, err);
    bsc_lab_pg_fill(lab, site_rest, &text);
    ok = ok && bsc_files_write(lab->cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}
