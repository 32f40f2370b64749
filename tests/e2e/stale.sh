# The secondary was brought online for a drill while the primary was alive, which went on without
# it. Then the primary is lost.
#   stale.sh PROGRAM loss      what the copy has not got is told, asked about and never counted away
#   stale.sh PROGRAM foreign   a third copy has left a log backup of its own on the share
. "$(dirname "$0")/lib.sh"
how=$1
primary=site/dc2/sql3/mgc.db

cat >drill.lua <<'END'
runbook "drill" { params = { database = param.database { default = "mgc" } } }
local db = params.database
step "Remove log shipping" { log_shipping.remove(db.secondary) }
step "Open it"             {
  sessions.kill_all(db.secondary),
  database.recover { db.secondary, override = "drill" },
  point_of_no_return = true,
}
END

new_lab site
bsc run drill.lua --site site/site.yaml --set drill=exercise --yes
exits 0
opened=$(json "$primary.state" "$.parting.lsn")

# Log backups that the drill came too early for.
newest() {
    ls site/backups/mgc | sed -n 's/^mgc_0*\([0-9]*\)\.blog$/\1/p' | sort -n | tail -n 1
}

more_backups() {
    [ "$(newest)" -gt "$before" ]
}

# The last loss in the newest journal: loss_data KEY
loss_data() {
    grep -h '"kind":"loss"' "$(ls -d site/runs/*-failover-* | tail -n 1)/journal.jsonl" >note
    json note "$.payload.data.$1"
}

loss() {
    before=$(newest)
    until_true 60 more_backups
    break_lab site primary-site
    last=$(newest)
    known=$(sql site/office/ledger.db "SELECT count(*) FROM acknowledged")
    kept=$(sql "$primary" "SELECT count(*) FROM tblChatMessage")

    it "the plan asks over what the log backups hold beyond the copy"
    bsc plan "$failover" --site site/site.yaml
    exits 0
    says "is online since LSN $opened ("
    says "The last commit that is known of is LSN $last ("
    says "$((last - opened)) LSNs"
    says "What the log backups hold up to LSN $last can still be saved"
    says "the run asks here"

    it "without an answer nothing is done"
    snapshot site >untouched
    bsc run "$failover" --site site/site.yaml
    exits 3
    unchanged site untouched

    it "with one the loss is told, by LSN and by count"
    bsc run "$failover" --site site/site.yaml --yes
    exits 0
    says "answered yes"
    says "last applied LSN $opened "
    says "of last known LSN $last "
    same "$(loss_data lost)" "$((known - kept))" "messages lost, in the journal"

    it "messages written since then do not make up for those that are lost"
    sql "$primary" "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE
        i < $((known - kept + 1000))) INSERT INTO tblChatMessage
        SELECT 900000 + i, 1, 1, '2030-01-01T00:00:00Z', 'other' FROM n"
    bsc run "$failover" --site site/site.yaml --yes
    exits 0
    says "how many of $(thousands "$known") committed messages are lost can no longer be counted"
    says_not "0 are lost"
    same "$(loss_data lost)" "" "messages lost, in the journal"
    same "$(loss_data known_lsn)" "$last" "the last known LSN, in the journal"
}

foreign() {
    break_lab site foreign-fork
    chosen=$(sed -n 's/.*: \(mgc_[0-9]*\.blog\)$/\1/p' out)

    it "the failover is refused and names the file, online or not"
    for verb in plan "run --yes"; do
        # shellcheck disable=SC2086
        bsc $verb "$failover" --site site/site.yaml
        exits 3
        says "'$chosen'"
        says "belongs to another recovery fork"
    done
}

"$how"
