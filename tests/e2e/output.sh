# What comes out: for people without escape bytes, for machines in one line.
. "$(dirname "$0")/lib.sh"

no_escapes() {
    ! grep -q "$(printf '\033')" "$@" || fail "there are escape bytes"
}

# machine VERB…: exits with 0 and tells one line.
machine() {
    bsc "$@" --json
    exits 0
    one_line_of_json
    [ ! -s err ] || fail "something is on standard error"
}

it "every verb tells machines one line of JSON"
machine lab new site
machine lab status site
machine lab break site gap
machine lab repair site
machine lab break site primary-site
machine check "$failover" --site site/site.yaml
machine check "$failover" "$failover"
machine observe --site site/site.yaml
machine observe --site site/site.yaml -o facts.json
machine plan "$failover" --site site/site.yaml
machine plan "$failover" --site site/site.yaml -o plan.json

it "an error is one line of JSON, too"
for words in "plan nothing.lua --site site/site.yaml" "plan $failover --site nothing.yaml" \
    "audit verify last --runs nothing" "run $failover --site site/site.yaml" "lab new site" \
    "lab break site gapp" "plan --stie" "check nothing.lua"; do
    # shellcheck disable=SC2086
    bsc $words --json
    [ "$code" -ne 0 ] || fail "this works: $words"
    one_line_of_json
    same "$(json out '$.exit')" "$code" "exit code in the line of: $words"
done

it "a runbook with mistakes is told in one line"
printf '%s\n' 'runbook "x" { summary = "y" }' 'step "z" { file.cpy {} }' >bad.lua
for verb in check plan run; do
    bsc "$verb" bad.lua --site site/site.yaml --json
    exits 1
    one_line_of_json
done

it "without a terminal there are no escape bytes"
bsc plan "$failover" --site site/site.yaml
exits 0
no_escapes out err

it "at a terminal there are colours, unless NO_COLOR is set"
script -qec "'$program' plan '$failover' --site site/site.yaml" /dev/null >terminal </dev/null
grep -q "$(printf '\033')" terminal || fail "there are no colours, so nothing is shown"
script -qec "NO_COLOR=1 '$program' plan '$failover' --site site/site.yaml" /dev/null >terminal \
    </dev/null
no_escapes terminal
script -qec "TERM=dumb '$program' plan '$failover' --site site/site.yaml" /dev/null >terminal \
    </dev/null
no_escapes terminal

it "a reader who leaves early does no damage to the run"
{ "$program" run "$failover" --site site/site.yaml --yes || true; } 2>err | head -n 1 >out
says "Plan failover"
machine audit verify last --runs site/runs
same "$(json out '$.verified')" 1 "the journal verifies"
tail -n 1 site/runs/*-failover-*/journal.jsonl | grep -q '"outcome":"done"' ||
    fail "the run was not brought to its end"
same "$(sql site/dc2/app/pool.db "SELECT state, active_servers FROM pool WHERE name = 'chat'")" \
    "FailedOver|chat5,chat6" "the pool's row"

it "closed standard streams end neither a run nor a look"
small_site
for verb in check plan observe run; do
    case $verb in
    observe) set -- observe --site site.yaml --json ;;
    run) set -- run tell.lua --yes ;;
    *) set -- "$verb" tell.lua ;;
    esac
    printf '%s\n' 'runbook "tell" { summary = "Tells" }' 'step "Tell" { warn "Hello." }' >tell.lua
    "$program" "$@" <&- >out 2>&- || fail "$verb does not work without input and errors"
    code=0
    "$program" "$@" <&- >&- 2>err || code=$?
    case $verb in
    run) exits 0 ;;
    *) exits 1 && says "could not write to standard output" ;;
    esac
done

it "a run tells machines one line, and people no escape bytes"
machine report last --runs site/runs
small_site
printf '%s\n' 'runbook "mark" { summary = "Leaves a mark" }' \
    'step "Mark" { command.run { argv = { "/usr/bin/touch", "mark" } }, harmless = "a mark" }' \
    >mark.lua
machine run mark.lua --yes
same "$(json out '$.outcome')" changed "the outcome"
bsc run mark.lua --yes
exits 0
no_escapes out err
bsc report last -o page.html
exits 0
machine lab down site --remove
