# What may go wrong on the last steps of a standby of PostgreSQL: its role may not wake it, coming
# online takes long, the operator wants to stop, and somebody changes a setting at that moment.
. "$(dirname "$0")/lib.sh"

cat >online.lua <<'END'
runbook "online" {
  summary = "Bring the secondary online",
  params = { database = param.database() },
}
local db = params.database
step "Remove log shipping"             { log_shipping.remove(db.secondary) }
step "Copy the backups not yet copied" { log_backups.copy(db.secondary) }
step "Apply the log backups in order"  { log_backups.apply(db.secondary) }
step "End every session"               { sessions.kill_all(db.secondary) }
step "Bring the database online"       { database.recover(db.secondary), point_of_no_return = true }
END

sed -e '/^step "Bring/d' -e 's/"online"/"ship"/' online.lua >ship.lua

# A standby that is told to come online first asks for the next log file; it gets no answer to that
# until there is a file `go`.
cat >wait.sh <<'END'
[ ! -e "$1/slow" ] || while [ ! -e "$1/go" ]; do sleep 0.02; done
test -e "$2" && cp "$2" "$3"
END
chmod 755 wait.sh

new_servers site
if [ "$1" = deaf ]; then
    pg dc1/sql1 "CREATE ROLE watcher LOGIN IN ROLE pg_monitor"
    for i in 1 2; do
        pg dc1/sql1 "CREATE TABLE t$i AS SELECT 1"
        switched=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
        until_true 60 test -e "site/backups/mgc/$switched"
    done
fi
if [ "$1" = stopped ]; then
    pg dc1/sql1 "ALTER DATABASE mgc SET default_transaction_read_only = on"
    switched=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
    until_true 60 test -e "site/backups/mgc/$switched"
fi
copied=$work/site/dc2/sql3/copied
setting dc2/sql3 "restore_command = 'sh $work/wait.sh $work $copied/%f %p'"
break_lab site primary-site
# Somebody tried the secondary out once, and gave that timeline up.
printf '1\t0/1D00028\tno recovery target specified\n' >site/backups/mgc/00000002.history
if [ "$1" = deaf ]; then
    it "a standby that its role may not wake is given the time for its own looks"
    sed -i '/^step "End/d' ship.lua
    last=$(cd site/backups/mgc && find . -name '????????????????????????' | sort | tail -n 1)
    mv "site/backups/mgc/$last" .
    bsc run ship.lua --site site/site.yaml --yes
    exits 0
    mv "$last" site/backups/mgc/
    sed 's/UID=postgres/UID=watcher/' site/site.yaml >site/other.yaml
    bsc run ship.lua --site site/other.yaml --yes
    exits 0
    says "done: 3 of 3 items, 2 changes"
    exit 0
fi
bsc run ship.lua --site site/site.yaml --yes
exits 0

it "a history that is given up is no part of the folder until the standby is told"
[ ! -e "$copied/00000002.history" ] || fail "it is there"

is_told() {
    [ -e site/dc2/sql3/data/promote ]
}

# Begins to bring it online, up to where it was told and has not done it yet.
touch slow
"$program" run online.lua --site site/site.yaml --yes >run.out 2>run.err </dev/null &
run=$!
background="$background $run"
until_true 60 is_told
[ -e "$copied/00000002.history" ] || fail "the history is not there"

ends() {
    code=0
    wait "$run" || code=$?
    cat run.out run.err >out
}

case $1 in
stopped)
    it "who wants to stop while it comes online learns whether it has"
    kill -INT "$run"
    touch go
    ends
    [ "$code" -ne 0 ] || fail "it was not stopped"
    same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" f "in recovery"
    says_not "has not taken effect"

    it "what is left is done by resuming"
    bsc resume last --site site/site.yaml --yes
    exits 0

    it "what closes the database to its clients is told, and left as it was"
    says "are refused writes, as they were before: ALTER DATABASE mgc SET"
    ;;
waits)
    it "a commit that waits is a failure, whatever the facts say"
    setting dc2/sql3 "synchronous_standby_names = 'gone'"
    touch go
    ends
    [ "$code" -ne 0 ] || fail "it was taken for online"
    says "nothing can be committed on it"

    it "it is not taken for online as long as that is so"
    bsc resume last --site site/site.yaml --yes
    [ "$code" -ne 0 ] || fail "it was resumed"
    says "its commits wait for gone (synchronous_standby_names), which is not there"

    it "mended, it goes on"
    setting dc2/sql3 "synchronous_standby_names = ''"
    until_true 60 eval '[ -z "$(pg dc2/sql3 "SHOW synchronous_standby_names")" ]'
    bsc resume last --site site/site.yaml --yes
    exits 0
    ;;
killed)
    it "who was killed meanwhile left a standby that may come online, and no way back"
    kill -KILL "$run"
    ends
    bsc observe --site site/site.yaml -o facts.json
    same "$(json facts.json '$."database:mgc.secondary".coming_online')" 1 "coming online"
    bsc rollback last --site site/site.yaml --yes
    exits 3
    says "point of no return"

    # It is told anew.
    rm "$copied/00000002.history" site/dc2/sql3/data/promote
    "$program" resume last --site site/site.yaml --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 is_told

    it "of a server that is killed meanwhile it is not known"
    kill_residents "$work/site/dc2/sql3"
    ends
    exits 6
    says "was told to come online, and may still do so"
    says "cannot be started again with 00000002.history in $copied and in its pg_wal"
    ;;
esac

it "the journal verifies"
bsc audit verify last --site site/site.yaml
exits 0
