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

it "a folder that the servers' user cannot get to is refused"
if [ "$(id -u)" -eq 0 ]; then
    mkdir -m 700 closed
    bsc lab new closed/site --platform postgresql
    exits 1
    says "the user postgres cannot get to"
    bsc lab new closed/site --platform postgresql
    exits 1
    says "bascule lab down --remove closed/site removes"
    bsc lab down --remove closed/site
    exits 0
    same "$(ls closed)" "" "what is left"
else
    leave_out "servers work as whoever makes the lab, unless that is root"
fi

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
