/*
 * Preloaded, holds a program at its N-th change: the journal tells of it, and nothing of it is
 * made. Whoever wants to kill it there cannot be late then. HOLD_AT says which change.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_journal(const char *path)
{
    static const char name[] = "/journal.jsonl";
    size_t length = strlen(path);
    return length >= sizeof name - 1 && strcmp(path + length - (sizeof name - 1), name) == 0;
}

static long changes_in(const char *path)
{
    FILE *journal = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    long changes = 0;
    while (journal != NULL && getline(&line, &size, journal) > 0)
        changes += strstr(line, "\"kind\":\"intent\"") != NULL;
    free(line);
    if (journal != NULL)
        (void)fclose(journal);
    return changes;
}

int fdatasync(int fd)
{
    const char *number = getenv("HOLD_AT");
    char link[64], path[PATH_MAX] = "";
    int result = (int)syscall(SYS_fdatasync, fd);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    bool known = number != NULL && readlink(link, path, sizeof path - 1) > 0;
    while (known && is_journal(path) && changes_in(path) == strtol(number, NULL, 10))
        (void)pause();
    return result;
}
