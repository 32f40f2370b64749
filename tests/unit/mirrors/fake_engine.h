/*
 * A database engine for tests of the procedure: a database is a text file, "LSN fork" in its first
 * line, and closed when it ends in "shut".
 */
#ifndef BSC_UNIT_MIRRORS_FAKE_ENGINE_H
#define BSC_UNIT_MIRRORS_FAKE_ENGINE_H

#include "unit.h"

#include <errno.h>

#include "base/mem.h"
#include "mirrors/engine.h"
#include "os/files.h"
#include "os/sys.h"

enum { FAKE_MAX = 65536 };

struct fake {
    const struct bsc_sys *sys;
    bool unsound;   /* check finds damage */
    bool in_use;    /* the existing mirror is open somewhere */
    int64_t lsn;    /* of the last clone */
    int looks_left; /* > 0: so many looks at the mirror until it has caught up */
    bool climbs;    /* it is one LSN further at each of them */
    const char *slow_mirror;
};

static inline bool fake_read(const struct fake *fake, const char *path, struct bsc_buf *buf,
                             struct bsc_err *err)
{
    bsc_buf_init(buf);
    return bsc_files_read(fake->sys, path, FAKE_MAX, buf, err);
}

static inline bool fake_clone(void *self, const char *principal, const char *temporary,
                              const struct bsc_mirrors_watch *watch, int64_t *ret_bytes,
                              int64_t *ret_lsn, struct bsc_err *err)
{
    struct fake *fake = self;
    struct bsc_buf buf;
    bool ok = fake_read(fake, principal, &buf, err) &&
              bsc_files_write(fake->sys, temporary, buf.data, buf.length, 0600, err);

    (void)watch;
    *ret_bytes = (int64_t)buf.length;
    *ret_lsn = fake->lsn = ok ? strtoll(buf.data, NULL, 10) : 0;
    bsc_buf_release(&buf);
    return ok;
}

static inline bool fake_check(void *self, const char *path, const struct bsc_mirrors_watch *watch,
                              struct bsc_err *err)
{
    const struct fake *fake = self;

    (void)watch;
    return !fake->unsound || bsc_err_set(err, BSC_ERR_DAMAGED, "'%s' is not sound", path);
}

static inline bool fake_shut(void *self, const char *path, struct bsc_err *err)
{
    const struct fake *fake = self;
    struct bsc_buf buf;
    bool ok = fake_read(fake, path, &buf, err);

    bsc_buf_add_text(&buf, "shut");
    ok = ok && bsc_files_write(fake->sys, path, buf.data, buf.length, 0600, err);
    bsc_buf_release(&buf);
    return ok;
}

static inline bool fake_record(void *self, const char *mirror, struct bsc_err *err)
{
    const struct fake *fake = self;
    char *path = bsc_mem_format("%s.state", mirror);
    char *text = bsc_mem_format("%lld", (long long)fake->lsn);
    bool ok = bsc_files_write(fake->sys, path, text, strlen(text), 0600, err);

    bsc_mem_free(path);
    bsc_mem_free(text);
    return ok;
}

static inline bool fake_may_replace(void *self, const char *mirror, struct bsc_err *err)
{
    const struct fake *fake = self;

    return !fake->in_use || bsc_err_set(err, BSC_ERR_CONFLICT, "'%s' is open in 1 (x)", mirror);
}

static inline bool fake_set_aside(void *self, const char *mirror, struct bsc_err *err)
{
    const struct fake *fake = self;
    char *aside = bsc_mem_format("%s.before", mirror);
    bool ok = !bsc_files_exists(fake->sys, mirror) ||
              fake->sys->rename(fake->sys->self, mirror, aside) == 0 ||
              bsc_err_sys(err, errno, "could not rename '%s'", mirror);

    bsc_mem_free(aside);
    return ok;
}

static inline int64_t fake_lsn(struct fake *fake, const char *path, const char *text)
{
    int64_t lsn = strtoll(text, NULL, 10);

    if (fake->slow_mirror == NULL || strcmp(path, fake->slow_mirror) != 0 ||
        fake->looks_left-- <= 0)
        return lsn;
    return fake->climbs ? lsn - fake->looks_left - 1 : 0;
}

static inline struct bsc_value *fake_look(void *self, const char *path)
{
    struct fake *fake = self;
    struct bsc_value *facts = bsc_value_map();
    struct bsc_buf buf;
    struct bsc_err err = BSC_ERR_INIT;
    bool there = fake_read(fake, path, &buf, &err);
    const char *fork = there ? strchr(buf.data, ' ') : NULL;

    bsc_value_set_text(facts, "state",
                       !there                             ? "missing"
                       : strstr(buf.data, "shut") != NULL ? "mirror"
                                                          : "online");
    if (fork != NULL) {
        bsc_value_set_int(facts, "lsn", fake_lsn(fake, path, buf.data));
        bsc_value_set(facts, "fork", bsc_value_bytes(fork + 1, strcspn(fork + 1, "\n")));
        bsc_value_set_text(facts, "database_id", "d");
    }
    bsc_buf_release(&buf);
    return facts;
}

static inline struct bsc_mirrors_engine fake_engine(struct fake *fake)
{
    return (struct bsc_mirrors_engine){.self = fake,
                                       .clone = fake_clone,
                                       .check = fake_check,
                                       .shut = fake_shut,
                                       .record = fake_record,
                                       .may_replace = fake_may_replace,
                                       .set_aside = fake_set_aside,
                                       .look = fake_look};
}

#endif
