/*
 * Stories of runs made up at random: whatever happens in them, whoever goes on forwards is told
 * the same of them as whoever goes back, who looks into every record.
 */
#include "past_unit.h"

enum { STORIES = 150, RECORDS = 30, ITEMS = 4 };

/* The same on every machine. */
struct dice {
    uint32_t state;
};

static int roll(struct dice *dice, int sides)
{
    dice->state = dice->state * 1664525U + 1013904223U;
    return (int)((dice->state >> 16) % (uint32_t)sides);
}

#define PICK(dice, words) (words)[roll(dice, (int)(sizeof(words) / sizeof *(words)))]

struct teller {
    struct story *story;
    struct dice *dice;
    int item;    /* the next one */
    int skipped; /* the first that was passed over, or 0 */
    int effect;  /* the last one */
    bool within;
};

/* The process dies, with or without a word, and the next one goes on there or where an item was
 * passed over. */
static void tell_death(struct teller *teller)
{
    if (roll(teller->dice, 2) == 0)
        notes_run_end(&teller->story->notes, "halted", 1);
    notes_run(&teller->story->notes, "resume");
    if (roll(teller->dice, 2) == 0)
        settled(teller->story, teller->effect, "changed", "observing");
    if (teller->skipped > 0 && roll(teller->dice, 2) == 0) {
        teller->item = teller->skipped;
        teller->skipped = 0;
    }
    teller->within = false;
}

static void tell_item_end(struct teller *teller)
{
    static const char *const outcomes[] = {"changed", "changed", "changed", "changed", "kept",
                                           "kept",    "skipped", "failed",  "unknown"};
    const char *outcome = PICK(teller->dice, outcomes);
    notes_item_end(&teller->story->notes, teller->item, outcome);
    teller->within = false;
    if (strcmp(outcome, "failed") == 0 || strcmp(outcome, "unknown") == 0)
        tell_death(teller);
    else {
        if (strcmp(outcome, "skipped") == 0 && teller->skipped == 0)
            teller->skipped = teller->item;
        teller->item++;
    }
}

static void tell_change(struct teller *teller)
{
    static const char *const says[] = {FLIP,           BLIND,          ONCE_FLIP,
                                       FLIP UNDO("A"), BLIND DECLARED, ORDER};
    static const char *const outcomes[] = {"changed", "changed", "failed", "unknown"};
    static const char *const seen[] = {B, B, A, "{'state':'C'}"};
    const struct bsc_run_place at = {teller->item, 1 + roll(teller->dice, 2)};
    intend_this(teller->story, ++teller->effect, at, "flip", PICK(teller->dice, says));
    if (roll(teller->dice, 8) == 0)
        return;
    notes_outcome(&teller->story->notes, teller->effect, PICK(teller->dice, outcomes));
    if (roll(teller->dice, 4) != 0)
        after(teller->story, teller->effect, PICK(teller->dice, seen));
}

static void tell_next(struct teller *teller)
{
    if (!teller->within) {
        notes_item(&teller->story->notes, teller->item);
        teller->within = true;
        return;
    }
    switch (roll(teller->dice, 8)) {
    case 0:
        tell_death(teller);
        break;
    case 1:
        action_begins(teller->story, teller->item, 1 + roll(teller->dice, 2));
        break;
    case 2:
    case 3:
    case 4:
        tell_change(teller);
        break;
    default:
        tell_item_end(teller);
    }
}

static void whoever_goes_on_forwards_is_told_the_same_of_any_story(void **state)
{
    struct dice dice = {20261121};
    for (int i = 0; i < STORIES; i++) {
        struct story story;
        char name[32];
        snprintf(name, sizeof name, "story%d", i);
        char *folder = unit_path(*state, name);
        void *here = folder;
        story_begin(&story, &here);
        struct teller teller = {.story = &story, .dice = &dice, .item = 1};
        for (int k = 0; k < RECORDS && teller.item <= ITEMS; k++) {
            tell_next(&teller);
            read_past(&story);
        }
        story_end(&story);
        free(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_IN_FOLDER(whoever_goes_on_forwards_is_told_the_same_of_any_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
