-- --trace: what went over the wire, in a file that Wireshark understands. tshark is asked where there is one.
local support = require "support"

local folder

local function has_tshark() return os.execute "tshark --version >/dev/null 2>&1" == true end

--- { endpoint, event, hex } of every packet, as tshark reads the file.
local function packets(path)
  local pipe = io.popen("tshark -r '" .. path .. "' -T fields -e usb.endpoint_address -e usb.urb_type -e usb.capdata"
    .. " -e _ws.malformed 2>/dev/null")
  local list = {}
  for line in pipe:lines() do
    local endpoint, event, hex, malformed = line:match "^(%S*)\t'?(%a)'?\t(%x*)\t(.*)$"
    list[#list + 1] = { endpoint = endpoint, event = event, hex = hex }
    assert.equal("", malformed)
  end
  assert.is_true(pipe:close())
  return list
end

describe("--trace", function()
  setup(function() folder = support.folder() end)
  teardown(support.clean)

  for _, name in ipairs { "t.pcapng", "t.pcapng.gz" } do
    it("keeps every packet from the first on: " .. name, function()
      if not has_tshark() then return pending "SKIPPED: no tshark" end
      local path = folder .. "/" .. name
      support.good { "--trace", path, "info", probe = "sim:rak5205?probe=v2&fw=V2J37S7" }
      local list = packets(path)
      assert.is_true(#list > 80, #list .. " packets")
      assert.same({ endpoint = "0x02", event = "S", hex = "f180" .. ("00"):rep(14) }, list[1]) -- GET_VERSION
      assert.same({ endpoint = "0x81", event = "C", hex = "294783044837" }, list[4]) -- V2J37S7, 0483:3748
      assert.equal("f221" .. ("00"):rep(14), list[#list - 1].hex) -- leaves debug mode
    end)
  end

  it("is compressed where the name says so, and for its user alone", function()
    local path = folder .. "/mode.pcapng.gz"
    support.good { "--trace", path, "list", probe = "sim:rak5205" }
    assert.equal("\31\139", support.read_file(path):sub(1, 2))
    local pipe = io.popen("stat -c %a '" .. path .. "'")
    assert.equal("600\n", pipe:read "a")
    pipe:close()
  end)

  it("is an error where it cannot be begun, and a warning where it cannot be finished", function()
    local result = support.stlua { "--trace", folder .. "/none/t.pcapng", "info", probe = "sim:rak5205" }
    assert.equal(12, result.status)
    assert.matches("error %[file%]: trace .*No such file", result.err)
    result = support.good { "--trace", "/dev/full", "info", probe = "sim:rak5205" }
    assert.matches("warning: trace /dev/full: No space left on device", result.err)
  end)
end)
