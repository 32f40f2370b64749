#include "journal/place.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "os/files.h"

struct network {
    uint32_t magic;
    const char *name;
};

static const struct network networks[] = {
    {0x00006969u, "NFS"},      {0xff534d42u, "CIFS"},       {0xfe534d42u, "SMB2"},
    {0x0000517bu, "SMB"},      {0x01021997u, "9p"},         {0x65735546u, "FUSE"},
    {0x5346414fu, "AFS"},      {0x73757245u, "Coda"},       {0x0bd00bd0u, "Lustre"},
    {0x00c36400u, "Ceph"},     {0x01161970u, "GFS2"},       {0x7461636fu, "OCFS2"},
    {0x0000564cu, "NCP"},      {0x786f4256u, "VirtualBox"}, {0xaad7aaeau, "PanFS"},
    {0x6b414653u, "AFS"},      {0x47504653u, "GPFS"},       {0x19830326u, "BeeGFS"},
    {0x20030528u, "OrangeFS"}, {0xbacbacbcu, "VMware"},     {0x7c7c6673u, "Parallels"},
};

const char *bsc_journal_place_network(int64_t magic)
{
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        if ((uint32_t)magic == networks[i].magic)
            return networks[i].name;
    return NULL;
}

/* Goes up to the nearest folder that is there; takes and returns owned. */
static char *above(char *path)
{
    char *folder = bsc_files_folder_of(path);
    bsc_mem_free(path);
    return folder;
}

bool bsc_journal_place_look(const struct bsc_sys *sys, const char *folder, const char **ret_network,
                            struct bsc_err *err)
{
    struct statfs facts = {0};
    char *path = bsc_mem_text(folder);
    int result = sys->statfs(sys->self, path, &facts);
    while (result != 0 && errno == ENOENT && strcmp(path, "/") != 0 && strcmp(path, ".") != 0) {
        path = above(path);
        result = sys->statfs(sys->self, path, &facts);
    }
    if (result != 0)
        bsc_err_sys(err, errno, "could not look at folder '%s'", path);
    else
        *ret_network = bsc_journal_place_network((int64_t)facts.f_type);
    bsc_mem_free(path);
    return result == 0;
}

bool bsc_journal_place_check(const struct bsc_sys *sys, const char *folder, struct bsc_err *err)
{
    const char *name = NULL;
    if (!bsc_journal_place_look(sys, folder, &name, err))
        return false;
    if (name == NULL)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "folder '%s' lies on a file system of kind %s", folder, name);
    return bsc_err_hint(err,
                        "Keep runs on a local disk (--runs DIR): locks and syncs over a network "
                        "do not hold what they promise. --force runs all the same.");
}
