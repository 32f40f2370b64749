# What is executed is what was planned, and the journal proves it.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-site

it "a plan is written as it is told"
bsc plan "$failover" --site site/site.yaml -o plan.json --json
exits 0
one_line_of_json
cmp -s out plan.json || fail "the file and the output differ"

it "what cannot be known beforehand is shown by what it will be, and is never made up"
bsc plan "$failover" --site site/site.yaml
exits 0
says "fork: "
grep -q 'database:mgc.secondary  fork: [0-9a-f]* -> unknown<text>$' out || fail "no typed unknown"
says_not "unknown<any>"
says_not '$unknown'

it "a plan is carried out from any working folder"
mkdir elsewhere
(
    cd elsewhere
    bsc run ../plan.json --yes
    exits 0
)
runs=$(ls -d site/runs/*-failover-*)
same "$(printf '%s\n' "$runs" | wc -l)" 1 "runs beside the site"
cmp -s plan.json "$runs/plan.json" || fail "the run does not keep the plan it was given"
cmp -s "$failover" "$runs/runbook.lua" || fail "the run does not keep its runbook"
cmp -s site/site.yaml "$runs/site.yaml" || fail "the run does not keep its site file"

it "every statement that was executed stood in the plan, in that order"
journal_table "$runs/journal.jsonl" journal.db
sql journal.db "
CREATE TABLE planned AS
  SELECT row_number() OVER (ORDER BY item.key, change.key) AS n,
    json_extract(change.value, '\$.statement') AS statement,
    json_extract(change.value, '\$.resource') AS resource,
    json_extract(change.value, '\$.row') AS row,
    json_extract(change.value, '\$.args') AS args,
    coalesce(json_extract(change.value, '\$.volatile'), 0) AS volatile
  FROM json_each(CAST(readfile('plan.json') AS TEXT), '\$.items') AS item,
    json_each(item.value, '\$.changes') AS change;
CREATE TABLE executed AS
  SELECT json_extract(text, '\$.payload.effect') AS n,
    json_extract(text, '\$.payload.statement') AS statement,
    json_extract(text, '\$.payload.resource') AS resource,
    json_extract(text, '\$.payload.row') AS row,
    json_extract(text, '\$.payload.args') AS args
  FROM line WHERE json_extract(text, '\$.kind') = 'intent';"
same "$(sql journal.db "SELECT count(*) FROM executed")" \
    "$(sql journal.db "SELECT count(*) FROM planned")" "statements executed"
[ "$(sql journal.db "SELECT count(*) FROM planned WHERE NOT volatile")" -ge 8 ] ||
    fail "there is too little in the plan to compare"
sql journal.db "SELECT p.n, p.statement, e.statement FROM planned p LEFT JOIN executed e USING (n)
    WHERE e.n IS NULL OR p.resource <> e.resource OR p.row <> e.row OR
    (NOT p.volatile AND (p.statement <> e.statement OR p.args <> e.args))" >differences
[ ! -s differences ] || fail "planned and executed: $(cat differences)"

it "the journal is bound to the plan"
same "$(sql journal.db "SELECT json_extract(text, '\$.payload.plan_digest') FROM line LIMIT 1")" \
    "$(json plan.json '$.digest')" "the digest in the first record"

it "every intent has its outcome, and comes before it"
same "$(sql journal.db "
SELECT count(*) FROM executed WHERE NOT EXISTS (
  SELECT 1 FROM line i, line o WHERE
    json_extract(i.text, '\$.kind') = 'intent' AND json_extract(i.text, '\$.payload.effect') = n AND
    json_extract(o.text, '\$.kind') = 'outcome' AND
    json_extract(o.text, '\$.payload.effect') = n AND
    json_extract(i.text, '\$.seq') < json_extract(o.text, '\$.seq'))")" 0 "intents without outcome"

it "every record can be checked with the commands that the documentation gives"
documented=$(sed -n 's/^\(sed -n 5p journal.jsonl | .*sha256sum\)$/\1/p' \
    "$source_tree/docs/journal.md")
[ -n "$documented" ] || fail "docs/journal.md gives no such commands"
prev=$(printf '0%.0s' $(seq 64))
number=0
cp "$runs/journal.jsonl" journal.jsonl
while IFS= read -r line; do
    number=$((number + 1))
    computed=$(eval "$(printf '%s' "$documented" | sed "s/5p/${number}p/")" | cut -c 1-64)
    case $line in
    "{\"hash\":\"$computed\","*"\"prev\":\"$prev\",\"seq\":$number,"*) prev=$computed ;;
    *) fail "record $number has another hash, number or predecessor: $line" ;;
    esac
done <journal.jsonl
[ "$number" -gt 50 ] || fail "the journal has only $number records"

it "the audit says the same, and names the record that was changed"
bsc audit verify last --runs site/runs
exits 0
says "$number records verify"
sed -i '30s/"time":"2/"time":"3/' "$runs/journal.jsonl"
bsc audit verify last --runs site/runs
exits 5
says "line 30"
says "not verified"
