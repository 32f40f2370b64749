-- What the items of a loaded runbook say, and what of the site they rest on, as plain data: so that
-- two readings of it can be compared by what they mean, whatever their text looks like.
--
-- Two items that say the same, with the same site and the same library, do the same and are taken
-- back in the same way. Lines, phases and words for people only are left out. Of what cannot be
-- made plain, a function above all, `code` tells in which file it stands; whoever compares must
-- compare that file.

local _, host = ...
local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local directory = require "bascule/platforms/directory"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local servers = require "bascule/language/servers"

local M = {}

-- What is gathered while an item is made plain: the resources it is about, the words in it, which
-- may name servers, and where code stands that it uses: "modules", or "runbook" for both.
local function new_notes()
  return { resources = {}, words = {}, code = nil }
end

local function note_code(notes, module)
  if notes.code ~= "runbook" then
    notes.code = module and "modules" or "runbook"
  end
end

local plain

local function plain_action(inner, notes)
  local spec = inner.primitive
  notes.resources[inner.resource] = true
  if not spec.shipped then
    note_code(notes, spec.module)
  end
  return { primitive = spec.name, resource = inner.resource, args = plain(inner.a, notes) }
end

local function plain_condition(value, notes)
  for _, id in ipairs(cond.resources(value)) do
    notes.resources[id] = true
  end
  return { condition = cond.words(value) }
end

local function plain_table(value, notes)
  if list.is_list(value) then
    return host.list(list.map(value, function(each)
      return plain(each, notes)
    end))
  end
  local map = {}
  for key, each in next, value do
    local id = handles.resource(key)
    if id then
      notes.resources[id] = true
    end
    map[id or tostring(key)] = plain(each, notes)
  end
  return map
end

-- What is a table but no data; nil of plain ones.
local function plain_object(value, notes)
  local copy = servers.selector(value)
  if match.is_matcher(value) then
    return match.words(value)
  elseif copy then
    notes.resources[copy.id] = true
    return tostring(value)
  elseif getmetatable(value) ~= nil and not host.is_list(value) then
    note_code(notes)
    return "an object"
  end
end

function plain(value, notes)
  local sort, inner = type(value), handles.of(value)
  if sort == "string" then
    notes.words[value] = true
  elseif inner then
    notes.resources[inner.id] = true
    return inner.id
  elseif cond.is(value) then
    return plain_condition(value, notes)
  elseif primitive.action(value) then
    return plain_action(primitive.action(value), notes)
  elseif sort == "table" then
    return plain_object(value, notes) or plain_table(value, notes)
  elseif sort == "function" then
    note_code(notes)
    return "a function"
  end
  return value
end

-- How the resources of the user's own among those noted are looked at.
local function add_definitions(says, notes)
  for _, id in ipairs(list.keys(notes.resources)) do
    local found = book.definitions[id]
    if found and next(found) ~= nil then
      says.definitions = says.definitions or {}
      says.definitions[id] = plain(found, notes)
    end
  end
end

local item_keys = { "kind", "title", "optional", "point_of_no_return", "harmless", "timeout_ms",
  "retry", "override", "shows", "says", "recovers", "after_ms", "parks",
  "directories" }

-- Returns what the item says, and the notes.
local function said(item)
  local says, notes = {}, new_notes()
  for _, key in ipairs(item_keys) do
    says[key] = item[key] ~= nil and plain(item[key], notes) or nil
  end
  says.actions = item.actions and plain(item.actions, notes)
  says.undo = item.undo_actions and plain(item.undo_actions, notes)
  says.conditions = item.conditions and plain(item.conditions, notes)
  add_definitions(says, notes)
  return says, notes
end

-- ------------------------------------------------------------ what rests on the site

-- Adds a part of the site file by its path, with the number of the first item that needs it.
local function add_part(site, index, path, value)
  if value ~= nil and not site[path] then
    site[path] = { item = index, value = value }
  end
end

local function add_server(site, index, name)
  add_part(site, index, "servers." .. tostring(name), inventory.servers()[name])
end

-- All of a database but its copies, of which only those count that are asked for.
local function add_database(site, index, name, roles)
  local found = inventory.database(name)
  if not found then
    return
  end
  for _, key in ipairs(list.keys(found)) do
    local copy = list.contains(inventory.roles, key) and found[key]
    if not copy or list.contains(roles, key) then
      add_part(site, index, ("databases.%s.%s"):format(name, key), found[key])
    end
    if copy and list.contains(roles, key) then
      add_server(site, index, copy.server)
    end
  end
  if found.loss_check then
    add_server(site, index, found.loss_check.server)
  end
end

-- Near is what links and data centres say, so a pool needs them all.
local function add_pool(site, index, name)
  local found = inventory.pools()[name]
  if not found then
    return
  end
  add_part(site, index, "pools." .. name, found)
  add_part(site, index, "links", book.site.links)
  add_server(site, index, found.server)
  for _, server in ipairs(found.servers or {}) do
    add_server(site, index, server)
  end
  if found.database then
    add_database(site, index, found.database, inventory.roles)
  end
end

local function add_directory(site, index, name)
  local found = inventory.directory(name)
  add_part(site, index, "directories." .. name, found)
  if found then
    add_server(site, index, found.server)
  end
end

-- The copies of a database that a resource of it is told from.
local roles_of = {
  database = function(role)
    return { role }
  end,
  mirror = function(role)
    return { role, inventory.principal_of[role] }
  end,
}

local function add_resource(site, index, id)
  local kind, name = id:match("^(%l[%l_]*):(.+)$")
  local database, rest = (name or ""):match("^(.*)%.([%l_]+)$")
  if kind == "pool" then
    add_pool(site, index, name)
  elseif kind == "server" then
    add_server(site, index, name)
  elseif list.contains(directory.kinds, kind) then
    add_directory(site, index, name:match("^[^.]*"))
  elseif database and inventory.database(database) then
    local roles = roles_of[kind] and roles_of[kind](rest) or inventory.roles
    add_database(site, index, database, roles)
  elseif kind == "database" and name and inventory.database(name) then
    add_database(site, index, name, inventory.roles)
  end
end

local function add_rest(site, index, notes)
  for _, id in ipairs(list.keys(notes.resources)) do
    add_resource(site, index, id)
  end
  for word in next, notes.words do
    add_server(site, index, word)
  end
end

local function add_noted(site, index, ids)
  for _, id in ipairs(ids or {}) do
    add_resource(site, index, id)
  end
end

-- The entry function `said`; see host.lua.
function M.said(args)
  local site, resources = {}, args.resources or {}
  add_part(site, 0, "site", book.site and book.site.site)
  local items = list.map(book.items, function(item, index)
    local says, notes = said(item)
    if index <= args.reached then
      add_rest(site, index, notes)
      add_noted(site, index, resources[tostring(index)])
    end
    return { index = index, kind = item.kind, title = item.title,
      file = item.place.file, line = item.place.line, code = notes.code, says = says }
  end)
  return { items = host.list(items), site = site, defaults = list.copy(book.defaults) }
end

return M
