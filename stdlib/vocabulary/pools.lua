-- The two pools of a migration: their services, and the end of one of them.

local _, host = ...
local directories = require "bascule/language/directories"
local effects = require "bascule/effects"
local findings = require "bascule/findings"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local platform = require "bascule/platforms/directory"
local primitive = require "bascule/primitive"
local text = require "bascule/core/text"

-- The side of an action, and its directory as drivers take it.
local function read(a)
  local side = handles.of(a.pool)
  return side, platform.named(side.directory.name)
end

local function because(facts)
  return facts.reason and ": " .. facts.reason or ""
end

-- The facts once the first `count` of the services run.
local function with_running(services, count)
  local rest = table.move(services, count + 1, #services, 1, {})
  return { not_running = host.list(rest), state = #rest == 0 and "running" or "stopped" }
end

-- Those that do not run once this one does not either, in order.
local function with_idle(idle, service)
  local all = table.move(idle, 1, #idle, 1, {})
  all[#all + 1] = service
  table.sort(all)
  return all
end

-- Whoever has a home in the pool when its services are stopped again: those whom the run has moved
-- there are back by then, but not who came by another way since.
local function tell_left_behind(side, people)
  local count = effects.observe(directories.id(people, "homes", "users"))[side.name]
  if math.type(count) == "integer" and count > 0 then
    effects.note("warning", ("%s in %s, whose services are stopped"):format(
      text.count(text.thousands(count), "user stays", "users stay"), people[side.name]))
  end
end

-- Source: Lync Server 2013 migration, coexistence (Start-CsWindowsService).
local start = primitive.shipped {
  name = "services.start",
  doc = "Starts the services of a pool that do not run.",
  args = { { "pool", "side", doc = "people.new or people.legacy" } },
  usage = "services.start(people.new)",
  check = function(a)
    local side = handles.of(a.pool)
    return directories.says(side.directory, "services", "how services are looked at")
  end,
  resource = function(a)
    local side = handles.of(a.pool)
    return directories.id(side.directory, "services", side.name)
  end,
  wants = function()
    return { state = "running" }
  end,
  requires = function(a, facts)
    local side, people = read(a)
    if facts.state == "unreachable" or #(facts.not_running or {}) == 0 then
      return ("the services of %s cannot be read%s"):format(side.title, because(facts))
    elseif not people.services.start then
      return ("the site file does not say how services are started, and %s do not run"):format(
        table.concat(facts.not_running, ", "))
    end
  end,
  changes = function(a, facts)
    local side, people = read(a)
    return list.map(facts.not_running, function(service, index)
      local change = platform.driver_of(people).start(people, side.name, service)
      change.becomes = with_running(facts.not_running, index)
      change.repeatable = true
      return change
    end)
  end,
  undo = function(a, before)
    local side, people = read(a)
    if not people.services.stop then
      return ("the site file does not say how services are stopped; those of %s go on running")
        :format(side.title)
    end
    local seen = effects.observe(directories.id(side.directory, "services", side.name))
    local idle = seen.not_running or {}
    local stops = list.map(before.not_running or {}, function(service)
      if list.contains(idle, service) then
        return nil
      end
      local change = platform.driver_of(people).stop(people, side.name, service)
      idle = with_idle(idle, service)
      change.becomes = { state = "stopped", not_running = host.list(idle) }
      change.repeatable = true
      return change
    end)
    if #stops > 0 then
      tell_left_behind(side, people)
    end
    return stops
  end,
}

-- Who still has a home in the pool, for people; nil where nobody has.
local function inhabited(side, people, observe)
  for _, who in ipairs(platform.populations(people)) do
    local facts = observe(directories.id(people, "homes", who))
    if facts.state ~= "online" then
      return ("the directory %s cannot be read%s"):format(people.name, because(facts))
    elseif not match.matches(0, facts[side.name]) then
      return ("%s still has %s of the %s"):format(side.title, text.value(facts[side.name]),
        who:gsub("_", " "))
    end
  end
end

-- Why the pool may not be retired, or nil. Whoever is moved into it meanwhile would be homeless,
-- and nobody can go back to it when the other one turns out not to work.
local function objection(side, people, observe)
  local other = directories.other(side.name)
  local facts = observe(directories.id(people, "deployment", other))
  if facts.state ~= "deployed" then
    return ("the pool %s, which remains, is %s%s"):format(people[other], text.value(facts.state),
      because(facts))
  end
  return inhabited(side, people, observe) or findings.idle_services(people, other, observe)
end

-- Takes a pool out of service for good. Refuses while anybody or anything has a home in it.
-- Source: Lync Server 2013 migration, Decommission (a pool removed by force leaves orphans).
local retire = primitive.shipped {
  name = "deployment.retire",
  doc = "Retires a pool that is empty, for good.",
  args = { { "pool", "side", doc = "people.legacy" } },
  usage = "deployment.retire(people.legacy)",
  irreversible = true,
  check = function(a)
    local side = handles.of(a.pool)
    return directories.says(side.directory, "deployment", "how a deployment is looked at")
      and directories.says(side.directory, "retire", "how a pool is retired")
  end,
  wants = function()
    return { state = "retired" }
  end,
  requires = function(a, facts, observe)
    local side, people = read(a)
    if facts.state ~= "deployed" then
      return ("%s is %s%s"):format(side.title, text.value(facts.state), because(facts))
    end
    return objection(side, people, observe)
  end,
  changes = function(a, _, observe)
    local side, people = read(a)
    local change = platform.driver_of(people).retire(people, side.name)
    change.why_not = function()
      return objection(side, people, observe)
    end
    return { change }
  end,
}

return {
  { name = "services.start", value = start },
  { name = "deployment.retire", value = retire },
}
