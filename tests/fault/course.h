/*
 * A runbook on its way over the small site: where it begins, what it may change, and what the site
 * is to be in the end.
 */
#ifndef BSC_FAULT_COURSE_H
#define BSC_FAULT_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fault_bench;
struct fault_order;

/* What may have been changed once a row of this name was intended. */
struct fault_rule {
    const char *begins; /* of a name in the site */
    const char *rows;   /* each between blanks; NULL: others change it at any time */
};

/* A site of another kind than the chat's: how it is made, and what it shows. */
struct fault_scene {
    void (*make)(struct fault_bench *bench); /* bench->site and before */
    void (*judge_between)(struct fault_bench *bench, const struct fault_order *order);
    void (*judge_done)(struct fault_bench *bench, const struct fault_order *order);
    void (*judge_back)(struct fault_bench *bench, const struct fault_order *order);
    /* How often it shows that a change of this row was made; -1: it does not say. */
    int64_t (*shown)(const struct fault_bench *bench, const char *row);
};

struct fault_course {
    const char *name;
    const char *runbook;              /* its file's name */
    const char *set;                  /* a parameter that its run is given, or NULL */
    const struct fault_scene *scene;  /* NULL: the chat's, which has what stands below `begin` */
    const struct fault_course *after; /* the course that has ended where it begins; NULL: none */
    void (*begin)(struct fault_bench *bench); /* what else comes before it, in bench->site; NULL:
                                               * nothing but the loss of the primary */
    const char *session;            /* what a program has open in the beginning, or NULL */
    unsigned agents;                /* of mirrors, that are there in the beginning: FAULT_… */
    const char *online;             /* the copy that is brought online */
    const char *other;              /* the one that is online in the beginning, or NULL */
    const char *mirror;             /* the mirror that is installed */
    const char *removed;            /* the mirror that is removed, or NULL */
    size_t commits;                 /* of a client of that one */
    const char *pool_before, *pool; /* state, active servers and version of the pool */
    int64_t pool_changes;           /* how many times it was changed before */
    const char *beyond;   /* the row from which there is no way back, or how its statement begins;
                           * NULL: none */
    unsigned long stride; /* every how many-th stop is tried, where there is no time for all */
    const struct fault_rule *rules; /* of several that fit a name the first counts; ends with an
                                     * empty one */
    const char *until; /* another course has the stops after the journal says this; NULL: none */
    const char *const *lasting; /* names that nothing takes back, "…*" for all that begin so;
                                 * ends with NULL */
};

/* All of them; ends with NULL. */
extern const struct fault_course *const fault_courses[];

/* NULL when there is none of this name. */
const struct fault_course *fault_course_find(const char *name);

/* Makes bench->before, which the course begins with, of what is there: the site without its
 * primary, or the end of the course before. */
void fault_course_begin(struct fault_bench *bench, const struct fault_course *course);

/* Whether what has this name may stay when the run was taken back. */
bool fault_course_lasts(const struct fault_course *course, const char *name);

#endif
