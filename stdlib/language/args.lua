-- Checks the arguments of a primitive against their description.
--
-- An argument is described as { "name", "type", doc = …, optional = true, default = …, … }; a call
-- gives arguments in that order, by name in one pair of braces, or the first ones in order and the
-- rest by name.

local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local errors = require "bascule/core/errors"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"
local servers = require "bascule/language/servers"
local text = require "bascule/core/text"

local M = {}

local words = {
  copy = "a copy of a database", database = "a database", pool = "a pool", server = "a server",
  facts = "facts of your own", text = "a text", integer = "a whole number",
  boolean = "true or false", duration = "a duration such as \"30s\"", list = "a list",
  map = "a table of names and values", choice = "one of a few words", servers = "servers",
  condition = "a condition", any = "a value", directory = "a directory",
  homes = "users or applications of a directory", side = "a pool of a directory",
  move = "where they are moved",
}

-- What was given, for people.
local function given(value)
  local inner = handles.of(value)
  if inner then
    return inner.title
  elseif type(value) == "string" then
    return text.quote(text.shorten(value, 60))
  elseif cond.is(value) then
    return "a condition"
  end
  return type(value) == "table" and "a table" or tostring(value)
end

local function handle_of(handle_type)
  return function(value, spec)
    local inner = handles.of(value)
    if not inner or inner.type ~= handle_type then
      local hint = inner and inner.type == "database" and handle_type == "copy"
        and "write one of its copies, for example ." .. (spec.role or "secondary")
      return nil, hint
    end
    if spec.role and not list.contains(type(spec.role) == "table" and spec.role or { spec.role },
      inner.role) then
      local role = type(spec.role) == "table" and spec.role[1] or spec.role
      return nil, ("did you mean .%s?"):format(role)
    end
    return value
  end
end

local function of_type(lua_type)
  return function(value)
    return type(value) == lua_type and value or nil
  end
end

local readers = {
  copy = handle_of "copy",
  database = handle_of "database",
  pool = handle_of "pool",
  facts = handle_of "facts",
  directory = handle_of "directory",
  homes = handle_of "homes",
  side = handle_of "side",
  move = handle_of "move",
  text = of_type "string",
  any = function(value)
    return value
  end,
}

function readers.boolean(value)
  if type(value) ~= "boolean" then
    return nil
  end
  return value
end

function readers.integer(value)
  return math.type(value) == "integer" and value or nil
end

function readers.duration(value)
  return text.parse_duration(value), 'write for example "500ms", "30s" or "5m"'
end

function readers.list(value)
  return type(value) == "table" and not handles.of(value) and list.is_list(value) and value or nil
end

function readers.map(value)
  return type(value) == "table" and not handles.of(value) and not cond.is(value) and value or nil
end

function readers.choice(value, spec)
  if list.contains(spec.values, value) then
    return value
  end
  return nil, nearest.hint(tostring(value), spec.values)
end

function readers.condition(value)
  return cond.is(value) and value or nil, 'a condition is for example db.secondary:is "online"'
end

function readers.server(value)
  local inner = handles.of(value)
  if inner and inner.type == "server" then
    return inner.name
  end
  if type(value) == "string" and (not book.site or inventory.servers()[value]) then
    return value
  end
  return nil, nearest.hint(given(value):gsub('"', ""), list.keys(inventory.servers()))
end

function readers.servers(value)
  return servers.read(value)
end

-- Braces with at least one name in them: arguments by name.
local function is_options(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil then
    return false
  end
  for key in next, value do
    if type(key) == "string" then
      return true
    end
  end
  return false
end

local function names_of(specs)
  return list.map(specs, function(spec)
    return spec[1]
  end)
end

local function spec_named(specs, name)
  for _, spec in ipairs(specs) do
    if spec[1] == name then
      return spec
    end
  end
end

local function usage(primitive)
  return ("write %s"):format(primitive.usage)
end

-- Puts the named arguments of a pair of braces into `values`. Returns false after a mistake.
local function spread_named(primitive, braces, values)
  for _, key in ipairs(list.keys(braces)) do
    if type(key) == "string" then
      if not spec_named(primitive.args, key) then
        book.mistake(("%s has no argument %q"):format(primitive.name, key),
          nearest.hint(key, names_of(primitive.args), usage(primitive)),
          book.errors:find_key(errors.here(), key))
        return false
      end
      values[key] = braces[key]
    end
  end
  return true
end

-- Whether the last argument of a call is braces with arguments by name.
local function has_named(primitive, packed)
  local spec = primitive.args[packed.n]
  local is_map = spec and spec[2] == "map" and packed.n > 1
  return not is_map and is_options(packed[packed.n])
end

-- Spreads the arguments of a call over their names. Returns nil after a mistake.
local function spread(primitive, packed)
  local specs, values, count = primitive.args, {}, packed.n
  if has_named(primitive, packed) then
    local braces = packed[count]
    if not spread_named(primitive, braces, values) then
      return nil
    end
    packed, count = count == 1 and braces or packed, count == 1 and #braces or count - 1
  elseif primitive.takes_list and count == 1 then
    values[specs[1][1]] = packed[1]
    return values
  end
  if count > #specs then
    book.mistake(("%s takes %s, not %d"):format(primitive.name,
      text.count(#specs, "argument"), count), usage(primitive))
    return nil
  end
  for index = 1, count do
    values[specs[index][1]] = packed[index]
  end
  return values
end

local function wrong_type(primitive, spec, value, hint)
  local wanted = words[spec[2]]
  if spec.role then
    local roles = type(spec.role) == "table" and spec.role or { spec.role }
    wanted = ("the %s copy of a database"):format(text.join(roles, "or"):gsub("_", " "))
  elseif spec.values then
    wanted = text.join(list.map(spec.values, text.quote), "or")
  end
  book.mistake(("%s takes %s as %q, not %s"):format(primitive.name, wanted, spec[1],
    given(value)), hint or usage(primitive))
end

-- Reads one argument into `values`. Returns false after a mistake.
local function read(primitive, spec, values)
  local name = spec[1]
  local value = values[name]
  if value == nil then
    value = spec.default
    values[name] = value
    if value == nil and not spec.optional then
      book.mistake(("%s needs %q: %s"):format(primitive.name, name, words[spec[2]]),
        usage(primitive))
      return false
    elseif value == nil then
      return true
    end
  end
  if poison.is(value) then
    return false
  end
  local result, hint = readers[spec[2]](value, spec)
  if result == nil then
    wrong_type(primitive, spec, value, hint)
    return false
  end
  values[name] = result
  return true
end

M.types = words

-- The arguments by name, or nil after reporting what is wrong with them.
function M.check(primitive, ...)
  local values = spread(primitive, table.pack(...))
  if not values then
    return nil
  end
  local fine = true
  for _, spec in ipairs(primitive.args) do
    fine = read(primitive, spec, values) and fine
  end
  return fine and values or nil
end

return M
