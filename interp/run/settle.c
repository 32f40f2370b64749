#include "run/settle.h"

#include <string.h>

#include "base/mem.h"
#include "run/record.h"

/* The resources of a change, each once: its own first. */
static struct bsc_value *resources_of(const struct bsc_value *intent)
{
    const char *own = bsc_value_get_string(intent, "resource");
    const struct bsc_value *becomes = bsc_value_get(intent, "becomes");
    struct bsc_value *ids = bsc_value_list();
    bsc_value_append(ids, bsc_value_text(own));
    for (size_t i = 0; i < bsc_value_count(becomes); i++) {
        if (strcmp(bsc_value_key_at(becomes, i), own) != 0)
            bsc_value_append(ids, bsc_value_text(bsc_value_key_at(becomes, i)));
    }
    return ids;
}

static const char *outcome_of(enum bsc_run_made made)
{
    static const char *const words[] = {[BSC_RUN_MADE_NOT] = "failed",
                                        [BSC_RUN_MADE_MAYBE] = "unknown",
                                        [BSC_RUN_MADE] = "changed"};
    return words[made];
}

static const char *words_of(enum bsc_run_made made)
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

bool bsc_run_settle(struct bsc_run_session *session, struct bsc_journal *journal,
                    struct bsc_run_past *past, const struct bsc_run_word *said, char **ret_text,
                    struct bsc_err *err)
{
    bool told = false;
    *ret_text = NULL;
    if (past->open == NULL)
        return true;
    struct bsc_value *ids = resources_of(past->open);
    struct bsc_value *seen = bsc_run_session_look(session, ids, err);
    bsc_value_free(ids);
    if (seen == NULL)
        return false;
    enum bsc_run_made made = bsc_run_past_look(past->schema, past->open, seen, &told);
    bsc_value_free(seen);
    bool looks_itself = !bsc_value_get_truth(past->open, "once");
    bool unsettled = made == BSC_RUN_MADE_MAYBE && !looks_itself;
    if (unsettled && said->made == BSC_RUN_MADE_MAYBE)
        return ask_for_a_word(past->open, err);
    made = unsettled ? said->made : made;
    if (!bsc_run_record_settled(journal, bsc_value_get_number(past->open, "effect", 0),
                                outcome_of(made), unsettled ? said->by : "observing", err))
        return false;
    *ret_text =
        bsc_mem_format("%s: %s", bsc_value_get_string(past->open, "statement"), words_of(made));
    bsc_run_past_settle(past, made);
    return true;
}
