#include "run/caveats.h"

#include <string.h>

#include "run/back.h"

/* Lines that are kept in the text of the note, which people read; the data have all. */
enum { LINES_TOLD = 10 };

/* The answer to an effect, owned; NULL when it cannot be observed. */
static struct bsc_value *answer_to(struct bsc_run_session *session, const struct bsc_value *effect,
                                   const struct bsc_value *facts, struct bsc_err *err)
{
    const char *op = bsc_value_get_string(effect, "op");
    const char *resource = bsc_value_get_string(effect, "resource");
    if (op == NULL || strcmp(op, "observe") != 0 || resource == NULL) {
        bsc_err_set(err, BSC_ERR_SCRIPT, "caveats can only look at something");
        return NULL;
    }
    if (bsc_value_get(facts, resource) != NULL)
        return bsc_value_copy(bsc_value_get(facts, resource));
    struct bsc_value *ids = bsc_value_list();
    bsc_value_append(ids, bsc_value_text(resource));
    struct bsc_value *seen = bsc_run_session_look(session, ids, err);
    struct bsc_value *answer = seen != NULL ? bsc_value_take(seen, resource) : NULL;
    bsc_value_free(seen);
    bsc_value_free(ids);
    return answer;
}

/* The lines of one item, owned; NULL when they cannot be told. */
static struct bsc_value *lines_of(struct bsc_run_session *session, const struct bsc_value *item,
                                  const struct bsc_value *facts, struct bsc_err *err)
{
    struct bsc_value *args = bsc_run_back_arguments(item), *said = NULL, *answer = NULL;
    struct bsc_vm_task *task = bsc_vm_task_new(session->vm, "caveats", args, err);
    enum bsc_vm_status status =
        task != NULL ? bsc_vm_task_resume(task, NULL, &said, err) : BSC_VM_FAILED;
    while (status == BSC_VM_YIELDED) {
        answer = answer_to(session, said, facts, err);
        bsc_value_free(said);
        said = NULL;
        status = answer != NULL ? bsc_vm_task_resume(task, answer, &said, err) : BSC_VM_FAILED;
        bsc_value_free(answer);
    }
    bsc_vm_task_free(task);
    bsc_value_free(args);
    return status == BSC_VM_DONE ? said : NULL;
}

static void add_line(struct bsc_value *list, struct bsc_value *line)
{
    for (size_t i = 0; i < bsc_value_count(list); i++) {
        if (bsc_value_equal(bsc_value_at(list, i), line)) {
            bsc_value_free(line);
            return;
        }
    }
    bsc_value_append(list, line);
}

struct bsc_value *bsc_run_caveats(struct bsc_run_session *session, const struct bsc_value *items,
                                  const struct bsc_value *facts)
{
    struct bsc_value *list = bsc_value_list();
    for (size_t i = 0; i < bsc_value_count(items); i++) {
        struct bsc_err err = BSC_ERR_INIT;
        const struct bsc_value *item = bsc_value_at(items, i);
        struct bsc_value *lines = lines_of(session, item, facts, &err);
        for (size_t k = 0; k < bsc_value_count(lines); k++)
            add_line(list, bsc_value_copy(bsc_value_at(lines, k)));
        if (lines == NULL)
            add_line(list, bsc_value_format("%s: what that costs cannot be told: %s",
                                            bsc_value_get_string(item, "title"), err.message));
        bsc_value_free(lines);
    }
    return list;
}

struct bsc_value *bsc_run_caveats_note(const struct bsc_value *caveats)
{
    size_t count = bsc_value_count(caveats);
    struct bsc_buf text;
    if (count == 0)
        return NULL;
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, "what it costs to take this back was shown: ");
    for (size_t i = 0; i < count && i < LINES_TOLD; i++) {
        const char *line = bsc_value_string(bsc_value_at(caveats, i));
        bsc_buf_printf(&text, "%s%s", i > 0 ? "; " : "", line + strspn(line, " "));
    }
    if (count > LINES_TOLD)
        bsc_buf_printf(&text, "; and %zu more lines", count - LINES_TOLD);
    struct bsc_value *note = bsc_value_map(), *data = bsc_value_map();
    bsc_value_set_text(note, "kind", "warning");
    bsc_value_set_text(note, "text", text.data);
    bsc_value_set(data, "caveats", bsc_value_copy(caveats));
    bsc_value_set(note, "data", data);
    bsc_buf_release(&text);
    return note;
}
