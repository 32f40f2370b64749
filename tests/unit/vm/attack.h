/*
 * Scripts that try to run for ever, to use all memory, to crash Lua or to reach what is not theirs.
 * Each runs in a process of its own that has a few seconds to come to the outcome it must have.
 */
#ifndef BSC_VM_ATTACK_H
#define BSC_VM_ATTACK_H

#include "vm_unit.h"

enum outcome {
    FINE = 20, /* ran to its end and returned true */
    REFUSED,   /* an ordinary error */
    STOPPED,   /* BSC_ERR_LIMIT */
    ENDED = 1, /* the process ended itself with a message on stderr */
};

struct attack {
    const char *name;
    const char *text;
    enum outcome expected;
    const char *part; /* what message or stderr must contain */
    struct bsc_vm_options options;
};

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

/* Runs the script in a child and asserts its outcome. */
void attack(const struct attack *attack);

#define ATTACK_ALL(table)                                                                          \
    for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                                \
    attack(&(table)[i])

#endif
