/*
 * Sequences of numbers told apart by number: equal sequences get the same one. States of a search
 * and the keys of what it has worked out already are such sequences.
 */
#ifndef BSC_RUN_WORDS_H
#define BSC_RUN_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bsc_run_words;

/* Returns owned. */
struct bsc_run_words *bsc_run_words_new(void);
void bsc_run_words_free(struct bsc_run_words *words);

/* The number of a sequence, from 0 up; *ret_new says whether it has just been given. */
uint32_t bsc_run_words_add(struct bsc_run_words *words, const uint32_t *sequence, size_t length,
                           bool *ret_new);

/* The sequence of a number, borrowed until the next add. */
const uint32_t *bsc_run_words_get(const struct bsc_run_words *words, uint32_t number,
                                  size_t *ret_length);

size_t bsc_run_words_count(const struct bsc_run_words *words);

#endif
