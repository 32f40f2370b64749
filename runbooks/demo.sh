#!/bin/sh
# From a bare Debian 12 to a verified failover: installs what is missing, builds, makes a practice
# site, breaks its primary site, shows the plan, runs the failover and says what came of it.
# usage: sh runbooks/demo.sh [DIR]     (default: .build/demo; made anew each time)
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/.cmake/packages.sh"
# shellcheck disable=SC2086
sh "$root/.cmake/need.sh" $build_packages
echo "Building bascule ..."
sh "$root/.cmake/build.sh" release bascule
bascule=$root/.build/release/bascule/interp/cli/bascule
lab=${1:-$root/.build/demo}

say() {
    printf '\n== %s\n' "$1"
}

if [ -e "$lab" ]; then
    "$bascule" lab down "$lab" --remove
fi
say "1. A practice site: two data centres, a chat database with 100,000 messages"
"$bascule" lab new "$lab"
say "2. The primary site is lost"
"$bascule" lab break "$lab" primary-site
say "3. What the failover would do"
"$bascule" plan "$root/runbooks/failover.lua" --site "$lab/site.yaml"
say "4. The failover"
"$bascule" run "$root/runbooks/failover.lua" --site "$lab/site.yaml" --yes
say "5. What came of it"
"$bascule" lab status "$lab"
"$bascule" audit verify last --runs "$lab/runs"
printf '\nThe site stays for you to look at; this ends and removes it:\n'
printf '  %s lab down %s --remove\n' "$bascule" "$lab"
