-- User directories: who of a migration has a home in which pool. What is common to all drivers is
-- here; a driver knows one technology.
--
-- A driver is a table of the functions below. `people` is a directory of the site file with its
-- `name`; `side` is "legacy" or "new", and people[side] the pool's name; `who` is "users", "pilot"
-- or the name of an application. The driver `sql` does each with a statement of the site file; what
-- a driver for Lync Server 2013 would call stands behind each. It never uses -Force: that discards
-- what users have.
--
--   observe.homes(people, who)           Get-CsUser -Filter {RegistrarPool -eq "…"}, counted by
--                                        pool; Get-CsRgsWorkflow, Get-CsConferenceDirectory,
--                                        Get-CsDialInConferencingAccessNumber, Get-CsExUmContact
--   observe.deployment(people, side)     Get-CsPool; Get-CsManagementStoreReplicationStatus, all
--                                        UpToDate, and event 30024 of LS User Replicator;
--                                        Get-CsService -UserServer for the store
--   observe.services(people, side)       Get-CsWindowsService on each computer of the pool
--   observe.administration(people, side) the shell of the pool's own version: Get-CsPool there
--   observe.talk(people)                 Test-CsIM and Test-CsPresence, both ways between test
--                                        users of the two pools
--   observe.caveats(people)              Get-CsUser with the version of the client; organisers of
--                                        meetings that were scheduled after they had been moved
--   observe.backup(people)               the newest file of Export-CsUserData
--   move(people, who, order)             Move-CsLegacyUser or Move-CsUser -Target; for applications
--                                        Move-CsRgsConfiguration, Move-CsApplicationEndpoint,
--                                        Move-CsConferenceDirectory, Move-CsExUmContact
--   start(people, side, service)         Start-CsWindowsService -Name
--   stop(people, side, service)          Stop-CsWindowsService -Name, or nil where it cannot
--   back_up(people)                      Export-CsConfiguration, Export-CsUserData -PoolFqdn; nil
--                                        where it cannot
--   retire(people, side)                 the pool is taken out of the topology, Enable-CsTopology;
--                                        Uninstall-CsDatabase
--   lease(people)                        file beside which a lease is kept, or nil
--
-- The observing ones give facts by the schema (facts/homes.lua and so on), and never guess: what
-- cannot be asked is `unreachable`, with the reason. The others give a change as a primitive takes
-- it, without `becomes`: what a change makes true is the same for every driver. `order` of a move
-- is {from, to, noun, words, names?, moved_by?, batch, parallel, stop_after, rate?}: who is left
-- out by `names` stays, `moved_by` says whose moves are taken back, and `words` whom it is about,
-- for the statement. Everybody who is moved, and everybody who could not be, is recorded by name
-- before and after, so that a move that was stopped goes on with those who are left, and can be
-- taken back for exactly those who were moved.

local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

M.drivers = { sql = require "bascule/platforms/directory_sql" }

M.sides = { "legacy", "new" }

-- A directory of the site by its name, as drivers take it.
function M.named(name)
  local found = inventory.directory(name)
  if not found then
    error(("the site has no directory %s"):format(tostring(name)), 0)
  end
  local people = list.copy(found)
  people.name = name
  return people
end

function M.driver_of(people)
  local driver = M.drivers[people.driver]
  if not driver then
    error(("the directory %s has the driver %s; this build has: %s"):format(people.name,
      tostring(people.driver), table.concat(list.keys(M.drivers), ", ")), 0)
  end
  return driver
end

-- "people", "users" of "people.users".
local function parts(name)
  local directory, rest = name:match("^([^.]*)%.(.+)$")
  return directory or name, rest
end

-- The facts of "homes:people.users" and the like; only in an observe task.
function M.observe(kind, name)
  local directory, rest = parts(name)
  local people = M.named(directory)
  return M.driver_of(people).observe[kind](people, rest)
end

-- Everything of a directory that has a home: {"users", "pilot", …}.
function M.populations(people)
  local all = { "users" }
  if inventory.has_pilot(people) then
    all[2] = "pilot"
  end
  local applications = list.keys(people.applications or {})
  return table.move(applications, 1, #applications, #all + 1, all)
end

-- What can be observed of a directory: {kind, name, title}.
function M.resources(people)
  local found = {}
  local function add(kind, name, title)
    found[#found + 1] = { kind = kind, name = name, title = title }
  end
  for _, who in ipairs(M.populations(people)) do
    add("homes", people.name .. "." .. who, ("%s of %s"):format(who:gsub("_", " "), people.name))
  end
  for _, kind in ipairs { "deployment", "services", "administration" } do
    for _, side in ipairs(people[kind] and M.sides or {}) do
      add(kind, people.name .. "." .. side, ("%s of the %s pool of %s"):format(kind, side,
        people.name))
    end
  end
  for _, kind in ipairs { "talk", "caveats", "backup" } do
    if people[kind] then
      add(kind, people.name, ("%s of %s"):format(kind, people.name))
    end
  end
  return found
end

-- The kinds of resources that belong to directories.
M.kinds = { "homes", "deployment", "services", "administration", "talk", "caveats", "backup" }

-- The file of the lease of a resource of a directory.
function M.lease(name)
  local people = M.named((parts(name)))
  local driver = M.drivers[people.driver]
  return driver and driver.lease(people)
end

return M
