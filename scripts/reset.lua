--- Reset the target and let it run, or hold it at its first instruction.
return {
  summary = "Reset the target; it runs afterwards, or waits at its reset vector",
  args = {
    { "--halt", type = "flag", help = "stop before the first instruction, and stay there" },
    { "--nrst", type = "flag", help = "pull the nRST pin instead of asking the core" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    local kind = args.nrst and "nrst" or "system"
    if session.is_dry_run then return "dry run, nothing reset", { kind = kind } end
    local dap = session.dap
    dap:reset { kind = kind, halt = args.halt }
    local state = dap:state()
    local result = { kind = kind, is_halted = state.is_halted, is_locked_up = state.is_locked_up }
    if args.halt then
      session.is_left_halted = true
      result.pc = dap:read_reg "pc"
      return ("halted at 0x%08X"):format(result.pc), result
    end
    if state.is_locked_up then
      session:warn("the core has locked up: is there firmware in the chip?")
      return "done, but the core has locked up", result
    end
    return "the target runs", result
  end,
}
