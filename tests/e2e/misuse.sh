# Whatever is done wrong is told, with the way to do it right, and nothing is changed.
. "$(dirname "$0")/lib.sh"

# wrong CODE TEXT ARGUMENT…
wrong() {
    wanted=$1
    text=$2
    shift 2
    bsc "$@"
    exits "$wanted"
    says "$text"
}

it "wrong arguments are told with a suggestion"
wrong 2 "usage: bascule VERB"
wrong 2 'Did you mean "bascule plan"?' pla
wrong 2 'Did you mean "bascule observe"?' obsreve
wrong 2 'Did you mean "--site"?' plan --stie site.yaml book.lua
wrong 2 'usage: bascule plan' plan
wrong 2 'usage: bascule run' run one two
wrong 2 'usage: bascule audit verify' audit verfy last
wrong 2 '--site needs a value' observe --site
wrong 2 '--yes takes no value' run book.lua --yes=no
wrong 2 'Write it as --set pool=chat' plan book.lua --set pool
wrong 2 '"pool" is set twice' plan book.lua --set pool=a --set pool=b
wrong 2 'bascule lab --help' lab break site
wrong 2 'bascule lab --help' lab status site too-much

it "missing files are named"
small_site
printf '%s\n' 'runbook "tell" { summary = "Tells" }' 'step "Tell" { warn "Hello." }' >tell.lua
wrong 1 "nothing.lua" plan nothing.lua --site site.yaml
wrong 1 "nothing.yaml" observe --site nothing.yaml
says "a practice site is DIR/site.yaml"
wrong 1 "nothing.json" run nothing.json --yes
wrong 1 "nothing.json" plan tell.lua --site site.yaml --facts nothing.json
wrong 1 "no run" audit verify last --runs runs
wrong 1 "no run" report last --runs runs

it "a line that stands in no step is told before anything is done"
printf '%s\n' 'runbook "loose" { summary = "Verifies nothing" }' 'step "Tell" { warn "Hello." }' \
    'verify { command.facts "f" { argv = { "/bin/true" } }:has { exit = 0 } }' >loose.lua
printf '%s\n' 'tests "loose.lua" { site = "site.yaml", facts = {} }' \
    'test "It is done" { expect = { outcome = "done" } }' >loose_test.lua
for verb in check plan run rehearse; do
    wrong 1 "loose.lua:3: this verify is in no step, so it would never be carried out" \
        "$verb" loose.lua --site site.yaml
    says 'write step "…" { verify { … } }'
done
wrong 1 "loose.lua:3: this verify is in no step" test loose_test.lua
[ ! -e runs ] || fail "there is a run"

it "ten mistakes in a site file are told at once, each with its place"
cat >ten.yaml <<'END'
site: litware
data_centers:
  dc1: { title: Atlanta }
servers:
  sql1: { data_centre: dc9, platform: sqlite, folder: dc1/sql1, connection: "Driver=SQLite3" }
  sql2: { data_centre: dc1, platfrom: sqlite }
  sql3: { data_centre: dc1, platform: oracle }
  sql5: { data_centre: dc1, platform: sqlite, folder: dc1/sql5 }
  sql4: { data_centre: dc1, connect_timeout: soon }
databases:
  mgc:
    primary: { server: sql9, file: mgc.db }
    secndary: { server: sql1, file: mgc.db }
    failover: maybe
pools:
  chat: { driver: table, database: mgd, maximum_active: many, servers: [sql1, fe7] }
END
bsc observe --site ten.yaml
exits 1
told=$(grep -c '^ten.yaml:[0-9]*:[0-9]*: error: ' err)
[ "$told" -ge 10 ] || fail "$told are told"
for word in data_centres platform oracle connect_timeout sql9 secondary failover mgd \
    maximum_active fe7; do
    says "$word"
done
same "$(sort -u err | grep -c '^ten.yaml')" "$told" "different errors"
bsc observe --site ten.yaml --json
one_line_of_json
same "$(json out '$.errors[#-1].where' | cut -d : -f 1)" ten.yaml "file of the last error"

