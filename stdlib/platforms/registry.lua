-- Which platform looks after which resource, and how each resource is observed.

local _, host = ...
local book = require "bascule/language/book"
local directory = require "bascule/platforms/directory"
local effects = require "bascule/effects"
local fence = require "bascule/platforms/fence"
local general = require "bascule/platforms/general"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

-- Shipped platforms of databases, and drivers of pools.
M.platforms = {
  sqlite = require "bascule/platforms/sqlite",
  postgresql = require "bascule/platforms/postgresql",
}
M.drivers = {
  table = require "bascule/platforms/table",
  haproxy = require "bascule/platforms/haproxy",
}

-- The platform of a copy (the plain table behind its handle).
function M.of(copy)
  local name = inventory.platform_of(copy.server)
  local platform = M.platforms[name]
  if not platform then
    error(("server %s has the platform %s; this build has: %s"):format(tostring(copy.server),
      tostring(name), table.concat(list.keys(M.platforms), ", ")), 0)
  end
  return platform
end

-- What a copy is while it takes log backups and was not told otherwise.
function M.closed_state(copy)
  return M.of(copy).closed_state or "restoring"
end

-- What a copy says that has nothing to explain: one whose commits have to be counted says that too.
function M.no_reason(copy)
  return M.of(copy).counts_itself and host.null or ""
end

-- Whoever asks whether a copy is restoring means what that is on its platform.
handles.means(function(copy, state)
  local platform = copy.server and M.platforms[inventory.platform_of(copy.server)]
  local closed = platform and platform.closed_state
  return state == "restoring" and closed or nil
end)

-- One function of the copy's platform; an error that says so where it has none.
function M.able(copy, name)
  local able = M.of(copy)[name]
  if not able then
    error(("platform %s has no way to do this yet (%s)"):format(
      tostring(inventory.platform_of(copy.server)), name:gsub("_", " ")), 0)
  end
  return able
end

function M.driver_of(pool)
  local driver = M.drivers[pool.site.driver]
  if not driver then
    error(("%s has the driver %s; this build has: %s"):format(pool.title,
      tostring(pool.site.driver), table.concat(list.keys(M.drivers), ", ")), 0)
  end
  return driver
end

-- The plain table of a copy named like "mgc.secondary".
local function copy_named(name)
  local database, role = name:match("^(.*)%.([%l_]+)$")
  if not database or not inventory.copy(database, role) then
    error(("the site has no copy %s"):format(name), 0)
  end
  return handles.describe_copy(database, role, inventory.copy(database, role))
end

M.copy_named = copy_named

-- The counting queries that the site file gives: `mgc.known`, `mgc.kept`, `mgccomp.backlog`.
local function site_query(name)
  local database, which = name:match("^(.*)%.(%l+)$")
  local found = database and inventory.database(database)
  if not found then
    return nil
  end
  local check = found.loss_check
  if which == "known" and check then
    return { sql = check.known, columns = { "count" },
      target = { server = check.server, file = check.path or check.file,
        database = check.database } }
  elseif which == "kept" and check and found.secondary then
    local copy = copy_named(database .. ".secondary")
    return { sql = check.kept, columns = { "count" }, target = M.of(copy).target(copy) }
  elseif which == "backlog" and found.backlog and found.primary then
    local copy = copy_named(database .. ".primary")
    return { sql = found.backlog, columns = { "count" }, target = M.of(copy).target(copy) }
  end
end

local observers = {}

function observers.database(name)
  local copy = copy_named(name)
  return fence.add(copy, M.of(copy).observe.database(copy))
end

function observers.log_backups(name)
  local copy = copy_named(name)
  return M.of(copy).observe.log_backups(copy)
end

function observers.log_chain(name)
  local copy = copy_named(name)
  return M.of(copy).observe.log_chain(copy)
end

function observers.tail(name)
  local copy = copy_named(name)
  return M.of(copy).observe.tail(copy, copy_named(copy.database .. ".secondary"))
end

function observers.mirror(name)
  local copy = copy_named(name)
  local principal = copy_named(copy.database .. "." .. inventory.principal_of[copy.role])
  return M.of(copy).observe.mirror(copy, principal)
end

function observers.pool(name)
  local pool = handles.describe_pool(name)
  if not pool.site then
    error(("the site has no pool %s"):format(name), 0)
  end
  return M.driver_of(pool).observe(pool)
end

function observers.sql(name)
  local definition = book.definitions["sql:" .. name] or site_query(name)
  return definition and general.observe.sql(definition) or {}
end

