/*
 * A run told from its journal: what the report shows, gathered record by record.
 */
#ifndef BSC_RUN_STORY_H
#define BSC_RUN_STORY_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/reader.h"
#include "os/sys.h"
#include "value/value.h"

/*
 * All values are owned by the story.
 *   begins  the payloads of run_begin, each with `time`
 *   items   [{item, title, kind, attempt, process, again, begin, end, outcome, reason, actions,
 *             changes [intent with time, outcome, result, error, duration_us, after {id=facts},
 *             moves (run/moves.h) where it has parts],
 *             notes [{kind, text, data, time}], asks [{title, lines, time, answer, by, reason}]}]
 *           `process` is the number of its run_begin, `attempt` counts those of this item, and
 *           `again` is true when there is a later one
 *   notes   those outside of any item, and `losses` those of kind loss, wherever they were
 *   facts   {id=facts} as last seen
 *   end     the payload of the run_end of the last process with `time`, or NULL
 *   attempts  {key=count}: how often each item was begun, and each undo that is not done yet
 */
struct bsc_run_story {
    struct bsc_value *begins;
    struct bsc_value *items;
    struct bsc_value *notes;
    struct bsc_value *losses;
    struct bsc_value *facts;
    struct bsc_value *end;
    struct bsc_value *attempts;
    size_t items_begun; /* each once */
    size_t items_undone;
    struct bsc_value *item; /* borrowed: the one that is open, or NULL */
    struct bsc_journal_report report;
};

/* Fills *story, which must be zeroed; release it in any case. Bad records are told by
 * story->report. */
bool bsc_run_story_read(struct bsc_run_story *story, const struct bsc_sys *sys, const char *journal,
                        struct bsc_err *err);
void bsc_run_story_release(struct bsc_run_story *story);

#endif
