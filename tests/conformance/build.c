#include "build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "dials.h"
#include "hold.h"
#include "life.h"
#include "put.h"

#define DRIVER "connection: \"Driver=SQLite3;NoCreat=Yes;Timeout=10\""

static const char site_text[] =
    "site: conformance\n"
    "data_centres: { dc1: { title: Atlanta }, dc2: { title: Boston }, dc3: { title: Salem } }\n"
    "links: [ { between: [dc2, dc3], low_latency: true } ]\n"
    "servers:\n"
    "  sql1: { data_centre: dc1, platform: sqlite, folder: dc1/sql1, " DRIVER " }\n"
    "  sql2: { data_centre: dc1, platform: sqlite, folder: dc1/sql2, " DRIVER " }\n"
    "  sql3: { data_centre: dc2, platform: sqlite, folder: dc2/sql3, " DRIVER " }\n"
    "  sql4: { data_centre: dc2, platform: sqlite, folder: dc2/sql4, " DRIVER " }\n"
    "  app: { data_centre: dc2, platform: sqlite, folder: dc2/app, " DRIVER " }\n"
    "  chat1: { data_centre: dc1 }\n"
    "  chat5: { data_centre: dc2 }\n"
    "  chat7: { data_centre: dc3 }\n"
    "databases:\n"
    "  mgc:\n"
    "    primary: { server: sql1, file: mgc.db%s }\n"
    "    secondary: { server: sql3, file: mgc.db }\n"
    "    log_shipping: { share: backups/mgc, destination: dc2/sql3/copied%s }\n"
    "    loss_check: { server: app, file: ledger.db,\n"
    "                  known: \"SELECT count(*) FROM acknowledged\",\n"
    "                  kept: \"SELECT count(*) FROM message\" }\n"
    "%s"
    "pools:\n"
    "%s%s";

static const char table_text[] =
    "  chat: { driver: table, server: app, file: pool.db, table: pool, database: mgc,\n"
    "          maximum_active: 2, servers: [chat1, chat5, chat7] }\n";

/* Each copy that there is has to be looked at again and again: they are there for those subjects
 * only that have to do with them. */
static const char mirrors_text[] = "    mirror: { server: sql2, file: mgc.db }\n"
                                   "    secondary_mirror: { server: sql4, file: mgc.db }\n"
                                   "  mgccomp:\n"
                                   "    failover: never\n"
                                   "    note: Compliance stays where it is.\n"
                                   "    backlog: \"SELECT count(*) FROM waiting\"\n"
                                   "    primary: { server: app, file: mgccomp.db }\n";

static void write_site_file(const struct conform_scene *scene)
{
    const char *salvage = ", salvage: rescued/sql1/mgc.db";
    const char *limit = conform_is(scene, "room", "none") ? ", destination_limit: 1KiB" : "";
    bool mirrors = conform_word(scene, "target")[0] != '\0';
    bool haproxy = conform_word(scene, "front")[0] != '\0';
    char *pool = haproxy ? conform_haproxy_pool(scene) : bsc_mem_text(table_text);
    char *text =
        bsc_mem_format(site_text, conform_is(scene, "disk", "nowhere") ? "" : salvage, limit,
                       mirrors ? mirrors_text : "", pool, conform_directory_site(scene));
    conform_put_text(scene, "site.yaml", text);
    bsc_mem_free(pool);
    bsc_mem_free(text);
}

static unsigned backup_count(const struct conform_scene *scene)
{
    const char *word = conform_word(scene, "backups");
    return word[0] == '\0' ? 3 : (unsigned)strtoul(word, NULL, 10);
}

void conform_backups(const struct conform_scene *scene, struct bsc_files_list *ret)
{
    struct bsc_err err = BSC_ERR_INIT;
    char *share = conform_path(scene, "backups/mgc");
    *ret = (struct bsc_files_list){0};
    conform_need(bsc_files_list(share, ret, &err), "list", share);
    bsc_mem_free(share);
}

void conform_build(const struct conform_scene *scene)
{
    bool tail = !conform_is(scene, "disk", "quiet");
    fault_tree_save(conform_life_at(scene->bench->life, backup_count(scene), tail),
                    scene->bench->site);
    conform_build_disk(scene);
    conform_build_chain(scene);
    conform_build_primary(scene);
    conform_build_target(scene);
    conform_build_secondary(scene);
    conform_build_home(scene);
    conform_build_pool(scene);
    conform_build_haproxy(scene);
    conform_build_own(scene);
    conform_build_directory(scene);
    conform_build_folders(scene);
    write_site_file(scene);
}
