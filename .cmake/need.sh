#!/bin/sh
# Installs the Debian packages named on the command line that are missing: as root, or through
# sudo. With neither it prints the one command to run and fails.
set -eu

missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    echo "These packages are missing. As root, run this and start again:" >&2
    echo "  $command" >&2
    exit 1
fi

echo "Installing$missing"
export DEBIAN_FRONTEND=noninteractive
# A machine that never ran an update knows no packages; a stale list names files that are gone.
$as_root $command >/dev/null 2>&1 || {
    $as_root apt-get update >/dev/null
    $as_root $command >/dev/null
}
