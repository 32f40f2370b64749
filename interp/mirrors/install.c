#include "mirrors/install.h"

#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "mirrors/agent.h"
#include "os/files.h"

enum { PIECE_BYTES = 256 * 1024 };

static char *temporary_name(const char *mirror)
{
    char *folder = bsc_files_folder_of(mirror);
    char *name = bsc_mem_format(".%s.installing", bsc_files_name_of(mirror));
    char *path = bsc_files_join(folder, name);

    bsc_mem_free(name);
    bsc_mem_free(folder);
    return path;
}

static bool digest_open(const struct bsc_sys *sys, int fd, const char *path, char *ret_hex,
                        struct bsc_err *err)
{
    unsigned char hash[BSC_DIGEST_BYTES];
    unsigned char *piece = bsc_mem_new(PIECE_BYTES, 1);
    struct bsc_digest digest;
    ssize_t got;

    bsc_digest_init(&digest);
    do {
        got = sys->read(sys->self, fd, piece, PIECE_BYTES);
        if (got > 0)
            bsc_digest_add(&digest, piece, (size_t)got);
    } while (got > 0 || (got < 0 && errno == EINTR));
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, ret_hex);
    bsc_mem_free(piece);
    return got == 0 || bsc_err_sys(err, errno, "could not read '%s'", path);
}

static bool digest_file(const struct bsc_sys *sys, const char *path, char *ret_hex,
                        struct bsc_err *err)
{
    int fd = sys->open(sys->self, path, O_RDONLY, 0);
    bool ok;

    if (fd < 0)
        return bsc_err_sys(err, errno, "could not open '%s'", path);
    ok = digest_open(sys, fd, path, ret_hex, err);
    (void)sys->close(sys->self, fd);
    return ok;
}

/* The sidecar comes before the file: a sidecar without a file is a missing copy, a file without a
 * sidecar would be a damaged one. */
static bool put_in_place(const struct bsc_mirrors_install_order *order, const char *temporary,
                         struct bsc_err *err)
{
    const struct bsc_mirrors_engine *engine = order->engine;
    const struct bsc_sys *sys = order->sys;

    if (!engine->may_replace(engine->self, order->mirror, err) ||
        !engine->set_aside(engine->self, order->mirror, err) ||
        !engine->record(engine->self, order->mirror, err))
        return false;
    if (sys->rename(sys->self, temporary, order->mirror) != 0)
        return bsc_err_sys(err, errno, "could not put '%s' in place", order->mirror);
    return bsc_files_sync_parent(sys, order->mirror, err);
}

static bool install(const struct bsc_mirrors_install_order *order, const char *temporary,
                    struct bsc_mirrors_installed *ret, struct bsc_err *err)
{
    const struct bsc_mirrors_engine *engine = order->engine;

    return engine->may_replace(engine->self, order->mirror, err) &&
           engine->clone(engine->self, order->principal, temporary, &order->watch, &ret->bytes,
                         &ret->lsn, err) &&
           engine->check(engine->self, temporary, &order->watch, err) &&
           engine->shut(engine->self, temporary, err) &&
           digest_file(order->sys, temporary, ret->sha256, err) &&
           put_in_place(order, temporary, err);
}

bool bsc_mirrors_install(const struct bsc_mirrors_install_order *order,
                         struct bsc_mirrors_installed *ret, struct bsc_err *err)
{
    char *temporary = temporary_name(order->mirror);
    bool ok = bsc_mirrors_agent_end(order->sys, order->mirror, err) &&
              install(order, temporary, ret, err);

    /* A copy that is of no use is not left to fill the disk; a second failure changes nothing. */
    if (!ok)
        (void)order->sys->unlink(order->sys->self, temporary);
    bsc_mem_free(temporary);
    return ok;
}
