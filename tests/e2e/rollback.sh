# A run that has stopped is taken back, up to its point of no return.
#   rollback.sh PROGRAM halted    a failover that halted before it
#   rollback.sh PROGRAM killed    the same, and the rollback is killed in its middle
#   rollback.sh PROGRAM beyond    a failover that halted behind it
#   rollback.sh PROGRAM doubted   a run that was killed at it
#   rollback.sh PROGRAM typed     a rollback that halts, in a folder with an odd name
#   rollback.sh PROGRAM same      an undo that looks like what it takes back
#   rollback.sh PROGRAM stays     some of it has no undo
#   rollback.sh PROGRAM twins     two undos of one step that look the same
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stopped.sh"

# Appends a step at which it halts until there is the file `open`.
add_halt() {
    printf 'step "Halt" { command.run { argv = { "/usr/bin/test", "-e", "%s/open" } }, %s }\n' \
        "$work" 'harmless = "only looks"' >>halting.lua
}

# Runs it, and it halts.
halt() {
    bsc run halting.lua --site "$site" --yes
    exits 1
    stands halted
}

# Everything that can be taken back, as far as a practice site has it; with step $1 in between.
halting() {
    new_lab site
    bsc lab down site # nobody works there meanwhile
    exits 0
    site=site/site.yaml
    printf 'hello\n' >from
    cat >halting.lua <<END
runbook "halting" {
  summary = "Changes this and that, and halts",
  params  = { pool = param.pool(), database = param.database { default = "mgc" } },
}
local db, chat = params.database, params.pool
step "Remove log shipping" { log_shipping.remove(db.secondary) }
step "Copy two files" {
  file.copy { from = "$work/from", to = "$work/one" },
  file.copy { from = "$work/from", to = "$work/two" },
}
${1:-}
step "Set the servers" { pool.set_active_servers(chat, { "chat1" }) }
END
    add_halt
    facts_are before
    halt
}

# What may not be as it was: the pool's version counts every change of it, and what has the time in
# it goes on with the time.
facts_are() {
    bsc observe --site "$site" -o facts.json
    exits 0
    sql :memory: "SELECT fullkey || ' ' || coalesce(atom, '') FROM
        json_tree(CAST(readfile('facts.json') AS TEXT)) WHERE type NOT IN ('object', 'array')
        ORDER BY 1" | grep -v -e '\.version ' -e 'observed' -e '_at ' -e '_time ' -e 'digest' >"$1"
    [ -s "$1" ] || fail "there are no facts"
}

halted() {
    halting
    facts_are between
    ! cmp -s before between || fail "nothing was changed"

    it "what a halted run has done is shown before it is taken back"
    snapshot site >files
    bsc rollback last --site "$site"
    exits 3
    says "There is no terminal; give --yes"
    says "3 undo take back: Set the servers"
    says "1 undo take back: Remove log shipping"
    unchanged site files

    it "taken back, every fact is as it was"
    bsc rollback last --site "$site" --yes
    exits 0
    says "rolled back: 4 of 4 items"
    [ ! -e one ] && [ ! -e two ] || fail "a copy is left"
    facts_are afterwards
    diff before afterwards >differences || fail "other facts: $(cat differences)"
    stands "rolled back"
    verifies

    it "the report tells what was done and what was taken back"
    bsc report last --site "$site" -o report.html
    exits 0
    report_says '<span class="good">rolled back</span>'
    report_says "<h2>Taken back</h2>"
    report_says "take back: Remove log shipping"
    report_says "<th>Actions taken back</th><td>4"
    report_says_not ", attempt 2"

    it "there is nothing left to take back, and no way on"
    bsc rollback last --site "$site" --yes --json
    exits 0
    one_line_of_json
    same "$(json out '$.changes')" 0 "changes"
    bsc resume last --site "$site" --yes
    exits 3
    says "has been taken back"

    it "it can be done anew"
    : >open
    bsc run halting.lua --site "$site" --yes
    exits 0
    says "done: 4 of 4 items, 5 changes"
}

is_let_go() {
    bsc status last --site "$site" --json
    [ "$(json out '$.state')" != running ]
}

