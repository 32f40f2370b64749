# The shipped migration on its practice site, whose clients talk and whose observer looks all the
# while.
#   migration.sh PROGRAM PLATFORM killed SEED KILLS USERS       killed at random times, and gone
#                                                               on with
#   migration.sh PROGRAM PLATFORM killed_back SEED KILLS USERS  the same while it is taken back
#   migration.sh PROGRAM PLATFORM back                          taken back from each phase
#   migration.sh PROGRAM PLATFORM afterwards                    moved back when the run is over
# With MIGRATION_KILLS and MIGRATION_USERS in the environment it is so many instead.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
. "$(dirname "$0")/lib.sh"
. "$tests/killing.sh"
. "$tests/directory.sh"
platform=$1
how=$2
migration=$source_tree/runbooks/migration.lua
site=site/site.yaml
most_of_one=5
early="--set accept_early=tested"

# Everything that a migration moves or switches.
contents() {
    for table in pools services administration routes users homes applications meetings clients; do
        echo "$table"
        ask "SELECT * FROM $table" | LC_ALL=C sort
    done
}

# Messages go on, none of them was lost, and each user was in one pool whenever somebody looked.
all_is_seen() {
    looks=$(status looks)
    delivered=$(status delivered)
    until_true 60 more looks "$looks"
    until_true 60 more delivered "$delivered"
    same "$(status violations)" 0 "users whom the observer saw in no pool, or in two"
    same "$(status lost) $(status overtaken)" "0 0" "messages lost and overtaken"
    printf '  %s looks; %s messages delivered, %s failed: %s\n' "$(status looks)" \
        "$(status delivered)" "$(status failed)" "$(status failures)"
}

# ------------------------------------------------------------ killed

# The words that bring the migration on from where it is.
next_words() {
    case $(count_runs) in
    0) echo "run $migration $early" ;;
    *) echo "resume last" ;;
    esac
}

# One more random delay: the first of a round at any time of a migration, the others sooner, since
# the next process begins where the last one was killed.
next_delay() {
    number=$((number + 1))
    delay=$(awk -v seed="$((seed * 100000 + number))" -v most="$most" -v first="$of_this" \
        'BEGIN { srand(seed); rand(); printf "%.3f", rand() * (first ? rand() : 1) * most / 100 }')
}

