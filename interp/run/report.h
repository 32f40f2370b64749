/*
 * The report of a run: one HTML page for people, made of its folder alone.
 *
 * The page holds everything it needs: no scripts, nothing fetched from elsewhere, light or dark as
 * the reader likes it, every text escaped. It says what the journal says, and whether the journal
 * verifies. May include every room to its left.
 */
#ifndef BSC_RUN_REPORT_H
#define BSC_RUN_REPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "os/sys.h"
#include "value/value.h"

/* Appends the page. `plan` (borrowed) is that of the run, whole, lightened or its head: the
 * page is the same; NULL reads it from the folder. A journal that is damaged or torn is reported as
 * such, up to its first bad record; a plan that is missing or was changed is named on the page.
 * False only when the journal cannot be read at all. */
bool bsc_run_report_html(const struct bsc_sys *sys, const char *run_folder,
                         const struct bsc_value *plan, struct bsc_buf *out, struct bsc_err *err);

#endif