killed() {
    mkfifo hold
    printf '[ -e held ] || { : >held; head -c 1 hold; }\n' >wait
    halting 'step "Take time on the way back" {
  command.run { argv = { "/bin/true" }, undo = { argv = { "/bin/sh", "'"$work"'/wait" } } },
}'
    it "a rollback is killed in its middle"
    "$program" rollback last --site "$site" --yes >out 2>err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e held
    kill -KILL "$run"
    ended=0
    wait "$run" || ended=$?
    # The undo may still be waiting, or may have gone with the program. It holds the lock until it
    # has ended.
    exec 9<>hold
    echo on >&9
    same "$ended" 137 "the end of it"
    until_true 60 is_let_go
    bsc status last --site "$site"
    exits 0
    says "interrupted"
    says "next bascule rollback"
    says_not "bascule resume"

    it "there is only the way back"
    bsc resume last --site "$site" --yes
    exits 3
    says "is being taken back"

    it "taken up again, it comes to its end, and every fact is as it was"
    bsc rollback last --site "$site" --yes
    exits 6
    says "nothing that can be observed tells whether this change was made"
    settled=$(sed -n 's/.*--settle \([0-9]*=not-made\).*/\1/p' err)
    bsc rollback last --site "$site" --yes --settle "$settled"
    exits 0
    facts_are afterwards
    diff before afterwards >differences || fail "other facts: $(cat differences)"
    stands "rolled back"
    verifies
}

beyond() {
    new_lab site
    break_lab site primary-server
    site=site/site.yaml
    awk '/^(guard|step|gate) / { items++ } items > 11 { exit } { print }' "$failover" >halting.lua
    add_halt
    halt
    it "behind the point of no return nothing is taken back, and the way forward is told"
    snapshot site >files
    bsc rollback last --site "$site" --yes
    exits 3
    says "is its point of no return"
    says "There is only the way forward: bascule resume"
    unchanged site files
    bsc status last --site "$site"
    exits 0
    says "past the point of no return"
    says_not "bascule rollback"

    it "the command that is told works as it stands"
    bsc rollback last --site "$site" --yes --json
    exits 3
    : >open
    command=$(json out '$.error.hint' | sed 's/.*: bascule //')
    eval "bsc $command --yes"
    exits 0
    stands "done"
    verifies
    bsc rollback last --site "$site" --yes
    exits 3
    says "is its point of no return"
    says_not "way forward"
}

# A switch that is turned back by turning it once more.
turning() {
    small_site
    site=
    mkfifo hold
    cat >turn <<'END'
printf 'turned\n' >>ledger
[ ! -e slow ] || { : >turning; head -c 1 hold; }
END
}

# A rollback is killed at its first change.
kill_turning() {
    : >slow
    "$program" rollback last --yes >out 2>err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e turning
    kill_run
    let_go_of_orphans
    rm slow
}

same_change() {
    turning
    cat >turn.lua <<'END'
runbook "turn" { summary = "Turns a switch" }
step "Turn" {
  command.run { argv = { "/bin/sh", "turn" } },
  undo = { command.run { argv = { "/bin/sh", "turn" } } },
}
step "Fail" { command.run { argv = { "/bin/false" } }, harmless = "nothing" }
END
    bsc run turn.lua --yes
    exits 1
    ledger_is "turned"

    it "an undo that looks like a change of the way forward is made"
    kill_turning
    ledger_is "turned turned"

    it "there is no way forward, whatever is in doubt"
    bsc resume last --yes
    exits 3
    says "is being taken back"

    it "killed meanwhile, it is not made a second time when it was made"
    bsc rollback last --yes
    exits 6
    says "=made; if it was not"
    bsc rollback last --yes --settle made
    exits 0
    ledger_is "turned turned"
    stands "rolled back"
    verifies
}

