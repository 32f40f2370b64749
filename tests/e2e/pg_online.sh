# A site on PostgreSQL is lost while clients write, and its log-shipped secondary is brought online:
# past a damaged log file, a paused replay, a server that is killed, and settings that would close
# it to its clients.
. "$(dirname "$0")/lib.sh"

cat >online.lua <<'END'
runbook "online" {
  summary = "Bring the secondary online",
  params = { database = param.database(), pool = param.pool() },
}
local db, chat = params.database, params.pool
step "Remove log shipping"             { log_shipping.remove(db.secondary) }
step "Copy the backups not yet copied" { log_backups.copy(db.secondary) }
step "Apply the log backups in order"  { log_backups.apply(db.secondary) }
step "End every session"               { sessions.kill_all(db.secondary) }
gate "Bring the database online?"      { shows = { "data_loss_window" } }
step "Bring the database online"       { database.recover(db.secondary), point_of_no_return = true }
step "Mark the pool failed over"       { pool.set_state(chat, "FailedOver") }
END

sed -e '/^step "End/,$d' -e 's/"online"/"ship"/' online.lua >ship.lua

share=site/backups/mgc
copied=site/dc2/sql3/copied
newest() {
    find "$share" -name '????????????????????????' -printf '%f\n' | sort | tail -n 1
}

# The first log file that is still to be copied, and the one behind it.
nth_missing() {
    (cd "$share" && find . -name '????????????????????????' -printf '%f\n' | sort) >shipped
    (cd "$copied" && find . -type f -printf '%f\n' | sort) >there
    comm -23 shipped there | sed -n "$1p"
}

# flip FILE: one bit in the middle of it is another.
flip() {
    byte=$(dd if="$1" bs=1 skip=9000 count=1 status=none | od -An -tu1)
    printf "\\$(printf %o $((byte ^ 1)))" |
        dd of="$1" bs=1 seek=9000 count=1 conv=notrunc status=none
}

