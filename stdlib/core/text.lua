-- Plain words for people: quoting, counting, sizes, times, durations.

local list = require "bascule/core/list"

local M = {}

function M.trim(text)
  return (text:gsub("^%s+", ""):gsub("%s+$", ""))
end

function M.quote(name)
  return '"' .. tostring(name) .. '"'
end

-- "a, b or c": `word` stands before the last one.
function M.join(items, word)
  if #items < 2 then
    return items[1] or ""
  end
  return table.concat(items, ", ", 1, #items - 1) .. " " .. word .. " " .. items[#items]
end

-- A value as people read it: texts bare, lists in brackets, unknown ones as the word, with what
-- they will be where they are known only afterwards.
function M.value(value)
  if value == nil then
    return "unknown"
  elseif type(value) ~= "table" then
    return tostring(value)
  elseif value["$unknown"] then
    return ("unknown<%s>"):format(value["$unknown"])
  end
  return "[" .. table.concat(list.map(value, M.value), ", ") .. "]"
end

-- "1 file", "64 files".
function M.count(number, noun, plural)
  return number .. " " .. (tostring(number) == "1" and noun or plural or noun .. "s")
end

-- 12,345,678
function M.thousands(number)
  local digits = tostring(number)
  local sign, rest = digits:match("^(%-?)(%d+)$")
  if not rest then
    return digits
  end
  rest = rest:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
  return sign .. rest
end

-- Bytes as people read them, always rounded down: "1.5 MiB".
function M.bytes(bytes)
  local units = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" }
  local unit, size, below = 1, bytes, 0
  while size >= 1024 and unit < #units do
    below = size % 1024
    size = size // 1024
    unit = unit + 1
  end
  if unit == 1 then
    return bytes .. " bytes"
  end
  return string.format("%d.%d %s", size, below * 10 // 1024, units[unit])
end

-- "2024-05-01T10:02:03Z" as "2024-05-01 10:02:03 UTC".
function M.time(iso)
  if type(iso) ~= "string" then
    return "at an unknown time"
  end
  return (iso:gsub("T", " "):gsub("Z$", " UTC"))
end

local function days_from_civil(year, month, day)
  if month <= 2 then
    year = year - 1
    month = month + 12
  end
  return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day
end

-- Milliseconds of an ISO UTC time on a line of its own (only differences mean anything), or nil.
function M.instant(iso)
  local pattern = "^(%d+)%-(%d+)%-(%d+)T(%d+):(%d+):(%d+)%.?(%d*)Z$"
  local year, month, day, hour, minute, second, part = tostring(iso):match(pattern)
  if not year then
    return nil
  end
  local days = days_from_civil(tonumber(year), tonumber(month), tonumber(day))
  local seconds = ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60 + tonumber(second)
  return seconds * 1000 + (tonumber((part .. "000"):sub(1, 3)))
end

-- Milliseconds in plain words: "350 ms", "12 s", "3 min 5 s", "2 h 4 min".
function M.duration(ms)
  if ms < 1000 then
    return ms .. " ms"
  end
  local seconds = ms // 1000
  if seconds < 60 then
    return seconds .. " s"
  elseif seconds < 3600 then
    return string.format("%d min %d s", seconds // 60, seconds % 60)
  end
  return string.format("%d h %d min", seconds // 3600, seconds % 3600 // 60)
end

local unit_ms = { ms = 1, s = 1000, m = 60000, min = 60000, h = 3600000, d = 86400000 }

-- "500ms", "30s", "5m", "2h" as milliseconds; nil when the text is not a duration.
function M.parse_duration(text)
  if type(text) ~= "string" then
    return nil
  end
  local number, unit = text:match("^(%d+)%s*(%a+)$")
  if not number or not unit_ms[unit] or #number > 12 then
    return nil
  end
  return tonumber(number) * unit_ms[unit]
end

-- The text as the beginning of a sentence.
function M.sentence(text)
  return (text:gsub("^%l", string.upper))
end

-- One line of a longer text, shortened so that a report stays readable.
function M.shorten(text, limit)
  limit = limit or 200
  if #text <= limit then
    return text
  end
  return text:sub(1, limit - 1) .. "…"
end

return M
