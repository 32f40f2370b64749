#!/bin/sh
# Installs what the tests need, builds (release, and clang with ASan and UBSan) and runs every
# test in both builds.
# usage: sh tests/run.sh [ctest arguments, such as -R logs]
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
BSC_GATE_STRICT=1
export BSC_GATE_STRICT
. "$root/.cmake/packages.sh"
# shellcheck disable=SC2086
sh "$root/.cmake/need.sh" $build_packages $test_packages $server_packages || exit 1

if ! script -qec true /dev/null >/dev/null 2>&1; then
    echo "the tests need a pseudo-terminal, which this system does not offer; as root:" >&2
    echo "  mount -t devpts devpts /dev/pts" >&2
    exit 1
fi

# Tests wait half of their time: for servers, for each other's locks, for a signal to be heard.
jobs=$(($(nproc) + 2))
passed=0
failed=0
skipped=0

# Whether there are 4 GiB to be had for files that are kept in memory.
has_memory() {
    [ -w /dev/shm ] && [ "$(df --output=avail /dev/shm | tail -n 1)" -gt 4194304 ]
}

# run_build PRESET FOLDER ARGUMENT…: FOLDER takes the tests' files.
run_build() {
    preset=$1
    folder=$2
    shift 2
    echo "== $preset: build"
    sh "$root/.cmake/build.sh" --tests "$preset" || return 1
    echo "== $preset: test"
    out="$root/.build/$preset/tests.log"
    # Under nohup no test would hear a hangup.
    env --default-signal=HUP TMPDIR="$folder" \
        ctest --test-dir "$root/.build/$preset" --output-on-failure --no-tests=error -j "$jobs" \
        "$@" >"$out" 2>&1
    status=$?
    # Everything but the lines of tests that passed: failures and skips are to be seen.
    grep -vE '^ *[0-9]+/[0-9]+ Test.*Passed|^ *Start |^Internal ctest|^Test project' "$out"
    count_tests "$out"
    return $status
}

count_tests() {
    passed=$((passed + $(grep -cE '^ *[0-9]+/[0-9]+ Test.*Passed' "$1")))
    skipped=$((skipped + $(grep -cE '^ *[0-9]+/[0-9]+ Test.*(Skipped|Not Run)' "$1")))
    total=$(grep -cE '^ *[0-9]+/[0-9]+ Test ' "$1")
    ok=$(grep -cE '^ *[0-9]+/[0-9]+ Test.*(Passed|Skipped|Not Run)' "$1")
    failed=$((failed + total - ok))
}

# Without a disk to wait for tests are twice as fast; the build with sanitizers shows that they pass
# on a disk too.
disk=${TMPDIR:-/tmp}
memory=$disk
has_memory && memory=/dev/shm

result=0
run_build release "$memory" "$@" || result=1
run_build asan "$disk" "$@" || result=1
if [ "$result" -ne 0 ] && [ "$failed" -eq 0 ]; then
    failed=1
fi
echo "$passed passed, $failed failed, $skipped skipped"
exit "$result"
