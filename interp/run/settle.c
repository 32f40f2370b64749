#include "run/settle.h"

#include <string.h>

#include "lib/row.h"
#include "run/effect.h"
#include "run/judge.h"
#include "run/record.h"

static const char *outcome_of(enum bsc_run_made made)
{
    static const char *const words[] = {[BSC_RUN_MADE_NOT] = "failed",
                                        [BSC_RUN_MADE_MAYBE] = "unknown",
                                        [BSC_RUN_MADE] = "changed"};
    return words[made];
}

const char *bsc_run_settle_words(enum bsc_run_made made)
{
    static const char *const words[] = {[BSC_RUN_MADE_NOT] = "it was not made",
                                        [BSC_RUN_MADE_MAYBE] = "its step looks what is left to do",
                                        [BSC_RUN_MADE] = "it was made"};
    return words[made];
}

static bool ask_for_a_word(const struct bsc_value *intent, struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_UNKNOWN,
                "nothing that can be observed tells whether this change was made: %s",
                bsc_value_get_string(intent, "statement"));
    return bsc_err_hint(err,
                        "Look at %s yourself. If it was made, add --settle made, and it is not "
                        "made again; if it was not, add --settle not-made.",
                        bsc_value_get_string(intent, "resource"));
}

static enum bsc_run_made made_by(const char *state)
{
    if (state != NULL && strcmp(state, "made") == 0)
        return BSC_RUN_MADE;
    return state != NULL && strcmp(state, "void") == 0 ? BSC_RUN_MADE_NOT : BSC_RUN_MADE_MAYBE;
}

/* What its own row says counts more than facts: those that are as they were do not tell that what
 * was ordered will not happen any more, and others move for reasons of their own. */
static enum bsc_run_made settle_by_row(struct bsc_run_session *session,
                                       const struct bsc_run_past *past, struct bsc_buf *why)
{
    const struct bsc_value *intent = past->open;
    struct bsc_err own = BSC_ERR_INIT;
    const struct bsc_lib_row *row = bsc_lib_find(bsc_value_get_string(intent, "settles"));
    if (row == NULL || row->effect != BSC_LIB_READ)
        return BSC_RUN_MADE_MAYBE;
    struct bsc_value *args = bsc_run_effect_args(intent);
    /* Only who goes back needs to know for sure: a step that goes on looks by itself. */
    bsc_value_set_bool(args, "patient", past->with_trail);
    struct bsc_value *told = bsc_run_session_call(session, row, args, &own);
    enum bsc_run_made made = made_by(bsc_value_get_string(told, "state"));
    const char *reason = bsc_value_get_string(told, "reason");
    if (told == NULL)
        bsc_run_judge_tell(why, &own);
    else if (reason != NULL)
        bsc_buf_add_text(why, reason);
    bsc_value_free(told);
    bsc_value_free(args);
    return made;
}

bool bsc_run_settle_look(struct bsc_run_session *session, const struct bsc_run_past *past,
                         const struct bsc_run_word *said, struct bsc_run_word *ret_found,
                         struct bsc_buf *why, struct bsc_err *err)
{
    bool told = false;
    struct bsc_value *ids = bsc_run_effect_resources(past->open);
    struct bsc_value *seen = bsc_run_session_look(session, ids, err);
    bsc_value_free(ids);
    if (seen == NULL)
        return false;
    enum bsc_run_made made = bsc_run_past_look(past->schema, past->open, seen, &told);
    bsc_value_free(seen);
    if (made != BSC_RUN_MADE && bsc_value_get_string(past->open, "settles") != NULL)
        made = settle_by_row(session, past, why);
    *ret_found = (struct bsc_run_word){made, "observing"};
    if (made != BSC_RUN_MADE_MAYBE || !bsc_value_get_truth(past->open, "once"))
        return true;
    *ret_found = *said;
    return said->made != BSC_RUN_MADE_MAYBE || ask_for_a_word(past->open, err);
}

bool bsc_run_settle_record(struct bsc_journal *journal, int64_t number,
                           const struct bsc_run_word *found, struct bsc_err *err)
{
    return bsc_run_record_settled(journal, number, outcome_of(found->made), found->by, err);
}
