# What every test of the whole program uses; sourced first. The program is the script's first
# argument. The test works in a folder of its own, and whatever it started is ended on every way
# out.
set -eu
program=$1
shift
tests=$(cd "$(dirname "$0")" && pwd)
source_tree=$(cd "$tests/../.." && pwd)
failover=$source_tree/runbooks/failover.lua
work=$(mktemp -d)
sentence="the test begins"
background=
mounted=
servers=
code=0
cd "$work"
# The name of no other process holds it: this is how the processes of a test are known.
printf '%s\n' "$work" >.own

unset NO_COLOR
export TERM=xterm LC_ALL=C.UTF-8 TZ=UTC

# Pids of the processes whose command line names the test's folder.
own_processes() {
    grep -lF -f .own /proc/[0-9]*/cmdline 2>/dev/null | sed 's,/proc/\([0-9]*\)/.*,\1,' || true
}

# Pids of the processes that work in the test's folder, which outlive whoever started them.
processes_here() {
    find /proc -maxdepth 2 -name cwd -lname "$work*" 2>/dev/null |
        sed 's,/proc/\([0-9]*\)/.*,\1,' | grep -vx "$$"
}

# Those of $background that still are this shell's: another process may have got the number since.
children() {
    for pid in $background; do
        parent=$(sed 's/.*) . //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)
        [ "$parent" != "$$" ] || printf '%s\n' "$pid"
    done
}

clean_up() {
    status=$?
    trap - EXIT
    trap '' INT TERM HUP
    set +e
    cd "$work" || exit 1
    for lab in $servers; do
        "$program" lab down "$lab" >/dev/null 2>&1
    done
    for pid in $(children) $(own_processes) $(processes_here); do
        kill -KILL "$pid" 2>/dev/null
    done
    cd /
    [ -z "$mounted" ] || umount -l "$mounted"
    chmod -R u+rwx "$work" 2>/dev/null
    rm -rf "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Begins a claim; the claims before it held.
it() {
    sentence=$1
    printf '%s\n' "- $1"
}

fail() {
    printf '\nnot so: %s\n  %s\n' "$sentence" "$1"
    for stream in out err; do
        [ ! -s "$work/$stream" ] || sed "s/^/  $stream| /" "$work/$stream" | tail -n 60
    done
    exit 1
}

# Leaves out one claim, loudly.
leave_out() {
    printf 'LEFT OUT: %s: %s\n' "$sentence" "$1"
}

# Runs the program; the streams go to the files out and err, the exit code to $code.
bsc() {
    code=0
    "$program" "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
}

exits() {
    [ "$code" -eq "$1" ] || fail "the exit code is $code, not $1"
}

# Both streams, without the folding of long lines.
said() {
    cat "$work/out" "$work/err" | tr -s ' \n' ' '
}

says() {
    said | grep -qF -e "$1" || fail "nothing says: $1"
}

says_not() {
    ! said | grep -qF -e "$1" || fail "something says: $1"
}

same() {
    [ "$1" = "$2" ] || fail "$3: \"$1\", not \"$2\""
}

# until_true SECONDS COMMAND…: asks again and again, up to a deadline.
until_true() {
    deadline=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -le "$deadline" ] || fail "not within the time: $*"
        sleep 0.02
    done
}

gone() {
    ! kill -0 "$1" 2>/dev/null
}

# Every name, kind and mode below a site, and of every file the bytes and the time of change. The
# locks of the runs are bascule's own, and a run that is refused has taken them too. While SQLite
# reads a database it may have files beside it, which shows in the time of the folder; and a -shm
# file is the memory that its readers share, in which all of them leave marks: of these only name
# and mode count.
snapshot() (
    cd "$1"
    find . -path ./.lab -prune -o -path ./runs -o -path './runs/lock*' -o \
        \( -type d -o -name '*-shm' \) -printf '%y %m %p\n' -o -printf '%y %m %p %T@\n' | sort
    find . -path ./.lab -prune -o -path './runs/lock*' -o -type f ! -name '*-shm' -print0 |
        sort -z | xargs -0 sha256sum
)

# no_run SITE: no run has begun there yet.
no_run() {
    [ -z "$(find "$1/runs" -mindepth 1 ! -name 'lock*' 2>/dev/null)" ] ||
        fail "there is a run in $1"
}

# unchanged SITE SNAPSHOT
unchanged() {
    snapshot "$1" >now
    diff "$2" now >differences || fail "the site has changed: $(cat differences)"
}

# The plain sqlite3 program, which sees what any client sees. Beware: it may tidy up behind itself.
sql() {
    sqlite3 -batch -init /dev/null "$1" "$2"
}

# json FILE PATH: one value of a JSON file.
json() {
    sql :memory: "SELECT json_extract(CAST(readfile('$1') AS TEXT), '$2')"
}

# The lines of a journal as the table line(text) of a database: journal_table JOURNAL DATABASE
journal_table() {
    sqlite3 -batch -init /dev/null "$2" <<END
DROP TABLE IF EXISTS line;
CREATE TABLE line (text);
.mode ascii
.separator "\037" "\n"
.import '$1' line
END
}

# A copy of a restoring or mirror database that any client can open: openable FROM TO
openable() {
    cp "$1" "$2"
    printf '\001\001' | dd of="$2" bs=1 seek=18 conv=notrunc status=none
}

new_lab() {
    bsc lab new "$1"
    exits 0
}

# new_servers DIR: a practice site on PostgreSQL. Its servers work as another user where we are
# root; killed, they would leave shared memory behind, so they are ended before everything else.
new_servers() {
    chmod 711 "$work"
    servers="$servers $work/$1"
    bsc lab new "$1" --platform postgresql
    exits 0
}

# pg SERVER SQL: asks one server of the practice site `site`, not through bascule.
pg() {
    set -- "$1" "$2" /usr/lib/postgresql/*/bin/psql
    "$3" -X -q -A -t -h "$work/site/$1" -U postgres -d mgc -c "$2" 2>"$work/psql.err"
}

# setting SERVER "NAME = VALUE": what its ALTER SYSTEM says from now on, and its effect. What it
# reads only when it is started, restore_command before PostgreSQL 14, it is started again for.
setting() {
    pg "$1" "ALTER SYSTEM SET $2"
    pg "$1" "SELECT pg_reload_conf()" >/dev/null
    [ "$(pg "$1" "SELECT context FROM pg_settings WHERE name = '${2%% *}'")" != postmaster ] ||
        start_again "$1"
}

start_again() {
    set -- "$1" "$(ls /usr/lib/postgresql/*/bin/pg_ctl)"
    set -- "$2" restart -w -m fast -D "$work/site/$1/data" -l "$work/site/$1/mirror.log"
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    (cd / && "$@" >/dev/null)
}

