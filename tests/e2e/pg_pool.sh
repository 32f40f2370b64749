# A pool behind real HAProxy is changed by a runbook: led to another database, resumed after a kill,
# taken back, kept over a restart of HAProxy, and refused where that is right.
. "$(dirname "$0")/lib.sh"

relay=$1

# Whoever says these words to HAProxy first is killed, before HAProxy has heard them.
kill_who_says() {
    rm -f site/office/between
    "$relay" between "$work/site/office/between" "$work/site/office/haproxy" "$1" \
        >killed 2>&1 &
    background="$background $!"
    until_true 60 test -S site/office/between
    sed 's,socket: office/haproxy,socket: office/between,' site/site.yaml >site/between.yaml
}

# From now on the servers that take writers are written to the file `seen`, whenever it is others.
watch_writers() {
    "$relay" watch "$work/site/office/haproxy" rw >seen 2>&1 &
    watcher=$!
    background="$background $watcher"
    until_true 60 test -s seen
}

was_seen() {
    kill "$watcher"
    wait "$watcher" 2>/dev/null || true
    same "$(tr '\n' ' ' <seen)" "$1 " "the servers that took writers, one after the other"
}

observe() {
    bsc observe --site "${1:-site/site.yaml}" -o facts.json
    exits 0
}

# fact KEY: of the pool
fact() {
    json facts.json "\$.\"pool:chat\".$1"
}

# Whoever was started by others is reaped by others, late.
ended() {
    ! grep -q '^State:.[^ZX]' "/proc/$1/status" 2>/dev/null
}

stop_haproxy() {
    kill "$(cat "site/.lab/pids/$1")"
    until_true 60 ended "$(cat "site/.lab/pids/$1")"
}

# As whom the lab does it: the clients must get to its sockets. What follows the name are options.
start_haproxy() {
    pids=$work/site/.lab/pids/$1
    settings=$work/site/office/$1.cfg
    shift
    set -- /usr/sbin/haproxy "$@" -D -f "$settings" -p "$pids"
    if [ "$(id -u)" -eq 0 ]; then
        chown -R postgres: site/office
        set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    fi
    "$@" 2>>haproxy.err || fail "HAProxy does not start: $(cat haproxy.err)"
}

# runbook NAME LINE…: a runbook with the handles `chat` and `db`.
runbook() {
    name=$1
    shift
    {
        echo "runbook \"$name\" { summary = \"Changes the pool\","
        echo "  params = { pool = param.pool(), database = param.database() } }"
        echo "local db, chat = params.database, params.pool"
        printf '%s\n' "$@"
    } >"$name.lua"
}

run() {
    bsc run "$1.lua" --site "${2:-site/site.yaml}" --yes
}

acknowledged() {
    sql "file:site/office/ledger.db?mode=ro" "SELECT count(*) FROM acknowledged"
}

more_than() {
    [ "$(acknowledged)" -gt "$1" ]
}

# Two who read through HAProxy, one at each server, and stay.
readers_begin() {
    set -- /usr/lib/postgresql/*/bin/psql
    for number in 1 2; do
        "$1" -X -q -A -t -h "$work/site/office/ro" -U postgres -d mgc \
            -c "SELECT pg_sleep(300) -- reader" >"reader.$number" 2>&1 &
        background="$background $!"
    done
    until_true 60 eval '[ "$(readers dc1/sql1)$(readers dc1/sql2)" = 11 ]'
}

readers() {
    pg "$1" "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%-- reader'
        AND state = 'active' AND pid <> pg_backend_pid()"
}

# Where their client is gone, the server would not notice for as long as it sleeps.
readers_end() {
    for server in dc1/sql1 dc1/sql2; do
        pg "$server" "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE query LIKE '%-- reader' AND pid <> pg_backend_pid()" >/dev/null
    done
}

workers() {
    grep -lx "PPid:	$(cat site/.lab/pids/haproxy)" /proc/[0-9]*/status 2>/dev/null | wc -l
}

# A master that has just begun ignores the signal.
has_reloaded() {
    kill -USR2 "$(cat site/.lab/pids/haproxy)"
    for _ in $(seq 50); do
        [ "$(workers)" -lt 2 ] || return 0
        sleep 0.02
    done
    return 1
}

# While it reloads, the master does not answer.
master_answers() {
    observe site/master.yaml
    [ "$(fact state)" = Normal ]
}

