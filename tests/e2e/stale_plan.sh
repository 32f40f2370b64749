# A plan that no longer fits is refused, says why, and nothing is changed.
. "$(dirname "$0")/lib.sh"

new_lab site
break_lab site primary-site
mkdir books
# The shipped runbook with a module of its own beside it.
{
    printf '%s\n' 'local own = require "own"'
    cat "$failover"
    printf '%s\n' 'step "Tell" { own() }'
} >books/book.lua
cat >books/own.lua <<'END'
return primitive {
  doc = "Says that it is over.",
  args = {},
  changes = function() return command.run { argv = { "/bin/true" } } end,
  resource = function() return command.facts "own" { argv = { "/bin/true" } } end,
  harmless = "it only tells",
}
END
newest=$(ls site/backups/mgc | tail -n 1)

plan_again() {
    bsc plan books/book.lua --site site/site.yaml -o plan.json
    exits 0
    snapshot site >before
}

refuses() {
    bsc run plan.json --yes
    exits 3
    says "$1"
    unchanged site before
    no_run site
}

it "a plan is refused when another log backup has appeared"
mv "site/backups/mgc/$newest" .
plan_again
mv "$newest" site/backups/mgc/
snapshot site >before
refuses "the site is no longer as it was when the plan was made"
says "1 more log backup: steps 6 and 7 differ, gate 10 asks anew."

it "a plan is refused when its runbook was edited"
plan_again
cp books/book.lua kept
printf '%s\n' '-- A remark.' >>books/book.lua
refuses "the runbook changed since the plan was made"
cp kept books/book.lua

it "a plan is refused when a module of its runbook was edited"
cp books/own.lua kept
printf '%s\n' '-- A remark.' >>books/own.lua
refuses "a module of the runbook changed since the plan was made"
cp kept books/own.lua

it "a plan is refused when its site file was edited"
cp site/site.yaml kept
printf '%s\n' '# A remark.' >>site/site.yaml
snapshot site >before
refuses "the site file changed since the plan was made"
cp kept site/site.yaml
snapshot site >before

it "a plan that was tampered with is refused"
cp plan.json kept
sed -i "s/'FailedOver'/'Normal'/" plan.json
! cmp -s plan.json kept || fail "there was nothing to tamper with"
refuses "was changed since it was made"
cp kept plan.json

it "a plan whose file is cut short is refused"
head -c 1000 kept >plan.json
bsc run plan.json --yes
[ "$code" -ne 0 ] || fail "it was carried out"
says "plan.json"
unchanged site before
cp kept plan.json

it "parameters cannot be set again for a plan"
bsc run plan.json --yes --set pool=chat
exits 2
unchanged site before

it "the same plan is carried out once everything is as it was"
bsc run plan.json --yes
exits 0
says "done"
