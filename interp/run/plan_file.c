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

static bool is_known(const struct bsc_value *plan)
{
    return bsc_value_get_number(plan, "format", 0) == PLAN_FORMAT_KNOWN;
}

static struct bsc_value *plan_of(const char *path, const struct bsc_buf *text, struct bsc_err *err)
{
    struct bsc_value *plan = bsc_json_parse(path, text->data, text->length, err);
    if (plan == NULL)
        return NULL;
    if (!is_known(plan))
        bsc_err_set(err, BSC_ERR_INVALID, "\"%s\" is not a plan of this program", path);
    if (is_known(plan) && check_digest(path, plan, err))
        return plan;
    bsc_value_free(plan);
    return NULL;
}

struct bsc_value *bsc_run_plan_read(const struct bsc_sys *sys, const char *path,
                                    struct bsc_err *err)
{
    struct bsc_buf text;
    bsc_buf_init(&text);
    struct bsc_value *plan =
        bsc_files_read(sys, path, PLAN_BYTES_MAX, &text, err) ? plan_of(path, &text, err) : NULL;
    bsc_buf_release(&text);
    return plan;
}

/* Whether the text is the canonical form of a plan with this digest: then what is left of it
 * without these two members is what the digest was taken of, byte by byte. */
static bool text_fits(const char *text, size_t length, const char *wanted)
{
    char hex[BSC_DIGEST_HEX];
    unsigned char hash[BSC_DIGEST_BYTES];
    struct bsc_digest digest;
    struct bsc_json_piece own = bsc_json_find(text, length, "digest");
    struct bsc_json_piece made = bsc_json_find(text, length, "made");
    size_t behind = own.at + own.length;
    if (wanted == NULL || behind > made.at)
        return false;
    bsc_digest_init(&digest);
    bsc_digest_add(&digest, text, own.at);
    bsc_digest_add(&digest, text + behind, made.at - behind);
    bsc_digest_add(&digest, text + made.at + made.length, length - made.at - made.length);
    bsc_digest_end(&digest, hash);
    bsc_digest_hex(hash, hex);
    return strcmp(hex, wanted) == 0;
}

/* Without its items a plan is short. NULL when the text does not tell by itself that it fits. */
static struct bsc_value *head_of(const char *path, const struct bsc_buf *text)
{
    struct bsc_err ignored = BSC_ERR_INIT;
    struct bsc_buf head;
    size_t length = text->length;
    while (length > 0 && text->data[length - 1] == '\n')
        length--;
    struct bsc_json_piece items = bsc_json_find(text->data, length, "items");
    bsc_buf_init(&head);
    bsc_buf_add(&head, text->data, items.at);
    bsc_buf_add(&head, text->data + items.at + items.length, length - items.at - items.length);
    struct bsc_value *plan = bsc_json_parse(path, head.data, head.length, &ignored);
    bsc_buf_release(&head);
    if (plan != NULL && is_known(plan) &&
        text_fits(text->data, length, bsc_value_get_string(plan, "digest")))
        return plan;
    bsc_value_free(plan);
    return NULL;
}

struct bsc_value *bsc_run_plan_read_head(const struct bsc_sys *sys, const char *path,
                                         struct bsc_err *err)
{
    struct bsc_buf text;
    struct bsc_value *plan = NULL;
    bsc_buf_init(&text);
    if (!bsc_files_read(sys, path, PLAN_BYTES_MAX, &text, err))
        goto done;
    plan = head_of(path, &text);
    if (plan == NULL)
        plan = plan_of(path, &text, err);
    if (plan != NULL)
        bsc_value_remove(plan, "items");
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
    return bsc_files_output_by(session->with.sys, path, 0600, put_plan, &writing, err);
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
