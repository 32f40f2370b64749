#include "logs/leftover.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "os/files.h"

static const char *const endings[] = {"-wal", "-shm", "-journal"};
enum { ENDINGS = sizeof endings / sizeof endings[0], TRIES = 100 };

/* "2026-11-20T23:05:01.042Z" without what is awkward in a file's name. */
static void time_name(char text[BSC_CLOCK_TEXT])
{
    const struct bsc_clock *clock = bsc_clock_real();
    size_t kept = 0;

    bsc_clock_format(clock->wall_ms(clock->self), text);
    for (size_t i = 0; text[i] != '\0'; i++)
        if (strchr("-:.", text[i]) == NULL)
            text[kept++] = text[i];
    text[kept] = '\0';
}

char *bsc_logs_leftover_name(const struct bsc_sys *sys, const char *path)
{
    return bsc_logs_leftover_name_as(sys, path, "before");
}

char *bsc_logs_leftover_name_as(const struct bsc_sys *sys, const char *path, const char *word)
{
    char when[BSC_CLOCK_TEXT] = "";
    char *name;

    time_name(when);
    name = bsc_mem_format("%s.%s-%s", path, word, when);
    for (int i = 2; i < TRIES && bsc_files_exists(sys, name); i++) {
        bsc_mem_free(name);
        name = bsc_mem_format("%s.%s-%s-%d", path, word, when, i);
    }
    return name;
}

static bool set_one_aside(const struct bsc_sys *sys, const char *from, struct bsc_err *err)
{
    char *to = bsc_logs_leftover_name(sys, from);
    bool ok = sys->rename(sys->self, from, to) == 0 ||
              bsc_err_sys(err, errno, "could not rename '%s' aside", from);

    bsc_mem_free(to);
    return ok;
}

bool bsc_logs_leftover_set_aside(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    bool any = false;

    for (int i = 0; i < ENDINGS; i++) {
        char *name = bsc_mem_format("%s%s", path, endings[i]);
        bool there = bsc_files_exists(sys, name);
        bool ok = !there || set_one_aside(sys, name, err);

        bsc_mem_free(name);
        if (!ok)
            return false;
        any = any || there;
    }
    return !any || bsc_files_sync_parent(sys, path, err);
}

bool bsc_logs_leftover_found(const struct bsc_sys *sys, const char *path)
{
    bool found = false;

    for (int i = 0; i < ENDINGS && !found; i++) {
        char *name = bsc_mem_format("%s%s", path, endings[i]);
        struct stat status = {0};

        /* The shared memory file is an index of the log and holds nothing of its own. */
        if (strcmp(endings[i], "-shm") != 0)
            found = sys->stat(sys->self, name, &status) == 0 && status.st_size > 0;
        bsc_mem_free(name);
    }
    return found;
}
