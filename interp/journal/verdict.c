#include "journal/reader.h"

static const char *const states[] = {"ended", "open", "torn", "damaged"};

struct fault {
    const char *name;
    const char *text;
};

static const struct fault faults[] = {
#define FAULT_ROW(id, name, text) {name, text},
    BSC_JOURNAL_FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

const char *bsc_journal_state_name(enum bsc_journal_state state)
{
    return (size_t)state < sizeof states / sizeof states[0] ? states[state] : "unknown";
}

const char *bsc_journal_fault_name(enum bsc_journal_fault fault)
{
    return (size_t)fault < sizeof faults / sizeof faults[0] ? faults[fault].name : "unknown";
}

const char *bsc_journal_fault_text(enum bsc_journal_fault fault)
{
    return (size_t)fault < sizeof faults / sizeof faults[0] ? faults[fault].text : "unknown";
}

bool bsc_journal_report_err(const char *path, const struct bsc_journal_report *report,
                            struct bsc_err *err)
{
    bsc_err_set(err, BSC_ERR_DAMAGED, "journal '%s' is damaged at line %lld (record %lld): %s",
                path, (long long)report->bad_line, (long long)report->bad_seq,
                bsc_journal_fault_text(report->fault));
    if (report->found_seq != 0)
        bsc_err_detail(err, "The record at that place carries the number %lld.",
                       (long long)report->found_seq);
    return bsc_err_hint(err, "Keep the file as it is; the %lld records before it are good.",
                        (long long)report->records);
}

static struct bsc_value *counts_value(const struct bsc_journal_report *report)
{
    struct bsc_value *counts = bsc_value_map();
    for (int i = 0; i < BSC_JOURNAL_KIND_MAX_; i++)
        if (report->counts[i] > 0)
            bsc_value_set_int(counts, bsc_journal_kind_name((enum bsc_journal_kind)i),
                              report->counts[i]);
    if (report->counts[BSC_JOURNAL_KIND_MAX_] > 0)
        bsc_value_set_int(counts, "unknown", report->counts[BSC_JOURNAL_KIND_MAX_]);
    return counts;
}

struct bsc_value *bsc_journal_report_value(const struct bsc_journal_report *report)
{
    struct bsc_value *map = bsc_value_map();
    bsc_value_set_text(map, "state", bsc_journal_state_name(report->state));
    bsc_value_set_int(map, "records", report->records);
    bsc_value_set(map, "counts", counts_value(report));
    bsc_value_set_int(map, "good_bytes", report->good_bytes);
    bsc_value_set_text(map, "hash", report->hash);
    bsc_value_set_text(map, "first_time", report->first_time);
    bsc_value_set_text(map, "last_time", report->last_time);
    bsc_value_set_int(map, "times_backwards", report->times_backwards);
    if (report->fault == BSC_JOURNAL_FAULT_NONE)
        return map;
    bsc_value_set_text(map, "fault", bsc_journal_fault_name(report->fault));
    bsc_value_set_text(map, "what", bsc_journal_fault_text(report->fault));
    bsc_value_set_int(map, "bad_line", report->bad_line);
    bsc_value_set_int(map, "bad_seq", report->bad_seq);
    if (report->found_seq != 0)
        bsc_value_set_int(map, "found_seq", report->found_seq);
    return map;
}
