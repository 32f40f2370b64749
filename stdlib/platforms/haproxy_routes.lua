-- What every HAProxy of a pool has been told of its servers, and what a pool is by that.
--
-- Routes are {"BACKEND/SERVER" = states}: one state for each instance, in the order of the site
-- file. As a fact they are texts: "rw/sql1 ready", or "rw/sql1 ready,maint" where the instances
-- differ. A server that an instance does not have is "none" there.

local _, host = ...
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

function M.address(instance)
  return instance.socket or instance.address
end

function M.instances(pool)
  return pool.site.instances
end

function M.is_in(name, backend)
  return name:sub(1, #backend + 1) == backend .. "/"
end

-- {name = states} of the two backends, from what the instances say. A server that only an old
-- process has, after a reload, is no route: nobody is led there.
function M.gather(pool, told)
  local routes = {}
  for index, servers in ipairs(told) do
    for _, each in ipairs(servers) do
      local name = each.backend .. "/" .. each.server
      local is_own = each.backend == pool.site.state_backend or each.backend == pool.site.backend
      if is_own and each.state ~= "gone" then
        routes[name] = routes[name] or list.map(told, function()
          return "none"
        end)
        routes[name][index] = each.state
      end
    end
  end
  return routes
end

local function agrees(states)
  for _, state in ipairs(states) do
    if state ~= states[1] then
      return false
    end
  end
  return true
end

-- Routes as a fact.
function M.words(routes)
  return host.list(list.map(list.keys(routes), function(name)
    local states = routes[name]
    return name .. " " .. (agrees(states) and states[1] or table.concat(states, ","))
  end))
end

-- Routes from the fact, with a state for each instance again.
function M.read(pool, words)
  local routes = {}
  for _, entry in ipairs(words or {}) do
    local name, states = entry:match("^(%S+) (%S+)$")
    local given = {}
    for state in (states or ""):gmatch("[^,]+") do
      given[#given + 1] = state
    end
    routes[name] = list.map(M.instances(pool), function(_, index)
      return given[index] or given[1]
    end)
  end
  return routes
end

-- The servers of the pool's database: which of them writers are led to in which state.
local function sides(pool)
  local database = inventory.database(pool.site.database)
  local side = {}
  for role, state in next, { mirror = "Normal", secondary_mirror = "FailedOver",
    primary = "Normal", secondary = "FailedOver" } do
    if database[role] then
      side[database[role].server] = state
    end
  end
  return side, { Normal = database.primary and database.primary.server,
    FailedOver = database.secondary and database.secondary.server }
end

-- The server that writers are led to in this state.
function M.target(pool, state)
  local _, targets = sides(pool)
  return targets[state]
end

local function titled(pool, server)
  for _, role in ipairs(inventory.roles) do
    local copy = inventory.copy(pool.site.database, role)
    if copy and copy.server == server then
      return ("%s (%s)"):format(server, (role:gsub("_", " ")))
    end
  end
  return server
end

-- Names of the servers of the writers' backend that one instance has in a state.
local function told(pool, routes, index, state)
  local backend = pool.site.state_backend
  return list.map(list.keys(routes), function(name)
    return M.is_in(name, backend) and routes[name][index] == state and name:sub(#backend + 2) or nil
  end)
end

-- Servers of the writers' backend that take no new sessions and have some that go on.
local function lingering(pool, routes, index, busy)
  local backend, drained = pool.site.state_backend, told(pool, routes, index, "drain")
  local names = list.copy(routes)
  for name in next, busy do
    names[name] = names[name] or true
  end
  return list.map(list.keys(names), function(name)
    local server = name:sub(#backend + 2)
    local goes_on = busy[name] and busy[name][index] or list.contains(drained, server)
    return M.is_in(name, backend) and goes_on and server or nil
  end)
end

-- The state of a pool that is closed to writers: they come to nobody, and the one server that was
-- told to drain is the one that they will come to again.
local function closed_side(targets, drained)
  if #drained ~= 1 then
    return nil
  end
  return drained[1] == targets.Normal and "Normal"
    or drained[1] == targets.FailedOver and "FailedOver" or nil
end

-- The state by one instance; nil, and why, where writers can get to both databases or to none. A
-- server that is drained or closed takes no new sessions, and those that it has go on: `busy` has
-- {name = {index = true}} where there are any.
local function state_of(pool, routes, index, busy)
  local side, targets = sides(pool)
  local backend = pool.site.state_backend
  local open = told(pool, routes, index, "ready")
  local state = list.contains(open, targets.Normal) and "Normal"
    or list.contains(open, targets.FailedOver) and "FailedOver" or nil
  if #open == 0 then
    state = closed_side(targets, told(pool, routes, index, "drain"))
  end
  if not state then
    return nil, ("backend %s leads to neither the primary nor the secondary"):format(backend)
  end
  for _, server in ipairs(open) do
    if side[server] ~= state then
      local word = side[server] and "split brain: " or ""
      return nil, ("%sbackend %s leads writers to %s and to %s"):format(word, backend,
        titled(pool, targets[state]), titled(pool, server))
    end
  end
  for _, server in ipairs(lingering(pool, routes, index, busy)) do
    if side[server] ~= state then
      return nil, ("backend %s leads writers to %s, and the sessions on %s go on"):format(backend,
        titled(pool, targets[state]), titled(pool, server))
    end
  end
  return state
end

-- The sides that any instance leads writers to, or servers that are on neither: {[side] = true}.
local function open_sides(pool, routes)
  local side, seen = sides(pool), {}
  for index in ipairs(M.instances(pool)) do
    for _, server in ipairs(told(pool, routes, index, "ready")) do
      seen[side[server] or server] = true
    end
  end
  return seen
end

-- Whether writers are led to several sides at once, be it by one instance to the one and by another
-- to the other.
function M.is_split(pool, routes)
  return #list.keys(open_sides(pool, routes)) > 1
end

local function active_of(pool, routes, index)
  local active = list.map(pool.site.servers, function(server)
    local states = routes[pool.site.backend .. "/" .. server]
    return states and states[index] == "ready" and server or nil
  end)
  table.sort(active)
  return active
end

-- What all instances say, or nil and which one says what.
local function common(pool, say, words)
  local values, reasons = {}, {}
  for index, instance in ipairs(M.instances(pool)) do
    local value, reason = say(index)
    values[index] = value or false
    reasons[index] = ("HAProxy at %s: %s"):format(M.address(instance), reason or words(value))
  end
  for index = 2, #values do
    if not list.same(values[index], values[1]) then
      return nil, "the instances disagree: " .. table.concat(reasons, "; ")
    end
  end
  if not values[1] then
    local _, reason = say(1)
    return nil, reason
  end
  return values[1]
end

local function common_state(pool, routes, busy)
  local state, why = common(pool, function(index)
    return state_of(pool, routes, index, busy)
  end, function(value)
    return value
  end)
  local open = open_sides(pool, routes)
  local is_new = why and open.Normal and open.FailedOver and not why:find("split brain: ", 1, true)
  return state, is_new and "split brain: " .. why or why
end

-- The facts that follow from the routes: the state and the active servers, as far as the instances
-- agree on them, and why if they do not. `busy` has the servers where sessions go on, if that is
-- known.
function M.facts(pool, routes, busy)
  local state, why = common_state(pool, routes, busy or {})
  local active, why_not = common(pool, function(index)
    return active_of(pool, routes, index)
  end, function(value)
    return "active are " .. (value[1] and table.concat(value, ", ") or "none")
  end)
  local reasons = list.map({ why or false, why_not or false }, function(reason)
    return reason or nil
  end)
  return { routes = M.words(routes), state = state, active_servers = active and host.list(active),
    reason = reasons[1] and table.concat(reasons, "; ") or nil }
end

-- Routes that make the pool Normal or FailedOver: the other side is closed, and servers that belong
-- to neither.
function M.for_state(pool, routes, state)
  local side, targets = sides(pool)
  local backend, wanted = pool.site.state_backend, {}
  for name in next, routes do
    local server = name:sub(#backend + 2)
    if M.is_in(name, backend) and (side[server] ~= state or server == targets[state]) then
      wanted[name] = server == targets[state] and "ready" or "maint"
    end
  end
  return wanted
end

-- Routes that make these servers of the pool active, and close the others.
function M.for_servers(pool, names)
  local wanted = {}
  for _, server in ipairs(pool.site.servers) do
    wanted[pool.site.backend .. "/" .. server] = list.contains(names, server) and "ready" or "maint"
  end
  return wanted
end

-- Routes that close the pool to writers, but for the state that it has.
function M.for_closing(pool, routes)
  local backend, wanted = pool.site.state_backend, {}
  for name, states in next, routes do
    if M.is_in(name, backend) then
      wanted[name] = list.map(states, function(state)
        return state == "ready" and "drain" or state
      end)
    end
  end
  return wanted
end

-- Routes of a backend as they were in the fact. Where an instance has, or had, no such server, all
-- stays as it is.
function M.for_past(pool, routes, words, backend)
  local wanted = {}
  for name, states in next, M.read(pool, words) do
    local now = routes[name]
    if M.is_in(name, backend) and now then
      wanted[name] = list.map(states, function(state, index)
        local is_there = state ~= "none" and now[index] ~= "none"
        return is_there and state or now[index]
      end)
    end
  end
  return wanted
end

-- The states that are wanted of one server, where each instance has one of now.
local function states_for(want, now)
  return type(want) == "table" and want or list.map(now, function(state)
    return state == "none" and "none" or want
  end)
end

-- What has to be changed for the wanted routes: {name = states}, without those that are so, and
-- without servers that there are not.
function M.difference(routes, wanted)
  local changed = {}
  for name, want in next, wanted do
    local now = routes[name]
    local states = now and states_for(want, now)
    if now and not list.same(now, states) then
      changed[name] = states
    end
  end
  return changed
end

return M
