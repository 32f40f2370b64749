/*
 * Who runs what, where and when: the payload of a journal's first record.
 */
#ifndef BSC_RUN_ABOUT_H
#define BSC_RUN_ABOUT_H

#include "run/session.h"
#include "value/value.h"

/* The payload of run_begin (journal/records.h) for a run of this plan. Returns owned. */
struct bsc_value *bsc_run_about(const struct bsc_run_session *session, const struct bsc_value *plan,
                                const char *run_id, const char *mode);

/* Adds where the run is kept, its folder, so that a copy of it is known, and where it starts its
 * programs, so that whoever goes on with it does the same. */
void bsc_run_about_place(struct bsc_value *about, const struct bsc_run_session *session,
                         const char *folder);

#endif
