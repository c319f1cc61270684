#!/bin/sh
# tests/usb/gdb.sh BUILD_DIR SOURCE_DIR: gdb-multiarch through OpenOCD on a simulated board: load, break,
# step, registers, memory. So the core's debug model has a witness that is not stlua.
set -eu
build=$1 source=$2
for tool in gdb-multiarch openocd; do
    command -v $tool >/dev/null || { echo "SKIPPED: no $tool"; exit 77; }
done
work=$(mktemp -d)
port=$((20000 + $$ % 20000))
trap 'kill $openocd $sim 2>/dev/null || true; rm -rf "$work"' EXIT
openocd= sim=
"$build/bin/stlua-sim" --listen "$work/sim" 'rak5205?clock=fast' >"$work/sim.log" 2>&1 &
sim=$!
for i in $(seq 100); do [ -S "$work/sim" ] && break; sleep 0.05; done
"$build/bin/stlua-usb-run" --probe "$work/sim" -- openocd -f interface/stlink.cfg \
    -c 'transport select hla_swd' -f target/stm32l1.cfg -c "gdb_port $port" \
    -c 'tcl_port disabled' -c 'telnet_port disabled' >"$work/openocd.log" 2>&1 &
openocd=$!
for i in $(seq 100); do grep -q "Listening on port $port" "$work/openocd.log" && break; sleep 0.1; done
count=$(grep -w g_blink_count "$source/tests/firmware/blink.sym" | grep -oE '0x[0-9A-Fa-f]+')
cat >"$work/attach" <<EOT
set confirm off
set architecture armv7
set remotetimeout 20
target extended-remote localhost:$port
EOT
cat "$work/attach" - >"$work/commands" <<EOT
monitor reset halt
load $source/tests/firmware/blink.hex
monitor reset halt
printf "pc=%08x\n", \$pc
stepi
printf "stepped=%08x\n", \$pc
hbreak *(\$pc + 4)
continue
printf "stopped=%08x\n", \$pc
EOT
cat "$work/attach" - >"$work/rest" <<EOT
monitor reset halt
set var \$r5 = 0x12345678
printf "r5=%08x\n", \$r5
monitor resume
shell sleep 1
monitor halt
printf "count=%d\n", *(int *)$count
EOT
timeout 60 gdb-multiarch -nx -batch -x "$work/commands" >"$work/gdb.log" 2>&1 || true
timeout 60 gdb-multiarch -nx -batch -x "$work/rest" >>"$work/gdb.log" 2>&1 || true
cat "$work/gdb.log"
fail() { echo "FAILED: $1"; tail -20 "$work/openocd.log"; exit 1; }
vector=$(awk '/^pc=/ {print substr($1, 4); exit}' "$work/gdb.log")
[ "$vector" != "" ] || fail "no pc"
stepped=$(sed -n 's/^stepped=//p' "$work/gdb.log")
[ -n "$stepped" ] && [ "$stepped" != "$vector" ] || fail "stepi did not move the pc"
expected=$(printf '%08x' $((0x$stepped + 4)))
grep -q "^stopped=$expected" "$work/gdb.log" || fail "the hardware breakpoint at $expected was not hit"
grep -q '^r5=12345678' "$work/gdb.log" || fail "r5 does not hold what was written"
blinks=$(sed -n 's/^count=//p' "$work/gdb.log")
[ "${blinks:-0}" -gt 0 ] || fail "the firmware did not run"
echo "gdb: loaded, stepped, stopped at a breakpoint, read and wrote registers; g_blink_count is $blinks"
