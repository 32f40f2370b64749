#!/bin/sh
# How long a failover of a log-shipped PostgreSQL site takes: bascule and others, side by side.
#
#     bench.sh BASCULE CONTENDERS FOLDER [ROUNDS [CONTENDER...]]
#
# BASCULE is the program to measure. CONTENDERS holds `install.sh`, which is run once to put them
# and their site into FOLDER, some 4 GB; where they are there already, it is not run. As root; all
# of it then works as the user postgres, who must be able to reach all of these paths. In each round
# (10 unless said otherwise) every contender has its turn, in an order that moves on by one, on a
# site that is set up anew and loses its primary under the same load. What is printed last is the
# median of each, and of the ratios within the rounds; FOLDER/figures.tsv keeps every figure.
#
# What `install.sh DIR` must leave behind in DIR:
#   scripts/asbench.sh COMMAND...  runs a command as postgres, in the cpuacct group `pgb`
#   scripts/lab.sh VERB            `reset` (all servers run, most log files are not shipped yet),
#                                  `load` (writer.log begins), `crash` (primary and mirror), `stop`
#   scripts/env.sh                 LAB, RUN, SHARE, SCOPY, BIN; P_PORT, S_PORT, M_PORT, M2_PORT
#   lab/P S M M2                   data folders of primary, standby, mirror, and of the mirror to be
#   lab/haproxy.cfg                backends rw (P, S) and ro (M, M2), with a runtime socket
#   lab/writer.log                 a line "S MICROSECONDS ID" for every row of table hb that was
#                                  acknowledged, "F ..." for every attempt that failed
# and, beside those scripts, the contenders that are named below.
#
# Contenders: bascule (`bascule run RUNBOOK --yes`: from looking at the site to the last check),
# bascule_plan (`bascule run PLAN --yes`, the plan made before the clock starts), bascule_nodisk
# (as bascule, and the primary's disk is gone), expert (expert.sh), and those of the folder:
# floor_direct, floor_pipe, floor_serial, salvage, bash_kick, bash_kick_each, bash_retry5s,
# bash_retry100ms, ansible_min, ansible_idiomatic.
#
# Figures of a turn: `rto` from the start of the procedure to the first row that is acknowledged
# through HAProxy, `whole` to its end, `lost` rows that were acknowledged and are not there
# afterwards. A turn counts only if the site is then as it should be. FOREIGN_MAX (15) is the share
# of the machine in per cent that others may take in a turn: beyond that its figures are left out.
# QUIET_WAIT (20) is for how many seconds each turn waits at most for the machine to be quiet.
set -eu

if [ "${BENCH_INSIDE:-}" = "" ]; then
    [ $# -ge 3 ] || {
        sed -n '2,/^set /s/^#\{0,1\} \{0,1\}//p' "$0" | sed '$d' >&2
        exit 2
    }
    [ -e "$3/golden" ] || sh "$2/install.sh" "$3"
    BENCH_HERE=$(cd "$(dirname "$0")" && pwd)
    BENCH_PROGRAM=$(realpath "$1")
    BENCH_FOLDER=$(realpath "$3")
    BENCH_INSIDE=yes
    export BENCH_HERE BENCH_PROGRAM BENCH_FOLDER BENCH_INSIDE
    shift 3
    exec bash "$BENCH_FOLDER/scripts/asbench.sh" sh "$BENCH_HERE/bench.sh" "$@"
fi

scripts=$BENCH_FOLDER/scripts
ours=$BENCH_FOLDER/ours
figures=$BENCH_FOLDER/figures.tsv
foreign_max=${FOREIGN_MAX:-15}
quiet_wait=${QUIET_WAIT:-20}
rounds=${1:-10}
[ $# -eq 0 ] || shift
contenders=${*:-bascule bascule_plan bascule_nodisk floor_direct expert bash_kick_each
    bash_retry100ms bash_kick ansible_min}
# shellcheck source=/dev/null
. "$BENCH_HERE/environment.sh"

lab() {
    bash "$scripts/lab.sh" "$@" >/dev/null 2>&1
}

now_us() {
    date +%s%6N
}

# Nanoseconds of processor time that were taken by processes outside the benchmark.
foreign_ns() {
    all=$(cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || echo 0)
    own=$(cat /sys/fs/cgroup/cpuacct/pgb/cpuacct.usage 2>/dev/null || echo 0)
    echo $((all - own))
}

# Waits for a second in which others use less than 8 per cent of two processors.
await_quiet() {
    quiet=0
    for _ in $(seq $((quiet_wait * 2))); do
        before=$(foreign_ns)
        sleep 0.5
        quiet=$((quiet + 1))
        [ $(($(foreign_ns) - before)) -lt 80000000 ] || quiet=0
        [ $quiet -lt 2 ] || return 0
    done
}

# ------------------------------------------------------------ what a turn of bascule needs

# Names of a site file are small letters, and HAProxy's servers have the same names.
name_servers() {
    sed -i -E -e 's/^( *server )(P|S|M2|M) /\1\L\2 /' \
        -e "s,^global,&\n  server-state-file $RUN/haproxy.state," \
        -e 's/^defaults/&\n  load-server-state-from-file global/' "$LAB/haproxy.cfg"
    kill "$(cat "$RUN/haproxy.pid")"
    : >"$RUN/haproxy.state"
    haproxy -D -f "$LAB/haproxy.cfg" -p "$RUN/haproxy.pid" >"$LAB/haproxy.log" 2>&1
}

# The site file: the first argument is the primary's disk, where it can be read.
write_site() {
    rm -rf "$ours"
    mkdir "$ours"
    . "$BENCH_HERE/site.sh" >"$ours/site.yaml"
}

run_bascule() {
    "$BENCH_PROGRAM" run "$1" --site "$ours/site.yaml" --yes
}

# ------------------------------------------------------------ the contenders

prepare() {
    case $1 in
    bascule*)
        write_site "$([ "$1" = bascule_nodisk ] || echo "salvage: $LAB/P,")"
        name_servers
        ;;
    esac
}

