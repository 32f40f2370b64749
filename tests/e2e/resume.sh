# A run that has stopped is gone on with, without making anything twice.
#   resume.sh PROGRAM mended       its cause is gone
#   resume.sh PROGRAM blind        it was killed at a change that nothing shows
#   resume.sh PROGRAM visible      it was killed at a change whose effect is there
#   resume.sh PROGRAM orphan       it was killed, and a program that it started was not
#   resume.sh PROGRAM within       it halted within an action of several changes
#   resume.sh PROGRAM optional     what was optional works now
#   resume.sh PROGRAM half         a step was half done, and what was optional works now
#   resume.sh PROGRAM other_files  its files are not what they were
#   resume.sh PROGRAM wrong        there is nothing to go on with
#   resume.sh PROGRAM two          two want to go on with it
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stopped.sh"
small_site

# Each start of a program is a line in `ledger`. `gate` works once there is the file `open`; `hold`
# lasts until somebody writes to the pipe, and `mark` does so after it has made its file. `poll`
# makes its file once there is the file `open`, and `leave` leaves a process behind.
mkfifo hold
cat >act <<'END'
printf '%s\n' "$1" >>ledger
case $1 in
gate) [ -e open ] ;;
mark) : >marked && : >>marked.up && head -c 1 hold ;;
hold) : >>held.up && head -c 1 hold ;;
poll)
    : >>polls.up
    until [ -e open ]; do sleep 0.05; done
    : >marked
    ;;
leave)
    sleep 1000 &
    printf '%s\n' "$!" >left.pid
    ;;
esac
END

mended() {
    book gated one gate last >gated.lua

    it "a run halts at a command that fails"
    bsc run gated.lua --yes
    exits 1
    stands halted
    ledger_is "one gate"

    it "nobody there to confirm it, nothing is done and nothing written"
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before
    bsc resume last
    exits 3
    says "There is no terminal; give --yes"
    bsc resume last --json
    exits 3
    cmp -s before "$journal" || fail "the journal was written to"
    ledger_is "one gate"

    it "as long as its cause is there, it halts again"
    bsc resume last --yes --settle made
    exits 1
    says "--settle is left aside: nothing is in doubt"
    says "2 step gate"
    says_not "1 step one"
    says "failed: 1 of 3 items, 0 changes"
    stands halted

    it "it goes on where it stopped, and makes nothing twice"
    : >open
    bsc resume last --yes
    exits 0
    says "done: 3 of 3 items, 2 changes"
    ledger_is "one gate gate gate last"
    stands "done"
    same "$(json out '$.processes')" 3 "processes"
    verifies

    it "the report tells it as one run, with its processes and attempts"
    bsc report last -o report.html
    exits 0
    report_says "Resumed"
    report_says "2. gate, attempt 3"
    report_says_not "1. one, attempt"
    report_says "gone on with below"
    report_says "<th>Items</th><td>3 of 3"

    it "done, there is nothing left to do"
    bsc resume last --yes
    exits 0
    says "is done: there is nothing left to do"
    bsc resume last --json
    exits 0
    one_line_of_json
    same "$(json out '$.changes')" 0 "changes"
    ledger_is "one gate gate gate last"
}

