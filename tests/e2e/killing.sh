# What tests use that kill the program at random times; sourced after lib.sh. $seed is set.

# Hundredths of a second since some time.
clock() {
    cut -d ' ' -f 1 /proc/uptime | tr -d .
}

# The delays of round $1, in seconds, each up to $2 hundredths of a second.
delays() {
    awk -v seed="$((seed * 1000 + $1))" -v most="$2" \
        'BEGIN { srand(seed); for (i = 0; i < 3; i++) printf "%.3f ", rand() * most / 100 }'
}

# killed_after DELAY ARGUMENT…: whether it was still there to be killed. Its code is $code.
killed_after() {
    delay=$1
    shift
    "$program" "$@" >"$work/out" 2>"$work/err" </dev/null &
    victim=$!
    sleep "$delay"
    kill -KILL "$victim" 2>/dev/null || true
    code=0
    wait "$victim" 2>/dev/null || code=$?
    [ "$code" -eq 137 ]
}

# After the first delay of a round: $most becomes about what it takes to the end, whatever it was
# while the machine was busier, or less so.
learn() {
    if [ "$code" -eq 0 ]; then
        most=$((most / 2 + 1))
    else
        most=$((most + most / 8))
    fi
}

# How many runs have left a record to go on from.
count_runs() {
    for journal in site/runs/*/journal.jsonl; do
        [ ! -e "$journal" ] || [ "$(wc -l <"$journal")" -eq 0 ] || echo "$journal"
    done | wc -l
}

# words_on RUNBOOK: those that bring it on from where it is, $runs_before being older runs.
words_on() {
    if [ "$(count_runs)" -gt "${runs_before:-0}" ]; then
        echo "resume last"
    else
        echo "run $1"
    fi
}
