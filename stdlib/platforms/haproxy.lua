-- The pool driver `haproxy`: what every HAProxy of a pool has been told of its servers.
--
-- A pool has two backends there. One leads writers to the database: its servers are named after the
-- site's database servers, and which of them is ready is the pool's state. The other leads users to
-- the pool's own servers: those that are ready are active. So the state is kept nowhere but where
-- it works, and cannot differ from what clients meet.

local _, host = ...
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
      { address = address, state_file = instance.state_file, master = instance.master_socket })
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

-- Whether a restart of any instance would change nothing; nil where that is not known of all.
local function is_saved(pool, routes, answers)
  local saved = true
  for index, answer in ipairs(answers) do
    local kept = answer.saved and routes_of.gather(pool, { answer.saved })
    saved = saved and kept and true
    for name, states in next, kept and routes or {} do
      if (kept[name] and kept[name][1] or "none") ~= states[index] then
        return false
      end
    end
  end
  return saved
end

-- Sessions on servers that take no new ones: how many go on, how many are those of writers who have
-- closed them, and {name = {index = true}} where some go on. Users may wait for an answer even when
-- they have closed theirs.
local function sessions_left(pool, answers)
  local left, closed, busy = 0, 0, {}
  for index, answer in ipairs(answers) do
    for _, each in ipairs(answer.servers) do
      local name = each.backend .. "/" .. each.server
      local is_closed = each.state ~= "ready"
      if is_closed and each.backend == pool.site.state_backend then
        left, closed = left + each.sessions, closed + (each.closed or 0)
        busy[name] = busy[name] or {}
        busy[name][index] = each.sessions > 0
      elseif is_closed and each.backend == pool.site.backend then
        left = left + each.sessions + (each.closed or 0)
      end
    end
  end
  return left, closed, busy
end

function M.observe(pool)
  local answers, failures = ask(pool)
  if not answers then
    return unreachable(failures)
  end
  local routes = routes_of.gather(pool, list.map(answers, function(answer)
    return answer.servers
  end))
  local left, closed, busy = sessions_left(pool, answers)
  local facts = routes_of.facts(pool, routes, busy)
  facts.saved = is_saved(pool, routes, answers)
  facts.sessions_left = left
  facts.sessions_closed = closed > 0 and closed or nil
  return facts
end

-- HAProxy keeps no lease of ours, so it lies beside a state file: the same one, whoever lists the
-- instances in which order. Without a state file there is no place that two controllers share.
function M.lease(pool)
  local files = list.map(routes_of.instances(pool), function(instance)
    return instance.state_file
  end)
  table.sort(files)
  return files[1]
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

