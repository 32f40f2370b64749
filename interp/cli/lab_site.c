#include "cli/lab.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"

static const char site_text[] =
    "# A practice site, made by `bascule lab new`. Paths are relative to this file.\n"
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
    "  sql1: { data_centre: dc1, platform: sqlite, folder: dc1/sql1,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  sql2: { data_centre: dc1, platform: sqlite, folder: dc1/sql2,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  sql3: { data_centre: dc2, platform: sqlite, folder: dc2/sql3,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  sql4: { data_centre: dc2, platform: sqlite, folder: dc2/sql4,\n"
    "          connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  app: { data_centre: dc2, platform: sqlite, folder: dc2/app,\n"
    "         connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  clients: { data_centre: office, platform: sqlite, folder: office,\n"
    "             connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=2000\" }\n"
    "  chat1: { data_centre: dc1 }\n"
    "  chat2: { data_centre: dc1 }\n"
    "  chat5: { data_centre: dc2 }\n"
    "  chat6: { data_centre: dc2 }\n"
    "\n"
    "databases:\n"
    "  mgc:\n"
    "    primary: { server: sql1, file: mgc.db, salvage: rescued/sql1/mgc.db }\n"
    "    mirror: { server: sql2, file: mgc.db }\n"
    "    secondary: { server: sql3, file: mgc.db }\n"
    "    secondary_mirror: { server: sql4, file: mgc.db }\n"
    "    log_shipping: { share: backups/mgc, destination: dc2/sql3/copied,\n"
    "                    destination_limit: 64MiB }\n"
    "    loss_check:\n"
    "      server: clients\n"
    "      file: ledger.db\n"
    "      known: \"SELECT count(*) FROM acknowledged\"\n"
    "      kept: \"SELECT count(*) FROM tblChatMessage\"\n"
    "  mgccomp:\n"
    "    primary: { server: sql1, file: mgccomp.db }\n"
    "    failover: never\n"
    "    note: \"Compliance records that the adapter had not exported yet are on sql1 alone.\"\n"
    "    backlog: \"SELECT count(*) FROM tblComplianceData\"\n"
    "\n"
    "pools:\n"
    "  chat: { driver: table, server: app, file: pool.db, table: pool, database: mgc,\n"
    "          maximum_active: 4, servers: [chat1, chat2, chat5, chat6] }\n";

bool bsc_lab_site_write(const struct bsc_lab *lab, struct bsc_err *err)
{
    char *path = bsc_lab_path(lab, BSC_LAB_SITE);
    bool ok = bsc_files_write(lab->cli->sys, path, site_text, strlen(site_text), 0600, err);
    bsc_mem_free(path);
    return ok;
}
