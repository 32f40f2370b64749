/*
 * The parts of a site, each made what the dials say. Private to the builders.
 */
#ifndef BSC_CONFORM_BUILD_H
#define BSC_CONFORM_BUILD_H

#include "conform.h"
#include "os/files.h"

/* The names of the log backups on the share, in order of LSN; release the list. */
void conform_backups(const struct conform_scene *scene, struct bsc_files_list *ret);

/* Log backups: which are applied, copied, gone, damaged or of somebody else. */
void conform_build_chain(const struct conform_scene *scene);
/* The folders that they lie in; after everything that needs what is in them. */
void conform_build_folders(const struct conform_scene *scene);

/* What became of the old primary, its disk and its mirror. */
void conform_build_primary(const struct conform_scene *scene);
void conform_build_disk(const struct conform_scene *scene);

void conform_build_secondary(const struct conform_scene *scene);
void conform_build_target(const struct conform_scene *scene);

/* What a way home that was begun has made of both sides; after them. */
void conform_build_home(const struct conform_scene *scene);

/* Real HAProxy in front of the pool, where the subject has them; and what the site says of the pool
 * then (returns owned). */
void conform_build_haproxy(const struct conform_scene *scene);
char *conform_haproxy_pool(const struct conform_scene *scene);

/* The pool's table, the clients' ledger, files and tables of the user's own. */
void conform_build_pool(const struct conform_scene *scene);
void conform_build_own(const struct conform_scene *scene);

/* A user directory, where the subject has one; and what the site says of it then. */
void conform_build_directory(const struct conform_scene *scene);
const char *conform_directory_site(const struct conform_scene *scene);

#endif
