# A server that does not answer is not taken for dead where the site says how that is proved; and
# two copies that can be written to are told of loudly.
. "$(dirname "$0")/lib.sh"
new_lab site
break_lab site primary-site
for server in sql1 sql2; do
    sed -i "s|^  $server: { |&fence: { proof: [\"$work/proof\"] }, |" site/site.yaml
done

# proves STATUS [TEXT]: what the site's proof says of both servers from now on.
proves() {
    printf '%s\n' '#!/bin/sh' "echo '${2:-}'" "exit $1" >proof
    chmod +x proof
}

refuses() {
    bsc run "$failover" --site site/site.yaml --yes
    exits 3
    says "$1"
    says "two writable copies must never exist"
    [ ! -e site/runs ] || [ -z "$(ls -d site/runs/*/ 2>/dev/null)" ] || fail "a run was begun"
}

it "one that is not fenced keeps the secondary from being brought online"
proves 1 "the power of sql1 is on"
refuses "does not answer, and is not fenced: "
says "the power of sql1 is on"

it "neither does one go on without an answer that is understood"
proves 7 "no such outlet"
refuses "does not answer, and nothing proves that it is fenced: "
says "the proof of its fence ended with exit status 7: no such outlet"
rm proof
refuses "does not answer, and nothing proves that it is fenced: "
says "its fence is not known: "

it "the fact is told, and nothing is known of a server that answers"
proves 0
bsc observe --site site/site.yaml --json
exits 0
same "$(json out '$."database:mgc.primary".fenced')" 1 "the primary"
same "$(json out '$."database:mgc.secondary".fenced')" "" "the secondary"
says_not "WARNING"

it "with the proof it is failed over"
bsc run "$failover" --site site/site.yaml --yes
exits 0
says "done: 15 of 15 items"

it "an old primary that comes back is told of, wherever the facts go"
cp -a site/.lab/lost/dc1 site/dc1
bsc observe --site site/site.yaml -o facts.json
exits 0
says "WARNING: mgc can be written to on its primary and its secondary at once"
bsc observe --site site/site.yaml --json
exits 0
one_line_of_json
grep -q "^WARNING: mgc can be written to" err || fail "nobody is warned"
