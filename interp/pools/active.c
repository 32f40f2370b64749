#include "pools/active.h"

#include <string.h>

enum { MAXIMUM_DEFAULT = 4, MAXIMUM_LYNC = 4 };

static const struct bsc_value *pool_of(const struct bsc_value *site, const char *pool)
{
    return bsc_value_get(bsc_value_get(site, "pools"), pool);
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* NULL when there is no such server. */
static const char *place_of(const struct bsc_value *site, const char *server)
{
    return bsc_value_get_string(bsc_value_get(bsc_value_get(site, "servers"), server),
                                "data_centre");
}

/* Whether a low-latency link joins the two. */
static bool joined(const struct bsc_value *site, const char *one, const char *other)
{
    const struct bsc_value *links = bsc_value_get(site, "links");
    for (size_t i = 0; i < bsc_value_count(links); i++) {
        const struct bsc_value *link = bsc_value_at(links, i);
        const struct bsc_value *ends = bsc_value_get(link, "between");
        const char *a = bsc_value_string(bsc_value_at(ends, 0));
        const char *b = bsc_value_string(bsc_value_at(ends, 1));
        if (bsc_value_get_truth(link, "low_latency") &&
            ((same(a, one) && same(b, other)) || (same(a, other) && same(b, one))))
            return true;
    }
    return false;
}

static bool in_list(const struct bsc_value *list, const char *text)
{
    for (size_t i = 0; i < bsc_value_count(list); i++)
        if (same(bsc_value_string(bsc_value_at(list, i)), text))
            return true;
    return false;
}

int64_t bsc_pools_active_maximum(const struct bsc_value *site, const char *pool)
{
    const struct bsc_value *about = pool_of(site, pool);
    int64_t maximum = bsc_value_get_number(about, "maximum_active", MAXIMUM_DEFAULT);
    bool lync = same(bsc_value_get_string(about, "driver"), "lync");
    return lync && maximum > MAXIMUM_LYNC ? MAXIMUM_LYNC : maximum;
}

static bool server_check(const struct bsc_value *site, const char *pool, const char *data_centre,
                         const char *server, struct bsc_err *err)
{
    if (server == NULL || !in_list(bsc_value_get(pool_of(site, pool), "servers"), server))
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "server '%s' is not one of pool '%s'",
                           server != NULL ? server : "", pool);
    const char *place = place_of(site, server);
    if (same(place, data_centre) || (place != NULL && joined(site, place, data_centre)))
        return true;
    bsc_err_set(err, BSC_ERR_REFUSED,
                "server '%s' cannot be active: it is in data centre '%s', the primary database is "
                "in '%s', and no low-latency link joins the two",
                server, place != NULL ? place : "unknown", data_centre);
    return bsc_err_hint(err,
                        "Choose servers in '%s', or mark the link low_latency in the site "
                        "file if it is one.",
                        data_centre);
}

static bool names_check(const struct bsc_value *site, const char *pool, const char *data_centre,
                        struct bsc_err *err)
{
    if (pool_of(site, pool) == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no pool '%s'", pool);
    if (bsc_value_get(bsc_value_get(site, "data_centres"), data_centre) == NULL)
        return bsc_err_set(err, BSC_ERR_NOT_FOUND, "there is no data centre '%s'", data_centre);
    return true;
}

bool bsc_pools_active_check(const struct bsc_value *site, const char *pool, const char *data_centre,
                            const struct bsc_value *servers, struct bsc_err *err)
{
    size_t count = bsc_value_count(servers);
    if (!names_check(site, pool, data_centre, err))
        return false;
    int64_t maximum = bsc_pools_active_maximum(site, pool);
    if (count == 0)
        return bsc_err_set(err, BSC_ERR_REFUSED, "pool '%s' would have no active server", pool);
    if ((int64_t)count > maximum)
        return bsc_err_set(err, BSC_ERR_REFUSED,
                           "pool '%s' would have %zu active servers where %lld are the most", pool,
                           count, (long long)maximum);
    for (size_t i = 0; i < count; i++) {
        const char *server = bsc_value_string(bsc_value_at(servers, i));
        if (!server_check(site, pool, data_centre, server, err))
            return false;
        for (size_t j = 0; j < i; j++)
            if (same(bsc_value_string(bsc_value_at(servers, j)), server))
                return bsc_err_set(err, BSC_ERR_INVALID, "server '%s' is listed twice", server);
    }
    return true;
}
