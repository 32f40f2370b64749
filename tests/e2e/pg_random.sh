# The failover of a site on real PostgreSQL servers is killed at random times while clients write,
# gone on with, killed again, and at last left alone: in the end all is as it has to be.
#   pg_random.sh PROGRAM SEED KILLS
# With PG_RANDOM_KILLS in the environment it is so many kills instead.
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/killing.sh"
seed=$1
wanted=${PG_RANDOM_KILLS:-$2}
site=site/site.yaml
most_of_one=12

# One more random delay: the first of a round at any time of a failover, the others sooner, so that
# it is killed often on its way.
next_delay() {
    number=$((number + 1))
    delay=$(awk -v seed="$((seed * 100000 + number))" -v most="$most" -v first="$of_this" \
        'BEGIN { srand(seed); rand(); printf "%.3f", rand() * (first ? rand() : 1) * most / 100 }')
}

# The item of the runbook that a journal has come to; 0 before the first.
item_of_journal() {
    item=$(tail -n 1 site/runs/*/journal.jsonl 2>/dev/null |
        sed -n 's/.*"item":\([0-9]*\)[,}].*/\1/p')
    echo "${item:-0}"
}

# What a killed run has left behind works on for a moment, such as a copy for the new mirror; as
# long as it does the run is not gone on with.
goes_on() {
    # shellcheck disable=SC2046
    bsc $(words_on "$failover") --site "$site" --yes
    case $code in
    0) return 0 ;;
    3) return 1 ;;
    esac
    fail "in round $round it exits with $code"
}

acknowledged() {
    sqlite3 -batch -init /dev/null -cmd ".timeout 20000" site/office/ledger.db \
        "SELECT id FROM acknowledged ORDER BY id"
}

writes_more() {
    [ "$(acknowledged | wc -l)" -gt "$1" ]
}

# The whole lab as it was made, at work again, and its primary lost while clients write.
prepare() {
    bsc lab down site
    rm -rf site
    cp -a prepared site
    bsc lab repair site
    exits 0
    until_true 60 writes_more "$(acknowledged | wc -l)"
    break_lab site primary-server
    # A failover takes about ten times as long as its plan, on a busy machine as well.
    begun=$(clock)
    bsc plan "$failover" --site "$site"
    exits 0
    most=$((($(clock) - begun + 1) * 10 / (escaped + 1) + 1))
}

# No change that the journal holds for made was made once more. What became of one that was cut off
# may be told twice: by its row, and by who has settled it.
nothing_twice() {
    journal_table site/runs/*/journal.jsonl lines.db
    sql lines.db "WITH intent AS (SELECT json_extract(text, '\$.payload.effect') AS effect,
            json_extract(text, '\$.payload.item') || ' ' ||
            json_extract(text, '\$.payload.statement') AS what
            FROM line WHERE json_extract(text, '\$.kind') = 'intent'),
        outcome AS (SELECT json_extract(text, '\$.payload.effect') AS effect FROM line
            WHERE json_extract(text, '\$.kind') = 'outcome' AND
            json_extract(text, '\$.payload.outcome') = 'changed')
        SELECT what FROM intent JOIN outcome USING (effect) GROUP BY what
        HAVING count(DISTINCT effect) > 1" \
        >twice
    same "$(cat twice)" "" "changes that were made twice in round $round"
}

is_failed_over() {
    bsc audit verify last --site "$site"
    exits 0
    nothing_twice
    acknowledged >told
    pg dc2/sql3 "SELECT id FROM tblChatMessage ORDER BY id" | LC_ALL=C sort >stored
    same "$(LC_ALL=C sort told | comm -23 - stored | wc -l)" 0 \
        "acknowledged messages that are lost in round $round"
    same "$(uniq -d stored | wc -l)" 0 "messages that are there twice in round $round"
    case "$(pg dc2/sql3 "SELECT pg_walfile_name(pg_current_wal_lsn())")" in
    00000002*) ;;
    *) fail "sql3 is not on timeline 2 in round $round" ;;
    esac
    same "$(pg dc2/sql3 "SELECT application_name || ' ' || sync_state FROM pg_stat_replication")" \
        "sql4 sync" "the mirror in round $round"
    same "$(find site/dc2/sql3/copied -name '.*' ! -name '.0*.salvaged')" \
        "site/dc2/sql3/copied/.salvaged" "what is left over in round $round"
    until_true 60 writes_more "$(wc -l <told)"
}

new_servers site
bsc lab down site
exits 0
cp -a site prepared

it "killed at random times (seed $seed) and gone on with, every failover is completed"
kills=0
round=0
number=0
escaped=0 # rounds in a row that were over before they could be killed
while [ "$kills" -lt "$wanted" ]; do
    round=$((round + 1))
    [ "$round" -le "$wanted" ] || fail "it is hardly ever killed in time"
    prepare
    of_this=0
    where=
    code=137
    while [ "$of_this" -lt "$most_of_one" ]; do
        next_delay
        # shellcheck disable=SC2046
        if killed_after "$delay" $(words_on "$failover") --site "$site" --yes; then
            kills=$((kills + 1))
            of_this=$((of_this + 1))
            where="$where $(item_of_journal)"
        elif [ "$code" -eq 0 ]; then
            break
        elif [ "$code" -ne 3 ]; then
            fail "killed $of_this times in round $round it exits with $code"
        fi
    done
    [ "$code" -eq 0 ] || until_true 60 goes_on
    is_failed_over
    escaped=$((of_this == 0 ? escaped + 1 : 0))
    printf '  round %s: killed %s times, at items%s\n' "$round" "$of_this" "$where"
done
echo "killed $kills times in $round failovers, of seed $seed"
