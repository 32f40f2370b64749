# The journal cannot grow any more.
#   full_disk.sh PROGRAM limited   a limit on the size of files stands in for a full disk
#   full_disk.sh PROGRAM why       a disk that is really full takes why the run stopped
#   full_disk.sh PROGRAM outcome   and what became of the change under way
#   full_disk.sh PROGRAM resume    a run is resumed on a disk that is full, sooner or later
#   full_disk.sh PROGRAM rollback  and one is taken back
# A file system can be mounted by root or in a user name space only.
if [ "$2" != limited ] && [ "${FULL_DISK_OWN:-}" = "" ] && unshare -rm true 2>/dev/null; then
    exec env FULL_DISK_OWN=yes unshare -rm sh "$0" "$@"
fi
# In memory such a limit counts for the room that a journal reserves as well.
[ "$2" != limited ] || export TMPDIR=/var/tmp
. "$(dirname "$0")/lib.sh"
small_site

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

# A step that leaves a mark.
mark() {
    printf 'step "Mark %s" { command.run { argv = { "/usr/bin/touch", "mark-%s" } }, %s }\n' \
        "$1" "$1" 'harmless = "a mark"'
}

# The sizes are chosen so that the plan is still within the limit.
cut_short() {
    steps=60

    {
        printf '%s\n' 'runbook "marks" { summary = "Leaves many marks" }'
        for number in $(seq "$steps"); do
            mark "$number"
        done
    } >marks.lua

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
    intents=$(sql journal.db "SELECT count(*) FROM line WHERE
        json_extract(text, '\$.kind') = 'intent'")
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
}

# Only a disk of its own can be filled. What is left of it is told in pages.
small_disk() {
    if [ "${FULL_DISK_OWN:-}" = "" ]; then
        it "a disk that is really full"
        leave_out "a file system can be mounted by root or in a user name space only"
        exit 0
    fi
    mkdir disk
    mount -t tmpfs -o size=4m none disk
    mounted=$work/disk
}

# The program that fills the disk, but for so many pages of 4096 bytes.
cat >filler <<'END'
dd if=/dev/zero of=disk/filler bs=4096 2>/dev/null || true
truncate -s "-$((${1:-0} * 4096))" disk/filler
END
# Each start is a line in the ledger. What it says makes the record of its outcome long.
cat >act <<'END'
printf '%s\n' "$1" >>ledger
case $1 in
fill) [ -e spared ] || sh filler ;;
*) head -c 40000 /dev/zero | tr '\0' x ;;
esac
END

# book NAME STEP…: a runbook of such steps, the text of each being its title.
book() {
    name=$1
    shift
    printf 'runbook "%s" { summary = "Steps" }\n' "$name"
    for step in "$@"; do
        printf 'step "%s" { command.run { argv = { "/bin/sh", "act", "%s" } },\n' "$step" "$step"
        printf '  undo = { command.run { argv = { "/bin/sh", "act", "no-%s" } } } }\n' "$step"
    done
}

# ledger_is LINES: what was started, in one line.
ledger_is() {
    same "$(tr '\n' ' ' <ledger | sed 's/ $//')" "$1" "what was started"
}

stands() {
    bsc status last --runs disk/runs --json
    exits 0
    same "$(json out '$.state')" "$1" "state"
}

why() {
    small_disk
    it "a disk that is really full still takes the record of why the run stopped"
    {
        printf '%s\n' 'runbook "fills" { summary = "Fills the disk of its journal" }'
        printf '%s\n' 'step "Fill" { command.run { argv = { "/bin/sh", "filler" } },'
        printf '%s\n' '  harmless = "it" }'
        for number in $(seq 200); do
            mark "$number"
        done
    } >fills.lua
    bsc run fills.lua --yes --runs disk/runs
    exits 1
    says "No space left on device"
    bsc audit verify last --runs disk/runs
    exits 0
    bsc status last --runs disk/runs
    exits 0
    says "halted"
    says "could not reserve room for journal"
    marks=$(find . -name 'mark-*' | wc -l)
    [ "$marks" -gt 0 ] && [ "$marks" -lt 200 ] || fail "$marks of 200 marks were made"
}

