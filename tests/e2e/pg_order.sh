# An order to a standby of PostgreSQL to come online that nobody knows the end of, since bascule was
# killed: whether it was given, whether the server is at it, and whether it can still be.
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
step "Bring the database online"       { database.recover(db.secondary), point_of_no_return = true }
END
sed -e '/^step "Bring/d' -e '/^step "Remove/d' -e 's/"online"/"ship"/' online.lua >ship.lua

# Log files are held up by a file `slow`: a server that is told takes the order when it has its
# answer. Histories, for which it asks when it has taken it, by a file `taken`.
cat >wait.sh <<'END'
case $2 in *.history) held=$1/taken ;; *) held=$1/slow ;; esac
while [ -e "$held" ]; do sleep 0.02; done
test -e "$2" && cp "$2" "$3"
END
chmod 755 wait.sh

# control SERVER ACTION ARGUMENT…: pg_ctl, as the owner of its data.
control() {
    folder=$work/site/$1
    action=$2
    shift 2
    set -- "$(ls /usr/lib/postgresql/*/bin/pg_ctl | tail -n 1)" "$action" -w -D "$folder/data" \
        -l "$folder/mirror.log" "$@"
    [ "$(id -u)" -ne 0 ] || set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    (cd / && "$@" >/dev/null)
}

# The pid stays taken until somebody has asked how the process ended.
kill_server() {
    main=$(head -n 1 "site/$1/data/postmaster.pid")
    kill_residents "$work/site/$1"
    until_true 60 gone "$main"
}

is_told() {
    [ -e site/dc2/sql3/data/promote ]
}

has_taken() {
    ! is_told
}

recovering() {
    pg dc2/sql3 "SELECT pg_is_in_recovery()"
}

is_online() {
    [ "$(recovering)" = f ]
}

# A standby that was killed begins where it last made sure of what it had: it has that role later.
has_mover() {
    [ "$(pg dc2/sql3 "SELECT count(*) FROM pg_roles WHERE rolname = 'mover'")" = 1 ]
}

# Up to where the server was told and does not take the order yet, and bascule is gone: killed SITE
killed() {
    bsc run ship.lua --site "$1" --yes
    exits 0
    touch slow
    "$program" run online.lua --site "$1" --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 is_told
    kill -KILL "$run"
    wait "$run" || true
}

new_servers site
pg dc1/sql1 "CREATE ROLE mover LOGIN IN ROLE pg_monitor"
message="boolean, text, text"
[ "$(pg dc1/sql1 "SHOW server_version_num")" -lt 170000 ] || message="$message, boolean"
pg dc1/sql1 "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), pg_reload_conf(),
    pg_read_file(text, bigint, bigint, boolean),
    pg_logical_emit_message($message) TO mover"
sed 's/UID=postgres/UID=mover/' site/site.yaml >site/other.yaml
switched=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
until_true 60 test -e "site/backups/mgc/$switched"
setting dc2/sql3 "restore_command = 'sh $work/wait.sh $work $work/site/dc2/sql3/copied/%f %p'"
kill_server dc1/sql1

it "what was ordered and not taken yet is no reason to go back"
killed site/site.yaml
bsc rollback last --site site/site.yaml --yes --settle not-made
exits 3
says "was told to come online, and has yet to begin"
says "--settle is left aside: what was ordered may still be carried out, whatever is said of it"
says "point of no return"

# As if the order had not arrived, while the old primary is back.
it "an order that was not given holds nobody up"
rm site/dc2/sql3/data/promote
if [ "$(pg dc2/sql3 "SHOW server_version_num")" -ge 140000 ]; then
    control dc1/sql1 start
    bsc resume last --site site/site.yaml --yes
    exits 3
    says "two writable copies must never exist"
    bsc rollback last --site site/site.yaml --yes --settle made
    exits 0
    says "\"sql3\" was not told to come online --settle is left aside: the site shows it"
    rm slow
    kill_server dc1/sql1
else
    leave_out "this version of PostgreSQL obeys the signal, whether the file is there or not"
    kill_server dc2/sql3
    rm slow
    control dc2/sql3 start
    until_true 60 has_mover
    bsc rollback last --site site/site.yaml --yes
    exits 0
fi
same "$(recovering)" t "in recovery"

it "of a server that is down nobody says that it was not told"
killed site/other.yaml
kill_server dc2/sql3
bsc rollback last --site site/other.yaml --yes
exits 3
says "point of no return"

it "an order ends with the server that it was given to"
rm slow
control dc2/sql3 start
until_true 60 has_mover
bsc rollback last --site site/other.yaml --yes
exits 0
says "\"sql3\" was started anew since, as a standby"
same "$(recovering)" t "in recovery"

it "a server that has taken the order is not taken for one that was not told"
killed site/site.yaml
touch taken
rm slow
until_true 60 has_taken
same "$(recovering)" t "in recovery"
bsc rollback last --site site/site.yaml --yes
exits 3
says "was told to come online, and is at it"
says "point of no return"
same "$(recovering)" t "in recovery"

it "once it is online, there is the way forward"
rm taken
until_true 60 is_online
bsc rollback last --site site/site.yaml --yes
exits 3
bsc resume last --site site/site.yaml --yes
exits 0

it "the journal verifies"
bsc audit verify last --site site/site.yaml
exits 0
