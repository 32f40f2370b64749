# The way home after a failover, and the planned change of sides, while clients are at work.
#   home.sh PROGRAM circle         failed over, home, failed over again, home again
#   home.sh PROGRAM sides          a change of sides and back
#   home.sh PROGRAM refused        what failback and switchover refuse
#   home.sh PROGRAM back [N]       stopped after each step before the point of no return, or each
#                                  N-th of them, and taken back
#   home.sh PROGRAM killed SEED N  killed at random times on N ways there and back
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killing.sh"
scene=$1
seed=${2:-1}
rounds=${3:-10}
failback=$source_tree/runbooks/failback.lua
switchover=$source_tree/runbooks/switchover.lua
site=site/site.yaml
primary=site/dc1/sql1/mgc.db
secondary=site/dc2/sql3/mgc.db
ledger=site/office/ledger.db

# As a client asks, which waits while somebody is busy.
ask() {
    sqlite3 -batch -init /dev/null -cmd ".timeout 20000" "$1" "$2"
}

acknowledged() {
    ask "$ledger" "SELECT count(*) FROM acknowledged"
}

# The site's facts, but for what goes on by itself and for the names of recovery forks.
facts_are() {
    bsc observe --site "$site" -o facts.json
    exits 0
    sql :memory: "SELECT fullkey || ' ' || coalesce(atom, '') FROM
        json_tree(CAST(readfile('facts.json') AS TEXT))
        WHERE type NOT IN ('object', 'array') ORDER BY 1" | sed 's/"//g' |
        grep -v -e '\.version ' -e '_at ' -e 'time ' -e 'lsn ' -e '\.fork ' -e 'bytes ' \
            -e '\.count ' -e '\.lag ' -e '\.agent ' -e '\.sessions ' -e '\.session_list' \
            -e '\.chain' -e 'observed' -e 'digest' -e '\.ignored' -e '\.reason ' >"$1"
    [ -s "$1" ] || fail "there are no facts"
}

# What follows catches up a little later. Where it does not, the file out has what differs.
facts_are_as() {
    facts_are after
    diff "$1" after >out
}

# The writer has told its clients of more than $1 messages.
more_than() {
    [ "$(acknowledged)" -gt "$1" ]
}

clients_go_on() {
    until_true 60 more_than "$(($(acknowledged) + 3))"
}

# Every message that a client was told of is in the database $1, once and in order. What is
# acknowledged while we look is looked at the next time.
nothing_is_lost() {
    [ -e "$1" ] || fail "there is no $1"
    last=$(ask "$ledger" "SELECT max(id) FROM acknowledged")
    same "$(ask "$1" "ATTACH '$ledger' AS office; SELECT count(*) FROM office.acknowledged a
        WHERE id <= $last AND (SELECT count(*) FROM tblChatMessage m WHERE m.id = a.id) <> 1")" 0 \
        "acknowledged messages that are not there, or twice"
    same "$(ask "$1" "SELECT count(*) FROM (SELECT sent < lag(sent) OVER (ORDER BY rowid) AS early
        FROM tblChatMessage WHERE id > 103000) WHERE early")" 0 "messages out of order"
}

goes_home() {
    bsc run "$failback" --site "$site" --yes
    exits 0
    says "done: 18 of 18 items"
    says "everything that the secondary held when it was handed over"
    clients_go_on
    nothing_is_lost "$primary"
}

# The primary data centre is lost, with its disk if $1 is primary-site, and comes back.
loses_primary() {
    break_lab site "$1"
    bsc run "$failover" --site "$site" --yes
    exits 0
    bsc lab repair site
    exits 0
    says "the old primary is fenced"
    clients_go_on
}

circle() {
    new_lab site
    facts_are before

    it "a lost data centre that is back is gone home to, and nothing is lost"
    loses_primary primary-server
    nothing_is_lost "$secondary"
    goes_home

    it "the old primary's database is kept"
    set -- "$primary".before-*.state
    [ -s "${1%.state}" ] && [ -s "${1%.state}-wal" ] || fail "the old primary is gone"

    it "every fact of the site is as it was before the disaster"
    until_true 60 facts_are_as before

    it "it can be lost and gone home to again"
    loses_primary primary-server
    goes_home
    until_true 60 facts_are_as before

    it "both runbooks are rehearsed without a violation"
    for runbook in "$failback" "$switchover"; do
        bsc check "$runbook" --site "$site"
        exits 0
    done
    bsc rehearse "$switchover" --site "$site" --faults single
    exits 0
    says " 0 violations"
    ends_without_complaint
}

ends_without_complaint() {
    bsc lab down site
    exits 0
    same "$(own_processes)" "" "processes left behind"
    same "$(cat site/.lab/log)" "" "what they complain of"
}