blind() {
    book blind one hold last >blind.lua
    for word in made not-made; do
        it "a run is killed at a change that nothing shows, its program at work"
        rm -f ledger held.up
        begin blind held.up
        kill_run
        let_go_of_orphans

        it "when it cannot be told whether it was made, somebody has to say"
        journal=$(ls -d runs/*/journal.jsonl | tail -n 1)
        cp "$journal" before
        bsc resume last --yes
        exits 6
        says "nothing that can be observed tells whether this change was made: /bin/sh act hold"
        says "Look at command:sh yourself. If it was made: bascule resume "
        says " --settle 2=made; if it was not: bascule resume "
        says " --settle 2=not-made"
        bsc resume last --yes --settle 1=made
        exits 3
        says "--settle speaks of change 1, but in doubt is change 2: /bin/sh act hold"
        bsc resume last --yes --settle x=made
        exits 2
        bsc resume last --yes --settle perhaps
        exits 2
        says "Write made or not-made"
        bsc rollback last --yes
        exits 6
        says "If it was made: bascule rollback "
        for length in 100 240; do
            long=$(printf "%0${length}d" 0)
            mkdir -p "$long"
            bsc resume last --yes --runs "./$long/../runs"
            exits 6
            [ "$length" -eq 240 ] || says "say not-made in: bascule resume "
            says "--settle $([ "$length" -eq 240 ] || printf 2=)made"
        done
        cmp -s before "$journal" || fail "the journal was written to"
        stands interrupted
        same "$(json out '$.in_flight.item')" 2 "item in doubt"

        it "what was said to be $word is taken so, by the command that was shown"
        bsc resume last --yes --json --runs ./runs
        exits 6
        hint=$(json out '$.error.hint')
        if [ "$word" = made ]; then
            typed=${hint##*made: bascule }
            eval "bsc ${typed%%;*} --yes"
            exits 0
            ledger_is "one hold last"
            says "made before, and not made again: /bin/sh act hold"
        else
            typed=${hint##*was not: bascule }
            eval "\"$program\" $typed --yes >out 2>err </dev/null &"
            background="$background $!"
            until_true 60 held_twice
            printf x >hold
            code=0
            wait "$!" || code=$?
            exits 0
            ledger_is "one hold hold last"
        fi
        grep -q "\"settled_by\":\"$(id -un)\"" "$journal" || fail "nobody is said to have said so"
        stands "done"
        verifies
        bsc report last -o report.html
        report_says "settled by $(id -un)"
        rm -rf runs
    done
}

held_twice() {
    [ "$(grep -c hold ledger)" -eq 2 ]
}

visible() {
    cat >visible.lua <<END
runbook "visible" { summary = "Makes a file" }
step "Begin" { command.run { argv = { "/bin/sh", "act", "one" } }, harmless = "x" }
step "Mark" {
  command.run {
    argv = { "/bin/sh", "act", "mark" },
    becomes = { ["file:$work/marked"] = { exists = true } },
  },
  harmless = "x"
}
step "End" { command.run { argv = { "/bin/sh", "act", "last" } }, harmless = "x" }
END
    it "a run is killed when its change has taken effect, before it could know"
    begin visible marked.up
    kill_run
    let_go_of_orphans
    stands interrupted

    it "whoever goes on finds it made, whatever somebody says, and does not make it again"
    bsc resume last --yes --settle not-made
    exits 0
    says "under way when it stopped: /bin/sh act mark"
    says "found: it was made --settle is left aside: the site shows it"
    ledger_is "one mark last"
    stands "done"
    verifies
    grep -q '"settled_by":"observing"' runs/*/journal.jsonl || fail "it is not recorded as found"
}

orphan() {
    cat >orphan.lua <<END
runbook "orphan" { summary = "Makes a file, slowly" }
step "Begin" { command.run { argv = { "/bin/sh", "act", "leave" } }, harmless = "x" }
step "Poll" {
  command.run {
    argv = { "/bin/sh", "act", "poll" },
    becomes = { ["file:$work/marked"] = { exists = true } },
  },
  harmless = "x"
}
step "End" { command.run { argv = { "/bin/sh", "act", "last" } }, harmless = "x" }
END
    it "a run is killed, and the program that it started goes on"
    begin orphan polls.up
    left=$(cat left.pid)
    background="$background $left"
    kill_run
    orphans=${orphans% }
    stands running
    json out '$.holder.orphans' | grep -qw "$orphans" || fail "the program at work is not told"
    ! json out '$.holder.orphans' | grep -qw "$left" || fail "what has no share is told"
    bsc status last
    says "which is gone; a program that it started still holds the lock: process "
    says "process $orphans"

    it "as long as it is at work, nobody goes on with the run or begins another"
    journal=$(ls -d runs/*/journal.jsonl)
    cp "$journal" before
    for verb in "resume last" "rollback last" "run orphan.lua"; do
        # shellcheck disable=SC2086 # two words
        bsc $verb --yes
        exits 3
        says "process $run on host"
        says "$(basename "$(dirname "$journal")"), is gone"
        says "but a program that it started still holds the lock: process "
        says "process $orphans"
        says "Wait for it to end, or end it; then give this command again."
        bsc $verb --yes --json
        exits 3
    done
    cmp -s before "$journal" || fail "the journal was written to"
    ledger_is "leave poll"
    "$program" status last --watch >watch.out 2>&1 </dev/null &
    watch=$!
    background="$background $watch"

    it "once it has ended, the run goes on, and what it made is not made again"
    [ ! -e marked ] || fail "the program has not waited"
    : >open
    code=0
    wait "$watch" || code=$?
    exits 5
    [ -e marked ] || fail "the watching did not wait for the program"
    stands interrupted
    bsc resume last --yes
    exits 0
    says "found: it was made"
    ledger_is "leave poll last"
    stands "done"
    verifies

    it "what a step left behind when it ended held nothing"
    ! gone "$left" || fail "it has ended meanwhile"
}

within() {
    cat >several.lua <<'END'
return primitive {
  args    = { { "what", "facts" } },
  wants   = function() return { exit = 0 } end,
  changes = function()
    return {
      command.run { argv = { "/bin/sh", "act", "one" } },
      command.run { argv = { "/bin/sh", "act", "gate" } },
      command.run { argv = { "/usr/bin/touch", "there" } },
    }
  end,
  harmless = "x",
}
END
    cat >within.lua <<'END'
local several = require "several"
runbook "within" { summary = "One action" }
step "Do" { several(command.facts "there" { argv = { "/usr/bin/test", "-e", "there" } }) }
END
    bsc run within.lua --yes
    exits 1
    ledger_is "one gate"

    it "the plan of what is left leaves out what is not made again, as the run does"
    : >open
    bsc resume last
    exits 3
    says "made before, and not made again: /bin/sh act one"
    says "2 changes planned"
    bsc resume last --yes
    exits 0
    says "done: 1 of 1 items, 2 changes"
    ledger_is "one gate gate"
    verifies
}

optional() {
    book optional one gate hold last >optional.lua
    sed -i 's/"gate" } }, harmless = "x"/"gate" } }, optional = true, harmless = "x"/' optional.lua
    it "what was optional and did not work is passed over"
    begin optional held.up
    kill -HUP "$run"
    until_true 60 grep -q "the terminal was lost: this is the last item" optional.out
    printf x >hold
    code=0
    wait "$run" || code=$?
    exits 1
    stands halted
    ledger_is "one gate hold"

    it "a resumed run tries it once more, and does not do again what is done"
    : >open
    bsc resume last --yes
    exits 0
    ledger_is "one gate hold gate last"
    says "made before, and not made again: /bin/sh act hold"
    stands "done"
    verifies
}

# A step that halts within, behind an optional one that is tried again first.
half() {
    cat >half.lua <<'END'
runbook "half" { summary = "Half of a step" }
local one = command.facts "one" { argv = { "/usr/bin/test", "-e", "one" } }
local two = command.facts "two" { argv = { "/usr/bin/test", "-e", "two" } }
step "Maybe" { command.run { argv = { "/bin/sh", "act", "gate" } }, optional = true }
step "Do" {
  command.run { argv = { "/usr/bin/touch", "one" }, becomes = { [one] = { exit = 0 } } },
  command.run { argv = { "/bin/false" }, becomes = { [two] = { exit = 0 } } },
}
END
    bsc run half.lua --yes
    exits 1
    bsc resume last --yes
    exits 1

    it "a step of which something was changed is told as changed, whatever is tried again before"
    # The second process was gone before it had changed anything.
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" whole
    awk '{ print } /"item_begin".*"title":"Do"/ && ++seen == 2 { exit }' whole >"$journal"
    : >open
    : >two
    bsc resume last --yes
    exits 0
    says "1 step Maybe /bin/sh act gate changed 2 step Do changed"
    stands "done"
    verifies
}

other_files() {
    book other one gate >other.lua
    bsc run other.lua --yes
    exits 1
    : >open
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before
    cp other.lua good.lua
    cp site.yaml good.yaml
    for verb in resume rollback; do
        it "with another runbook there is no $verb"
        book other one gate more >other.lua
        bsc "$verb" last --yes
        exits 3
        says "was begun with other files than those there are now"
        says "runbook"
        printf 'runbook' >other.lua
        bsc "$verb" last --yes
        exits 1
        says "The run's folder has its files as they were: runs/"
        rm other.lua
        bsc "$verb" last --yes
        exits 1
        says "The run's folder has its files as they were: runs/"
        says "other.lua"
        cp good.lua other.lua

        it "with another site file there is no $verb"
        sed -i 's/Here/There/' site.yaml
        bsc "$verb" last --yes
        exits 3
        says "site"
        cp good.yaml site.yaml
    done
    cmp -s before "$journal" || fail "the journal was written to"
    ledger_is "one gate"

    it "with the files as they were it goes on"
    bsc resume last --yes
    exits 0
    ledger_is "one gate gate"

    it "done, it has nothing left to do, whatever has become of its files since"
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before
    for wrong in 'book other one gate more >other.lua' 'printf runbook >other.lua' 'rm other.lua' \
        'sed -i s/Here/There/ site.yaml' 'printf x >site.yaml'; do
        eval "$wrong"
        bsc resume last --yes
        exits 0
        says "is done: there is nothing left to do"
        bsc resume last --json
        exits 0
        one_line_of_json
        bsc rollback last --yes
        [ "$code" -ne 0 ] || fail "it is taken back: $wrong"
        cp good.lua other.lua
        cp good.yaml site.yaml
    done
    cmp -s before "$journal" || fail "the journal was written to"
    bsc rollback last --yes
    exits 0
    says "rolled back"
    rm other.lua
    bsc rollback last --yes
    exits 0
    says "is rolled back: there is nothing left to do"
    bsc resume last --yes
    exits 3
    says "has been taken back"
}

wrong() {
    it "what was never begun is not gone on with"
    bsc resume
    exits 2
    bsc resume no-such-run
    exits 1
    says "no-such-run"
    bsc rollback last
    exits 1
    book gated one gate >gated.lua
    bsc run gated.lua --yes
    exits 1
    bsc run gated.lua --yes
    exits 1
    id=$(ls -d runs/*-gated-* | tail -n 1 | sed 's,runs/,,')
    bsc resume "${id%%-*}" --yes
    exits 2
    says "runs begin with"

    it "nothing is gone on with from a damaged journal"
    run=$(ls -d runs/*-gated-* | tail -n 1)
    cp "$run/journal.jsonl" whole
    sed '2s/item/itam/' whole >"$run/journal.jsonl"
    for verb in resume rollback; do
        bsc "$verb" last --yes
        exits 5
        says "line 2"
        bsc "$verb" last --yes --json
        exits 5
        same "$(json out '$.exit')" 5 "exit code in JSON"
    done
    same "$(sed -n 2p "$run/journal.jsonl" | grep -c itam)" 1 "damage in the journal"
    it "a run whose process was gone before its first record is begun anew, not gone on with"
    : >"$run/journal.jsonl"
    bsc resume last --yes
    exits 3
    says "never began"
    [ ! -s "$run/journal.jsonl" ] || fail "the journal was written to"
    rm "$run/journal.jsonl"
    mv "$run/plan.json" plan.json
    for verb in resume rollback; do
        bsc "$verb" last --yes
        exits 3
        says "never began"
    done
    mv plan.json "$run/plan.json"
    cp whole "$run/journal.jsonl"

    it "nor with another plan than it was begun with"
    cp "$run/plan.json" plan.json
    sed 's/act gate/act open/g' plan.json >"$run/plan.json"
    bsc resume last --yes
    [ "$code" -ne 0 ] || fail "it goes on"
    cp plan.json "$run/plan.json"

    it "a run that was taken back is not gone on with"
    bsc rollback last --yes
    exits 0
    says "rolled back"
    stands "rolled back"
    bsc rollback last --yes
    exits 0
    says "there is nothing left to do"
    bsc resume last --yes
    exits 3
    says "has been taken back"
    verifies

    it "nobody goes on with a run that is live"
    book live one hold last >live.lua
    begin live held.up
    for verb in resume rollback; do
        bsc "$verb" last --yes
        exits 3
        says "process $run"
    done
    printf x >hold
    wait "$run"
    stands "done"

    it "a run that is done is taken back, where nothing stands against it"
    bsc rollback last --yes
    exits 0
    stands "rolled back"
}

two() {
    book held one gate hold last >held.lua
    bsc run held.lua --yes
    exits 1
    : >open
    it "of two that go on with a run, one does and the other is told who is at it"
    "$program" resume last --yes >first.out 2>&1 </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e held.up
    bsc resume last --yes
    exits 3
    says "process $run"
    bsc rollback last --yes
    exits 3
    printf x >hold
    wait "$run"
    ledger_is "one gate gate hold last"
    stands "done"
    verifies
}

"$1"
