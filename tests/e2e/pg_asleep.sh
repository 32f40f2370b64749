# A standby of PostgreSQL that sleeps before log files which came while it slept is woken by the
# first one that is copied, however far behind that one it is.
. "$(dirname "$0")/lib.sh"

cat >copy.lua <<'END'
runbook "copy" { summary = "Copies and does not wait", params = { database = param.database() } }
step "Copy" { log_backups.copy(params.database.secondary) }
END

share=site/backups/mgc
copied=site/dc2/sql3/copied

replayed() {
    pg dc2/sql3 "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint"
}

new_servers site
break_lab site primary-site
copier=$(cat site/.lab/pids/copier)
kill "$copier"
# Whoever was started by others is reaped by others, late.
until_true 60 eval '! grep -q "^State:.[^ZX]" "/proc/$copier/status" 2>/dev/null'
for folder in "$share" "$copied"; do
    (cd "$folder" && find . -name '????????????????????????' -printf '%f\n') | sort
done | sort | uniq -u >missing
[ "$(wc -l <missing)" -gt 3 ] || fail "nearly all log files have been copied already"

# It has asked once under these settings, in vain.
own=$(pg dc2/sql3 "SHOW restore_command")
setting dc2/sql3 "wal_retrieve_retry_interval = '1h'"
setting dc2/sql3 "restore_command = 'touch $work/site/dc2/sql3/asked; $own'"
until_true 60 test -e site/dc2/sql3/asked
sleeps() {
    [ "$(pg dc2/sql3 "SELECT wait_event FROM pg_stat_activity
        WHERE backend_type = 'startup'")" = RecoveryRetrieveRetryInterval ]
}
until_true 60 sleeps
before=$(replayed)

it "the files that came while it slept it does not see"
for file in $(head -n 2 missing); do
    cp -p "$share/$file" "$copied/.$file"
    mv "$copied/.$file" "$copied/$file"
done
sleeps || fail "it has looked"
same "$(replayed)" "$before" "where it is"

it "with the first of the others it goes on to the end"
last=$(tail -n 1 missing)
bsc run copy.lua --site site/site.yaml --yes
exits 0
begins=$((0x$(echo "$last" | cut -c 9-16) * 4294967296 + 0x$(echo "$last" | cut -c 17-) * 1048576))
until_true 60 eval '[ "$(replayed)" -gt "$begins" ]'
