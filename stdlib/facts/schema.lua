-- The facts there are: which keys each kind of resource has, and what they may be.
--
-- The kinds `sql` and `command` are a user's own and have whatever keys their query or program
-- gives, beside `reachable` (whether it could be asked at all) and `reason` (why not).

local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"

local M = { kinds = {} }

local names = { "database", "log_backups", "log_chain", "tail", "mirror", "pool", "file" }
for _, name in ipairs(names) do
  M.kinds[name] = require("bascule/facts/" .. name)
end

-- "database" of "database:mgc.secondary".
function M.kind_of(resource)
  return resource:match("^(%l[%l_]*):") or ""
end

-- Whether a fact stays as it is unless somebody changes it. Those of a user's own kinds do.
function M.is_steady(resource, key)
  local kind = M.kinds[M.kind_of(resource)]
  return not kind or (kind.keys[key] ~= nil and not kind.keys[key].volatile)
end

-- Every steady fact of a kind as one that is seen only afterwards.
function M.unknown(kind)
  local facts = {}
  for key, entry in next, M.kinds[kind].keys do
    if not entry.volatile then
      facts[key] = { ["$unknown"] = key }
    end
  end
  return facts
end

local function type_of(value)
  if math.type(value) == "integer" then
    return "int"
  elseif type(value) == "boolean" then
    return "bool"
  elseif type(value) == "string" then
    return "text"
  end
  return type(value) == "table" and "list" or type(value)
end

-- nil when the value suits the key, else what is wrong with it. Lists are not looked into: a log
-- chain may be long, and whoever made it has checked it.
local function complaint(resource, key, entry, value)
  if not entry then
    return ("the fact %q of %s is not in the schema"):format(key, resource)
  elseif type_of(value) ~= entry.type then
    return ("the fact %q of %s is %s, not %s"):format(key, resource, type_of(value), entry.type)
  elseif entry.values and not list.contains(entry.values, value) then
    return ("the fact %q of %s cannot be %q"):format(key, resource, tostring(value))
  end
end

-- Returns the facts, or nil and what is wrong with them.
function M.validate(resource, facts)
  local kind = M.kinds[M.kind_of(resource)]
  if not kind then
    return facts
  end
  for key, value in next, facts do
    local wrong = complaint(resource, key, kind.keys[key], value)
    if wrong then
      return nil, wrong
    end
  end
  return facts
end

-- Whether a condition may ask for `key` to be `value`. Returns true, or false with a message and
-- a hint.
function M.allows(kind_name, key, value)
  local kind = M.kinds[kind_name]
  if not kind then
    return true
  end
  local entry = kind.keys[key]
  if not entry then
    local keys = list.keys(kind.keys)
    return false, ("there is no fact %q of %s"):format(tostring(key), kind.doc),
      nearest.hint(tostring(key), keys)
  end
  if value == nil then
    return true
  end
  if type_of(value) ~= entry.type then
    return false, ("the fact %q is %s, so it is never %s"):format(key, entry.type,
      tostring(value))
  end
  if entry.values and not list.contains(entry.values, value) then
    return false, ("%s of %s is never %q"):format(key, kind.doc, tostring(value)),
      nearest.hint(tostring(value), entry.values)
  end
  return true
end

-- The whole schema as plain data, for the host and for the reference.
function M.describe()
  local result = {}
  for name, kind in pairs(M.kinds) do
    result[name] = kind.keys
  end
  return result
end

return M
