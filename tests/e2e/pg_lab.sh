# A practice site on real PostgreSQL servers: made, looked at, broken, mended and taken down.
. "$(dirname "$0")/lib.sh"

acknowledged() {
    bsc lab status site --json
    exits 0
    json out '$.acknowledged'
}

more_than() {
    [ "$(acknowledged)" -gt "$1" ]
}

state_of() {
    bsc lab status site --json
    exits 0
    json out "\$.copies[$1].state"
}

it "a whole site is made"
new_servers site
cp out made
says "100,000 messages and more"
same "$(state_of 0)" online "sql1"
same "$(state_of 1)" mirror "sql2"
same "$(state_of 2)" standby "sql3"
same "$(state_of 3)" missing "sql4"

it "nothing listens outside the lab's folder"
for server in dc1/sql1 dc1/sql2 dc2/sql3; do
    same "$(pg $server 'SHOW listen_addresses')" "" "addresses of $server"
done

it "nothing of it works as root"
for pid in $(residents "$work/site"); do
    ! grep -q '^Uid:.0' "/proc/$pid/status" || [ "$(id -u)" -ne 0 ] ||
        fail "process $pid works as root"
done

it "the mirror is synchronous"
same "$(pg dc1/sql1 'SELECT application_name, sync_state FROM pg_stat_replication')" "sql2|sync" \
    "the primary's standbys"

it "the secondary has what was copied to it and nothing else"
same "$(pg dc2/sql3 'SELECT count(*) FROM pg_stat_wal_receiver')" 0 "streams into the secondary"
told=$(sed -n 's/.*of the log files, \([0-9]*\) are copied.*/\1/p' made)
[ "$told" -ge 4 ] || fail "only $told log files are copied"
same "$(find site/dc2/sql3/copied -type f | wc -l)" "$told" "copied log files"
[ "$(find site/backups/mgc -type f -name '????????????????????????' | wc -l)" -ge 10 ] ||
    fail "there are fewer than 10 log files on the share"
until_true 60 eval '[ "$(pg dc2/sql3 "SELECT max(id) FROM tblChatMessage")" = 100600 ]'

it "clients write through HAProxy, and what they were told is in the primary"
before=$(acknowledged)
until_true 60 more_than "$before"
pg dc1/sql1 "SELECT id FROM tblChatMessage WHERE id > 100000 ORDER BY id" >stored
sql site/office/ledger.db "SELECT id FROM acknowledged WHERE id BETWEEN 100001 AND $before" >told
same "$(comm -13 stored told | wc -l)" 0 "acknowledged messages that are not stored"

it "the primary site is lost at once"
shared=$(sed -n '7s/.* //p' site/dc1/sql1/data/postmaster.pid site/dc1/sql2/data/postmaster.pid)
break_lab site primary-site
same "$(residents "$work/site/dc1")$(residents "$work/site/.lab/lost")" "" "processes of dc1"
same "$(state_of 0)$(state_of 1)$(state_of 2)" unreachableunreachablestandby "the states"

it "a broken lab is not broken again"
bsc lab break site primary-server
exits 3
says "the lab is broken already"

it "repair brings it back with all that was acknowledged, and the clients go on"
before=$(acknowledged)
bsc lab repair site
exits 0
until_true 60 more_than "$before"
sql site/office/ledger.db "SELECT id FROM acknowledged" | LC_ALL=C sort >told
pg dc1/sql1 "SELECT id FROM tblChatMessage" | LC_ALL=C sort >stored
same "$(LC_ALL=C comm -23 told stored | wc -l)" 0 "acknowledged messages that are lost"
same "$(uniq -d stored | wc -l)" 0 "messages that are there twice"
until_true 60 eval '[ "$(state_of 1)" = mirror ]'

it "the disk of a lost server can be rescued"
break_lab site primary-server
[ -f site/rescued/sql1/data/PG_VERSION ] || fail "sql1's data is not in rescued/sql1"

it "down leaves no process and no shared memory"
shared="$shared $(sed -n '7s/.* //p' site/dc2/sql3/data/postmaster.pid)"
bsc lab down site
exits 0
same "$(residents "$work/site")" "" "processes in the lab"
same "$(own_processes)" "" "processes of the lab"
for id in $shared; do
    ! ipcs -m | awk '{ print $2 }' | grep -qx "$id" || fail "the shared memory $id is still there"
done

it "down --remove leaves nothing at all"
bsc lab down site --remove
exits 0
[ ! -e site ] || fail "the folder is still there"
