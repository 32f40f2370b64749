#include "run/plan.h"

#include <string.h>

#include "os/files.h"
#include "value/digest.h"
#include "value/json.h"

enum { PLAN_BYTES_MAX = 256 * 1024 * 1024, PLAN_FORMAT_KNOWN = 1 };

static bool check_digest(const char *path, struct bsc_value *plan, struct bsc_err *err)
{
    char hex[BSC_DIGEST_HEX];
    struct bsc_value *digest = bsc_value_take(plan, "digest");
    struct bsc_value *made = bsc_value_take(plan, "made");
    bsc_digest_value(plan, hex);
    bool fits = digest != NULL && bsc_value_string(digest) != NULL &&
                strcmp(bsc_value_string(digest), hex) == 0;
    if (made != NULL)
        bsc_value_set(plan, "made", made);
    if (digest != NULL)
        bsc_value_set(plan, "digest", digest);
    if (fits)
        return true;
    bsc_err_set(err, BSC_ERR_DAMAGED, "plan \"%s\" was changed since it was made", path);
    return bsc_err_detail(err, "Its digest should be %s.", hex);
}

struct bsc_value *bsc_run_plan_read(const struct bsc_sys *sys, const char *path,
                                    struct bsc_err *err)
{
    struct bsc_buf text;
    struct bsc_value *plan = NULL;
    bsc_buf_init(&text);
    if (!bsc_files_read(sys, path, PLAN_BYTES_MAX, &text, err))
        goto done;
    plan = bsc_json_parse(path, text.data, text.length, err);
    if (plan == NULL)
        goto done;
    bool known = bsc_value_get_number(plan, "format", 0) == PLAN_FORMAT_KNOWN;
    if (!known)
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is not a plan of this program", path);
    if (!known || !check_digest(path, plan, err)) {
        bsc_value_free(plan);
        plan = NULL;
    }
done:
    bsc_buf_release(&text);
    return plan;
}

bool bsc_run_plan_write(const struct bsc_run_session *session, const char *path,
                        const struct bsc_value *plan, struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    bsc_json_canonical(plan, &text);
    bsc_buf_add_char(&text, '\n');
    bsc_redact_apply(session->with.redactor, &text);
    bool ok = bsc_files_write(session->with.sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    return ok;
}
