# A mirror on PostgreSQL is installed, taken back, refused and resumed: real servers, and a role
# with a password.
#   pg_mirror.sh PROGRAM works     installed, followed, taken back, refused
#   pg_mirror.sh PROGRAM stopped   stopped in its middle in every way, and resumed
#   pg_mirror.sh PROGRAM ssh       on another machine, which is this one behind a real sshd
. "$(dirname "$0")/lib.sh"
programs=$(dirname /usr/lib/postgresql/*/bin/pg_basebackup)
word='oil:lamp\7 it'\''s'
data=$work/site/dc2/sql4/data

# Programs of the site's that can be told to be slow, or not to start.
write_programs() {
    mkdir -m 755 bin
    for name in pg_ctl pg_controldata; do
        ln -s "$programs/$name" bin/
    done
    cat >bin/pg_basebackup <<END
#!/bin/sh
# Slow, it copies so little in a second that it is never at its end; steady, it takes some seconds.
[ ! -e $work/slow ] || set -- "\$@" -r 32
[ ! -e $work/steady ] || set -- "\$@" -r 16M
exec $programs/pg_basebackup "\$@" --no-sync
END
    cat >bin/start <<END
#!/bin/sh
[ ! -e $work/idle ] || { echo "nobody starts today" >&2; exit 3; }
exec "\$@"
END
    chmod 755 bin/*
}

# The secondary as it is after a failover, with a role that needs a password; and its mirror's site.
promoted_secondary() {
    new_servers site
    write_programs
    pg dc2/sql3 "SELECT pg_promote()" >promoted
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT pg_is_in_recovery()")" = f ]'
    pg dc2/sql3 "SET password_encryption = 'scram-sha-256';
        CREATE ROLE bascule SUPERUSER REPLICATION LOGIN PASSWORD
        '$(printf %s "$word" | sed "s/'/''/g")'"
    printf 'local all,replication bascule scram-sha-256\n' |
        cat - site/dc2/sql3/data/pg_hba.conf >hba
    cat hba >site/dc2/sql3/data/pg_hba.conf
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    printf '%s\n' "$word" >site/word
    chmod 600 site/word
    sed -i -e "s,start: \[,start: [$work/bin/start\, ," \
        -e "s,programs: [^ ]*bin,programs: $work/bin," \
        -e '/Servername=.*\/dc2\//s/",/", secret: "file:word",/' \
        -e '/^  sql3:/,/^  clients:/s/UID=postgres/UID=bascule/' site/site.yaml
    cat >mirror.lua <<'END'
runbook "mirror" { summary = "Installs a mirror", params = { database = param.database() } }
local db = params.database
step "Install the new mirror" {
  mirror.install { principal = db.secondary, mirror = db.secondary_mirror },
}
step "Verify" { verify { db.secondary_mirror:follows(db.secondary) } }
END
}

install_mirror() {
    bsc run mirror.lua --site site/site.yaml --yes
}

# fact RESOURCE KEY
fact() {
    json facts.json "\$.\"$1\".$2"
}

is_synchronous() {
    same "$(pg dc2/sql3 'SELECT application_name, state, sync_state FROM pg_stat_replication')" \
        "sql4|streaming|sync" "the secondary's standbys"
    pg dc2/sql3 "CREATE TABLE proof (id int); INSERT INTO proof VALUES (1)"
    until_true 60 eval '[ "$(pg dc2/sql4 "SELECT count(*) FROM proof")" = 1 ]'
    pg dc2/sql3 "DROP TABLE proof"
    [ ! -e "$data/bascule.installing" ] || fail "the mirror is still marked as unfinished"
}

# The password is in no file of the runs, nor in what was said.
is_secret() {
    ! grep -rqF -e "$word" site/runs out err || fail "the password is told"
    same "$(stat -c %a site/dc2/sql4/data.pgpass)" 600 "the mode of the password file"
    ! grep -qF -e "$word" "$data/postgresql.auto.conf" || fail "it stands in the settings"
}

# asides WORD: folders that were renamed
asides() {
    find site/dc2/sql4 -maxdepth 1 -name "data.$1-*" | wc -l
}

# restart_secondary OPTIONS…: anew, with these options of pg_ctl
restart_secondary() {
    as_owner "$programs/pg_ctl" stop -w -m fast -D site/dc2/sql3/data
    as_owner "$programs/pg_ctl" start -w -D site/dc2/sql3/data -l site/dc2/sql3/mirror.log "$@"
}

as_owner() {
    [ "$(id -u)" -ne 0 ] ||
        set -- setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    "$@" >owner.out 2>&1 || fail "$*: $(cat owner.out)"
}

works() {
    it "a folder with somebody's files is refused, and left as it is"
    mkdir -p "$data/letters"
    install_mirror
    exits 3
    says "is unreachable"
    says "$data is not empty"
    [ -d "$data/letters" ] || fail "the files are gone"
    rm -r "$data"

    it "a folder that cannot be renamed is refused before anything is copied"
    as_owner mkdir "$work/site/dc2/elsewhere"
    ln -s ../elsewhere "$data"
    install_mirror
    exits 3
    says "is a symbolic link; give the server the folder that it leads to"
    [ ! -e "$data.installing" ] || fail "something was copied"
    rm "$data"

    it "somebody's files where the copy would be made are refused, and left as they are"
    mkdir -p "$data.installing/letters"
    install_mirror
    exits 3
    says "is where the copy is made, and holds letters"
    rm -r "$data.installing"

    it "a principal with tablespaces elsewhere is refused before anything is copied"
    pg dc2/sql3 "CREATE TABLESPACE elsewhere LOCATION '$work/site/dc2/elsewhere'"
    install_mirror
    exits 3
    says "sql3 has tablespaces outside its data folder: elsewhere"
    pg dc2/sql3 "DROP TABLESPACE elsewhere"

    it "a mirror is installed, streams, and is waited for"
    bsc plan mirror.lua --site site/site.yaml
    exits 0
    says "pg_basebackup of sql3 to $data"
    says "synchronous: no -> yes"
    install_mirror
    exits 0
    says "done: 2 of 2 items, 2 changes"
    is_synchronous
    is_secret

    it "it has the facts that were foretold"
    bsc observe --site site/site.yaml -o facts.json
    exits 0
    same "$(fact database:mgc.secondary_mirror state)" mirror "the state"
    same "$(fact mirror:mgc.secondary_mirror state)" following "the link"
    same "$(fact mirror:mgc.secondary_mirror principal)" sql3 "the principal"
    same "$(fact mirror:mgc.secondary_mirror synchronous)" 1 "synchronous"
    same "$(fact mirror:mgc.secondary_mirror waits_for)" sql4 "whom commits wait for"

    it "nothing of the principal's recovery is left in its settings"
    same "$(pg dc2/sql4 'SHOW restore_command')" "" "the restore command"
    same "$(pg dc2/sql4 'SHOW synchronous_standby_names')" "" "whom it would wait for"

    it "one that follows is kept"
    install_mirror
    exits 0
    says "0 changes"

    it "one that follows and is not waited for is not copied again"
    pg dc2/sql3 "ALTER SYSTEM RESET synchronous_standby_names"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc2/sql3 "SHOW synchronous_standby_names")" = "" ]'
    install_mirror
    exits 0
    says "done: 2 of 2 items, 1 change"
    same "$(asides '*')" 0 "folders that were renamed"

    it "one that is waited for and does not answer is not waited for any longer"
    pg dc2/sql4 "SELECT pg_wal_replay_pause()" >paused
    pg dc2/sql3 "ALTER SYSTEM SET synchronous_commit = remote_apply"
    pg dc2/sql3 "ALTER SYSTEM RESET synchronous_standby_names"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc2/sql3 "SHOW synchronous_standby_names")" = "" ]'
    sed 's/^  mirror.install.*/&\n  timeout = "2s",/' mirror.lua >hasty.lua
    bsc run hasty.lua --site site/site.yaml --yes
    exits 1
    says "did not end within"
    same "$(pg dc2/sql3 'SHOW synchronous_standby_names')" "" "whom commits wait for"
    pg dc2/sql4 "SELECT pg_wal_replay_resume()" >resumed
    pg dc2/sql3 "ALTER SYSTEM RESET synchronous_commit"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    bsc resume last --runs site/runs --yes
    exits 0
    is_synchronous

    it "one that has fallen behind for good is made anew, and on a terminal it is told how long"
    pg dc2/sql4 "ALTER SYSTEM SET primary_conninfo = 'host=/nowhere'"
    pg dc2/sql4 "SELECT pg_reload_conf()" >reloaded
    until_true 60 eval '[ "$(pg dc2/sql3 "SELECT count(*) FROM pg_stat_replication")" = 0 ]'
    touch steady
    script -qec "$program run mirror.lua --site site/site.yaml --yes" /dev/null >out 2>err \
        </dev/null || fail "it ends otherwise"
    rm steady
    grep -qaE ' [0-9]{7,} of [0-9]{8,} bytes, [1-9][0-9]* s left' out || fail "no progress is told"
    is_synchronous
    same "$(asides before)" 1 "old mirrors"

    it "what is taken back is stopped and renamed, and nobody waits for it any more"
    bsc rollback last --runs site/runs --yes
    exits 0
    same "$(pg dc2/sql3 'SHOW synchronous_standby_names')" "" "whom commits wait for"
    same "$(residents "$work/site/dc2/sql4")" "" "processes of sql4"
    same "$(asides removed)" 1 "removed mirrors"
    [ ! -e site/dc2/sql4/data.pgpass ] || fail "the password file is still there"
    bsc observe --site site/site.yaml -o facts.json
    same "$(fact database:mgc.secondary_mirror state)" missing "the state"

    it "where the principal cannot be made to wait, it is as before, and the run can be resumed"
    restart_secondary -o "-c synchronous_standby_names="
    install_mirror
    exits 1
    says "command line may set, did not become 'sql4' within 5 s"
    same "$(sed -n 's/^synchronous_standby_names = //p' site/dc2/sql3/data/postgresql.auto.conf)" \
        "''" "the setting that would count without that"
    restart_secondary
    bsc resume last --runs site/runs --yes
    exits 0
    is_synchronous
    same "$(asides before)" 1 "old mirrors, of which that one is none"

    it "a copy that has been online by itself is refused"
    install_mirror
    exits 0
    pg dc2/sql3 "ALTER SYSTEM RESET synchronous_standby_names"
    pg dc2/sql3 "SELECT pg_reload_conf()" >reloaded
    pg dc2/sql4 "SELECT pg_promote()" >promoted
    install_mirror
    exits 3
    says "is online and writable; installing a mirror would replace it"
}