# A writer who comes through HAProxy, and stays.
writer_begins() {
    set -- /usr/lib/postgresql/*/bin/psql
    PGAPPNAME=stays "$1" -X -q -h "$work/site/office/rw" -U postgres -d mgc \
        -c "SELECT pg_sleep(300)" >stays 2>&1 &
    stays=$!
    background="$background $stays"
    until_true 60 eval '[ "$(pg dc1/sql1 "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = '"'stays'"'")" = 1 ]'
}

drains() {
    observe
    case "$(fact routes)" in *"ro/chat1 drain"*) ;; *) return 1 ;; esac
}

new_servers site
observe
same "$(fact saved)" 1 "a restart keeps what the lab began with"

it "writers are not led to a database that is not online"
runbook over 'step "State" { pool.set_state(chat, "FailedOver") }' \
    'step "Servers" { pool.set_active_servers(chat, near(db.secondary)) }'
run over
exits 3
says "the pool chat would use the secondary of mgc, which is standby"

it "users are not led to servers away from the primary"
runbook away 'step "Servers" { pool.set_active_servers(chat, { "chat5" }) }'
run away
exits 3
says "server chat5 is in data centre dc2 (Boston)"

runbook fewer 'step "Servers" { pool.set_active_servers(chat, { "chat2" }), timeout = "5m" }'

it "without HAProxy nothing is changed"
break_lab site haproxy-down
says "HAProxy is down"
bsc lab status site
says "HAProxy not running"
run fewer
exits 3
says "the pool chat cannot be read: HAProxy at $work/site/office/haproxy: cannot connect"
bsc lab repair site
exits 0
observe
same "$(fact state)" Normal "the state"

it "a server is closed once the sessions on it are over, also by whoever resumes"
readers_begin
"$program" run fewer.lua --site site/site.yaml --yes >fewer.out 2>&1 </dev/null &
run=$!
background="$background $run"
until_true 60 drains
same "$(fact sessions_left)" 1 "sessions that are waited for"
bsc run fewer.lua --site site/site.yaml --yes --runs "$work/other"
exits 3
says "has the lease '$work/site/office/haproxy.state.lease' since 20"
kill -KILL "$run"
until_true 60 ended "$run"
readers_end
bsc resume last --site site/site.yaml --yes
exits 0
observe
same "$(fact active_servers)" '["chat2"]' "the active servers"
case "$(fact routes)" in
'["ro/chat1 maint","ro/chat2 ready",'*) ;;
*) fail "HAProxy was told $(fact routes)" ;;
esac
same "$(fact saved)" 1 "a restart keeps it"

it "it is taken back"
bsc rollback last --site site/site.yaml --yes
exits 0
observe
same "$(fact active_servers)" '["chat1","chat2"]' "the active servers"

it "where both databases are online, writers are led to one and back"
same "$(pg dc2/sql3 "SELECT pg_promote()")" t "the secondary is brought online"
runbook there 'step "State" { pool.set_state(chat, "FailedOver") }'
run there
exits 0
observe
same "$(fact state)" FailedOver "the state"
bsc rollback last --site site/site.yaml --yes
exits 0
observe
same "$(fact state)" Normal "the state"
same "$(fact saved)" 1 "a restart keeps it"

it "killed after the one side was closed and before the other is opened, a resume opens that only"
kill_who_says "set server rw/sql3 state ready"
watch_writers
run there site/between.yaml
exits 137
until_true 60 grep -q killed killed
until_true 60 eval '[ "$(tail -n 1 seen)" = none ]'
bsc resume last --site site/between.yaml --yes
exits 0
observe
same "$(fact state)" FailedOver "the state"
until_true 60 eval '[ "$(tail -n 1 seen)" = sql3 ]'
was_seen "sql1 none sql3"

it "so does a rollback that was killed there"
kill_who_says "set server rw/sql1 state ready"
watch_writers
bsc rollback last --site site/between.yaml --yes
exits 137
until_true 60 eval '[ "$(tail -n 1 seen)" = none ]'
bsc rollback last --site site/between.yaml --yes
exits 0
observe
same "$(fact state)" Normal "the state"
until_true 60 eval '[ "$(tail -n 1 seen)" = sql1 ]'
was_seen "sql3 none sql1"

it "killed between opening and closing, active servers are what they shall be after a resume"
kill_who_says "set server ro/chat1 state drain"
run fewer site/between.yaml
exits 137
observe
same "$(fact active_servers)" '["chat1","chat2"]' "the active servers"
bsc resume last --site site/between.yaml --yes
exits 0
observe
same "$(fact active_servers)" '["chat2"]' "the active servers"
bsc rollback last --site site/between.yaml --yes
exits 0

it "a writer whom a reload has left in an old process is cut off before the other side is opened"
stop_haproxy haproxy
start_haproxy haproxy -W -S "$work/site/office/master"
sed 's,socket: office/haproxy,&\, master_socket: office/master,' site/site.yaml >site/master.yaml
writer_begins
until_true 60 has_reloaded
until_true 60 master_answers
run there site/master.yaml
exits 0
until_true 60 ended "$stays"
observe site/master.yaml
same "$(fact state)" FailedOver "the state"
same "$(fact sessions_left)" 0 "sessions at servers that were closed"
bsc rollback last --site site/master.yaml --yes
exits 0
stop_haproxy haproxy
observe site/master.yaml
same "$(fact state)" unreachable "the state"
start_haproxy haproxy
bsc observe --site site/master.yaml
says "the master of HAProxy at"

it "the writers go on at the database that is online now"
break_lab site primary-site
before=$(acknowledged)
run over
exits 0
observe
same "$(fact state)" FailedOver "the state"
same "$(fact active_servers)" '["chat5","chat6"]' "the active servers"
until_true 60 more_than "$before"

it "a pool that was changed once is left alone"
run over
exits 0
says "0 changes"

it "a change that somebody was killed in before he wrote it down is completed"
sed 's/^\(.* rw 1 sql1 [^ ]* [^ ]*\) [0-9]*/\1 0/' site/office/haproxy.state >older
! cmp -s older site/office/haproxy.state || fail "the state file was not made an older one"
cp older site/office/haproxy.state
observe
same "$(fact saved)" 0 "a restart keeps it"
run over
exits 0
says "1 change"
observe
same "$(fact saved)" 1 "a restart keeps it"

it "the writers are not led back to a database that is down"
runbook normal 'step "State" { pool.set_state(chat, "Normal") }'
run normal
exits 3
says "the pool chat would use the primary of mgc, which is unreachable"

it "a restart of HAProxy changes nothing"
stop_haproxy haproxy
start_haproxy haproxy
observe
same "$(fact state)" FailedOver "the state"
same "$(fact active_servers)" '["chat5","chat6"]' "the active servers"
before=$(acknowledged)
until_true 60 more_than "$before"

it "a second HAProxy that was not told says something else, and is brought in line"
sed -e 's,/office/haproxy,/office/second,g' -e 's,/office/rw,/office/rw2,' \
    -e 's,/office/ro,/office/ro2,' site/office/haproxy.cfg >site/office/second.cfg
mkdir site/office/rw2 site/office/ro2
start_haproxy second
sed -e 's,socket: office/haproxy.*,instances: [,' \
    -e '/instances: \[/a\
          { socket: office/haproxy, state_file: office/haproxy.state },\
          { socket: office/second, state_file: office/second.state } ],' \
    site/site.yaml >site/both.yaml
observe site/both.yaml
same "$(fact state)" "" "the state"
case "$(fact reason)" in
"split brain: the instances disagree: HAProxy at $work/site/office/haproxy: FailedOver; HAProxy \
at $work/site/office/second: Normal; "*) ;;
*) fail "the reason is $(fact reason)" ;;
esac
run over site/both.yaml
exits 0
says "HAProxy at $work/site/office/second: set server rw/sql1 state maint"
observe site/both.yaml
same "$(fact state)" FailedOver "the state"
same "$(fact saved)" 1 "a restart keeps it"
stop_haproxy second
start_haproxy second
observe site/both.yaml
same "$(fact state)" FailedOver "the state after a restart"

