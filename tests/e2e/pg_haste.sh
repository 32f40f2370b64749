# While many log files are replayed out of its own pg_wal, a standby has a restore_command that says
# sooner that it has no such file. Whatever ends the waiting, it gets its own one back; and what
# somebody else has made of it meanwhile stays.
. "$(dirname "$0")/lib.sh"
site=site/site.yaml
plain="cp $work/site/dc2/sql3/copied/%f %p"
quick="test -e ${plain#cp }"
quick="${quick% %p} && $plain # while log files are handed over"
data=$work/site/dc2/sql3/data

cat >apply.lua <<'END'
runbook "apply" { summary = "Copy and apply", params = { database = param.database() } }
step "Copy" { log_backups.copy(params.database.secondary) }
step "Apply" { log_backups.apply(params.database.secondary) }
END

# What is asked of a standby is asked in another database: readers of this one are counted.
sql_of() {
    set -- "$1" "$2" /usr/lib/postgresql/*/bin/psql
    "$3" -X -q -A -t -h "$work/site/$1" -U postgres -d postgres -c "$2"
}

fetches_with() {
    [ "$(sql_of dc2/sql3 "SHOW restore_command")" = "$1" ]
}

# In its configuration file.
own_command() {
    sed -i "s,^restore_command = .*,restore_command = '$1'," "$data/postgresql.conf"
}

has_read() {
    sql_of dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    until_true 60 fetches_with "$1"
}

# reads TABLE DESCRIPTOR: a reader of the standby keeps the replay from changing that table for as
# long as it likes.
reads() {
    rm -f "$1.in"
    mkfifo "$1.in"
    /usr/lib/postgresql/*/bin/psql -X -q -A -t -h "$work/site/dc2/sql3" -U postgres -d postgres \
        <"$1.in" >"$1.out" 2>&1 &
    background="$background $!"
    eval "exec $2>$1.in"
    echo "BEGIN; SELECT 'it reads', count(*) FROM $1;" >&"$2"
    until_true 60 grep -q "it reads" "$1.out"
}

reads_no_more() {
    echo "COMMIT;" >&"$1"
    eval "exec $1>&-"
}

# Two readers, of the first and of the last of many files.
switch_files() {
    reads held 8
    reads held_last 9
    switch_file "ALTER TABLE held ADD $1 int"
    for number in 1 2 3 4 5; do
        switch_file "CREATE TABLE $1_$number (x int)"
    done
    switch_file "ALTER TABLE held_last RENAME TO $1_last"
}

has_table() {
    [ "$(sql_of dc2/sql3 "SELECT count(*) FROM pg_class WHERE relname = '$1'")" = 1 ]
}

