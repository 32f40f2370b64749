# The secondary's server is killed, with all of its processes, in every phase of one failover. Each
# time the run halts, and goes on once the server is started again; in the end nothing is lost.
. "$(dirname "$0")/lib.sh"
site=site/site.yaml
secondary=$work/site/dc2/sql3

# The standby gets no log file while there is a file `hold`.
cat >restore.sh <<'END'
while [ -e "$1/hold" ]; do sleep 0.02; done
test -e "$2" && cp "$2" "$3"
END
chmod 755 restore.sh

# While there is a file `slow`, a copy for a mirror is never at its end; while there is `steady`,
# whoever made it stays when it is.
slow_programs() {
    programs=$(dirname /usr/lib/postgresql/*/bin/pg_basebackup)
    mkdir -m 755 bin
    for name in pg_ctl pg_controldata; do
        ln -s "$programs/$name" bin/
    done
    cat >bin/pg_basebackup <<END
#!/bin/sh
[ ! -e $work/slow ] || exec $programs/pg_basebackup "\$@" --no-sync -r 32
$programs/pg_basebackup "\$@" --no-sync || exit
while [ -e $work/steady ]; do sleep 0.02; done
END
    chmod 755 bin/pg_basebackup
    sed -i "s,programs: [^ ]*bin\,,programs: $work/bin\,," "$site"
}

# A change of this item is under way.
at_item() {
    tail -qn 1 site/runs/*/journal.jsonl 2>/dev/null |
        grep -q "\"kind\":\"intent\".*\"item\":$1,"
}

# A share that is slow does not move on at all, for as long as the kernel lets a lease hold it up.
stop_share() {
    kill -STOP "$(cat site/.lab/pids/slow-share)"
}

let_share_go() {
    kill -CONT "$(cat site/.lab/pids/slow-share)"
}

# begins ITEM ARGUMENT…: the program, until it is at that item.
begins() {
    item=$1
    shift
    "$program" "$@" --site "$site" --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 at_item "$item"
}

# halted WORDS: the run has ended, in these words, and is whole as far as it goes.
halted() {
    code=0
    wait "$run" || code=$?
    cat run.out run.err >out
    [ "$code" -ne 0 ] || fail "it did not halt"
    says "$1"
    bsc audit verify last --site "$site"
    exits 0
}

killed() {
    break_lab site secondary-down
    halted "$1"
}

started() {
    bsc lab repair site secondary-down
    exits 0
}

# A standby begins to replay a little earlier than where it was; then it waits for more.
idle() {
    [ "$(pg dc2/sql3 "SELECT wait_event FROM pg_stat_activity
        WHERE backend_type = 'startup'")" = RecoveryRetrieveRetryInterval ]
}

started_anew() {
    started
    until_true 60 idle
}

is_told() {
    [ -e "$secondary/data/promote" ]
}

acknowledged() {
    sqlite3 -batch -init /dev/null -cmd ".timeout 20000" site/office/ledger.db \
        "SELECT id FROM acknowledged ORDER BY id"
}

writes_more() {
    [ "$(acknowledged | wc -l)" -gt "$1" ]
}

new_servers site
slow_programs
setting dc2/sql3 "restore_command = 'sh $work/restore.sh $work $secondary/copied/%f %p'"
break_lab site primary-server

it "killed while log files are copied"
break_lab site slow-share
begins 6 run "$failover"
stop_share
break_lab site secondary-down
let_share_go
halted 'database:mgc.secondary: state is "unreachable", predicted "standby"'
bsc lab repair site slow-share
exits 0
started_anew

it "killed while it is given what was salvaged"
touch hold
begins 8 resume last
until_true 60 test -e "$secondary/copied/.salvaged"
# In which words it halts depends on how far it has come with that.
killed "Salvage the tail of the log"
rm hold
started_anew

it "killed while its sessions are ended"
pg dc2/sql3 "SELECT pg_sleep(1000)" >slept &
background="$background $!"
backend() {
    pg dc2/sql3 "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
}
until_true 60 eval '[ -n "$(backend)" ]'
kill -STOP "$(backend)"
begins 9 resume last
killed 'cannot connect to server "sql3"'
started_anew

it "killed while it comes online"
touch hold
begins 11 resume last
until_true 60 is_told
killed '"sql3" was told to come online, and may still do so'
rm hold
started_anew
same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" t "in recovery"

it "where HAProxy is gone when it is online, the run halts, and goes on later"
touch hold
begins 11 resume last
until_true 60 is_told
break_lab site haproxy-down
rm hold
halted "HAProxy at $work/site/office/haproxy"
bsc lab repair site haproxy-down
exits 0
same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" f "in recovery"

# copies: whether a program does, for the mirror.
copies() {
    printf '%s\n' "$work/site/dc2/sql4/data.installing" >.installing
    grep -qlF -f .installing /proc/[0-9]*/cmdline 2>/dev/null
}

it "what copies for the mirror of a run that was killed comes to its end by itself"
touch steady
begins 13 resume last
until_true 60 test -e site/dc2/sql4/data.installing/backup_label
kill -KILL "$run"
wait "$run" 2>/dev/null || true
copies || fail "nothing copies any more"
rm steady
until_true 60 eval '! copies'

it "killed while its mirror is made"
touch slow
begins 13 resume last
until_true 60 eval 'copies && [ -e site/dc2/sql4/data.installing/backup_label ]'
known=$(acknowledged | wc -l)
until_true 60 writes_more "$known"
killed "could not copy the principal on sql4"
rm slow
started

it "in the end the failover is whole, and nothing that was acknowledged is lost"
bsc resume last --site "$site" --yes
exits 0
bsc audit verify last --site "$site"
exits 0
acknowledged >told
pg dc2/sql3 "SELECT id FROM tblChatMessage ORDER BY id" | LC_ALL=C sort >stored
same "$(LC_ALL=C sort told | comm -23 - stored | wc -l)" 0 "acknowledged messages that are lost"
same "$(pg dc2/sql3 "SELECT application_name || ' ' || sync_state FROM pg_stat_replication")" \
    "sql4 sync" "the mirror"
same "$(find "$secondary/data/pg_wal" -name '*.history' -printf '%f\n')" 00000002.history \
    "timelines"
until_true 60 writes_more "$(wc -l <told)"
