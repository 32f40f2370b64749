/*
 * An attempt that is alone on the machine: quick, and the same whatever else runs there.
 *
 * The program looks through /proc for sessions and agents. Here the linker leads the list of all
 * processes to a list of the test's own: others are nothing to it, and looking into each of them
 * takes longer than all the rest of a run. The real list is looked through by the tests of the
 * rooms and of the whole program.
 */
#ifndef BSC_FAULT_ALONE_H
#define BSC_FAULT_ALONE_H

/* To be called once, by the process whose children the attempts are; `folder` is for the lists. */
void fault_alone_begin(const char *folder);

/* Of what digit the names are that attempts draw at random from now on. */
void fault_alone_fork(char digit);

/* For an attempt: stays on the processor it is on, so that a thread that waits for another of its
 * own lets that one go on instead of turning in a circle on a second processor. */
void fault_alone_settle(void);

#endif
