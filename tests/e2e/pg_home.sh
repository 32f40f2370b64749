# The way home after a failover and the planned change of sides, on real PostgreSQL servers, while
# clients write through HAProxy.
#   pg_home.sh PROGRAM circle       the data centre is lost, comes back, and is gone home to
#   pg_home.sh PROGRAM sides        a change of sides, and home to a server that is made anew
#   pg_home.sh PROGRAM half         killed while a standby is down to follow the primary
#   pg_home.sh PROGRAM killed SEED  killed at random times on a way home and back
# What is stopped after the hand-over is taken back, in the first two.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killing.sh"
scene=$1
seed=${2:-1}
failback=$source_tree/runbooks/failback.lua
switchover=$source_tree/runbooks/switchover.lua
site=site/site.yaml
ledger=site/office/ledger.db

acknowledged() {
    sql "$ledger" "SELECT count(*) FROM acknowledged"
}

more_than() {
    [ "$(acknowledged)" -gt "$1" ]
}

clients_go_on() {
    until_true 60 more_than "$(($(acknowledged) + 3))"
}

# The site's facts, but for what goes on by itself, identities and timelines.
facts_are() {
    bsc observe --site "$site" -o facts.json
    exits 0
    sql :memory: "SELECT fullkey || ' ' || coalesce(atom, '') FROM
        json_tree(CAST(readfile('facts.json') AS TEXT))
        WHERE type NOT IN ('object', 'array') ORDER BY 1" | sed 's/"//g' |
        grep -v -e 'time ' -e '_since ' -e 'lsn ' -e '\.fork ' -e 'bytes ' -e '\.count ' \
            -e '\.lag ' -e '\.sessions ' -e '\.session_list' -e '\.chain' -e '\.ignored' \
            -e '\.reason ' >"$1"
    [ -s "$1" ] || fail "there are no facts"
}

# Every message that a client was told of after the first $2 is in the database of $1, in order, and
# none is there twice. What is acknowledged while we look is looked at the next time.
nothing_is_lost() {
    sql "$ledger" "SELECT id FROM acknowledged WHERE id > $2 ORDER BY id" >told
    pg "$1" "SELECT id FROM tblChatMessage WHERE id > $2 ORDER BY sent, id" >stored
    sort -n -c stored || fail "their order is another"
    same "$(uniq -d stored | wc -l)" 0 "messages that are there twice"
    same "$(comm -23 told stored | wc -l)" 0 "acknowledged messages that are not there"
}

goes_home() {
    bsc run "$failback" --site "$site" --yes
    exits 0
    says "done: 18 of 18 items"
    says "everything that the secondary held when it was handed over"
    clients_go_on
}

changes_sides() {
    bsc run "$switchover" --site "$site" --yes
    exits 0
    says "done: 20 of 20 items"
    clients_go_on
}

# How the last run has made the primary's copy.
last_rewound() {
    cat site/runs/*failback*/journal.jsonl | sed -n 's/.*"rewound":\([a-z]*\).*/\1/p' | tail -n 1
}

ends_whole() {
    bsc lab down site
    exits 0
    same "$(own_processes)" "" "processes left behind"
}

