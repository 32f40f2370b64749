# The job that ships log files on PostgreSQL is ended by a signal, or as the site says, and a
# rollback begins it again where the site says how.
. "$(dirname "$0")/lib.sh"

cat >ship.lua <<'END'
runbook "ship" { summary = "Ships the rest", params = { database = param.database() } }
local db = params.database
step "Remove log shipping"             { log_shipping.remove(db.secondary) }
step "Copy the backups not yet copied" { log_backups.copy(db.secondary) }
step "Apply the log backups in order"  { log_backups.apply(db.secondary) }
END

# It ends when the job is at work: before that it is another program.
cat >start.sh <<'END'
setsid "$1" lab work "$2" copier </dev/null >/dev/null 2>&1 &
until tr '\0' ' ' <"/proc/$!/cmdline" | grep -q "^$1 "; do
    sleep 0.01
done
echo $! >"$2/.lab/pids/copier"
END
# It ends long before the job is there.
cat >begin.sh <<'END'
(sleep 0.5; exec sh start.sh "$@") </dev/null >/dev/null 2>&1 &
END
cat >stop.sh <<'END'
kill "$(cat "$1/.lab/pids/copier")"
END

# Whoever was started by others is reaped by others, late.
job_is_gone() {
    ! grep -q '^State:.[^ZX]' "/proc/$(cat site/.lab/pids/copier)/status" 2>/dev/null
}

# The last log file that was shipped is full: its last record goes on in the next one, which was
# not.
new_servers site
# As on a site that does not say how the job is begun.
sed -i -e '/^ *start: .*, lab, work, /d' -e 's|copier\],$|copier] }|' site/site.yaml
pg dc1/sql1 "CREATE TABLE tblBallast AS SELECT i, repeat('x', 200)
    FROM generate_series(1, 9000) i"
next=$(pg dc1/sql1 "SELECT pg_walfile_name(pg_switch_wal())")
until_true 60 test -e "site/backups/mgc/$next"
break_lab site primary-site
for file in site/backups/mgc/*; do
    [ "$(basename "$file")" \< "$next" ] || rm "$file"
done

it "a signal ends it, and nobody but the site can say how to begin it"
bsc run ship.lua --site site/site.yaml --yes
exits 0
job_is_gone || fail "the job lives"
says "done: 3 of 3 items"
replayed=$(pg dc2/sql3 "SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint")
says "wait until sql3 has replayed its log up to LSN $replayed"
[ $((replayed % 1048576)) -ne 0 ] || fail "the last log file is not full"
bsc rollback last --site site/site.yaml --yes
says "the site does not say how log shipping to sql3 is begun"

it "another program that has got its pid is neither taken for the job nor ended"
sleep 1000 &
other=$!
background="$background $other"
echo "$other" >site/.lab/pids/copier
bsc plan ship.lua --site site/site.yaml -o plan.json
exits 3
says "process $other, whose pid is in $work/site/.lab/pids/copier, is sleep (command line "
says "and not the job of the site (lab work $work/site copier): remove that file if the job"
says_not "sleep 1000"
sh start.sh "$program" "$work/site"
bsc plan ship.lua --site site/site.yaml -o plan.json
exits 0
cp site/.lab/pids/copier job
echo "$other" >site/.lab/pids/copier
bsc run plan.json --site site/site.yaml --yes
exits 3
gone "$other" && fail "the other program was ended"
mv job site/.lab/pids/copier
job_is_gone && fail "the job was ended"

it "where nothing tells the job from another program, it is not ended by a signal"
sed -i 's|^ *\(pid_file: .lab/pids/copier\), job: .*|                    \1 }|' site/site.yaml
bsc run ship.lua --site site/site.yaml --yes
exits 3
says "nothing tells the job that ships to sql3 from another program that got its pid"
job_is_gone && fail "the job was ended"

it "it is ended and begun as the site says"
stop="stop: [sh, $work/stop.sh, $work/site]"
start="start: [sh, $work/begin.sh, $program, $work/site]"
sed -i "s|pid_file: .lab/pids/copier }|pid_file: .lab/pids/copier, $stop, $start }|" site/site.yaml
bsc run ship.lua --site site/site.yaml --yes
exits 0
says "end log shipping to sql3: sh $work/stop.sh $work/site"
job_is_gone || fail "the job lives"
bsc rollback last --site site/site.yaml --yes
exits 0
says "begin log shipping to sql3 again: sh $work/begin.sh"
job_is_gone && fail "the job was not begun"
bsc observe --site site/site.yaml -o facts.json
exits 0
same "$(json facts.json '$."database:mgc.secondary".log_shipping')" configured "log shipping"
