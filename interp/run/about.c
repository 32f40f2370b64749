#include "run/about.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "os/files.h"
#include "os/process.h"

enum { BOOT_ID_MAX = 64 };

static void set_host(struct bsc_value *about)
{
    char host[BSC_PROCESS_HOST];
    bsc_process_host(host);
    bsc_value_set_text(about, "host", host);
}

static void set_user(struct bsc_value *about)
{
    char user[BSC_PROCESS_USER];
    bsc_process_user(user);
    bsc_value_set_text(about, "user", user);
}

/* Tells the pids of one life of the machine from those of another; empty where unknown. */
static void set_boot_id(struct bsc_value *about, const struct bsc_sys *sys)
{
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    if (!bsc_files_read(sys, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, &text, &err))
        bsc_buf_clear(&text);
    text.data[strcspn(text.data, "\n")] = '\0';
    bsc_value_set_text(about, "boot_id", text.data);
    bsc_buf_release(&text);
}

static struct bsc_value *modules_of(const struct bsc_value *runbook)
{
    struct bsc_value *list = bsc_value_list();
    const struct bsc_value *modules = bsc_value_get(runbook, "modules");
    for (size_t i = 0; i < bsc_value_count(modules); i++) {
        struct bsc_value *entry = bsc_value_map();
        const struct bsc_value *module = bsc_value_at(modules, i);
        bsc_value_set_text(entry, "name", bsc_value_get_string(module, "name"));
        bsc_value_set_text(entry, "digest", bsc_value_get_string(module, "sha256"));
        bsc_value_append(list, entry);
    }
    return list;
}

/* So that whoever reads the journal alone can tell how far the run is. */
static void set_extent(struct bsc_value *about, const struct bsc_value *items)
{
    bsc_value_set_int(about, "items", (int64_t)bsc_value_count(items));
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        const struct bsc_value *item = bsc_value_at(items, i);
        if (!bsc_value_get_truth(item, "point_of_no_return"))
            continue;
        bsc_value_set_int(about, "point_of_no_return", bsc_value_get_number(item, "index", 0));
        return;
    }
}

struct bsc_value *bsc_run_about(const struct bsc_run_session *session, const struct bsc_value *plan,
                                const char *run_id, const char *mode)
{
    struct bsc_value *about = bsc_value_map();
    const struct bsc_value *runbook = bsc_value_get(plan, "runbook");
    bsc_value_set_text(about, "run", run_id);
    bsc_value_set_text(about, "mode", mode);
    bsc_value_set_text(about, "plan_digest", bsc_value_get_string(plan, "digest"));
    bsc_value_set_text(about, "runbook_digest", session->runbook_digest);
    bsc_value_set_text(about, "site_digest", bsc_site_digest(session->site));
    bsc_value_set_text(about, "stdlib_digest", session->library_digest);
    bsc_value_set_text(about, "tool", BSC_VERSION);
    set_host(about);
    set_user(about);
    bsc_value_set_int(about, "pid", getpid());
    set_boot_id(about, session->with.sys);
    bsc_value_set(about, "params", bsc_value_copy(bsc_value_get(plan, "params")));
    bsc_value_set(about, "modules", modules_of(runbook));
    bsc_value_set_text(about, "runbook", bsc_value_get_string(runbook, "name"));
    set_extent(about, bsc_value_get(bsc_run_session_runbook(session), "items"));
    return about;
}

void bsc_run_about_place(struct bsc_value *about, const struct bsc_run_session *session,
                         const char *folder)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    char *real = bsc_files_real_path(folder, &ignored);
    if (real != NULL)
        bsc_value_set_text(about, "folder", real);
    bsc_mem_free(real);
    real = bsc_files_real_path(session->env.folder != NULL ? session->env.folder : ".", &ignored);
    if (real != NULL)
        bsc_value_set_text(about, "working_folder", real);
    bsc_mem_free(real);
}
