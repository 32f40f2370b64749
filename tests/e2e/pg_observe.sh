# The facts of a site on PostgreSQL are those that its servers tell psql, and a server that is gone
# is a fact too.
. "$(dirname "$0")/lib.sh"

observe() {
    bsc observe --site site/site.yaml -o facts.json
    exits 0
}

# fact RESOURCE KEY
fact() {
    json facts.json "\$.\"$1\".$2"
}

# Whoever was started by others is reaped by others, late.
ended() {
    ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

new_servers site

it "the primary is what it says itself"
bsc lab status site
observe
same "$(fact database:mgc.primary state)" online "the state"
same "$(fact database:mgc.primary writable)" 1 "writable"
same "$(fact database:mgc.primary database_id)" \
    "$(pg dc1/sql1 'SELECT system_identifier FROM pg_control_system()')" "its identity"
same "$(fact database:mgc.primary fork)" "timeline 1" "its fork"
flushed=$(pg dc1/sql1 "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint")
[ "$(fact database:mgc.primary lsn)" -le "$flushed" ] || fail "its LSN lies in the future"
[ "$(fact database:mgc.primary sessions)" -ge 1 ] || fail "the writer's session is not seen"

it "the mirror follows it"
same "$(fact database:mgc.mirror state)" mirror "the state"
same "$(fact database:mgc.mirror writable)" 0 "writable"
same "$(fact database:mgc.mirror database_id)" "$(fact database:mgc.primary database_id)" \
    "its identity"
same "$(fact mirror:mgc.mirror state)" following "the link"
same "$(fact mirror:mgc.mirror agent)" "sql2 streaming sync" "the standbys of the primary"

it "the secondary is a standby that a job ships to, and has a session"
same "$(fact database:mgc.secondary state)" standby "the state"
same "$(fact database:mgc.secondary log_shipping)" configured "log shipping"
says_job=$(fact database:mgc.secondary log_shipping_job)
case "$says_job" in *"/bascule (command line "*) ;; *) fail "the job is $says_job" ;; esac
same "$(fact database:mgc.secondary sessions)" 1 "sessions"

it "the place for its mirror is empty"
same "$(fact database:mgc.secondary_mirror state)" missing "the state"
same "$(fact mirror:mgc.secondary_mirror state)" none "the link"

it "the log backups are those on the share, from where the secondary has come to"
replayed() {
    [ "$(pg dc2/sql3 "SELECT max(id) FROM tblChatMessage")" = 100600 ]
}
until_true 60 replayed
observe
lsn=$(pg dc2/sql3 "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")
same "$(fact log_backups:mgc.secondary applied_lsn)" "$lsn" "the applied LSN"
same "$(fact log_backups:mgc.secondary problem)" none "the problem"
(cd site/backups/mgc && ls) >shipped
(cd site/dc2/sql3/copied && ls) >copied
comm -23 shipped copied >missing
[ "$(wc -l <missing)" -ge 6 ] || fail "fewer than 6 log files are still to be copied"
sql :memory: "SELECT value FROM json_each(json_extract(CAST(readfile('facts.json') AS TEXT),
    '\$.\"log_backups:mgc.secondary\".chain'))" >chain
head -n 6 missing >first
sed 's/.* //' chain | head -n 6 >told
same "$(cat told)" "$(cat first)" "the log files that are needed"
same "$(grep -c ' missing ' chain)" "$(wc -l <chain)" "files not copied"
same "$(fact log_backups:mgc.secondary pending_bytes)" "$(($(wc -l <chain) * 1048576))" \
    "pending bytes"

it "a log file that is missing on the share is a gap"
gone=$(sed -n 3p missing)
mv "site/backups/mgc/$gone" .
observe
same "$(fact log_backups:mgc.secondary problem)" gap "the problem"
case "$(fact log_backups:mgc.secondary problem_text)" in
"$gone is missing"*) ;;
*) fail "the missing file is not named" ;;
esac
mv "$gone" site/backups/mgc/

it "what users were told and what the secondary holds is counted"
[ "$(fact sql:mgc.known count)" -ge 101537 ] || fail "the ledger is not counted"
same "$(fact sql:mgc.kept count)" 100600 "messages in the secondary"

