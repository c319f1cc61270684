--- tests/lua/private_spec.lua: what is secret is readable by its owner only, and a name is a name.
local stlua = require "stlua"
local support = require "support"

local function mode(path) return support.shell("stat -c %a " .. support.quote(path)).out:match "%d+" end

describe("a private file", function()
  after_each(support.clean)

  it("is made with mode 0600, whatever the umask", function()
    local path = support.folder() .. "/secret"
    assert.is_true(stlua.create_private_file(path))
    assert.equal("600", mode(path))
  end)

  it("is never made over what is there, and not through a link", function()
    local folder = support.folder()
    support.write_file(folder .. "/old", "kept")
    assert.is_false(stlua.create_private_file(folder .. "/old"))
    assert.equal("kept", support.read_file(folder .. "/old"))
    support.shell(("ln -s %s/none %s/link"):format(folder, folder))
    assert.is_false(stlua.create_private_file(folder .. "/link"))
    assert.is_nil(stlua.file_kind(folder .. "/none"))
  end)

  it("of the ledger and of its key is one, under a name that a shell would run", function()
    local folder = support.folder()
    local name = folder .. "/a'b$(touch " .. "x" .. ")`touch y`;touch z #"
    local ledger = require("stlua.ledger").open(name .. ".db", { create = true })
    require("stlua.ledger_vault").create_file(name .. ".key")
    assert.equal("600", mode(name .. ".db"))
    assert.equal("600", mode(name .. ".key"))
    for _, file in ipairs { "x", "y", "z" } do
      assert.is_nil(stlua.file_kind(file))
      assert.is_nil(stlua.file_kind(folder .. "/" .. file))
    end
    ledger:close()
  end)

  it("or any other has its name from nobody but the caller", function()
    local folder = support.folder()
    local result = support.stlua { "read", "0x08000000", "16", "-o", "a'b;touch x.hex", probe = "sim:rak5205", cwd = folder }
    assert.equal(0, result.status, result.err)
    assert.equal("file", stlua.file_kind(folder .. "/a'b;touch x.hex"))
    assert.is_nil(stlua.file_kind(folder .. "/x.hex"))
  end)
end)
