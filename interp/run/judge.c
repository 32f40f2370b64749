#include "run/judge.h"

#include "run/brief.h"

enum bsc_outcome bsc_run_judge_error(const struct bsc_err *err)
{
    switch (err->code) {
    case BSC_ERR_TIMEOUT:
        return BSC_OUTCOME_TIMEOUT;
    case BSC_ERR_CANCELLED:
        return BSC_OUTCOME_INTERRUPTED;
    case BSC_ERR_REFUSED:
        return BSC_OUTCOME_REFUSED;
    default:
        return BSC_OUTCOME_FAILED;
    }
}

/* Compares the facts that the change foretells; those that are volatile only when asked to, since
 * they move by themselves. Where only facts tell of which nobody knew what they would be, each of
 * them must be another than before: one alone may be the first half of the work. */
static enum bsc_run_trace trace_among(const struct bsc_run_model *model,
                                      const struct bsc_run_judgement *of, bool with_volatile)
{
    bool tells = false, known = false, all = true, none = true, stays = false;
    for (size_t i = 0; i < bsc_value_count(of->becomes); i++) {
        const char *resource = bsc_value_key_at(of->becomes, i);
        const struct bsc_value *keys = bsc_value_item_at(of->becomes, i);
        const struct bsc_value *before = bsc_value_get(of->before, resource);
        const struct bsc_value *seen = bsc_value_get(of->seen, resource);
        bool looked_at = bsc_run_model_facts(model, resource) != NULL;
        for (size_t k = 0; k < bsc_value_count(keys); k++) {
            const char *key = bsc_value_key_at(keys, k);
            const struct bsc_value *wanted = bsc_value_item_at(keys, k);
            const struct bsc_value *was = bsc_value_get(before, key);
            const struct bsc_value *now = bsc_value_get(seen, key);
            if ((!with_volatile && !bsc_run_model_steady(model, resource, key)) ||
                bsc_run_brief_is(was))
                continue;
            bool as_before = bsc_run_model_same(was, now);
            /* Where it is not known which value it will be, another one than before tells. */
            bool unknown = bsc_run_model_is_unknown(wanted) && looked_at;
            known = known || !bsc_run_model_same(wanted, was);
            tells = tells || known || (unknown && !as_before);
            stays = stays || (unknown && as_before);
            all = all && bsc_run_model_same(wanted, now);
            none = none && (!looked_at || as_before);
        }
    }
    if (!tells)
        return BSC_RUN_TRACE_UNTOLD;
    return all && (known || !stays) ? BSC_RUN_TRACE_ALL
           : none                   ? BSC_RUN_TRACE_NONE
                                    : BSC_RUN_TRACE_PART;
}

enum bsc_run_trace bsc_run_judge_trace(const struct bsc_run_model *model,
                                       const struct bsc_run_judgement *of)
{
    enum bsc_run_trace trace = trace_among(model, of, false);
    return trace != BSC_RUN_TRACE_UNTOLD ? trace : trace_among(model, of, true);
}

void bsc_run_judge_tell(struct bsc_buf *text, const struct bsc_err *err)
{
    bsc_buf_printf(text, "%s%s", text->length > 0 ? "; " : "", err->message);
    if (err->cause[0] != '\0')
        bsc_buf_printf(text, ": %s", err->cause);
}

/* The row reported an error: only what is observed tells whether it took effect. */
static enum bsc_outcome judge_failure(const struct bsc_run_model *model,
                                      const struct bsc_run_judgement *of, struct bsc_buf *reason)
{
    static const char *const words[] = {
        [BSC_RUN_TRACE_UNTOLD] = "nothing that can be observed tells whether it took effect",
        [BSC_RUN_TRACE_ALL] = "observed afterwards: it has taken effect all the same",
        [BSC_RUN_TRACE_NONE] = "observed afterwards: it has not taken effect",
        [BSC_RUN_TRACE_PART] = "observed afterwards: it has taken effect in part"};
    enum bsc_outcome outcome = bsc_run_judge_error(of->row_err);
    enum bsc_run_trace trace = bsc_run_judge_trace(model, of);
    bool pending = of->row_err->code == BSC_ERR_PENDING;
    bool open_end = outcome == BSC_OUTCOME_TIMEOUT || of->row_err->code == BSC_ERR_UNKNOWN;
    if (trace == BSC_RUN_TRACE_ALL)
        outcome = BSC_OUTCOME_CHANGED;
    else if (pending)
        outcome = BSC_OUTCOME_UNKNOWN;
    else if (trace == BSC_RUN_TRACE_UNTOLD && open_end)
        outcome = BSC_OUTCOME_UNKNOWN;
    else if (trace == BSC_RUN_TRACE_PART && of->row_err->code == BSC_ERR_UNKNOWN)
        outcome = BSC_OUTCOME_UNKNOWN;
    else if (trace == BSC_RUN_TRACE_PART &&
             (outcome == BSC_OUTCOME_REFUSED || outcome == BSC_OUTCOME_FAILED))
        outcome = of->resumes ? BSC_OUTCOME_FAILED : BSC_OUTCOME_DIVERGED;
    bool stopped = open_end || outcome == BSC_OUTCOME_INTERRUPTED;
    bsc_run_judge_tell(reason, of->row_err);
    if (pending && (trace == BSC_RUN_TRACE_NONE || trace == BSC_RUN_TRACE_PART))
        bsc_buf_add_text(reason, " (observed afterwards: it has not taken effect yet)");
    else if (trace == BSC_RUN_TRACE_ALL || trace == BSC_RUN_TRACE_PART || stopped)
        bsc_buf_printf(reason, " (%s)", words[trace]);
    return outcome;
}

static void take_over(struct bsc_run_model *model, const struct bsc_run_judgement *of)
{
    for (size_t i = 0; i < bsc_value_count(of->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(of->resources, i));
        if (bsc_value_get(of->seen, resource) != NULL)
            bsc_run_model_put(model, resource, bsc_value_copy(bsc_value_get(of->seen, resource)));
    }
}

/* Of a resource that was never looked at, the change foretold its own facts and nothing else. */
static void learn_unseen(struct bsc_run_model *model, const struct bsc_run_judgement *of)
{
    for (size_t i = 0; i < bsc_value_count(of->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(of->resources, i));
        if (bsc_run_model_facts(model, resource) == NULL &&
            bsc_value_get(of->seen, resource) != NULL)
            bsc_run_model_put(model, resource, bsc_value_copy(bsc_value_get(of->seen, resource)));
    }
}

/* The row reported success: the site must now be as the model says. */
static enum bsc_outcome judge_success(struct bsc_run_model *model,
                                      const struct bsc_run_judgement *of, struct bsc_buf *reason)
{
    bool agrees = true;
    learn_unseen(model, of);
    bsc_run_model_apply(model, of->becomes);
    for (size_t i = 0; i < bsc_value_count(of->resources); i++) {
        const char *resource = bsc_value_string(bsc_value_at(of->resources, i));
        if (!bsc_run_model_agrees(model, resource, bsc_value_get(of->seen, resource),
                                  bsc_value_get(of->becomes, resource), reason))
            agrees = false;
    }
    return agrees ? BSC_OUTCOME_CHANGED : BSC_OUTCOME_DIVERGED;
}

enum bsc_outcome bsc_run_judge(struct bsc_run_model *model, const struct bsc_run_judgement *of,
                               struct bsc_buf *reason)
{
    enum bsc_outcome outcome =
        of->row_err != NULL ? judge_failure(model, of, reason) : judge_success(model, of, reason);
    take_over(model, of);
    return outcome;
}
