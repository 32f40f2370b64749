# The twin and real servers: PostgreSQL and HAProxy. Each primitive is performed on both, from
# states that one practice site is led through, and has to have the outcome, the statements and the
# facts afterwards that the twin foretold; then it is taken back, unless it stays.
#   servers.sh PROGRAM TEST_CONFORMANCE
. "$(dirname "$0")/../e2e/lib.sh"
conformance=$1
socket=site/dc2/sql3/.s.PGSQL.5432

# turn OUTCOME ACTION [MORE…]: what test_conformance compares.
turn() {
    "$conformance" site "$work/site" "$@" >"$work/out" 2>"$work/err" || fail "$1: $2"
    printf '%s %s\n' "$1" "$2" >>"$work/turns"
}

# because WORDS: what the last turn said.
because() {
    says "$1"
}

# set_standby NAME VALUE: a setting of the secondary, and its effect.
set_standby() {
    pg dc2/sql3 "ALTER SYSTEM SET $1 = '$2'"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT reset_val FROM pg_settings
        WHERE name = '"'$1'"'")" = '"'$2'"' ]'
}

# waits_for EVENT: what the standby's replay is waiting for.
waits_for() {
    [ "$(pg dc2/sql3 "SELECT wait_event FROM pg_stat_activity
        WHERE backend_type = 'startup'")" = "$1" ]
}

reset_standby() {
    pg dc2/sql3 "ALTER SYSTEM RESET $1"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT reset_val FROM pg_settings
        WHERE name = '"'$1'"'")" = '"'$2'"' ]'
}

as_owner() {
    [ "$(id -u)" -ne 0 ] ||
        set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    "$@" >owner.out 2>&1 || fail "$*: $(cat owner.out)"
}

# A session on the secondary, which is there when this ends; another program asks than the ones
# that look, so that it can be told from them.
hold_session() {
    PGAPPNAME=holder "$psql" -X -q -h "$work/site/dc2/sql3" -U postgres -d mgc \
        -c "SELECT pg_sleep(300)" >held 2>&1 &
    background="$background $!"
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = '"'holder'"' AND state = '"'active'"'")" = 1 ]'
}

# archive NUMBER: so many more log files on the share.
archive() {
    for number in $(seq "$1"); do
        pg dc1/sql1 "CREATE TABLE filler$number (id int)"
        last=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
    done
    until_true 60 test -e "site/backups/mgc/$last"
}

# Nothing that is on the share is still to be copied or applied.
has_shipped_all() {
    bsc observe --site site/site.yaml -o facts.json
    [ "$(json facts.json '$."log_backups:mgc.secondary".chain')" = "[]" ]
}

wakes_and_has_all() {
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    has_shipped_all
}

# The last log file reaches the standby's folder while it waits for a minute to look again, unless
# somebody wakes it. It has asked under these settings once, and sleeps.
hand_over_slowly() {
    own=$(pg dc2/sql3 "SHOW restore_command")
    set_standby wal_retrieve_retry_interval 60000
    setting dc2/sql3 "restore_command = 'touch $work/site/dc2/sql3/asked; $own'"
    until_true 60 test -e site/dc2/sql3/asked
    until_true 60 waits_for RecoveryRetrieveRetryInterval
    last=$(cat later.name)
    cp -p later "site/dc2/sql3/copied/$last"
    mv later "site/backups/mgc/$last"
}

# archives_in_time SERVER: whether it ships what it has when some time has passed.
archives_in_time() {
    [ "$(pg "$1" "SHOW archive_timeout")" != 0 ]
}

# Nothing moves by itself any more: what changes is what was changed.
hold_still() {
    kill "$(cat site/.lab/pids/writer)"
    for server in dc1/sql1 dc2/sql3; do
        pg "$server" "ALTER SYSTEM SET archive_timeout = 0"
        pg "$server" "SELECT pg_reload_conf()" >reloaded
        until_true 60 eval '! archives_in_time "$server"'
        pg "$server" "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <>
            pg_backend_pid() AND backend_type = 'client backend'" >ended
    done
    until_true 60 eval '[ "$(pg dc1/sql1 "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = '"'client backend'"'")" = 1 ]'
}

