# How runs stand, told by whoever looks, and a run followed from another terminal.
. "$(dirname "$0")/lib.sh"
slow_site

# begin_watch COMMAND…: in the background, as $watch; what it says goes to watch.out, which holds
# nothing of an earlier one by the time this returns.
begin_watch() {
    : >watch.out
    "$@" >>watch.out 2>&1 </dev/null &
    watch=$!
    background="$background $watch"
}
printf '%s\n' 'runbook "fails" {}' \
    'step "Fail" { command.run { argv = { "/bin/false" } }, harmless = "nothing" }' >fails.lua

it "where no run was ever begun, that is told from a folder that is not there"
bsc status
exits 1
says "could not look at the folder of runs 'runs'"
says "Give --site or --runs"
mkdir runs
bsc status
exits 0
says "there is no run yet in 'runs'"
bsc status --json
exits 0
one_line_of_json
bsc status last
exits 1
says "there is no run yet in 'runs'"
bsc status --watch
exits 1
bsc status no-such-run
exits 1
says "there is no run 'no-such-run'"
bsc status one two
exits 2

it "a live run is running, with the step under way and the command that follows it"
hold_run slow
bsc status
exits 0
says "running"
says "1 of 3 items done, 1 change"
says "now 2 step Hold, for"
says "changing /usr/bin/head -c 1 hold"
says "--watch"
says_not "left about"
bsc status last --site ./site.yaml
exits 0
says "held by process $run on"
says "under way"
says "3 step not begun"
says "--watch --site ./site.yaml"

it "looking changes nothing and keeps nobody from anything"
snapshot . >before
for round in 1 2 3 4 5; do
    bsc status
    bsc status last
    exits 0
done
snapshot . | grep -v -e ' \./out' -e ' \./err' -e ' \./now' -e ' \./before' -e ' \.$' >now
grep -v -e ' \./out' -e ' \./err' -e ' \./now' -e ' \./before' -e ' \.$' before >then
diff then now >differences || fail "looking changed something: $(cat differences)"

it "whoever watches sees each step as it ends, and ends as the run does"
begin_watch "$program" status --watch
until_true 60 grep -q "1 step  changed .* Begin" watch.out
! grep -q "Hold" watch.out || fail "the step under way is told to have ended"
let_go
code=0
wait "$watch" || code=$?
exits 0
wait "$run"
cp watch.out out
says "2 step changed"
says "3 step changed"
says "done: every item was carried out"

