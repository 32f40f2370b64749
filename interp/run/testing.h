/*
 * A file of tests: a user's expectations of a user's runbook, tried on the modelled site.
 *
 * Nothing is connected to and nothing is written: the runbook, the site file and the recorded facts
 * that the file names are read, everything else is the twin.
 */
#ifndef BSC_RUN_TESTING_H
#define BSC_RUN_TESTING_H

#include "base/err.h"
#include "run/session.h"
#include "value/value.h"

/*
 * Tries every test of the file, each from the beginning; `with` (borrowed) gives the tables to work
 * with and names no file itself. Returns owned
 *   {path, passed, failed: how many,
 *    errors [{file, line, text, message, hint}] of the file or of the runbook: then no test ran,
 *    tests [{title, line, passed, outcome, reason, differences [{about, lines [text]}]}]},
 * NULL when a file cannot be read. A line begins with "- " for what was expected, "+ " for what
 * came and two blanks for what is as expected.
 */
struct bsc_value *bsc_run_test_file(const struct bsc_run_session_options *with, const char *path,
                                    struct bsc_err *err);

#endif
