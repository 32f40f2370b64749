/*
 * Whether the twin and the real platform agree, primitive by primitive.
 *
 * A subject is one primitive with the dials that its starting state has. Each case turns some of
 * the dials, makes the site so, performs the same runbook on the twin and on the site, and compares
 * outcome, reason, statements and the facts afterwards. The zeroth word of a dial is the plain one,
 * so that a case that fails can be made smaller by turning dials back.
 */
#ifndef BSC_CONFORM_H
#define BSC_CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fault/tree.h"
#include "base/buf.h"

enum { CONFORM_DIALS_MAX = 12, CONFORM_WORDS_MAX = 14, CONFORM_TEXT = 32 * 1024 };

/* One independent choice about the starting state. */
struct conform_dial {
    const char *name;
    const char *words[CONFORM_WORDS_MAX]; /* ends with NULL; the first is the plain one */
    /* Words for what no fact tells of, with blanks between them; or NULL. Where one of them is
     * turned on, the twin cannot know what will happen: the real platform may stop, but has to say
     * so and must not touch anything that was not announced. */
    const char *unseen;
};

struct conform_state {
    unsigned char word[CONFORM_DIALS_MAX]; /* for each dial of the subject, which word */
};

struct conform_scene;

struct conform_subject {
    const char *name;                        /* of the primitive; behind an @: what else */
    const struct conform_dial *const *dials; /* ends with NULL */
    unsigned draws; /* cases with several dials turned, beside those with one or none */
    bool whole;     /* a procedure of several primitives, which the vocabulary does not list */
    /* Writes the runbook that is performed in this starting state. */
    void (*write)(const struct conform_scene *scene, struct bsc_buf *runbook);
};

/* Where a test works. */
struct conform_bench {
    char *program;                   /* owned: how this test was called */
    char *folder;                    /* owned: everything below is in it */
    char *site;                      /* owned: folder of the site */
    struct conform_life *life;       /* owned: the past of the database, see life.h */
    struct conform_verdict *verdict; /* shared with the attempts */
};

/* Processes that have a file open; ended by their ids. */
struct conform_holders {
    int pid[8];
    size_t count;
};

/* One starting state of one subject. All borrowed. */
struct conform_scene {
    const struct conform_bench *bench;
    const struct conform_subject *subject;
    const struct conform_state *state;
    struct conform_holders *holders;
    const char *runbook; /* what is performed; NULL: what the subject writes */
};

/* Makes the site what the state says. Whoever is to hold files is started; see hold.h. */
void conform_build(const struct conform_scene *scene);

/* What came of one case. Shared between the process that tries it and the one that judges. */
struct conform_verdict {
    bool ended;              /* the attempt came to its end; otherwise the process was ended */
    bool agrees;             /* twin and platform did */
    char outcome[16];        /* of the real run */
    char text[CONFORM_TEXT]; /* both sides and their differences, for people */
};

/* Ends the program when the test itself cannot go on. */
void conform_need(bool ok, const char *doing, const char *what);

/* Every subject; ends with NULL. NULL when there is none of that name. */
extern const struct conform_subject *const conform_subjects[];
const struct conform_subject *conform_subject(const char *name);

/* Tries one case in a process of its own and fills bench->verdict. True when both sides agree. */
bool conform_try(const struct conform_bench *bench, const struct conform_subject *subject,
                 const struct conform_state *state);

/* One action on a site that is there already, as its servers are at this moment. */
struct conform_turn {
    const char *outcome; /* that it must have */
    const char *action;  /* of db and chat, in Lua */
    const char *more;    /* further keys of its step, or "" */
    bool stays;          /* it is not taken back */
};

/* Performs it in bench->site and fills bench->verdict. True when both sides agree. */
bool conform_try_turn(const struct conform_bench *bench, const struct conform_turn *turn);

/* Whether every primitive of the library has a subject, every subject is one of the library's and
 * is among `tested` (ends with NULL): what is registered as a test. */
bool conform_covered(const char *const *tested);

#endif