circle() {
    new_servers site
    facts_are at_first

    it "a lost data centre comes back fenced"
    break_lab site primary-site
    lost=$(sql "$ledger" "SELECT max(id) FROM acknowledged")
    bsc run "$failover" --site "$site" --yes
    exits 0
    clients_go_on
    for fault in standby-paused foreign-fork; do
        bsc lab break site "$fault"
        exits 3
        says "sql3 has been brought online"
    done
    bsc lab repair site
    exits 0
    says "the old primary is fenced"
    says "runbooks/failback.lua brings it home"
    same "$(pg dc1/sql1 "SELECT pg_is_in_recovery()")" t "whether sql1 is closed"
    [ "$(pg dc1/sql1 "SELECT max(id) FROM tblChatMessage")" -gt 100600 ] ||
        fail "the old primary has lost what it had"

    it "an old primary that is opened all the same is told of loudly, and nobody goes home"
    start_unfenced
    bsc observe --site "$site"
    exits 0
    says "WARNING: mgc can be written to on its primary and its secondary at once"
    says "rw/sql1 maint"
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "one that can be written to has to be fenced first"
    bsc lab repair site
    exits 0
    says "the old primary is fenced"

    it "tablespaces that lie elsewhere are nothing to be copied or rewound"
    ln -s "$work" site/dc1/sql1/data/pg_tblspc/1
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "sql1 has tablespaces outside of $work/site/dc1/sql1/data"
    rm site/dc1/sql1/data/pg_tblspc/1

    it "a link in the place of the data folder is not copied: what it leads to would be changed"
    mv site/dc1/sql1/data site/dc1/sql1/elsewhere
    ln -s elsewhere site/dc1/sql1/data
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "the folder $work/site/dc1/sql1/data on sql1 is a symbolic link"
    rm site/dc1/sql1/data
    mv site/dc1/sql1/elsewhere site/dc1/sql1/data

    until_true 60 mirror_is_back
    mkdir site/dc1/sql1/data.before-by-hand
    taken_back "$failback" 12 half_taken_back
    rmdir site/dc1/sql1/data.before-by-hand

    same "$(last_rewound)" true "whether it was rewound"

    it "the pool is gone home to, with the copy that was made before a kill"
    killed_before_its_name
    goes_home
    nothing_is_lost dc1/sql1 "$lost"
    same "$(last_rewound)" false "whether it was rewound once more"
    same "$(find site/dc1/sql1 -maxdepth 1 -name "data.half-*")" "" "copies that were thrown away"

    it "every fact of the site is as it was before the disaster"
    until_true 60 facts_are_as at_first

    it "there is nothing to bring home then"
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "The secondary is online"
    ends_whole
}

# control ACTION ARGUMENT…: pg_ctl on the data of sql1, as their owner.
control() {
    action=$1
    shift
    set -- "$(ls /usr/lib/postgresql/*/bin/pg_ctl | tail -n 1)" "$action" -w \
        -D "$work/site/dc1/sql1/data" "$@"
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    (cd / && "$@" >/dev/null)
}

# Nobody fences the old primary.
start_unfenced() {
    control stop -m fast
    rm site/dc1/sql1/data/standby.signal
    control start -l "$work/site/dc1/sql1/mirror.log" -o "-c synchronous_standby_names="
}

# What was there is in its place again, nothing says any more that it was to leave it, and it is
# down.
half_taken_back() {
    control stop -m fast
    mv site/dc1/sql1/data site/dc1/sql1/data.seeded-20261120T230501042Z
    mv site/dc1/sql1/data.before-2* site/dc1/sql1/data
    rm site/dc1/sql1/data/bascule.leaving
}

# What was there has made room for its rewound copy, which has not got the name yet.
killed_before_its_name() {
    control stop -m fast
    mv site/dc1/sql1/data site/dc1/sql1/data.before-20261121T230501042Z
    mv site/dc1/sql1/data.seeded-20261120T230501042Z site/dc1/sql1/data.installing
    touch site/dc1/sql1/data.installing/bascule.installing
}

# The old primary's mirror dials every few seconds.
mirror_is_back() {
    [ "$(pg dc1/sql1 "SELECT state FROM pg_stat_replication WHERE application_name = 'sql2'")" \
        = streaming ]
}

# The first items of a runbook, up to $1, and then one that fails.
first_items() {
    awk -v last="$1" '/^(guard|step|gate) / { items++ } items > last { exit } { print }' "$2"
    printf 'step "Halt" { command.run { argv = { "/usr/bin/false" } }, harmless = "looks" }\n'
}

# What dials every few seconds is back a little later. Where it is not, the file out has what
# differs.
facts_are_as() {
    facts_are after
    diff "$1" after >out
}

# recovered WHAT: of where the secondary was brought online; nothing where it never was.
recovered() {
    json facts.json "\$.\"database:mgc.secondary\".recovered_$1"
}

# taken_back RUNBOOK ITEM [MEANWHILE]: stopped after that item, and taken back. A server that was
# closed for that has forgotten when it was brought online.
taken_back() {
    facts_are before
    left=$(recovered lsn)
    [ -z "$left" ] || [ -n "$(recovered time)" ] || fail "when it was brought online is unknown"
    it "a $(basename "$1" .lua) that was stopped after item $2 is taken back"
    first_items "$2" "$1" >part.lua
    bsc run part.lua --site "$site" --yes
    exits 1
    "${3:-true}"
    bsc rollback last --site "$site" --yes
    exits 0
    until_true 60 facts_are_as before
    same "$(recovered lsn) $(recovered time)" "$left " "where and when it was brought online"
    clients_go_on
}

