/*
 * usage: test_conformance PRIMITIVE [--seed N] [--draws N] [--only N]   cases of a seed
 *        test_conformance PRIMITIVE NAME=WORD…                          this one case
 *        test_conformance site FOLDER OUTCOME ACTION [MORE|--stays]     this action, on that site
 *        test_conformance coverage PRIMITIVE…                           is everything registered?
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "conform.h"
#include "dials.h"
#include "life.h"
#include "subjects.h"

void conform_need(bool ok, const char *doing, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "the test cannot go on: %s \"%s\": %s\n", doing, what, strerrorname_np(errno));
    exit(2);
}

/* Folders held in memory are shared with other tests, which call this so. */
void fault_need(bool ok, const char *doing, const char *what);
void fault_need(bool ok, const char *doing, const char *what)
{
    conform_need(ok, doing, what);
}

/* The program is started again by itself as the agent of a mirror, like bascule. */
static int be_agent(int argc, char **argv)
{
    struct bsc_cli cli = {.sys = bsc_sys_real(),
                          .clock = bsc_clock_real(),
                          .redactor = bsc_redactor_new(),
                          .in = stdin,
                          .out = stdout,
                          .err = stderr};
    int code = bsc_cli_main(&cli, argc, argv);
    bsc_redactor_free(cli.redactor);
    return code;
}

/* In memory where possible: some hundred sites are made and removed. */
static void bench_open(struct conform_bench *bench, const char *program)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    bench->program = bsc_mem_text(program);
    bench->folder = bsc_mem_format("%s/bascule-conformance-XXXXXX", base);
    conform_need(mkdtemp(bench->folder) != NULL, "make folder", bench->folder);
    bench->site = bsc_mem_format("%s/site", bench->folder);
    bench->verdict = mmap(NULL, sizeof *bench->verdict, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    conform_need(bench->verdict != MAP_FAILED, "map", "the verdict");
    bench->life = conform_life_new(bench);
}

static void bench_close(struct conform_bench *bench)
{
    fault_tree_remove(bench->folder);
    conform_life_free(bench->life);
    (void)munmap(bench->verdict, sizeof *bench->verdict);
    bsc_mem_free(bench->program);
    bsc_mem_free(bench->folder);
    bsc_mem_free(bench->site);
}

enum { FOUND_MAX = 4 };

/* A search for states that fail, each as small as it can be made. */
struct hunt {
    const struct conform_bench *bench;
    const struct conform_subject *subject;
    struct conform_state found[FOUND_MAX];
    unsigned found_count;
    unsigned failures;
    unsigned tried;
    unsigned did; /* of those tried, how many were kept or changed */
};

static bool still_fails(void *arg, const struct conform_state *state)
{
    const struct hunt *hunt = arg;
    return !conform_try(hunt->bench, hunt->subject, state);
}

/* The site's folder has another name each time. */
static void print_verdict(const struct conform_bench *bench)
{
    size_t length = strlen(bench->site);
    const char *text = bench->verdict->text;
    for (const char *at; (at = strstr(text, bench->site)) != NULL; text = at + length)
        printf("%.*sSITE", (int)(at - text), text);
    printf("%s", text);
}

static bool is_found(const struct hunt *hunt, const struct conform_state *state)
{
    for (unsigned i = 0; i < hunt->found_count; i++) {
        if (memcmp(&hunt->found[i], state, sizeof *state) == 0)
            return true;
    }
    return false;
}

static void tell(const struct hunt *hunt, const struct conform_state *state, unsigned turned)
{
    struct bsc_buf words = {0};
    const char *name = hunt->subject->name;
    bsc_buf_init(&words);
    conform_describe(hunt->subject, state, &words);
    printf("  starting state: %s%sall else plain (%u of %u deviations are enough)\n", words.data,
           words.length > 0 ? ", " : "", conform_turned(hunt->subject, state), turned);
    print_verdict(hunt->bench);
    printf("  again: %s %s %s\n", hunt->bench->program, name,
           words.length > 0 ? words.data : "--only 0");
    bsc_buf_release(&words);
}

/* Whether what is wrong on purpose was found, and with what does not matter turned back. */
static bool found_wrong(const struct hunt *hunt)
{
    struct bsc_buf words = {0};
    bsc_buf_init(&words);
    conform_describe(hunt->subject, &hunt->found[0], &words);
    bool found = hunt->found_count == 1 && hunt->failures > 1 &&
                 strcmp(words.data, "left=odd right=odd") == 0;
    printf("it was %sfound as it should be\n", found ? "" : "not ");
    bsc_buf_release(&words);
    return found;
}

/* Makes a failing state smaller, and tells of what is left unless that was told before. */
static void complain(struct hunt *hunt, const struct conform_state *failing, unsigned index,
                     uint64_t seed)
{
    struct conform_state state = *failing;
    conform_shrink(hunt->subject, &state, still_fails, hunt);
    hunt->failures++;
    if (is_found(hunt, &state))
        return;
    printf("FAILED %s: case %u of seed %llu\n", hunt->subject->name, index,
           (unsigned long long)seed);
    (void)conform_try(hunt->bench, hunt->subject, &state);
    tell(hunt, &state, conform_turned(hunt->subject, failing));
    hunt->found[hunt->found_count++] = state;
}

struct wishes {
    uint64_t seed;
    unsigned first;
    unsigned step; /* every so many cases only */
    int draws;     /* -1: as many as the subject asks for */
    struct conform_state state;
    bool has_state;
};

