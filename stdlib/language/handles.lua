-- Handles: what a runbook holds of the site. A handle is a name with a type; it holds no state of
-- the resource, and making one looks nothing up in the world.
--
-- `M.of(handle)` gives the plain table behind it, for the stdlib only. Its `type` is "database",
-- "copy", "pool", "server" or "facts", or one of directories.lua; all but databases have `id` (the
-- resource) and `title`.

local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local loose = require "bascule/language/loose"
local match = require "bascule/core/match"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"
local schema = require "bascule/facts/schema"

local M = {}

local details = {}

-- By type of handle: functions(inner, …) that a runbook calls with a colon, and the plain keys it
-- may read.
local methods = { database = {}, copy = {}, pool = {}, server = {}, facts = {} }
local readable = {
  database = { "name" },
  copy = { "server", "path", "role", "database" },
  pool = { "name" },
  server = { "name" },
  facts = { "name" },
}

local function roles_of(inner)
  return inner.type == "database" and inventory.roles or {}
end

-- Handles that a handle gives, by the type of the one that is asked: {names, give}.
local parts = {}

local function parts_of(inner, key)
  return parts[inner.type] and parts[inner.type].names(inner, key) or {}
end

local function known_keys(inner)
  local keys = list.keys(methods[inner.type])
  for _, group in ipairs { readable[inner.type], roles_of(inner), parts_of(inner) } do
    table.move(group, 1, #group, #keys + 1, keys)
  end
  return keys
end

local function unknown_key(inner, key)
  local hint
  if inner.type == "database" and methods.copy[key] then
    hint = "a database has several copies; ask one of them, for example .secondary:" .. key
  else
    hint = nearest.hint(tostring(key), known_keys(inner))
  end
  book.mistake(("%s has no %q"):format(inner.title, tostring(key)), hint)
  return poison.new()
end

local function bound(inner, key, method)
  return function(self, ...)
    if details[self] ~= inner then
      book.mistake("a condition is asked for with a colon", "write :is, :has, … instead of .")
      return poison.new()
    end
    local given = method(inner, ...)
    return cond.is(given) and loose.note(given, key, nil, true) or given
  end
end

local meta = { __metatable = false, __name = "handle" }

function meta.__index(self, key)
  local inner = details[self]
  if list.contains(roles_of(inner), key) then
    return M.copy(inner, key)
  elseif methods[inner.type][key] then
    return bound(inner, key, methods[inner.type][key])
  elseif list.contains(parts_of(inner, key), key) then
    return parts[inner.type].give(inner, key)
  elseif list.contains(readable[inner.type], key) then
    return inner[key]
  end
  return unknown_key(inner, key)
end

function meta.__newindex(self, key)
  book.mistake(("%s cannot be changed by assigning to %q"):format(details[self].title,
    tostring(key)), "a runbook changes things with actions in steps")
end

function meta.__eq(a, b)
  return details[a] and details[b] and details[a].id == details[b].id
end

function meta.__tostring(self)
  return details[self].title
end

local function make(inner)
  local handle = setmetatable({}, meta)
  details[handle] = inner
  return handle
end

M.make = make

-- A further type of handle: the plain keys that a runbook may read, and the handles that it gives:
-- `names(inner, name)` of them, where `name` is what is asked for, and `give(inner, name)`.
function M.define(handle_type, keys, names, give)
  methods[handle_type], readable[handle_type] = {}, keys
  parts[handle_type] = names and { names = names, give = give }
end

-- The plain table behind a handle; nil for anything else.
function M.of(value)
  return details[value]
end

-- Adds a method for handles of a type: function(inner, …) returning a condition.
function M.method(handle_type, name, method)
  methods[handle_type][name] = method
end

-- Resource ids that belong to a database, for observing it before planning.
local function touch_database(name, found)
  for _, role in ipairs(inventory.roles) do
    if found[role] then
      book.touch("database:" .. name .. "." .. role)
    end
    if found[role] and inventory.principal_of[role] and found[inventory.principal_of[role]] then
      book.touch("mirror:" .. name .. "." .. role)
    end
  end
  if found.log_shipping and found.secondary then
    book.touch("log_backups:" .. name .. ".secondary")
    book.touch("tail:" .. name .. ".primary")
  end
  if found.loss_check then
    book.touch("sql:" .. name .. ".known")
    book.touch("sql:" .. name .. ".kept")
  end
end

-- What the report of a failover tells about the databases that stay behind.
local function touch_backlogs()
  for _, name in ipairs(inventory.never_failed_over()) do
    local found = inventory.database(name)
    if found.backlog and found.primary then
      book.touch("sql:" .. name .. ".backlog")
    end
  end
end

-- A database of the site. Without a site, or without a name, a stand-in that any role suits.
function M.database(name)
  local found = name and inventory.database(name)
  if found then
    touch_database(name, found)
    touch_backlogs()
  end
  return make {
    type = "database", name = name or "?", site = found, id = "database:" .. (name or "?"),
    title = "the database " .. (name or "?"),
  }
end

-- The plain table of one copy, without a handle; `found` is the copy in the site, or nil.
function M.describe_copy(name, role, found)
  local title = ("the %s of %s"):format(role:gsub("_", " "), name)
  return {
    type = "copy", kind = "database", id = ("database:%s.%s"):format(name, role),
    database = name, role = role, site = found, path = found and (found.path or found.database),
    server = found and found.server,
    title = found and title .. " on " .. inventory.place(found) or title,
  }
end

-- One copy of a database; a mistake when the site has no copy of that role.
function M.copy(database, role)
  local name = database.name
  local found = database.site and database.site[role]
  if database.site and not found then
    local there = list.map(inventory.roles, function(each)
      return database.site[each] and each or nil
    end)
    book.mistake(("database %q has no %s in the site %s"):format(name, role,
      tostring(book.site.site)), ("the site has: %s; add databases.%s.%s to the site file"):format(
        table.concat(there, ", "), name, role))
    return poison.new()
  end
  return make(M.describe_copy(name, role, found))
end

-- The plain table of a pool, without a handle.
function M.describe_pool(name)
  return {
    type = "pool", kind = "pool", name = name or "?", site = name and inventory.pools()[name],
    id = "pool:" .. (name or "?"), title = "the pool " .. (name or "?"),
  }
end

function M.pool(name)
  local inner = M.describe_pool(name)
  if inner.site then
    local database = inventory.database(inner.site.database)
    book.touch(inner.id)
    if database then
      touch_database(inner.site.database, database)
    end
  end
  return make(inner)
end

function M.server(name)
  return make {
    type = "server", kind = "server", name = name or "?", site = inventory.servers()[name],
    id = "server:" .. (name or "?"), title = "the server " .. (name or "?"),
  }
end

-- A resource of the user's own: `kind` is "sql", "command" or "file".
function M.facts(kind, name)
  return make {
    type = "facts", kind = kind, name = name, id = kind .. ":" .. name, title = kind .. " " .. name,
  }
end

-- The id of a resource given as a handle or as its id; nil for anything else.
function M.resource(value)
  local inner = details[value]
  if inner then
    return inner.id
  end
  return type(value) == "string" and value:find("^%l[%l_]*:.") and value or nil
end

local function check_wanted(inner, wanted)
  for _, key in ipairs(list.keys(wanted)) do
    local value = wanted[key]
    local values = type(value) == "table" and getmetatable(value) == nil
      and key ~= "active_servers" and value or { value }
    if getmetatable(value) ~= nil and type(value) == "table" then
      values = { nil }
    end
    for index = 1, math.max(1, #values) do
      local ok, message, hint = schema.allows(inner.kind, key, values[index])
      if not ok then
        book.mistake(message, hint)
        return false
      end
    end
  end
  return true
end

-- What else a state that is asked for stands for: function(inner, state), set by the platforms.
local meant

function M.means(other_state)
  meant = other_state
end

-- The wanted facts, with every state that counts for one of them.
local function widened(inner, wanted)
  local state = wanted.state
  if inner.type ~= "copy" or not meant or state == nil or match.is_matcher(state)
    or match.is_unknown(state) then
    return wanted
  end
  local states = type(state) == "table" and list.copy(state) or { state }
  for index = 1, #states do
    local other = meant(inner, states[index])
    if other and not list.contains(states, other) then
      states[#states + 1] = other
    end
  end
  local whole = list.copy(wanted)
  whole.state = #states > 1 and states or states[1]
  return whole
end

local function condition(inner, wanted, negated)
  if type(wanted) ~= "table" then
    book.mistake("has takes facts in braces", "write :has { state = \"online\" }")
    return poison.new()
  end
  if not check_wanted(inner, wanted) then
    return poison.new()
  end
  return cond.facts(inner.id, inner.title, widened(inner, wanted), negated)
end

local function is_method(negated)
  return function(inner, state)
    if poison.is(state) then
      return poison.new()
    elseif type(state) ~= "string" and (type(state) ~= "table" or #state == 0) then
      book.mistake("is takes a state or a list of states", "write :is \"online\" or "
        .. ":is { \"restoring\", \"standby\" }")
      return poison.new()
    end
    return condition(inner, { state = state }, negated)
  end
end

-- Lets handles of a type be asked about the facts of their resource.
function M.ask_facts(name)
  M.method(name, "is", is_method(false))
  M.method(name, "is_not", is_method(true))
  M.method(name, "has", function(inner, wanted)
    return condition(inner, wanted, false)
  end)
end

for _, name in ipairs { "copy", "pool", "facts" } do
  M.ask_facts(name)
end

return M