function observers.command(name)
  local definition = book.definitions["command:" .. name]
  return definition and general.observe.command(definition) or {}
end

observers.file = general.observe.file

for _, kind in ipairs(directory.kinds) do
  observers[kind] = function(name)
    return directory.observe(kind, name)
  end
end

-- The facts of a resource; only in an observe task.
function M.observe(resource)
  local kind, name = resource:match("^(%l[%l_]*):(.+)$")
  if not observers[kind] then
    error(("there is no kind of resource in %q"):format(resource), 0)
  end
  return effects.checked(resource, observers[kind](name))
end

local kinds_of_copies = { database = true, log_backups = true, log_chain = true, tail = true,
  mirror = true }

-- The text is the same for resources that are looked at in turn: those of one server of PostgreSQL,
-- which may be gone and keeps nobody else waiting then, and all that is anything else.
function M.group(resource)
  local kind, name = resource:match("^(%l[%l_]*):(.+)$")
  if kind == "pool" then
    local pool = handles.describe_pool(name)
    return pool.site and pool.site.driver == "haproxy" and resource or ""
  end
  local database, role = (name or ""):match("^(.*)%.([%l_]+)$")
  local copy = kinds_of_copies[kind] and database and inventory.copy(database, role)
  local platform = copy and M.platforms[inventory.platform_of(copy.server)]
  return platform and platform.is_remote and copy.server or ""
end

local function add(result, kind, name, title)
  result[#result + 1] = { id = kind .. ":" .. name, kind = kind, title = title }
end

local function add_database(result, name)
  local database = inventory.database(name)
  for _, role in ipairs(inventory.roles) do
    local full = name .. "." .. role
    if database[role] then
      add(result, "database", full, copy_named(full).title)
    end
    local principal = inventory.principal_of[role]
    if database[role] and principal and database[principal] then
      add(result, "mirror", full, ("mirroring of %s"):format(name))
    end
  end
  if database.log_shipping and database.secondary then
    add(result, "log_backups", name .. ".secondary", ("log backups of %s"):format(name))
    add(result, "log_chain", name .. ".secondary", ("log chain of %s, page by page"):format(name))
    add(result, "tail", name .. ".primary", ("tail of the log of %s"):format(name))
  end
  if database.loss_check then
    add(result, "sql", name .. ".known", ("acknowledged work of %s"):format(name))
    add(result, "sql", name .. ".kept", ("work of %s that is in the secondary"):format(name))
  end
  if database.backlog and database.primary then
    add(result, "sql", name .. ".backlog", ("backlog of %s"):format(name))
  end
end

-- Every resource of the site: {id, kind, title}.
function M.resources()
  local result = {}
  for _, name in ipairs(list.keys(inventory.databases())) do
    add_database(result, name)
  end
  for _, name in ipairs(list.keys(inventory.pools())) do
    add(result, "pool", name, ("pool %s"):format(name))
  end
  for _, name in ipairs(list.keys(inventory.directories())) do
    for _, each in ipairs(directory.resources(directory.named(name))) do
      add(result, each.kind, each.name, each.title)
    end
  end
  return host.list(result)
end

-- A copy and what belongs to it have one lease. The tail of a log has none: nothing is ever changed
-- where it is read.
local function leased_file_of_copy(name)
  local copy = copy_named(name)
  local platform = M.platforms[inventory.platform_of(copy.server)]
  return platform and platform.lease(copy)
end

local leased_file = {
  database = leased_file_of_copy,
  log_backups = leased_file_of_copy,
  log_chain = leased_file_of_copy,
  mirror = leased_file_of_copy,
}

function leased_file.pool(name)
  local pool = handles.describe_pool(name)
  local driver = pool.site and M.drivers[pool.site.driver]
  return driver and driver.lease(pool)
end

for _, kind in ipairs(directory.kinds) do
  leased_file[kind] = directory.lease
end

function leased_file.sql(name)
  local definition = book.definitions["sql:" .. name]
  return definition and general.lease(definition)
end

-- Every resource of the site and the runbook whose target has a place for a lease, and the file
-- beside which it is: {id, file}.
function M.leases()
  local ids = list.map(M.resources(), function(resource)
    return resource.id
  end)
  for _, id in ipairs(list.keys(book.definitions)) do
    ids[#ids + 1] = id
  end
  return host.list(list.map(ids, function(id)
    local kind, name = id:match("^(%l[%l_]*):(.+)$")
    local file = leased_file[kind] and leased_file[kind](name)
    return file and { id = id, file = file } or nil
  end))
end

return M