it "one that is down stops the change before anything is changed"
stop_haproxy second
cp site/office/haproxy.state before.state
runbook none 'step "Servers" { pool.set_active_servers(chat, { "chat5" }) }'
run none site/both.yaml
exits 3
says "the pool chat cannot be read: HAProxy at $work/site/office/second: cannot connect"
cmp -s before.state site/office/haproxy.state || fail "the state file was written"
observe
same "$(fact active_servers)" '["chat5","chat6"]' "the active servers"

it "a HAProxy that may only be looked at is told of, and nothing is changed"
stop_haproxy haproxy
sed -i 's/level admin/level operator/' site/office/haproxy.cfg
start_haproxy haproxy
run none
exits 1
says "lets nobody change it there"
sed -i 's/level operator/level admin/' site/office/haproxy.cfg
observe
same "$(fact active_servers)" '["chat5","chat6"]' "the active servers"

it "writers who can get to both databases are a split brain"
stop_haproxy haproxy
sed -i -e '/load-server-state/d' -e 's/ disabled//' site/office/haproxy.cfg
start_haproxy haproxy
bsc observe --site site/site.yaml
says "split brain: backend rw leads writers to sql1 (primary) and to sql3 (secondary)"
run over
exits 0
says "split brain"
observe
same "$(fact state)" FailedOver "the state"
