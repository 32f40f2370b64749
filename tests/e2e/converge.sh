# A failover that was stopped is finished by running the shipped runbook again.
#   converge.sh PROGRAM after N    it was stopped after item N, and clients are there if they can be
#   converge.sh PROGRAM killed N HOLD  it was killed when its change N had begun, at which the
#                                  library HOLD holds it
#   converge.sh PROGRAM half       somebody was killed while changing the pool's table
#   converge.sh PROGRAM late       the database was brought online without the tail
. "$(dirname "$0")/lib.sh"
how=$1
number=${2:-11}
hold=${3:-}

new_lab site
break_lab site primary-server
primary=site/dc2/sql3/mgc.db
mirror=site/dc2/sql4/mgc.db
cp site/rescued/sql1/mgc.db dead.db
cp site/rescued/sql1/mgc.db-wal dead.db-wal
recovery=7 # the change that brings the database online
acknowledged=$(sql site/office/ledger.db "SELECT count(*) FROM acknowledged")
written=0

# The first items of the runbook, up to $1.
first_items() {
    awk -v last="$1" '/^(guard|step|gate) / { items++ } items > last { exit } { print }' "$failover"
}

# A message that was not there yet, for $insert.
next_message() {
    written=$((written + 1))
    id=$((500000 + written))
    insert="INSERT INTO tblChatMessage VALUES ($id, 1, 1, '2030-01-01T00:00:00Z', 'hello');"
}

acknowledge() {
    sql site/office/ledger.db "INSERT INTO acknowledged VALUES ($id)"
}

# The agent of the mirror locks the database now and then.
write_alone() {
    next_message
    sqlite3 -batch -init /dev/null -cmd ".timeout 20000" "$primary" "$insert"
    acknowledge
}

# Each of them is alone: when it leaves, the log goes with it, and nobody has counted it.
clients_come_and_go() {
    for _ in 1 2 3; do
        write_alone
    done
}

client_writes() {
    next_message
    printf '%s\n' "$insert" "SELECT 'written $written';" >&9
    until_true 60 grep -qx "written $written" client.out
    ! grep -i error client.out || fail "the client cannot write"
    acknowledge
}

client_begins() {
    mkfifo client.in
    sqlite3 -batch -init /dev/null -cmd ".timeout 20000" "$primary" <client.in >client.out 2>&1 &
    client=$!
    background="$background $client"
    exec 9>client.in
    client_writes
}

is_held() {
    [ "$(grep -cs '"kind":"intent"' site/runs/*/journal.jsonl)" = "$number" ]
}

run_to_the_end() {
    bsc run "$failover" --site site/site.yaml --yes
    exits 0
    says "done: 15 of 15 items"
}

# By LSN in any case. Messages are counted as long as nobody can have written any, which is not
# certain either when the recovery itself was killed.
nothing_is_lost() {
    applied=$(said | grep -o 'last applied LSN [0-9]*' | tail -n 1)
    says "$applied (" # there is one
    said | grep -q "$applied ([^)]*) of last known ${applied#last applied } (" ||
        fail "something is lost: $(said | grep -o 'last applied [^;]*' | tail -n 1)"
    total=$(thousands $((acknowledged + written)))
    counted="$total of $total committed messages are in the new primary, 0 are lost"
    uncounted="how many of $total committed messages are lost can no longer be counted"
    if [ "$written" -gt 0 ]; then
        says "$uncounted"
    elif [ "$how $number" = "killed $recovery" ]; then
        said | grep -q -e "$counted" -e "$uncounted" || fail "neither counted nor uncounted"
    else
        says "$counted"
    fi
}

nobody_is_asked() {
    says "there is nothing left to approve"
    says_not "answered yes"
}

mirror_has() {
    openable "$mirror" follower.db
    [ "$(sql follower.db "SELECT body FROM tblChatMessage WHERE id = $1" 2>/dev/null)" = "$2" ]
}

ends_as_undisturbed() {
    it "the database holds what the dead primary held, and what was written to it since"
    same "$(differing_rows "$primary" dead.db)" "$written" "rows that differ from the dead primary"
    same "$(sql "$primary" "PRAGMA integrity_check")" ok "the new primary"

    it "the pool is failed over to the servers of the new site, each change made once"
    same "$(sql site/dc2/app/pool.db "SELECT state, active_servers, version FROM pool
        WHERE name = 'chat'")" "FailedOver|chat5,chat6|3" "the pool's row"

    it "the mirror follows what is written afterwards"
    write_alone
    until_true 60 mirror_has "$id" hello

    it "once more, nothing is left to do"
    run_to_the_end
    says "15 of 15 items, 0 changes"
    nothing_is_lost
    nobody_is_asked
}

