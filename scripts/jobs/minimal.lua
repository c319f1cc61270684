--- The smallest job: firmware on a board, verified. Run it on a simulated one:
---   stlua --probe sim:rak811 provision scripts/jobs/minimal.lua
return {
  name = "minimal",
  board = "rak811",
  firmware = "../../tests/firmware/blink.hex",
}
