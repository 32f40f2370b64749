# A rehearsal tries everything that can go wrong, touches nothing, and says the same each time.
. "$(dirname "$0")/lib.sh"

"$program" lab new site >/dev/null
"$program" lab break site primary-site >/dev/null
bsc observe --site site/site.yaml -o facts.json
exits 0

rehearse() {
    bsc rehearse "$@" --site site/site.yaml --facts facts.json
}

it "the shipped failover stands every single fault and every pair of them"
for faults in none single pairs; do
    rehearse "$failover" --faults $faults
    exits 0
    says "without a fault: done"
    says " 0 violations"
done
rehearse "$failover" --faults single --json
same "$(json out '$.complete')" 1 "the search is complete"
[ "$(json out '$.tried')" -gt 300 ] || fail "only $(json out '$.tried') faults were tried"

it "the same facts give the same bytes"
cp out once
rehearse "$failover" --faults single --json
cmp -s once out || fail "two verdicts differ"

it "a rehearsal from recorded facts opens no socket and writes nothing"
# A process that is traced cannot be searched for leaks.
ASAN_OPTIONS=detect_leaks=0 strace -f -o trace \
    -e trace=network,open,openat,creat,unlink,rename,mkdir \
    "$program" rehearse "$failover" --site site/site.yaml --facts facts.json >/dev/null
! grep -E 'socket\(|connect\(|O_WRONLY|O_RDWR|O_CREAT|unlink|rename|mkdir' trace >found ||
    fail "it did: $(head -n 5 found)"

it "a rehearsal that looks at the site itself changes nothing on it"
snapshot site >before
bsc rehearse "$failover" --site site/site.yaml
exits 0
unchanged site before

it "an invariant of the author's own is checked, and a violation can be replayed alone"
{
    cat "$failover"
    printf '%s\n' 'invariant "The pool stays as it is" { chat:is "Normal", mend = "Leave it." }'
} >own.lua
rehearse own.lua --faults none
exits 4
says "own.lua:"
says "The pool stays as it is"
says "what would mend it: Leave it."
{
    cat "$failover"
    printf '%s\n' 'step "Tell the shop" { harmless = "telling is free",' \
        '  command.run { "true" },' '}'
} >twice.lua
rehearse twice.lua
exits 4
says "nothing is done twice"
mkdir bin
ln -s "$program" bin/bascule

# Runs the line that the verdict gives for a violation, as a reader would.
replay() {
    line=$(sed -n 's/^  this one alone: //p' out)
    code=0
    PATH="$work/bin:$PATH" sh -c "$line" >"$work/out" 2>"$work/err" </dev/null || code=$?
}
replay
exits 4
says "1 fault tried"
says "nothing is done twice"

it "the line of a replay can be given to a shell, whatever the names are"
mkdir "it's \$HOME"
cp twice.lua "it's \$HOME/twice; over.lua"
cp facts.json "it's \$HOME/"
sed -i 's/^  params  = { /&note = param.text(), /' "it's \$HOME/twice; over.lua"
bsc rehearse "it's \$HOME/twice; over.lua" --site site/site.yaml \
    --facts "it's \$HOME/facts.json" --set 'note=`id` "$(id)"'"'s & more"
exits 4
replay
exits 4
says "1 fault tried"
says "this one alone: bascule rehearse 'it'\''s \$HOME/twice; over.lua' --site site/site.yaml"

it "what makes no sense is refused"
rehearse "$failover" --faults many
exits 2
says 'there is no --faults "many"'
rehearse "$failover" --only a,b,c
exits 2
rehearse "$failover" --only '1.1:killed-twice'
exits 2
says "no run of this runbook can go wrong as in"

it "a step that nobody says anything of hides nothing that comes after it"
awk '/^-- Step 1$/ { print "step \"Note it\" { harmless = \"a note\","
    print "  sql.change { on = db.secondary, statement = \"UPDATE note SET n = 1\" } }" }
    { print }' "$failover" >noted.lua
bsc plan noted.lua --site site/site.yaml --facts facts.json
exits 0
rehearse noted.lua --faults none
exits 0
says "without a fault: done"
