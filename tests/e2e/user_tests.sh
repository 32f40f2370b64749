# A user's tests of a runbook: tried on a model, each from the beginning, and told with a diff.
. "$(dirname "$0")/lib.sh"

shipped=$source_tree/runbooks/failover_test.lua

# A copy of the shipped example, to add tests to.
cp -r "$source_tree/runbooks/lost_data_centre" "$failover" "$shipped" .

# own NAME: a file of tests of the copied runbook; the tests come from standard input.
own() {
    {
        printf '%s\n' 'tests "failover.lua" { site = "lost_data_centre/site.yaml",' \
            '  facts = "lost_data_centre/facts.json" }'
        cat
    } >"$1"
}

it "the shipped tests of the shipped failover pass"
bsc test "$shipped"
exits 0
[ "$(grep -c '^  passed  ' out)" -ge 8 ] || fail "there are too few tests"
same "$(tail -n 1 out)" "$(grep -c '^  passed  ' out) passed, 0 failed" "the last line"
same "$(cat err)" "" "what is said on standard error"

it "those of the other shipped runbooks pass"
bsc test "$source_tree/runbooks/failback_test.lua" "$source_tree/runbooks/switchover_test.lua" \
    "$source_tree/runbooks/migration_test.lua" "$source_tree/runbooks/migration-rollback_test.lua"
exits 0
same "$(tail -n 1 out)" "$(grep -c '^  passed  ' out) passed, 0 failed" "the last line"

it "whatever goes wrong in a migration or on its way back, nobody is lost"
for runbook in migration migration-rollback; do
    bsc rehearse "$source_tree/runbooks/$runbook.lua" --set directory=people \
        --site "$source_tree/runbooks/side_by_side/site.yaml" \
        --facts "$source_tree/runbooks/side_by_side/facts.json"
    exits 0
    says ", 0 violations"
done

it "tests need nothing but the files beside them, and say the same each time"
bsc test failover_test.lua
exits 0
cp out once
bsc test failover_test.lua
cmp -s once out || fail "two runs differ"

it "a test opens no socket and writes nothing"
# A program that looks for leaks at its end cannot be traced.
ASAN_OPTIONS=detect_leaks=0 strace -f -o trace \
    -e trace=network,open,openat,creat,unlink,rename,mkdir \
    "$program" test failover_test.lua >/dev/null
! grep -E 'socket\(|connect\(|O_WRONLY|O_RDWR|O_CREAT|unlink|rename|mkdir' trace >found ||
    fail "it did: $(head -n 5 found)"

it "a test that fails shows what was expected and what came, and the others are tried"
own failing_test.lua <<'END'
test "It ends otherwise" {
  given  = { ["database:mgc.primary"] = { state = "online", writable = true } },
  expect = { outcome = "done", facts = { ["pool:chat"] = { state = "FailedOver" } } },
}
test "A statement is forgotten" {
  fault  = { "no", step = "Bring the database online?" },
  expect = {
    outcome = "refused",
    statements = { "end log shipping", "copy 3", "apply 2", "end 1 session" },
  },
}
test "It passes" { expect = { outcome = "done" } }
END
bsc test failing_test.lua
exits 1
says "failed It ends otherwise (failing_test.lua:3)"
says "- done"
says '+ refused at "The primary and its mirror are down"'
says "- state: FailedOver"
says "+ state: Normal"
says "- copy 3"
says "+ copy 2 log backups"
says "passed It passes"
same "$(tail -n 1 out)" "1 passed, 2 failed" "the last line"

it "a fault that never happens is a failure"
own never_test.lua <<'END'
test "Nothing to salvage" {
  fault  = { "fails", step = "Salvage the tail of the log" },
  expect = { outcome = "done" },
}
test "Nobody can come back who is there" {
  given  = { ["database:mgc.primary"] = { state = "damaged" } },
  fault  = { "the primary of mgc comes back", before = "The log chain is whole" },
  expect = { outcome = "refused" },
}
END
bsc test never_test.lua
exits 1
says '"fails" never came about in "Salvage the tail of the log"'
says 'the run never came to "The log chain is whole"'

