/*
 * One case on both sides: what the plan made on the twin says, and what really comes of it.
 */
#ifndef BSC_CONFORM_ACT_H
#define BSC_CONFORM_ACT_H

#include "conform.h"
#include "run/machine.h"
#include "run/session.h"
#include "value/value.h"

struct conform_sides {
    struct bsc_run_session session;
    struct bsc_redactor *redactor;   /* owned */
    char *runbook;                   /* owned: path, as long as the session */
    char *site;                      /* owned: path */
    bool says_no;                    /* the operator answers every question so */
    struct bsc_value *resources;     /* owned: ids of all that is observed */
    struct bsc_value *before;        /* owned: facts of all of them */
    struct bsc_value *plan;          /* owned: made on the twin */
    struct bsc_value *results;       /* owned: outcomes of the real items, in order */
    struct bsc_value *changes;       /* owned: changes that were really begun */
    struct bsc_value *notes;         /* owned: what was really told */
    struct bsc_value *after;         /* owned: facts of all resources */
    struct bsc_run_end end;          /* of the real run */
    struct bsc_value *undo;          /* owned: the changes that took everything back, or NULL */
    struct bsc_value *undo_outcomes; /* owned: their words, in order */
    bool undone;                     /* the undo was not refused, nor said to be needless */
    struct bsc_value *after_undo;    /* owned */
};

/* Performs the scene on the twin and on the site. False with *err when there is nothing to compare:
 * the runbook or the site cannot be read, the journal cannot be written. */
bool conform_act(const struct conform_scene *scene, struct conform_sides *sides,
                 struct bsc_err *err);
void conform_sides_release(struct conform_sides *sides);

/* Takes back what the real run has changed, by its own undo, where all of it has one. */
bool conform_act_undo(const struct conform_scene *scene, struct conform_sides *sides,
                      struct bsc_err *err);

/* The facts of all resources as they are now; returns owned, NULL on failure. */
struct bsc_value *conform_observe(struct conform_sides *sides, struct bsc_err *err);

/* The journal of the run, in the site. */
#define CONFORM_JOURNAL "journal.jsonl"

/* Makes it for a run of the plan, or goes on with it where `mode` is "rollback"; returns owned. */
struct bsc_journal *conform_journal(const struct conform_scene *scene,
                                    const struct conform_sides *sides, const char *mode,
                                    struct bsc_err *err);

#endif
