# Ten ways to get a failover wrong; each is found before anything is touched, at the line that is to
# blame.
. "$(dirname "$0")/lib.sh"

"$program" lab new site >/dev/null
"$program" lab break site primary-site >/dev/null
bsc observe --site site/site.yaml -o facts.json
exits 0

# found CODE PATTERN TEXT…: wrong.lua is rehearsed, and the line with the pattern is to blame.
found() {
    line=$(grep -nF -e "$2" wrong.lua | head -n 1 | cut -d: -f1)
    wanted=$1
    shift 2
    bsc rehearse wrong.lua --site site/site.yaml --facts facts.json $settings
    exits "$wanted"
    says "wrong.lua:$line"
    for text in "$@"; do
        says "$text"
    done
    settings=
}
settings=

# without PATTERN…: the failover without the statements that begin so.
without() {
    cp "$failover" rest
    for pattern in "$@"; do
        awk -v start="$pattern" 'index($0, start) { skip = 1 }
            !skip { print }
            skip && /}[[:space:]]*$/ && !/^  / { skip = 0 }' rest >shorter
        mv shorter rest
    done
    cat rest
}

it "recovering before the log backups are applied"
without 'gate "Bring the database' 'step "Bring the database' | awk '/^-- Steps 2 and 3/ {
    print "step \"Recover early\" { database.recover(db.secondary, { override = \"early\" }),"
    print "  point_of_no_return = true }" } { print }' >wrong.lua
settings="--set early=yes"
found 4 'Recover early' "no log backup is skipped"

it "no look whether the primary is fenced"
without 'guard "The primary and its mirror are down"' |
    sed 's/database.recover(db.secondary)/database.recover(db.secondary, { override = "go" })/' \
        >wrong.lua
settings="--set go=yes"
found 4 'override = "go"' "at most one copy of a database can be written to" \
    "the primary of mgc comes back"

it "the pool switched before the database is online"
without 'step "Mark the pool failed over"' | awk '/^step "Bring the database online"/ {
    print "step \"Switch early\" { pool.set_state(chat, \"FailedOver\") }" } { print }' >wrong.lua
found 3 'Switch early' "would use the secondary of mgc, which is restoring"

it "sessions ended only after the recovery"
without 'step "End every session"' | awk '{ print }
    /^step "Bring the database online"/ {
    print "step \"End late\" { sessions.kill_all(db.secondary) }" }' >wrong.lua
found 3 'step "Bring the database online"' "open session" "end them first"

it "log backups copied without being verified"
without 'step "Copy the backups not yet copied"' | awk '/^step "Apply the log backups/ {
    print "step \"Copy by hand\" { harmless = \"only copies\","
    print "  command.run { \"cp\", \"-r\", \"/backups\", \"/copied\" } }" } { print }' >wrong.lua
found 4 'step "Apply the log backups in order"' "have not been copied"

it "active servers in the wrong data centre"
sed 's/set_active_servers(chat, near(db.secondary)) }/set_active_servers(chat, { "chat1" }) }/' \
    "$failover" >wrong.lua
found 3 'set_active_servers(chat, { "chat1" })' "no low-latency link"

it "an undo that is missing before the point of no return"
awk '/^-- Step 1$/ { print "step \"Note it\" {"
    print "  sql.change { server = \"app\", file = \"pool.db\","
    print "  statement = \"DELETE FROM pool\" } }" } { print }' "$failover" >wrong.lua
found 1 'sql.change { server' "has no undo" "before the point of no return"

it "the mirror of the old primary instead of a new one"
sed 's/mirror = db.secondary_mirror }/mirror = db.mirror }/' "$failover" >wrong.lua
found 1 'mirror = db.mirror' "is not the mirror of"

it "log shipping removed, and what lies on its share forgotten"
without 'step "Copy the backups not yet copied"' >wrong.lua
found 3 'step "Apply the log backups in order"' "have not been copied"

it "something that a resumed run repeats blindly"
awk '/^-- Step 5$/ { print "step \"Count the failovers\" {"
    print "  sql.change { server = \"app\", file = \"pool.db\","
    print "    statement = \"UPDATE failovers SET n = n + 1\" },"
    print "}" } { print }' "$failover" >wrong.lua
found 4 'sql.change { server = "app"' "nothing is done twice"
