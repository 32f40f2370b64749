#include "run/denied.h"

#include <string.h>

#include "base/mem.h"

void bsc_run_denied_init(struct bsc_run_denied *denied)
{
    *denied = (struct bsc_run_denied){.questions = bsc_value_map()};
}

void bsc_run_denied_release(struct bsc_run_denied *denied)
{
    bsc_value_free(denied->questions);
    bsc_value_free(denied->asked);
    *denied = (struct bsc_run_denied){0};
}

static bool is_word(const struct bsc_value *answer, const char *key, const char *word)
{
    const char *said = bsc_value_get_string(answer, key);
    return said != NULL && strcmp(said, word) == 0;
}

static void answer_seen(struct bsc_run_denied *denied, const struct bsc_value *answer,
                        const char *time)
{
    const char *title = bsc_value_get_string(denied->asked, "title");
    if (title == NULL || is_word(answer, "by", "nobody"))
        return;
    bsc_value_remove(denied->questions, title);
    if (!is_word(answer, "answer", "no"))
        return;
    struct bsc_value *no = bsc_value_map();
    bsc_value_set_text(no, "by", bsc_value_get_string(answer, "by"));
    bsc_value_set_text(no, "time", time);
    bsc_value_set_int(no, "item", bsc_value_get_number(answer, "item", 0));
    bsc_value_set(denied->questions, title, no);
}

bool bsc_run_denied_seen(struct bsc_run_denied *denied, const struct bsc_journal_record *record,
                         struct bsc_err *err)
{
    bool asks = record->kind == BSC_JOURNAL_ASK;
    if (!asks && record->kind != BSC_JOURNAL_ANSWER)
        return true;
    struct bsc_value *payload = bsc_journal_record_payload(record, err);
    if (payload == NULL)
        return false;
    if (!asks)
        answer_seen(denied, payload, record->time);
    bsc_value_free(denied->asked);
    denied->asked = asks ? payload : NULL;
    if (!asks)
        bsc_value_free(payload);
    return true;
}

const struct bsc_value *bsc_run_denied_by_title(const struct bsc_run_denied *denied,
                                                const char *title)
{
    return title != NULL ? bsc_value_get(denied->questions, title) : NULL;
}

const struct bsc_value *bsc_run_denied_by_item(const struct bsc_run_denied *denied, int64_t item)
{
    for (size_t i = 0; i < bsc_value_count(denied->questions); i++) {
        const struct bsc_value *no = bsc_value_item_at(denied->questions, i);
        if (bsc_value_get_number(no, "item", 0) == item)
            return no;
    }
    return NULL;
}

char *bsc_run_denied_words(const struct bsc_value *no)
{
    const char *by = bsc_value_get_string(no, "by"), *time = bsc_value_get_string(no, "time");
    if (time == NULL || strlen(time) < 19)
        time = "0000-00-00T00:00:00";
    return bsc_mem_format("%s said no to this at %.10s %.8s UTC", by != NULL ? by : "somebody",
                          time, time + 11);
}
