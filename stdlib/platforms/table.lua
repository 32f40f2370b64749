-- The pool driver `table`: the pool's state is a row of a SQL table that applications read.

local _, host = ...
local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"

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

function M.is_readable(facts)
  return facts.version ~= nil
end

-- A pool whose table is on a server without files has none; its `version` guards it all the same.
function M.lease(pool)
  return inventory.leased_file(pool.site.server, pool.site.file)
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
  return ("UPDATE %s SET state = %s, active_servers = %s, version = version + 1 "
    .. "WHERE name = %s AND state = %s AND version = %d"):format(name(pool.site.table),
      quoted(to.state), quoted(table.concat(to.active_servers, ",")), quoted(pool.name),
      quoted(from.state), from.version)
end

-- Changes what `to` names and keeps the rest, unless somebody else has changed the pool meanwhile.
-- `options.data_centre` is that of the primary database, where new servers are chosen.
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
      data_centre = options.data_centre },
    statement = update_words(pool, from, full),
    becomes = { state = to.state, active_servers = to.active_servers and full.active_servers,
      version = from.version + 1 },
  }
end

return M
