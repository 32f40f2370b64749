# What signals do to a run: Ctrl-C twice, a lost terminal, nohup.
. "$(dirname "$0")/lib.sh"
slow_site
# Its second step does not end when it is asked to.
cat >stubborn <<'END'
trap '' TERM INT HUP
: >stubborn.up
while :; do head -c 1 hold; done
END
sed -e 's/"slow"/"deaf"/' \
    -e "s,\"/usr/bin/head\"\\, \"-c\"\\, \"1\"\\, \"hold\",\"/bin/sh\"\\, \"$work/stubborn\"," \
    slow.lua >deaf.lua

# ends_as EXIT-CODE RUNBOOK
ends_as() {
    code=0
    wait "$run" || code=$?
    cp "$2.out" out
    cp "$2.err" err
    exits "$1"
}

stands() {
    bsc status last --json
    exits 0
    same "$(json out '$.state')" "$1" "state"
}

it "Ctrl-C once: what is under way is ended and looked at, and the run is cancelled"
hold_run slow
kill -INT "$run"
ends_as 1 slow
says "stopping: what is under way is ended and looked at"
says "interrupted"
stands cancelled
same "$(json out '$.in_flight')" "" "change in doubt"
[ ! -e ended ] || fail "the run went on"
rm -rf runs begun

it "a second Ctrl-C ends the run at once, whatever hangs; the journal is good, its end missing"
hold_run deaf
until_true 60 test -e stubborn.up
strike() {
    kill -INT "$run" 2>/dev/null || true
    sleep 0.3
    gone "$run"
}
until_true 60 strike
ends_as 6 deaf
says "ended at once: whether what was under way took effect is not known"
says "next bascule status ./runs/"
stands running
[ -n "$(json out '$.holder.orphans[0]')" ] || fail "nothing is told of the program at work"
for process in $(own_processes); do
    kill -KILL "$process" 2>/dev/null || true
done
end_orphans() {
    bsc status last --json
    for orphan in $(json out '$.holder.orphans' | tr '[],' '   '); do
        kill -KILL "$orphan" 2>/dev/null || true
    done
    [ "$(json out '$.state')" = interrupted ]
}
until_true 60 end_orphans
same "$(json out '$.in_flight.item')" 2 "item of the change in doubt"
bsc audit verify last
exits 5
says "records verify, but the run's end is missing"
rm -rf runs begun

it "the same signal passed on by whoever started the run is no second one"
hold_run deaf
kill -STOP "$run"
kill -INT "$run"
kill -TERM "$run"
kill -CONT "$run"
ends_as 1 deaf
stands cancelled
for process in $(own_processes); do
    kill -KILL "$process" 2>/dev/null || true
done
rm -rf runs begun

it "SIGHUP lets the item under way end, and halts the run before the next one"
hold_run slow
kill -HUP "$run"
until_true 60 grep -q "the terminal was lost: this is the last item" slow.out
stands running
let_go
ends_as 1 slow
stands halted
same "$(json out '$.items_done')" 2 "items done"
same "$(json out '$.in_flight')" "" "change in doubt"
case $(json out '$.why') in
*'the terminal was lost; stopped before "End" began'*) ;;
*) fail "it does not say why: $(json out '$.why')" ;;
esac
[ ! -e ended ] || fail "the run went on"
bsc audit verify last
exits 0
rm -rf runs begun

# Whether the system has taken the terminal away, and the run has taken the signal up: all of its
# threads sleep again.
hung_up() {
    [ "$(sed 's/.*) //' "/proc/$run/stat" | cut -d ' ' -f 5)" = 0 ] &&
        grep -q '^ShdPnd:.*[02468ace]$' "/proc/$run/status" &&
        ! sed 's/.*) //' "/proc/$run/task/"*/stat | grep -qv '^S'
}

it "a terminal that is gone takes no run with it"
setsid script -qec "'$program' run slow.lua --yes" /dev/null >terminal 2>&1 </dev/null &
terminal=$!
background="$background $terminal"
until_true 60 holds
run=$(json out '$.holder.pid')
kill -KILL "$terminal"
wait "$terminal" 2>/dev/null || true
until_true 60 hung_up
let_go
until_true 60 gone "$run"
stands halted
same "$(json out '$.items_done')" 2 "items done"
[ ! -e ended ] || fail "the run went on"
bsc audit verify last
exits 0
rm -rf runs begun

cat >gate.lua <<'END'
runbook "gate" { summary = "Asks" }
gate "Go on?" { says = "this and that" }
step "End" { command.run { argv = { "/usr/bin/touch", "ended" } }, harmless = "a mark" }
END
bsc plan gate.lua -o plan.json
exits 0
mkfifo typed
asks() {
    bsc status last --json
    [ "$code" -eq 0 ] && [ "$(json out '$.asked.title')" = "Go on?" ]
}

# Begins it on a terminal of its own, until it asks: $run is its pid, $terminal that of the other.
begin_gate() {
    rm -f terminal
    setsid script -qec "'$program' run plan.json" /dev/null >terminal 2>&1 <typed &
    terminal=$!
    background="$background $terminal"
    exec 7>typed
    until_true 60 grep -qs "Run this plan" terminal
    printf 'yes\n' >&7
    until_true 60 asks
    run=$(json out '$.holder.pid')
    until_true 60 grep -q "Go on? Type yes" terminal
}

it "a gate at which the run is stopped is not answered, and the run is cancelled"
begin_gate
kill -TERM "$run"
until_true 60 gone "$run"
exec 7>&-
wait "$terminal" || true
stands cancelled
grep -q '"answer":"stopped","by":"nobody"' runs/*-gate-*/journal.jsonl ||
    fail "somebody is said to have answered"
[ ! -e ended ] || fail "the run went on"
rm -rf runs

it "a gate whose terminal is lost is not answered by anybody"
begin_gate
kill -KILL "$terminal"
until_true 60 gone "$run"
exec 7>&-
stands refused
grep -q '"answer":"no","by":"nobody".*the terminal was lost' runs/*-gate-*/journal.jsonl ||
    fail "somebody is said to have answered"
bsc status last
says "was not approved: nobody answered: the terminal was lost"
[ ! -e ended ] || fail "the run went on"
rm -rf runs

it "under nohup a run does not care for the terminal"
nohup "$program" run slow.lua --yes >slow.out 2>slow.err </dev/null &
run=$!
background="$background $run"
until_true 60 holds
kill -HUP "$run"
let_go
ends_as 0 slow
stands done
[ -e ended ] || fail "the run did not go on"
