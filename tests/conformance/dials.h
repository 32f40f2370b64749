/*
 * Starting states as vectors of choices: drawing, naming, reading, shrinking.
 */
#ifndef BSC_CONFORM_DIALS_H
#define BSC_CONFORM_DIALS_H

#include "conform.h"

size_t conform_dial_count(const struct conform_subject *subject);

/* How many cases the subject has by itself: the plain one, each with one dial turned, its draws. */
unsigned conform_case_count(const struct conform_subject *subject);

/* The index-th case of a seed; the same seed gives the same cases. */
void conform_draw(const struct conform_subject *subject, uint64_t seed, unsigned index,
                  struct conform_state *ret);

/* The word of a dial in this scene; "" for a dial that the subject does not have. */
const char *conform_word(const struct conform_scene *scene, const char *dial);
bool conform_is(const struct conform_scene *scene, const char *dial, const char *word);

/* Whether something of the state is such that no fact tells of it. */
bool conform_unseen(const struct conform_subject *subject, const struct conform_state *state);

unsigned conform_turned(const struct conform_subject *subject, const struct conform_state *state);

/* "secondary=standby backups=0", for people and for conform_read; nothing when all is plain. */
void conform_describe(const struct conform_subject *subject, const struct conform_state *state,
                      struct bsc_buf *text);

/* Turns one dial as "NAME=WORD" says; false when there is no such dial or word. */
bool conform_read(const struct conform_subject *subject, const char *text,
                  struct conform_state *state);

/* Makes a failing state smaller: turns one dial back at a time for as long as `fails` still says
 * so. Ends with a state of which no dial can be turned back. */
void conform_shrink(const struct conform_subject *subject, struct conform_state *state,
                    bool (*fails)(void *arg, const struct conform_state *state), void *arg);

#endif
