/*
 * Small changes to the files of a site. Names are relative to its folder.
 */
#ifndef BSC_CONFORM_PUT_H
#define BSC_CONFORM_PUT_H

#include "conform.h"
#include "logs/header.h"
#include "logs/state.h"

/* Returns owned. */
char *conform_path(const struct conform_scene *scene, const char *name);

void conform_put(const struct conform_scene *scene, const char *name, const void *bytes,
                 size_t length);
void conform_put_text(const struct conform_scene *scene, const char *name, const char *text);
/* Writes over a part of a file that is there. */
void conform_patch(const struct conform_scene *scene, const char *name, int64_t offset,
                   const void *bytes, size_t length);
void conform_cut(const struct conform_scene *scene, const char *name, int64_t bytes);
void conform_make_folder(const struct conform_scene *scene, const char *name);
/* A file, or a folder with all that is in it; none is fine. */
void conform_remove(const struct conform_scene *scene, const char *name);
/* With its times, by which some files are known. */
void conform_copy(const struct conform_scene *scene, const char *from, const char *to);

/* Statements through SQLite itself, on a file that may have to be made. */
void conform_sql(const struct conform_scene *scene, const char *name, const char *sql);

/* Changes what the sidecar of a database says. */
void conform_restate(const struct conform_scene *scene, const char *name,
                     void (*change)(struct bsc_logs_state *state));
void conform_mark(const struct conform_scene *scene, const char *name, enum bsc_logs_mark mark);

#endif