stays() {
    small_site
    site=
    cat >halting.lua <<'END'
runbook "halting" { summary = "Some of it has no undo" }
local argv = { "/bin/true" }
step "Harmless" { command.run { argv = argv }, harmless = "does nothing" }
step "Final" { command.run { argv = argv }, command.run { argv = argv, undo = { argv = argv } } }
step "Fail" { command.run { argv = { "/bin/false" } } }
END
    bsc run halting.lua --yes
    exits 1
    it "what has no undo is named before a rollback is confirmed, and stays"
    bsc rollback last
    exits 3
    says "warning: step 2, Final: what command.run has changed stays, for it has no undo"
    says_not "Harmless"
    says "1 change planned"
    bsc rollback last --yes --json
    exits 0
    one_line_of_json
    same "$(json out '$.stays[0]')" \
        "step 2, Final: what command.run has changed stays, for it has no undo" "what stays"
    bsc report last -o report.html
    report_says "what command.run has changed stays"
    verifies

    it "where nothing else was changed there is nothing to take back"
    sed -i '/^step "Final"/s/, command.run .*} }/ }/' halting.lua
    bsc run halting.lua --yes
    exits 1
    bsc rollback last --yes
    exits 3
    says "step 2, Final: what command.run has changed stays"
    says "can be taken back"
    stands halted
}

doubted() {
    turning
    cat >turn.lua <<'END'
runbook "turn" { summary = "Turns a switch, and more" }
local argv = { "/bin/sh", "turn" }
step "Turn" { command.run { argv = argv, undo = { argv = argv } } }
step "Point" {
  command.run { argv = { "/bin/sh", "-c", ": >turning; head -c 1 hold" } },
  point_of_no_return = true,
}
END
    "$program" run turn.lua --yes >out 2>err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e turning
    kill_run
    let_go_of_orphans

    it "killed at the point of no return, a run is told to have passed it perhaps"
    bsc status last
    says "the point of no return may have been passed"

    it "and it is taken back if it has not"
    bsc rollback last --yes --settle made
    exits 3
    says "is its point of no return"
    bsc rollback last --yes --settle not-made
    exits 0
    ledger_is "turned turned"
    verifies
}

twins() {
    turning
    cat >turn.lua <<'END'
runbook "turn" { summary = "Turns a switch twice" }
local function turn()
  return command.run { argv = { "/bin/sh", "turn" }, undo = { argv = { "/bin/sh", "turn" } } }
end
step "Turn" { turn(), turn() }
step "Fail" { command.run { argv = { "/bin/false" } }, harmless = "nothing" }
END
    bsc run turn.lua --yes
    exits 1
    kill_turning
    ledger_is "turned turned turned"

    it "what one of them has made does not stand for the other"
    bsc rollback last --yes --settle made
    exits 0
    says "made before, and not made again: /bin/sh turn"
    says "1 change planned"
    says "rolled back: 2 of 2 items, 1 change"
    ledger_is "turned turned turned turned"
    verifies
}

typed() {
    small_site
    site=
    cat >halting.lua <<END
runbook "halting" { summary = "Its undo fails" }
step "Do" {
  command.run { argv = { "/bin/true" } },
  undo = { command.run { argv = { "/usr/bin/test", "-e", "$work/open" } } },
}
step "Fail" { command.run { argv = { "/bin/false" } }, harmless = "nothing" }
END
    bsc run halting.lua --runs "it's here" --yes
    exits 1
    it "the ways on that a status tells can be typed as they stand"
    bsc status last --runs "it's here" --json
    eval "bsc $(json out '$.next[1]' | sed 's/^bascule //') --yes"
    exits 1
    says "failed: 0 of 1 items"
    bsc status "it's here/$(ls "it's here" | grep halting)"
    says "at taking back 1 Do: failed"
    bsc status "it's here/$(ls "it's here" | grep halting)" --json
    same "$(json out '$.stuck.item')" 1 "item whose undo stopped"
    same "$(json out '$.items_undone')" 0 "items taken back"
    eval "bsc $(json out '$.next[0]' | sed 's/^bascule //') --yes"
    exits 1
    says "take back: Do"

    it "and those that a refusal tells"
    bsc resume last --runs "it's here" --json
    exits 3
    : >open
    eval "bsc $(json out '$.error.hint' | sed 's/^Go on with that: bascule //') --yes"
    exits 0
    says "rolled back: 1 of 1 items"
}

case $1 in
same) same_change ;;
*) "$1" ;;
esac
