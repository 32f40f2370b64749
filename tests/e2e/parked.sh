# A run that waits at a gate ends its process, and is gone on with when its time has come.
#   parked.sh PROGRAM early     it is too early, and nothing is done
#   parked.sh PROGRAM over      the time is over
#   parked.sh PROGRAM back      it is taken back from where it is parked
#   parked.sh PROGRAM costs     what that costs is shown before
#   parked.sh PROGRAM answer    nobody has answered yet
#   parked.sh PROGRAM no        somebody says no
#   parked.sh PROGRAM override  a reason shortens the wait, and nothing else does
#   parked.sh PROGRAM mended    the runbook is mended meanwhile
#   parked.sh PROGRAM two       two want to go on with it
#   parked.sh PROGRAM beside    another run would do its work
. "$(dirname "$0")/lib.sh"
. "$tests/stopped.sh"
site_of_files
site=
mkfifo hold

# Each user is in one of two pools.
people() {
    sql one/people.db "CREATE TABLE homes (sip, pool);
        INSERT INTO homes VALUES ('ann', 'old'), ('bob', 'old'), ('eve', 'old')"
}

# book GATE STEP: moves ann, waits, and moves everybody else.
book() {
    cat >moves.lua <<END
runbook "moves" { summary = "Moves a pilot, then all others" }
local function count(name, where)
  return sql.facts(name) { server = "one", file = "people.db",
    query = "SELECT count(*) AS users FROM homes WHERE " .. where }
end
local function move(where, becomes)
  local text = "UPDATE homes SET pool = '%s' WHERE " .. where
  return sql.change { server = "one", file = "people.db", statement = text:format "new",
    becomes = becomes, undo = { statement = text:format "old" } }
end
local pilots, left = count("pilots", "pool = 'new' AND sip = 'ann'"), count("left", "pool = 'old'")
step "Move the pilot" { move("sip = 'ann'", { [pilots] = { users = 1 } }) }
gate "Accept the pilot?" { $1, says = "Ask the pilots." }
step "Move all others" { move("sip <> 'ann'", { [left] = { users = 0 } }) }
${2-}
END
}

homes_are() {
    same "$(sql one/people.db "SELECT group_concat(sip || ' ' || pool, ', ')
        FROM (SELECT * FROM homes ORDER BY sip)")" "$1" "who is where"
}

# park BOOK…: runs it up to the gate.
park() {
    people
    book "$@"
    bsc run moves.lua --yes
    exits 7
    homes_are "ann new, bob old, eve old"
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before
}

untouched() {
    cmp -s before "$journal" || fail "the journal was written to"
}

begins_are() {
    same "$(grep -c '"kind":"run_begin"' "$journal")" "$1" "processes that took it in hand"
}

