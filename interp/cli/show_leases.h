/*
 * Who has the leases of a site's targets, for `bascule status`.
 */
#ifndef BSC_CLI_SHOW_LEASES_H
#define BSC_CLI_SHOW_LEASES_H

#include "cli/cli.h"
#include "value/value.h"

/* Adds the places of all leases of a site to a set {path=true}. */
bool bsc_cli_leases_of_site(struct bsc_cli *cli, const char *site_path, struct bsc_value *places,
                            struct bsc_err *err);

/* Every lease in a set of places {path=…} that is not free, as a list of {place, stand, epoch, run,
 * user, host, pid, since, reason?, from?}. `stand` is held, left, untold or unreadable, see
 * journal/lease.h. With a run's id only those of that run. Returns owned, NULL on failure. */
struct bsc_value *bsc_cli_leases(struct bsc_cli *cli, const struct bsc_value *places,
                                 const char *run, struct bsc_err *err);

/* One paragraph for each; nothing where there is none. `now_ms` is the wall time. */
void bsc_cli_show_leases(struct bsc_cli *cli, const struct bsc_value *leases, int64_t now_ms);

#endif