# begin_slowly: a run in whose middle pg_basebackup is; its pid is $run.
begin_slowly() {
    touch slow
    "$program" run mirror.lua --site site/site.yaml --yes >slow.out 2>slow.err </dev/null &
    run=$!
    background="$background $run"
    until_true 60 [ -e "$data.installing/backup_label" ]
    rm slow
}

# Pids of the programs that copy; the pattern is in no command line but theirs.
copiers() {
    printf '%s\n' "$data.installing" >.installing
    grep -lF -f .installing /proc/[0-9]*/cmdline 2>/dev/null |
        sed 's,/proc/\([0-9]*\)/.*,\1,' || true
}

resumed() {
    bsc resume last --runs site/runs --yes
}

stopped() {
    it "killed in its middle, its copy is renamed and made anew"
    begin_slowly
    for pid in $(copiers); do
        ! grep -qaF -e "$word" "/proc/$pid/cmdline" || fail "the password is an argument"
    done
    kill -KILL "$run"
    until_true 60 gone "$run"
    [ -n "$(copiers)" ] || fail "pg_basebackup does not outlive the run"
    resumed
    exits 3
    says "a program that it started still holds the lock"
    for pid in $(copiers); do
        kill -KILL "$pid" || true
    done
    until_true 60 eval '[ -z "$(copiers)" ]'
    resumed
    exits 0
    same "$(asides half)" 1 "halves that were renamed"
    is_synchronous
    is_secret

    it "stopped by Ctrl-C, it ends its child and can be resumed"
    bsc rollback last --runs site/runs --yes
    exits 0
    begin_slowly
    kill -INT "$run"
    until_true 60 gone "$run"
    same "$(copiers)" "" "programs that copy"
    grep -qF "interrupted" slow.out || fail "it does not say interrupted"
    same "$(asides half)" 2 "halves that were renamed"
    resumed
    exits 0
    is_synchronous

    it "a server that does not start halts the run, and is not copied again by a resume"
    bsc rollback last --runs site/runs --yes
    exits 0
    touch idle
    install_mirror
    exits 1
    says "could not start the mirror on sql4: nobody starts today"
    rm idle
    resumed
    exits 0
    is_synchronous
    same "$(asides half)" 2 "halves that were renamed"

    it "a folder that may not be written to halts the run"
    bsc rollback last --runs site/runs --yes
    exits 0
    chmod 500 site/dc2/sql4
    install_mirror
    exits 1
    says "on sql4"
    says "Permission denied"
    chmod 700 site/dc2/sql4
    resumed
    exits 0
    is_synchronous

    it "a full disk halts the run, which goes on when there is room"
    bsc rollback last --runs site/runs --yes
    exits 0
    full_disk
}

