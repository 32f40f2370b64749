# Every fault that a practice site on PostgreSQL can be given: each is refused, or halts the run, in
# the right words, and with the fault taken back the same run goes on to its end.
. "$(dirname "$0")/lib.sh"
site=site/site.yaml
copied=$work/site/dc2/sql3/copied

cat >late.lua <<'END'
runbook "late" { summary = "Copies within a time", params = { database = param.database() } }
local db = params.database
step "Remove log shipping"             { log_shipping.remove(db.secondary) }
step "Copy the backups not yet copied" { log_backups.copy(db.secondary), timeout = "500ms" }
END

# breaks FAULT: and the lab's status tells it. The log file it says it has chosen is $chosen.
breaks() {
    break_lab site "$1"
    chosen=$(sed -n 's/.*: \([0-9A-F]\{24\}\)$/\1/p' out)
    bsc lab status site
    exits 0
    says "broken"
    says "$1"
}

repairs() {
    bsc lab repair site "$1"
    exits 0
}

# refused WORDS…: nothing is begun, and why.
refused() {
    bsc run "$failover" --site "$site" --yes
    exits 3
    for words in "$@"; do
        says "$words"
    done
    no_run site
}

# halts WORDS…: resumed, the run stops again, and says why.
halts() {
    bsc resume last --site "$site" --yes
    [ "$code" -ne 0 ] || fail "it got through"
    for words in "$@"; do
        says "$words"
    done
}

# A change of this item is under way.
at_item() {
    tail -qn 1 site/runs/*/journal.jsonl 2>/dev/null |
        grep -q "\"kind\":\"intent\".*\"item\":$1,"
}

# A share that is slow does not move on at all, for as long as the kernel lets a lease hold it up.
stop_share() {
    kill -STOP "$(cat site/.lab/pids/slow-share)"
}

let_share_go() {
    kill -CONT "$(cat site/.lab/pids/slow-share)"
}

new_servers site

it "a primary that answers is not dead, whoever else gets no answer"
breaks primary-alive
says "sql1 (Atlanta) online"
refused "the primary of mgc on sql1 (mgc) is online, wanted unreachable or missing" \
    "Two writable copies would drift apart"

it "neither is one that only we cannot reach, where the site says how its death is proved"
mv site/dc1/sql1/.s.PGSQL.5432 site/dc1/sql1/hidden
sed "s|^  sql1: { |&fence: { proof: [\"$work/proof\"] }, |" site/site.yaml >site/fenced.yaml
cat >proof <<END
#!/bin/sh
! kill -0 "\$(head -n 1 "$work/site/dc1/sql1/data/postmaster.pid")" || { echo it runs; exit 1; }
END
chmod +x proof
bsc plan "$failover" --site site/fenced.yaml
exits 3
says "does not answer, and is not fenced: "
says "it runs"
mv site/dc1/sql1/hidden site/dc1/sql1/.s.PGSQL.5432

it "nor is one that takes connections and hangs"
primary=$(head -n 1 site/dc1/sql1/data/postmaster.pid)
kill -STOP "$primary"
bsc plan "$failover" --site "$site"
kill -CONT "$primary"
exits 3
says "it takes connections and does not answer them, so it is not dead"

it "nor is one that hangs and of which nobody can tell"
sed '/^  sql1:/,/Servername=/s|Port=5432;|&D5={application_name=x};|' site/site.yaml \
    >site/options.yaml
kill -STOP "$primary"
bsc plan "$failover" --site site/options.yaml
kill -CONT "$primary"
exits 3
says "whether it takes connections cannot be told, so it may not be dead"

it "one loss of the primary at a time, and it is repaired with everything else"
bsc lab break site primary-site
exits 3
says "the lab is broken already"
bsc lab repair site primary-alive
exits 3
says "with everything else only"
bsc lab repair site gap
exits 3
says "the lab does not have the fault"
bsc lab repair site
exits 0
bsc lab status site
says_not "broken"

it "a log file that is missing is refused"
breaks gap
says "primary-site, gap"
refused "the log chain of mgc is not whole (gap): $chosen is missing (LSN"
bsc lab break site gap
exits 3
repairs gap

it "one that is damaged is refused"
breaks damaged-backup
refused "the log chain of mgc is not whole (damaged): $chosen: the record at LSN" \
    "does not match its checksum"
repairs damaged-backup

it "one of another timeline is refused"
breaks foreign-fork
refused "the log chain of mgc is not whole (foreign fork): $chosen (LSN" \
    "is of timeline 2, but the copy is on timeline 1"
repairs foreign-fork

it "a standby that is paused is refused"
breaks standby-paused
refused "its replay is paused; SELECT pg_wal_replay_resume() lets it go on"
repairs standby-paused

it "a secondary that is down is refused"
breaks secondary-down
refused "the secondary of mgc on sql3 (mgc) is unreachable, wanted restoring or standby"
repairs secondary-down

it "a pool that cannot be asked is refused"
breaks haproxy-down
says "HAProxy not running"
refused "the pool chat cannot be read: HAProxy at $work/site/office/haproxy"
repairs haproxy-down

if [ "$(id -u)" -eq 0 ]; then
    it "a disk that is full is refused"
    breaks disk-full
    refused "there is no room in $copied for the log backups still to be copied" \
        "bytes) are needed"
    repairs disk-full
else
    it "a disk of its own needs root"
    bsc lab break site disk-full
    exits 1
    says "by root only"
fi

it "a share that is slow takes the time that a step has"
breaks slow-share
bsc run late.lua --site "$site" --yes
exits 1
says "did not end within 500 ms"

it "a disk that fills up while log files are copied stops the run, which says so"
"$program" run "$failover" --site "$site" --yes >run.out 2>run.err </dev/null &
run=$!
background="$background $run"
until_true 60 at_item 6
if [ "$(id -u)" -eq 0 ]; then
    stop_share
    break_lab site disk-full
    let_share_go
    code=0
    wait "$run" || code=$?
    exits 1
    cat run.out run.err >out
    says "No space left on device"
    repairs disk-full
else
    leave_out "only root can give a lab a disk of its own"
    kill -KILL "$run"
    wait "$run" 2>/dev/null || true
fi
repairs slow-share

it "a log file that is missing by now stops it"
breaks gap
halts "$chosen is missing"
repairs gap

it "a standby that is paused by now stops it"
breaks standby-paused
halts "its replay is paused"
repairs standby-paused

it "HAProxy that is down stops it before the point of no return"
breaks haproxy-down
halts "HAProxy at $work/site/office/haproxy"
same "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" t "in recovery"
repairs haproxy-down

it "without faults it gets to its end, and all that was shipped is there"
bsc resume last --site "$site" --yes
exits 0
bsc audit verify last --site "$site"
exits 0
bsc lab status site
says "sql4 (Boston) mirror"
says "broken primary-site"

it "down leaves no file system behind"
bsc lab down site --remove
exits 0
! grep -qF "$work/site" /proc/mounts || fail "one is still mounted"
