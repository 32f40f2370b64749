# Whoever only looks changes nothing.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-alive
bsc lab down site
exits 0

looks() {
    snapshot site >before
    bsc check "$failover" --site site/site.yaml
    exits 0
    bsc observe --site site/site.yaml
    exits 0
    says "database:mgc.primary"
    bsc observe --site site/site.yaml -o facts.json
    exits 0
    bsc plan "$failover" --site site/site.yaml -o plan.json
    exits 3
    bsc plan "$failover" --site site/site.yaml --facts facts.json
    exits 3
    bsc plan "$source_tree/runbooks/failover.lua" --site site/site.yaml --json
    exits 3
    unchanged site before
}

it "looking changes nothing where servers were left in the middle of their work"
[ -e site/dc1/sql1/mgc.db-wal ] || fail "the primary has left no log, so nothing is shown"
looks

it "looking changes nothing where every database was closed, and leaves no file behind"
sql site/dc1/sql1/mgc.db "PRAGMA wal_checkpoint(TRUNCATE)" >checkpoint
sql site/office/ledger.db "PRAGMA wal_checkpoint(TRUNCATE)" >checkpoint
same "$(find site -name '*-wal' -o -name '*-shm')" "" "files of open databases"
looks
same "$(find site -name '*-wal' -o -name '*-shm')" "" "files of open databases"

it "looking writes only where it was told to"
same "$(printf '%s ' *)" "before checkpoint differences err facts.json now out plan.json site " \
    "files beside the site"

it "what stands for an open file is written to where that has come to"
bsc observe --site site/site.yaml -o /dev/fd/1
exits 0
says '{"database:mgc.mirror":{'
says "facts written to /dev/fd/1"
