#include "run/errors.h"

static void set_if(struct bsc_value *map, const char *key, const char *text)
{
    if (text[0] != '\0')
        bsc_value_set_text(map, key, text);
}

struct bsc_value *bsc_run_error_value(const struct bsc_err *err)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "code", bsc_err_name(err->code));
    bsc_value_set_text(map, "message", err->message);
    set_if(map, "where", err->where);
    set_if(map, "detail", err->detail);
    set_if(map, "hint", err->hint);
    set_if(map, "cause", err->cause);
    set_if(map, "sqlstate", err->sqlstate);
    if (err->native != 0)
        bsc_value_set_int(map, "native", err->native);
    return map;
}

struct bsc_value *bsc_run_error_result(const struct bsc_err *err)
{
    struct bsc_value *result = bsc_value_map();
    bool stopped = err->code == BSC_ERR_CANCELLED;
    bsc_value_set_text(result, "outcome", stopped ? "interrupted" : "failed");
    if (err->where[0] != '\0')
        bsc_value_set(result, "reason", bsc_value_format("%s: %s", err->where, err->message));
    else
        bsc_value_set_text(result, "reason", err->message);
    bsc_value_set(result, "actions", bsc_value_list());
    return result;
}