# Another run on the same site, $other, which adds kim.
others_work() {
    cat >other.lua <<END
runbook "other" { summary = "Adds somebody" }
local kim = sql.facts "kim" { server = "one", file = "people.db",
  query = "SELECT count(*) AS there FROM homes WHERE sip = 'kim'" }
step "Add kim" {
  sql.change { server = "one", file = "people.db", becomes = { [kim] = { there = 1 } },
    statement = "INSERT INTO homes VALUES ('kim', 'old')" },
  harmless = "it is the work of others",
}
END
    bsc run other.lua --yes
    exits 0
    other=$(ls -d runs/*-other-*)
    other=${other#runs/}
}

early() {
    it "a gate that has to wait ends the process with a line that says until when"
    park 'after = "14d", parks = true'
    says "parked until 20"
    says "; go on with bascule resume "
    says "14d after it was first reached"
    same "$(grep -c '"outcome":"parked"' "$journal")" 2 "records that say so"
    verifies

    it "it holds neither the lock nor a lease, and nothing is at work"
    others_work
    bsc status "${journal%/journal.jsonl}" --json
    exits 0
    same "$(json out '$.leases')" "[]" "leases"

    it "status says what it waits for and since when, of one run and of all"
    same "$(json out '$.state')" parked state
    same "$(json out '$.parked.title')" "Accept the pilot?" "the gate"
    same "$(json out '$.parked.waits_for')" "time" "what it waits for"
    until=$(json out '$.parked.until' | cut -c 1-19 | tr T ' ')
    bsc status
    exits 0
    says "waits at 2 gate Accept the pilot? until $until UTC, in 13 d 23 h; since "
    bsc status --json
    exits 0
    same "$(json out '$.runs[1].parked.item')" 2 "the item"
    run=${journal%/journal.jsonl}
    bsc status "$run" --watch
    exits 7

    it "too early it stays parked, and not a byte of its journal changes"
    for flag in --yes --json; do
        bsc resume "$run" --yes $flag
        exits 7
        untouched
    done
    one_line_of_json
    same "$(json out '$.outcome') $(json out '$.exit')" "parked 7" "what it says"
    bsc resume "$run" --yes
    says "stays parked: it is too early"
    says_not "to be answered earlier"
    homes_are "ann new, bob old, eve old, kim old"

    it "its report says that it is parked"
    bsc report "$run" -o report.html
    exits 0
    report_says "parked"
    report_says "it waits until"
    report_says "<th>Waits at</th><td>Accept the pilot?</td>"
    report_says '<span class="warn">parked</span>'
}

# What came of a resume when it was not too early.
resumed() {
    bsc resume "$run" --yes
    [ "$code" -ne 7 ]
}

over() {
    park 'after = "1s"'
    run=${journal%/journal.jsonl}
    others_work
    sql one/people.db "DELETE FROM homes WHERE sip = 'eve'; INSERT INTO homes VALUES ('joe', 'old')"
    it "however often it is asked too early, it goes on once the time is over"
    until_true 60 resumed
    exits 0
    says "answered yes by --yes"
    says "it waits 1s, since 20"
    says "Since the run was parked: sql:left users: 2 -> 3 "
    says "warning: while it was parked, run $other of "
    homes_are "ann new, bob new, joe new, kim new"
    begins_are 2
    bsc audit verify "$run"
    exits 0

    it "what has become different meanwhile is recorded, and what the run did itself is not"
    grep -q '"text":"since the run was parked: users of sql:left: 2 -> 3"' "$journal" ||
        fail "it is not recorded"
    grep -q "while it was parked, run $other" "$journal" || fail "who was at work is not recorded"
}

back() {
    park 'after = "14d"'
    it "a parked run is taken back as any other"
    bsc rollback last --yes
    exits 0
    says "rolled back"
    homes_are "ann old, bob old, eve old"
    stands "rolled back"
    verifies
    it "and is not gone on with any more"
    bsc resume last --yes
    exits 3
    says "has been taken back"

    it "with files that are others meanwhile it is taken back once they are accepted at its gate"
    rm -r runs one/people.db
    park 'after = "14d"'
    printf -- '-- A word.\n' >>moves.lua
    bsc rollback last --yes
    exits 3
    says "say no at its gate, and take it back then"
    says "To accept them: bascule resume"
    untouched
    bsc resume last --yes --accept-changes
    exits 7
    bsc rollback last --yes
    exits 0
    homes_are "ann old, bob old, eve old"
    verifies
}

# A pilot whose meetings stop working on the way back, and who is told from the database.
costly() {
    cat >costly.lua <<END
runbook "costly" { summary = "Moves a pilot at a cost" }
local function ask(name, query)
  return sql.facts(name) { server = "one", file = "people.db", query = query }
end
local pilots =
  ask("pilots", "SELECT count(*) AS users FROM homes WHERE pool = 'new' AND sip = 'ann'")
local meetings = ask("meetings", "SELECT count(*) AS n, group_concat(sip) AS who FROM meetings")
local function set(text)
  return sql.change { server = "one", file = "people.db", statement = text }
end
local move = primitive {
  name = "move",
  resource = function() return pilots end,
  wants = function() return { users = 1 } end,
  changes = function() return set "UPDATE homes SET pool = 'new' WHERE sip = 'ann'" end,
  undo = function() return set "UPDATE homes SET pool = 'old' WHERE sip = 'ann'" end,
  caveats = function(_, observe)
    local seen = observe(meetings)
    return { ("newly scheduled meetings of %d users stop working:"):format(seen.n),
      "  " .. seen.who }
  end,
}
step "Move the pilot" { move(), caveats = { "Clients have to be downgraded." } }
step "Move it once more" {
  set "UPDATE homes SET pool = 'new' WHERE sip = 'bob'",
  caveats = { "Clients have to be downgraded." },
  undo = { set "UPDATE homes SET pool = 'old' WHERE sip = 'bob'" },
}
step "Move nobody" { move(), caveats = { "Nobody is told of what was not done." } }
gate "Accept the pilot?" { after = "14d" }
step "End" { warn "the end" }
END
}

costs() {
    people
    costly
    bsc run costly.lua --yes
    exits 7
    sql one/people.db "CREATE TABLE meetings (sip); INSERT INTO meetings VALUES ('ann'), ('bob')"
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before
    it "what it costs to take it back is shown before anybody confirms it, by the facts as they are"
    bsc rollback last
    exits 3
    says "What it costs: Clients have to be downgraded. newly scheduled meetings of 2 users stop"
    says "working: ann,bob"
    says_not "Nobody is told of what was not done."
    same "$(grep -c 'Clients have' out)" 1 "lines that say the same"
    untouched
    homes_are "ann new, bob new, eve old"

    it "that it cannot be told keeps nobody from going back"
    sql one/people.db "DROP TABLE meetings"
    bsc rollback last
    exits 3
    says "take back: Move the pilot: what that costs cannot be told: "

    it "and what was shown is in the journal, in the report and in the JSON"
    sql one/people.db "CREATE TABLE meetings (sip); INSERT INTO meetings VALUES ('ann')"
    bsc rollback last --yes --json
    exits 0
    same "$(json out '$.caveats[1]')" "newly scheduled meetings of 1 users stop working:" "a caveat"
    homes_are "ann old, bob old, eve old"
    grep -q '"caveats":\["Clients have to be downgraded.",' "$journal" || fail "it is not recorded"
    bsc report last -o report.html
    report_says "what it costs to take this back was shown: Clients have to be downgraded."
    verifies
}

# The transcript shows this question for the N-th time: asked N
asked() {
    [ "$(grep -c "Type yes to go on" transcript)" -ge "$1" ]
}

# open_terminal COMMAND…: what is typed goes to descriptor 7.
open_terminal() {
    rm -f keys transcript
    mkfifo keys
    script -qefc "'$program' $*" transcript <keys >script.out 2>&1 &
    terminal=$!
    background="$background $terminal"
    exec 7>keys
    until_true 60 test -e transcript
}

# begin_at_terminal COMMAND…: up to where the plan is confirmed.
begin_at_terminal() {
    open_terminal "$@"
    until_true 60 asked 1
    printf 'yes\n' >&7
}

# Its terminal is gone before there is an answer.
lose_terminal() {
    until_true 60 asked 2
    exec 7>&-
    kill -KILL "$terminal"
    wait "$terminal" || true
    background=
    until_true 60 is_let_go
}

# Its process has ended.
is_let_go() {
    bsc status last --json
    [ "$(json out '$.state')" != running ]
}

# type_answer ANSWER N: to the question that is put for the N-th time.
type_answer() {
    until_true 60 asked "$2"
    printf '%s\n' "$1" >&7
    code=0
    wait "$terminal" || code=$?
    background=
    exec 7>&-
}

# at_terminal ANSWER COMMAND…: the plan is confirmed, and the gate gets the answer.
at_terminal() {
    answer=$1
    shift
    begin_at_terminal "$@"
    type_answer "$answer" 2
}

answer() {
    people
    book 'parks = true' ''
    it "somebody who answers later parks the run"
    at_terminal later run moves.lua
    exits 7
    grep -q "Type yes to go on, no to refuse, later to park the run" transcript ||
        fail "nothing says what can be typed"
    grep -q "parked until somebody answers" transcript || fail "nothing says that it is parked"
    stands parked
    same "$(json out '$.parked.waits_for')" answer "what it waits for"
    since=$(json out '$.parked.since')
    bsc status last
    says "until somebody answers; since "

    it "an empty line is later, too, and it waits since the first time"
    at_terminal "" resume last
    exits 7
    stands parked
    same "$(json out '$.parked.since')" "$since" "since when it waits"

    it "a terminal that is lost has not said no"
    begin_at_terminal resume last
    lose_terminal
    stands parked

    it "without a terminal nobody confirms what is left, and --yes answers it"
    bsc resume last
    exits 3
    bsc resume last --yes
    exits 0
    homes_are "ann new, bob new, eve new"
    verifies
}

no() {
    people
    book 'parks = true' ''
    it "no is no"
    at_terminal no run moves.lua
    exits 3
    stands refused
    journal=$(ls runs/*/journal.jsonl)
    cp "$journal" before

    it "and stays no where nobody is there to decide anew"
    for flag in --yes --json; do
        bsc resume last --yes $flag
        exits 3
        says "$(id -un) said no to this at 20"
        says "Only a person at a terminal can decide anew"
        untouched
    done

    it "nor does an accepted change of the runbook answer it"
    book 'parks = true' 'step "Tell" { warn "All are moved." }'
    bsc resume last --yes --accept-changes
    exits 3
    says "Accept the pilot? was not approved: $(id -un) said no to this at 20"
    homes_are "ann new, bob old, eve old"
    begins_are 2

    it "a terminal that is lost has not decided anew"
    begin_at_terminal resume last
    lose_terminal
    stands parked
    bsc resume last --yes
    exits 3
    homes_are "ann new, bob old, eve old"

    it "a person is told of the no, --yes or not, and decides"
    open_terminal resume last --yes
    type_answer yes 1
    exits 0
    grep -q "$(id -un) said no to this at 20" transcript || fail "the no is not shown"
    homes_are "ann new, bob new, eve new"
    verifies
}

