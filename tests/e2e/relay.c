/*
 * Stands between bascule and the runtime socket of a HAProxy, or looks at that all the time.
 *
 * usage: relay between LISTEN TARGET WORDS   passes on what is said; whoever says WORDS first is
 *                                            killed, and his words are not passed on
 *        relay watch TARGET BACKEND          writes a line whenever other servers take sessions
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 1 << 16, SEEN_MAX = 256, LOOK_EVERY_MS = 2 };

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static struct sockaddr_un name_of(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path)
        give_up(path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    return name;
}

static int reach(const char *path)
{
    struct sockaddr_un name = name_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) != 0)
        give_up(path);
    return fd;
}

static int listen_at(const char *path)
{
    struct sockaddr_un name = name_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || listen(fd, 16) != 0)
        give_up(path);
    return fd;
}

static void kill_peer(int client)
{
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 ||
        kill(peer.pid, SIGKILL) != 0)
        give_up("kill");
    printf("killed %d\n", (int)peer.pid);
}

/* False when this side has ended, or was killed. */
static bool pass(int from, int to, const char **words)
{
    char bytes[ANSWER_MAX + 1];
    ssize_t count = read(from, bytes, ANSWER_MAX);
    if (count <= 0)
        return false;
    bytes[count] = '\0';
    if (words != NULL && *words != NULL && strstr(bytes, *words) != NULL) {
        *words = NULL;
        kill_peer(from);
        return false;
    }
    return send(to, bytes, (size_t)count, MSG_NOSIGNAL) == count;
}

static void serve(int client, const char *target, const char **words)
{
    int server = reach(target);
    struct pollfd sides[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    bool open = true;
    while (open && poll(sides, 2, -1) > 0) {
        if (sides[0].revents != 0)
            open = pass(client, server, words);
        if (open && sides[1].revents != 0)
            open = pass(server, client, NULL);
    }
    close(server);
    close(client);
}

/* One client at a time: bascule has one line to each HAProxy. */
static _Noreturn void stand_between(const char *own, const char *target, const char *words)
{
    int listener = listen_at(own);
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0)
            give_up("accept");
        serve(client, target, &words);
    }
}

/* Up to the prompt that follows every answer. */
static void ask(int fd, const char *question, char answer[ANSWER_MAX + 1])
{
    size_t length = 0;
    if (write(fd, question, strlen(question)) != (ssize_t)strlen(question))
        give_up("ask");
    do {
        ssize_t count = read(fd, answer + length, ANSWER_MAX - length);
        if (count <= 0)
            give_up("read");
        length += (size_t)count;
        answer[length] = '\0';
    } while (length < 3 || strcmp(answer + length - 3, "\n> ") != 0);
}

/* Of each line the fourth word is the server's name, the seventh bits for what is wanted of it: one
 * of them only tells what its configuration says. */
static void read_open(const char *answer, char seen[SEEN_MAX])
{
    enum { CONFIGURED = 4 };
    char name[64] = "";
    unsigned wanted = 0;
    size_t length = 0;
    seen[0] = '\0';
    for (const char *line = answer; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (sscanf(line, "%*s %*s %*s %63s %*s %*s %u", name, &wanted) == 2 &&
            (wanted & ~(unsigned)CONFIGURED) == 0 && length < SEEN_MAX - sizeof name)
            length += (size_t)snprintf(seen + length, SEEN_MAX - length, "%s%s",
                                       length > 0 ? " " : "", name);
    }
}

static _Noreturn void watch(const char *target, const char *backend)
{
    static char answer[ANSWER_MAX + 1];
    char question[128], before[SEEN_MAX] = "?", now[SEEN_MAX];
    int fd = reach(target);
    ask(fd, "prompt\n", answer);
    snprintf(question, sizeof question, "show servers state %s\n", backend);
    for (;;) {
        ask(fd, question, answer);
        read_open(answer, now);
        if (strcmp(before, now) != 0)
            printf("%s\n", now[0] != '\0' ? now : "none");
        memcpy(before, now, sizeof before);
        (void)poll(NULL, 0, LOOK_EVERY_MS);
    }
}

/* It ends with the test, whatever happens to that. */
int main(int argc, char **argv)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 5 && strcmp(argv[1], "between") == 0)
        stand_between(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "watch") == 0)
        watch(argv[2], argv[3]);
    fprintf(stderr, "usage: relay between LISTEN TARGET WORDS | relay watch TARGET BACKEND\n");
    return 2;
}
