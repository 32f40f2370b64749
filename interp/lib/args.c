#include "lib/args.h"

#include <string.h>

#include "os/clock.h"
#include "lib/env.h"

static const struct bsc_value *find(const struct bsc_value *args, const char *key)
{
    const struct bsc_value *found = bsc_value_get(args, key);
    return bsc_value_kind(found) == BSC_VALUE_NULL ? NULL : found;
}

static bool missing(const char *key, struct bsc_err *err)
{
    return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" is missing", key);
}

static bool wrong_kind(const struct bsc_value *found, const char *key, const char *wanted,
                       struct bsc_err *err)
{
    return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" must be %s, not %s", key, wanted,
                       bsc_value_kind_name(bsc_value_kind(found)));
}

bool bsc_lib_args_text(const struct bsc_value *args, const char *key, const char **ret_text,
                       struct bsc_err *err)
{
    const struct bsc_value *found = find(args, key);
    if (found == NULL)
        return missing(key, err);
    if (bsc_value_kind(found) != BSC_VALUE_TEXT)
        return wrong_kind(found, key, "text", err);
    const char *text = bsc_value_string(found);
    if (text[0] == '\0')
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" must not be empty", key);
    if (strlen(text) != bsc_value_string_length(found))
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" must not hold a NUL byte", key);
    *ret_text = text;
    return true;
}

bool bsc_lib_args_text_or(const struct bsc_value *args, const char *key, const char *fallback,
                          const char **ret_text, struct bsc_err *err)
{
    if (find(args, key) != NULL)
        return bsc_lib_args_text(args, key, ret_text, err);
    *ret_text = fallback;
    return true;
}

bool bsc_lib_args_path(const struct bsc_value *args, const char *key, const char **ret_path,
                       struct bsc_err *err)
{
    const char *path = NULL;
    if (!bsc_lib_args_text(args, key, &path, err))
        return false;
    if (path[0] != '/')
        return bsc_err_set(err, BSC_ERR_USAGE,
                           "argument \"%s\" must be an absolute path, not \"%s\"", key, path);
    *ret_path = path;
    return true;
}

bool bsc_lib_args_path_or(const struct bsc_value *args, const char *key, const char *fallback,
                          const char **ret_path, struct bsc_err *err)
{
    if (find(args, key) != NULL)
        return bsc_lib_args_path(args, key, ret_path, err);
    *ret_path = fallback;
    return true;
}

bool bsc_lib_args_file_name(const struct bsc_value *args, const char *key, const char **ret_name,
                            struct bsc_err *err)
{
    const char *name = NULL;
    if (!bsc_lib_args_text(args, key, &name, err))
        return false;
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return bsc_err_set(err, BSC_ERR_USAGE,
                           "argument \"%s\" must be a file name without folders, not \"%s\"", key,
                           name);
    *ret_name = name;
    return true;
}

bool bsc_lib_args_sha256(const struct bsc_value *args, const char *key, const char **ret_hex,
                         struct bsc_err *err)
{
    const char *hex = NULL;
    if (!bsc_lib_args_text(args, key, &hex, err))
        return false;
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
        return bsc_err_set(err, BSC_ERR_USAGE,
                           "argument \"%s\" must be 64 lower-case hexadecimal digits, not \"%s\"",
                           key, hex);
    *ret_hex = hex;
    return true;
}

bool bsc_lib_args_count(const struct bsc_value *args, const char *key, int64_t *ret_count,
                        struct bsc_err *err)
{
    const struct bsc_value *found = find(args, key);
    if (found == NULL)
        return missing(key, err);
    if (bsc_value_kind(found) != BSC_VALUE_INT)
        return wrong_kind(found, key, "an integer", err);
    int64_t count = bsc_value_number(found, 0);
    if (count < 0)
        return bsc_err_set(err, BSC_ERR_USAGE, "argument \"%s\" must not be negative, but is %lld",
                           key, (long long)count);
    *ret_count = count;
    return true;
}