it "the pool is what HAProxy has been told"
same "$(fact pool:chat state)" Normal "the state"
same "$(fact pool:chat active_servers)" '["chat1","chat2"]' "the active servers"

it "a server that refuses us is not taken for dead"
sed 's/UID=postgres/UID=stranger/' site/site.yaml >site/other.yaml
bsc observe --site site/other.yaml -o facts.json
exits 0
same "$(fact database:mgc.primary state)" unknown "the state"
case "$(fact database:mgc.primary reason)" in
*'role "stranger" does not exist') ;;
*) fail "the reason is not told" ;;
esac

it "within one run a role sees settings from when it may, and only for as long"
pg dc1/sql1 "CREATE ROLE watcher LOGIN IN ROLE pg_read_all_stats"
# Without one, a server that does not seem to follow another would be held by that as well.
setting dc1/sql2 "restore_command = 'false'"
until_true 60 eval '[ "$(pg dc1/sql2 "SHOW restore_command")" = false ]'
cat >may.sh <<'END'
# may.sh SITE STATEMENT ANSWER: ends when the mirror knows of it.
ask() {
    /usr/lib/postgresql/*/bin/psql -X -q -A -t -h "$1" -U postgres -d mgc -c "$2"
}
ask "$1/dc1/sql1" "$2"
until [ "$(ask "$1/dc1/sql2" "SELECT pg_has_role('watcher', 'pg_read_all_settings', 'usage')")" \
    = "$3" ]; do
    sleep 0.02
done
END
cat >rights.lua <<END
runbook "rights" { summary = "What it may see", params = { database = param.database() } }
local mirror = params.database.mirror
local function run(statement, answer, state)
  return command.run { argv = { "/bin/sh", "$work/may.sh", "$work/site", statement, answer },
    timeout = "20s", becomes = { [mirror] = { state = state } } }
end
step "Grant"  { run("GRANT pg_read_all_settings TO watcher", "t", "mirror") }
step "Revoke" { run("REVOKE pg_read_all_settings FROM watcher", "f", "standby") }
END
sed 's/UID=postgres/UID=watcher/' site/site.yaml >site/other.yaml
bsc run rights.lua --site site/other.yaml --yes
exits 0
says "done: 2 of 2 items, 2 changes"

it "the lost site is seen to be lost"
break_lab site primary-site
observe
same "$(fact database:mgc.primary state)" unreachable "the primary"
same "$(fact database:mgc.mirror state)" unreachable "the mirror"
same "$(fact mirror:mgc.mirror state)" broken "the link"
same "$(fact database:mgc.secondary state)" standby "the secondary"
same "$(fact log_backups:mgc.secondary problem)" none "the log backups"
same "$(fact tail:mgc.primary state)" unavailable "the tail of the log"
same "$(fact pool:chat state)" Normal "the pool, which nobody has told otherwise,"

it "a pool that leads writers nowhere has no state"
stop_haproxy() {
    kill "$(cat site/.lab/pids/haproxy)"
    until_true 60 ended "$(cat site/.lab/pids/haproxy)"
}
start_haproxy() {
    /usr/sbin/haproxy -D -f "$work/site/office/haproxy.cfg" -p "$work/site/.lab/pids/haproxy" ||
        fail "HAProxy does not start"
}
stop_haproxy
sed -i '/server sql1/s/$/ disabled/' site/office/haproxy.cfg
start_haproxy
observe
same "$(fact pool:chat state)" "" "the state"
same "$(fact pool:chat reason)" "backend rw leads to neither the primary nor the secondary" "why"

it "one that leads them to the secondary is failed over"
stop_haproxy
sed -i -e '/server sql3/s/ disabled//' -e '/server chat6/s/ disabled//' site/office/haproxy.cfg
start_haproxy
observe
same "$(fact pool:chat state)" FailedOver "the state"
same "$(fact pool:chat active_servers)" '["chat1","chat2","chat6"]' "the active servers"

it "without HAProxy the pool is unreachable"
stop_haproxy
observe
same "$(fact pool:chat state)" unreachable "the state"

it "a copy job that has ended is no log shipping"
kill "$(cat site/.lab/pids/copier)"
until_true 60 ended "$(cat site/.lab/pids/copier)"
observe
same "$(fact database:mgc.secondary log_shipping)" none "log shipping"
