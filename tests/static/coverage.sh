#!/usr/bin/env bash
# Branch coverage of core/ without the simulator, by the tests that need no witness; at least 85 %.
# A build of its own, which valgrind.sh uses too.
#   tests/static/coverage.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/build/coverage
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }; }

quietly cmake --preset coverage
quietly cmake --build --preset coverage -j 2
find "$build" -name '*.gcda' -delete
export GCOV_ERROR_FILE=/dev/null # what killed processes left half written is no output of the next one
# The verdict on these tests is the sanitizer build's; here counters that killed processes share may disturb one.
quietly ctest --test-dir "$build" -j 2 --output-on-failure --no-tests=error --repeat until-pass:3 \
    -R '^(unit/|cli/|lua/(bind|image|session|targets)_spec|fuzz/|usb/test_(bus|transport|bad_input|stlua))'
cd "$build"
# processes that tests kill leave negative counts of calls, which gcovr 5.2 cannot read; they are no branches
gcovr --gcov-ignore-parse-errors --root ../.. --filter '../../core/' --exclude '.*/core/sim/.*' --branches --sort-percentage \
    --fail-under-branch 85 core/CMakeFiles/stl.dir | sed 's/^\(.\{,66\}\).*/\1/'