override() {
    park 'after = "14d", override = "accept_early"'
    it "--yes does not shorten the wait; it says what does"
    bsc resume last --yes
    exits 7
    says "to be answered earlier it wants a reason: bascule resume "
    says "--accept-changes --set accept_early=REASON"

    it "the reason is a change like any other, that somebody accepts"
    bsc resume last --yes --set accept_early="all are content"
    exits 3
    says "parameter accept_early: unset -> all are content"
    says "--accept-changes --set 'accept_early=all are content'"
    untouched
    sql one/people.db "DELETE FROM homes WHERE sip = 'eve'"
    bsc resume last --yes --accept-changes --set accept_early="all are content" --json
    exits 0
    one_line_of_json
    same "$(json out '$.since[0].resource') $(json out '$.since[0].now')" "sql:left 1" \
        "what has become different"
    homes_are "ann new, bob new"
    verifies
    bsc report last -o report.html
    report_says "waived by accept_early: all are content"
    report_says "since the run was parked: users of sql:left: 2 -&gt; 1"

    it "given from the beginning it is in the plan, and nothing is parked"
    rm -r runs one/people.db
    people
    bsc run moves.lua --yes --set accept_early="a drill"
    exits 0
    says "its 14d are not waited for; waived by accept_early: a drill"
}

