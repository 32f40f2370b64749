#include "notice.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"

enum { EVENTS_BYTES = 16384 };

struct noticed {
    int number; /* that the system has for it */
    char *name; /* owned */
};

struct fault_notice {
    char *folder;            /* owned */
    int fd;                  /* -1: the system offers no such thing */
    struct noticed *folders; /* owned */
    size_t count;
};

struct fault_notice *fault_notice_new(const char *folder)
{
    struct fault_notice *notice = bsc_mem_new(1, sizeof *notice);
    notice->folder = bsc_mem_text(folder);
    notice->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return notice;
}

void fault_notice_free(struct fault_notice *notice)
{
    if (notice == NULL)
        return;
    for (size_t i = 0; i < notice->count; i++)
        bsc_mem_free(notice->folders[i].name);
    bsc_mem_free(notice->folders);
    bsc_mem_free(notice->folder);
    if (notice->fd >= 0)
        close(notice->fd);
    bsc_mem_free(notice);
}

static struct noticed *find(const struct fault_notice *notice, int number)
{
    for (size_t i = 0; i < notice->count; i++) {
        if (notice->folders[i].number == number)
            return &notice->folders[i];
    }
    return NULL;
}

/* A folder that is known already keeps its number, whatever its name is now. */
void fault_notice_folder(struct fault_notice *notice, const char *name)
{
    static const uint32_t all = IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    char *path = bsc_mem_format("%s/%s", notice->folder, name);
    int number = notice->fd >= 0 ? inotify_add_watch(notice->fd, path, all) : -1;
    const int reason = errno;
    struct noticed *folder = find(notice, number);
    bsc_mem_free(path);
    /* Where one cannot be watched that is there, nothing is told any more. */
    if (number < 0 && notice->fd >= 0 && reason != ENOENT && reason != ENOTDIR) {
        close(notice->fd);
        notice->fd = -1;
    }
    if (number < 0)
        return;
    if (folder == NULL) {
        notice->folders =
            bsc_mem_resize(notice->folders, notice->count + 1, sizeof *notice->folders);
        folder = &notice->folders[notice->count++];
        *folder = (struct noticed){.number = number};
    }
    if (folder->name != NULL && strcmp(folder->name, name) == 0)
        return;
    bsc_mem_free(folder->name);
    folder->name = bsc_mem_text(name);
}

/* Whether it tells of a file that was written to. */
static bool hand_out(const struct fault_notice *notice, const struct inotify_event *event,
                     void (*written)(void *arg, const char *name), void *arg)
{
    const struct noticed *folder = find(notice, event->wd);
    if (event->mask != IN_MODIFY || event->len == 0 || folder == NULL)
        return false;
    char *name = folder->name[0] == '\0' ? bsc_mem_text(event->name)
                                         : bsc_mem_format("%s/%s", folder->name, event->name);
    written(arg, name);
    bsc_mem_free(name);
    return true;
}

bool fault_notice_take(struct fault_notice *notice, void (*written)(void *arg, const char *name),
                       void *arg)
{
    _Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
    bool all = notice->fd >= 0;
    ssize_t length = 0;
    while (notice->fd >= 0 && (length = read(notice->fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < length;) {
            const struct inotify_event *event = (const void *)(bytes + at);
            all = hand_out(notice, event, written, arg) && all;
            at += (ssize_t)(sizeof *event + event->len);
        }
    }
    return all;
}
