# Two controllers on one site: runs are kept in two folders, so that only the leases in the targets
# keep them apart.
#   leases.sh PROGRAM asleep   one is stopped between two changes, the other takes over
#   leases.sh PROGRAM amidst   one is stopped within a change
#   leases.sh PROGRAM left     one is killed
#   leases.sh PROGRAM names    one target has several names
#   leases.sh PROGRAM wrong    a lease that nobody can read, or that cannot be written
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stopped.sh"

site_of_files
sql one/state.db "CREATE TABLE state (first, last); INSERT INTO state VALUES ('-', '-');
CREATE TABLE ledger (who)"
lease=$work/one/state.db.lease

# book NAME STEP: sets first, does the step and sets last, each to its name.
book() {
    cat >"$1.lua" <<END
runbook "$1" { summary = "Sets first and last" }
local free = command.facts "free" { argv = { "/usr/bin/test", "!", "-e", "wait.a" } }
local function set(column)
  local now = sql.facts(column) {
    server = "one", file = "state.db", query = "SELECT " .. column .. " AS value FROM state",
  }
  return sql.change {
    server = "one", file = "state.db", becomes = { [now] = { value = "$1" } },
    statement = "UPDATE state SET " .. column .. " = '$1'",
  }
end
step "First" { set "first", harmless = "x" }
step "Between" { $2, harmless = "x" }
step "Last" { set "last", harmless = "x" }
END
}

# Between its two changes this waits until there is no file wait.a any more, and is within neither.
# Before it has made that file there is nothing to wait for.
waiting='command.run { argv = { "/usr/bin/touch", "wait.a" } },
  wait_until { free:has { exit = 0 }, timeout = "10m", every = "50ms" },
  command.run { argv = { "/bin/true" } }'
holding='command.run { argv = { "/bin/sh", "-c", "echo $$ >held.up; head -c 1 hold" } }'
nothing='command.run { argv = { "/bin/true" } }'
mkfifo hold

# Run in a folder of runs of its own: runs_of NAME VERB WORDS…
of() {
    name=$1
    shift
    bsc "$@" --runs "$work/$name"
}

begin_a() {
    "$program" run a.lua --yes --runs "$work/a" >a.out 2>&1 </dev/null &
    run=$!
    background="$background $run"
    until_true 60 "$@"
}

state_is() {
    same "$(sql one/state.db "SELECT first || ' ' || last FROM state")" "$1" "the state"
}

is_waiting() {
    grep -qs '"exit":1' a/*/journal.jsonl
}

holder_is() {
    of a status --json
    exits 0
    same "$(json out '$.leases[0].stand')" "$1" "how the lease stands"
    same "$(json out '$.leases[0].place')" "$lease" "where the lease is"
}

# of_a ends with this code; what it said is in the file out.
a_ends() {
    code=0
    wait "$run" || code=$?
    cp a.out out
    : >err
    exits "$1"
}

asleep() {
    book a "$waiting"
    book b "$nothing"
    begin_a is_waiting

    it "while one is at work, another one is refused, and told who works since when"
    of b run b.lua --yes
    exits 3
    says "has the lease '$lease' since 20"
    says "process $run of $(id -un) on host $(hostname), which is at work"
    says '--take-over "REASON"'
    [ -z "$(find b -mindepth 1 ! -name 'lock*')" ] || fail "a run was begun"
    holder_is held
    same "$(json out '$.leases[0].pid')" "$run" "the holder's process"

    it "taking over needs a reason"
    of b run b.lua --yes --take-over " "
    exits 2
    says "--take-over needs a reason"

    it "with a reason it takes over, and says so where it is read later"
    kill -STOP "$run"
    of b run b.lua --yes --take-over "host a hangs; agreed with Ann"
    exits 0
    says "took over the lease '$lease' from run"
    state_is "b b"
    grep -q '"kind":"lease".*"reason":"host a hangs; agreed with Ann"' b/*/journal.jsonl ||
        fail "the journal does not say that it took over"
    of b report last -o "$work/report.html"
    report_says "host a hangs; agreed with Ann"

    it "the one that was stopped wakes up, changes nothing more and says why"
    rm wait.a
    kill -CONT "$run"
    a_ends 3
    says "took over at 20"
    says "host a hangs; agreed with Ann"
    state_is "b b"
    of a audit verify last
    exits 0
    of a status last --json --site site.yaml
    same "$(json out '$.state')" refused "state"
    same "$(json out '$.items_done')" 1 "items done"

    it "it is resumed only by somebody who says why, since another one has worked there"
    of a resume last --yes
    exits 3
    says "since this run stopped, run"
    says "taken over: host a hangs; agreed with Ann"
    state_is "b b"
    of a resume last --yes --take-over "b is done"
    exits 0
    state_is "b a"
    of b status --site site.yaml --json
    same "$(json out '$.leases')" "[]" "leases that are held"
}