outcome() {
    small_disk
    book filled fill 1 2 3 4 5 6 7 8 >filled.lua
    it "a change that was made when the disk was full is not in doubt"
    bsc run filled.lua --yes --runs disk/runs
    exits 1
    says "No space left on device"
    stands halted
    same "$(json out '$.in_flight')" "" "change in doubt"
    started=$(wc -l <ledger)
    same "$(json out '$.changes')" "$started" "changes in the journal"
    [ "$started" -gt 3 ] && [ "$started" -lt 9 ] || fail "$started of 9 programs were started"
    bsc audit verify last --runs disk/runs
    exits 0
    cp disk/runs/*/journal.jsonl journal
    tail -n 2 journal | head -n 1 | grep -q '"kind":"outcome"' ||
        fail "the outcome is not the record before the last: $(tail -n 2 journal | cut -c 1-200)"

    it "with room again, it is gone on with behind that change"
    rm disk/filler
    bsc resume last --yes --runs disk/runs
    exits 0
    ledger_is "fill 1 2 3 4 5 6 7 8"
    stands "done"
    bsc audit verify last --runs disk/runs
    exits 0
}

# sweep VERB STATE WORD LEDGER: does so with ever more room, until it is enough. The run stands in
# that state at first, and as the word says in the end.
sweep() {
    halts=0
    refusals=0
    state=$2
    for pages in 0 1 2 3 8 16 17 18 19 20 24 30 40 50 60 70 80 90 100 110 120 130 140 160; do
        sh filler "$pages"
        before=$(cat disk/runs/*/journal.jsonl | wc -l)
        bsc "$1" last --yes --runs disk/runs
        case $code in
        0) break ;;
        1) ;;
        *) fail "with $pages pages it exits with $code" ;;
        esac
        says "No space left on device"
        after=$(cat disk/runs/*/journal.jsonl | wc -l)
        if [ "$before" -eq "$after" ]; then
            refusals=$((refusals + 1))
        else
            halts=$((halts + 1))
            state=halted
        fi
        stands "$state"
        same "$(json out '$.in_flight')" "" "change in doubt with $pages pages"
        bsc audit verify last --runs disk/runs
        exits 0
    done
    printf '  %s did not begin, %s halted\n' "$refusals" "$halts"
    [ "$refusals" -gt 0 ] && [ "$halts" -gt 0 ] || fail "not every way was tried"
    rm -f disk/filler
    bsc "$1" last --yes --runs disk/runs
    exits 0
    ledger_is "$4"
    stands "$3"
    bsc audit verify last --runs disk/runs
    exits 0
}

resume() {
    small_disk
    book filled fill 1 2 3 4 5 6 7 8 9 10 11 12 >filled.lua
    bsc run filled.lua --yes --runs disk/runs
    exits 1
    it "resumed on a full disk a run halts in order, wherever that is, and loses nothing"
    sweep resume halted "done" "fill 1 2 3 4 5 6 7 8 9 10 11 12"
}

rollback() {
    small_disk
    : >spared
    book filled fill 1 2 3 4 5 6 7 8 9 10 11 12 >filled.lua
    bsc run filled.lua --yes --runs disk/runs
    exits 0
    it "taken back on a full disk a run halts in order, wherever that is, and loses nothing"
    forth="fill 1 2 3 4 5 6 7 8 9 10 11 12"
    back="no-12 no-11 no-10 no-9 no-8 no-7 no-6 no-5 no-4 no-3 no-2 no-1 no-fill"
    sweep rollback "done" "rolled back" "$forth $back"
}

case $1 in
limited) cut_short ;;
*) "$1" ;;
esac
