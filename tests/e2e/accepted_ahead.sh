# What status tells of a run with accepted changes: ahead of it is what was accepted last.
#   accepted_ahead.sh PROGRAM
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stopped.sh"

site_of_files
cat >halts.lua <<'END'
runbook "halts" { summary = "Steps" }
step "Halt" { command.run { argv = { "/bin/false" } }, harmless = "x" }
step "Early" { command.run { argv = { "/bin/true" } }, harmless = "x" }
END

it "what is ahead is told by the runbook that it was begun with"
bsc run halts.lua --yes
exits 1
bsc status last
says "Early"

it "once changes were accepted it is told by those"
sed -i 's/Early/Late/' halts.lua
bsc resume last --yes --accept-changes
exits 1
bsc status last
says "Late"
says_not "Early"