full_disk() {
    owner=$(stat -c %U site/dc2/sql4)
    mkdir "$data"
    if mount -t tmpfs bascule-test "$data" 2>mount.err; then
        mounted=$data
        install_mirror
        umount "$data"
        mounted=
        exits 3
        says "is a mount point, which cannot be renamed; give the server a folder below it"
    fi
    rmdir "$data"
    if ! mount -t tmpfs -o size=12m,mode=700,uid="$owner" bascule-test "$work/site/dc2/sql4" \
        2>mount.err; then
        leave_out "no file system can be mounted here: $(cat mount.err)"
        return
    fi
    mounted=$work/site/dc2/sql4
    install_mirror
    exits 1
    says "could not copy the principal on sql4"
    says "No space left on device"
    [ ! -e site/dc2/sql4/data.pgpass ] || fail "the password file was left behind"
    same "$(pg dc2/sql3 'SHOW synchronous_standby_names')" "" "whom commits wait for"
    mount -o remount,size=400m "$mounted"
    resumed
    exits 0
    is_synchronous
    bsc lab down site
}

ssh_keys() {
    for key in host user; do
        ssh-keygen -q -t ed25519 -N '' -f "$key"
    done
    cp user.pub allowed
    chmod 644 allowed
    # As long as those of banks, and with words that are looked for in what programs say.
    for line in $(seq 20); do
        echo "error: $line: for those only who may. No space left on device: Permission denied"
    done >banner
    chmod 644 banner
    printf '#!/bin/sh\nexec /usr/bin/ssh -F %s "$@"\n' "$work/ssh_config" >bin/ssh
    chmod 755 bin/ssh
}

