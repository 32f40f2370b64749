/*
 * States of a disk, in memory that the processes of a test share.
 *
 * An attempt puts them in while it runs, the test takes them out when it has ended. Equal contents
 * are held once, and nothing is ever given back but all of it. One process at a time puts in.
 */
#ifndef BSC_FAULT_STORE_H
#define BSC_FAULT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* Tells states apart; it need not withstand anybody's ill will. */
struct fault_hash {
    uint64_t a, b;
};

void fault_hash_add(struct fault_hash *hash, const void *bytes, size_t length);
bool fault_hash_same(const struct fault_hash *a, const struct fault_hash *b);

struct fault_blob {
    struct fault_hash hash;
    size_t length;
    bool has_likeness;
    struct fault_hash likeness; /* of what counts in it, see likeness.h */
    char bytes[];               /* and a NUL */
};

struct fault_entry {
    const char *name; /* relative to the site */
    mode_t mode;
    struct timespec mtime;
    struct fault_blob *blob; /* NULL for a folder */
};

/* What a stopped run has left. */
struct fault_state {
    struct fault_entry *entries; /* in order of name */
    size_t count;
    const struct fault_state *before; /* the run went on from this one; NULL: from the beginning */
    unsigned long sys_call, sql_call; /* the calls before it */
    const char *how;                  /* what was lost, for people */
    bool session;                     /* still there: the program that has a copy open */
    unsigned agents;                  /* and the agents of mirrors, see others.h */
    struct fault_hash likeness;
};

struct fault_store;

struct fault_store *fault_store_new(void);
void fault_store_free(struct fault_store *store);

/* The following never return NULL: the test ends when there is no more room. */
void *fault_store_room(struct fault_store *store, size_t size);
struct fault_blob *fault_store_blob(struct fault_store *store, const void *bytes, size_t length);
const char *fault_store_text(struct fault_store *store, const char *text);

/* Keeps a copy of the state, of its entries and of what is in them, unless one of the same likeness
 * is known; whether it did. */
bool fault_store_add(struct fault_store *store, const struct fault_state *state);

size_t fault_store_count(const struct fault_store *store);
const struct fault_state *fault_store_at(const struct fault_store *store, size_t index);
/* How many states were offered, the known ones among them. */
size_t fault_store_offered(const struct fault_store *store);
/* Makes the folder hold exactly the state, with the same times. */
void fault_state_put(const struct fault_state *state, const char *folder);

#endif
