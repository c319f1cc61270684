#!/usr/bin/env bash
# Every fault at every point, and the fuzzers for a while; a table at the end. Fails on the first survivor
# that should not be one, and when fewer than 20,000 distinct points were tried.
#   tests/soak/faults.sh BUILD_FOLDER [FUZZ_SECONDS [SEED]]
# FUZZ_SECONDS is for each fuzzer, 600 unless said; 0 leaves the fuzzers out and says so.
set -euo pipefail
build=$(cd "$1" && pwd)
fuzz_seconds=${2:-600}
seed=${3:-1}
cd "$(dirname "$0")/../.."
source=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
least_points=20000

echo "faults: every point, sanitizers on"
for name in faults fault_ops fault_memory; do
    STL_FAULT_STRIDE=1 "$build/bin/test_$name" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; exit 1; }
    grep '^faults:' "$work/$name.log" | tee -a "$work/points"
done

# whole runs of stlua, at a stride: every point would take days
whole() { # SPEC STRIDE [VARIABLE=VALUE]
    env ${3:+"$3"} STLUA_BIN_DIR="$build/bin" STLUA_SOURCE_DIR="$source" STLUA_PROBE= STLUA_PATH= \
        STL_FAULT_STRIDE="$2" STL_FAULT_SEED="$seed" \
        "$build/bin/stlua" tests/lua/run.lua "$1" >"$work/whole.log" 2>&1 || { cat "$work/whole.log"; exit 1; }
    grep -o 'faults: kind=.*' "$work/whole.log" | tee -a "$work/points" || grep 'SKIPPED: ' "$work/whole.log"
}
echo "faults: the whole of stlua without memory, every 1300th allocation"
whole tests/starve/starve_spec.lua 1300
echo "faults: the whole of stlua, at every 67th USB transfer"
whole tests/starve/wire_spec.lua 67
echo "faults: every write of a file or of the ledger"
whole tests/writes/every_write_spec.lua 1
whole tests/writes/server_spec.lua 1 ASAN_OPTIONS=detect_leaks=0 # LuaDBI's; see tests/writes/CMakeLists.txt

ctest --test-dir "$build" -R '^doctor/causes_spec$' -V >"$work/doctor.log" 2>&1 || { cat "$work/doctor.log"; exit 1; }
sed -n 's/^[0-9]*: \(causes recognised\|false alarms\)/doctor: \1/p' "$work/doctor.log" >"$work/doctor"
test -s "$work/doctor"

if [ "$fuzz_seconds" -gt 0 ]; then
    echo "fuzzers: $fuzz_seconds s each, seed $seed"
    cmake --preset fuzz >"$work/fuzz.log" && cmake --build --preset fuzz -j 2 >>"$work/fuzz.log" ||
        { cat "$work/fuzz.log"; exit 1; }
    export work source seed fuzz_seconds
    printf '%s\0' "$source"/build/fuzz/bin/fuzz_*_libfuzzer |
        xargs -0 -n 1 -P "$(nproc)" "$source/tests/soak/fuzz_one.sh"
    cat "$work"/*.executions >"$work/executions"
else
    echo "fuzzers: SKIPPED, 0 seconds were asked for"
fi

echo
printf '%-16s %9s %9s %9s\n' "fault" "points" "errors" "survived"
awk -v least=$least_points '
    { for (i = 2; i <= NF; i++) { split($i, pair, "="); field[pair[1]] = pair[2] }
      kind = field["kind"]
      if (!(kind in points)) order[++kinds] = kind
      points[kind] += field["points"]; errors[kind] += field["errors"]; survived[kind] += field["survived"] }
    END { for (i = 1; i <= kinds; i++) { kind = order[i]
            printf "%-16s %9d %9d %9d\n", kind, points[kind], errors[kind], survived[kind]
            total += points[kind] }
          printf "%-16s %9d distinct points, every one followed by a run that repaired the board\n", "all", total
          exit total < least }' "$work/points"
if [ -f "$work/executions" ]; then
    awk '{ printf "%-16s %9d executions\n", $1, $2 }' "$work/executions"
fi
cat "$work/doctor"
