#!/bin/sh
# Builds the tree with a preset (release, debug, asan, clang): quick when nothing changed.
# usage: sh .cmake/build.sh PRESET [target…]
set -eu
preset=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
if ! [ -f "$root/.build/$preset/build.ninja" ]; then
    cmake -S "$here" --preset "$preset" >/dev/null
fi
log="$root/.build/$preset/build.log"
if [ $# -eq 0 ]; then set -- all; fi
if ! cmake --build "$root/.build/$preset" --target "$@" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
