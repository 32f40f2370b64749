# The primary site is lost, and the runbook that is shipped brings its messages back.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-site
primary=site/dc2/sql3/mgc.db
mirror=site/dc2/sql4/mgc.db

# What must come out is made here from the copy and the log backups, by other means.
cp "$primary" rebuilt.db
set -- site/backups/mgc/*.blog
shipped=$(lua5.4 "$tests/rebuild.lua" rebuilt.db "$@")
openable rebuilt.db expected.db
cp site/.lab/lost/dc1/sql1/mgc.db lost.db
cp site/.lab/lost/dc1/sql1/mgc.db-wal lost.db-wal

it "the plan gets through and changes nothing"
snapshot site >before
bsc plan "$failover" --site site/site.yaml
exits 0
says "nothing has been changed"
says "comes online at LSN $shipped"
unchanged site before

it "the failover gets through"
bsc run "$failover" --site site/site.yaml --yes
exits 0
says "done: 15 of 15 items"
cp out run.txt

it "the new primary holds exactly the messages up to the last shipped log backup"
same "$(differing_rows "$primary" expected.db)" 0 "rows that differ from the log backups"
kept=$(sql "$primary" "SELECT max(id) FROM tblChatMessage")
same "$(sql "$primary" "SELECT min(id) || ' ' || count(*) FROM tblChatMessage")" "1 $kept" \
    "first message and number of messages"
sql lost.db "DELETE FROM tblChatMessage WHERE id > $kept"
same "$(differing_rows "$primary" lost.db)" 0 "rows that differ from the lost primary"

it "the new mirror holds the same"
openable "$mirror" mirror.db
same "$(differing_rows mirror.db expected.db)" 0 "rows that differ from the log backups"

it "both are sound"
same "$(sql "$primary" "PRAGMA integrity_check")" ok "the new primary"
same "$(sql mirror.db "PRAGMA integrity_check")" ok "the new mirror"

it "the run states the true loss"
known=$(sql site/office/ledger.db "SELECT count(*) FROM acknowledged")
[ "$known" -gt "$kept" ] || fail "the lab has lost no message, so nothing is shown"
cp run.txt out
says "$(thousands "$kept") of $(thousands "$known") committed messages are in the new primary, \
$((known - kept)) are lost"
says "last applied LSN $shipped"

it "the run warns of the database that stays behind"
says "warning: mgccomp is not failed over"

it "the pool is failed over to the servers of the new site"
same "$(sql site/dc2/app/pool.db "SELECT state, active_servers FROM pool WHERE name = 'chat'")" \
    "FailedOver|chat5,chat6" "the pool's row"

mirror_has() {
    openable "$mirror" follower.db
    [ "$(sql follower.db "SELECT body FROM tblChatMessage WHERE id = $1" 2>/dev/null)" = "$2" ]
}

it "the mirror follows what is written afterwards"
next=$((kept + 1))
sql "$primary" "INSERT INTO tblChatMessage VALUES ($next, 1, 1, '2030-01-01T00:00:00Z', 'hello')"
until_true 60 mirror_has "$next" hello

it "the journal verifies"
bsc audit verify last --site site/site.yaml
exits 0
says "verified"

it "the lab's status tells the same loss"
bsc lab status site
exits 0
says "$((known - kept - 1)) of the acknowledged ones are lost"

it "a second failover changes nothing, and asks again, for nobody knows what the lost disk holds"
bsc run "$failover" --site site/site.yaml --yes
exits 0
says "is online since LSN $shipped, on a recovery fork of its own"
says "done: 15 of 15 items, 0 changes"
says "The disk of the old primary cannot be read"
says "answered yes"
says "can no longer be counted"

it "a lab that was failed over comes back with its old primary fenced, and its clients go on"
bsc lab repair site
exits 0
says "the old primary is fenced: its database is kept as mgc.db.before-"
says "runbooks/failback.lua brings it home"
[ ! -e site/dc1/sql1/mgc.db ] || fail "the old primary can be opened"
until_true 60 mirror_has $((known + 1)) "Line $((known + 1))"

it "taking the lab down ends its processes, and none of them has had to complain"
bsc lab down site
exits 0
same "$(own_processes)" "" "processes left behind"
same "$(cat site/.lab/log "$mirror.agent.log" site/dc1/sql2/mgc.db.agent.log)" "" \
    "their messages"

it "a lab is removed on request"
bsc lab down site --remove
exits 0
[ ! -e site ] || fail "the folder is still there"
