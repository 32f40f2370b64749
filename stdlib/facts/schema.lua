-- The facts there are: which keys each kind of resource has, and what they may be.
--
-- The kinds `sql` and `command` are a user's own and have whatever keys their query or program
-- gives, beside `reachable` (whether it could be asked at all) and `reason` (why not).
--
-- What a key says of its fact, beside type, unit, values and doc:
--   volatile   moves by itself at any time: never compared
--   advances   goes on by itself while the site is at work: not compared between plan and run, but
--              within a run nothing except its changes may move it
--   counts     only ever goes up, or from no to yes, also when a change is taken back
--   identity   tells the resource from another of the same name: never another than in the plan
--   noun       what an entry of a list is, or what a number counts, for telling how many more or
--              fewer there are
--   named_by   how many words at the beginning of an entry tell it from the others; all if left out

local _, host = ...
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"

local M = { kinds = {} }

local names = {
  "database", "log_backups", "log_chain", "tail", "mirror", "pool", "file", "homes", "deployment",
  "services", "administration", "talk", "caveats", "backup",
}
for _, name in ipairs(names) do
  M.kinds[name] = require("bascule/facts/" .. name)
end

local own_keys = { reachable = { type = "bool" }, reason = { type = "text" } }
local own_kinds = { sql = own_keys, command = own_keys }

-- "database" of "database:mgc.secondary".
function M.kind_of(resource)
  return resource:match("^(%l[%l_]*):") or ""
end

-- Whether a fact stays as it is unless somebody changes it. Those of a user's own kinds do.
function M.is_steady(resource, key)
  local kind = M.kinds[M.kind_of(resource)]
  return not kind or (kind.keys[key] ~= nil and not kind.keys[key].volatile)
end

-- What a fact is in one word: its unit where that says more than its type.
local sorts = { ["ISO 8601, UTC"] = "time", ["server names"] = "list" }

local function sort_of(entry)
  return sorts[entry.unit] or entry.unit and entry.unit:lower() or entry.type
end

-- One fact that is seen only afterwards: a value of its own kind, which says what it will be. A
-- user's own kinds have no schema; `sort` says it for them.
function M.unknown_fact(kind, key, sort)
  local known = M.kinds[kind] or { keys = own_kinds[kind] }
  local entry = known.keys[key]
  return { ["$unknown"] = entry and sort_of(entry) or sort }
end

-- Every steady fact of a kind as one that is seen only afterwards.
function M.unknown(kind)
  local facts = {}
  for key, entry in next, M.kinds[kind].keys do
    if not entry.volatile then
      facts[key] = M.unknown_fact(kind, key)
    end
  end
  return facts
end

-- The count that a user's own query gives, seen only afterwards.
function M.unknown_count()
  return { reachable = M.unknown_fact("sql", "reachable"),
    count = M.unknown_fact("sql", "count", "int") }
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

local how_to_write = {
  bool = "write true or false", int = "write a whole number", text = "put it in quotes",
  list = "write a list: [ … ]",
}

-- What to do about a complaint: the word that was meant, or how its type is written.
local function hint_of(keys, key, entry, value)
  if not entry then
    local all = list.keys(keys)
    return nearest.hint(tostring(key), all, "known are: " .. table.concat(all, ", "))
  elseif type_of(value) ~= entry.type or not entry.values then
    return how_to_write[entry.type]
  end
  return nearest.hint(value, entry.values)
end

local function recorded_complaint(resource, key, keys, value)
  local entry = keys[key]
  local wrong = complaint(resource, key, entry, value)
  if not wrong and entry.type == "list" and next(value) ~= nil and not host.is_list(value) then
    wrong = ("the fact %q of %s is a map, not a list"):format(key, resource)
  end
  return wrong, wrong and hint_of(keys, key, entry, value)
end

local function own_complaint(resource, key, keys, value)
  local entry = keys[key]
  if type(key) ~= "string" or type(value) == "table" then
    return ("the fact %q of %s is a list or map, not one value"):format(tostring(key), resource),
      "write one text, number, true or false"
  end
  local wrong = entry and complaint(resource, key, entry, value)
  return wrong, wrong and hint_of(keys, key, entry, value)
end

local function all_kinds()
  local kinds = list.copy(own_kinds)
  for name, kind in pairs(M.kinds) do
    kinds[name] = kind
  end
  return list.keys(kinds)
end

local function add(found, resource, key, message, hint)
  found[#found + 1] = { resource = resource, key = key, message = message, hint = hint }
end

-- What is wrong with the facts of one resource that came from outside, appended to `found`.
local function add_complaints(found, resource, facts)
  local kind_name = M.kind_of(resource)
  local kind, own = M.kinds[kind_name], own_kinds[kind_name]
  if not kind and not own then
    local kinds = all_kinds()
    add(found, resource, nil, ("%s is of no kind that there is; the kinds are: %s"):format(resource,
      table.concat(kinds, ", ")), nearest.hint(resource:match("^[^:]*"), kinds,
      "name it as bascule observe does"))
  elseif type(facts) ~= "table" then
    add(found, resource, nil, ("%s is %s, not facts by key"):format(resource, type_of(facts)))
  else
    local keys, judge = own or kind.keys, own and own_complaint or recorded_complaint
    for _, key in ipairs(list.keys(facts)) do
      local message, hint = judge(resource, key, keys, facts[key])
      if message then
        add(found, resource, key, message, hint)
      end
    end
  end
end

-- Everything that is wrong with facts {resource = {key = value}} that nobody has just observed, as
-- {resource, key?, message, hint?}.
function M.complaints(facts)
  local found = {}
  for _, resource in ipairs(list.keys(facts)) do
    add_complaints(found, resource, facts[resource])
  end
  return found
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
