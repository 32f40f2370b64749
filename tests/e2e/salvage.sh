# The primary server is lost, but its disk can be read: nothing that was acknowledged is lost.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-server
primary=site/dc2/sql3/mgc.db
cp site/rescued/sql1/mgc.db dead.db
cp site/rescued/sql1/mgc.db-wal dead.db-wal
snapshot site/rescued >rescued

it "the failover gets through and tells of the salvage"
bsc run "$failover" --site site/site.yaml --yes
exits 0
says "The tail of the old primary's log has been salvaged"

it "nothing that was acknowledged is lost"
known=$(sql site/office/ledger.db "SELECT count(*) FROM acknowledged")
says "$(thousands "$known") of $(thousands "$known") committed messages are in the new primary, \
0 are lost"
same "$(sql "$primary" "ATTACH 'site/office/ledger.db' AS office; SELECT count(*) FROM
    (SELECT id FROM acknowledged EXCEPT SELECT id FROM tblChatMessage)")" 0 "messages missing"

it "the new primary and its mirror hold what the dead primary held"
openable site/dc2/sql4/mgc.db mirror.db
same "$(differing_rows "$primary" dead.db)" 0 "rows of the new primary that differ"
same "$(differing_rows mirror.db dead.db)" 0 "rows of the new mirror that differ"
same "$(sql "$primary" "PRAGMA integrity_check")" ok "the new primary"
same "$(sql mirror.db "PRAGMA integrity_check")" ok "the new mirror"

it "the rescued disk is only read"
unchanged site/rescued rescued
