#include "run/schema.h"

#include <string.h>

const struct bsc_value *bsc_run_schema_kind(const struct bsc_value *schema, const char *resource)
{
    char kind[64];
    size_t length = strcspn(resource, ":");
    if (length >= sizeof kind)
        return NULL;
    memcpy(kind, resource, length);
    kind[length] = '\0';
    return bsc_value_get(schema, kind);
}

const struct bsc_value *bsc_run_schema_fact(const struct bsc_value *schema, const char *resource,
                                            const char *key)
{
    return bsc_value_get(bsc_run_schema_kind(schema, resource), key);
}

bool bsc_run_schema_moves(const struct bsc_value *schema, const char *resource, const char *key)
{
    const struct bsc_value *fact = bsc_run_schema_fact(schema, resource, key);
    return bsc_value_get_truth(fact, "volatile") || bsc_value_get_truth(fact, "advances");
}
