/*
 * Whether the folder of a run still is the evidence of that run: the journal verifies to its end,
 * and plan, runbook, modules and site file are those that the journal names: those that the run was
 * begun with, and those that were accepted when it was resumed (run/inputs.h).
 */
#ifndef BSC_RUN_EVIDENCE_H
#define BSC_RUN_EVIDENCE_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/reader.h"
#include "os/sys.h"
#include "value/value.h"

struct bsc_run_evidence {
    struct bsc_journal_report journal;
    struct bsc_value *begins; /* owned list: the first run_begin payload of each set of inputs */
    struct bsc_value *files;  /* owned list of {file, what}: those that are not as they were */
    bool sound;               /* the journal ended and verifies, and no file differs */
};

/* Looks at everything; release *evidence in any case. False only when the journal, or another file
 * that is there, cannot be read: that proves nothing. */
bool bsc_run_evidence_read(struct bsc_run_evidence *evidence, const struct bsc_sys *sys,
                           const char *run_folder, struct bsc_err *err);
void bsc_run_evidence_release(struct bsc_run_evidence *evidence);

#endif
