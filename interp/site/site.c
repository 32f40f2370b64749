#include "site/site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/files.h"
#include "site/check.h"
#include "site/site_int.h"
#include "value/yaml.h"

enum { FILE_MAX = 1024 * 1024 };

void bsc_site_errors_init(struct bsc_site_errors *errors)
{
    *errors = (struct bsc_site_errors){0};
}

void bsc_site_errors_release(struct bsc_site_errors *errors)
{
    bsc_mem_free(errors->items);
    bsc_site_errors_init(errors);
}

static void errors_add(struct bsc_site_errors *errors, const struct bsc_err *err)
{
    errors->items = bsc_mem_resize(errors->items, errors->count + 1, sizeof *errors->items);
    errors->items[errors->count++] = *err;
    errors->capacity = errors->count;
}

/* Reads "name:12:3" from the back; errors without a line come first. */
static void place_of(const struct bsc_err *err, unsigned long *ret_line, unsigned long *ret_column)
{
    char text[sizeof err->where];
    memcpy(text, err->where, sizeof text);
    char *last = strrchr(text, ':');
    *ret_line = *ret_column = 0;
    if (last == NULL)
        return;
    *ret_column = strtoul(last + 1, NULL, 10);
    *last = '\0';
    last = strrchr(text, ':');
    *ret_line = last == NULL ? 0 : strtoul(last + 1, NULL, 10);
}

static int err_compare(const void *a, const void *b)
{
    unsigned long line_a = 0, line_b = 0, column_a = 0, column_b = 0;
    place_of(a, &line_a, &column_a);
    place_of(b, &line_b, &column_b);
    if (line_a != line_b)
        return line_a < line_b ? -1 : 1;
    if (column_a != column_b)
        return column_a < column_b ? -1 : 1;
    return strcmp(((const struct bsc_err *)a)->message, ((const struct bsc_err *)b)->message);
}

/* Fills site->source and site->value; whether it is valid shows in check->errors. */
static void content_check(struct bsc_site *site, struct bsc_site_check *check)
{
    struct bsc_err err = BSC_ERR_INIT;
    site->source = bsc_yaml_parse(check->name, site->text, site->length, &err);
    if (site->source == NULL) {
        errors_add(check->errors, &err);
        return;
    }
    check->source = site->source;
    if (bsc_value_kind(site->source) != BSC_VALUE_MAP) {
        struct bsc_value_place place = bsc_value_place(site->source);
        struct bsc_err *problem = bsc_site_problem(
            check, place.line == 0 ? (struct bsc_value_place){1, 1} : place,
            "a site file must be a map, not %s", bsc_value_kind_name(bsc_value_kind(site->source)));
        bsc_err_hint(problem, "Begin with a line such as \"site: litware\".");
        return;
    }
    site->value = bsc_site_check_schema(check);
    bsc_site_check_cross(check, site->value);
}

struct bsc_site *bsc_site_parse(const struct bsc_sys *sys, const char *name, const char *folder,
                                const char *text, size_t length, struct bsc_site_errors *errors)
{
    struct bsc_site *site = bsc_mem_new(1, sizeof *site);
    site->sys = sys;
    site->folder = bsc_mem_text(folder);
    site->text = bsc_mem_bytes(text, length);
    site->length = length;
    bsc_digest_text(text, length, site->digest);
    struct bsc_site_check check = {.name = name, .folder = folder, .errors = errors};
    bsc_buf_init(&check.path);
    content_check(site, &check);
    bsc_buf_release(&check.path);
    if (errors->count == 0)
        return site;
    qsort(errors->items, errors->count, sizeof *errors->items, err_compare);
    bsc_site_free(site);
    return NULL;
}

static char *folder_of(const char *path, struct bsc_err *err)
{
    char *folder = bsc_files_folder_of(path);
    char *real = bsc_files_real_path(folder, err);
    bsc_mem_free(folder);
    return real;
}

struct bsc_site *bsc_site_load_all(const struct bsc_sys *sys, const char *path,
                                   struct bsc_site_errors *errors)
{
    struct bsc_site *site = NULL;
    struct bsc_err err = BSC_ERR_INIT;
    struct bsc_buf text;
    bsc_buf_init(&text);
    char *folder = folder_of(path, &err);
    if (folder != NULL && bsc_files_read(sys, path, FILE_MAX, &text, &err)) {
        site = bsc_site_parse(sys, path, folder, text.data, text.length, errors);
    } else {
        bsc_err_wrap(&err, "could not read the site file \"%.200s\"", path);
        if (err.sys_errno == ENOENT)
            bsc_err_hint(&err, "--site FILE names it; that of a practice site is DIR/site.yaml.");
        errors_add(errors, &err);
    }
    bsc_mem_free(folder);
    bsc_buf_release(&text);
    return site;
}

struct bsc_site *bsc_site_load(const struct bsc_sys *sys, const char *path, struct bsc_err *err)
{
    struct bsc_site_errors errors;
    bsc_site_errors_init(&errors);
    struct bsc_site *site = bsc_site_load_all(sys, path, &errors);
    if (site == NULL) {
        *err = errors.items[0];
        if (errors.count > 1)
            bsc_err_detail(err, "The file has %s%zu more error%s.", errors.more ? "at least " : "",
                           errors.count - 1, errors.count > 2 ? "s" : "");
    }
    bsc_site_errors_release(&errors);
    return site;
}

void bsc_site_free(struct bsc_site *site)
{
    if (site == NULL)
        return;
    bsc_value_free(site->source);
    bsc_value_free(site->value);
    bsc_mem_free(site->folder);
    bsc_mem_free(site->text);
    bsc_mem_free(site);
}

const struct bsc_value *bsc_site_value(const struct bsc_site *site)
{
    return site->value;
}

const char *bsc_site_folder(const struct bsc_site *site)
{
    return site->folder;
}

const char *bsc_site_digest(const struct bsc_site *site)
{
    return site->digest;
}

const char *bsc_site_source(const struct bsc_site *site)
{
    return site->text;
}

size_t bsc_site_source_length(const struct bsc_site *site)
{
    return site->length;
}

const struct bsc_value *bsc_site_server(const struct bsc_site *site, const char *name)
{
    return bsc_value_get(bsc_value_get(site->value, "servers"), name);
}

const struct bsc_value *bsc_site_database(const struct bsc_site *site, const char *name)
{
    return bsc_value_get(bsc_value_get(site->value, "databases"), name);
}

const struct bsc_value *bsc_site_pool(const struct bsc_site *site, const char *name)
{
    return bsc_value_get(bsc_value_get(site->value, "pools"), name);
}