# ssh_config PORT
ssh_config() {
    cat >sshd_config <<END
Banner $work/banner
ListenAddress 127.0.0.1:$1
HostKey $work/host
AuthorizedKeysFile $work/allowed
PidFile $work/sshd.pid
StrictModes no
UsePAM $([ "$(id -u)" -eq 0 ] && echo yes || echo no)
PasswordAuthentication no
END
    cat >ssh_config <<END
Host db4
  HostName 127.0.0.1
  Port $1
  User $(stat -c %U site/dc2/sql4)
  IdentityFile $work/user
  IdentitiesOnly yes
  UserKnownHostsFile $work/known
  StrictHostKeyChecking accept-new
END
}

# Whether a port is free tells nobody but sshd, when it binds it. None follows from a pid: tests
# that live apart from each other have the same ones. Those that the system gives out are higher.
start_sshd() {
    mkdir -p /run/sshd 2>/dev/null || true
    ssh_keys
    for _ in $(seq 20); do
        ssh_config $((10000 + $(od -An -N2 -tu2 /dev/urandom) % 20000))
        /usr/sbin/sshd -D -e -f "$work/sshd_config" 2>sshd.err &
        sshd=$!
        background="$background $sshd"
        until_true 60 eval 'grep -q "Server listening" sshd.err || gone "$sshd"'
        if grep -q "Server listening" sshd.err; then
            bin/ssh -o BatchMode=yes db4 true 2>ssh.err || fail "no login: $(cat ssh.err sshd.err)"
            return
        fi
        grep -q "Address already in use" sshd.err || fail "sshd ended: $(cat sshd.err)"
    done
    fail "no port is free"
}

over_ssh() {
    start_sshd
    sed -i -e '/^  sql4:/s/platform: postgresql,/platform: postgresql, ssh: db4,/' \
        -e '/^  sql4:/,/^  clients:/s/setpriv, .*--,//' site/site.yaml
    PATH=$work/bin:$PATH
    export PATH

    it "over ssh a folder with somebody's files is refused"
    mkdir -p "$data/letters"
    install_mirror
    exits 3
    says "$data is not empty"
    rm -r "$data"

    it "over ssh a mirror is installed, streams, and is waited for"
    install_mirror
    exits 0
    is_synchronous
    is_secret

    it "over ssh it is taken back"
    bsc rollback last --runs site/runs --yes
    exits 0
    same "$(residents "$work/site/dc2/sql4")" "" "processes of sql4"
    same "$(asides removed)" 1 "removed mirrors"

    it "over ssh the copy ends with the run"
    begin_slowly
    kill -INT "$run"
    until_true 60 gone "$run"
    until_true 60 eval '[ -z "$(copiers)" ]'
    same "$(asides half)" 1 "halves that were renamed"

    it "a machine that cannot be reached is said to be so"
    kill "$(cat sshd.pid)"
    until_true 60 eval '! bin/ssh -o BatchMode=yes db4 true 2>ssh.err'
    install_mirror
    exits 3
    says "is unreachable"
    says 'ssh to "db4" ended with exit code 255'
}

promoted_secondary
case "$1" in
works | stopped) "$1" ;;
ssh) over_ssh ;;
*) fail "there is no scene $1" ;;
esac