alive() {
    it "while the primary is alive"
    turn refused 'database.recover(db.secondary)' 'point_of_no_return = true'
    because "two writable copies must never exist"
    turn refused 'log_backups.salvage(db.primary)'
    turn refused 'pool.set_state(chat, "FailedOver")'
    turn kept 'pool.set_state(chat, "Normal")'
    turn changed 'pool.set_active_servers(chat, { "chat2" })'
    turn refused 'pool.set_active_servers(chat, { "chat5" })'
    turn kept 'pool.set_active_servers(chat, near(db.primary))'
    turn kept 'mirror.install { principal = db.primary, mirror = db.mirror }'
    turn refused 'mirror.install { principal = db.secondary, mirror = db.secondary_mirror }'
    because "is standby, so it cannot be mirrored"
    pg dc1/sql1 "ALTER SYSTEM SET synchronous_standby_names = ''"
    pg dc1/sql1 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc1/sql1 "SHOW synchronous_standby_names")" = "" ]'
    turn changed 'mirror.install { principal = db.primary, mirror = db.mirror }' --stays
}

job() {
    it "with and without the job that ships"
    mv "$socket" away
    turn refused 'log_shipping.remove(db.secondary)'
    because "is unreachable"
    mv away "$socket"
    copier=$(cat site/.lab/pids/copier)
    kill "$copier"
    until_true 60 gone "$copier"
    bsc lab work site ship
    exits 0
    until_true 60 wakes_and_has_all
    turn changed 'log_shipping.remove(db.secondary)'
    turn changed 'log_shipping.remove(db.secondary)' --stays
    turn kept 'log_shipping.remove(db.secondary)'
    archive 4
    pg dc1/sql1 "CREATE TABLE tail (id int)"
}

