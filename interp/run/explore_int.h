/*
 * What the files of the fault explorer share with each other, and with the walk, which goes one way
 * only (run/walk.h). For them only.
 */
#ifndef BSC_RUN_EXPLORE_INT_H
#define BSC_RUN_EXPLORE_INT_H

#include "run/explore.h"
#include "run/react.h"
#include "run/script.h"
#include "run/words.h"

enum bsc_run_mode {
    BSC_RUN_MODE_RUNNING,
    BSC_RUN_MODE_KILLED,    /* with nothing under way */
    BSC_RUN_MODE_IN_FLIGHT, /* killed with a change under way */
    BSC_RUN_MODE_HALTED,
    BSC_RUN_MODE_DONE
};

/* A state that a run can be in, taken apart. */
struct bsc_run_state {
    uint32_t spot; /* by number */
    enum bsc_run_mode mode;
    unsigned left;    /* faults that may still happen */
    int64_t time_ms;  /* that the action under way has waited: only differences matter */
    uint32_t ledger;  /* set of changes that took effect and that their actions would make again */
    uint32_t known;   /* set of those that are known to be done */
    uint32_t skipped; /* where the first optional item that was passed over begins: the number of
                         its first spot and 1; 0: none was */
    uint32_t trail;   /* what a rollback has to take back, the latest first; 0 is nothing */
    bool goes_back;   /* it is being taken back */
    bool beyond;      /* the point of no return lies behind it */
    bool excused;     /* something happened that is not the runbook's doing, and may stop it */
    bool moved;       /* the world has done something by itself, so that facts may be others */
    uint32_t halt;    /* atom of {outcome, reason}; 0 unless halted */
    size_t room;      /* of the facts */
    uint32_t *blocks; /* owned: numbers of the parts that they were loaded as */
    struct bsc_run_facts facts;
};

/* How a state was first reached. */
struct bsc_run_edge {
    uint32_t from;
    uint16_t fault; /* enum bsc_run_fault */
    bool resumed;   /* the run was resumed, or settled */
    bool guessed;   /* what cannot be known was taken to be otherwise */
    bool turned;    /* its rollback begins here */
    bool parked;    /* no fault: a gate may always have to wait */
    uint32_t move;  /* atom of the words for what the world did just now, or 0 */
};

struct bsc_run_violation {
    uint32_t state;           /* where it begins to go wrong */
    enum bsc_run_fault fault; /* there, or NONE */
    const struct bsc_run_spot *spot;
    struct bsc_value *about; /* owned {title, text, mend, line} */
};

struct bsc_run_explorer {
    const struct bsc_run_explore_order *order; /* borrowed */
    struct bsc_run_atoms *atoms;               /* owned, as all below */
    struct bsc_run_script *script;
    struct bsc_run_reactor *reactor;
    struct bsc_run_words *states;
    uint32_t empty;                 /* number of the block of which nothing is known */
    struct bsc_run_words *blocks;   /* facts of some resources side by side: parts of states */
    struct bsc_run_words *ledgers;  /* sets of doings, in order */
    struct bsc_run_words *doings;   /* a change at its place: item, action, essence, repetition */
    struct bsc_run_words *trails;   /* each one step longer than another */
    struct bsc_run_words *undos;    /* how items are taken back: item, action, atom */
    struct bsc_run_words *checks;   /* facts before and after a change, once checked */
    struct bsc_run_words *outlooks; /* facts of a resource whose moves are known */
    struct bsc_value *moves;        /* list, by the number of the outlook */
    struct bsc_run_edge *edges;     /* by the number of the state */
    uint32_t *next;                 /* where each state leads when nothing goes wrong */
    size_t edge_room;
    struct bsc_run_violation *violations;
    size_t violation_count;
    uint32_t *key; /* room to make a sequence */
    size_t key_room;
    size_t tried;
    bool incomplete;
    uint32_t explored;                  /* states gone on from so far */
    uint32_t yes, no, unknown, nothing; /* atoms of answers */
};

/* The number of no state. */
#define BSC_RUN_NOWHERE UINT32_MAX

/* Puts the block of which nothing is known among the others, as the first; returns its number. */
uint32_t bsc_run_state_empty_block(struct bsc_run_words *blocks);

/* Takes a state apart, or puts one together and says how it was reached. Returns its number. */
void bsc_run_state_load(const struct bsc_run_explorer *explorer, uint32_t number,
                        struct bsc_run_state *state);
enum bsc_run_mode bsc_run_state_mode(const struct bsc_run_explorer *explorer, uint32_t number);
const struct bsc_run_spot *bsc_run_state_spot(const struct bsc_run_explorer *explorer,
                                              uint32_t number);
const struct bsc_run_spot *bsc_run_state_at(const struct bsc_run_explorer *explorer,
                                            const struct bsc_run_state *state);
uint32_t bsc_run_state_arrive(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                              struct bsc_run_edge edge);
void bsc_run_state_release(struct bsc_run_state *state);
/* Makes room for the facts of every resource known by now; one that has just become known is as it
 * was in the beginning. */
void bsc_run_state_fit(const struct bsc_run_explorer *explorer, struct bsc_run_state *state);
/* Copies a state into another, which has been used before or is zeroed. */
void bsc_run_state_copy(struct bsc_run_state *to, const struct bsc_run_state *from);

/* Adds where a spot is to the text, as a replay names it: "3.7" is the seventh effect of the third
 * item, "3u1.2" the second of taking back the first action of it, "3u.2" of taking back all of it.
 */
