-- Finds the name that somebody probably meant.

local list = require "bascule/core/list"

local M = {}

-- Longer words are not compared: nobody misspells a page of text.
local longest = 64

local function smallest(a, b, c)
  local least = a < b and a or b
  return least < c and least or c
end

-- How many letters must be changed, added, removed or swapped with their neighbour.
function M.distance(a, b)
  local before, row = {}, {}
  local earlier
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    earlier, before, row = before, row, { [0] = i }
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = smallest(before[j] + 1, row[j - 1] + 1, before[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], earlier[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

-- The candidate nearest to `name`, or nil when none is near: about one letter in three may differ.
function M.find(name, candidates)
  if type(name) ~= "string" or #name > longest then
    return nil
  end
  local best, best_distance
  for _, candidate in ipairs(candidates) do
    local distance = M.distance(name:lower(), candidate:lower())
    if not best or distance < best_distance then
      best, best_distance = candidate, distance
    end
  end
  if best and best_distance <= math.max(1, math.max(#name, #best) // 3) then
    return best
  end
  return nil
end

-- "did you mean x?", else the names there are (when they are few), else `fallback`.
function M.hint(name, candidates, fallback)
  local near = M.find(name, candidates)
  if near then
    return "did you mean " .. near .. "?"
  end
  if fallback or #candidates == 0 or #candidates > 12 then
    return fallback
  end
  local sorted = list.copy(candidates)
  table.sort(sorted)
  return "known are: " .. table.concat(sorted, ", ")
end

return M
