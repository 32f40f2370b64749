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

cat >start.sh <<'END'
setsid "$1" lab work "$2" copier </dev/null >/dev/null 2>&1 &
echo $! >"$2/.lab/pids/copier"
END
cat >stop.sh <<'END'
kill "$(cat "$1/.lab/pids/copier")"
END

# Whoever was started by others is reaped by others, late.
job_is_gone() {
    ! grep -q '^State:.[^ZX]' "/proc/$(cat site/.lab/pids/copier)/status" 2>/dev/null
}

new_servers site
break_lab site primary-site

it "a signal ends it, and nobody but the site can say how to begin it"
bsc run ship.lua --site site/site.yaml --yes
exits 0
job_is_gone || fail "the job lives"
says "done: 3 of 3 items"
bsc rollback last --site site/site.yaml --yes
says "the site does not say how log shipping to sql3 is begun"

it "another program that has got its pid is left alone"
sleep 1000 &
background="$background $!"
echo $! >site/.lab/pids/copier
bsc plan ship.lua --site site/site.yaml -o plan.json
exits 0
says "sleep 1000"
sh start.sh "$program" "$work/site"
bsc run plan.json --site site/site.yaml --yes
exits 3
job_is_gone && fail "the job was ended"

it "it is ended and begun as the site says"
stop="stop: [sh, $work/stop.sh, $work/site]"
start="start: [sh, $work/start.sh, $program, $work/site]"
sed -i "s|pid_file: .lab/pids/copier }|pid_file: .lab/pids/copier, $stop, $start }|" site/site.yaml
bsc run ship.lua --site site/site.yaml --yes
exits 0
says "end log shipping to sql3: sh $work/stop.sh $work/site"
job_is_gone || fail "the job lives"
bsc rollback last --site site/site.yaml --yes
exits 0
says "begin log shipping to sql3 again: sh $work/start.sh"
job_is_gone && fail "the job was not begun"
bsc observe --site site/site.yaml -o facts.json
exits 0
same "$(json facts.json '$."database:mgc.secondary".log_shipping')" configured "log shipping"
