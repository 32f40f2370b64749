-- Looking things up in the site: copies, servers, links, pools. Everything here takes names and
-- gives plain tables; it reads nothing but the site that the runbook was loaded with.

local book = require "bascule/language/book"
local list = require "bascule/core/list"

local M = {}

M.roles = { "primary", "mirror", "secondary", "secondary_mirror" }

-- A mirror follows the copy of its own data centre.
M.principal_of = { mirror = "primary", secondary_mirror = "secondary" }

local function part(name)
  return book.site and book.site[name] or {}
end

function M.databases()
  return part "databases"
end

function M.pools()
  return part "pools"
end

function M.servers()
  return part "servers"
end

function M.database(name)
  return M.databases()[name]
end

function M.directories()
  return part "directories"
end

function M.directory(name)
  return M.directories()[name]
end

-- Whether a directory names users who are moved first.
function M.has_pilot(directory)
  local pilot = directory.pilot
  return type(pilot) == "string" or pilot ~= nil and #pilot > 0
end

-- One copy of a database as the site describes it, or nil.
function M.copy(database, role)
  local found = M.database(database)
  return found and found[role]
end

function M.has_failover(database)
  return database.failover ~= "never"
end

-- Names of the databases that may be failed over.
function M.failover_databases()
  return list.map(list.keys(M.databases()), function(name)
    return M.has_failover(M.database(name)) and name or nil
  end)
end

-- Names of the databases that stay behind.
function M.never_failed_over()
  return list.map(list.keys(M.databases()), function(name)
    return not M.has_failover(M.database(name)) and name or nil
  end)
end

function M.platform_of(server)
  local found = M.servers()[server]
  return found and found.platform
end

-- How it is proved that a server is fenced: {proof, host, timeout}; nil where the site is silent.
function M.fence_of(server)
  local found = M.servers()[server]
  return found and found.fence
end

function M.data_centre_of(server)
  local found = M.servers()[server]
  return found and found.data_centre
end

-- "dc2 (Boston)".
function M.data_centre_title(name)
  local found = part("data_centres")[name]
  return found and found.title and ("%s (%s)"):format(name, found.title) or tostring(name)
end

-- Whether servers in one data centre may serve a database in the other.
function M.is_near(from, to)
  if from == to then
    return from ~= nil
  end
  for _, link in ipairs(part "links") do
    local a, b = link.between[1], link.between[2]
    if link.low_latency and ((a == from and b == to) or (a == to and b == from)) then
      return true
    end
  end
  return false
end

-- The pool's servers that may be active while its database is in `data_centre`: those in it
-- first, then those behind a low-latency link, at most the pool's maximum; in order of name.
function M.servers_near(pool, data_centre)
  local own, linked = {}, {}
  for _, server in ipairs(pool.servers or {}) do
    local home = M.data_centre_of(server)
    if home == data_centre then
      own[#own + 1] = server
    elseif M.is_near(home, data_centre) then
      linked[#linked + 1] = server
    end
  end
  local chosen = {}
  local most = pool.maximum_active or #own + #linked
  for index = 1, math.min(most, #own + #linked) do
    chosen[index] = own[index] or linked[index - #own]
  end
  table.sort(chosen)
  return chosen
end

-- The path of a database file, beside which its lease is kept (run/leases.h). Nil for a server
-- without files, which would keep its leases in itself.
function M.leased_file(server, file)
  local folder = M.servers()[server] and M.servers()[server].folder
  if not file or not folder then
    return nil
  end
  return file:sub(1, 1) == "/" and file or folder .. "/" .. file
end

-- Where a copy is, for people: "sql3 (/srv/mgc.db)".
function M.place(copy)
  local where = copy.path or copy.database or copy.file
  return where and ("%s (%s)"):format(copy.server, where) or tostring(copy.server)
end

return M