void bsc_run_spot_name(const struct bsc_run_explorer *explorer, const struct bsc_run_spot *spot,
                       struct bsc_buf *text);

/* Whether these two worlds, one after the other, have never been asked about. */
bool bsc_run_state_pair_is_new(struct bsc_run_explorer *explorer,
                               const struct bsc_run_state *before,
                               const struct bsc_run_state *after);

/* Begins with nothing known but the order, which is borrowed; release in any case. */
void bsc_run_explorer_init(struct bsc_run_explorer *explorer,
                           const struct bsc_run_explore_order *order);
void bsc_run_explorer_release(struct bsc_run_explorer *explorer);
/* Puts the state in which every run begins into *state, which is zeroed. */
bool bsc_run_explorer_start(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                            struct bsc_err *err);

/* What one effect of a run that is under way leads to: without a fault, and with one that fits. The
 * state becomes the one afterwards; `number` is that of the one before, for a violation. */
bool bsc_run_explore_perform(struct bsc_run_explorer *explorer, uint32_t number,
                             struct bsc_run_state *state, struct bsc_err *err);
bool bsc_run_explore_disturb(struct bsc_run_explorer *explorer, uint32_t number,
                             struct bsc_run_state *state, enum bsc_run_fault fault,
                             struct bsc_err *err);
/* Whether a run may be parked at the effect of the spot, and what follows when it is. */
bool bsc_run_explore_may_park(const struct bsc_run_spot *spot);
bool bsc_run_explore_park(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          struct bsc_err *err);
/* The effect was answered with this atom. */
bool bsc_run_explore_answer(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                            uint32_t atom, struct bsc_err *err);
/* A run that was killed with a change under way goes on where its action begins, which looks anew
 * whether it took place; of an assumed change nothing can tell, and the run halts as unknown. */
void bsc_run_explore_settle(struct bsc_run_explorer *explorer, struct bsc_run_state *state);
/* Goes on where the action under way begins or, before the point of no return, with the first
 * optional item that was passed over: what kept it from working may be over. Whoever resumes a run
 * that halted as unknown has found out first whether its change was made. */
void bsc_run_explore_restart(struct bsc_run_explorer *explorer, struct bsc_run_state *state);
/* Whether the change of the spot is known to be done, so that it is not made again. */
bool bsc_run_explore_is_repeated(struct bsc_run_explorer *explorer,
                                 const struct bsc_run_state *state);
/* Whether somebody has to find out something before the run can be resumed. */
bool bsc_run_explore_is_stuck(const struct bsc_run_explorer *explorer,
                              const struct bsc_run_state *state);

/* What took effect and would be made again, since its action does not look whether it was: notes
 * the change of the spot; false when it has been made before. */
bool bsc_run_ledger_enter(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence);
/* Notes that it is known to be done, or asks whether it is. */
void bsc_run_ledger_learn(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence);
bool bsc_run_ledger_knows(struct bsc_run_explorer *explorer, const struct bsc_run_state *state,
                          const struct bsc_run_spot *spot, uint32_t essence);
/* Learns what became of the changes of the action under way. */
void bsc_run_ledger_find_out(struct bsc_run_explorer *explorer, struct bsc_run_state *state);

/* Looks whether a change has broken an invariant; `after` is the state it led to. */
bool bsc_run_explore_check(struct bsc_run_explorer *explorer, uint32_t number,
                           const struct bsc_run_state *before, const struct bsc_run_state *after,
                           enum bsc_run_fault fault, struct bsc_err *err);

/* Notes that something has gone wrong there, unless the same is known; takes `about`. */
void bsc_run_explore_violated(struct bsc_run_explorer *explorer, uint32_t number,
                              const struct bsc_run_spot *spot, enum bsc_run_fault fault,
                              struct bsc_value *about);

/* List of {words, facts}: what the world may do to a resource by itself; borrowed, NULL on failure.
 */
const struct bsc_value *bsc_run_explore_moves(struct bsc_run_explorer *explorer, uint32_t resource,
                                              uint32_t facts, struct bsc_err *err);

/* {id=facts} of everything that is known in a state; returns owned. */
struct bsc_value *bsc_run_explore_world(const struct bsc_run_explorer *explorer,
                                        const struct bsc_run_state *state);

/* Notes how the change of the spot is taken back, and what of the facts it has made others; on the
 * way back, what the undo under way has made others. */
void bsc_run_explore_trail(struct bsc_run_explorer *explorer, const struct bsc_run_state *before,
                           struct bsc_run_state *state, const struct bsc_run_spot *spot,
                           bool may_be_done);
/* Whether a run in this state may be taken back as soon as it has stopped, and has something to
 * take back. What is under way and cannot be looked for must be found out first. */
bool bsc_run_explore_may_go_back(const struct bsc_run_state *state);
/* Begins to. */
bool bsc_run_explore_go_back(struct bsc_run_explorer *explorer, struct bsc_run_state *state,
                             struct bsc_err *err);
/* One item has been taken back: compares the facts with those before it, and goes on with the next.
 */
bool bsc_run_explore_taken_back(struct bsc_run_explorer *explorer, uint32_t number,
                                struct bsc_run_state *state, struct bsc_err *err);

/* What was found, and the runs that cannot be brought to an end. Returns owned. */
struct bsc_value *bsc_run_explore_verdict(struct bsc_run_explorer *explorer);

#endif
