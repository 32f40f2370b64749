# A run whose files were changed after it had begun is gone on with where only what is ahead
# differs, and somebody accepts that.
#   accept_changes.sh PROGRAM tail     a step that is still ahead
#   accept_changes.sh PROGRAM again    nothing, and something for a second time
#   accept_changes.sh PROGRAM prefix   a step that was carried out
#   accept_changes.sh PROGRAM half     the step that it stopped at
#   accept_changes.sh PROGRAM unmade   the same, where nothing of it was made
#   accept_changes.sh PROGRAM words    comments and the like
#   accept_changes.sh PROGRAM site     the site file
#   accept_changes.sh PROGRAM params   parameters
#   accept_changes.sh PROGRAM code     a primitive of one's own
#   accept_changes.sh PROGRAM build    bascule itself
#   accept_changes.sh PROGRAM killed   it is killed while it accepts, and is taken back in the end
. "$(dirname "$0")/lib.sh"
. "$tests/stopped.sh"
small_site
site=

# Each start of a program is a line in `ledger`. `gate` works once there is the file `open`; `hold`
# lasts until somebody writes to the pipe.
mkfifo hold
cat >act <<'END'
printf '%s\n' "$1" >>ledger
case $1 in
gate) [ -e open ] ;;
hold) : >>held.up && head -c 1 hold ;;
esac
END

# act TITLE WORD UNDO: a step that says WORD, and is taken back by saying UNDO
act() {
    printf 'step "%s" {\n  command.run { argv = { "/bin/sh", "act", "%s" } },\n' "$1" "$2"
    printf '  undo = { command.run { argv = { "/bin/sh", "act", "%s" } } },\n}\n' "$3"
}

# Three steps, of which the second halts.
steps() {
    printf 'runbook "tail" { summary = "Steps" }\n'
    act first first unfirst
    act gate gate ungate
    act last last unlast
}

