# A site on PostgreSQL is lost while clients write, and the disk of its primary can be read.
#   whole   its tail is salvaged: the shipped runbook loses nothing that was acknowledged
#   lossy   it is not: what is lost is told commit by commit, and the rest is there in order
#   killed  bascule is killed while the tail is handed over, before it is replayed; it is that of a
#           server that came back once, after its tail had been salvaged for nothing
. "$(dirname "$0")/lib.sh"

cat >online.lua <<'END'
runbook "online" {
  summary = "Bring the secondary online", params = { database = param.database() },
}
local db = params.database
step "Remove log shipping"             { log_shipping.remove(db.secondary) }
step "Copy the backups not yet copied" { log_backups.copy(db.secondary) }
step "Apply the log backups in order"  { log_backups.apply(db.secondary) }
step "Salvage the tail of the log"     { log_backups.salvage(db.primary), optional = true }
step "End every session"               { sessions.kill_all(db.secondary) }
gate "Bring the database online?"      { shows = { "data_loss_window" } }
step "Bring the database online"       { database.recover(db.secondary), point_of_no_return = true }
END
sed '/log_backups.salvage/d' "$failover" >lossy.lua
sed '/End every/,$d' online.lua >salvage.lua
sed '/log_backups.salvage/d' salvage.lua >ship.lua

observe() {
    bsc observe --site site/site.yaml -o facts.json
    exits 0
}
fact() {
    json facts.json "\$.\"tail:mgc.primary\".$1"
}

wal=site/rescued/sql1/data/pg_wal
# What pg_waldump finds in the dead primary's log behind an LSN: "TIME XID" of each commit.
commits_behind() {
    high=$(($1 >> 32))
    low=$(($1 & 0xffffffff))
    TZ=UTC /usr/lib/postgresql/*/bin/pg_waldump -p "$wal" -r Transaction \
        -s "$(printf '%X/%X' "$high" "$low")" 2>/dev/null |
        sed -n -e 's/.*tx: *\([0-9]*\),.*desc: COMMIT \([-0-9]* [:0-9.]*\).*/\2 \1/' \
            -e 's/^\([-0-9]*\) \([:0-9]*\.[0-9]\{3\}\)[0-9]* /\1T\2Z /p'
}

acknowledged() {
    sql site/office/ledger.db "SELECT count(*) FROM acknowledged"
}

# What the clients were told is stored, and what the new primary has of it: one id a line.
list_messages() {
    sql site/office/ledger.db "SELECT id FROM acknowledged ORDER BY id" >acknowledged
    known=$(wc -l <acknowledged)
}
list_stored() {
    pg dc2/sql3 "SELECT id FROM tblChatMessage ORDER BY id" >stored
    awk 'NR == FNR { stored[$1] = 1; next } !($1 in stored)' stored acknowledged >lost
}

# The new primary is as a failover has to leave it.
goes_on() {
    it "no message is there twice, and they are in the order in which they were sent"
    same "$(pg dc2/sql3 "SELECT count(*) - count(DISTINCT id) FROM tblChatMessage")" 0 "twice"
    same "$(pg dc2/sql3 "SELECT count(*) FROM (SELECT sent < lag(sent) OVER (ORDER BY id) AS odd
        FROM tblChatMessage WHERE id > 100000) m WHERE odd")" 0 "out of order"

    it "the writer goes on through HAProxy, and every commit waits for the new mirror"
    until_true 60 more
    same "$(pg dc2/sql3 "SELECT sync_state FROM pg_stat_replication")" sync "the mirror"
    same "$(pg dc2/sql3 "SHOW synchronous_standby_names")" sql4 "who is waited for"
    last=$(sql site/office/ledger.db "SELECT max(id) FROM acknowledged")
    same "$(pg dc2/sql3 "SELECT count(*) FROM tblChatMessage WHERE id = $last")" 1 "the last"
}
more() {
    [ "$(acknowledged)" -ge $((known + 3)) ]
}

whole() {
    new_servers site
    # Clients write while more is shipped, and go on afterwards.
    pg dc1/sql1 "SELECT pg_switch_wal()" >/dev/null
    known=$(acknowledged)
    until_true 60 more
    break_lab site primary-server

    it "the tail is told commit by commit, as pg_waldump finds it"
    observe
    same "$(fact state)" available "the state"
    first=$(fact first_lsn)
    commits_behind "$first" >found
    [ -s found ] || fail "there is no commit in the tail"
    same "$(fact commits)" "$(wc -l <found)" "commits"
    sql :memory: "SELECT value FROM json_each(json_extract(CAST(readfile('facts.json') AS TEXT),
        '\$.\"tail:mgc.primary\".commit_list'))" | cut -d ' ' -f 1,2 >told
    same "$(diff found told)" "" "commits that differ"
    same "$(fact time)" "$(tail -n 1 found | cut -d ' ' -f 1)" "the time of the last"

    it "the forecast tells in bytes and in time what would be lost without it"
    bsc plan lossy.lua --site site/site.yaml
    exits 0
    bytes=$(($(fact last_lsn) - first))
    says "in the log of the dead primary: $(thousands "$bytes") bytes of log over"
    says "$(wc -l <found) commits in the log of the old primary"

    it "as long as somebody works in the rescued folder, nothing is taken from it"
    (cd site/rescued/sql1/data && exec sleep 60) &
    guest=$!
    background="$background $guest"
    worker() {
        [ "$(readlink "/proc/$guest/cwd")" = "$work/site/rescued/sql1/data" ]
    }
    until_true 60 worker
    observe
    same "$(fact state)" unavailable "the state"
    kill "$guest"
    wait "$guest" 2>/dev/null || true
    observe
    same "$(fact state)" available "the state"

    it "the mirror's disk tells the same"
    sed 's,salvage: rescued/sql1/data,,; s,server: sql2,server: sql2\, salvage: mirror,' \
        site/site.yaml >site/mirrored.yaml
    mv site/rescued/sql1/data site/mirror
    wal=site/mirror/pg_wal
    bsc observe --site site/mirrored.yaml -o facts.json
    exits 0
    same "$(fact state)" available "the state"
    same "$(fact commits)" "$(wc -l <found)" "commits"
    mv site/mirror site/rescued/sql1/data

    it "it is salvaged, and nothing that was acknowledged is lost"
    snapshot site/rescued >rescued
    list_messages
    bsc run "$failover" --site site/site.yaml --yes
    exits 0
    says "The tail of the old primary's log has been salvaged and applied"
    says "$(thousands "$known") of $(thousands "$known") committed messages are in the new \
primary, 0 are lost"
    list_stored
    same "$(wc -l <lost)" 0 "acknowledged messages missing"
    goes_on

    it "the log was replayed to its last record, and is on a new timeline behind it"
    left=$(sed -n 's/^1.\([^	]*\).*/\1/p' site/dc2/sql3/data/pg_wal/00000002.history)
    same "$(pg dc2/sql3 "SELECT ('$left'::pg_lsn - '0/0')::bigint")" "$(fact last_lsn)" \
        "where it left"

    it "the rescued disk is only read"
    unchanged site/rescued rescued

    it "afterwards the tail is known to be salvaged, and the runbook has nothing left to do"
    observe
    same "$(fact state)" salvaged "the state"
    same "$(fact commits)" "$(wc -l <found)" "commits"
    bsc run "$failover" --site site/site.yaml --yes
    exits 0
    says "0 changes"
}

