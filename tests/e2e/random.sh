# The failover of a practice site is killed at random times, gone on with, killed again, and at last
# left alone: in the end all is as it has to be.
#   random.sh PROGRAM SEED RUNS
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killing.sh"
seed=$1
runs=$2
site=site/site.yaml
primary=site/dc2/sql3/mgc.db

# An agent that has not begun yet is found by its command line, by the run that goes on too.
end_agent() {
    agents=$(cat site/dc2/sql4/mgc.db.agent 2>/dev/null) || agents=
    gone "${agents:-0}" || [ -z "$agents" ] || { kill -KILL "$agents" && return; }
    agents=$(own_processes)
    [ -n "$agents" ] || fail "no agent in round $round"
    for pid in $agents; do
        kill -KILL "$pid" 2>/dev/null || true
    done
}

is_failed_over() {
    same "$(sql site/dc2/app/pool.db "SELECT state, active_servers, version FROM pool")" \
        "FailedOver|chat5,chat6|3" "the pool in round $round"
    sql "$primary" "SELECT id FROM tblChatMessage ORDER BY id" >stored
    cmp -s acknowledged stored || fail "messages are lost or there twice in round $round"
    bsc audit verify last --site "$site"
    exits 0
    grep -q '"role":"mirror"' site/dc2/sql4/mgc.db.state || fail "no mirror in round $round"
}

new_lab site
break_lab site primary-server
bsc lab down site
exits 0
sql site/office/ledger.db "SELECT id FROM acknowledged ORDER BY id" >acknowledged
cp -a site prepared

begun=$(clock)
bsc run "$failover" --site "$site" --yes
exits 0
most=$(($(clock) - begun + 1))
round=0
is_failed_over
end_agent

it "killed at random times (seed $seed) and gone on with, every failover is completed"
killed=0
kills=0
while [ "$killed" -lt "$runs" ]; do
    round=$((round + 1))
    [ "$round" -le $((runs * 3)) ] || fail "it is hardly ever killed in time"
    rm -rf site
    cp -a prepared site
    first=yes
    for delay in $(delays "$round" "$most"); do
        # shellcheck disable=SC2046
        killed_after "$delay" $(words_on "$failover") --site "$site" --yes || true
        [ "$first" = no ] || learn
        [ "$code" -eq 137 ] || break
        kills=$((kills + 1))
        [ "$first" = no ] || killed=$((killed + 1))
        first=no
    done
    if [ "$code" -eq 137 ]; then
        # shellcheck disable=SC2046
        bsc $(words_on "$failover") --site "$site" --yes
    fi
    exits 0
    is_failed_over
    end_agent
done
echo "$killed failovers killed, $kills times in all, in $round rounds of seed $seed"