# After the crash, before the clock starts.
make_ready() {
    case $1 in
    bascule_nodisk) rm -rf "$LAB/P.gone" && mv "$LAB/P" "$LAB/P.gone" ;;
    bascule_plan)
        "$BENCH_PROGRAM" plan "$runbook" --site "$ours/site.yaml" -o "$ours/plan.json" >/dev/null
        ;;
    esac
}

perform() {
    cd "$scripts"
    case $1 in
    bascule | bascule_nodisk) run_bascule "$runbook" ;;
    bascule_plan) run_bascule "$ours/plan.json" ;;
    expert) bash "$BENCH_HERE/expert.sh" ;;
    bash_kick) KICK=1 bash failover_bash.sh ;;
    bash_kick_each) KICK=each bash failover_bash.sh ;;
    bash_retry5s | bash_retry100ms) KICK='' bash failover_bash.sh ;;
    ansible_min) bash failover_ansible.sh failover_min.yml ;;
    ansible_idiomatic) bash failover_ansible.sh failover.yml ;;
    salvage) MODE=direct python3 failover_salvage.py ;;
    floor_*) MODE=${1#floor_} python3 failover_floor.py ;;
    *) echo "there is no contender $1" >&2 && return 2 ;;
    esac
}

# ------------------------------------------------------------ a turn

asked() {
    psql -XqAt -h "$RUN" -U postgres -d app -p "$S_PORT" -c "$1"
}

# What is wrong with the site; nothing when it is as it should be.
complaints() {
    [ "$1" -eq 0 ] || echo "it ended with $1"
    [ "$(asked 'SELECT pg_is_in_recovery()')" = f ] || echo "the standby is not online"
    [ "$(asked "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ] ||
        echo "there is no synchronous mirror"
    active=$(echo "show servers state" | socat -t2 - "UNIX-CONNECT:$RUN/haproxy.sock" |
        awk '$6 == 2 { printf "%s/%s ", $2, tolower($4) }')
    [ "$active" = "rw/s ro/m2 " ] || echo "HAProxy leads to $active"
}

# Milliseconds from the start to the first row that was acknowledged after it.
rto_ms() {
    awk -v start="$1" '$1 == "S" && $2 > start { printf "%.1f", ($2 - start) / 1000; exit }' \
        "$LAB/writer.log"
}

lost_rows() {
    awk '$1 == "S" { print $3 }' "$LAB/writer.log" | sort >"$BENCH_FOLDER/told"
    asked "SELECT id FROM hb" | sort >"$BENCH_FOLDER/stored"
    comm -23 "$BENCH_FOLDER/told" "$BENCH_FOLDER/stored" | wc -l
}

take_turn() {
    await_quiet
    RETRY=$([ "$2" = bash_retry100ms ] && echo 100ms || echo 5s)
    export RETRY
    lab reset && prepare "$2" && lab load && lab crash
    sleep 0.2
    make_ready "$2"
    foreign=$(foreign_ns)
    start=$(now_us)
    code=0
    (perform "$2") >"$LAB/contender.out" 2>"$LAB/contender.err" || code=$?
    end=$(now_us)
    foreign=$((($(foreign_ns) - foreign) / (end - start) / 20))
    sleep 1
    wrong=$(complaints "$code" 2>&1 | tr '\n\t' '; ')
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$(rto_ms "$start")" \
        "$(((end - start) / 1000))" "$(lost_rows)" "$foreign" "${wrong:-ok}" |
        tee -a "$figures"
    [ -z "$wrong" ] || tail -n 5 "$LAB/contender.out" "$LAB/contender.err" >&2
    lab stop
}

# The order of the first round, moved on by one in each.
turned() {
    echo "$*" | tr -s ' \n' '\n\n' | awk -v by="$((round - 1))" '
        { names[NR - 1] = $0 } END { for (i = 0; i < NR; i++) print names[(i + by) % NR] }'
}

runbook=$BENCH_HERE/../../../runbooks/failover.lua
printf 'round\tcontender\trto\twhole\tlost\tforeign\tstate\n' | tee "$figures"
for round in $(seq "$rounds"); do
    # shellcheck disable=SC2086
    for contender in $(turned $contenders); do
        take_turn "$round" "$contender"
    done
done
awk -v foreign_max="$foreign_max" -f "$BENCH_HERE/figures.awk" "$figures"