mended() {
    park 'after = "14d"'
    since=$(sed -n 's/.*"since":"\([^"]*\)".*/\1/p' "$journal" | head -n 1)
    it "what is ahead may be mended, and it waits on since the first time"
    book 'after = "13d"' 'step "Tell" { warn "All are moved." }'
    bsc resume last --yes
    exits 3
    untouched
    bsc resume last --yes --accept-changes
    exits 7
    begins_are 2
    stands parked
    same "$(json out '$.parked.since')" "$since" "since when it waits"
    bsc resume last --yes
    exits 7
    begins_are 2

    it "a gate with another title is another one"
    sed 's/Accept the pilot/Is the pilot fine/' moves.lua >other && mv other moves.lua
    bsc resume last --yes --accept-changes
    exits 7
    stands parked
    [ "$(json out '$.parked.since')" != "$since" ] || fail "it took over the wait of another gate"

    it "what was carried out may not"
    sed 's/Move the pilot/Move one/' moves.lua >other && mv other moves.lua
    bsc resume last --yes --accept-changes
    exits 3
    says "was carried out already"
    homes_are "ann new, bob old, eve old"
}

two() {
    park 'after = "1s"' 'step "Hold" {
      command.run { argv = { "/bin/sh", "-c", "touch held; head -c 1 hold" } } }'
    it "status says when the time is over"
    until_true 60 is_over
    bsc status last --json
    same "$(json out '$.state')" parked state
    until_true 60 resumes_alone
    it "of two that go on with it, one does and the other is told who is at it"
    bsc resume last --yes
    exits 3
    says "process $run"
    let_go
    wait "$run"
    background=
    grep -q "Since the run was parked nothing has changed on the site." first.out ||
        fail "it does not say that nothing has changed"
    homes_are "ann new, bob new, eve new"
    begins_are 2
    verifies
}

runs_are() {
    same "$(find runs -mindepth 1 -maxdepth 1 -type d | wc -l)" "$1" "runs"
}

beside() {
    park 'after = "14d"'
    run=${journal%/journal.jsonl}
    run=${run#runs/}
    it "another run of the same is refused, and says which is parked and what to do instead"
    bsc run moves.lua --yes
    exits 3
    says "$run is parked at its item 2 until 20"
    says "To go on with it: bascule resume $run; to take it back: bascule rollback $run"
    says '--take-over "REASON"'
    bsc plan moves.lua -o plan.json
    bsc run plan.json --yes --json
    exits 3
    same "$(json out '$.error.code')" conflict "what it is"
    runs_are 1
    untouched
    homes_are "ann new, bob old, eve old"

    it "one that changes something else is not, nor one of another runbook"
    sed 's/"pilots"/"staff"/; s/"left"/"rest"/' moves.lua >staff.lua
    bsc run staff.lua --yes
    exits 7
    others_work
    runs_are 3

    it "with a reason it is begun, and the reason is kept"
    bsc run moves.lua --yes --take-over "the first is forgotten"
    exits 7
    says "warning: begun although $run is parked and works on the same: the first is forgotten"
    verifies
    grep -qF "begun although $run is parked" runs/*/journal.jsonl || fail "it is not recorded"

    it "a run that was taken back waits no more, nor one that has changed nothing"
    bsc rollback "$run" --yes
    exits 0
    bsc run moves.lua --yes
    exits 7
    homes_are "ann new, bob old, eve old, kim old"
}

is_over() {
    bsc status last
    said | grep -qF "which is over: it can be answered; since "
}

# Begins to go on with it in the background, until it is not too early any more.
resumes_alone() {
    "$program" resume last --yes >first.out 2>&1 </dev/null &
    run=$!
    background=$run
    until_true 60 ended_or_held
    [ -e held ]
}

ended_or_held() {
    [ -e held ] || gone "$run"
}

"$1"
