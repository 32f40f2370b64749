#include "run/report_time.h"

#include "run/html.h"

enum part { ALL, CHANGES, LOOKS, WAITS, SYNCS, OWN, PARTS };

static const char *const headings[PARTS] = {"Time",    "Changes", "Looking",
                                            "Waiting", "Journal", "bascule itself"};

/* The disk makes an outcome durable while the next look is under way, so the parts may be more than
 * the whole. */
static void take(const struct bsc_value *spent, int64_t times[PARTS])
{
    static const char *const keys[OWN] = {"all_us", "changing_us", "looking_us", "waiting_us",
                                          "syncing_us"};
    times[OWN] = bsc_value_get_number(spent, keys[ALL], 0);
    for (int part = ALL; part < OWN; part++) {
        times[part] = bsc_value_get_number(spent, keys[part], 0);
        times[OWN] -= part == ALL ? 0 : times[part];
    }
    if (times[OWN] < 0)
        times[OWN] = 0;
}

static void cells_write(struct bsc_buf *out, const int64_t times[PARTS])
{
    for (int part = ALL; part < PARTS; part++)
        bsc_buf_printf(out, "<td>%lld.%lld ms</td>", (long long)(times[part] / 1000),
                       (long long)(times[part] % 1000 / 100));
    bsc_buf_add_text(out, "</tr>\n");
}

static void item_write(struct bsc_buf *out, const struct bsc_value *item,
                       const int64_t times[PARTS])
{
    bsc_buf_printf(out, "<tr><td>%lld. ", (long long)bsc_value_get_number(item, "item", 0));
    bsc_run_html_text(out, bsc_value_get_string(item, "title"));
    bsc_buf_add_text(out, "</td>");
    cells_write(out, times);
}

static void share_write(struct bsc_buf *out, const int64_t times[PARTS])
{
    int64_t worked = times[ALL] - times[WAITS];
    int64_t tenths = worked > 0 ? times[OWN] * 1000 / worked : 0;
    bsc_buf_printf(out,
                   "<p>bascule itself took %lld.%lld per cent of the time that was not spent "
                   "waiting.</p>\n",
                   (long long)(tenths / 10), (long long)(tenths % 10));
}

void bsc_run_report_times(struct bsc_buf *out, const struct bsc_run_story *story)
{
    int64_t sum[PARTS] = {0};
    bool begun = false;
    for (size_t i = 0; i < bsc_value_count(story->items); i++) {
        const struct bsc_value *item = bsc_value_at(story->items, i);
        int64_t times[PARTS];
        if (bsc_value_get(item, "spent") == NULL)
            continue;
        take(bsc_value_get(item, "spent"), times);
        if (!begun)
            bsc_buf_add_text(out, "<h2>Where the time went</h2>\n<table>\n<tr><th>Item</th>");
        for (int part = ALL; part < PARTS; part++) {
            sum[part] += times[part];
            if (!begun)
                bsc_buf_printf(out, "<th>%s</th>%s", headings[part], part == OWN ? "</tr>\n" : "");
        }
        begun = true;
        item_write(out, item, times);
    }
    if (!begun)
        return;
    bsc_buf_add_text(out, "<tr><td>All of it</td>");
    cells_write(out, sum);
    bsc_buf_add_text(out, "</table>\n");
    share_write(out, sum);
}
