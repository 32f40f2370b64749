#!/bin/sh
# Builds the tree with a preset (release, debug, asan, clang): quick when nothing changed. The
# tests, which need more packages, are part of it only when asked for.
# usage: sh .cmake/build.sh [--tests] PRESET [target...]
set -eu
tests=OFF
if [ "$1" = --tests ]; then
    tests=ON
    shift
fi
preset=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
folder=$root/.build/$preset

configured() {
    [ -f "$folder/build.ninja" ] || return 1
    [ "$tests" = OFF ] || grep -q '^BUILD_TESTING:BOOL=ON' "$folder/CMakeCache.txt"
}

if ! configured; then
    cmake -S "$here" --preset "$preset" -DBUILD_TESTING="$tests" >/dev/null
fi
[ $# -gt 0 ] || set -- all
if ! cmake --build "$folder" --target "$@" >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi
