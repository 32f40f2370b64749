/*
 * What became of a change: what its row said against what a look afterwards showed.
 *
 * The same for a change of the real site and for one that is rehearsed.
 */
#ifndef BSC_RUN_JUDGE_H
#define BSC_RUN_JUDGE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "run/model.h"
#include "run/outcome.h"
#include "value/value.h"

/* All borrowed. */
struct bsc_run_judgement {
    const struct bsc_value *becomes;   /* {id={key=value}}: what the change foretold */
    const struct bsc_value *resources; /* list of ids: what was looked at afterwards */
    const struct bsc_value *before;    /* {id={key=value}}: those keys before it */
    const struct bsc_value *seen;      /* {id=facts}: the look afterwards */
    const struct bsc_err *row_err;     /* NULL: the row reported success */
    bool resumes;                      /* the row goes on where it stopped, if done again */
};

/* What a look afterwards tells about whether a change took place, whatever was reported. */
enum bsc_run_trace {
    BSC_RUN_TRACE_UNTOLD, /* nothing: no fact tells before from after */
    BSC_RUN_TRACE_ALL,    /* its facts came true */
    BSC_RUN_TRACE_NONE,   /* its facts are as they were */
    BSC_RUN_TRACE_PART    /* neither */
};

enum bsc_run_trace bsc_run_judge_trace(const struct bsc_run_model *model,
                                       const struct bsc_run_judgement *of);

/* The outcome, with the reason appended to *reason unless it is `changed` as foretold. The model
 * takes over what was seen. */
enum bsc_outcome bsc_run_judge(struct bsc_run_model *model, const struct bsc_run_judgement *of,
                               struct bsc_buf *reason);

/* The word for a row that failed and left nothing behind. */
enum bsc_outcome bsc_run_judge_error(const struct bsc_err *err);

/* Appends message and cause of an error, after what the text holds. */
void bsc_run_judge_tell(struct bsc_buf *text, const struct bsc_err *err);

#endif
