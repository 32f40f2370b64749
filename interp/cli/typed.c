#include "cli/typed.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/shell.h"
#include "os/files.h"

static char *option(const char *name, const char *value)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, " %s ", name);
    bsc_shell_add(&text, value);
    char *owned = bsc_mem_text(text.data);
    bsc_buf_release(&text);
    return owned;
}

/* A run that was named by its folder may be anywhere. */
static bool leads_to(const struct bsc_cli_where *where, const struct bsc_journal_folder *folder)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *given = bsc_cli_where_folder(where);
    char *real = bsc_files_real_path(given, &ignored);
    char *found = bsc_files_real_path(folder->runs, &ignored);
    bool same = strcmp(given, folder->runs) == 0 ||
                (real != NULL && found != NULL && strcmp(real, found) == 0);
    bsc_mem_free(found);
    bsc_mem_free(real);
    bsc_mem_free(given);
    return same;
}

char *bsc_cli_typed_where(const struct bsc_cli_where *where,
                          const struct bsc_journal_folder *folder)
{
    if (folder != NULL && !leads_to(where, folder))
        return option("--runs", folder->runs);
    if (where->runs != NULL)
        return option("--runs", where->runs);
    return where->site != NULL ? option("--site", where->site) : bsc_mem_text("");
}

char *bsc_cli_typed(const char *verb, const struct bsc_journal_folder *folder, const char *where)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_buf_printf(&text, "bascule %s ", verb);
    bsc_shell_add(&text, folder->id);
    bsc_buf_add_text(&text, where);
    char *owned = bsc_mem_text(text.data);
    bsc_buf_release(&text);
    return owned;
}
