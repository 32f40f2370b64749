# Log files go straight into the pg_wal of a standby that replays them, but only into its own; and
# once it is online nothing of that keeps it from archiving.
. "$(dirname "$0")/lib.sh"

share=site/backups/mgc
own=site/dc2/sql3/data/pg_wal
copied=site/dc2/sql3/copied

cat >ship.lua <<'END'
runbook "ship" { summary = "Copy and apply", params = { database = param.database() } }
step "Remove log shipping" { log_shipping.remove(params.database.secondary) }
step "Copy" { log_backups.copy(params.database.secondary) }
step "Apply" { log_backups.apply(params.database.secondary) }
END

# The names of log files in a folder.
log_files() {
    (cd "$1" && find . -maxdepth 1 -name '????????????????????????' -printf '%f\n') | sort
}

# What the newest run says of its copying.
result() {
    journal_table "$(find site/runs -name journal.jsonl | sort | tail -n 1)" journal.db
    sql journal.db "SELECT json_extract(text, '\$.payload.result.$1') FROM line
        WHERE json_extract(text, '\$.payload.result.kept') IS NOT NULL"
}

new_servers site
break_lab site primary-server
log_files "$copied" >before
log_files "$share" | comm -23 - before >missing
[ "$(wc -l <missing)" -gt 2 ] || fail "nearly all log files have been copied already"
mkdir later
for file in $(tail -n 2 missing); do
    mv "$share/$file" later/
done
sed -i 's/^\( *log_shipping: {\)/\1 into_pg_wal: true,/' site/site.yaml

it "a folder in which another server works is left alone, and what is copied goes the usual way"
sed -e 's,folder: dc2/sql3/data,folder: rescued/sql1/data,' site/site.yaml >site/wrong.yaml
log_files site/rescued/sql1/data/pg_wal >another
bsc run ship.lua --site site/wrong.yaml --yes
exits 0
says "to $work/site/rescued/sql1/data/pg_wal, or where that cannot be to $work/$copied"
same "$(result not_into_pg_wal)" \
    "$work/site/rescued/sql1/data is not the folder that the server works in" "why not"
log_files site/rescued/sql1/data/pg_wal | diff another - || fail "another server's folder was used"
log_files "$share" >expected
log_files "$copied" | diff expected - || fail "not all of it was copied"

it "in its own folder the standby replays them, and nothing is lost"
mv later/* "$share"
log_files "$copied" >before
bsc run "$failover" --site site/site.yaml --yes
exits 0
same "$(result copied) $(result not_into_pg_wal)" "2 " "files copied, and why not straight"
log_files "$copied" >after
same "$(comm -13 before after | wc -l)" 1 "files in the usual folder: that of the tail"
says_not "damaged"
bsc lab status site
says "messages, 0 of the acknowledged ones are lost"

it "the new primary takes none of them for its own to archive"
for file in $(tail -n 2 missing); do
    test ! -e "$own/archive_status/$file.ready" || fail "$file waits to be archived"
done
switched=$(pg dc2/sql3 "SELECT pg_walfile_name(pg_switch_wal())")
pg dc2/sql3 CHECKPOINT
until_true 60 test -e "$share/$switched"
same "$(pg dc2/sql3 'SELECT failed_count FROM pg_stat_archiver')" 0 "failures of its archiving"
