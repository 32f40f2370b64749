#include "base/buf.h"
#include "base/mem.h"
#include "cli/lab_pg.h"
#include "mirrors/pg.h"
#include "os/files.h"

enum { SETTINGS_MAX = 64 << 10 };

static bool has_file(const struct bsc_lab *lab, const char *server, const char *file)
{
    char *name = bsc_mem_format("%s/data/%s", server, file);
    char *path = bsc_lab_path(lab, name);
    bool there = bsc_files_exists(lab->cli->sys, path);
    bsc_mem_free(name);
    bsc_mem_free(path);
    return there;
}

/* Its own timeline and no later one: with the log of the other side it could not go on. */
static bool write_settings(const struct bsc_lab *lab, const char *path, struct bsc_err *err)
{
    struct bsc_buf own, command, settings;
    struct bsc_mirrors_pg_feed feed = {.timeline = "current"};
    char *share = bsc_lab_path(lab, BSC_LAB_SHARE);
    bsc_buf_init(&own);
    bsc_buf_init(&command);
    bsc_buf_init(&settings);
    bsc_mirrors_pg_restore_command(share, &command);
    feed.restore_command = command.data;
    bool ok = bsc_files_read(lab->cli->sys, path, SETTINGS_MAX, &own, err);
    if (ok) {
        bsc_mirrors_pg_feed_settings(own.data, &feed, &settings);
        ok = bsc_files_write(lab->cli->sys, path, settings.data, settings.length, 0600, err);
    }
    bsc_buf_release(&own);
    bsc_buf_release(&command);
    bsc_buf_release(&settings);
    bsc_mem_free(share);
    return ok;
}

/* With everything that it had: whoever wants to know what it had committed can ask it. */
static bool fence_server(const struct bsc_lab *lab, const char *server, struct bsc_err *err)
{
    char *settings_name = bsc_mem_format("%s/data/postgresql.auto.conf", server);
    char *signal_name = bsc_mem_format("%s/data/standby.signal", server);
    char *settings = bsc_lab_path(lab, settings_name);
    char *signal = bsc_lab_path(lab, signal_name);
    bool ok = bsc_lab_pg_server_stop(lab, server, err) && write_settings(lab, settings, err) &&
              bsc_files_write(lab->cli->sys, signal, "", 0, 0600, err) && bsc_lab_pg_give(lab, err);
    if (ok)
        bsc_cli_say(lab->cli, "the old primary is fenced: it comes back with all that it had, as a "
                              "standby that nobody can write to\n");
    bsc_mem_free(settings_name);
    bsc_mem_free(signal_name);
    bsc_mem_free(settings);
    bsc_mem_free(signal);
    return ok;
}

/* Wherever its disk is: at home, lost with its data centre, or rescued. One that was handed over is
 * closed already. */
bool bsc_lab_pg_fence(const struct bsc_lab *lab, struct bsc_err *err)
{
    static const char *const places[] = {BSC_LAB_PG_PRIMARY, BSC_LAB_LOST "/" BSC_LAB_PG_PRIMARY,
                                         "rescued/sql1"};
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof places / sizeof places[0]; i++)
        ok = !has_file(lab, places[i], "PG_VERSION") ||
             has_file(lab, places[i], "standby.signal") || fence_server(lab, places[i], err);
    return ok;
}
