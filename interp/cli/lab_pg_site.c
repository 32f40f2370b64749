#include "base/mem.h"
#include "cli/lab_pg.h"
#include "os/files.h"

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
    "servers:\n"
    "  sql1: { data_centre: dc1, platform: postgresql, folder: dc1/sql1/data,\n"
    "          connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
    "                       Servername=@/dc1/sql1\" }\n"
    "  sql2: { data_centre: dc1, platform: postgresql, folder: dc1/sql2/data,\n"
    "          connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
    "                       Servername=@/dc1/sql2\" }\n"
    "  sql3: { data_centre: dc2, platform: postgresql, folder: dc2/sql3/data,\n"
    "          connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
    "                       Servername=@/dc2/sql3\" }\n"
    "  sql4: { data_centre: dc2, platform: postgresql, folder: dc2/sql4/data,\n"
    "          connection: \"Driver=PostgreSQL Unicode;Port=5432;UID=postgres;\\\n"
    "                       Servername=@/dc2/sql4\" }\n"
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
    "                    pid_file: .lab/pids/copier }\n"
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

bool bsc_lab_pg_site_write(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, BSC_LAB_SITE);
    bsc_buf_init(&text);
    bsc_lab_pg_fill(lab, site_text, &text);
    bool ok = bsc_files_write(lab->cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}
