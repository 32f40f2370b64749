/*
 * The folder of one run, and the folder that holds all runs of a site.
 *
 *   runs/20261120-231501-failover-a3f2/   plan.json journal.jsonl runbook.lua modules/ site.yaml
 *
 * An id begins with the UTC time of its creation and is never older than one that was there
 * before, so that the last id by order of bytes is the newest run. Folders have mode 0700, files
 * 0600. May include base, os and value.
 */
#ifndef BSC_JOURNAL_FOLDER_H
#define BSC_JOURNAL_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "os/clock.h"
#include "os/files.h"
#include "os/sys.h"

/* File names inside a run's folder. */
#define BSC_JOURNAL_FILE         "journal.jsonl"
#define BSC_JOURNAL_PLAN_FILE    "plan.json"
#define BSC_JOURNAL_RUNBOOK_FILE "runbook.lua"
#define BSC_JOURNAL_SITE_FILE    "site.yaml"
#define BSC_JOURNAL_MODULES      "modules"

struct bsc_journal_folder {
    const struct bsc_sys *sys; /* borrowed */
    char *runs;                /* owned: the folder of all runs */
    char *id;                  /* owned */
    char *path;                /* owned: runs/id */
    char *journal;             /* owned: path of the journal */
};

/* Where the runs of a site live: `option` (--runs) when it is given, else `runs` beside the site
 * file, else (both NULL) `runs` in the working folder. Returns owned. */
char *bsc_journal_runs_folder(const char *site_path, const char *option);

/* Makes a new folder, and the runs folder where it is missing; both durable. `name` is the
 * runbook's and becomes part of the id. */
bool bsc_journal_folder_create(const struct bsc_sys *sys, const struct bsc_clock *clock,
                               const char *runs, const char *name, struct bsc_journal_folder *ret,
                               struct bsc_err *err);

/* Finds a run by its id or the beginning of it, from its day on, by its folder (anything with a
 * slash, or an existing folder that holds a journal), or as `last`. BSC_ERR_NOT_FOUND names what
 * was looked for, BSC_ERR_USAGE the runs that a beginning fits. */
bool bsc_journal_folder_find(const struct bsc_sys *sys, const char *runs, const char *run,
                             struct bsc_journal_folder *ret, struct bsc_err *err);

/* Writes a file into the folder, durable and whole; `name` may have one folder in front
 * ("modules/steps.lua"), which is made when missing. */
bool bsc_journal_folder_write(const struct bsc_journal_folder *folder, const char *name,
                              const void *bytes, size_t length, struct bsc_err *err);

/* Path of a file in the folder; returns owned. */
char *bsc_journal_folder_file(const struct bsc_journal_folder *folder, const char *name);

/* The ids of all runs, oldest first; owned by the caller. A missing folder holds none. */
bool bsc_journal_folder_list(const struct bsc_sys *sys, const char *runs,
                             struct bsc_files_list *ret_ids, struct bsc_err *err);

/* Whether an id can be that of a run of a runbook with this name: a few names look alike in it. */
bool bsc_journal_folder_is_of(const char *id, const char *name);

/* Accepts a zeroed folder. */
void bsc_journal_folder_release(struct bsc_journal_folder *folder);

#endif
