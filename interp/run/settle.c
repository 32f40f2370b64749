#include "run/settle.h"

#include "run/effect.h"
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

bool bsc_run_settle_look(struct bsc_run_session *session, const struct bsc_run_past *past,
                         const struct bsc_run_word *said, struct bsc_run_word *ret_found,
                         struct bsc_err *err)
{
    bool told = false;
    struct bsc_value *ids = bsc_run_effect_resources(past->open);
    struct bsc_value *seen = bsc_run_session_look(session, ids, err);
    bsc_value_free(ids);
    if (seen == NULL)
        return false;
    enum bsc_run_made made = bsc_run_past_look(past->schema, past->open, seen, &told);
    bsc_value_free(seen);
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
