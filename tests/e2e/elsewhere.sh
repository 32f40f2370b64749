# A run is gone on with where it is at home, and nowhere else.
#   elsewhere.sh PROGRAM copied      its folder was copied, or moved
#   elsewhere.sh PROGRAM twin_site   its plan was made on another site with the same file
#   elsewhere.sh PROGRAM abroad      whoever goes on with it stands in another folder
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stopped.sh"
small_site

# Each start of a program is a line in `ledger`; `gate` works once there is the file `open`.
cat >act <<'END'
printf '%s\n' "$1" >>ledger
[ "$1" != gate ] || [ -e open ]
END

copied() {
    book gated one gate last >gated.lua
    bsc run gated.lua --yes
    exits 1
    : >open
    run=$(ls -d runs/*-gated-*)
    twin=20300101-000000-twin
    mkdir elsewhere
    cp -r "$run" "runs/$twin"
    cp -r "$run" elsewhere
    copy=elsewhere/${run#runs/}

    it "a copy of a run is neither gone on with nor taken back as long as the run is there"
    for folder in "runs/$twin" "$copy"; do
        for verb in resume rollback; do
            bsc "$verb" "$folder" --yes
            exits 3
            says "is a copy of the run that is kept in '$work/$run'"
        done
    done
    ledger_is "one gate"

    it "by another name it is the same run"
    ln -s "$run" name
    bsc resume name
    exits 3
    says "There is no terminal; give --yes"

    it "a run that was moved is gone on with, and is at home there from then on"
    mv "$run" moved
    bsc resume "$copy"
    exits 3
    says "There is no terminal; give --yes"
    bsc resume moved --yes
    exits 0
    ledger_is "one gate gate last"
    cp -r moved "$run"
    bsc rollback "$run" --yes
    exits 3
    says "is a copy of the run that is kept in '$work/moved'"
}

twin_site() {
    new_lab a
    bsc lab down a # nobody works there meanwhile
    exits 0
    cat >set.lua <<'END'
runbook "set" { summary = "Sets the servers", params = { pool = param.pool() } }
local open = command.facts "open" { argv = { "/usr/bin/test", "-e", "open" } }
step "One"  { pool.set_active_servers(params.pool, { "chat1" }) }
step "Wait" { command.run { argv = { "/bin/false" }, becomes = { [open] = { exit = 0 } } },
  harmless = "only looks" }
step "Two"  { pool.set_active_servers(params.pool, { "chat2" }) }
END
    servers() {
        sql "$1/dc2/app/pool.db" "SELECT active_servers FROM pool"
    }
    bsc plan set.lua --site a/site.yaml -o plan.json
    exits 0
    cp -r a b
    bsc run plan.json --site b/site.yaml --yes
    exits 1
    same "$(servers a) $(servers b)" "chat1,chat2 chat1" "active servers"
    : >open

    it "a run is gone on with on its own site, wherever its plan was made"
    bsc resume last --site b/site.yaml --yes
    exits 0
    same "$(servers a) $(servers b)" "chat1,chat2 chat2" "active servers"

    it "and on no other site that somebody names"
    run=$(ls b/runs | grep set)
    mv b c
    cp -r a b
    bsc rollback "$run" --site c/site.yaml --yes
    exits 3
    says "is a run of the site '$work/b/site.yaml', not of '$work/c/site.yaml'"
    same "$(servers b) $(servers c)" "chat1,chat2 chat2" "active servers"
}

abroad() {
    book gated one gate last >gated.lua
    bsc run gated.lua --yes
    exits 1
    : >open
    mkdir abroad
    cp act abroad
    it "its programs are started where they were, from wherever it is gone on with"
    code=0
    (cd abroad && "$program" resume "$(ls -d ../runs/*-gated-*)" --yes) >out 2>err || code=$?
    exits 0
    ledger_is "one gate gate last"
    [ ! -e abroad/ledger ] || fail "a program was started elsewhere"
    same "$(grep -o '"working_folder":"[^"]*"' runs/*/journal.jsonl | sort -u)" \
        "\"working_folder\":\"$work\"" "working folder"
}

"$1"
