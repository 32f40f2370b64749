/*
 * Machines that say nothing, at loopback ports of their own, until this program ends.
 *
 * usage: silent COUNT   writes the ports, one a line
 */
#include "silent.h"

#include <signal.h>

#include "base/num.h"

enum { COUNT_MAX = 16 };

int main(int argc, char **argv)
{
    struct silent machines[COUNT_MAX];
    int64_t count = 0;
    if (argc != 2 || !bsc_num_parse(argv[1], strlen(argv[1]), &count) || count > COUNT_MAX) {
        fprintf(stderr, "usage: silent COUNT\n");
        return 2;
    }
    for (int64_t i = 0; i < count; i++) {
        if (!silent_open(&machines[i], "127.0.0.1", 0)) {
            perror("silent");
            return 1;
        }
        printf("%u\n", silent_port(&machines[i]));
    }
    fclose(stdout);
    for (;;)
        pause();
}
