-- The pool driver `table`: the pool's state is a row of a SQL table that applications read.

local _, host = ...
local effects = require "bascule/effects"
local schema = require "bascule/facts/schema"

local M = {}

function M.observe(pool)
  local state, failure = effects.call("pools.state",
    { server = pool.site.server, pool = pool.name })
  if not state then
    return { state = "unreachable", reason = failure.message }
  end
  return {
    state = state.state,
    active_servers = state.active_servers,
    version = state.version,
    reason = state.reason,
  }
end

local function quoted(value)
  return "'" .. value:gsub("'", "''") .. "'"
end

-- Every part of a dotted name in double quotes, as the host writes it.
local function name(table_name)
  return '"' .. table_name:gsub('"', '""'):gsub("%.", '"."') .. '"'
end

-- The statement as it is executed, with the values in the places of its parameters.
local function update_words(pool, from, to)
  local still = from.version and ("version = %d"):format(from.version)
    or "active_servers = " .. quoted(table.concat(from.active_servers, ","))
  return ("UPDATE %s SET state = %s, active_servers = %s, version = version + 1 "
    .. "WHERE name = %s AND state = %s AND %s"):format(name(pool.site.table),
      quoted(to.state), quoted(table.concat(to.active_servers, ",")), quoted(pool.name),
      quoted(from.state), still)
end

-- Changes what `to` names and keeps the rest, unless somebody else has changed the pool meanwhile:
-- it is in another version or, where `facts` do not say in which, has another state or servers.
-- `options` are data_centre, that of the primary database, or restore, where the servers are those
-- that were active before.
function M.update(pool, facts, to, options)
  local from = {
    state = facts.state,
    active_servers = host.list(facts.active_servers),
    version = facts.version,
  }
  local full = {
    state = to.state or from.state,
    active_servers = host.list(to.active_servers or facts.active_servers),
  }
  return {
    row = "pools.update",
    args = { server = pool.site.server, pool = pool.name, from = from, to = full,
      data_centre = options.data_centre, restore = options.restore },
    statement = update_words(pool, from, full),
    becomes = { state = to.state, active_servers = to.active_servers and full.active_servers,
      version = from.version and from.version + 1 or schema.unknown_fact("pool", "version") },
  }
end

return M
