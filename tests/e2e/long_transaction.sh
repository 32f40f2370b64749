# A client that holds a database for long: who feeds its mirror waits for it.
. "$(dirname "$0")/lib.sh"
primary=site/dc1/sql1/mgc.db
mirror=site/dc1/sql2/mgc.db

# client STATEMENTS WORD: they are carried out when the client says the word.
client() {
    printf '%s\n' "$1" "SELECT '$2';" >&9
    until_true 60 grep -qx "$2" client.out
}

has_waited() {
    grep -q 'database is locked; trying again' agent.log
}

mirror_has() {
    openable "$mirror" follower.db
    [ "$(sql follower.db "SELECT body FROM tblChatMessage WHERE id = $1" 2>/dev/null)" = "$2" ]
}

new_lab site
mkfifo client.in
sqlite3 -batch -init /dev/null -cmd ".timeout 60000" "$primary" <client.in >client.out 2>&1 &
background=$!
exec 9>client.in
client "SELECT count(*) FROM tblRoom;" there
bsc lab down site
exits 0

it "the agent of a mirror is turned away as long as a client is within a transaction"
client "BEGIN IMMEDIATE; INSERT INTO tblChatMessage VALUES (500000, 1, 1, '', 'long');" held
"$program" agent mirror "$primary" "$mirror" >agent.log 2>&1 &
agent=$!
background="$background $agent"
until_true 60 has_waited

it "and goes on afterwards"
client "COMMIT;" ended
until_true 60 mirror_has 500000 long
kill -0 "$agent" || fail "the agent has ended: $(cat agent.log)"
! grep -i error client.out || fail "the client was disturbed"
