# The journal cannot grow any more. A limit on the size of files stands in for a full disk, so that
# nobody has to be root; the sizes are chosen so that the plan is still within it.
. "$(dirname "$0")/lib.sh"
steps=60

small_site
{
    printf '%s\n' 'runbook "marks" { summary = "Leaves many marks" }'
    for number in $(seq "$steps"); do
        printf 'step "Mark %s" { command.run { argv = { "/usr/bin/touch", "mark-%s" } }, %s }\n' \
            "$number" "$number" 'harmless = "a mark"'
    done
} >marks.lua

# limited BLOCKS ARGUMENT…: runs the program with files limited to so many blocks of 512 bytes.
limited() {
    blocks=$1
    shift
    code=0
    (
        ulimit -f "$blocks"
        exec "$program" "$@" >"$work/out" 2>"$work/err" </dev/null
    ) || code=$?
}

it "without a limit the run gets through, and is long enough to be cut"
bsc run marks.lua --yes
exits 0
same "$(find . -name 'mark-*' | wc -l)" "$steps" "marks"
journal=$(wc -c <"$(ls -d runs/*-marks-*)/journal.jsonl")
plan=$(wc -c <"$(ls -d runs/*-marks-*)/plan.json")
[ "$plan" -lt $((journal / 2)) ] || fail "the plan has $plan bytes, the journal $journal"
rm -rf runs mark-*

it "a run whose journal cannot grow stops and says why"
limited $((journal * 2 / 3 / 512)) run marks.lua --yes
exits 1
says "journal"
says "File too large"
marks=$(find . -name 'mark-*' | wc -l)
[ "$marks" -gt 0 ] && [ "$marks" -lt "$steps" ] || fail "$marks of $steps marks were made"

it "nothing was done without its intent in the journal"
journal_table runs/*-marks-*/journal.jsonl journal.db
intents=$(sql journal.db "SELECT count(*) FROM line WHERE json_extract(text, '\$.kind') = 'intent'")
[ "$marks" -le "$intents" ] || fail "$marks marks, but $intents intents"
for number in $(seq "$marks"); do
    [ -e "mark-$number" ] || fail "mark $number is missing, but later ones are there"
done

it "every outcome that the journal tells is true"
outcomes=$(sql journal.db "SELECT count(*) FROM line WHERE
    json_extract(text, '\$.kind') = 'outcome' AND
    json_extract(text, '\$.payload.outcome') = 'changed'")
[ "$outcomes" -le "$marks" ] || fail "$outcomes outcomes, but $marks marks"
[ $((intents - outcomes)) -le 1 ] || fail "$intents intents, but $outcomes outcomes"

it "the journal is whole as far as it goes"
bsc audit verify last
exits 5
says "records verify, but the run's end is missing"
rm -rf runs mark-*

it "a run that cannot even keep its plan is not begun"
limited $((plan / 2 / 512)) run marks.lua --yes
exits 1
says "plan.json"
says "File too large"
same "$(find . -name 'mark-*')" "" "marks"

it "a disk that is really full still takes the record of why the run stopped"
mkdir disk
cat >filler <<'END'
dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null || true
END
{
    printf '%s\n' 'runbook "fills" { summary = "Fills the disk of its journal" }'
    printf '%s\n' 'step "Fill" { command.run { argv = { "/bin/sh", "filler" } }, harmless = "it" }'
    for number in $(seq 200); do
        printf 'step "Mark %s" { command.run { argv = { "/usr/bin/touch", "mark-%s" } }, %s }\n' \
            "$number" "$number" 'harmless = "a mark"'
    done
} >fills.lua
cat >inside <<'END'
mount -t tmpfs -o size=4m none disk || exit 77
code=0
"$1" run fills.lua --yes --runs disk/runs >out 2>err </dev/null || code=$?
cp -r disk/runs kept
exit "$code"
END
code=0
unshare -rm sh inside "$program" 2>refused || code=$?
if [ -e kept ]; then
    exits 1
    says "No space left on device"
    bsc audit verify last --runs kept
    exits 0
    bsc status last --runs kept
    exits 0
    says "halted"
    says "could not reserve room for journal"
    marks=$(find . -name 'mark-*' | wc -l)
    [ "$marks" -gt 0 ] && [ "$marks" -lt 200 ] || fail "$marks of 200 marks were made"
else
    leave_out "a file system can be mounted by root or in a user name space only: $(cat refused)"
fi