# Pids of the processes that work in a folder or below it.
residents() {
    for link in /proc/[0-9]*/cwd; do
        case "$(readlink "$link" 2>/dev/null)/" in
        "$1"/*)
            pid=${link#/proc/}
            echo "${pid%/cwd}"
            ;;
        esac
    done
}

nobody_is_left() {
    for pid in $(residents "$1"); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    [ -z "$(residents "$1")" ]
}

# kill_residents FOLDER: all of them, and whom one of them has started meanwhile.
kill_residents() {
    until_true 60 nobody_is_left "$1"
}

break_lab() {
    bsc lab break "$1" "$2"
    exits 0
}

# Number of rows in which the rooms, authors and messages of two databases differ.
differing_rows() {
    for table in tblRoom tblPrincipal tblChatMessage; do
        printf '%s\n' "SELECT * FROM (SELECT * FROM main.$table EXCEPT SELECT * FROM other.$table)
            UNION ALL SELECT * FROM (SELECT * FROM other.$table EXCEPT SELECT * FROM main.$table);"
    done >comparison.sql
    sql "$1" "ATTACH '$2' AS other; $(cat comparison.sql)" >differing || fail "cannot compare $1"
    wc -l <differing
}

one_line_of_json() {
    same "$(wc -l <out)" 1 "lines on standard output"
    same "$(sql :memory: "SELECT json_valid(CAST(readfile('out') AS TEXT))")" 1 "valid JSON"
}

# 101538 as people read it.
thousands() {
    printf '%s' "$1" | sed -e ':again' -e 's/\([0-9]\)\([0-9]\{3\}\)\($\|,\)/\1,\2\3/' -e 'tagain'
}

# A site without databases, for runs of plain commands.
small_site() {
    cat >site.yaml <<'END'
site: small
data_centres:
  here: { title: Here }
servers:
  one: { data_centre: here }
END
}

# A small site with the runbook `slow`, whose second step lasts until somebody writes to the pipe.
slow_site() {
    small_site
    mkfifo hold
    cat >slow.lua <<'END'
runbook "slow" { summary = "Waits in its second step" }
step "Begin" {
  command.run { argv = { "/usr/bin/touch", "begun" }, undo = { argv = { "/bin/rm", "begun" } } },
}
step "Hold" { command.run { argv = { "/usr/bin/head", "-c", "1", "hold" } }, harmless = "waits" }
step "End" { command.run { argv = { "/usr/bin/touch", "ended" } }, harmless = "a mark" }
END
}

# hold_run RUNBOOK: begins such a run in the background and waits until it holds; its pid is $run.
hold_run() {
    "$program" run "$1.lua" --yes >"$1.out" 2>"$1.err" </dev/null &
    run=$!
    background="$background $run"
    until_true 60 holds
    until_true 60 has_begun
}

holds() {
    bsc status last --json
    [ "$code" -eq 0 ] && [ "$(json out '$.state')" = running ] &&
        [ "$(json out '$.in_flight.item')" = 2 ]
}

# What the journal tells of is begun a moment later.
has_begun() {
    [ -n "$(cat /proc/"$run"/task/*/children 2>/dev/null)" ]
}

let_go() {
    printf x >hold
}
