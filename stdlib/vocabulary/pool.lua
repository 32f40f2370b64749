-- Pools: their state, and which of their servers are active.

local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local poison = require "bascule/core/poison"
local primitive = require "bascule/primitive"
local registry = require "bascule/platforms/registry"
local servers = require "bascule/language/servers"
local text = require "bascule/core/text"

-- The server of the database's copy that is online now, or nil.
local function primary_server(pool, observe)
  for _, role in ipairs(inventory.roles) do
    local copy = inventory.copy(pool.site.database, role)
    local facts = copy and observe(("database:%s.%s"):format(pool.site.database, role))
    if facts and facts.state == "online" and facts.writable then
      return copy.server
    end
  end
end

local function data_centre(pool, observe)
  local server = primary_server(pool, observe)
  return server and inventory.data_centre_of(server), server
end

-- Why the servers may not be active while the database is where it is, or nil.
local function misplaced(pool, names, observe)
  local home, primary = data_centre(pool, observe)
  if not home then
    return ("no copy of %s is online, so it cannot be told where servers of %s may be "
      .. "active"):format(tostring(pool.site.database), pool.title)
  end
  for _, name in ipairs(names) do
    local own = inventory.data_centre_of(name)
    if not inventory.is_near(own, home) then
      return ("server %s is in data centre %s; the primary database is on %s in %s, and no "
        .. "low-latency link joins the two"):format(name, inventory.data_centre_title(own), primary,
          inventory.data_centre_title(home))
    end
  end
end

local function unreachable(pool, facts)
  if facts.state == "unreachable" or not registry.driver_of(pool).is_readable(facts) then
    return ("%s cannot be read%s"):format(pool.title, facts.reason and ": " .. facts.reason or "")
  end
end

-- Whoever is still at a server that was closed is told of, where the driver can see it.
local function add_leftovers(notes, pool, before, observe)
  local seen = before.routes and observe(pool.id) or {}
  for _, entry in ipairs {
    { seen.sessions_left, "session goes", "sessions go", "on at servers that take no new ones" },
    { seen.sessions_closed, "session of a writer is", "sessions of writers are",
      "closed, and not by the server: nothing more is sent through" } } do
    local count, one, more, what = table.unpack(entry, 1, 4)
    if math.type(count) == "integer" and count > 0 then
      notes[#notes + 1] = { kind = "warning",
        text = ("%s: %s %s"):format(pool.title, text.count(count, one, more), what) }
    end
  end
end

-- What is odd about a pool that can be read all the same.
local function oddity(a, before, observe)
  local pool, notes = handles.of(a.pool), {}
  if before.reason and registry.driver_of(pool).is_readable(before)
    and before.state ~= "unreachable" then
    notes[1] = { kind = "warning", text = ("%s: %s"):format(pool.title, before.reason) }
  end
  add_leftovers(notes, pool, before, observe)
  return notes
end

local role_of = { Normal = "primary", FailedOver = "secondary" }

-- Why applications must not be sent to the database that the pool uses in this state, or nil.
local function offline(pool, state, observe)
  local database, role = pool.site and pool.site.database, role_of[state]
  if not database or not inventory.copy(database, role) then
    return nil
  end
  local facts = observe(("database:%s.%s"):format(database, role))
  if facts.state ~= "online" then
    return ("%s would use the %s of %s, which is %s"):format(pool.title, role, database,
      tostring(facts.state))
  end
end

local function update(a, facts, to, options)
  local pool = handles.of(a.pool)
  return { registry.driver_of(pool).update(pool, facts, to, options) }
end

-- Why the driver cannot make it so, or nil.
local function lacking(pool, facts, to)
  local driver = registry.driver_of(pool)
  return driver.lacks and driver.lacks(pool, facts, to)
end

-- The wanted facts with those that the driver sees to along with them.
local function with_others(a, facts, to)
  local pool, wanted = handles.of(a.pool), list.copy(to)
  local driver = registry.driver_of(pool)
  for key, value in next, driver.also and driver.also(pool, facts, to) or {} do
    wanted[key] = value
  end
  return wanted
end

-- Why writers must not be led to a server whose database is down, or nil.
local function offline_server(pool, server, observe)
  for state, role in next, role_of do
    local copy = inventory.copy(pool.site.database, role)
    if copy and copy.server == server then
      return offline(pool, state, observe)
    end
  end
end

-- Takes back what a driver with states of its own was told of its servers.
local put_back = primitive.shipped {
  name = "pool.put_back",
  doc = "Puts back what was true of a pool's servers.",
  args = {
    { "pool", "pool" },
    { "fact", "choice", values = { "state", "active_servers" } },
    { "routes", "list" },
  },
  wants = function(a, facts)
    local pool = handles.of(a.pool)
    return registry.driver_of(pool).past(pool, facts, a.routes, a.fact)
  end,
  requires = function(a, facts, observe)
    local pool = handles.of(a.pool)
    local reason = unreachable(pool, facts)
    if reason then
      return reason
    end
    local opened = registry.driver_of(pool).opened_by(pool, facts, a.routes, a.fact)
    if a.fact == "active_servers" then
      return opened[1] and misplaced(pool, opened, observe)
    end
    return list.map(opened, function(server)
      return offline_server(pool, server, observe)
    end)[1]
  end,
  changes = function(a, facts, observe)
    local pool = handles.of(a.pool)
    return { registry.driver_of(pool).put_back(pool, facts, a.routes, a.fact,
      { data_centre = data_centre(pool, observe) }) }
  end,
  tells = oddity,
}

