# A migration from one pool to another, on a directory of our own.
#   side_by_side.sh PROGRAM whole     from the first count to the end, with a pilot that lasts
#   side_by_side.sh PROGRAM stopped   something cannot be changed, in each phase: on, and back
#   side_by_side.sh PROGRAM after     the moves of a run that is over are taken back
. "$(dirname "$0")/lib.sh"
scene=$1
old=pool01.litware.example
new=pool02.litware.example
directory=site/hq/directory.db
cp "$source_tree"/runbooks/migration*.lua .
# Where nothing is about waiting, nobody waits.
sed 's/after = "14d", //; s/override = "accept_early", //' migration.lua >at_once.lua

# A site of 40 users beside the pilot, with names that SQL and people stumble over.
new_site() {
    rm -rf site
    cp -r "$source_tree/runbooks/side_by_side" site
    mkdir site/hq
    sql "$directory" "
        CREATE TABLE homes (sip TEXT PRIMARY KEY, pool TEXT);
        CREATE TABLE directories (id TEXT PRIMARY KEY, pool TEXT);
        CREATE TABLE numbers (uri TEXT PRIMARY KEY, pool TEXT);
        CREATE TABLE pools (name TEXT, state TEXT, version TEXT, replicated INT, store TEXT);
        CREATE TABLE services (pool TEXT, name TEXT, state TEXT);
        CREATE TABLE administration (pool TEXT, tool TEXT, state TEXT);
        CREATE TABLE talk (from_pool TEXT, to_pool TEXT, channel TEXT, delivered INT, failed INT);
        CREATE TABLE meetings (sip TEXT);
        CREATE TABLE clients (sip TEXT, version TEXT);
        CREATE TABLE backups (id INTEGER PRIMARY KEY, time TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
        INSERT INTO homes SELECT 'sip:o''user ' || i || '\"ü', '$old' FROM n;
        INSERT INTO homes VALUES ('sip:ann@litware.example', '$old'),
            ('sip:bo@litware.example', '$old'), ('sip:cy@litware.example', '$old'),
            ('sip:native@litware.example', '$new'), ('sip:far@litware.example', 'pool03');
        INSERT INTO directories VALUES (1, '$old'), (2, '$old');
        INSERT INTO numbers VALUES ('+1', '$old'), ('+2', '$old'), ('+3', '$old');
        INSERT INTO pools VALUES ('$old', 'deployed', '2010', 1, 'sql1'),
            ('$new', 'deployed', '2013', 1, 'sql2');
        INSERT INTO services VALUES ('$old', 'front', 'running'), ('$new', 'front', 'stopped'),
            ('$new', 'media', 'stopped');
        INSERT INTO administration VALUES ('$old', 'panel', 'reachable'),
            ('$new', 'panel', 'reachable');
        INSERT INTO talk SELECT a.name, b.name, 'im', 9, 0 FROM pools a, pools b;
        INSERT INTO meetings VALUES ('sip:ann@litware.example');
        INSERT INTO clients VALUES ('sip:bo@litware.example', '2013')"
    state >start
}

# Everything but backups, which a rollback keeps.
state() {
    for table in homes directories numbers pools services; do
        sql "$directory" "SELECT '$table', * FROM $table ORDER BY 2, 3"
    done
}

counts() {
    sql "$directory" "SELECT (SELECT count(*) FROM homes WHERE pool = '$old') || ' ' ||
        (SELECT count(*) FROM homes WHERE pool = '$new') || ' ' ||
        (SELECT count(*) FROM homes WHERE pool = 'pool03')"
}

as_in_the_beginning() {
    state >now
    diff start now >differences || fail "it is not as it was: $(cat differences)"
}

all_moved() {
    same "$(counts)" "0 44 1" "users in the legacy pool, the new one and elsewhere"
    same "$(sql "$directory" "SELECT count(*) FROM (SELECT pool FROM directories UNION ALL
        SELECT pool FROM numbers) WHERE pool = '$new'")" 5 "applications in the new pool"
    same "$(sql "$directory" "SELECT state FROM pools WHERE name = '$old'")" retired "legacy pool"
}

run_at_once() {
    bsc run at_once.lua --site site/site.yaml --yes
}

go_on() {
    bsc "$1" last --site site/site.yaml --yes
}

whole() {
    it "the run is parked while the pilot lasts, with the pilot moved and nobody else"
    new_site
    bsc run migration.lua --site site/site.yaml --yes
    exits 7
    says "14d after it was first reached"
    same "$(counts)" "40 4 1" "users"

    it "a legacy pool that somebody has retired meanwhile does not take the pilot back"
    sql "$directory" "UPDATE pools SET state = 'retired' WHERE name = '$old'"
    bsc rollback last --site site/site.yaml --yes
    exits 3
    says "it would be refused: the pool $old is retired"
    same "$(counts)" "40 4 1" "users"
    sql "$directory" "UPDATE pools SET state = 'deployed' WHERE name = '$old'"

    it "who has come and gone meanwhile is counted anew, and a reason ends the wait"
    sql "$directory" "DELETE FROM homes WHERE sip LIKE '%user 7\"%';
        INSERT INTO homes VALUES ('sip:late@litware.example', '$old')"
    bsc resume last --site site/site.yaml --yes --accept-changes --set accept_early="tried before"
    exits 0
    says "waived by accept_early: tried before"
    says "people: users: 40 legacy, 4 new, 1 elsewhere"
    says "people: legacy > new im: 9 delivered, 0 failed"
    all_moved
    bsc audit verify last --site site/site.yaml
    exits 0

    it "a pool that was retired takes nobody back"
    bsc rollback last --site site/site.yaml --yes
    exits 3
    bsc run migration-rollback.lua --site site/site.yaml --yes
    exits 3
    says "is retired, wanted deployed"
    all_moved
}

# stopped_by TABLE CONDITION: nothing that fits can be changed, and a run stops there.
stopped_by() {
    new_site
    event="UPDATE"
    [ "$1" != backups ] || event="INSERT"
    sql "$directory" "CREATE TRIGGER no BEFORE $event ON $1 WHEN $2 BEGIN
        SELECT raise(ABORT, 'not today'); END"
    run_at_once
    exits 1
    says "not today"
    same "$(sql "$directory" "SELECT count(*) FROM (SELECT sip FROM homes GROUP BY sip
        HAVING count(*) = 1)")" 45 "users with one home"
}

let_through() {
    sql "$directory" "DROP TRIGGER no"
}

# phase TITLE TABLE CONDITION
phase() {
    it "$1: when it cannot be done, everything goes back to where it was"
    stopped_by "$2" "$3"
    let_through
    go_on rollback
    [ "$code" -eq 0 ] || says "there is nothing to take back"
    as_in_the_beginning

    it "$1: when it can be done again, the run goes on to its end"
    stopped_by "$2" "$3"
    let_through
    go_on resume
    exits 0
    all_moved
}

stopped() {
    phase "The backup" backups 1
    phase "The second service" services "NEW.name = 'media' AND NEW.state = 'running'"
    phase "One of the pilot" homes "OLD.sip LIKE '%bo@%' AND NEW.pool = '$new'"
    phase "One of the users" homes "OLD.sip LIKE '%user 3\"%' AND NEW.pool = '$new'"
    phase "All of the users" homes "OLD.sip LIKE '%user%' AND NEW.pool = '$new'"
    phase "The second kind of application" numbers "OLD.uri = '+2' AND NEW.pool = '$new'"
    phase "The end of the legacy pool" pools "NEW.state = 'retired'"
}

after() {
    it "what a run has moved goes back, and nobody else"
    new_site
    awk '/^phase "Decommission"/ { exit } { print }' at_once.lua >moves_only.lua
    bsc run moves_only.lua --site site/site.yaml --yes
    exits 0
    same "$(counts)" "0 44 1" "users"
    id=$(basename "$(dirname site/runs/*/journal.jsonl)")
    bsc rehearse migration-rollback.lua --site site/site.yaml --set run="$id"
    exits 0
    bsc run migration-rollback.lua --site site/site.yaml --set run="$id" --yes
    exits 0
    says "people: new meetings of 1 organiser stop working on a way back"
    says "sip:bo@litware.example: the client has to be downgraded"
    sql "$directory" "UPDATE services SET state = 'stopped' WHERE pool = '$new'"
    as_in_the_beginning

    it "without a run everybody who is in the new pool goes back"
    sql "$directory" "UPDATE homes SET pool = '$new' WHERE sip LIKE '%user 1%'"
    bsc run migration-rollback.lua --site site/site.yaml --yes
    exits 0
    same "$(counts)" "44 0 1" "users"
}

shift
"$scene" "$@"