# Somebody who reads on the primary's mirror, and stays.
reads_on_mirror() {
    set -- /usr/lib/postgresql/*/bin/psql
    PGAPPNAME=reader "$1" -X -q -h "$work/site/dc1/sql2" -U postgres -d mgc \
        -c "SELECT pg_sleep(300)" >reader.out 2>&1 &
    background="$background $!"
    until_true 60 eval '[ "$(pg dc1/sql2 "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = '"'reader'"' AND state = '"'active'"'")" = 1 ]'
}

sides() {
    new_servers site
    facts_are at_first
    taken_back "$switchover" 15

    it "sides are changed, whoever reads on the mirror, and nothing is lost"
    reads_on_mirror
    changes_sides
    nothing_is_lost dc2/sql3 0
    bsc lab status site
    says "sql1 (Atlanta) standby"

    it "the way home is rehearsed without a violation"
    bsc rehearse "$failback" --site "$site" --faults single
    exits 0
    says " 0 violations"

    it "an old primary of which nothing is left is copied in full"
    control stop -m fast
    mv site/dc1/sql1/data gone

    it "a secondary that was stopped to follow it is started by whoever goes on"
    hold_secondary
    killed_at "before start" "$failback"
    until_true 60 goes resume
    exits 0
    says "done: 18 of 18 items"
    is_standby
    clients_go_on
    nothing_is_lost dc1/sql1 0
    same "$(last_rewound)" false "whether it was rewound"
    until_true 60 facts_are_as at_first

    it "no log file is taken back with a server that was killed while it was to be closed"
    pg dc1/sql1 "CHECKPOINT"
    shipped=site/backups/mgc/$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
    until_true 60 test -e "$shipped"
    control stop -m immediate
    touch site/dc1/sql1/data/bascule.closing
    steps 'step "Open it again" { database.reopen(db.primary) }'
    [ -e "$shipped" ] || fail "$shipped is gone"

    it "another log file of that name in the share is left as it is"
    own="cp $work/site/backups/mgc/%f %p"
    pg dc1/sql1 "ALTER SYSTEM RESET restore_command"
    echo "restore_command = '$own'" >>site/dc1/sql1/data/postgresql.conf
    pg dc1/sql1 "SELECT pg_reload_conf()" >/dev/null
    piece=site/backups/mgc/$(pg dc1/sql1 "SELECT pg_walfile_name(pg_current_wal_lsn())")
    tr '\0' x </dev/zero | head -c "$(wc -c <"$shipped")" >"$piece"
    write_steps 'step "Remove" { mirror.remove(db.mirror) }' \
        'step "Close" { database.hand_over(db.primary) }'
    bsc run steps.lua --site "$site" --yes
    exits 1
    says "is not the log file that is to be shipped"
    same "$(head -c 3 "$piece")" xxx "what lies in the share"

    it "a piece of a log file that lies in the share keeps nothing from being shipped"
    echo piece >"$piece"
    bsc resume last --site "$site" --yes
    exits 0
    same "$(wc -c <"$piece")" "$(wc -c <"$shipped")" "bytes of what was a piece"

    it "a server that was down when its closing was gone on with has its own restore_command"
    same "$(pg dc1/sql1 "SHOW restore_command")" "$own" "the command"
}

write_steps() {
    {
        sed -n '/^runbook/,/^local/p' "$failback"
        printf '%s\n' "$@"
    } >steps.lua
}

# steps LINE…: runs a runbook of these.
steps() {
    write_steps "$@"
    bsc run steps.lua --site "$site" --yes
    exits 0
}

# A program that the killed one has started does what it was told to do, or a server that it has
# started cannot be asked yet, and nobody goes on before.
is_held() {
    [ "$code" -ne 0 ] &&
        said | grep -q -e "still holds the lock" -e "the database system is starting up" \
            -e "takes connections and does not answer them"
}

# hit RUNBOOK DELAY: killed after some time, once nobody holds the lock. Its code is $code.
hit() {
    # shellcheck disable=SC2046
    killed_after "$2" $(words_on "$1") --site "$site" --yes && kills=$((kills + 1)) && return
    ! is_held
}

# go RUNBOOK: goes on to the end.
go() {
    # shellcheck disable=SC2046
    bsc $(words_on "$1") --site "$site" --yes
    ! is_held
}

# way RUNBOOK NUMBER: is killed on the way, up to three times, and ends all the same.
way() {
    runs_before=$(count_runs)
    first=yes
    for delay in $(delays "$2" "$most"); do
        until_true 60 hit "$1" "$delay"
        [ "$first" = no ] || learn
        first=no
        [ "$code" -eq 137 ] || break
    done
    [ "$code" -ne 137 ] || until_true 60 go "$1"
    exits 0
    clients_go_on
}

# From now on pg_ctl of the secondary stops where it is told to, as long as the server is to follow
# another.
hold_secondary() {
    mkdir hooks
    chmod 777 hooks
    ln -s /usr/lib/postgresql/*/bin/* hooks
    real=$(readlink hooks/pg_ctl)
    rm hooks/pg_ctl
    cat >hooks/pg_ctl <<END
#!/bin/sh
hold() {
    [ "\$(cat $work/hooks/at)" = "\$1" ] && [ -e $work/site/dc2/sql3/data/bascule.following ] ||
        return 0
    touch $work/hooks/reached
    while [ ! -e $work/hooks/over ]; do sleep 0.02; done
    exit 1
}
hold "before \$1"
code=0
$real "\$@" || code=\$?
hold "after \$1"
exit \$code
END
    chmod 755 hooks/pg_ctl
    echo nowhere >hooks/at
    sed -i "/^  sql3:/,/^  sql4:/{s,/usr/lib/postgresql/[0-9]*/bin,$work/hooks,}" "$site"
}

