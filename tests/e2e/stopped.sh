# What the tests of resuming and rolling back share; sourced after lib.sh.

# begin RUNBOOK FILE: in the background, until the file is there; its pid is $run.
begin() {
    "$program" run "$1.lua" --yes >"$1.out" 2>&1 </dev/null &
    run=$!
    background="$background $run"
    until_true 60 test -e "$2"
}

# What the run had started goes on, as $orphans.
kill_run() {
    orphans=$(cat /proc/"$run"/task/*/children)
    kill -KILL "$run"
    wait "$run" || true
}

let_go_of_orphans() {
    [ -n "$orphans" ] || fail "the run had started nothing"
    printf x >hold
    for orphan in $orphans; do
        until_true 60 gone "$orphan"
    done
}

# In one line.
ledger_is() {
    same "$(tr '\n' ' ' <ledger | sed 's/ $//')" "$1" "what was started"
}

# How the last run stands; its data stay in the file out.
stands() {
    bsc status last --json ${site:+--site "$site"}
    exits 0
    same "$(json out '$.state')" "$1" "state"
}

verifies() {
    bsc audit verify last ${site:+--site "$site"}
    exits 0
    says "verified"
}

report_says() {
    grep -qF -e "$1" report.html || fail "the report does not say: $1"
}

report_says_not() {
    ! grep -qF -e "$1" report.html || fail "the report says: $1"
}

# book NAME STEP…: a runbook of such steps, the text of each being its title.
book() {
    name=$1
    shift
    printf 'runbook "%s" { summary = "Steps" }\n' "$name"
    for step in "$@"; do
        printf 'step "%s" { command.run { argv = { "/bin/sh", "act", "%s" } }, harmless = "x" }\n' \
            "$step" "$step"
    done
}

# A site with one server, whose databases are files in the folder `one`.
site_of_files() {
    cat >site.yaml <<'END'
site: small
data_centres:
  here: { title: Here }
servers:
  one: { data_centre: here, platform: sqlite, folder: one,
         connection: "Driver=SQLite3;NoCreat=Yes;Timeout=2000" }
END
    mkdir -p one
}