# Nobody has taken note of the end of the killed server yet; a new one would take it for alive.
start_secondary() {
    rm -f site/dc2/sql3/data/postmaster.pid site/dc2/sql3/.s.PGSQL.5432.lock
    set -- /usr/lib/postgresql/*/bin/postgres -D "$work/site/dc2/sql3/data"
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    (cd / && exec "$@" >>"$work/site/dc2/sql3/log" 2>&1) &
    background="$background $!"
    until_true 60 eval 'pg dc2/sql3 "SELECT 1" >/dev/null'
}

new_servers site
pg dc1/sql1 "CREATE TABLE tblBallast AS SELECT i, repeat('x', 200) FROM generate_series(1, 9000) i"
pg dc1/sql1 "CREATE ROLE watcher LOGIN IN ROLE pg_monitor"
# It hides the setting of the server from who only looks at what counts for itself.
pg dc1/sql1 "ALTER DATABASE mgc SET default_transaction_read_only = off"
pg dc1/sql1 "DELETE FROM tblBallast WHERE i <= 500"
pg dc1/sql1 "VACUUM tblBallast"
shipped=$(pg dc1/sql1 "SELECT max(id) FROM tblChatMessage")
switched=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
until_true 60 test -e "$share/$switched"
newest_told() {
    sql site/office/ledger.db "SELECT max(id) FROM acknowledged"
}
unshipped=$(($(newest_told) + 2))
until_true 60 eval '[ "$(newest_told)" -ge "$unshipped" ]'
break_lab site primary-site
last=$(newest)
# Somebody tried the secondary out once, and gave that timeline up.
printf '1\t0/1D00028\tno recovery target specified\n' >"$share/00000002.history"

it "a damaged log file is named before anything is done"
damaged=$(nth_missing 2)
flip "$share/$damaged"
bsc plan "$failover" --site site/site.yaml
exits 3
says "The log chain is whole"
says "damaged"
says "$damaged"
flip "$share/$damaged"

it "so is one that is missing"
mv "$share/$damaged" .
bsc plan "$failover" --site site/site.yaml
exits 3
says "$damaged is missing"
mv "$damaged" "$share/"

it "so is one that is not whole"
cp -p "$share/$damaged" .
truncate -s 4096 "$share/$damaged"
bsc plan online.lua --site site/site.yaml
exits 3
says "$damaged has 4,096 bytes instead of 1,048,576"
mv "$damaged" "$share/"

it "a standby that is paused takes nothing, and a plan says so"
pg dc2/sql3 "SELECT pg_wal_replay_pause()" >/dev/null
bsc plan online.lua --site site/site.yaml
exits 3
says "its replay is paused; SELECT pg_wal_replay_resume() lets it go on"
pg dc2/sql3 "SELECT pg_wal_replay_resume()" >/dev/null

it "one that is to stay behind takes nothing either"
setting dc2/sql3 "recovery_min_apply_delay = '1h'"
until_true 60 eval '[ "$(pg dc2/sql3 "SHOW recovery_min_apply_delay")" = 1h ]'
bsc plan online.lua --site site/site.yaml
exits 3
says "recovery_min_apply_delay keeps it 1 h 0 min behind"
setting dc2/sql3 "recovery_min_apply_delay = 0"
until_true 60 eval '[ "$(pg dc2/sql3 "SHOW recovery_min_apply_delay")" = 0 ]'

it "settings that would close the new primary are changed by statements of the plan"
echo "synchronous_standby_names = 'gone'" >>site/dc2/sql3/data/postgresql.conf
setting dc2/sql3 "default_transaction_read_only = on"
until_true 60 eval '[ "$(pg dc2/sql3 "SHOW synchronous_standby_names")" = gone ]'
bsc plan online.lua --site site/site.yaml
exits 0
says "ALTER SYSTEM SET synchronous_standby_names = '' on sql3"
says "ALTER SYSTEM SET default_transaction_read_only = 'off' on sql3"
says "SELECT pg_promote() on sql3"
says "fork: timeline 1 -> timeline 3"
says_not "unknown -> unknown"
says "Taken for timelines that were tried and given up: 00000002.history (left at LSN "
says "with 00000002.history from"
says "SIGTERM to the process in $work/site/.lab/pids/copier"
says "each for sql3 to take at once: $(nth_missing 1)"
same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" t "in recovery"

it "a secondary that is killed while it replays stops the run"
job=$(cat site/.lab/pids/copier)
cat >wait.sh <<'END'
while [ ! -e "$1/go" ]; do sleep 0.02; done
test -e "$2" && cp "$2" "$3"
END
chmod 755 wait.sh
touch go
setting dc2/sql3 "restore_command = 'sh $work/wait.sh $work $work/$copied/%f %p'"
rm go
"$program" run ship.lua --site site/site.yaml --yes >run.out 2>run.err </dev/null &
run=$!
background="$background $run"
replaying() {
    bsc status last --site site/site.yaml --json
    [ "$code" -eq 0 ] && [ "$(json out '$.in_flight.item')" = 3 ]
}
until_true 60 replaying
kill_residents "$work/site/dc2/sql3"
code=0
wait "$run" || code=$?
cat run.out run.err >out
[ "$code" -ne 0 ] || fail "it did not stop"
says "failed: 2 of 3 items"

it "the copy job was ended before that, and nothing else was"
gone "$job" || grep -q '^State:.[ZX]' "/proc/$job/status" || fail "it lives"
same "$(ls "$copied" | grep "^0" | grep -v history | tail -n 1)" "$last" \
    "the last log file that was copied"

it "started again, the secondary is told which file it cannot read"
flip "$share/$damaged"
flip "$copied/$damaged"
touch go
start_secondary
bsc resume last --site site/site.yaml --yes
[ "$code" -ne 0 ] || fail "it was resumed"
says "damaged"
says "$damaged"

# read_now FOLDER SQL: a reader holds what it sees until it is ended; its pid is $reader.
read_now() {
    pg "$1" "$2" >/dev/null &
    reader=$!
    background="$background $reader"
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = \$\$PgSleep\$\$")" = 1 ]'
}

it "mended on the share, it is copied again, and held up by a reader who may stay for ever"
flip "$share/$damaged"
setting dc2/sql3 "max_standby_archive_delay = -1"
read_now dc2/sql3 "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM tblChatMessage;
    SELECT pg_sleep(1000)"
bsc resume last --site site/site.yaml --yes
[ "$code" -ne 0 ] || fail "it was resumed"
says "a query holds it up, and max_standby_archive_delay is -1"
cmp -s "$share/$damaged" "$copied/$damaged" || fail "it was not copied again"

it "without the reader it replays the rest in the same run"
pg dc2/sql3 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event = 'PgSleep'" >/dev/null
wait "$reader" || true
bsc resume last --site site/site.yaml --yes
exits 0
says "done: 3 of 3 items"

it "a role that may not bring it online is told so before"
sed 's/UID=postgres/UID=watcher/' site/site.yaml >site/other.yaml
bsc plan online.lua --site site/other.yaml
exits 3
says "GRANT EXECUTE ON FUNCTION pg_promote(boolean,integer), pg_read_file(text,bigint,bigint"
may_set="ALTER SYSTEM ON PARAMETER synchronous_standby_names"
[ "$(pg dc2/sql3 "SHOW server_version_num")" -ge 150000 ] || may_set="being a superuser"
says "pg_reload_conf(); $may_set"

it "nor may it end the sessions of others"
read_now dc2/sql3 "SELECT pg_sleep(1000)"
bsc plan online.lua --site site/other.yaml
exits 3
says "may not end its sessions $(pg dc2/sql3 "SELECT pid FROM pg_stat_activity
    WHERE wait_event = 'PgSleep'") (psql)"
says "membership in pg_signal_backend"

it "where it cannot be told to come online, a rollback puts its settings back"
sort site/dc2/sql3/data/postgresql.auto.conf >before.conf
cp "$share/00000002.history" history
echo nonsense >"$share/00000002.history"
bsc run online.lua --site site/site.yaml --yes
exits 1
says "00000002.history"
same "$(pg dc2/sql3 "SHOW synchronous_standby_names")" "" "standbys that commits would wait for"
bsc rollback last --site site/site.yaml --yes
says "ALTER SYSTEM RESET synchronous_standby_names on sql3, or SET it where it is not 'gone' then"
says "ALTER SYSTEM RESET default_transaction_read_only on sql3"
sort site/dc2/sql3/data/postgresql.auto.conf >after.conf
diff before.conf after.conf || fail "its settings are others"
same "$(pg dc2/sql3 "SHOW synchronous_standby_names")" gone "standbys that commits would wait for"
[ ! -e "$copied/00000002.history" ] || fail "a history was left behind"
mv history "$share/00000002.history"

it "its readers are ended, and it is brought online"
wait "$reader" || true
read_now dc2/sql3 "SELECT pg_sleep(1000)"
bsc run online.lua --site site/site.yaml --yes
exits 0
says "done: 7 of 7 items, 6 changes"
says "SELECT pg_terminate_backend(pid) on sql3 for 1 session"
! wait "$reader" || fail "the reader was not ended"

it "it is on a new timeline, and left the old one behind the last shipped record"
same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" f "in recovery"
case "$(pg dc2/sql3 "SELECT pg_walfile_name(pg_current_wal_lsn())")" in
00000003*) ;;
*) fail "it is not on timeline 3" ;;
esac
end=$(/usr/lib/postgresql/*/bin/pg_waldump -p "$share" "$last" 2>/dev/null |
    sed -n 's/.*lsn: \([^,]*\),.*/\1/p' | tail -n 1)
