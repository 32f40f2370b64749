-- The pool driver `haproxy`: what a HAProxy has been told of its servers.
--
-- A pool has two backends there. One leads writers to the database: its servers are named after the
-- site's database servers, and which of them is ready is the pool's state. The other leads users to
-- the pool's own servers: those that are ready are active. So the state is kept nowhere but where
-- it works, and cannot differ from what clients meet.

local _, host = ...
local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

-- {server = true} of the servers of a backend that are ready; nil without such a backend.
local function ready_in(servers, backend)
  local ready
  for _, each in ipairs(servers) do
    if each.backend == backend then
      ready = ready or {}
      ready[each.server] = each.state == "ready" or nil
    end
  end
  return ready
end

-- Nil, and why, where writers are led to both copies or to neither.
local function state_of(pool, ready)
  local database = inventory.database(pool.site.database)
  local primary = ready[database.primary.server]
  local secondary = database.secondary and ready[database.secondary.server]
  if primary and not secondary then
    return "Normal"
  elseif secondary and not primary then
    return "FailedOver"
  end
  return nil, ("backend %s leads to %s"):format(pool.site.state_backend,
    primary and "the primary and the secondary" or "neither the primary nor the secondary")
end

local function missing(pool, backend)
  return { state = "unreachable",
    reason = ("HAProxy at %s has no backend %s"):format(M.address(pool), backend) }
end

function M.address(pool)
  return pool.site.socket or pool.site.address
end

function M.observe(pool)
  local value, failure = effects.call("pools.haproxy", { address = M.address(pool) })
  if not value then
    return { state = "unreachable", reason = failure.message }
  end
  local writers = ready_in(value.servers, pool.site.state_backend)
  local users = ready_in(value.servers, pool.site.backend)
  if not writers or not users then
    return missing(pool, writers and pool.site.backend or pool.site.state_backend)
  end
  local state, reason = state_of(pool, writers)
  local active = list.map(pool.site.servers, function(server)
    return users[server] and server or nil
  end)
  table.sort(active)
  return { state = state, active_servers = host.list(active), reason = reason }
end

-- HAProxy keeps no lease of ours.
function M.lease()
  return nil
end

function M.update()
  error("this build cannot change a pool of driver haproxy yet", 0)
end

return M
