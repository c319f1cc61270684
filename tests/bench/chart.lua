-- tests/bench/chart.lua: horizontal bars as SVG, one group a job, flash's own time as a line.
local M = {}

local COLOURS = { ["stlua"] = "#1f77b4", ["OpenOCD 0.12"] = "#ff7f0e", ["st-flash 1.7"] = "#2ca02c" }

local function escape(text) return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" })) end

---@param bars { job: string, tool: string, wall_s: number, needed_s: number }[]
---@return string svg
function M.svg(bars)
  local longest = 0
  for _, bar in ipairs(bars) do longest = math.max(longest, bar.wall_s) end
  local width, left, row = 900, 20, 20
  local scale = (width - left - 160) / math.max(longest, 0.001)
  local out, y, last = {}, 20, nil
  local function put(...) out[#out + 1] = string.format(...) end
  for _, bar in ipairs(bars) do
    if bar.job ~= last then
      y = y + 12
      put('<text x="%d" y="%d" font-weight="bold">%s</text>', left, y + 10, escape(bar.job))
      y, last = y + 18, bar.job
    end
    put('<rect x="%d" y="%d" width="%.1f" height="14" fill="%s"/>', left, y, bar.wall_s * scale,
      COLOURS[bar.tool] or "#888")
    put('<text x="%.1f" y="%d">%s %.2f s</text>', left + bar.wall_s * scale + 4, y + 12, escape(bar.tool), bar.wall_s)
    if bar.needed_s > 0 then
      put('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#000"/>', left + bar.needed_s * scale,
        left + bar.needed_s * scale, y - 2, y + 16)
    end
    y = y + row
  end
  return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">\n%s\n</svg>\n')
    :format(width, y + 20, table.concat(out, "\n"))
end

return M