sides() {
    new_lab site
    facts_are before

    it "sides are changed, and nothing is lost"
    clients_go_on
    bsc run "$switchover" --site "$site" --yes
    exits 0
    says "done: 20 of 20 items"
    says "0 are lost"
    clients_go_on
    nothing_is_lost "$secondary"
    bsc lab status site
    says "sql1 (Atlanta) restoring"
    says "writer running"

    it "the way home is rehearsed without a violation"
    bsc rehearse "$failback" --site "$site" --faults single
    exits 0
    says " 0 violations"

    it "the pool is brought home, and every fact is as it was"
    goes_home
    until_true 60 facts_are_as before

    it "there is nothing to bring home then"
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "The secondary is online"
    ends_without_complaint
}

refused() {
    new_lab site

    it "who is home cannot go home"
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "without it there is nothing to bring home"

    it "while the primary's data centre is down nobody goes home"
    break_lab site primary-server
    bsc run "$failover" --site "$site" --yes
    exits 0
    snapshot site >files
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "is unreachable"
    bsc run "$switchover" --site "$site" --yes
    exits 3
    says "The primary is online"

    it "while the old primary can be written to nobody goes home"
    bsc lab repair site
    exits 0
    set -- "$primary".before-*.state
    cp "${1%.state}" "$primary"
    cp "$1" "$primary.state"
    bsc run "$failback" --site "$site" --yes
    exits 3
    says "one that can be written to has to be fenced first"
    same "$(sql site/dc2/app/pool.db "SELECT state FROM pool")" FailedOver "the pool"

    it "a stale copy that nobody can write to is renamed and kept"
    printf '\003\003' | dd of="$primary" bs=1 seek=18 conv=notrunc status=none
    cp "$primary" stale.db
    goes_home
    kept=no
    for each in "$primary".before-*; do
        ! cmp -s "$each" stale.db || kept=yes
    done
    same "$kept" yes "whether the stale copy is still there"
}

# The first items of a runbook, up to $1, and then one that fails.
first_items() {
    awk -v last="$1" '/^(guard|step|gate) / { items++ } items > last { exit } { print }' "$2"
    printf 'step "Halt" { command.run { argv = { "/usr/bin/false" } }, harmless = "looks" }\n'
}

# taken_back RUNBOOK LAST: stopped after each of its steps up to LAST, and taken back.
taken_back() {
    facts_are before
    for item in 4 6 7 8 10 11 12 13 14 15; do
        [ "$item" -le "$2" ] && [ $((item % every)) -eq 0 ] || continue
        it "a $(basename "$1" .lua) that was stopped after item $item is taken back"
        first_items "$item" "$1" >part.lua
        bsc run part.lua --site "$site" --yes
        exits 1
        bsc rollback last --site "$site" --yes
        exits 0
        until_true 60 facts_are_as before
        clients_go_on
    done
}

back() {
    every=$seed
    new_lab site
    taken_back "$switchover" 15
    nothing_is_lost "$primary"
    loses_primary primary-server
    taken_back "$failback" 12
    nothing_is_lost "$secondary"
    goes_home
}

# way RUNBOOK NUMBER: is killed on the way, up to three times, and ends all the same.
way() {
    runs_before=$(count_runs)
    first=yes
    for delay in $(delays "$2" "$most"); do
        # shellcheck disable=SC2046
        killed_after "$delay" $(words_on "$1") --site "$site" --yes || true
        [ "$first" = no ] || learn
        first=no
        [ "$code" -eq 137 ] || break
        kills=$((kills + 1))
    done
    if [ "$code" -eq 137 ]; then
        # shellcheck disable=SC2046
        bsc $(words_on "$1") --site "$site" --yes
    fi
    exits 0
    clients_go_on
}

killed() {
    kills=0
    new_lab site
    facts_are before
    begun=$(clock)
    for runbook in "$switchover" "$failback"; do
        bsc run "$runbook" --site "$site" --yes
        exits 0
    done
    most=$((($(clock) - begun) / 2 + 1))
    it "killed at random times (seed $seed) each way there and back is gone to its end"
    number=0
    while [ "$number" -lt "$rounds" ]; do
        number=$((number + 1))
        way "$switchover" $((number * 2))
        nothing_is_lost "$secondary"
        way "$failback" $((number * 2 + 1))
        nothing_is_lost "$primary"
        until_true 60 facts_are_as before
    done
    [ "$kills" -ge "$rounds" ] || fail "it is hardly ever killed in time: $kills times"
    echo "killed $kills times on $rounds ways there and back, of seed $seed"
}

"$scene"
