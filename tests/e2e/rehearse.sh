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

it "recorded facts that cannot be are told with their place"
sed -e 's/"state":"Normal"/"stat":"Normal"/' -e 's/"version":1/"version":"1"/' facts.json >odd.json
bsc rehearse "$failover" --site site/site.yaml --facts odd.json
exits 1
column=$(($(sed 's/"stat".*//' odd.json | wc -c)))
says "odd.json:1:$column: error: the fact \"stat\" of pool:chat is not in the schema"
says 'Besides: the fact "version" of pool:chat is text, not int'
says "Did you mean state?"
bsc plan "$failover" --site site/site.yaml --facts odd.json
exits 1
says "odd.json:1:$column: error: "

it "a scenario says what to begin with, below its own folder, and how much goes wrong"
mkdir drills
cp facts.json drills/recorded.json
cat >drills/share-gone.yaml <<'END'
facts: recorded.json
change:
  log_backups:mgc.secondary: { share_readable: false }
set: { pool: chat }
faults: none
END
scenario() {
    bsc rehearse "$failover" --site site/site.yaml --scenario "$@"
}
scenario drills/share-gone.yaml
exits 3
says "without a fault: refused at $failover:"
says "0 faults tried"
printf '{"facts": "facts.json", "change": {"pool:chat": {"version": 7}}}' >plain.json
scenario plain.json
exits 0
says " 0 violations"

it "a rehearsal of a scenario opens no socket and writes nothing either"
ASAN_OPTIONS=detect_leaks=0 strace -f -o trace \
    -e trace=network,open,openat,creat,unlink,rename,mkdir \
    "$program" rehearse "$failover" --site site/site.yaml --scenario plain.json >/dev/null
! grep -E 'socket\(|connect\(|O_WRONLY|O_RDWR|O_CREAT|unlink|rename|mkdir' trace >found ||
    fail "it did: $(head -n 5 found)"
grep -q 'plain.json' trace || fail "the scenario was not read"

it "the command line goes before the scenario"
scenario drills/share-gone.yaml --faults many
exits 2
says 'there is no --faults "many"'
scenario plain.json --faults none
exits 0
says "0 faults tried"
scenario drills/share-gone.yaml --set pool=chta
exits 1
says "did you mean chat?"
scenario drills/share-gone.yaml --facts nowhere.json
exits 1
says "nowhere.json"

it "without recorded facts a scenario is laid over those of the site"
printf 'change:\n  database:mgc.primary: { state: online, writable: true }\nfaults: none\n' \
    >back.yaml
snapshot site >before
scenario back.yaml
exits 3
says "is online, wanted unreachable or missing"
unchanged site before

it "what is wrong with a scenario is told with its place"
# mistake PLACE MESSAGE HINT: of the scenario on standard input
mistake() {
    cat >wrong.yaml
    scenario wrong.yaml
    exits 1
    says "wrong.yaml:$1: error: $2"
    says "$3"
}
# change RESOURCE FACTS PLACE MESSAGE HINT
change() {
    printf 'facts: facts.json\nchange:\n  %s: %s\n' "$1" "$2" >given
    mistake "$3" "$4" "$5" <given
}
echo 'fact: facts.json' >given
mistake 1:1 'a scenario has no key "fact"' 'Did you mean "facts"?' <given
echo 'facts: nowhere.json' >given
mistake 1:8 "could not open 'nowhere.json'" "No such file" <given
echo 'facts: [facts.json' >given
mistake 2:1 'not valid YAML' "brackets" <given
printf 'facts: facts.json\nset: { pol: chat }\n' >given
mistake 2:8 'the runbook has no parameter "pol"' 'Did you mean "pool"?' <given
change pool:chta '{ state: Normal }' 3:3 'nothing is known of "pool:chta"' \
    'Did you mean "pool:chat"?'
change pool:chat '{ stat: Normal }' 3:16 'the fact "stat" of pool:chat is not in the schema' \
    'Did you mean state?'
change pool:chat '{ stat: }' 3:16 'the fact "stat" of pool:chat is not in the schema' \
    'Did you mean "state"?'
change pool:chat '{ version: one }' 3:16 'the fact "version" of pool:chat is text, not int' \
    'Write a whole number.'
change pool:chat '{ state: normal }' 3:16 'the fact "state" of pool:chat cannot be "normal"' \
    'Did you mean Normal?'

it "a resource that the runbook does not speak of is named"
printf 'facts: facts.json\nchange: { "database:mgccomp.primary": { state: online } }\n' >idle.yaml
scenario idle.yaml --faults none
exits 0
says "idle.yaml changes database:mgccomp.primary, of which the runbook does not speak"

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

it "a violation that a scenario has led to is replayed from the scenario"
cat >told.yaml <<'END'
facts: facts.json
change: { pool:chat: { version: 7 } }
set: { pool: chat }
END
bsc rehearse twice.lua --site site/site.yaml --scenario told.yaml
exits 4
says "this one alone: bascule rehearse twice.lua --site site/site.yaml --scenario told.yaml --only "
replay
exits 4
says "1 fault tried"

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