left=$(sed -n 's/^1.\([^	]*\).*/\1/p' site/dc2/sql3/data/pg_wal/00000003.history)
same "$(pg dc2/sql3 "SELECT '$left'::pg_lsn > '$end'::pg_lsn")" t "the last record is in it"
bsc observe --site site/site.yaml -o facts.json
exits 0
same "$(json facts.json '$."database:mgc.secondary".recovered_lsn')" \
    "$(pg dc2/sql3 "SELECT ('$left'::pg_lsn - '0/0')::bigint")" "the LSN it left at"

acknowledged() {
    sql site/office/ledger.db "SELECT count(*) FROM acknowledged"
}

it "the clients go on, and what is lost is the tail that was never shipped"
known=$(acknowledged)
until_true 60 eval '[ "$(acknowledged)" -gt $((known + 5)) ]'
sql site/office/ledger.db "SELECT id FROM acknowledged WHERE id > 100000 ORDER BY id" >told
pg dc2/sql3 "SELECT id FROM tblChatMessage WHERE id > 100000 ORDER BY sent, id" >stored
sort -n -c stored || fail "their order is another"
same "$(uniq -d stored | wc -l)" 0 "messages that are there twice"
comm -23 told stored >lost
[ -s lost ] || fail "nothing is lost, so nothing is shown"
first=$(sed -n 1p lost) final=$(sed -n '$p' lost)
same "$(awk "\$1 > $first && \$1 < $final" stored)" "" "messages that are there amidst lost ones"
[ "$first" -gt "$shipped" ] || fail "message $first was shipped, and is lost"
same "$(pg dc2/sql3 "SHOW synchronous_standby_names")" "" "standbys that commits wait for"

it "run once more, nothing is changed and its clients stay"
bsc run online.lua --site site/site.yaml --yes
exits 0
says "is online since LSN"
says "done: 7 of 7 items, 0 changes"

it "the journal verifies"
bsc audit verify last --site site/site.yaml
exits 0
