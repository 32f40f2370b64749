# What is different since a plan was made is shown, and decides whether it is still carried out.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-site
secondary=site/dc2/sql3/mgc.db
pool=site/dc2/app/pool.db

plan_now() {
    bsc plan "$@" --site site/site.yaml -o plan.json
    exits 0
}

# compares CODE RUNBOOK…: --diff ends so, and changes nothing.
compares() {
    wanted=$1
    shift
    snapshot site >before
    bsc plan "$@" --site site/site.yaml --diff plan.json
    exits "$wanted"
    unchanged site before
}

# The run is refused with these words too.
refuses() {
    snapshot site >before
    bsc run plan.json --yes
    exits 3
    says "$1"
    says "Make a new plan and review it."
    unchanged site before
    no_run site
}

lines_with() {
    grep -c -e "$1" out || true
}

plan_now "$failover"

it "nothing is different as long as nothing has changed"
compares 0 "$failover"
same "$(cat out)" "Nothing is different since the plan was made." "what is said"
bsc plan "$failover" --site site/site.yaml --diff plan.json --json
exits 0
one_line_of_json
same "$(cat out)" '{"facts":[],"holds":true,"inputs":[],"steps":[]}' "the difference"

it "more log backups are counted, and the steps that apply them are named"
mkdir held
for file in $(ls site/backups/mgc | tail -n 3); do
    mv "site/backups/mgc/$file" held
