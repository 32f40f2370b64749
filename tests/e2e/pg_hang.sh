# A server that hangs in the middle of a run, as with a disk that does not answer any more: whom the
# run waits for is said, it goes on when the server does, and Ctrl-C twice is a way out.
. "$(dirname "$0")/lib.sh"

cat >hang.lua <<'END'
runbook "hang" { summary = "Looks at a server twice", params = { database = param.database() } }
local copy = params.database.secondary
guard "Before" { copy:is "restoring" }
step "Hold" {
  command.run { argv = { "/bin/sh", "-c", "touch held; exec head -c 1 hold" } }, harmless = "waits",
}
step "After" { verify { copy:is "restoring" } }
END
mkfifo hold

is_under_way() {
    kill -0 "$run" 2>/dev/null || {
        wait_for_run
        fail "it has ended"
    }
}

# has_said COUNT WORDS: so many of its lines have them.
has_said() {
    is_under_way
    [ "$(grep -c "$2" run.out)" -ge "$1" ]
}

holds_now() {
    is_under_way
    test -e held
}

# The run has a connection to the server when that stops; whatever is begun there stops as well.
hangs() {
    rm -f held
    "$program" run hang.lua --site site/site.yaml --yes "$@" >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 holds_now
    stopped=$(residents "$work/site/dc2/sql3/data")
    kill -STOP $stopped
    printf x >hold
    until_true 60 has_said 1 'waiting for sql3 (.*): nothing heard for 1[0-9] s'
}

wait_for_run() {
    code=0
    wait "$run" || code=$?
    cp run.out out
    cp run.err err
}

new_servers site

it "says whom it waits for, and since when"
hangs
until_true 60 has_said 2 'nothing heard for'

it "goes on when the server does"
kill -CONT $stopped
wait_for_run
exits 0
says "done: 3 of 3 items"

it "ends at once at the second Ctrl-C, and says how to go on"
hangs
pressed_again() {
    kill -INT "$run" 2>/dev/null
    grep -q 'ended at once' run.err
}
until_true 60 pressed_again
wait_for_run
kill -CONT $stopped
exits 6
says "ended at once"
bsc status last --site site/site.yaml
says "interrupted"
