#include "base/mem.h"
#include "cli/lab_mig.h"
#include "os/files.h"

static const char head[] =
    "# The practice site of a migration, made by `bascule lab new`. Paths are relative to this\n"
    "# file.\n"
    "site: litware\n"
    "\n"
    "data_centres:\n"
    "  hq: { title: Atlanta }\n"
    "\n"
    "servers:\n";

static const char people[] =
    "    legacy: " BSC_LAB_MIG_LEGACY "\n"
    "    new: " BSC_LAB_MIG_NEW "\n"
    "    users:\n"
    "      list: SELECT sip FROM homes WHERE pool = :pool AND sip > :after ORDER BY sip"
    " LIMIT :limit\n"
    "      count: SELECT pool, count(*) FROM homes GROUP BY pool\n"
    "      twice: SELECT sip FROM homes GROUP BY sip HAVING count(*) > 1\n"
    "      find: SELECT pool FROM homes WHERE sip = :name\n"
    "      move: UPDATE homes SET pool = :to WHERE sip = :name AND pool = :from\n"
    "    pilot:\n"
    "      - \"sip:ann@litware.example\"\n"
    "      - \"sip:anna maria@litware.example\"\n"
    "      - \"sip:jürgen.müller@litware.example\"\n"
    "      - \"sip:o'brien@litware.example\"\n"
    "      - 'sip:\"bob\"@litware.example'\n"
    "      - \"sip:søren@litware.example\"\n"
    "    applications:\n";

static const char *const kinds[] = {"response_groups", "dial_in_numbers", "conference_directories"};

/* %s is the kind. */
#define OF "FROM applications WHERE kind = '%s'"

static void add_application(const char *kind, struct bsc_buf *out)
{
    bsc_buf_printf(out, "      %s:\n", kind);
    bsc_buf_printf(out,
                   "        list: SELECT name " OF " AND pool = :pool AND name > :after"
                   " ORDER BY name LIMIT :limit\n",
                   kind);
    bsc_buf_printf(out, "        count: SELECT pool, count(*) " OF " GROUP BY pool\n", kind);
    bsc_buf_printf(out, "        find: SELECT pool " OF " AND name = :name\n", kind);
    bsc_buf_printf(out,
                   "        move: UPDATE applications SET pool = :to WHERE kind = '%s' AND"
                   " name = :name AND pool = :from\n",
                   kind);
}

static const char rest[] =
    "    deployment: SELECT state, version, replicated, store FROM pools WHERE name = :pool\n"
    "    services:\n"
    "      list: SELECT name, state FROM services WHERE pool = :pool ORDER BY name\n"
    "      start: UPDATE services SET state = 'running' WHERE pool = :pool AND name = :name\n"
    "      stop: UPDATE services SET state = 'stopped' WHERE pool = :pool AND name = :name\n"
    "    administration: SELECT tool, state FROM administration WHERE pool = :pool\n"
    "    talk: SELECT from_pool, to_pool, channel, delivered, failed FROM talk\n"
    "    caveats:\n"
    "      meetings: SELECT m.organiser FROM meetings m JOIN homes h ON h.sip = m.organiser"
    " WHERE h.pool = '" BSC_LAB_MIG_NEW "' ORDER BY m.organiser\n"
    "      clients: SELECT c.sip FROM clients c JOIN homes h ON h.sip = c.sip"
    " WHERE h.pool = '" BSC_LAB_MIG_NEW "' AND c.version = '2013' ORDER BY c.sip\n"
    "    backup:\n"
    "      state: SELECT max(made) FROM backups\n"
    "      make: INSERT INTO backups SELECT $now, sip, pool FROM homes\n"
    "    retire: UPDATE pools SET state = 'retired' WHERE name = :pool\n";

bool bsc_lab_mig_site_write(const struct bsc_lab *lab, struct bsc_err *err)
{
    struct bsc_buf text;
    char *path = bsc_lab_path(lab, BSC_LAB_SITE);
    bsc_buf_init(&text);
    bsc_buf_add_text(&text, head);
    bool ok = lab->kind->directory->site_server(lab, &text, err);
    bsc_buf_printf(&text,
                   "\ndirectories:\n"
                   "  people:\n"
                   "    driver: sql\n"
                   "    server: hq\n"
                   "    %s\n",
                   lab->kind->directory->place);
    bsc_buf_add_text(&text, people);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        add_application(kinds[i], &text);
    bsc_lab_mig_fill(lab, rest, &text);
    ok = ok && bsc_files_write(lab->cli->sys, path, text.data, text.length, 0600, err);
    bsc_buf_release(&text);
    bsc_mem_free(path);
    return ok;
}