done
plan_now "$failover"
mv held/* site/backups/mgc
compares 3 "$failover"
says "chain: 3 more log backups"
says "3 more log backups: steps 6 and 7 differ, gate 10 asks anew."
same "$(lines_with '^      [-+] copy .*LSN')" 2 "lines about copying"
same "$(lines_with '^      [-+] apply .*LSN')" 2 "lines about applying"
[ "$(wc -l <out)" -le 24 ] || fail "that is a wall of $(wc -l <out) lines"
refuses "3 more log backups: steps 6 and 7 differ, gate 10 asks anew."
says "the site is no longer as it was when the plan was made"
says "- copy "

it "the same is given as data"
bsc plan "$failover" --site site/site.yaml --diff plan.json --json
exits 3
one_line_of_json
same "$(json out '$.holds')" 0 "whether it holds"
same "$(json out '$.facts[0].key') $(json out '$.facts[0].more')" "chain 3" "the fact"
same "$(json out '$.steps[0].index') $(json out '$.steps[1].index')" "6 7" "the steps"
same "$(json out '$.steps[0].changes[1].sign')" + "the sign of what is new"
bsc run plan.json --yes --json
exits 3
one_line_of_json
same "$(json out '$.error.code')" refused "the error"
same "$(json out '$.drift.steps[#-1].index')" 10 "the last step that differs"
no_run site

it "a database that was replaced by another of the same name is told as such"
plan_now "$failover"
cp "$secondary.state" kept
sed -i 's/"database_id":"......../"database_id":"00000000/' "$secondary.state"
compares 3 "$failover"
says "another database_id: "
says "Another database_id of database:mgc.secondary: guard 3 would be refused."
refuses "Another database_id of database:mgc.secondary"
cp kept "$secondary.state"

it "another database is refused although no step would differ"
cat >servers.lua <<'END'
local own = require "own"
runbook "servers" {
  summary = "Leaves the pool as it is",
  params = { pool = param.pool(), database = param.database { default = "mgc" },
    times = param.integer { default = 1 } },
}
step "Mark" { pool.set_state(params.pool, own) }
END
printf '%s\n' 'return "Normal"' >own.lua
plan_now servers.lua
sed -i 's/"fork":"......../"fork":"00000000/' "$secondary.state"
compares 3 servers.lua
says "Another fork of database:mgc.secondary"
says "no step differs"
refuses "Another fork of database:mgc.secondary"
cp kept "$secondary.state"

it "log backups do not concern a plan that does nothing with them"
newest=$(ls site/backups/mgc | tail -n 1)
mv "site/backups/mgc/$newest" held
compares 0 servers.lua
same "$(cat out)" "Nothing is different since the plan was made." "what is said"
mv "held/$newest" site/backups/mgc

it "a runbook and its modules that were changed are named"
cp servers.lua kept.lua
printf '%s\n' 'step "Tell" { warn "Hello." }' >>servers.lua
compares 3 servers.lua
says "runbook servers.lua: "
says "not in the plan; now it would be"
says "Step 2 is new."
refuses "the runbook changed since the plan was made"
cp kept.lua servers.lua
printf '%s\n' 'return "FailedOver"' >own.lua
compares 3 servers.lua
says "module own: "
says_not "runbook servers.lua: "
refuses "a module of the runbook changed since the plan was made"
printf '%s\n' 'return "Normal"' >own.lua

it "a parameter that is another is shown with both values"
compares 3 servers.lua --set times=2
says "parameter times: 1 -> 2"
says "the parameters changed since the plan was made"

it "a site file that was changed is told, whether a step differs or not"
cp site/site.yaml kept.yaml
printf '%s\n' '# A remark.' >>site/site.yaml
compares 3 servers.lua
says "site site.yaml: "
says "No step differs."
refuses "the site file changed since the plan was made"
cp kept.yaml site/site.yaml

it "a step that has nothing to do any more differs"
plan_now "$failover"
sql "$pool" "UPDATE pool SET state = 'FailedOver'"
compares 3 "$failover"
says "state: Normal -> FailedOver"
says "changed in the plan; now it would be kept"
says "Another state of pool:chat: steps 12 and 14 differ."
refuses "Another state of pool:chat: steps 12 and 14 differ."
sql "$pool" "UPDATE pool SET state = 'Normal'"

it "a guard that would not let the run through is told with its reason"
mv site/backups/mgc away
compares 3 "$failover"
says "kept in the plan; now it would be refused"
says "guard 3 would be refused"
mv away site/backups/mgc

it "facts out of a file must be complete, of known kinds and keys, and of the right types"
wrong_facts() {
    bsc plan "$failover" --site site/site.yaml --facts wrong.json
    exits 1
    says "$1"
    bsc rehearse "$failover" --site site/site.yaml --facts wrong.json
    exits 1
    says "$1"
}
bsc observe --site site/site.yaml -o facts.json
exits 0
printf '{}\n' >wrong.json
wrong_facts "has no facts of 13 resources that the runbook speaks of"
says "pool:chat"
sed 's/"pool:chat"/"pol:chat"/' facts.json >wrong.json
wrong_facts "pol:chat is of no kind that there is"
sed 's/"share_readable"/"share_raedable"/' facts.json >wrong.json
wrong_facts 'the fact "share_raedable" of log_backups:mgc.secondary is not in the schema'
sed 's/"state":"restoring"/"state":7/' facts.json >wrong.json
wrong_facts 'the fact "state" of database:mgc.secondary is int, not text'
sed 's/"state":"restoring"/"state":"asleep"/' facts.json >wrong.json
wrong_facts 'the fact "state" of database:mgc.secondary cannot be "asleep"'
bsc plan "$failover" --site site/site.yaml --facts facts.json --diff plan.json
exits 0

it "what only the runbook speaks of is not in the facts of a site, and that is told"
cat >own.lua <<'END'
runbook "own" { summary = "Asks a program" }
step "Ask" { verify { command.facts "answer" { argv = { "/bin/true" } }:has { exit = 0 } } }
END
bsc plan own.lua --site site/site.yaml --facts facts.json -o own.json
says "facts.json says nothing of command:answer: it is taken to be unknown"
bsc plan own.lua --site site/site.yaml --facts facts.json --json
one_line_of_json

it "what moves by itself and what no step depends on does not keep a plan from its run"
sleep 100 <"$secondary" &
background="$background $!"
sql site/office/ledger.db "INSERT INTO acknowledged VALUES (900001)"
bsc run plan.json --yes
exits 0
says "sql:mgc.known"
says "The plan still holds"
says "done: 15 of 15 items"