it "what a runbook breaks fails every test in which it does"
{
    cat failover.lua
    printf '%s\n' 'step "Tell the shop" { harmless = "telling is free",' \
        '  command.run { argv = { "/bin/true" } },' '}'
} >blind.lua
own blind_test.lua <<'END'
test "Killed while the shop is told" {
  fault  = { "fails-after", step = "Tell the shop" },
  resume = true,
  expect = { outcome = "done" },
}
END
sed -i 's/failover.lua/blind.lua/' blind_test.lua
bsc test blind_test.lua
exits 1
says "+ nothing is done twice"

it "several files are tried together, and what came of them is JSON on request"
bsc test failing_test.lua failover_test.lua --json
exits 1
one_line_of_json
same "$(json out '$.failed')" 2 "failed"
same "$(json out '$.files[0].tests[0].differences[0].about')" outcome "the first difference"
same "$(json out '$.files[1].failed')" 0 "failed in the second file"

it "mistakes in a file of tests are told at once, each with its place"
own wrong_test.lua <<'END'
test "a" { expct = { outcome = "done" } }
test "b" { expect = { changes = "1" } }
local handle = io.open "x"
END
bsc test wrong_test.lua
exits 1
says 'wrong_test.lua:3: a test has no "expct"'
says "did you mean expect?"
says 'the test "a" expects nothing'
says 'wrong_test.lua:4: "changes" of expect must be a whole number'
says 'wrong_test.lua:5: unknown name "io"'
own misnamed_test.lua <<'END'
test "a" { fault = { "lost-aftr", step = "End every sesion" }, expect = { outcome = "done" } }
test "b" { given = { ["pool:cat"] = { state = "Normal" } }, expect = { outcome = "don" } }
END
bsc test misnamed_test.lua
exits 1
says 'there is no fault "lost-aftr"'
says "did you mean End every session?"
says "did you mean pool:chat?"
says "did you mean done?"
same "$(tail -n 1 out)" "0 passed, 1 failed" "the last line"

it "recorded facts that cannot be are told with their file and line"
sed -e 's/"state": "Normal"/"stat": "Normal"/' -e 's/"version": 1/"version": "1"/' \
    lost_data_centre/facts.json >odd.json
! cmp -s odd.json lost_data_centre/facts.json || fail "the facts are as they were"
cat >odd_test.lua <<'END'
tests "failover.lua" {
  site = "lost_data_centre/site.yaml",
  facts = "odd.json",
}
test "a" { expect = { outcome = "done" } }
END
bsc test odd_test.lua
exits 1
line=$(grep -n '"stat"' odd.json | cut -d : -f 1)
says "odd.json:$line: the fact \"stat\" of pool:chat is not in the schema"
says "Did you mean state?"
line=$(grep -n '"version"' odd.json | cut -d : -f 1)
says "odd.json:$line: the fact \"version\" of pool:chat is text, not int"
same "$(tail -n 1 out)" "0 passed, 1 failed" "the last line"

it "a syntax error and files that are not there are told, and the other files are tried"
printf 'tests "failover.lua" {\n' >broken_test.lua
bsc test broken_test.lua nothing_test.lua failover_test.lua
exits 1
says "broken_test.lua:"
says "syntax error"
says "nothing_test.lua"
says "passed A lost data centre is failed over"
own lost_test.lua <<'END'
test "a" { expect = { outcome = "done" } }
END
sed -i 's/site.yaml/nowhere.yaml/' lost_test.lua
bsc test lost_test.lua
exits 1
says "lost_test.lua:1: error: could not read the site file"
says "nowhere.yaml"

it "a runbook with mistakes is not tried"
printf 'step "Odd" {}\n' >>failover.lua
bsc test lost_test.lua failover_test.lua
exits 1
says "failover.lua:"
says 'the step "Odd" is empty'
says_not "passed A lost"

it "arguments that make no sense are refused"
bsc test
exits 2
says "usage: bascule test FILE"
bsc test failover_test.lua --site x
exits 2
