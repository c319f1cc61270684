--- Progress for people: a bar on a terminal, plain lines in a log, nothing when nobody looks.
--- A carriage return is never written into a file.
local stlua = require "stlua"

local M = {}

local words = { compare = "comparing", write = "writing", verify = "verifying", erase = "erasing", read = "reading" }

local bar_interval_s = 0.1
local line_steps = 4 -- a line at each quarter

local Progress = {}
Progress.__index = Progress

---@param style "bar"|"lines"|"none"
function M.new(style) return setmetatable({ style = style, stream = io.stderr }, Progress) end

--- What suits standard error.
function M.style_for_terminal() return stlua.is_terminal("stderr") and "bar" or "lines" end

local function percent(done, total) return total > 0 and done * 100 // total or 100 end

function Progress:_bar(phase, done, total)
  local now = stlua.monotonic()
  if done < total and self.drawn_at and now - self.drawn_at < bar_interval_s then return end
  self.drawn_at = now
  local room = math.max(10, math.min(40, stlua.terminal_width("stderr") - 30))
  local filled = total > 0 and done * room // total or room
  local bar = ("#"):rep(filled) .. ("."):rep(room - filled)
  self.stream:write(("\r%-10s [%s] %3d %%\27[K"):format(words[phase] or phase, bar, percent(done, total)))
  self.stream:flush()
  self.is_drawn = true
end

function Progress:_line(phase, done, total)
  local step = total > 0 and done * line_steps // total or line_steps
  if step == self.step then return end
  self.step = step
  if step == 0 then return end
  self.stream:write(("%s %d %%\n"):format(words[phase] or phase, percent(done, total)))
end

--- For nvm:apply { progress = ... }: returns true to go on.
function Progress:callback()
  return function(phase, done, total)
    if self.style == "none" then return true end
    if phase ~= self.phase then
      self.phase, self.drawn_at, self.step = phase, nil, 0
    end
    if self.style == "bar" then
      self:_bar(phase, done, total)
    else
      self:_line(phase, done, total)
    end
    return true
  end
end

--- Take the bar away, so that what follows starts on a clean line.
function Progress:finish()
  if self.is_drawn then
    self.stream:write("\r\27[K")
    self.stream:flush()
  end
  self.is_drawn, self.phase = false, nil
end

return M
