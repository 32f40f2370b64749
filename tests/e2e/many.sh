# More log backups than one change copies or applies.
. "$(dirname "$0")/lib.sh"

it "a failover over a hundred log backups is planned, rehearsed and done"
"$program" lab new site >/dev/null
share=$(find site/backups -name '*.blog' | head -n 1 | xargs dirname)
many() {
    [ "$(find "$share" -name '*.blog' | wc -l)" -gt 100 ]
}
"$program" agent log-backup site/dc1/sql1/mgc.db "$share" --every 50ms >agent.log 2>&1 &
background=$!
until_true 60 many
kill "$background"
wait "$background" || true
background=
"$program" lab break site primary-site >/dev/null
bsc plan "$failover" --site site/site.yaml
exits 0
bsc observe --site site/site.yaml -o facts.json
bsc rehearse "$failover" --site site/site.yaml --facts facts.json
exits 0
bsc run "$failover" --site site/site.yaml --yes
exits 0
says "done: 15 of 15"
