# Two runs at once, and a run that is stopped.
. "$(dirname "$0")/lib.sh"

small_site
# In the test's own folder, so that it is known as the test's own process.
cp /bin/sleep sleeper
cat >slow.lua <<END
runbook "slow" { summary = "Waits for somebody to stop it" }
step "Begin" { command.run { argv = { "/usr/bin/touch", "begun" } }, harmless = "a mark" }
step "Wait"  { command.run { argv = { "$work/sleeper", "987" } }, harmless = "it only waits" }
step "End"   { command.run { argv = { "/usr/bin/touch", "ended" } }, harmless = "a mark" }
END
# Rehearsed, the mark is not there and nothing is waited for.
cat >patient.lua <<'END'
runbook "patient" { summary = "Waits for a mark to go away" }
local free = command.facts "free" { argv = { "/usr/bin/test", "!", "-e", "begun" } }
step "Begin" { command.run { argv = { "/usr/bin/touch", "begun" } }, harmless = "a mark" }
step "Wait"  { wait_until { free:has { exit = 0 }, timeout = "10m", every = "50ms" } }
step "End"   { command.run { argv = { "/usr/bin/touch", "ended" } }, harmless = "a mark" }
END
cat >quick.lua <<'END'
runbook "quick" { summary = "Leaves a mark" }
step "End" { command.run { argv = { "/usr/bin/touch", "ended" } }, harmless = "a mark" }
END

# Asks the journal of the newest run.
journal_has() {
    cat runs/*-"$1"-*/journal.jsonl 2>/dev/null | grep -q -e "$2"
}

begin() {
    "$program" run "$1.lua" --yes >"$1.out" 2>"$1.err" </dev/null &
    run=$!
    background="$background $run"
}

child_of() {
    sed -n 's/^\([0-9]*\) (sleeper) [A-Z] '"$1"' .*/\1/p' /proc/[0-9]*/stat 2>/dev/null
}

has_child() {
    child=$(child_of "$run")
    [ -n "$child" ]
}

# stopped SIGNAL RUNBOOK OUTCOME: at once, compared with what it waits for, and in good order.
stopped() {
    kill -s "$1" "$run"
    until_true 20 gone "$run"
    code=0
    wait "$run" || code=$?
    cp "$2.out" out
    cp "$2.err" err
    exits 1
    says "$3"
    [ ! -e ended ] || fail "the run went on"
    bsc audit verify last
    exits 0
    says "verified"
    tail -n 1 runs/*-"$2"-*/journal.jsonl | grep -q '"kind":"run_end"' ||
        fail "the journal has no end"
    journal_has "$2" '"outcome":"cancelled"' || fail "the journal does not tell of the stop"
}

it "a second run is refused, and names who holds the site"
begin slow
until_true 60 journal_has slow '"kind":"intent".*987'
until_true 60 has_child
bsc run quick.lua --yes
exits 3
says "another run is under way: process $run"
says "-slow-"
same "$(ls -d runs/*-*)" "$(ls -d runs/*-slow-*)" "folders of runs"
[ ! -e ended ] || fail "the second run did something"

it "looking is possible meanwhile"
bsc plan quick.lua
exits 0

it "a run that began while another one changed things is refused, whoever reads what it says"
mkfifo told
exec 7<>told
dd if=/dev/zero of=told bs=4096 count=1000 oflag=nonblock 2>/dev/null || true
"$program" run quick.lua --yes >told 2>late.err </dev/null &
late=$!
background="$background $late"
until_true 60 grep -qs "another run is under way" late.err
kill -s INT "$run"
until_true 60 gone "$run"
cat <&7 >/dev/null &
background="$background $!"
code=0
wait "$late" || code=$?
cp late.err err
exits 3
says "another run is under way"
[ ! -e ended ] || fail "the late run did something"
exec 7>&-
wait "$run" || true
rm -rf runs begun
begin slow
until_true 60 journal_has slow '"kind":"intent".*987'
until_true 60 has_child

it "Ctrl-C stops a long command: child gone, outcome recorded, journal ended"
stopped INT slow interrupted
until_true 60 gone "$child"
journal_has slow '"kind":"outcome".*"outcome":"interrupted"' || fail "no outcome is recorded"

it "the lock is free again, and a wait can be stopped too"
rm -rf runs begun
begin patient
until_true 60 journal_has patient '"exit":1'
stopped TERM patient interrupted

it "a run that was killed leaves a journal that says so, and no lock"
rm -rf runs
begin slow
until_true 60 journal_has slow '"kind":"intent".*987'
until_true 60 has_child
kill -KILL "$run"
wait "$run" || true
kill -KILL "$child" || true
bsc audit verify last
exits 5
says "the run's end is missing"
bsc run quick.lua --yes
exits 0
[ -e ended ] || fail "the run did nothing"
