# The practice site of a migration: made, looked at, broken, mended and taken down.
#   mig_lab.sh PROGRAM PLATFORM
. "$(dirname "$0")/lib.sh"
. "$tests/directory.sh"
platform=$1

# One of the failures that clients were told of, counted; 0 where there is none.
failures_of() {
    bsc lab status site --json
    exits 0
    sql :memory: "SELECT coalesce(sum(value ->> 'count'), 0)
        FROM json_each(CAST(readfile('out') AS TEXT), '\$.failures')
        WHERE value ->> 'error' = '$1'"
}

more_failures_of() {
    [ "$(failures_of "$1")" -gt "$2" ]
}

# The statement `talk` of the site, for one pair of pools: from|to|channel|delivered|failed.
talk() {
    ask "SELECT from_pool, to_pool, channel, delivered, failed FROM talk
        WHERE from_pool LIKE '$1%' AND to_pool LIKE '$2%'"
}

all_talk() {
    [ "$(ask "SELECT count(*) FROM talk WHERE delivered > 0 AND failed = 0")" = 8 ]
}

# seen_in NUMBERS: of how many pools the users were that the observer took for violations.
seen_in() {
    [ "$(sql site/office/looks.db "SELECT DISTINCT pools FROM violations ORDER BY 1" |
        tr '\n' ' ')" = "$1" ]
}

# breaks FAULT FAILURE: broken, clients fail for that reason and no other; mended, they do not.
breaks() {
    break_lab site "$1"
    more_failures_of "$2" 0 || fail "the clients have not noticed"
    bsc lab repair site "$1"
    exits 0
    all_talk || fail "not everybody is heard again at once"
    same "$(status failures)" "[{\"count\":$(failures_of "$2"),\"error\":\"$2\"}]" "the failures"
    forget
}

# Ends the clients, and lets the office forget what was.
forget() {
    bsc lab down site
    exits 0
    sql site/office/messages.db "DELETE FROM totals"
    bsc lab repair site
    exits 0
}

it "a site with so many users is made"
new_site 500
says "practice site of a migration"
same "$(ask "SELECT pool, count(*) FROM homes GROUP BY pool ORDER BY pool" | tr '\n' ' ')" \
    "pool01.litware.example|496 pool02.litware.example|4 " "users by pool"
same "$(ask "SELECT count(*) FROM users")" 500 "users"
same "$(status 'pools[0].users')" 496 "users of the legacy pool in the status"

it "some of them have names with quotes, blanks and letters beyond ASCII"
for name in "sip:o''brien@%" 'sip:"bob"@%' 'sip:anna maria@%' 'sip:jürgen%' "%DROP TABLE%"; do
    same "$(ask "SELECT count(*) FROM homes WHERE sip LIKE '$name'")" 1 "users called $name"
done

it "nothing of it works as root"
for pid in $(residents "$work/site"); do
    ! grep -q '^Uid:.0' "/proc/$pid/status" || [ "$(id -u)" -ne 0 ] ||
        [ "$platform" = sqlite ] || fail "process $pid works as root"
done

it "clients talk within and between the pools, over both channels, and nothing fails"
until_true 60 all_talk
same "$(status failed)" 0 "messages that failed"
sql site/office/messages.db "SELECT count(DISTINCT conversation) > 3 FROM messages
    WHERE error IS NULL" | grep -qx 1 || fail "there are hardly any conversations"

it "somebody looks all the time whether each user is in exactly one pool"
looks=$(status looks)
until_true 60 more looks "$((looks + 5))"
same "$(status violations)" 0 "violations"

it "a user in two pools, or in none, is a violation and a failure"
ask "INSERT INTO homes SELECT sip, 'pool01.litware.example' FROM homes
    WHERE pool = 'pool02.litware.example'"
until_true 60 more violations 0
looks=$(status looks)
until_true 60 more looks "$((looks + 3))"
same "$(status violations)" 4 "violations, however often they were seen"
until_true 60 more_failures_of "user in several pools" 0
ask "DELETE FROM homes WHERE sip LIKE 'sip:test%'"
until_true 60 more_failures_of "user in no pool" 0
until_true 60 seen_in "0 2 "
ask "INSERT INTO homes SELECT sip, 'pool02.litware.example' FROM users
    WHERE sip LIKE 'sip:test%'"
until_true 60 all_talk
forget