it "a run whose process is killed goes on as long as a program that it started is at work"
hold_run slow
begin_watch "$program" status --watch --json
until_true 60 grep -q '"event":"intent"' watch.out
orphans=$(cat /proc/"$run"/task/*/children | tr -d ' ')
kill -KILL "$run"
wait "$run" || true
bsc status last
exits 0
says "running: a process is at work on it"
says "held by process $run on"
says "which is gone; a program that it started still holds the lock: process $orphans"
says "changing /usr/bin/head -c 1 hold"
says "once that has ended, the run can be resumed or taken back"
says "next bascule status"
bsc status last --json
exits 0
same "$(json out '$.state')" running "state"
same "$(json out '$.holder.orphans[0]')" "$orphans" "process of the program"
bsc status
exits 0
says "running"

it "once that has ended, it is told to be interrupted, and the change in flight to be in doubt"
for orphan in $orphans; do
    kill -KILL "$orphan"
done
code=0
wait "$watch" || code=$?
exits 5
tail -n 1 watch.out >out
same "$(json out '$.state')" interrupted "state"
same "$(json out '$.in_flight.item')" 2 "item in flight"
bsc status last
exits 0
says "interrupted"
says "in doubt /usr/bin/head -c 1 hold"
says "next bascule resume 2"
says "or bascule rollback 2"

it "a torn tail is no damage, a changed byte is"
journal=$(ls -d runs/*-slow-* | tail -n 1)/journal.jsonl
cp "$journal" whole
printf '{"hash":"' >>"$journal"
bsc status last
exits 0
says "interrupted"
says "the last record was not written to its end"
sed '2s/item/itam/' whole >"$journal"
bsc status last
exits 5
says "damaged at line 2"
says "bascule audit verify"
bsc status
exits 0
says "damaged"
cp whole "$journal"

it "a run that ended is watched no longer than it takes to say so, with its exit code"
bsc run fails.lua --yes
exits 1
bsc status last --watch
exits 1
says "failed"
says "halted: it stopped at an item"
says "next bascule resume"
says_not "rollback"

it "runs are told newest first"
bsc status
exits 0
same "$(grep -o -e '-fails-' -e '-slow-' out | uniq | head -n 2 | tr '\n' ' ')" "-fails- -slow- " \
    "order of the runs"

it "the beginning of an id will do, as long as one run alone begins so"
id=$(ls -d runs/*-fails-* | sed 's,runs/,,')
bsc status "${id%-*}"
exits 0
says "run $id"
bsc status "${id%%-*}"
exits 2
says "runs begin with '${id%%-*}'"
says "$id"

it "whoever stops watching stops nothing else"
hold_run slow
begin_watch setsid "$program" status --watch
until_true 60 grep -q Begin watch.out
kill -INT "$watch"
code=0
wait "$watch" || code=$?
exits 6
grep -q "no longer watched; the run goes on" watch.out || fail "it does not say that it goes on"
let_go
wait "$run"

it "on a terminal the item under way is shown too"
hold_run slow
setsid script -qec "'$program' status --watch" /dev/null >terminal 2>&1 </dev/null &
watch=$!
background="$background $watch"
until_true 60 grep -q "2 step  under way, .*: Hold" terminal
let_go
code=0
wait "$watch" || code=$?
exits 0
wait "$run"
grep -q "done: every item was carried out" terminal || fail "it does not say how the run ended"

# The way on, of what is in the file out.
way_on() {
    grep -E '^(next|or|note) ' out
}

# same_way_on OPTIONS: the run's verb has just shown what the status does, with these options.
same_way_on() {
    exits 1
    way_on >shown || fail "the run does not say how to go on"
    # shellcheck disable=SC2086 # so many options
    bsc status last ${1-}
    way_on >expected
    cmp -s shown expected || fail "the run says otherwise than the status: $(cat shown)"
}

it "a run that has stopped shows the same way on by itself"
bsc run fails.lua --yes
same_way_on
grep -q "^next     bascule resume .*-fails-" shown || fail "it does not name itself"
cat >both.lua <<'END'
runbook "both" { summary = "Can be gone on with, and taken back" }
step "Begin" {
  command.run { argv = { "/bin/true" }, undo = { argv = { "/bin/false" } } },
}
step "Fail" { command.run { argv = { "/bin/false" } }, harmless = "nothing" }
END
bsc run both.lua --yes
same_way_on
grep -q "^or       bascule rollback .*-both-" shown || fail "it does not show the way back"
bsc resume last --yes --runs runs
same_way_on "--runs runs"
bsc rollback last --yes --site site.yaml
same_way_on "--site site.yaml"
grep -q "^next     bascule rollback .* --site site.yaml" shown || fail "it is not found so"
bsc rollback last --yes --json
exits 1
one_line_of_json
says '"next":["bascule rollback '

it "a run that is done shows none"
bsc run fails.lua --yes --json
exits 1
says '"next":["bascule resume '
printf '%s\n' 'runbook "good" {}' \
    'step "Do" { command.run { argv = { "/bin/true" } }, harmless = "nothing" }' >good.lua
bsc run good.lua --yes
exits 0
! way_on || fail "it is done"

it "a run that is refused tells of the one that was left in its middle"
cat >barred.lua <<'END'
runbook "barred" { summary = "Cannot begin" }
local there = command.facts "there" { argv = { "/usr/bin/test", "-e", "there" } }
guard "It is there" { there:has { exit = { 0, 0 } } }
END
bsc run barred.lua --yes
exits 3
says_not "unfinished"
bsc run both.lua --yes
both=$(ls -d runs/*-both-* | tail -n 1 | sed 's:runs/::')
bsc run fails.lua --yes # it has changed nothing
bsc run barred.lua --yes --site site.yaml
exits 3
says "note $both is unfinished (halted): bascule status $both --site site.yaml"
bsc run barred.lua --yes --site site.yaml --json
exits 3
one_line_of_json
sed 's/small/other/' site.yaml >other.yaml
bsc run barred.lua --yes --site other.yaml
exits 3
says_not "unfinished"
bsc run good.lua --yes
bsc run barred.lua --yes
exits 3
says_not "unfinished"

# Root may read everything, so root looks as somebody else, to whom the runs belong.
as_owner() {
    if [ "$(id -u)" -eq 0 ]; then
        set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    fi
    "$@" >out 2>err </dev/null
}

look() {
    code=0
    as_owner "$program" status || code=$?
}

it "what may not be read is told in its place"
if [ "$(id -u)" -eq 0 ]; then
    chmod 755 .
    chown -R 65534:65534 runs
fi
if as_owner test -x "$program"; then
    chmod 0 "$journal"
    look
    exits 1
    says "cannot be read"
    says "Permission denied"
    chmod 0 runs
    look
    exits 1
    says "Permission denied"
    chmod 700 runs
else
    leave_out "nobody else than root can reach the program"
fi