amidst() {
    book a "$holding"
    book b "$nothing"
    begin_a test -e held.up

    it "nobody takes over in the midst of a change"
    kill -STOP "$run"
    of b run b.lua --yes --take-over "a hangs"
    exits 3
    says "somebody is in the midst of a change under the lease '$lease'"
    state_is "a -"
    holder_is held

    it "once its process is killed, its lease can be taken over from the program that is at work"
    kill -KILL "$run"
    wait "$run" || true
    holder_is held
    of b run b.lua --yes
    exits 3
    says "which is at work"
    of b run b.lua --yes --take-over "a is dead"
    exits 0
    state_is "b b"
    kill -KILL "$(cat held.up)" || true
}

left() {
    book a "$waiting"
    book b "$nothing"
    begin_a is_waiting
    kill -KILL "$run"
    wait "$run" || true

    it "a lease that was left by a process that is gone is shown so, and taken without a word"
    holder_is left
    of a status last
    says "its process is gone; the next run takes it"
    of b run b.lua --yes
    exits 0
    says_not "took over"
    state_is "b b"

    it "and the first run can be gone on with by somebody who says why"
    of a resume last --yes
    exits 3
    says "since this run stopped, run"
    rm wait.a
    of a resume last --yes --take-over "on with a"
    exits 0

    it "a copy of a run's folder is another controller"
    sql one/state.db "UPDATE state SET first = '-', last = '-'"
    rm -r a
    begin_a is_waiting
    cp -r a copied
    of copied resume last --yes
    exits 3
    says "is a copy of the run"
    mv a away
    of copied resume last --yes
    exits 3
    says "which may be at work"
    kill -KILL "$run"
    wait "$run" || true
    rm wait.a
    of copied resume last --yes --take-over "the first was killed"
    exits 0
    mv away a
    of a resume last --yes
    exits 3
    says "since this run stopped, run"
}

names() {
    ln -s one also
    ln -s state.db one/linked.db
    book a "$waiting"
    book b "$nothing"
    sed -i 's/state\.db/linked.db/' b.lua

    it "who names a target otherwise is kept out by the same lease"
    begin_a is_waiting
    of b run b.lua --yes
    exits 3
    says "has the lease '$lease' since 20"
    rm wait.a
    a_ends 0
    state_is "a a"

    it "a run that has two names for one target does not get in its own way"
    cat >>site.yaml <<'END'
  also: { data_centre: here, platform: sqlite, folder: also,
          connection: "Driver=SQLite3;NoCreat=Yes;Timeout=2000" }
END
    sed -e 's/function set(column)/function set(column, server)/' \
        -e 's/server = "one"/server = server/' \
        -e 's/set "first"/set("first", "one")/; s/set "last"/set("last", "also")/' b.lua >c.lua
    of b run c.lua --yes
    exits 0
    state_is "b b"
    [ "$(find one -name '*.lease' | wc -l)" -eq 1 ] || fail "there are several leases"
}

wrong() {
    book a "$nothing"
    printf 'not a lease\n' >"$lease"

    it "a lease that nobody can read is taken only with a reason"
    of a run a.lua --yes
    exits 3
    says "nobody can tell who has the lease '$lease'"
    of a run a.lua --yes --take-over "the file was damaged"
    exits 0
    cp "$lease" kept
    printf 'not a lease\n' >"$lease"
    of a status
    says "nobody can tell who has it"
    cp kept "$lease"
    state_is "a a"

    it "a lease that cannot be written keeps a run from beginning its first change"
    sql one/state.db "UPDATE state SET first = '-'"
    rm "$lease"
    mkdir "$lease"
    of a run a.lua --yes
    exits 1
    says "could not read lease '$lease'"
    state_is "- a"

    it "whoever removes a lease has taken it from its owner"
    rmdir "$lease"
    book a "$waiting"
    rm -r a
    begin_a is_waiting
    rm "$lease"
    rm wait.a
    a_ends 3
    says "the lease '$lease' is no longer ours"
    state_is "a a"
}

"$1"