# The item at which the last process was killed; - before the first.
place() {
    item=$(grep -ho '"item":[0-9]*' site/runs/*/journal.jsonl 2>/dev/null | tail -n 1)
    item=${item#*:}
    echo "${item:--}"
}

# The site as it was made, and at work. A migration takes some times as long as its plan, and as
# long as it takes to move everybody.
begin_anew() {
    bsc lab down site
    exits 0
    rm -rf site
    cp -a prepared site
    bsc lab repair site
    exits 0
    begun=$(clock)
    # shellcheck disable=SC2086
    bsc plan "$migration" --site "$site" $early
    exits 0
    most=$(((($(clock) - begun + 1) * 6 + users / 400) / (escaped + 1) + 1))
}

is_migrated() {
    bsc audit verify last --site "$site"
    exits 0
    same "$(ask "SELECT pool, count(*) FROM homes GROUP BY pool")" \
        "pool02.litware.example|$users" "users by pool"
    same "$(ask "SELECT sip FROM homes" | LC_ALL=C sort | sha256sum)" "$names" "the names of users"
    same "$(ask "SELECT count(*) FROM applications WHERE pool LIKE 'pool01%'")" 0 \
        "what is left of the applications"
    same "$(ask "SELECT state FROM pools WHERE name LIKE 'pool01%'")" retired "the legacy pool"
    all_is_seen
}

killed() {
    new_site "$users"
    names=$(ask "SELECT sip FROM homes" | LC_ALL=C sort | sha256sum)
    bsc lab down site
    exits 0
    cp -a site prepared
    kills=0
    round=0
    number=0
    escaped=0 # rounds in a row that were over before they could be killed
    while [ "$kills" -lt "$wanted" ]; do
        round=$((round + 1))
        [ "$round" -le "$((wanted + 3))" ] || fail "it is hardly ever killed in time"
        it "round $round of seed $seed: killed at random times, the migration is completed"
        begin_anew
        where=
        of_this=0
        code=137
        while [ "$kills" -lt "$wanted" ] && [ "$of_this" -lt "$most_of_one" ]; do
            next_delay
            # shellcheck disable=SC2046
            if killed_after "$delay" $(next_words) --site "$site" --yes; then
                kills=$((kills + 1))
                of_this=$((of_this + 1))
                where="$where $(place)"
            elif [ "$code" -eq 0 ]; then
                break
            else
                fail "killed $kills times, in round $round, it exits with $code"
            fi
        done
        # shellcheck disable=SC2046
        [ "$code" -eq 0 ] || bsc $(next_words) --site "$site" --yes
        exits 0
        printf '  killed at items%s\n' "$where"
        is_migrated
        escaped=$((of_this == 0 ? escaped + 1 : 0))
    done
    echo "killed $kills times in $round migrations, of seed $seed"
}

# ------------------------------------------------------------ back

# The first items of the runbook, up to $1, in their phases.
first_items() {
    awk -v last="$1" '
        /^phase / { held = $0; next }
        /^  (guard|step|gate) / {
            if (++items > last) { if (held == "") print "}"; exit }
            if (held != "") print held
            held = ""
        }
        held == "" { print }' "$migration"
}

# Everything is as it was, and still works.
is_back() {
    contents >now
    diff before now >differences || fail "after item $1 not all is back: $(head -n 20 differences)"
}

# moved OPERATOR NUMBER: about how many are in the new pool.
moved() {
    test "$(ask "SELECT count(*) FROM homes WHERE pool LIKE 'pool02%'")" "$1" "$2"
}

# begin WORD…: in the background; its pid is $run.
begin() {
    "$program" "$@" --site "$site" --yes >out 2>err </dev/null &
    run=$!
    background="$background $run"
}

kill_it() {
    kill -KILL "$run" 2>/dev/null || true
    wait "$run" 2>/dev/null || true
}

back() {
    new_site 300
    contents >before
    # Where nothing is changed in between, the embedded platform shows as much.
    stops="3 7 11 14 15 16 18"
    [ "$platform" = sqlite ] || stops="7 11 15 18"
    for last in $stops; do
        it "stopped after item $last, the migration is taken back exactly"
        first_items "$last" >stopped.lua
        given=$early
        grep -q accept_early stopped.lua || given=
        # shellcheck disable=SC2086
        bsc run stopped.lua --site "$site" --yes $given
        exits 0
        says "done: $last of $last items"
        bsc rollback last --site "$site" --yes
        exits 0
        is_back "$last"
    done

    it "parked at the pilot's gate, it is taken back exactly"
    bsc run "$migration" --site "$site" --yes
    exits 7
    [ "$(status 'pools[1].users')" -eq 10 ] || fail "the pilot was not moved"
    bsc rollback last --site "$site" --yes
    exits 0
    is_back 13

    it "killed while it moves users, and killed while it is taken back, it is taken back exactly"
    first_items 18 | sed 's/batch = 500/batch = 10, rate = "20\/s"/' >stopped.lua
    # shellcheck disable=SC2086
    begin run stopped.lua $early
    until_true 60 moved -gt 100
    kill_it
    moved -lt 270 || fail "nearly everybody was moved"
    begin rollback last
    until_true 60 moved -lt 95
    kill_it
    moved -gt 10 || fail "nearly everybody was moved back"
    bsc rollback last --site "$site" --yes
    exits 0
    says "more; the journal names them all"
    is_back 15

    it "a statement that loses whom it moves is found out by the pilot"
    cp "$site" whole.yaml
    sed '/^      move: UPDATE homes/ {
        s/move: \(.*\)/move: [ "\1",/
        a\        "DELETE FROM homes WHERE sip = :name AND pool = :to" ]
    }' whole.yaml >"$site"
    # shellcheck disable=SC2086
    bsc run "$migration" --site "$site" --yes $early
    exits 1
    says "pilot of people: 6 in no pool"
    moved -eq 4 || fail "others than the pilot were moved"
    ask "INSERT INTO homes SELECT sip, 'pool01.litware.example' FROM users WHERE sip NOT IN
        (SELECT sip FROM homes)"
    bsc rollback last --site "$site" --yes
    exits 0
    cp whole.yaml "$site"
    is_back 11
    # Nobody reached those who were lost; a repair of the route lets the clients begin anew.
    break_lab site route-down
    bsc lab repair site
    exits 0

    it "a locked user stops the migration, and is moved when it is gone on with"
    break_lab site user-locked
    locked=$(ask "SELECT sip FROM locked")
    # shellcheck disable=SC2086
    bsc run "$migration" --site "$site" --yes $early
    exits 1
    says "1 user could not be moved"
    says "$locked"
    same "$(ask "SELECT sip FROM homes WHERE pool LIKE 'pool01%'")" "$locked" "who is left"
    bsc lab repair site
    exits 0
    bsc resume last --site "$site" --yes
    exits 0
    moved -eq 300 || fail "somebody is left"
}

# Everybody is moved, and then taken back by processes that are killed. It takes about as long.
there_and_back() {
    begun=$(clock)
    # shellcheck disable=SC2086
    bsc run stopped.lua --site "$site" --yes $early
    exits 0
    moved -eq "$users" || fail "not everybody was moved"
    most=$(($(clock) - begun + 1))
    where=
    for _ in $(seq "$most_of_one"); do
        next_delay
        killed_after "$delay" rollback last --site "$site" --yes || break
        kills=$((kills + 1))
        where="$where $(place)"
    done
    [ "$code" -eq 137 ] || exits 0
    bsc rollback last --site "$site" --yes
    exits 0
    printf '  killed at items%s\n' "$where"
    is_back 18
}

killed_back() {
    new_site "$users"
    contents >before
    first_items 18 >stopped.lua
    kills=0
    round=0
    number=0
    of_this=0
    while [ "$kills" -lt "$wanted" ]; do
        round=$((round + 1))
        [ "$round" -le "$((wanted + 3))" ] || fail "it is hardly ever killed in time"
        it "round $round of seed $seed: killed at random times, the way back is exact"
        there_and_back
    done
    all_is_seen
}

# refuses FAULT REASON: with that fault the migration is not begun.
refuses() {
    break_lab site "$1"
    bsc plan "$migration" --site "$site"
    exits 3
    says "$2"
    bsc lab repair site "$1"
    exits 0
}

# The run is over, and so is its rollback: another runbook moves back whom it has moved.
afterwards() {
    new_site 300
    contents >before
    it "where the pools cannot work side by side, nobody is moved"
    refuses not-replicated "replication is not finished"
    refuses service-down "talk between users of people is broken"
    refuses route-down "talk between users of people is broken"
    is_back 0

    it "what a run that is over has moved is moved back by migration-rollback.lua"
    first_items 16 >stopped.lua
    # shellcheck disable=SC2086
    bsc run stopped.lua --site "$site" --yes $early
    exits 0
    run=$(basename "$(ls -d site/runs/[0-9]*/)")
    break_lab site user-joins
    ask "UPDATE homes SET pool = 'pool02.litware.example' WHERE sip LIKE 'sip:newcomer%'"
    bsc run "$source_tree/runbooks/migration-rollback.lua" --site "$site" --yes --set run="$run"
    exits 0
    same "$(ask "SELECT pool FROM homes WHERE sip LIKE 'sip:newcomer%'")" pool02.litware.example \
        "the pool of somebody whom the run has not moved"
    bsc lab repair site
    exits 0
    ask "UPDATE services SET state = 'stopped' WHERE pool LIKE 'pool02%' AND name = 'conferencing'"
    is_back 16

    it "a user who joins and one who leaves meanwhile are not taken for moved"
    bsc run "$migration" --site "$site" --yes
    exits 7
    break_lab site user-vanished
    break_lab site user-joins
    bsc resume last --site "$site" --accept-changes --yes --set accept_early=tested
    exits 0
    same "$(status 'pools[0].users') $(status 'pools[1].users')" "0 300" "users by pool"
    all_is_seen
}

case $how in
killed)
    seed=$3
    wanted=${MIGRATION_KILLS:-$4}
    users=${MIGRATION_USERS:-$5}
    killed
    ;;
killed_back)
    seed=$3
    wanted=${MIGRATION_KILLS:-$4}
    users=${MIGRATION_USERS:-$5}
    killed_back
    ;;
back) back ;;
afterwards) afterwards ;;
esac
