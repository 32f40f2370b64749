# What a practice site on PostgreSQL cannot be made of is said before anything is started.
. "$(dirname "$0")/lib.sh"
chmod 711 "$work"

it "a platform that there is not is refused"
bsc lab new site --platform oracle
exits 2
says 'there is no practice site on platform "oracle"'
says "sqlite, postgresql"

it "only a new lab is given a platform"
new_lab embedded
bsc lab status embedded --platform postgresql
exits 2
says "only a new lab is given a platform"

it "without the ODBC driver it says what to install"
mkdir empty
ODBCSYSINI=$work/empty bsc lab new site --platform postgresql
exits 1
says 'needs the ODBC driver "PostgreSQL Unicode"'
says "apt-get install --no-install-recommends postgresql odbc-postgresql haproxy"

it "a folder whose name cannot stand in settings is refused"
bsc lab new "two words" --platform postgresql
exits 1
says "cannot stand in the settings of PostgreSQL and HAProxy"

it "a folder whose name is too long for sockets is refused"
bsc lab new "$(printf 'long%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20)" \
    --platform postgresql
exits 1
says "too long for the names of its sockets"

it "where it is refused, nothing is left of the folders made for it"
same "$(ls -d two* long* 2>/dev/null)" "" "what is left"
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 700 closed
    mkdir closed/kept
    for folder in closed/site closed/a/b/site/ closed/kept; do
        bsc lab new "$folder" --platform postgresql
        exits 1
        says "the user postgres cannot get to"
        bsc lab new "$folder" --platform postgresql --scenario migration
        exits 1
        says "the user postgres cannot get to"
    done
    same "$(find closed -mindepth 1)" "closed/kept" "what is left"
    same "$(stat -c %U closed/kept)" root "whose it is"
else
    leave_out "servers work as whoever makes the lab, unless that is root"
fi

it "everybody may enter the folders that are made above the site, and nobody the site"
(umask 022 && "$program" lab new a/b/c >/dev/null)
same "$(stat -c %a a a/b a/b/c)" "$(printf '755\n755\n700')" "permissions"
bsc lab down a/b/c

it "faults are those of its platform"
mkdir -p other/.lab
echo postgresql >other/.lab/made
bsc lab break other share-full
exits 2
says 'there is no fault "share-full" on platform postgresql'

it "a lab of a platform that is not known is left alone"
echo oracle >other/.lab/made
bsc lab down other --remove
exits 1
says "is a practice site of another bascule"
[ -f other/.lab/made ] || fail "it was removed"