-- Adds what one instance is told of one server to the parts of its commands.
local function add_commands(parts, name, state, was, is_writers)
  local function add(part, form)
    part[#part + 1] = form:format(name, state)
  end
  if state == "ready" then
    add(parts.opening, "set server %s state ready")
    return
  elseif state ~= was then
    if was == "ready" and not is_writers then
      add(parts.draining, "set server %s state drain")
    end
    add(parts.closing, "set server %s state %s")
  end
  if is_writers then
    add(parts.ending, "shutdown sessions server %s")
  end
end

-- Whether an instance is told anything of a server: it is to be another, or writers whom somebody
-- else has closed it for may still be there.
local function is_told(facts, state, was, is_writers)
  local may_linger = is_writers and (facts.sessions_left or 0) > 0 and state ~= "ready"
  return state ~= "none" and (state ~= was or may_linger)
end

-- The commands of one instance in the order in which they are given, without those that only look.
local function commands(pool, facts, after, backend, index)
  local parts, all = { opening = {}, draining = {}, closing = {}, ending = {} }, {}
  local is_writers, routes = backend == pool.site.state_backend, routes_of.read(pool, facts.routes)
  for _, name in ipairs(list.keys(only(after, backend))) do
    local state, was = after[name][index], routes[name][index]
    if is_told(facts, state, was, is_writers) then
      add_commands(parts, name, state, was, is_writers)
    end
  end
  local order = is_writers and { parts.closing, parts.ending, parts.opening }
    or { parts.opening, parts.draining, parts.closing }
  for _, part in ipairs(order) do
    table.move(part, 1, #part, #all + 1, all)
  end
  return table.concat(all, "; ")
end

-- The commands, apart for each instance where they are not the same.
local function statement(pool, facts, after, backend)
  local told, files, instances = {}, {}, routes_of.instances(pool)
  for index, instance in ipairs(instances) do
    told[index] = commands(pool, facts, after, backend, index)
    files[index] = instance.state_file and "show servers state > " .. instance.state_file
  end
  local function words(index)
    local parts = list.map({ told[index], files[index] or "" }, function(part)
      return part ~= "" and part or nil
    end)
    return table.concat(parts, "; ")
  end
  if #instances == 1 then
    return words(1)
  end
  return table.concat(list.map(instances, function(instance, index)
    return words(index) ~= "" and ("HAProxy at %s: %s"):format(routes_of.address(instance),
      words(index)) or nil
  end), " | ")
end

-- Whether nothing will be odd any more. What is odd may be sessions that go on, and these are over
-- only where writers were led elsewhere.
local function clears_up(pool, facts, will, backend)
  local now = routes_of.facts(pool, routes_of.read(pool, facts.routes))
  return facts.reason ~= nil and will.reason == nil
    and (backend == pool.site.state_backend or now.reason == facts.reason)
end

-- The facts that will be others than now.
local function becoming(pool, facts, after, backend)
  local will, becomes = routes_of.facts(pool, after), {}
  for _, key in ipairs { "routes", "state", "active_servers" } do
    if not list.same(will[key], facts[key]) then
      becomes[key] = will[key] or schema.unknown_fact("pool", key)
    end
  end
  if has_state_file(pool) and not facts.saved then
    becomes.saved = true
  end
  if backend == pool.site.state_backend and (facts.sessions_left or 0) > 0 then
    becomes.sessions_left = schema.unknown_fact("pool", "sessions_left")
  end
  if clears_up(pool, facts, will, backend) then
    becomes.reason = host.null
  elseif backend == pool.site.state_backend and facts.reason and will.reason ~= facts.reason then
    becomes.reason = will.reason
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
    statement = statement(pool, facts, with_changed(routes, changed), backend),
    becomes = becoming(pool, facts, with_changed(routes, changed), backend),
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

-- What is true of a pool once it is closed, to users and to writers.
function M.closed(pool, facts)
  local wanted = { active_servers = {} }
  if not M.is_readable(facts) then
    return wanted
  end
  local routes = routes_of.read(pool, facts.routes)
  local users = routes_of.difference(routes, routes_of.for_servers(pool, {}))
  local writers = routes_of.difference(routes, routes_of.for_closing(pool, routes))
  wanted.routes = routes_of.words(with_changed(with_changed(routes, users), writers))
  wanted.saved = has_state_file(pool) or nil
  return wanted
end

-- The changes for that. Writers come back as soon as they can, so they are shut out first.
function M.close(pool, facts, options)
  local routes, changes, now = routes_of.read(pool, facts.routes), {}, list.copy(facts)
  for _, backend in ipairs { pool.site.state_backend, pool.site.backend } do
    local wanted = backend == pool.site.state_backend and routes_of.for_closing(pool, routes)
      or routes_of.for_servers(pool, {})
    if next(routes_of.difference(routes, wanted)) then
      changes[#changes + 1] = change(pool, now, wanted, backend, options)
      routes = with_changed(routes, routes_of.difference(routes, wanted))
      now.routes, now.saved = routes_of.words(routes), has_state_file(pool) or nil
    end
  end
  return changes
end

-- Why the configuration of HAProxy does not let the pool become so, or nil.
function M.lacks(pool, facts, to)
  local routes = routes_of.read(pool, facts.routes)
  if to.state and not routes_of.target(pool, to.state) then
    return ("database %s has no %s"):format(pool.site.database,
      to.state == "Normal" and "primary" or "secondary")
  end
  local names = to.state and { pool.site.state_backend .. "/"
    .. routes_of.target(pool, to.state) }
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
