-- Small helpers for tables that are lists or maps. They know nothing of runbooks.

local M = {}

local function by_text(a, b)
  return tostring(a) < tostring(b)
end

-- The keys of a map as a sorted list. Keys of mixed types are ordered by their text.
function M.keys(map)
  local keys, are_texts = {}, true
  for key in pairs(map) do
    keys[#keys + 1] = key
    are_texts = are_texts and type(key) == "string"
  end
  table.sort(keys, not are_texts and by_text or nil)
  return keys
end

function M.contains(list, item)
  for _, each in ipairs(list) do
    if each == item then
      return true
    end
  end
  return false
end

-- Whether every key of the table is 1 … n. An empty table is a list.
function M.is_list(value)
  local count = 0
  for key in next, value do
    if math.type(key) ~= "integer" or key < 1 then
      return false
    end
    count = count + 1
  end
  return count == #value
end

-- Whether two plain values are the same, lists and maps by content.
function M.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in next, a do
    if not M.same(value, b[key]) then
      return false
    end
  end
  for key in next, b do
    if a[key] == nil then
      return false
    end
  end
  return true
end

-- A new list of f(item, index); items for which f gives nil are left out.
function M.map(list, f)
  local result = {}
  for index, item in ipairs(list) do
    result[#result + 1] = f(item, index)
  end
  return result
end

function M.copy(map)
  local copy = {}
  for key, value in next, map do
    copy[key] = value
  end
  return copy
end

return M
