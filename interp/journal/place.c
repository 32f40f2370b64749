#include "journal/place.h"

#include <errno.h>
#include <stddef.h>
#include <sys/vfs.h>

#include "base/mem.h"
#include "os/files.h"

struct network {
    uint32_t magic;
    const char *name;
};

static const struct network networks[] = {
    {0x00006969u, "NFS"},  {0xff534d42u, "CIFS"},       {0xfe534d42u, "SMB2"},
    {0x0000517bu, "SMB"},  {0x01021997u, "9p"},         {0x65735546u, "FUSE"},
    {0x5346414fu, "AFS"},  {0x73757245u, "Coda"},       {0x0bd00bd0u, "Lustre"},
    {0x00c36400u, "Ceph"}, {0x01161970u, "GFS2"},       {0x7461636fu, "OCFS2"},
    {0x0000564cu, "NCP"},  {0x786f4256u, "VirtualBox"}, {0xaad7aaeau, "PanFS"},
};

const char *bsc_journal_place_network(int64_t magic)
{
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        if ((uint32_t)magic == networks[i].magic)
            return networks[i].name;
    return NULL;
}

bool bsc_journal_place_check(const char *path, struct bsc_err *err)
{
    struct statfs facts;
    char *folder = bsc_files_folder_of(path);
    bool done = statfs(folder, &facts) == 0;
    if (!done) {
        bsc_err_sys(err, errno, "could not look at folder '%s'", folder);
        goto done;
    }
    const char *name = bsc_journal_place_network((int64_t)facts.f_type);
    done = name == NULL;
    if (!done) {
        bsc_err_set(err, BSC_ERR_REFUSED, "folder '%s' lies on a %s file system", folder, name);
        bsc_err_hint(err, "Keep runs on a local disk (--runs DIR): locks and syncs over a network "
                          "do not hold what they promise.");
    }
done:
    bsc_mem_free(folder);
    return done;
}