/* Where even the plain state is refused the others show little. */
static bool does_something(const struct conform_verdict *verdict)
{
    return strcmp(verdict->outcome, "changed") == 0 || strcmp(verdict->outcome, "kept") == 0;
}

/* One case of many. */
static void try_next(struct hunt *hunt, const struct conform_subject *drawn, unsigned index,
                     uint64_t seed)
{
    struct conform_state state;
    conform_draw(drawn, seed, index, &state);
    bool agrees = conform_try(hunt->bench, hunt->subject, &state);
    bool did = does_something(hunt->bench->verdict);
    hunt->tried++;
    hunt->did += did;
    if (!agrees) {
        complain(hunt, &state, index, seed);
    } else if (index == 0 && !did) {
        printf("FAILED %s: the plain case is %s\n", drawn->name, hunt->bench->verdict->outcome);
        hunt->failures++;
    }
}

static unsigned try_all(const struct conform_bench *bench, const struct conform_subject *subject,
                        const struct wishes *wishes)
{
    struct conform_subject drawn = *subject;
    struct hunt hunt = {.bench = bench, .subject = subject};
    if (wishes->draws >= 0)
        drawn.draws = (unsigned)wishes->draws;
    unsigned count = conform_case_count(&drawn);
    for (unsigned i = wishes->first; i < count && hunt.found_count < FOUND_MAX; i += wishes->step)
        try_next(&hunt, &drawn, i, wishes->seed);
    printf("%s: %u cases of seed %llu, %u of them kept or changed; %u failures\n", subject->name,
           hunt.tried, (unsigned long long)wishes->seed, hunt.did, hunt.failures);
    return subject == &conform_wrong ? !found_wrong(&hunt) : hunt.failures;
}

static unsigned try_one(const struct conform_bench *bench, const struct conform_subject *subject,
                        const struct conform_state *state)
{
    bool agrees = conform_try(bench, subject, state);
    print_verdict(bench);
    printf("%s\n", agrees ? "both sides agree" : "FAILED");
    return agrees ? 0 : 1;
}

static void only(struct wishes *wishes, const char *index)
{
    wishes->first = (unsigned)strtoul(index, NULL, 10);
    wishes->step = UINT16_MAX;
}

static bool read_wishes(const struct conform_subject *subject, char **words, struct wishes *wishes)
{
    for (; *words != NULL; words++) {
        if (strcmp(*words, "--seed") == 0 && words[1] != NULL)
            wishes->seed = strtoull(*++words, NULL, 10);
        else if (strcmp(*words, "--draws") == 0 && words[1] != NULL)
            wishes->draws = (int)strtol(*++words, NULL, 10);
        else if (strcmp(*words, "--only") == 0 && words[1] != NULL)
            only(wishes, *++words);
        else if (conform_read(subject, *words, &wishes->state))
            wishes->has_state = true;
        else
            return false;
    }
    return true;
}

static int run(const struct conform_subject *subject, char **argv)
{
    struct conform_bench bench = {0};
    unsigned step = subject == &conform_wrong ? 1 : CONFORM_THINNING;
    struct wishes wishes = {.seed = 1, .step = step, .draws = -1};
    if (!read_wishes(subject, argv + 2, &wishes)) {
        fprintf(stderr, "no such option, dial or word\n");
        return 2;
    }
    /* The agents that are started become children of ours, which can be waited for. */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    bench_open(&bench, argv[0]);
    unsigned failures = wishes.has_state ? try_one(&bench, subject, &wishes.state)
                                         : try_all(&bench, subject, &wishes);
    bench_close(&bench);
    return failures == 0 ? 0 : 1;
}

/* Both sides may agree on what was not meant to be tried. */
static int run_on_site(char **words)
{
    struct conform_bench bench = {.site = words[0]};
    struct conform_turn turn = {.outcome = words[1], .action = words[2], .more = ""};
    struct conform_verdict *verdict = bsc_mem_new(1, sizeof *verdict);
    for (char **word = words + 3; *word != NULL; word++) {
        turn.stays = turn.stays || strcmp(*word, "--stays") == 0;
        turn.more = strcmp(*word, "--stays") == 0 ? turn.more : *word;
    }
    bench.verdict = verdict;
    bool agrees = conform_try_turn(&bench, &turn);
    bool as_meant = strcmp(verdict->outcome, turn.outcome) == 0;
    printf("%s\n%s", turn.action, verdict->text);
    if (!as_meant)
        printf("  FAILED: it is %s, not %s\n", verdict->outcome, turn.outcome);
    else if (!agrees)
        printf("  FAILED\n");
    bsc_mem_free(verdict);
    return agrees && as_meant ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "agent") == 0)
        return be_agent(argc, argv);
    if (argc > 4 && strcmp(argv[1], "site") == 0)
        return run_on_site(argv + 2);
    if (argc > 1 && strcmp(argv[1], "coverage") == 0)
        return conform_covered((const char *const *)argv + 2) ? 0 : 1;
    const struct conform_subject *subject = argc > 1 ? conform_subject(argv[1]) : NULL;
    if (argc > 1 && strcmp(argv[1], conform_wrong.name) == 0)
        subject = &conform_wrong;
    if (subject != NULL)
        return run(subject, argv);
    fprintf(stderr, "usage: %s PRIMITIVE [--seed N] [--draws N] [NAME=WORD…]\n", argv[0]);
    return 2;
}
