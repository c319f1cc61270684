--- Look into a ledger, and keep it: create, products, show, search, export, import, void, recover.
local actions = require "stlua.ledger_actions"

return {
  summary = "Show, search, export, import, void: the ledger of identities",
  description = actions.help(),
  args = {
    { "action", type = "choice", choices = actions.names(), help = "what to do; below" },
    { "words", many = true, optional = true, help = "what it is about; below" },
    { "--ledger", metavar = "PATH|URL", help = "default: $STLUA_LEDGER" },
    { "--product", metavar = "NAME", help = "only this product" },
    { "--state", type = "choice", choices = { "reserved", "committed", "void" }, help = "search: only these" },
    { "--since", metavar = "TIME", help = "search: reserved at or after 2026-11-25T08:00:00Z" },
    { "--until", metavar = "TIME", help = "search: reserved at or before it" },
    { "--station", metavar = "NAME", help = "search: with an attempt there" },
    { "--operator", metavar = "NAME", help = "search: with an attempt of hers; void: for the record" },
    { "--units", type = "flag", help = "export: one line a unit, not one an attempt" },
    { "--format", type = "choice", choices = { "csv", "json" }, help = "export: default by FILE's name, then csv" },
    { "--reason", metavar = "TEXT", help = "void: why, for the record" },
    { "--retire", type = "flag", help = "void: the unit gets a new identity when it comes back" },
    { "--vault", metavar = "FILE", help = "the file of the key that keys are sealed with; default: $STLUA_VAULT_KEY" },
    { "--replace", type = "flag", help = "products: change a product's specification for all stations" },
  },

  ---@param session stlua.Session
  run = function(session, args) return actions.run(session, args) end,
}