is_reached() {
    [ -e hooks/reached ]
}

# killed_at POINT RUNBOOK: bascule is gone, and its program has done what it was to do, or not.
killed_at() {
    rm -f hooks/reached hooks/over
    echo "$1" >hooks/at
    "$program" run "$2" --site "$site" --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 is_reached
    kill -KILL "$run"
    wait "$run" || true
    echo nowhere >hooks/at
    touch hooks/over
}

# goes VERB OPTION…: the last run, to its end.
goes() {
    verb=$1
    shift
    bsc "$verb" last --site "$site" --yes "$@"
    ! is_held
}

# The secondary takes log backups, and nothing says that it is to follow anybody.
is_standby() {
    same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" t "whether the secondary is a standby"
    [ ! -e site/dc2/sql3/data/bascule.following ] || fail "the mark is there"
    bsc observe --site "$site" -o facts.json
    same "$(json facts.json '$."database:mgc.secondary".log_shipping')" configured "log shipping"
}

half() {
    new_servers site
    hold_secondary
    write_steps 'step "Remove" { log_shipping.remove(db.secondary) }' \
        'step "Ship" { log_shipping.install(db.secondary) }'
    for point in "before stop" "after stop" "before start" "after start"; do
        it "a standby whose run was killed $point of its server is gone on with"
        killed_at "$point" steps.lua
        until_true 60 goes resume
        exits 0
        says "done: 2 of 2 items"
        is_standby
    done

    it "one that is down tells why, and is started when the run is taken back"
    killed_at "after stop" steps.lua
    bsc observe --site "$site"
    exits 0
    says "its server was stopped to follow another, and that has not ended"
    until_true 60 goes rollback --settle made
    exits 0
    says "--settle is left aside: its step looks what is left to do"
    says "start sql3 again, which was stopped to follow another server"
    says "what log_shipping.install has changed stays"
    is_standby

    it "one that is not down is left as it is"
    killed_at "after start" steps.lua
    until_true 60 goes rollback
    exits 0
    says "was not left half set up"
    bsc lab down site
    exits 0
}

killed() {
    kills=0
    new_servers site
    facts_are before
    begun=$(clock)
    changes_sides
    most=$((($(clock) - begun) / 2 + 1))
    it "killed at random times (seed $seed), each way is gone to its end"
    way "$failback" 1
    nothing_is_lost dc1/sql1 0
    until_true 60 facts_are_as before
    way "$switchover" 2
    nothing_is_lost dc2/sql3 0
    [ "$kills" -ge 2 ] || fail "it is hardly ever killed in time: $kills times"
    echo "killed $kills times, of seed $seed"
}

"$scene"