# switch_file SQL: the log file that tells of it is on the share.
switch_file() {
    sql_of dc1/sql1 "$1" >done
    switched=$(sql_of dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
    until_true 60 test -e "site/backups/mgc/$switched"
}

runs() {
    "$program" "$@" --site "$site" --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
}

# Where the first reader keeps it: it does not move any more.
is_held_up() {
    [ "$(sql_of dc2/sql3 "SELECT wait_event_type FROM pg_stat_activity
        WHERE backend_type = 'startup'")" = Lock ]
}

changes() {
    grep -c 'parameter "restore_command" changed to "test -e' site/dc2/sql3/log || true
}

has_changed() {
    [ "$(changes)" -gt "$changed" ]
}

# It waits for replay, and the standby has the quicker command: whoever connects sees it.
begins() {
    changed=$(changes)
    runs "$@"
    until_true 60 has_changed
}

killed() {
    kill -KILL "$run"
    ended=0
    wait "$run" || ended=$?
    same "$ended" 137 "the end of it"
}

interrupted() {
    kill -INT "$run"
    code=0
    wait "$run" || code=$?
    cat run.out run.err >out
    [ "$code" -ne 0 ] || fail "it was not interrupted"
}

has_settings() {
    cmp -s "$data/postgresql.auto.conf" "$1"
}

is_put_back() {
    until_true 60 fetches_with "$plain"
    has_settings settings.before || fail "its settings are others"
}

new_servers site
sed -i 's/^\( *log_shipping: {\)/\1 into_pg_wal: true,/' "$site"
own_command "$plain"
sql_of dc2/sql3 "ALTER SYSTEM SET max_standby_archive_delay = '10min'"
if [ "$(sql_of dc2/sql3 "SHOW server_version_num")" -lt 140000 ]; then
    it "what it reads only when it is started is left alone"
    start_again dc2/sql3
    cp "$data/postgresql.auto.conf" settings.before
    for number in 1 2 3 4 5; do
        switch_file "CREATE TABLE many_$number (id int)"
    done
    bsc plan apply.lua --site "$site"
    exits 0
    bsc run apply.lua --site "$site" --yes
    exits 0
    has_table many_5 || fail "they are not replayed"
    is_put_back
    exit 0
fi
has_read "$plain"
cp "$data/postgresql.auto.conf" settings.before
switch_file "CREATE ROLE watcher LOGIN IN ROLE pg_monitor"
switch_file "CREATE TABLE held (id int)"
switch_file "CREATE TABLE held_last (id int)"

bsc run apply.lua --site "$site" --yes
exits 0

it "it has the quicker one until the last file is under way, and nothing is left in its settings"
switch_files one
begins run apply.lua
reads_no_more 8
until_true 60 fetches_with "$plain"
gone "$run" && fail "it was put back at the end: $(cat run.out run.err)"
is_put_back
has_table one_5 || fail "it was put back too early"
reads_no_more 9
wait "$run" || fail "the run has failed: $(cat run.out run.err)"
has_table one_last || fail "they are not replayed"
is_put_back

switch_file "ALTER TABLE one_last RENAME TO held_last"
bsc run apply.lua --site "$site" --yes
exits 0
switch_files two
break_lab site primary-server

it "what is planned says that it may have another meanwhile"
bsc plan apply.lua --site "$site"
exits 0
says "its restore_command may be one that looks for a file before it copies it (ALTER SYSTEM)"

it "killed while it waits, and taken back: the standby fetches as it did before"
begins run apply.lua
killed
fetches_with "$quick" || fail "it was put back already"
bsc rollback last --site "$site" --yes
exits 0
is_put_back

it "taken back where nothing was replayed either, it fetches as its own file says by then"
until_true 60 is_held_up
begins run apply.lua
killed
own_command "fetch --password=secret %f %p"
bsc rollback last --site "$site" --yes
exits 0
says "found: it was not made"
fetches_with "fetch --password=secret %f %p" || fail "what its file says does not count"
has_settings settings.before || fail "its settings are others"

it "a command in which a password may stand is not told"
bsc observe --site "$site" -o facts.json
exits 0
! grep -q secret facts.json || fail "it is told"
own_command "$plain"
has_read "$plain"

it "interrupted while it waits, it puts it back itself"
begins run apply.lua
interrupted
is_put_back

it "what somebody has set meanwhile stays, even where the server has not read it yet"
begins run apply.lua
sql_of dc2/sql3 "ALTER SYSTEM SET restore_command = 'cp /theirs/%f %p'"
cp "$data/postgresql.auto.conf" settings.theirs
interrupted
fetches_with "cp /theirs/%f %p" || fail "it does not count"
has_settings settings.theirs || fail "its settings are others"
sql_of dc2/sql3 "ALTER SYSTEM RESET restore_command"
has_read "$plain"

it "what ALTER SYSTEM had set before is left alone"
sql_of dc2/sql3 "ALTER SYSTEM SET restore_command = 'cp /theirs/%f %p'"
runs run apply.lua
until_true 60 fetches_with "cp /theirs/%f %p"
interrupted
has_settings settings.theirs || fail "its settings are others"
sql_of dc2/sql3 "ALTER SYSTEM RESET restore_command"
has_read "$plain"

denials() {
    grep -c "permission denied for function pg_reload_conf" site/dc2/sql3/log || true
}

is_denied() {
    [ "$(denials)" -gt "$denied" ]
}

it "whoever may not have it read its settings changes nothing, and has nothing to put back"
sed 's/UID=postgres/UID=watcher/' "$site" >site/other.yaml
denied=$(denials)
site=site/other.yaml
runs run apply.lua
until_true 60 is_denied
interrupted
site=site/site.yaml
says_not "still has another restore_command"
is_put_back

it "where it cannot be put back that is said"
begins run apply.lua
echo "this is no setting" >>"$data/postgresql.conf"
interrupted
says '"sql3" still has another restore_command than its own'
has_settings settings.before || fail "its settings are others"
sed -i '$d' "$data/postgresql.conf"
has_read "$plain"

it "where that does not work while the last file is under way, it is put back at the end"
begins run apply.lua
chmod 500 "$data"
reads_no_more 8
until_true 60 grep -q "could not open file .postgresql.auto.conf.tmp" site/dc2/sql3/log
fetches_with "$quick" || fail "it could be put back"
chmod 700 "$data"
reads_no_more 9
wait "$run" || fail "the run has failed: $(cat run.out run.err)"
has_table two_last || fail "they are not replayed"
is_put_back

it "left behind where all is replayed already, it is put back by whoever comes next"
sql_of dc2/sql3 "ALTER SYSTEM SET restore_command = '$quick'"
has_read "$quick"
bsc run apply.lua --site "$site" --yes
exits 0
is_put_back
