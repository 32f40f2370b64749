-- What is asked of a user directory, and what is noted and saved of it.

local _, host = ...
local cond = require "bascule/core/cond"
local directories = require "bascule/language/directories"
local book = require "bascule/language/book"
local findings = require "bascule/findings"
local handles = require "bascule/language/handles"
local match = require "bascule/core/match"
local platform = require "bascule/platforms/directory"
local poison = require "bascule/core/poison"
local primitive = require "bascule/primitive"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"

local function because(facts)
  return facts.reason and ": " .. facts.reason or ""
end

-- ------------------------------------------------------------ conditions on who is where

-- A condition on all kinds of a population: `test(facts, title)` gives a reason against one.
local function of_each(homes, words, test)
  return cond.new(homes.id, words, function(_, observe)
    for _, who in ipairs(homes.kinds) do
      local facts = observe(directories.id(homes.directory, "homes", who))
      local title = ("%s of %s"):format(who:gsub("_", " "), homes.directory.name)
      if facts.state ~= "online" then
        return false, ("%s cannot be read%s"):format(title, because(facts))
      end
      local reason = test(facts, title)
      if reason then
        return false, reason
      end
    end
    return true
  end)
end

-- people.users:are_all_on(people.new)
handles.method("homes", "are_all_on", function(homes, pool)
  local side = handles.of(pool)
  if poison.is(pool) then
    return pool
  elseif not side or side.type ~= "side" then
    book.mistake("are_all_on takes a pool of the directory", "write :are_all_on(people.new)")
    return poison.new()
  end
  local left = directories.other(side.name)
  return of_each(homes, ("%s are all on %s"):format(homes.title, side.title), function(facts, title)
    if not match.matches(0, facts[left]) then
      return ("%s: %s still in the %s pool"):format(title, text.value(facts[left]), left)
    end
  end)
end)

-- people.users:are_in_one_pool_each()
handles.method("homes", "are_in_one_pool_each", function(homes)
  return of_each(homes, homes.title .. " are in one pool each", function(facts, title)
    if facts.twice ~= nil and not match.matches(0, facts.twice) then
      return ("%s: %s in more than one pool"):format(title, text.value(facts.twice))
    elseif facts.missing ~= nil and not match.matches(0, facts.missing) then
      return ("%s: %s in no pool"):format(title, text.value(facts.missing))
    end
  end)
end)

-- ------------------------------------------------------------ conditions on a pool

-- people.legacy:is_empty(): nobody and nothing has a home in it.
handles.method("side", "is_empty", function(side)
  local people = side.site and platform.named(side.directory.name)
  local id = directories.id(side.directory, "homes", "users")
  return cond.new(id, side.title .. " is empty", function(_, observe)
    for _, who in ipairs(people and platform.populations(people) or {}) do
      local facts = observe(directories.id(side.directory, "homes", who))
      if not match.matches(0, facts[side.name]) then
        return false, ("%s: %s of %s in it%s"):format(side.title, text.value(facts[side.name]),
          who:gsub("_", " "), because(facts))
      end
    end
    return true
  end)
end)

-- A condition on one fact of another resource of the side.
local function on_side(name, key, wanted, says, what)
  handles.method("side", name, function(side)
    if not directories.says(side.directory, key, what) then
      return poison.new()
    end
    local id = directories.id(side.directory, key, side.name)
    return cond.new(id, ("%s %s"):format(side.title, says), function(facts)
      local found = facts[wanted.key]
      if match.matches(wanted.value, found) then
        return true
      end
      local reason = facts.reason or table.concat(facts.not_running or {}, ", ")
      local words = found == wanted.not_yet and wanted.words or text.value(found)
      return false, ("%s: %s is %s%s"):format(side.title, wanted.called or key, words,
        reason ~= "" and ": " .. reason or "")
    end)
  end)
end

on_side("services_run", "services", { key = "state", value = "running" },
  "has all services running", "how services are looked at")
on_side("can_be_administered", "administration", { key = "state", value = "reachable" },
  "can be administered", "how administration is looked at")
on_side("is_replicated", "deployment", { key = "replicated", value = true, called = "replication",
  not_yet = false, words = "not finished" }, "has got what is replicated",
  "how a deployment is looked at")