halt() {
    bsc run tail.lua --yes "$@"
    exits 1
    stands halted
    journal=$(ls -d runs/*/journal.jsonl | tail -n 1)
    folder=${journal%/*}
    cp "$journal" before
}

anew() {
    rm -rf runs ledger open
}

# Nothing was written; what was refused is in the file out.
untouched() {
    cmp -s before "$journal" || fail "the journal was written to"
    [ ! -e "$folder/inputs" ] || fail "files were kept"
}

# refused_for_good WORDS…: with the flag and without; somebody has to put the files back.
refused_for_good() {
    for flag in --yes --accept-changes; do
        bsc resume last --yes $flag
        exits 3
        for words in "$@"; do
            says "$words"
        done
        says "was carried out already, or may have been"
        says "as it is kept in"
        says_not "To go on with them"
        untouched
    done
    bsc resume last --yes --accept-changes --json
    exits 3
    one_line_of_json
    same "$(json out '$.drift.amendment.holds')" 0 "what holds"
}

# refused_for_now WORDS…: until it is accepted.
refused_for_now() {
    bsc resume last --yes
    exits 3
    for words in "$@"; do
        says "$words"
    done
    says "--accept-changes"
    says_not "carried out already, or begun"
    untouched
}

accepted() {
    bsc resume last --yes --accept-changes
    exits 0
    stands "done"
    verifies
}

tail_edited() {
    steps >tail.lua
    halt
    : >open
    sed 's/"last" }/"other" }/; s/^runbook/-- mended\nrunbook/' tail.lua >new.lua
    act more more unmore >>new.lua
    cp tail.lua old.lua
    cp new.lua tail.lua

    it "what differs is shown step by step, with its lines, and nothing is done"
    refused_for_now "still ahead" "differs: tail.lua:11, was line 10" \
        "actions[1].args.argv[3]: last -> other" "new: tail.lua:15" "- /bin/sh act last" \
        "+ /bin/sh act other"
    bsc resume last --json
    exits 3
    one_line_of_json
    same "$(json out '$.drift.amendment.holds')" 1 "what holds"
    same "$(json out '$.drift.amendment.items[0].how[0].now')" other "what is new"
    same "$(json out '$.drift.amendment.items[1].what')" new "what the second is"
    command=$(json out '$.error.hint' | sed 's/^.*: bascule //')

    it "nobody there to confirm it, it is not accepted either"
    bsc resume last --accept-changes
    exits 3
    says "There is no terminal; give --yes"
    untouched
    bsc rollback last --yes
    exits 3
    says "was begun with other files"
    untouched

    it "the command that is told goes on with what is there now"
    eval "bsc $command --yes"
    exits 0
    says "act other"
    ledger_is "first gate gate other more"
    stands "done"
    verifies
    says "and those that were accepted later: 1"
    same "$(grep -c '"accepted"' "$journal")" 1 "records that accept something"
    grep '"accepted"' "$journal" | grep -q "\"by\":\"$(id -un)\"" || fail "nobody accepted it"

    it "both sets of files are kept, and neither may be touched"
    cmp -s "$folder/runbook.lua" old.lua || fail "the old runbook is not kept"
    cmp -s "$folder/inputs/1/runbook.lua" new.lua || fail "the new runbook is not kept"
    for file in runbook.lua site.yaml plan.json inputs/1/runbook.lua inputs/1/site.yaml \
        inputs/1/plan.json; do
        cp "$folder/$file" kept
        sed 's/small/tiny/; s/Steps/Stops/' kept >"$folder/$file"
        bsc audit verify last
        exits 5
        says "differs $file"
        cp kept "$folder/$file"
    done
    verifies

    it "the report tells what was accepted and by whom"
    bsc report last -o report.html
    exits 0
    report_says "Changes accepted by $(id -un)"
    report_says "actions[1].args.argv[3]: last → other"
    report_says "<th>Items</th><td>4 of 4"

    it "a rollback takes back what was done, each step as it was when it was done"
    bsc rollback last --yes
    exits 0
    ledger_is "first gate gate other more unmore unlast ungate unfirst"
    stands "rolled back"
    verifies
}

again() {
    it "where nothing has changed there is nothing to accept, and that is no mistake"
    steps >tail.lua
    halt
    bsc resume last --yes --accept-changes
    exits 1
    says "there is nothing to accept"
    [ ! -e "$folder/inputs" ] || fail "files were kept"

    it "what was accepted counts from then on: it needs no second word"
    sed -i 's/"last" }/"further" }/' tail.lua
    bsc resume last --yes --accept-changes
    exits 1
    ledger_is "first gate gate gate"
    bsc resume last --yes
    exits 1
    says_not "accept"
    says_not "still ahead"
    ledger_is "first gate gate gate gate"

    it "what it was begun with does not count any more"
    steps >tail.lua
    bsc resume last --yes
    exits 3
    says "argv[3]: further -> last"
    bsc rollback last --yes
    exits 3
    says "kept in $folder/inputs/1,"

    it "something else can be accepted after it"
    sed -i 's/"last" }/"other" }/' tail.lua
    : >open
    accepted
    ledger_is "first gate gate gate gate gate other"
    says "accepted later: 2"
    bsc report last -o report.html
    exits 0
    report_says "further → other"
    bsc rollback last --yes
    exits 0
    verifies
}

# change WORDS COMMAND…: the runbook is edited, which must be refused for good with these words.
change() {
    words=$1
    shift
    cp good.lua tail.lua
    "$@"
    ! cmp -s good.lua tail.lua || fail "nothing was edited"
    refused_for_good "$words"
    cp good.lua tail.lua
}

edit() {
    sed -i "$1" tail.lua
}

insert_before() {
    { sed "/^step \"$1\"/,\$d" good.lua && act none none unnone &&
        sed -n "/^step \"$1\"/,\$p" good.lua; } >tail.lua
}

leave_out_first() {
    sed '/^step "first"/,/^}/d' good.lua >tail.lua
}

# The option as the last of the first step.
with_option() {
    sed "0,/^}/s//  $1,\n}/" good.lua >tail.lua
}

prefix() {
    cat >good.lua <<'END'
runbook "tail" { summary = "Steps" }
local there = command.facts "there" { argv = { "/bin/true" } }
guard "Here" { there:has { exit = { 0, 3 } } }
END
    steps | sed 1d >>good.lua
    cp good.lua tail.lua
    halt
    it "what was done must be what it was: its change"
    change "argv[3]: first -> other" edit 's/"first" }/"other" }/'
    it "its undo"
    change "undo[1].args.argv[3]: unfirst -> other" edit 's/"unfirst"/"other"/'
    it "its name and its place"
    change "gone: runbook.lua:4" edit 's/step "first"/step "begin"/'
    change "gone: runbook.lua:4" leave_out_first
    change "new: tail.lua:4" insert_before first
    change "new: tail.lua:8" insert_before gate
    it "and whatever else is said of it"
    change "optional: (none) -> yes" with_option 'optional = true'
    change "point_of_no_return: (none) -> yes" with_option 'point_of_no_return = true'
    change "timeout_ms: (none) -> 5000" with_option 'timeout = "5s"'
    change "retry" with_option 'retry = { times = 2 }'
    change "harmless: (none) -> nobody minds" with_option 'harmless = "nobody minds"'
    it "so must a guard that was passed, and what it looked at"
    change "exit 0 or 3 -> command there has exit 0 or 4" edit 's/0, 3/0, 4/'
    change "/bin/true -> /bin/echo" edit 's,/bin/true,/bin/echo,'

    it "with the files as they were it goes on"
    : >open
    bsc resume last --yes
    exits 0
    ledger_is "first gate gate last"
}

half() {
    cat >good.lua <<'END'
runbook "tail" { summary = "Steps" }
step "both" {
  command.run { argv = { "/bin/sh", "act", "first" } },
  command.run { argv = { "/bin/sh", "act", "gate" } },
  harmless = "x",
}
step "last" { command.run { argv = { "/bin/sh", "act", "last" } }, harmless = "x" }
END
    cp good.lua tail.lua
    halt
    it "a step that was begun must be the same in all its parts"
    change "argv[3]: gate -> other" edit 's/"gate"/"other"/'
    change "argv[3]: first -> other" edit 's/"first"/"other"/'
    edit 's/"last" }/"other" }/'
    : >open
    accepted
    ledger_is "first gate gate other"

    it "so must one that only says that it failed: it may have left something behind"
    anew
    steps >good.lua
    cp good.lua tail.lua
    halt
    change "argv[3]: gate -> other" edit 's/"gate" }/"other" }/'
}

# made FIRST PROGRAM: a step that does FIRST, and makes a file if the program does.
made() {
    printf 'runbook "tail" { summary = "Steps" }\n'
    act first first unfirst
    cat <<END
local there = command.facts "there" { argv = { "/usr/bin/test", "-e", "made" } }
step "make" {
  $1
  command.run { argv = { $2 }, becomes = { [there] = { exit = 0 } } },
  harmless = "x",
}
END
}

# ready TEST: a step that only looks.
ready() {
    printf 'runbook "tail" { summary = "Steps" }\n'
    act first first unfirst
    printf 'local there = command.facts "there" { argv = %s }\n' \
        "{ \"/bin/sh\", \"-c\", \"test $1 ledger\" }"
    printf 'step "ready" { verify { there:has { exit = 0 } } }\n'
    act last last unlast
}

unmade() {
    made '' '"/bin/false"' >tail.lua
    halt
    it "a step of which a look shows that nothing was made may be another one now"
    made '' '"/usr/bin/touch", "made"' >tail.lua
    refused_for_now "still ahead" "argv[1]: /bin/false -> /usr/bin/touch"
    accepted
    ledger_is first
    [ -e made ] || fail "nothing was made"
    rm made

    it "it begins anew with its first action"
    anew
    made 'verify { there:has { exit = 1 } },' '"/bin/false"' >tail.lua
    halt
    made 'command.run { argv = { "/bin/sh", "act", "zero" } },' '"/usr/bin/touch", "made"' >tail.lua
    accepted
    ledger_is "first zero"
    rm made

    it "so may one that stopped before any change"
    anew
    ready '! -e' >tail.lua
    halt
    ready '-e' >tail.lua
    refused_for_now "2 step ready" "test ! -e ledger -> test -e ledger"
    accepted
    ledger_is "first last"
}

words_only() {
    steps >tail.lua
    halt
    : >open
    { printf -- '-- A comment.\n\n' && sed 's/^step/-- another\n\nstep/' tail.lua; } >new.lua
    cp new.lua tail.lua
    it "of comments and blank lines it is said that no step differs, and they are accepted as well"
    refused_for_now "No step differs." "runbook tail.lua:"
    accepted
    ledger_is "first gate gate last"
    cmp -s "$folder/inputs/1/runbook.lua" new.lua || fail "the new runbook is not kept"
    bsc report last -o report.html
    exits 0
    report_says "No item differed."
}

site_edited() {
    cat >site.yaml <<'END'
site: two
data_centres:
  here: { title: Here }
servers:
  one: { data_centre: here, platform: sqlite, folder: one, connection: Driver=SQLite3 }
  two: { data_centre: here, platform: sqlite, folder: two, connection: Driver=SQLite3 }
END
    cat >tail.lua <<'END'
runbook "tail" { summary = "Two databases" }
step "first" {
  sql.change { server = "one", file = "a.db", statement = "INSERT INTO t VALUES (1)" },
  harmless = "x",
}
step "gate" { command.run { argv = { "/bin/sh", "act", "gate" } }, harmless = "x" }
step "last" {
  sql.change { server = "two", file = "a.db", statement = "INSERT INTO t VALUES (2)" },
  harmless = "x",
}
END
    mkdir one two three
    for each in one two three; do
        sql $each/a.db "CREATE TABLE t (n)"
    done
    halt
    : >open
    cp site.yaml good.yaml

    it "a server that was changed already cannot become another one"
    sed -i 's/folder: one/folder: three/' site.yaml
    refused_for_good "servers.one.folder: $(pwd -P)/one -> $(pwd -P)/three"
    cp good.yaml site.yaml
    sed -i 's/site: two/site: three/' site.yaml
    refused_for_good "site: two -> three"
    cp good.yaml site.yaml

    it "a server that is only needed later can"
    sed -i 's/folder: two/folder: three/' site.yaml
    refused_for_now "site site.yaml:" "No step differs."
    accepted
    cmp -s "$folder/inputs/1/site.yaml" site.yaml || fail "the new site file is not kept"
    same "$(sql one/a.db 'SELECT count(*) FROM t')" 1 "rows in the first"
    same "$(sql two/a.db 'SELECT count(*) FROM t')" 0 "rows in the second"
    same "$(sql three/a.db 'SELECT count(*) FROM t')" 1 "rows in the third"
}

params() {
    cat >tail.lua <<'END'
runbook "tail" {
  summary = "Steps",
  params = { early = param.text { default = "one" }, late = param.text { default = "two" } },
}
step "first" { command.run { argv = { "/bin/sh", "act", params.early } }, harmless = "x" }
step "gate" { command.run { argv = { "/bin/sh", "act", "gate" } }, harmless = "x" }
step "last" { command.run { argv = { "/bin/sh", "act", params.late } }, harmless = "x" }
END
    halt
    it "a parameter that is needed later may get another value, one that was used may not"
    bsc resume last --yes --set late=other
    exits 3
    says "parameter late: two -> other"
    says "--accept-changes --set late=other"
    untouched
    bsc resume last --yes --accept-changes --set early=other
    exits 3
    says "argv[3]: one -> other"
    says "was carried out already"
    untouched
    bsc rollback last --set late=other
    exits 2
    : >open
    it "where it follows its default, it follows the new one"
    sed -i 's/default = "two"/default = "three"/' tail.lua
    refused_for_now "parameter late: two -> three"
    accepted
    ledger_is "one gate gate three"

    it "where it was set it stays"
    anew
    halt --set late=mine
    : >open
    sed -i 's/default = "three"/default = "four"/' tail.lua
    accepted
    ledger_is "one gate gate mine"

    it "with another value it goes on with that, and counts it for set from then on"
    anew
    halt
    bsc resume last --yes --accept-changes --set late=mine
    exits 1
    : >open
    bsc resume last --yes
    exits 0
    ledger_is "one gate gate gate mine"
    verifies
}

code() {
    cat >own.lua <<'END'
return primitive {
  args = { { "word", "text" } },
  resource = function() return "command:own" end,
  changes = function(a)
    return { { statement = "say " .. a.word, row = "command.run",
      args = { argv = { "/bin/sh", "act", a.word } } } }
  end,
  harmless = "x",
}
END
    cat >tail.lua <<'END'
runbook "tail" { summary = "Steps" }
local own = require "own"
step "first" { own("first") }
step "gate" { command.run { argv = { "/bin/sh", "act", "gate" } }, harmless = "x" }
step "last" { own("last") }
END
    halt
    : >open
    it "nobody can tell what a function does: where one was used its file must be the same"
    cp own.lua good.lua
    printf -- '-- a word\n' >>own.lua
    refused_for_good "code in modules"
    cp good.lua own.lua
    it "what uses it may differ, and its file is kept once more"
    sed -i 's/own("last")/own("other")/' tail.lua
    accepted
    ledger_is "first gate gate other"
    [ -e "$folder/inputs/1/modules/own.lua" ] || fail "the module is not kept"
    printf -- '-- a word\n' >>"$folder/inputs/1/modules/own.lua"
    bsc audit verify last
    exits 5
    says "differs inputs/1/modules/own.lua"
}

# another FROM TO: the program with another library, read from its text: FROM becomes TO, as long.
another() {
    other=$work/other-bascule
    grep -q "$1" "$program" || fail "the program has no \"$1\""
    sed -e 's/[$]LuaVersion: Lua/$LuaVersion: Lux/' -e "s/$1/$2/" "$program" >"$other"
    chmod +x "$other"
}

build() {
    good=$program
    steps >tail.lua
    halt
    : >open
    it "what another build would have done otherwise cannot be accepted"
    another 'return (on and "on "' 'return (on and "at "'
    program=$other
    refused_for_now "bascule itself is another build" "No step differs."
    program=$good
    another 'table.concat(typed, " ")' 'table.concat(typed, "_")'
    program=$other
    refused_for_good "bascule itself is another build" "first"

    it "another build that would have done the same can be gone on with, after a word"
    program=$good
    another 'return (on and "on "' 'return (on and "at "'
    program=$other
    bsc resume last --yes
    exits 3
    says "library"
    accepted
    ledger_is "first gate gate last"
    program=$good
    bsc audit verify last
    exits 0
}

killed() {
    steps >tail.lua
    halt
    : >open
    sed -i 's/"last" }/"hold" }/' tail.lua
    it "files that no record names were left by somebody who died, and count for nothing"
    mkdir -p "$folder/inputs/1"
    printf 'nonsense' >"$folder/inputs/1/runbook.lua"
    bsc audit verify last
    exits 0
    bsc resume last --yes
    exits 3
    says "last -> hold"

    it "the command that it tells to type has every word as it was given"
    bsc resume last --settle "1=made; id"
    exits 3
    says "--accept-changes --settle '1=made; id'"

    it "killed once it has been recorded, it goes on without a second word"
    "$program" resume last --yes --accept-changes >resumed 2>&1 </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e held.up
    kill_run
    let_go_of_orphans
    [ -e "$folder/inputs/2/runbook.lua" ] || fail "the files are not kept"
    stands interrupted
    mv "$folder/inputs" inputs.away
    bsc resume last --yes --settle made
    exits 5
    says "inputs/2/plan.json' is missing, with which"
    mv inputs.away "$folder/inputs"
    bsc resume last --yes --settle made
    exits 0
    ledger_is "first gate gate hold"
    stands "done"
    verifies

    it "and is taken back as it was done"
    bsc rollback last --yes
    exits 0
    ledger_is "first gate gate hold unlast ungate unfirst"
    stands "rolled back"
    verifies
}

case $1 in
tail) tail_edited ;;
words) words_only ;;
site) site_edited ;;
*) "$1" ;;
esac