# The loss as a run tells it: LSNs and times, and the messages as counted.
loss() {
    said | grep -oE 'last applied LSN [^;]*;( not in it: [^;]*;)? [^;]* are lost' | tail -n 1
}

after() {
    it "the failover is stopped after item $number"
    first_items "$number" >stopped.lua
    bsc run stopped.lua --site site/site.yaml --yes
    exits 0
    says "done: $number of $number items"
    if [ "$number" -ge 11 ]; then
        clients_come_and_go
        client_begins
    fi

    it "running it again finishes it, without a loss"
    run_to_the_end
    nothing_is_lost
    if [ "$number" -ge 11 ]; then
        says "its sessions are those of its clients"
        nobody_is_asked
    fi
    [ ! -e site/dc2/sql4/mgc.db.before-* ] || fail "a mirror was replaced"

    if [ "$number" -ge 11 ]; then
        it "the client of the new primary has not noticed"
        kill -0 "$client" || fail "its session was ended"
        client_writes
    fi
    ends_as_undisturbed
}

killed() {
    it "the failover is killed when change $number has begun"
    LD_PRELOAD=$hold HOLD_AT=$number "$program" run "$failover" --site site/site.yaml --yes \
        >out 2>err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 is_held
    kill -KILL "$run"
    wait "$run" || ended=$?
    same "${ended:-0}" 137 "how the run ended"
    is_held || fail "it was not held"

    it "running it again finishes it, without a loss"
    run_to_the_end
    nothing_is_lost
    [ "$number" -le "$recovery" ] || nobody_is_asked
    ends_as_undisturbed
}

# A small cache makes SQLite write to the file before it commits.
half() {
    it "the database is brought online, and the pool's table left half changed"
    first_items 11 >stopped.lua
    bsc run stopped.lua --site site/site.yaml --yes
    exits 0
    mkfifo writer.in
    sqlite3 -batch -init /dev/null site/dc2/app/pool.db <writer.in >writer.out 2>&1 &
    writer=$!
    background="$background $writer"
    exec 8>writer.in
    printf '%s\n' "PRAGMA cache_size = 1; BEGIN; UPDATE pool SET state = 'FailedOver', version = 9;
        CREATE TABLE half (bytes); INSERT INTO half SELECT randomblob(4000) FROM pragma_table_list;
        INSERT INTO half SELECT h.bytes FROM half h, half i, half j; SELECT 'begun';" >&8
    until_true 60 grep -qx begun writer.out
    kill -KILL "$writer"
    wait "$writer" || true
    [ -s site/dc2/app/pool.db-journal ] || fail "nothing was left half changed"

    it "looking and planning leave that alone, and tell"
    snapshot site >before
    bsc observe --site site/site.yaml
    exits 0
    says "a writer was killed while it changed the table"
    bsc plan "$failover" --site site/site.yaml
    exits 0
    says "a writer was killed while it changed the table"
    unchanged site before

    it "going on finishes the failover, without a loss"
    run_to_the_end
    nothing_is_lost
    same "$(sql site/dc2/app/pool.db "SELECT count(*) FROM sqlite_master WHERE name = 'half'")" 0 \
        "tables of the writer that was killed"
    ends_as_undisturbed
}

late() {
    it "the database is brought online without the tail of the log"
    first_items 11 | grep -v '^step "Salvage' >stopped.lua
    bsc run stopped.lua --site site/site.yaml --yes
    exits 0
    first=$(loss)
    [ -n "$first" ] || fail "no loss is told"
    printf '%s\n' "$first" | grep -qv ' 0 are lost' || fail "nothing is lost"

    it "while the primary answers, going on is refused"
    mkdir -p site/dc1
    cp -a site/rescued/sql1 site/dc1/sql1
    snapshot site >before
    bsc run "$failover" --site site/site.yaml --yes
    exits 3
    says "Two writable copies would drift apart"
    unchanged site before
    rm -r site/dc1/sql1

    it "going on tells the same loss, and that the tail comes too late"
    run_to_the_end
    same "$(loss)" "$first" "the loss"
    says "cannot be applied to it any more"
    says "what it holds came too late for this copy"
    says "answered yes"
    printf '%s\n' "$first" | grep -q "last known LSN" || fail "no last known LSN: $first"
}

"$how"
