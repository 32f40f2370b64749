#include "cli/claim.h"

#include <string.h>

#include "base/mem.h"
#include "os/files.h"

enum { REASON_MAX = 500 };

static bool reason_take(struct bsc_cli_claim *claim, const struct bsc_cli *cli,
                        const char *take_over, struct bsc_err *err)
{
    size_t blank = strspn(take_over, " \t\r\n");
    struct bsc_buf text;
    if (take_over[blank] == '\0' || strlen(take_over) > REASON_MAX)
        return bsc_err_set(err, BSC_ERR_USAGE, "--take-over needs a reason of 1 to %d bytes",
                           REASON_MAX);
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, take_over);
    bsc_redact_apply(cli->redactor, &text);
    claim->reason = bsc_mem_text(text.data);
    bsc_buf_release(&text);
    return true;
}

bool bsc_cli_claim_init(struct bsc_cli_claim *claim, const struct bsc_cli *cli, const char *runs,
                        const char *take_over, struct bsc_err *err)
{
    struct bsc_err missing = BSC_ERR_INIT;
    *claim = (struct bsc_cli_claim){0};
    if (take_over != NULL && !reason_take(claim, cli, take_over, err))
        return false;
    /* Before the first run there is no folder yet, and nobody who could be meant by it. */
    char *real = bsc_files_real_path(runs, &missing);
    claim->lock = bsc_files_join(real != NULL ? real : runs, "lock");
    bsc_mem_free(real);
    bsc_process_user(claim->user);
    claim->claim = (struct bsc_journal_claim){NULL, claim->lock, claim->user, claim->reason};
    return true;
}

void bsc_cli_claim_release(struct bsc_cli_claim *claim)
{
    bsc_mem_free(claim->lock);
    bsc_mem_free(claim->reason);
    *claim = (struct bsc_cli_claim){0};
}
