--- What the firmware says on an RTT channel, and what you say to it.
local errors = require "stlua.errors"
local format = require "stlua.format"
local rtt = require "stlua.rtt"
local stlua = require "stlua"

local poll_s = 0.01

local function block_addr(args)
  if args.addr or not args.elf then return args.addr end
  return stlua.image.load(args.elf):symbol("_SEGGER_RTT").addr
end

local function show_channels(session, link)
  local rows = {}
  for _, direction in ipairs { "up", "down" } do
    for i, channel in ipairs(link[direction]) do
      rows[#rows + 1] = { direction, tostring(i - 1), channel.byte_count > 0 and format.size(channel.byte_count) or "not in use",
        format.addr(channel.buffer_addr), channel.name }
    end
  end
  session:say("control block at %s", format.addr(link.addr))
  for _, line in ipairs(format.columns(rows)) do session:say("  %s", line) end
end

-- Whole lines as they come; what has no end yet is kept. Ctrl-C is the usual way to end it, no failure.
local function listen(session, link, args)
  local start_s, rest, byte_count = session:now_s(), "", 0
  local function take()
    local bytes = link:read(args.channel)
    byte_count, rest = byte_count + #bytes, rest .. bytes
    rest = rest:gsub("([^\n]*)\n", function(line)
      session:say("%s", (line:gsub("\r$", "")))
      return ""
    end)
    if bytes == "" then stlua.sleep(poll_s, session.probe) end
  end
  repeat
    local ok, err = pcall(take)
    if not ok and err.code ~= "interrupted" then error(err, 0) end
  until not ok or args.seconds and session:now_s() - start_s >= args.seconds
  if rest ~= "" then session:say("%s", rest) end
  return byte_count
end

return {
  summary = "Print what the firmware says on an RTT channel (Ctrl-C ends)",
  description = "The control block is searched in RAM unless --elf or --addr tells where it is. "
    .. "The firmware goes on running, unless --reset starts it anew.",
  args = {
    { "--channel", type = "int", default = 0, metavar = "N", help = "which channel; default: 0" },
    { "--elf", type = "path", metavar = "FILE", help = "find the control block by the symbol _SEGGER_RTT" },
    { "--addr", type = "addr", help = "the control block's address" },
    { "--send", metavar = "TEXT", help = "say TEXT and a line feed to the down channel first" },
    { "--seconds", type = "int", metavar = "S", help = "end after S seconds" },
    { "--reset", type = "flag", help = "reset the target first" },
    { "--list", type = "flag", help = "show the channels there are, and end" },
  },

  ---@param session stlua.Session
  run = function(session, args)
    if not args.reset and not session.options.connect then session.options.connect = "hotplug" end
    if session.is_dry_run then errors.raise("usage", nil, "rtt has no dry run: it looks, and says what it is told to") end
    local addr = block_addr(args)
    if args.reset then
      rtt.forget(session, addr)
      session.dap:run()
    end
    local link = rtt.open(session, { addr = addr })
    if args.list then
      show_channels(session, link)
      return ("%d up, %d down"):format(#link.up, #link.down), { addr = link.addr, up = link.up, down = link.down }
    end
    if args.send then link:send(args.channel, args.send .. "\n") end
    local byte_count = listen(session, link, args)
    return format.count(byte_count, "byte"), { byte_count = byte_count }
  end,
}