-- people.new:has_a_store_of_its_own()
handles.method("side", "has_a_store_of_its_own", function(side)
  if not directories.says(side.directory, "deployment", "how a deployment is looked at") then
    return poison.new()
  end
  local other = directories.id(side.directory, "deployment", directories.other(side.name))
  local words = side.title .. " has a store of its own"
  return cond.new(side.id, words, function(facts, observe)
    local own, taken = facts.store, observe(other).store
    if not own or not taken then
      return false, ("the store of %s is not known%s; give it as the fourth column of `deployment`")
        :format(own and "the other pool" or side.title, because(facts))
    end
    if own == taken then
      return false, ("%s and the other pool both keep their users in %s"):format(side.title, own)
    end
    return true
  end)
end)

-- ------------------------------------------------------------ conditions on the directory

-- people:can_talk(): messages go both ways between all pools that have users.
handles.method("directory", "can_talk", function(people)
  if not directories.says(people, "talk", "how it is measured who can talk to whom") then
    return poison.new()
  end
  return cond.new(directories.id(people, "talk"), ("users of %s can talk to each other"):format(
    people.name), function(facts)
    if match.matches("fine", facts.state) then
      return true
    end
    return false, ("talk between users of %s is %s%s"):format(people.name, text.value(facts.state),
      because(facts))
  end)
end)

-- ------------------------------------------------------------ actions

local function directory_of(a)
  return platform.named(handles.of(a.directory).name)
end

-- Writes down how many have their home in which pool.
-- Source: Lync Server 2013 migration, Prepare (inventory of users for each pool).
local take = primitive.shipped {
  name = "inventory.take",
  doc = "Notes how many users and applications are in which pool, in the journal and the report.",
  args = { { "directory", "directory", doc = "the directory" } },
  usage = "inventory.take(people)",
  read_only = true,
  performs = function(a, effects, observe)
    local people = directory_of(a)
    local lines, data = findings.counted(people, observe)
    effects.note("info", ("inventory of %s: %s"):format(people.name, table.concat(lines, "; ")),
      data)
    return "kept"
  end,
}

-- Tells who is affected by a way back, before it begins.
local warn = primitive.shipped {
  name = "caveats.show",
  doc = "Tells what a way back to the legacy pool costs, and whom.",
  args = { { "directory", "directory", doc = "the directory" } },
  usage = "caveats.show(people)",
  read_only = true,
  check = function(a)
    return directories.says(handles.of(a.directory), "caveats", "what a way back costs")
  end,
  resource = function(a)
    return directories.id(handles.of(a.directory), "caveats")
  end,
  performs = function(a, effects, observe)
    local people = directory_of(a)
    local facts = observe(directories.id(people, "caveats"))
    if facts.state ~= "known" then
      return "refused", findings.caveats(people.name, facts)[1]
    end
    local lines = findings.caveats(people.name, facts)
    for index, line in ipairs(findings.shortened(lines)) do
      effects.note("warning", line, index == 1 and { caveats = host.list(lines) } or nil)
    end
    return "kept"
  end,
}

-- Makes a backup now, whatever older ones there are. Where the site file cannot say how, there has
-- to be one.
-- Source: Lync Server 2013 migration, Prepare (Export-CsConfiguration, Export-CsUserData).
local back_up = primitive.shipped {
  name = "directory.back_up",
  doc = "Makes a backup of the directory.",
  args = { { "directory", "directory", doc = "the directory" } },
  usage = "directory.back_up(people)",
  harmless = "a backup changes nothing",
  check = function(a)
    return directories.says(handles.of(a.directory), "backup", "how a backup is made")
  end,
  resource = function(a)
    return directories.id(handles.of(a.directory), "backup")
  end,
  wants = function(a)
    return not directory_of(a).backup.make and { state = "made" } or nil
  end,
  requires = function(a, facts)
    if facts.state == "unreachable" then
      return "the backup cannot be looked at" .. because(facts)
    elseif not directory_of(a).backup.make then
      return "there is no backup, and the site file does not say how one is made"
    end
  end,
  changes = function(a)
    local people = directory_of(a)
    local change = platform.driver_of(people).back_up(people)
    change.becomes = { state = "made", time = schema.unknown_fact("backup", "time") }
    change.repeatable = true
    return { change }
  end,
}

return {
  { name = "inventory.take", value = take },
  { name = "caveats.show", value = warn },
  { name = "directory.back_up", value = back_up },
}
