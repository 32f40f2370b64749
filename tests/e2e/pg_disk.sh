# The small disk that a practice site can be given: whenever whoever mounts it is killed, no file
# system is left behind, and no log file is lost.
. "$(dirname "$0")/lib.sh"
copied=$work/site/dc2/sql3/copied

if [ "$(id -u)" -ne 0 ]; then
    it "a disk of its own"
    leave_out "only root can give a lab a disk of its own"
    exit 0
fi

# Each does what the program of its name does; the last of so many as there are lines in `calls`
# kills whoever has called it.
mkdir bin
cat >bin/mount <<END
#!/bin/sh
name=\${0##*/}
PATH=$PATH "\$name" "\$@" || exit
sed -i 1d $work/calls
[ -s $work/calls ] || kill -KILL "\$PPID"
END
chmod 755 bin/mount
for name in umount cp; do
    cp bin/mount "bin/$name"
done

# killed CALLS ARGUMENT…: the program, which is killed behind so many calls of these.
killed() {
    seq "$1" >calls
    shift
    own=$PATH
    PATH=$work/bin:$PATH
    bsc "$@"
    PATH=$own
    exits 137
}

# No file system is mounted below the site, and nothing of its disk is left.
is_clean() {
    ! grep -F " $work/site/" /proc/self/mountinfo || fail "a file system was left behind"
    [ ! -e site/.lab/disk ] || fail "its files were left behind"
}

is_whole() {
    is_clean
    (cd "$copied" && sha256sum -- *) | diff "$1" - || fail "other files are there"
}

new_servers site
break_lab site primary-site
bsc run "$failover" --site site/site.yaml --yes
exits 0
(cd "$copied" && sha256sum -- *) >before
[ -s before ] || fail "no log file was copied"

for calls in 1 2 3 4; do
    it "a disk whose mounting was killed behind $calls calls is taken back"
    killed "$calls" lab break site disk-full
    grep -qF " $work/site/" /proc/self/mountinfo || fail "nothing was mounted"
    bsc lab break site disk-full
    exits 3
    says "the lab is broken already"
    bsc lab repair site disk-full
    exits 0
    is_whole before
done

for calls in 1 2 3; do
    it "one whose taking back was killed behind $calls calls is taken back with what came in"
    break_lab site disk-full
    echo "$calls" >"$copied/came_in"
    (cd "$copied" && sha256sum -- *) >after
    killed "$calls" lab repair site disk-full
    bsc lab repair site disk-full
    exits 0
    is_whole after
    rm "$copied/came_in"
done

it "one that nobody knows of any more is taken back with the next"
mkdir site/.lab/disk
mount -t tmpfs none site/.lab/disk
break_lab site disk-full
bsc lab repair site disk-full
exits 0
is_whole before

it "down takes one back whose mounting was killed"
killed 3 lab break site disk-full
bsc lab down site --remove
exits 0
! grep -F " $work/site/" /proc/self/mountinfo || fail "a file system was left behind"
[ ! -e site ] || fail "the site is still there"
