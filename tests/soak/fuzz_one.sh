#!/usr/bin/env bash
# One fuzzer for $fuzz_seconds, from its corpus in the tree; part of faults.sh, which sets $work, $source and $seed.
#   tests/soak/fuzz_one.sh PROGRAM
# Writes "NAME EXECUTIONS" to $work/NAME.executions. A failure prints the fuzzer's last lines and stops xargs.
set -euo pipefail
program=$1
name=$(basename "$program" _libfuzzer)
mkdir "$work/$name"
# a Lua state collects when it likes: looking for leaks after each input takes all of the time
leaks=1
case $name in fuzz_csv | fuzz_data) leaks=0 ;; esac
(cd "$work" && "$program" -seed="$seed" -detect_leaks=$leaks -max_total_time="$fuzz_seconds" -print_final_stats=1 \
    -artifact_prefix="$work/$name-" "$work/$name" "$source/tests/fuzz/corpus/${name#fuzz_}") \
    >"$work/$name.log" 2>&1 || { tail -60 "$work/$name.log"; exit 255; }
sed -n "s/^stat::number_of_executed_units: */$name /p" "$work/$name.log" | tee "$work/$name.executions"