it "a message that is missing and one that comes late are counted"
same "$(status lost)$(status overtaken)" 00 "disorder before"
bsc lab down site
exits 0
for number in 1 2 5 4; do
    sql site/office/messages.db "INSERT INTO messages (time, conversation, number, sender,
        recipient, channel, from_pool, to_pool) VALUES ('', 999999, $number, 's', 'r', 'im',
        'pool01.litware.example', 'pool01.litware.example')"
done
same "$(status lost) $(status overtaken)" "2 1" "disorder"
bsc lab repair site
exits 0

it "a stopped service, and a route that is down, are felt by the clients"
until_true 60 all_talk
forget
breaks service-down "service not running"
breaks route-down "no route"

it "a fault that is there is not made again"
break_lab site user-locked
says "sip:user"
bsc lab break site user-locked
exits 3
says "the lab is broken already"

it "a locked user is not moved, others are"
locked=$(ask "SELECT sip FROM locked")
! ask "UPDATE homes SET pool = 'pool02.litware.example' WHERE sip = '$locked'" >out 2>err ||
    fail "$locked was moved"
ask "UPDATE homes SET pool = 'pool02.litware.example' WHERE sip = 'sip:ann@litware.example'"
bsc lab repair site user-locked
exits 0
ask "UPDATE homes SET pool = 'pool02.litware.example' WHERE sip = '$locked'"
same "$(status 'pools[1].users')" 6 "users of the new pool"
ask "UPDATE homes SET pool = 'pool01.litware.example' WHERE sip NOT LIKE 'sip:test%'"

it "what can happen to nobody is not made"
ask "UPDATE homes SET pool = 'pool02.litware.example'"
for fault in user-locked user-vanished; do
    bsc lab break site $fault
    exits 3
    says "nobody is left in the legacy pool"
done
same "$(status faults)" '[]' "the faults"
ask "UPDATE homes SET pool = 'pool01.litware.example' WHERE sip NOT LIKE 'sip:test%'"

it "users leave and join, and nobody takes that for a violation or a failure"
violations=$(status violations)
break_lab site user-vanished
break_lab site user-joins
break_lab site not-replicated
same "$(ask "SELECT replicated FROM pools ORDER BY name" | tr '\n' ' ')" "1 0 " "replicated"
same "$(status faults)" '["user-vanished","user-joins","not-replicated"]' "the faults"
looks=$(status looks)
until_true 60 more looks "$((looks + 3))"
bsc lab repair site
exits 0
same "$(status faults)" '[]' "the faults after the repair"
same "$(ask "SELECT count(*) FROM users")|$(ask "SELECT count(*) FROM homes")" "500|500" "users"
same "$(ask "SELECT replicated FROM pools ORDER BY name" | tr '\n' ' ')" "1 1 " "replicated"
same "$(status violations)" "$violations" "violations"
same "$(status failed)" 0 "messages that failed"

it "people are shown the same"
bsc lab status site
exits 0
says "legacy pool01.litware.example: deployed, 496 users"
says "clients running;"
says "legacy > new:"
says "observer running;"

it "what is not there is said"
bsc lab break site primary-site
exits 2
says 'there is no fault "primary-site" in the scenario migration'
bsc lab new other --scenario nothing
exits 2
says "There are: failover, migration."
bsc lab new other --scenario migration --users 5
exits 2
says "--users is a whole number from 20 to 1000000"
bsc lab new other --users 500
exits 2
says "only the site of a migration is given users"
bsc lab status site --users 500
exits 2
says "only a new lab is given a number of users"
[ ! -e other ] || fail "a folder was made"

it "down leaves no process, and repair begins where it was"
bsc lab down site
exits 0
same "$(own_processes)$(residents "$work/site")" "" "processes of the lab"
delivered=$(status delivered)
same "$(status clients)$(status observer)" 00 "who works"
bsc lab repair site
exits 0
until_true 60 more delivered "$delivered"

it "its processes had nothing to complain of"
same "$(cat site/.lab/log)" "" "their messages"

it "down --remove leaves nothing at all"
bsc lab down site --remove
exits 0
[ ! -e site ] || fail "the folder is still there"

# A server of PostgreSQL does not end because its folder is gone.
[ "$platform" = sqlite ] || exit 0

it "where the folder is removed without it, the processes end by themselves"
new_site 20
break_lab site user-locked
says "sip:user"
left=$(own_processes)
rm -rf site
new_site 20
for pid in $left; do
    until_true 60 gone "$pid"
done
same "$(own_processes | wc -l)" 2 "processes of the new site"
rm -rf site
until_true 60 eval '[ -z "$(own_processes)" ]'