it "a site file that may not be read is named"
cp site.yaml hidden.yaml
chmod 000 hidden.yaml
# Root may read everything, so root asks as somebody else.
as_nobody() {
    setpriv --reuid 65534 --regid 65534 --clear-groups "$@" >out 2>err </dev/null
}
if [ "$(id -u)" -ne 0 ]; then
    wrong 1 "hidden.yaml" observe --site hidden.yaml
elif chmod 755 . && as_nobody test -x "$program"; then
    as_nobody "$program" observe --site hidden.yaml && fail "it was read" || code=$?
    exits 1
    says "hidden.yaml"
else
    leave_out "nobody else than root can reach the program"
fi

it "a folder that is not empty does not become a lab"
mkdir full
touch full/something
wrong 1 '"full" is not empty' lab new full
says "Name a folder that is empty"
same "$(ls full)" something "what is in the folder"

it "a lab is not made where nobody could connect to its databases"
wrong 1 "Use a path without semicolons" lab new "a;b"
wrong 1 "Use a path without semicolons" lab new "a{b}c"
same "$(ls "a;b" "a{b}c" | grep -v :)" "" "what is in the folders"

it "a folder that is not a lab is neither broken, repaired nor removed"
wrong 1 '"full" is not a practice site' lab break full primary-site
wrong 1 '"full" is not a practice site' lab repair full
wrong 1 '"full" is not a practice site' lab down full --remove
wrong 1 '"full" is not a practice site' lab status full
mkdir -m 700 shut
if [ "$(id -u)" -eq 0 ] && as_nobody test -x "$program"; then
    as_nobody "$program" lab status shut && fail "it was looked at" || code=$?
    exits 1
    says "could not open folder 'shut'"
    says "by the user who made it"
else
    leave_out "nobody else than root can reach the program"
fi
mkdir "two words"
wrong 1 "bascule lab new 'two words' makes one." lab status "two words"
same "$(ls full)" something "what is in the folder"

it "a fault that does not exist is told before anything is done"
new_lab site
wrong 1 "bascule lab down --remove site removes" lab new site
wrong 2 'there is no fault "gapp"' lab break site gapp
wrong 2 'It knows new, break, repair, status and down' lab brake site
wrong 2 'a lab cannot "brake"' lab brake site gap
bsc lab status site
exits 0
says "writer running"

it "a lab is broken only once"
break_lab site primary-site
snapshot site >before
wrong 3 "the lab is broken already" lab break site gap
says "bascule lab repair"
unchanged site before

it "without a terminal and without --yes nothing is run"
wrong 3 "nobody can confirm the plan" run "$failover" --site site/site.yaml
says "--yes"
unchanged site before
[ ! -e site/runs ] || fail "there is site/runs"

it "a plan that is not confirmed at the terminal is not run"
code=0
printf 'no\n' | script -qec "'$program' run '$failover' --site site/site.yaml" /dev/null \
    >out 2>err || code=$?
exits 3
says "the plan was not confirmed"
unchanged site before
[ ! -e site/runs ] || fail "there is site/runs"

it "a parameter that the runbook does not have is told"
wrong 1 "databse" plan "$failover" --site site/site.yaml --set databse=mgc
wrong 1 "mgd" plan "$failover" --site site/site.yaml --set database=mgd
unchanged site before

it "while a run is at work on a site, it is neither repaired as a whole nor removed"
mkfifo hold
cat >slow.lua <<'END'
runbook "slow" { summary = "Waits" }
step "Hold" { command.run { argv = { "/usr/bin/head", "-c", "1", "hold" } }, harmless = "waits" }
END
"$program" run slow.lua --site site/site.yaml --yes >slow.out 2>slow.err </dev/null &
run=$!
background="$background $run"
begun() {
    grep -qs '"kind":"intent"' site/runs/*-slow-*/journal.jsonl
}
until_true 60 begun
for command in repair "down --remove"; do
    # shellcheck disable=SC2086 # a verb and its option
    wrong 3 "a run is at work on this site: $(basename site/runs/*-slow-*), process $run" \
        lab $command site
done
wrong 3 '"gap" is repaired with everything else only' lab repair site gap
bsc lab status site
exits 0
printf x >hold
wait "$run"
bsc lab repair site
exits 0
bsc lab down --remove site
exits 0
