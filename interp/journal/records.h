/*
 * What the records of a journal say.
 *
 * A journal is the whole memory of a run: whoever holds the plan, the runbook, the site file and
 * the journal can tell what was done, what was in flight and what was seen, without asking the
 * process that did it. A resumed run replays the answers below in the order of their sequence
 * numbers and so reaches the same place.
 *
 * How a change is recorded: `intent` is durable before the effect starts, `outcome` is durable
 * before the next step starts, `after` holds the facts seen afterwards. An intent without an
 * outcome was in flight: observing its resource and comparing with `becomes` and `before` settles
 * it. `effect` numbers the changes of a run from 1, without gaps, and goes on over a resume.
 *
 * `item` is the index of the plan's item, from 1; 0 means outside of any item. Every payload is a
 * map; further keys than those named here are allowed. May include base, os and value.
 */
#ifndef BSC_JOURNAL_RECORDS_H
#define BSC_JOURNAL_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "value/value.h"

/*
 * Kind, name in the file, and the keys that its payload must have, as "key:type" with the types
 * text, int, bool, map, list and any; a type ending in ? may also be null.
 *
 * - run_begin: a process took the run in hand. `mode` is run, resume or rollback: one record for
 *   each process, so the first one of a file is always mode run. The digests (SHA-256, hexadecimal)
 *   pin what resume must find unchanged. `params` are the values after defaults, `modules` the
 *   user's own Lua files as [{name, digest}], `boot_id` the kernel's, so that a pid is never
 *   mistaken over a restart of the machine. Keys `runbook` (its name), `items` (how many the plan
 *   has), `point_of_no_return` (the first item that is one, where there is any), `folder` (where
 * the run is kept) and `working_folder` (where it starts its programs); of those that go on with a
 * run `ahead_digest` (of the plan of what was ahead), `inputs` (number of the files that count,
 * run/inputs.h; absent: those it was begun with), and where that number is new `accepted` ({by,
 * inputs, items}: what differed, and who accepted it).
 * - lease: the process took the lease of a target, kept in the file `place`, with this epoch; when
 *   it took over from one that may have been at work, from whom ({epoch, run, host, user, since})
 *   and why.
 * - item_begin: a guard, step or gate starts; `attempt` counts from 1.
 * - action_begin: an action of a step starts; whoever goes on with the step does so from the last
 *   one.
 * - observed: the answer to an `observe` effect; with item 0 what the site was like when the run
 * was parked.
 * - now: the answer to a `now` effect, in milliseconds since 1970 UTC.
 * - intent: a change is about to be made. `statement` for people, `row` and `args` for the host,
 *   `becomes` the predicted facts as {resource: {key: value}}, `before` the values of the same keys
 *   as last seen, in the same shape; `action` counts those of the step, from 1. Keys `volatile`
 *   (bool), `timeout_ms` (int), `assumed` (bool: nobody says what it makes true) and `once` (bool:
 *   its action does not look whether it was made) when the effect had them. The first intent of an
 *   action that a rollback can take back has `undo`: the facts {before, wanted, now} that the
 *   action's own undo is worked out from, or {declared = true} where the step says how. Where an
 *   action has several, the earliest one counts.
 * - outcome: how that change ended. An outcome word, the row's value, the error as {code, message,
 *   hint, sqlstate, native} or null. A change settled by observing after a crash has `settled_by` =
 *   "observing", or who said so. `cut` (true): the disk was full, and the value was left out for
 *   want of room.
 * - after: the facts of a changed resource, seen after the outcome.
 * - part: users, or whatever else the change moves one by one, are about to be moved: durable
 * before any of them is touched. `effect` is the change, whose parts count from 1. What takes a
 * part back has `of` ({effect, part}, and `run` where it is another's); `there` lists who of those
 * that were named was where the part moves them to before it began.
 * - part_end: what became of that part: how many were `moved`, and of the `others` as {name:
 *   [outcome, reason]} the words already, gone, failed and left (where it was); `left` is how many
 *   at the end of its names were not begun. A part without one was in flight; where somebody found
 *   out later it has settled = true.
 * - note: something to tell. Kind info, warning or loss; the journal itself adds kind journal when
 *   it put a torn tail aside: data = {file, offset, bytes, sha256}.
 * - ask: a question was put; the run waits.
 * - answer: what was answered, by whom (login name, or "--yes"), and why where policy wants it.
 * - item_end: the item's outcome word and reason; `actions` is [{primitive, resource, outcome,
 *   reason}]. Where it was measured, `spent` says where its time went, in microseconds. Of a gate
 *   that parks the run `parked` says what it waits for ({item, title, since, until, waits_for}).
 * - run_end: this process lets go of the run. Outcome done, halted, refused, cancelled or parked,
 *   the process's exit code, and a summary for people and machines ({text, loss, parked, next: …}).
 *   A file whose last record is anything else is open or was cut short.
 */
#define BSC_JOURNAL_KINDS(X)                                                                       \
    X(RUN_BEGIN, "run_begin",                                                                      \
      "run:text mode:text plan_digest:text runbook_digest:text site_digest:text "                  \
      "stdlib_digest:text tool:text host:text user:text pid:int boot_id:text params:map "          \
      "modules:list")                                                                              \
    X(LEASE, "lease", "place:text epoch:int reason:text? from:map?")                               \
    X(ITEM_BEGIN, "item_begin", "item:int title:text kind:text attempt:int")                       \
    X(ACTION_BEGIN, "action_begin", "item:int action:int")                                         \
    X(OBSERVED, "observed", "item:int resource:text facts:map")                                    \
    X(NOW, "now", "item:int wall_ms:int")                                                          \
    X(INTENT, "intent",                                                                            \
      "effect:int item:int action:int resource:text statement:text row:text args:map "             \
      "becomes:map before:map")                                                                    \
    X(OUTCOME, "outcome", "effect:int outcome:text result:any error:map? duration_us:int")         \
    X(AFTER, "after", "effect:int resource:text facts:map")                                        \
    X(PART, "part", "effect:int part:int names:list")                                              \
    X(PART_END, "part_end", "effect:int part:int moved:int others:map")                            \
    X(NOTE, "note", "kind:text text:text data:any")                                                \
    X(ASK, "ask", "item:int title:text lines:list")                                                \
    X(ANSWER, "answer", "item:int answer:text by:text reason:text?")                               \
    X(ITEM_END, "item_end", "item:int outcome:text reason:text? actions:list")                     \
    X(RUN_END, "run_end", "outcome:text exit:int summary:map")

enum bsc_journal_kind {
#define BSC_JOURNAL_KIND_ENUM(id, name, keys) BSC_JOURNAL_##id,
    BSC_JOURNAL_KINDS(BSC_JOURNAL_KIND_ENUM)
#undef BSC_JOURNAL_KIND_ENUM
        BSC_JOURNAL_KIND_MAX_
};

/* The name in the file; never NULL. */
const char *bsc_journal_kind_name(enum bsc_journal_kind kind);

/* The kind of a name that need not end in NUL; BSC_JOURNAL_KIND_MAX_ when there is none. */
enum bsc_journal_kind bsc_journal_kind_of(const char *name, size_t length);

/* Whether a payload has the keys its kind must have; BSC_ERR_INVALID names the first that is
 * missing or of a wrong type. */
bool bsc_journal_payload_check(enum bsc_journal_kind kind, const struct bsc_value *payload,
                               struct bsc_err *err);

#endif