-- The action of the driver's own that takes a change of one fact back, or nil.
local function taken_back(a, before, fact)
  local pool = handles.of(a.pool)
  local driver = registry.driver_of(pool)
  if not driver.put_back then
    return nil
  elseif fact == "state" and driver.is_split(pool, before.routes) then
    return ("%s led writers to two databases before, and nobody wants that back"):format(pool.title)
  end
  return { put_back(a.pool, fact, before.routes) }
end

-- Sets the state of a pool: Normal uses the primary database, FailedOver the secondary. Refuses
-- while that database is not online.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 5
-- (Set-CsPersistentChatState).
local set_state
set_state = primitive.shipped {
  name = "pool.set_state",
  doc = "Sets a pool to Normal or FailedOver.",
  args = {
    { "pool", "pool", doc = "the pool" },
    { "state", "choice", values = { "Normal", "FailedOver" }, doc = "its new state" },
  },
  usage = 'pool.set_state(chat, "FailedOver")',
  wants = function(a, facts)
    return with_others(a, facts, { state = a.state })
  end,
  requires = function(a, facts, observe)
    local pool = handles.of(a.pool)
    return unreachable(pool, facts) or offline(pool, a.state, observe)
      or lacking(pool, facts, { state = a.state })
  end,
  changes = function(a, facts)
    return update(a, facts, { state = a.state }, {})
  end,
  undo = function(a, before)
    return taken_back(a, before, "state") or { set_state(a.pool, before.state) }
  end,
  tells = oddity,
}

local function resolve(a)
  a.names = servers.resolve(handles.of(a.pool), a.servers)
  return a.names ~= nil
end

-- Sets which servers of a pool are active. All of them must be in the data centre of the copy that
-- is online, or joined to it by a low-latency link, whoever chose them.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 7
-- (Set-CsPersistentChatActiveServer).
local set_active_servers
set_active_servers = primitive.shipped {
  name = "pool.set_active_servers",
  doc = "Sets which servers of a pool are active; they must be near the primary database.",
  args = {
    { "pool", "pool", doc = "the pool" },
    { "servers", "servers", doc = "near(db.secondary), or a list of names" },
  },
  usage = "pool.set_active_servers(chat, near(db.secondary))",
  check = resolve,
  wants = function(a, facts)
    return with_others(a, facts, { active_servers = a.names })
  end,
  requires = function(a, facts, observe)
    local pool = handles.of(a.pool)
    return unreachable(pool, facts) or misplaced(pool, a.names, observe)
      or lacking(pool, facts, { active_servers = a.names })
  end,
  changes = function(a, facts, observe)
    return update(a, facts, { active_servers = a.names },
      { data_centre = data_centre(handles.of(a.pool), observe) })
  end,
  undo = function(a, before)
    return taken_back(a, before, "active_servers")
      or { set_active_servers(a.pool, before.active_servers) }
  end,
  tells = oddity,
}

-- Takes every server of a pool out of use, so that no client comes in any more; those that are in
-- may stay for a while. A driver that leads writers as well shuts them out, and keeps the state.
-- Source: Lync Server 2013, Failing back Persistent Chat Server, step 1
-- (Set-CsPersistentChatActiveServer -ActiveServers $Null).
local close = primitive.shipped {
  name = "pool.close",
  doc = "Closes a pool: no server of it is active any more. The undo makes the same ones active.",
  args = { { "pool", "pool", doc = "the pool" } },
  usage = "pool.close(chat)",
  wants = function(a, facts)
    local pool = handles.of(a.pool)
    local closed = registry.driver_of(pool).closed
    return closed and closed(pool, facts) or with_others(a, facts, { active_servers = {} })
  end,
  requires = function(a, facts)
    local pool = handles.of(a.pool)
    return unreachable(pool, facts) or lacking(pool, facts, { active_servers = {} })
  end,
  changes = function(a, facts, observe)
    local pool = handles.of(a.pool)
    local options = { data_centre = data_centre(pool, observe) }
    local shut = registry.driver_of(pool).close
    return shut and shut(pool, facts, options)
      or update(a, facts, { active_servers = {} }, options)
  end,
  undo = function(a, before)
    local users = taken_back(a, before, "active_servers")
    if not users then
      return { set_active_servers(a.pool, before.active_servers) }
    end
    local writers = taken_back(a, before, "state")
    return type(writers) == "string" and writers or { writers[1], users[1] }
  end,
  tells = oddity,
}

-- Condition for guards and verify: chat:has_active_servers(near(db.secondary)).
handles.method("pool", "has_active_servers", function(pool, chosen)
  if poison.is(chosen) then
    return chosen
  end
  local value, hint = servers.read(chosen)
  local names = value and servers.resolve(pool, value)
  if not names then
    if not value then
      book.mistake("has_active_servers takes servers", hint)
    end
    return poison.new()
  end
  return cond.facts(pool.id, pool.title, { active_servers = list.copy(names) })
end)

-- While loading, the state of a pool is checked like that of a copy; its servers need words.
handles.method("pool", "has_no_active_servers", function(pool)
  return cond.new(pool.id, pool.title .. " has no active servers", function(facts)
    if not facts.active_servers and facts.reason then
      return false, ("%s: %s"):format(pool.title, facts.reason)
    end
    local count = #(facts.active_servers or {})
    return count == 0, ("%s has %s: %s"):format(pool.title, text.count(count, "active server"),
      table.concat(facts.active_servers or {}, ", "))
  end)
end)

return {
  { name = "pool.set_state", value = set_state },
  { name = "pool.set_active_servers", value = set_active_servers },
  { name = "pool.close", value = close },
}
