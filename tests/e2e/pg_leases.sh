# Two controllers do not change one PostgreSQL server at a time, wherever they keep their runs.
. "$(dirname "$0")/lib.sh"
new_servers site
break_lab site primary-site
lease=$work/site/dc2/sql3/copied/bascule.lease

# book NAME ACTION: ends log shipping, does that, and copies the log backups.
book() {
    cat >"$1.lua" <<END
runbook "$1" { summary = "Copies", params = { database = param.database() } }
local secondary = params.database.secondary
local free = command.facts "free" { argv = { "/usr/bin/test", "!", "-e", "wait.a" } }
step "Remove log shipping" { log_shipping.remove(secondary) }
step "Between" { $2, harmless = "x" }
step "Copy the backups" { log_backups.copy(secondary) }
END
}
# Between its two changes this waits until there is no file wait.a any more, and is within neither.
# Before it has made that file there is nothing to wait for.
book a 'command.run { argv = { "/usr/bin/touch", "wait.a" } },
  wait_until { free:has { exit = 0 }, timeout = "10m", every = "50ms" },
  command.run { argv = { "/bin/true" } }'
book b 'command.run { argv = { "/bin/true" } }'

# Run in a folder of runs of its own: of NAME VERB WORDS…
of() {
    name=$1
    shift
    bsc "$@" --runs "$work/$name"
}

is_waiting() {
    grep -qs '"exit":1' a/*/journal.jsonl
}

# The log files of the secondary that are there.
copied() {
    find site/dc2/sql3/copied -name '0*' | wc -l
}

it "while one is at work, the other is refused and told who that is"
"$program" run a.lua --site site/site.yaml --runs "$work/a" --yes >a.out 2>&1 </dev/null &
run=$!
background="$background $run"
until_true 60 is_waiting
of b run b.lua --site site/site.yaml --yes
exits 3
says "has the lease '$lease' since 20"
says "process $run of"

it "one that was taken over from wakes up and changes nothing more"
kill -STOP "$run"
before=$(copied)
of b run b.lua --site site/site.yaml --yes --take-over "host a hangs"
exits 0
after=$(copied)
[ "$after" -gt "$before" ] || fail "nothing was copied"
rm wait.a
kill -CONT "$run"
code=0
wait "$run" || code=$?
cp a.out out
: >err
exits 3
says "host a hangs"
same "$(copied)" "$after" "the files copied"

it "when both have ended, nobody holds anything"
of b status --site site/site.yaml --json
same "$(json out '$.leases')" "[]" "leases that are held"
same "$(json "$lease" '$.epoch')" 2 "the epoch"
