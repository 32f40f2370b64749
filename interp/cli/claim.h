/*
 * Who is at work, for the leases of what is changed: made of the runs folder and the options.
 */
#ifndef BSC_CLI_CLAIM_H
#define BSC_CLI_CLAIM_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/cli.h"
#include "journal/lease.h"
#include "os/process.h"

struct bsc_cli_claim {
    struct bsc_journal_claim claim; /* borrows from below; its run is set by whoever knows it */
    char *lock;                     /* owned */
    char *reason;                   /* owned, without secrets; or NULL */
    char user[BSC_PROCESS_USER];
};

/* `take_over` is the reason given with --take-over, or NULL. BSC_ERR_USAGE when it says nothing or
 * too much. Must not be moved afterwards; release it in any case. */
bool bsc_cli_claim_init(struct bsc_cli_claim *claim, const struct bsc_cli *cli, const char *runs,
                        const char *take_over, struct bsc_err *err);
/* Accepts a zeroed one. */
void bsc_cli_claim_release(struct bsc_cli_claim *claim);

#endif
