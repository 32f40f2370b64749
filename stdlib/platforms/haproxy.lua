-- The pool driver `haproxy`: what every HAProxy of a pool has been told of its servers.
--
-- A pool has two backends there. One leads writers to the database: its servers are named after the
-- site's database servers, and which of them is ready is the pool's state. The other leads users to
-- the pool's own servers: those that are ready are active. So the state is kept nowhere but where
-- it works, and cannot differ from what clients meet.

local effects = require "bascule/effects"
local list = require "bascule/core/list"
local routes_of = require "bascule/platforms/haproxy_routes"
local schema = require "bascule/facts/schema"

local M = {}

local function unreachable(reasons)
  return { state = "unreachable", reason = table.concat(reasons, "; ") }
end

local function has_backend(servers, backend)
  for _, each in ipairs(servers) do
    if each.backend == backend then
      return true
    end
  end
  return false
end

-- What every instance says, or nil and what is wrong with those that say nothing of use.
local function ask(pool)
  local answers, failures = {}, {}
  for index, instance in ipairs(routes_of.instances(pool)) do
    local address = routes_of.address(instance)
    local value, failure = effects.call("pools.haproxy",
      { address = address, state_file = instance.state_file })
    if not value then
      failures[#failures + 1] = ("HAProxy at %s: %s"):format(address, failure.message)
    end
    for _, backend in ipairs(value and { pool.site.state_backend, pool.site.backend } or {}) do
      if not has_backend(value.servers, backend) then
        failures[#failures + 1] = ("HAProxy at %s has no backend %s"):format(address, backend)
      end
    end
    answers[index] = value
  end
  return #failures == 0 and answers or nil, failures
end

-- Whether a restart of any instance would change nothing; nil where no state file is known.
local function is_saved(pool, routes, answers)
  local saved
  for index, answer in ipairs(answers) do
    if answer.saved then
      local kept = routes_of.gather(pool, { answer.saved })
      for name, states in next, routes do
        if saved ~= false then
          saved = kept[name] ~= nil and kept[name][1] == states[index]
        end
      end
    end
  end
  return saved
end

-- Sessions on servers that take no new ones.
local function sessions_left(pool, answers)
  local count = 0
  for _, answer in ipairs(answers) do
    for _, each in ipairs(answer.servers) do
      local is_ours = each.backend == pool.site.state_backend or each.backend == pool.site.backend
      if is_ours and each.state ~= "ready" then
        count = count + each.sessions
      end
    end
  end
  return count
end

function M.observe(pool)
  local answers, failures = ask(pool)
  if not answers then
    return unreachable(failures)
  end
  local routes = routes_of.gather(pool, list.map(answers, function(answer)
    return answer.servers
  end))
  local facts = routes_of.facts(pool, routes)
  facts.saved = is_saved(pool, routes, answers)
  facts.sessions_left = sessions_left(pool, answers)
  return facts
end

-- HAProxy keeps no lease of ours.
function M.lease()
  return nil
end

function M.is_readable(facts)
  return facts.routes ~= nil
end

local function has_state_file(pool)
  for _, instance in ipairs(routes_of.instances(pool)) do
    if instance.state_file then
      return true
    end
  end
  return false
end

-- The routes that `to` is made true by, and their backend.
local function wanted_for(pool, routes, to)
  if to.state then
    return routes_of.for_state(pool, routes, to.state), pool.site.state_backend
  end
  return routes_of.for_servers(pool, to.active_servers), pool.site.backend
end

-- Routes with some of them replaced.
local function with_changed(routes, changed)
  local after = list.copy(routes)
  for name, states in next, changed do
    after[name] = states
  end
  return after
end

-- What else is true once `to` is: a server may take no new sessions and still have to be closed.
function M.also(pool, facts, to)
  if not M.is_readable(facts) then
    return {}
  end
  local routes = routes_of.read(pool, facts.routes)
  local changed = routes_of.difference(routes, (wanted_for(pool, routes, to)))
  return { routes = routes_of.words(with_changed(routes, changed)),
    saved = has_state_file(pool) or nil }
end

local function only(routes, backend)
  local own = {}
  for name, states in next, routes do
    own[name] = routes_of.is_in(name, backend) and states or nil
  end
  return own
end

-- What is said of one server.
local function add_commands(into, name, state, is_writers, was_open)
  if state ~= "ready" and was_open and not is_writers then
    into[#into + 1] = ("set server %s state drain"):format(name)
  end
  into[#into + 1] = ("set server %s state %s"):format(name, state)
  if state ~= "ready" and is_writers then
    into[#into + 1] = ("shutdown sessions server %s"):format(name)
  end
end

-- The commands in the order in which they are given, without those that only look.
local function statement(pool, routes, changed, backend)
  local closing, opening, all = {}, {}, {}
  local is_writers = backend == pool.site.state_backend
  for _, entry in ipairs(routes_of.words(changed)) do
    local name, state = entry:match("^(%S+) (%S+)$")
    add_commands(state == "ready" and opening or closing, name, state, is_writers,
      list.contains(routes[name], "ready"))
  end
  for _, part in ipairs(is_writers and { closing, opening } or { opening, closing }) do
    table.move(part, 1, #part, #all + 1, all)
  end
  local instances = routes_of.instances(pool)
  for _, instance in ipairs(instances) do
    if instance.state_file then
      all[#all + 1] = "show servers state > " .. instance.state_file
    end
  end
  local words = table.concat(all, "; ")
  return #instances > 1 and ("on each of %d HAProxy: %s"):format(#instances, words) or words
end

-- The facts that will be others than now.
local function becoming(pool, facts, after)
  local will, becomes = routes_of.facts(pool, after), {}
  for _, key in ipairs { "routes", "state", "active_servers" } do
    if not list.same(will[key], facts[key]) then
      becomes[key] = will[key] or schema.unknown_fact("pool", key)
    end
  end
  if has_state_file(pool) and not facts.saved then
    becomes.saved = true
  end
  return becomes
end

-- A change of one backend, and what it makes true.
local function change(pool, facts, wanted, backend, options)
  local routes = routes_of.read(pool, facts.routes)
  local changed = routes_of.difference(routes, wanted)
  return {
    row = "pools.haproxy_set",
    args = { pool = pool.name, from = only(routes, backend), to = changed,
      data_centre = options.data_centre },
    statement = statement(pool, routes, changed, backend),
    becomes = becoming(pool, facts, with_changed(routes, changed)),
  }
end

-- Changes what `to` names and keeps the rest, unless somebody else has changed the servers of that
-- backend meanwhile. `options.data_centre` is that of the primary database, where new servers are
-- chosen.
function M.update(pool, facts, to, options)
  local routes = routes_of.read(pool, facts.routes)
  local wanted, backend = wanted_for(pool, routes, to)
  return change(pool, facts, wanted, backend, options)
end

-- Why the configuration of HAProxy does not let the pool become so, or nil.
function M.lacks(pool, facts, to)
  local routes = routes_of.read(pool, facts.routes)
  local names = to.state and { pool.site.state_backend .. "/"
    .. tostring(routes_of.target(pool, to.state)) }
    or list.map(to.active_servers, function(server)
      return pool.site.backend .. "/" .. server
    end)
  for _, name in ipairs(names) do
    for index, instance in ipairs(routes_of.instances(pool)) do
      if not routes[name] or routes[name][index] == "none" then
        return ("HAProxy at %s has no server %s; its configuration and the site file must use "
          .. "the same names"):format(routes_of.address(instance), name)
      end
    end
  end
end

-- The two backends, by the fact that follows from each.
local function backend_of(pool, fact)
  return fact == "state" and pool.site.state_backend or pool.site.backend
end

-- The servers that would be opened by putting back what `words` say of one fact.
function M.opened_by(pool, facts, words, fact)
  local routes, backend = routes_of.read(pool, facts.routes), backend_of(pool, fact)
  local changed = routes_of.difference(routes, routes_of.for_past(pool, routes, words, backend))
  return list.map(list.keys(changed), function(name)
    return list.contains(changed[name], "ready") and name:sub(#backend + 2) or nil
  end)
end

-- What is true once what `words` say of one fact is put back.
function M.past(pool, facts, words, fact)
  local routes = routes_of.read(pool, facts.routes)
  local wanted = routes_of.for_past(pool, routes, words, backend_of(pool, fact))
  return { routes = routes_of.words(with_changed(routes, wanted)),
    saved = has_state_file(pool) or nil }
end

-- Whether writers could get to both databases by what `words` say.
function M.is_split(pool, words)
  return routes_of.is_split(pool, routes_of.read(pool, words))
end

-- Puts that back.
function M.put_back(pool, facts, words, fact, options)
  local routes, backend = routes_of.read(pool, facts.routes), backend_of(pool, fact)
  return change(pool, facts, routes_of.for_past(pool, routes, words, backend), backend, options)
end

return M
