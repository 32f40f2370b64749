-- Collects everything that is wrong with a runbook, so that all of it can be told at once.

local _, host = ...
local text = require "bascule/core/text"

local M = {}
local Errors = {}
Errors.__index = Errors

-- `most` errors are kept; a runbook with more has one cause that hides the rest anyway.
local most = 200

function M.new()
  return setmetatable({ list = {}, seen = {}, sources = {} }, Errors)
end

-- Makes the text of a file known, so that errors can quote their line.
function Errors:add_source(file, source)
  local lines = {}
  for line in (source .. "\n"):gmatch("(.-)\r?\n") do
    lines[#lines + 1] = line
  end
  self.sources[file] = lines
end

function Errors:line_text(file, line)
  local lines = self.sources[file]
  return text.shorten(text.trim(lines and lines[line] or ""))
end

-- The line on which `word` is first assigned at or after `line`; `line` itself when it is nowhere.
function Errors:find_key(place, word)
  local lines = self.sources[place.file] or {}
  local pattern = "%f[%w_]" .. tostring(word):gsub("%p", "%%%0") .. "%f[^%w_]%s*=%f[^=]"
  for line = place.line, math.min(#lines, place.line + 60) do
    if lines[line]:find(pattern) then
      return { file = place.file, line = line }
    end
  end
  return place
end

-- The line on which `words` first stand in quotes at or after `line`; `line` itself when nowhere.
function Errors:find_text(place, words)
  local lines = self.sources[place.file] or {}
  for line = place.line, math.min(#lines, place.line + 60) do
    if lines[line]:find('"' .. tostring(words) .. '"', 1, true) then
      return { file = place.file, line = line }
    end
  end
  return place
end

-- The place in the runbook that is being executed just now.
function M.here()
  local file, line = host.where(1)
  return { file = file or "", line = line or 0 }
end

-- Adds an error at `place` ({file, line}); returns it, so that a placeholder can refine it later.
function Errors:add(place, message, hint)
  local key = place.file .. ":" .. place.line .. ":" .. message
  if self.seen[key] or #self.list >= most then
    return self.seen[key] or {}
  end
  local entry = {
    file = place.file,
    line = place.line,
    text = self:line_text(place.file, place.line),
    message = message,
    hint = hint,
  }
  self.seen[key] = entry
  self.list[#self.list + 1] = entry
  return entry
end

-- All errors in the order of the source.
function Errors:sorted()
  local sorted = {}
  for index, entry in ipairs(self.list) do
    sorted[index] = { entry = entry, index = index }
  end
  table.sort(sorted, function(a, b)
    local x, y = a.entry, b.entry
    if x.file ~= y.file then
      return x.file < y.file
    elseif x.line ~= y.line then
      return x.line < y.line
    end
    return a.index < b.index
  end)
  for index, each in ipairs(sorted) do
    sorted[index] = each.entry
  end
  return host.list(sorted)
end

return M