copying() {
    it "log files that cannot be copied, and that can"
    share=site/backups/mgc
    set -- "$share"/*
    shift $(($# - 3))
    basename "$3" >later.name
    mv "$3" later
    mv "$share" away
    turn refused 'log_backups.copy(db.secondary)'
    mv away "$share"
    mv "$1" away
    turn refused 'log_backups.copy(db.secondary)'
    because "is missing"
    mv away "$1"
    cp -p "$1" away
    truncate -s 1000 "$1"
    turn refused 'log_backups.copy(db.secondary)'
    mv away "$1"
    cp "$1" "$share/00000002$(basename "$1" | cut -c 9-)"
    turn refused 'log_backups.copy(db.secondary)'
    because "but the copy is on timeline 1"
    rm "$share"/00000002*
    mv "$socket" away
    turn refused 'log_backups.copy(db.secondary)'
    mv away "$socket"
    turn refused 'log_backups.apply(db.secondary)'
    pg dc2/sql3 "SELECT pg_wal_replay_pause()" >paused
    head -c 500000 "$1" >"site/dc2/sql3/copied/$(basename "$1")"
    turn changed 'log_backups.copy(db.secondary)'
    turn kept 'log_backups.copy(db.secondary)'
}

applying() {
    it "a standby that does not go on, and one that does"
    turn refused 'log_backups.apply(db.secondary)'
    because "its replay is paused"
    turn refused 'log_backups.salvage(db.primary)'
    turn refused 'database.recover(db.secondary)' 'point_of_no_return = true'
    because "copy and apply the rest first"
    set_standby recovery_min_apply_delay 3600000
    pg dc2/sql3 "SELECT pg_wal_replay_resume()" >resumed
    until_true 60 waits_for RecoveryApplyDelay
    turn refused 'log_backups.apply(db.secondary)'
    because "recovery_min_apply_delay"
    pg dc2/sql3 "SELECT pg_wal_replay_pause()" >paused
    reset_standby recovery_min_apply_delay 0
    pg dc2/sql3 "SELECT pg_wal_replay_resume()" >resumed
    until_true 60 has_shipped_all
    hand_over_slowly
    turn changed 'log_backups.apply(db.secondary)'
    turn kept 'log_backups.apply(db.secondary)'
}

salvaging() {
    it "the tail of the old primary's log"
    mv site/rescued away
    turn refused 'log_backups.salvage(db.primary)'
    mv away site/rescued
    turn changed 'log_backups.salvage(db.primary)'
    turn kept 'log_backups.salvage(db.primary)'
}

clearing() {
    it "sessions on the secondary"
    turn kept 'sessions.kill_all(db.secondary)'
    hold_session
    turn changed 'sessions.kill_all(db.secondary)'
    mv "$socket" away
    turn refused 'sessions.kill_all(db.secondary)'
    turn refused 'database.recover(db.secondary)' 'point_of_no_return = true'
    mv away "$socket"
}

recovering() {
    it "the secondary is brought online, although a reader has come back"
    hold_session
    turn refused 'pool.set_state(chat, "FailedOver")'
    set_standby synchronous_standby_names nobody
    set_standby default_transaction_read_only on
    turn changed 'database.recover(db.secondary)' 'point_of_no_return = true' --stays
    turn kept 'database.recover(db.secondary)' 'point_of_no_return = true'
    turn kept 'log_backups.copy(db.secondary)'
    turn kept 'log_backups.apply(db.secondary)'
    turn kept 'log_backups.salvage(db.primary)'
}

leading() {
    it "HAProxy leads to the new primary"
    mv site/office/haproxy away
    turn refused 'pool.set_state(chat, "FailedOver")'
    because "cannot be read"
    mv away site/office/haproxy
    turn changed 'pool.set_state(chat, "FailedOver")'
    turn refused 'pool.set_state(chat, "Normal")'
    turn refused 'pool.set_active_servers(chat, { "chat1" })'
    turn changed 'pool.close(chat)' --stays
    turn changed 'pool.set_active_servers(chat, near(db.secondary))'
}

mirroring() {
    it "the new mirror"
    as_owner mkdir -p "$work/site/dc2/sql4/data/letters"
    turn refused 'mirror.install { principal = db.secondary, mirror = db.secondary_mirror }'
    because "is not empty"
    rmdir site/dc2/sql4/data/letters
    turn changed 'mirror.install { principal = db.secondary, mirror = db.secondary_mirror }'
    rm -r site/dc2/sql4/data.removed-*
    turn changed 'mirror.install { principal = db.secondary, mirror = db.secondary_mirror }' --stays
    turn kept 'verify { db.secondary_mirror:follows(db.secondary) }'
    it "writers that the closed pool has shut out are let in"
    turn changed 'pool.set_state(chat, "FailedOver")' --stays
    turn kept 'pool.set_state(chat, "FailedOver")'
}

seed='database.seed { copy = db.primary, from = db.secondary }'
catch_up='database.catch_up { copy = db.primary, from = db.secondary }'

# The old primary's data centre is back, and nobody writes. Its mirror would dial every few seconds.
come_back() {
    bsc lab repair site
    exits 0
    as_owner "${psql%psql}pg_ctl" stop -w -m fast -D "$work/site/dc1/sql2/data"
    writer=$(cat site/.lab/pids/writer)
    kill "$writer"
    until_true 60 gone "$writer"
}

wakes_and_has_replayed_all() {
    pg dc1/sql1 "SELECT pg_reload_conf()" >reloaded
    [ "$(pg dc1/sql1 "SELECT pg_last_wal_replay_lsn()")" = \
        "$(pg dc2/sql3 "SELECT pg_last_wal_replay_lsn()")" ]
}

seeding() {
    it "the old primary is made a copy of the other side"
    turn refused "$catch_up"
    because "is not on the recovery fork of"
    turn refused 'database.hand_over(db.secondary)'
    because "so it cannot take over"
    turn changed "$seed"
    turn changed "$seed" --stays
    turn kept "$seed"
    # Nobody can foretell where a log ends that is in the middle of a file.
    pg dc2/sql3 "CREATE TABLE meanwhile (id int)"
    turn changed "$catch_up"
}

# When a server was brought online it tells until it is stopped, so nothing here is taken back.
handing_over() {
    it "the side that is online is closed and opened again"
    turn refused 'database.hand_over(db.secondary)'
    because "has a mirror that follows it"
    turn changed 'mirror.remove(db.secondary_mirror)' --stays
    turn changed 'database.hand_over(db.secondary)' --stays
    turn kept 'database.hand_over(db.secondary)'
    turn changed 'database.reopen(db.secondary)' --stays
    turn changed 'database.hand_over(db.secondary)' --stays
    until_true 60 wakes_and_has_replayed_all
    turn kept "$catch_up"
}

shipping_again() {
    it "the log is shipped from the primary again"
    turn refused 'log_shipping.install(db.secondary)'
    because "so there is nothing to ship from"
    turn changed 'database.recover(db.primary)' 'point_of_no_return = true' --stays
    turn refused 'database.reopen(db.secondary)'
    because "two writable copies must never exist"
    turn changed 'log_shipping.install(db.secondary)'
    turn kept 'log_shipping.install(db.secondary)'
}

# Each primitive of a runbook has done its work at least once.
has_tried_all() {
    for primitive in $(sed 's/--.*//' "$1" | grep -oE '\b[a-z_]+\.[a-z_]+(\(| \{)' | sort -u |
        grep -E '^(log_|sessions|database|pool|mirror)' | tr -d '({ '); do
        grep -q "^changed $primitive\b" turns || fail "$primitive was never performed"
    done
}

runbooks="$failover $source_tree/runbooks/failback.lua $source_tree/runbooks/switchover.lua"
psql=$(echo /usr/lib/postgresql/*/bin/psql)
new_servers site
hold_still
alive
job
break_lab site primary-server
copying
applying
salvaging
clearing
recovering
leading
mirroring
come_back
seeding
handing_over
shipping_again
it "each primitive of the runbooks is among them"
for runbook in $runbooks; do
    has_tried_all "$runbook"
done
