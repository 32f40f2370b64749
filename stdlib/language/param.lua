-- Parameters of a runbook: what may be set when it is planned, with types and defaults.

local book = require "bascule/language/book"
local errors = require "bascule/core/errors"
local directories = require "bascule/language/directories"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"
local text = require "bascule/core/text"

local M = {}

local specs = {}

-- Options that each type understands beside `default` and `doc`.
local options = {
  text = {}, integer = { "min", "max" }, duration = {}, boolean = {}, choice = {},
  pool = {}, database = {}, server = {}, directory = {},
}

-- Which names a resource parameter may have, and those it may default to.
local resources = {
  pool = {
    names = function()
      return list.keys(inventory.pools())
    end,
    make = handles.pool,
  },
  database = {
    names = inventory.failover_databases,
    all = function()
      return list.keys(inventory.databases())
    end,
    make = handles.database,
  },
  server = {
    names = function()
      return list.keys(inventory.servers())
    end,
    make = handles.server,
  },
  directory = {
    names = function()
      return list.keys(inventory.directories())
    end,
    make = directories.directory,
  },
}

local readers = {}

function readers.text(value)
  return value
end

function readers.integer(value, spec)
  local number = math.tointeger(tonumber(value))
  if not number or not tostring(value):find("^[+-]?%d+$") then
    return nil, "a whole number"
  elseif spec.min and number < spec.min or spec.max and number > spec.max then
    return nil, ("a whole number from %s to %s"):format(spec.min or "any", spec.max or "any")
  end
  return number
end

function readers.duration(value)
  return text.parse_duration(value) and value or nil, "a duration such as 500ms, 30s or 5m"
end

function readers.boolean(value)
  if type(value) == "boolean" then
    return value
  end
  local known = { ["true"] = true, yes = true, ["false"] = false, no = false }
  return known[value], "true or false"
end

function readers.choice(value, spec)
  local fits = list.contains(spec.values, value)
  return fits and value or nil, text.join(list.map(spec.values, text.quote), "or")
end

local function check_options(kind, given, place)
  for _, key in ipairs(list.keys(given)) do
    local known = { "default", "doc", table.unpack(options[kind]) }
    local is_choice = kind == "choice" and math.type(key) == "integer"
    if not is_choice and not list.contains(known, key) then
      book.mistake(("param.%s has no option %q"):format(kind, tostring(key)),
        nearest.hint(tostring(key), known), book.errors:find_key(place, key))
    end
  end
end

local function constructor(kind)
  return function(given)
    local place = errors.here()
    if given ~= nil and type(given) ~= "table" then
      book.mistake(("param.%s takes its options in braces"):format(kind),
        ("write param.%s { default = … }"):format(kind), place)
      given = nil
    end
    given = given or {}
    check_options(kind, given, place)
    local spec = setmetatable({}, { __metatable = false, __name = "parameter" })
    specs[spec] = {
      kind = kind, default = given.default, doc = given.doc, min = given.min, max = given.max,
      values = { table.unpack(given) }, place = place,
    }
    return spec
  end
end

-- The constructors that a runbook sees as `param`.
M.constructors = {}
for kind in pairs(options) do
  M.constructors[kind] = constructor(kind)
end

function M.of(value)
  return specs[value]
end

local function missing(name, spec, candidates)
  local hint = ("pass --set %s=%s"):format(name, spec.kind == "duration" and "5m" or "VALUE")
  if candidates and #candidates > 0 then
    hint = ("pass --set %s=NAME; the site has: %s"):format(name, table.concat(candidates, ", "))
  elseif candidates then
    hint = ("the site has no %s; add one to the site file"):format(spec.kind)
  end
  book.mistake(("the parameter %q has no value"):format(name), hint, spec.place)
  return poison.new()
end

-- A parameter that names a resource: what was set, else its default, else the site's only one.
local function resource_value(name, spec, given)
  local kind = resources[spec.kind]
  local candidates = kind.names()
  local chosen = given or spec.default
  if not book.site then
    return kind.make(chosen), chosen
  end
  if not chosen and #candidates == 1 then
    chosen = candidates[1]
  elseif not chosen and book.mode == "check" and #candidates > 1 then
    return kind.make(nil), nil
  elseif not chosen then
    return missing(name, spec, candidates)
  end
  local all = (kind.all or kind.names)()
  if not list.contains(all, chosen) then
    book.mistake(("the site %s has no %s %q"):format(tostring(book.site.site), spec.kind, chosen),
      nearest.hint(chosen, all), spec.place)
    return poison.new()
  end
  return kind.make(chosen), chosen
end

-- What stands for a plain parameter without a value while a runbook is only checked.
local function stand_in(spec)
  local values = { text = "?", integer = spec.min or 0, duration = "1s", boolean = false }
  return values[spec.kind] or spec.values[1]
end

local function plain_value(name, spec, given)
  local value = given
  if value == nil then
    value = spec.default
  end
  if value == nil and book.mode == "check" then
    return stand_in(spec), nil
  elseif value == nil then
    return missing(name, spec)
  end
  local result, wanted = readers[spec.kind](value, spec)
  if result == nil then
    book.mistake(("the parameter %q must be %s, not %q"):format(name, wanted, tostring(value)),
      nil, spec.place)
    return poison.new()
  end
  return result, result
end

-- The value of a parameter. Returns what the runbook sees, and what the plan records.
function M.resolve(name, spec)
  local given = book.set[name]
  if resources[spec.kind] then
    return resource_value(name, spec, given)
  end
  return plain_value(name, spec, given)
end

return M
