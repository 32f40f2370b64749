#include "site/reference.h"

#include "site/schema.h"

static void must_write(const struct bsc_site_key *key, struct bsc_buf *out)
{
    if (key->required)
        bsc_buf_add_text(out, "needed");
    else if (key->preset != NULL)
        bsc_buf_printf(out, "`%s`", key->preset);
}

static void value_write(const struct bsc_site_key *key, struct bsc_buf *out)
{
    if (key->type == BSC_SITE_CHOICE) {
        for (size_t i = 0; key->choices[i] != NULL; i++)
            bsc_buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", key->choices[i]);
    } else if (key->type == BSC_SITE_REFERENCE) {
        bsc_buf_printf(out, "a name under `%s`", key->target);
    } else if (key->type == BSC_SITE_REFERENCES) {
        bsc_buf_printf(out, "a list of names under `%s`", key->target);
    } else if (key->of != NULL) {
        const char *form = key->type == BSC_SITE_OBJECT    ? "one"
                           : key->type == BSC_SITE_OBJECTS ? "a list of"
                                                           : "by name:";
        bsc_buf_printf(out, "%s [%s](#%s)", form, key->of->name, key->of->anchor);
    } else if (key->type == BSC_SITE_NUMBER) {
        bsc_buf_printf(out, "a whole number from %lld to %lld", (long long)key->least,
                       (long long)key->most);
    } else {
        bsc_buf_add_text(out, bsc_site_type_words(key->type));
    }
}

static void kind_write(const struct bsc_site_kind *kind, struct bsc_buf *out)
{
    bsc_buf_printf(out, "### %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n",
                   kind->name, kind->doc);
    for (size_t i = 0; i < kind->count; i++) {
        const struct bsc_site_key *key = &kind->keys[i];
        bsc_buf_printf(out, "| `%s` | ", key->name);
        value_write(key, out);
        bsc_buf_add_text(out, " | ");
        must_write(key, out);
        bsc_buf_printf(out, " | %s |\n", key->doc);
    }
    bsc_buf_add_char(out, '\n');
}

void bsc_site_reference_write(struct bsc_buf *out)
{
    size_t count = 0;
    const struct bsc_site_kind *const *kinds = bsc_site_kinds(&count);
    for (size_t i = 0; i < count; i++)
        kind_write(kinds[i], out);
}
