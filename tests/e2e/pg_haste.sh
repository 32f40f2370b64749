# While many log files are replayed out of its own pg_wal, a standby has a restore_command that says
# sooner that it has no such file. Whatever ends the waiting, it gets its own one back.
. "$(dirname "$0")/lib.sh"
site=site/site.yaml
plain="cp $work/site/dc2/sql3/copied/%f %p"
settings=site/dc2/sql3/data/postgresql.auto.conf

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

# A reader of the standby keeps the replay from going on for as long as it likes.
reader_begins() {
    mkfifo reader
    /usr/lib/postgresql/*/bin/psql -X -q -A -t -h "$work/site/dc2/sql3" -U postgres -d postgres \
        <reader >reader.out 2>&1 &
    reader=$!
    background="$background $reader"
    exec 9>reader
    echo "BEGIN; SELECT 'it reads', count(*) FROM held;" >&9
    until_true 60 grep -q "it reads" reader.out
}

reader_ends() {
    echo "COMMIT;" >&9
    exec 9>&-
    wait "$reader" || true
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

# It waits for replay, and the standby has the quicker command.
begins() {
    "$program" "$@" --site "$site" --yes >run.out 2>run.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 fetches_with "$quick"
}

killed() {
    kill -KILL "$run"
    ended=0
    wait "$run" || ended=$?
    same "$ended" 137 "the end of it"
    fetches_with "$quick" || fail "it was put back already"
}

is_put_back() {
    fetches_with "$plain" || fail "it fetches with $(sql_of dc2/sql3 'SHOW restore_command')"
    diff "$settings" settings.before || fail "its settings are others"
}

quick="test -e ${plain#cp }"
quick="${quick% %p} && $plain # while log files are handed over"

new_servers site
sed -i 's/^\( *log_shipping: {\)/\1 into_pg_wal: true,/' "$site"
sed -i "s,^restore_command = .*,restore_command = '$plain'," site/dc2/sql3/data/postgresql.conf
sql_of dc2/sql3 "ALTER SYSTEM SET max_standby_archive_delay = '10min'"
sql_of dc2/sql3 "SELECT pg_reload_conf()" >reloaded
until_true 60 fetches_with "$plain"
cp "$settings" settings.before
switch_file "CREATE TABLE held (id int)"

it "log files that are handed over are replayed, and nothing of it is left in its settings"
bsc run apply.lua --site "$site" --yes
exits 0
has_table held || fail "they are not replayed"
is_put_back

reader_begins
switch_file "ALTER TABLE held ADD more int"
for number in 1 2 3 4 5 6; do
    switch_file "CREATE TABLE filler_$number (x int)"
done
break_lab site primary-server

it "what is planned says what it has meanwhile"
bsc plan apply.lua --site "$site"
exits 0
says "while files are left: restore_command = '$quick'"

it "killed while it waits, and taken back: the standby fetches as it did before"
begins run apply.lua
killed
bsc rollback last --site "$site" --yes
exits 0
is_put_back

it "interrupted while it waits, it puts it back itself, as it was set before"
sed -i "s,^restore_command = .*,restore_command = ''," site/dc2/sql3/data/postgresql.conf
sql_of dc2/sql3 "ALTER SYSTEM SET restore_command = '$plain'"
sql_of dc2/sql3 "SELECT pg_reload_conf()" >reloaded
cp "$settings" settings.before
begins run apply.lua
kill -INT "$run"
code=0
wait "$run" || code=$?
[ "$code" -ne 0 ] || fail "it was not interrupted"
is_put_back

it "killed and gone on with when all is replayed already, it is put back as well"
begins resume last
killed
reader_ends
until_true 60 has_table filler_6
bsc resume last --site "$site" --yes
exits 0
is_put_back
