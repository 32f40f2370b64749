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
    bsc_err_set(err, BSC_ERR_REFUSED, "plan \"%s\" was changed since it was made", path);
    bsc_err_detail(err, "Its digest should be %s.", hex);
    return bsc_err_hint(err, "Make a new plan and review it.");
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

/* One plan on its way into a file. */
struct writing {
    const struct bsc_value *plan;  /* borrowed */
    struct bsc_redactor *redactor; /* borrowed */
    struct bsc_files_pen *pen;     /* borrowed; NULL only looks for secrets */
    bool found;                    /* there was one */
};

/* A piece ends between two values, so a secret, which is within one, is whole in its piece. */
static bool put_piece(void *self, const char *bytes, size_t length)
{
    struct writing *writing = self;
    struct bsc_buf piece;
    bsc_buf_init(&piece);
    bsc_buf_add(&piece, bytes, length);
    writing->found = bsc_redact_apply(writing->redactor, &piece) || writing->found;
    bool ok = writing->pen == NULL || bsc_files_put(writing->pen, piece.data, piece.length);
    bsc_buf_release(&piece);
    return ok;
}

static bool put_plan(void *self, struct bsc_files_pen *pen)
{
    struct writing *writing = self;
    struct bsc_json_sink sink = {writing, put_piece};
    writing->pen = pen;
    return bsc_json_canonical_to(writing->plan, &sink) && bsc_files_put(pen, "\n", 1);
}

bool bsc_run_plan_write(const struct bsc_run_session *session, const char *path,
                        const struct bsc_value *plan, struct bsc_err *err)
{
    struct writing writing = {plan, session->with.redactor, NULL, false};
    return bsc_files_write_by(session->with.sys, path, 0600, put_plan, &writing, err);
}

static bool in_plan(const struct bsc_run_session *session, const struct bsc_value *plan)
{
    struct writing looking = {plan, session->with.redactor, NULL, false};
    struct bsc_json_sink sink = {&looking, put_piece};
    bsc_json_canonical_to(plan, &sink);
    return looking.found;
}

static bool in_text(const struct bsc_run_session *session, const char *bytes, size_t length)
{
    struct writing looking = {NULL, session->with.redactor, NULL, false};
    put_piece(&looking, bytes, length);
    return looking.found;
}

static bool in_modules(const struct bsc_run_session *session)
{
    const struct bsc_value *modules = bsc_value_get(session->listing, "modules");
    bool found = false;
    for (size_t i = 0; i < bsc_value_count(modules) && !found; i++) {
        const struct bsc_value *source = bsc_value_get(bsc_value_at(modules, i), "source");
        found = in_text(session, bsc_value_string(source), bsc_value_string_length(source));
    }
    return found;
}

bool bsc_run_plan_can_be_kept(const struct bsc_run_session *session, const struct bsc_value *plan,
                              struct bsc_err *err)
{
    const struct bsc_buf *book = &session->runbook_text;
    const char *where = NULL;
    if (session->with.redactor == NULL)
        return true;
    if (session->site != NULL &&
        in_text(session, bsc_site_source(session->site), bsc_site_source_length(session->site)))
        where = "site file";
    else if (in_text(session, book->data, book->length))
        where = "runbook";
    else if (in_modules(session))
        where = "modules of the runbook";
    else if (in_plan(session, plan))
        where = "plan";
    if (where == NULL)
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED, "a secret of the site can be read in the %s", where);
    return bsc_err_hint(err, "Take it out there. If it is an ordinary word or a few characters, "
                             "give the server a better secret.");
}