bool bsc_lib_args_count_or(const struct bsc_value *args, const char *key, int64_t fallback,
                           int64_t *ret_count, struct bsc_err *err)
{
    if (find(args, key) != NULL)
        return bsc_lib_args_count(args, key, ret_count, err);
    *ret_count = fallback;
    return true;
}

bool bsc_lib_args_bool_or(const struct bsc_value *args, const char *key, bool fallback,
                          bool *ret_truth, struct bsc_err *err)
{
    const struct bsc_value *found = find(args, key);
    if (found != NULL && bsc_value_kind(found) != BSC_VALUE_BOOL)
        return wrong_kind(found, key, "true or false", err);
    *ret_truth = found == NULL ? fallback : bsc_value_truth(found);
    return true;
}

bool bsc_lib_args_list_or(const struct bsc_value *args, const char *key,
                          const struct bsc_value **ret_list, struct bsc_err *err)
{
    const struct bsc_value *found = find(args, key);
    enum bsc_value_kind kind = bsc_value_kind(found);
    bool empty_map = kind == BSC_VALUE_MAP && bsc_value_count(found) == 0;
    if (found != NULL && kind != BSC_VALUE_LIST && !empty_map)
        return wrong_kind(found, key, "a list", err);
    *ret_list = found;
    return true;
}

bool bsc_lib_args_list(const struct bsc_value *args, const char *key,
                       const struct bsc_value **ret_list, struct bsc_err *err)
{
    if (find(args, key) == NULL)
        return missing(key, err);
    return bsc_lib_args_list_or(args, key, ret_list, err);
}

/* Whether "a: text, b: int?" describes an argument of that name. */
static bool describes(const char *described, const char *name)
{
    size_t length = strlen(name);
    int depth = 0;
    bool at_name = true;
    for (const char *c = described; *c != '\0'; c++) {
        if (at_name && *c != ' ') {
            at_name = false;
            if (strncmp(c, name, length) == 0 && c[length] == ':')
                return true;
        }
        if (*c == '{' || *c == '[')
            depth++;
        else if (*c == '}' || *c == ']')
            depth--;
        else if (*c == ',' && depth == 0)
            at_name = true;
    }
    return false;
}

bool bsc_lib_args_known(const struct bsc_value *args, const char *described, struct bsc_err *err)
{
    for (size_t i = 0; i < bsc_value_count(args); i++) {
        const char *name = bsc_value_key_at(args, i);
        if (describes(described, name))
            continue;
        bsc_err_set(err, BSC_ERR_USAGE, "unknown argument \"%s\"", name);
        return bsc_err_hint(err, "The arguments are: %s", described);
    }
    return true;
}

bool bsc_lib_call_continue(const struct bsc_lib_call *call, struct bsc_err *err)
{
    if (call->cancel != NULL && atomic_load(call->cancel))
        return bsc_err_set(err, BSC_ERR_CANCELLED, "cancelled by the operator");
    if (call->deadline_us != 0) {
        const struct bsc_clock *clock = call->env->clock;
        if (clock->mono_us(clock->self) >= call->deadline_us)
            return bsc_err_set(err, BSC_ERR_TIMEOUT, "not finished within the time allowed");
    }
    return true;
}

int64_t bsc_lib_call_left_ms(const struct bsc_lib_call *call)
{
    if (call->deadline_us == 0)
        return 0;
    const struct bsc_clock *clock = call->env->clock;
    int64_t left_us = call->deadline_us - clock->mono_us(clock->self);
    return left_us < 1000 ? 1 : left_us / 1000;
}

void bsc_lib_call_progress(const struct bsc_lib_call *call, int64_t done, int64_t total,
                           const char *unit)
{
    if (call->progress != NULL)
        call->progress(call->progress_arg, done, total, unit);
}

void bsc_lib_call_alive(const struct bsc_lib_call *call)
{
    if (call->alive != NULL)
        call->alive(call->progress_arg);
}