lossy() {
    new_servers site
    pg dc1/sql1 "CREATE TABLE tblSmall (i int)"
    pg dc1/sql1 "SELECT pg_switch_wal()" >/dev/null
    pg dc1/sql1 "DO \$\$ BEGIN PERFORM set_config('synchronous_commit', 'off', false);
        FOR i IN 1..1500 LOOP INSERT INTO tblSmall VALUES (i); COMMIT; END LOOP; END \$\$"
    pg dc1/sql1 "INSERT INTO tblSmall VALUES (0)"
    break_lab site primary-server

    it "without the salvage, what is lost is counted as the clients' own ledger has it"
    list_messages
    bsc run lossy.lua --site site/site.yaml --yes
    exits 0
    list_stored
    lost=$(wc -l <lost)
    [ "$lost" -gt 0 ] || fail "nothing was lost"
    says "$(thousands $((known - lost))) of $(thousands "$known") committed messages are in the \
new primary, $lost are lost"

    it "it is the end of them: everything before that was shipped"
    same "$(tail -n "$lost" acknowledged | diff - lost)" "" "lost messages that differ"
    goes_on

    it "the commits that are lost are listed in the journal"
    observe
    same "$(fact state)" too_late "the state"
    commits_behind "$(fact first_lsn)" >found
    [ "$(wc -l <found)" -gt 1500 ] || fail "what was lost is missing from the log"
    grep -q "not in it: $(thousands "$(wc -l <found)") commits in the log of the old primary" \
        site/runs/*/journal.jsonl || fail "the note tells another number than $(wc -l <found)"
    journal_table site/runs/*/journal.jsonl lines.db
    sql lines.db "SELECT commits.value FROM line, json_tree(text) AS tree,
        json_each(tree.value) AS commits WHERE tree.key = 'lost_commits'" >listed
    cut -d ' ' -f 1,2 listed >told
    same "$(head -n 1000 found | diff - told)" "" "of the first thousand differ"
    sql lines.db "SELECT tree.value FROM line, json_tree(text) AS tree WHERE tree.key = 'list'" |
        cut -d ' ' -f 1,2 -s >told
    same "$(diff found told)" "" "lost commits that differ"
}

# The standby gets no file that is not on the share as well, before it may.
killed() {
    new_servers site

    it "a server that comes back after its tail was salvaged goes on shipping"
    break_lab site primary-server
    bsc run salvage.lua --site site/site.yaml --yes
    exits 0
    "$program" lab repair site >/dev/null
    next=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
    until_true 60 test -e "site/backups/mgc/$next"
    bsc run ship.lua --site site/site.yaml --yes
    exits 0
    says "copy 1 file from"
    same "$(cmp "site/backups/mgc/$next" "site/dc2/sql3/copied/$next" 2>&1)" "" "what differs"
    rm site/dc2/sql3/copied/.salvaged

    cat >hold.sh <<'END'
while [ -e "$3" ] && [ ! -e "$1" ] && [ ! -e "$2/go" ]; do sleep 0.02; done
test -e "$3" && cp "$3" "$4"
END
    chmod 755 hold.sh
    hold="sh $work/hold.sh $work/site/backups/mgc/%f $work $work/site/dc2/sql3/copied/%f %p"
    setting dc2/sql3 "restore_command = '$hold'"
    break_lab site primary-server

    it "killed while it hands the tail over, a run is resumed, and nothing is lost"
    "$program" run online.lua --site site/site.yaml --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 eval '[ -e site/dc2/sql3/copied/.salvaged ]'
    kill -KILL "$run"
    ended=0
    wait "$run" 2>/dev/null || ended=$?
    same "$ended" 137 "how the run ended"
    touch go
    bsc resume last --site site/site.yaml --yes
    exits 0
    says "done: 7 of 7 items"
    known=$(acknowledged)
    says "$(thousands "$known") of $(thousands "$known") committed messages are in the new \
primary, 0 are lost"
    same "$(find site/dc2/sql3/copied -name '.*.salvage')" "" "files that are left over"
    bsc audit verify last --site site/site.yaml
    exits 0
}

"$1"
