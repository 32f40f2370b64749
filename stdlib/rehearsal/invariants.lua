-- What must hold in every state that a rehearsal reaches, whatever has gone wrong. The runbook is
-- charged with what its own changes break, not with what the world does by itself.

local _, host = ...
local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local platform = require "bascule/platforms/directory"
local registry = require "bascule/platforms/registry"
local warnings = require "bascule/warnings"

local M = {}

local function facts_of(facts, kind, name, role)
  return facts[("%s:%s.%s"):format(kind, name, role)]
end

-- The facts of all resources before or after the change, each asked for when it is needed.
local function view(when)
  return setmetatable({}, { __index = function(self, id)
    local facts = host.yield { op = "look", when = when, resource = id }
    rawset(self, id, facts)
    return facts
  end })
end

-- Names, in order, of what the changed resources belong to: databases, or pools.
local function concerned(changed, known)
  local names = {}
  for _, id in ipairs(changed) do
    local name = id:match("^[%w_]+:([^.]*)")
    if name and known[name] then
      names[name] = true
    end
  end
  return list.keys(names)
end

local writable_roles = warnings.writable_roles

local function one_writable_copy(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.databases())) do
    local now = writable_roles(after, name)
    if #now > 1 and #now > #writable_roles(before, name) then
      return ("%s can be written to on its %s at once"):format(name, table.concat(now, " and its "))
    end
  end
end

local function came_online(before, after, name)
  local was = facts_of(before, "database", name, "secondary")
  local now = facts_of(after, "database", name, "secondary")
  return was.state ~= "online" and now.state == "online" and now or nil
end

-- What was known before the copy was brought online, and could have been applied.
local function no_log_backup_skipped(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.databases())) do
    local now = came_online(before, after, name)
    local backups = facts_of(before, "log_backups", name, "secondary")
    local last = backups.problem == "none"
      and (backups.share_readable and backups.last_lsn or backups.copied_lsn)
    local applied = backups.applied_lsn
    if now and math.type(last) == "integer" and math.type(applied) == "integer"
      and last > applied then
      return ("%s is brought online at LSN %d; log backups up to LSN %d could have been applied")
        :format(name, applied, last)
    end
  end
end

-- What the other side had committed when it gave up, and could have been applied.
local function nothing_handed_over_is_lost(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.databases())) do
    for role, other in pairs { primary = "secondary", secondary = "primary" } do
      local was = facts_of(before, "database", name, role)
      local now = facts_of(after, "database", name, role)
      local left = facts_of(before, "database", name, other)
      if was.state ~= "online" and now.state == "online" and left.handed_over_lsn
        and math.type(left.lsn) == "integer" and math.type(was.lsn) == "integer"
        and left.lsn > was.lsn then
        return ("the %s of %s is brought online at LSN %d; its %s was handed over at LSN %d")
          :format(role, name, was.lsn, other, left.lsn)
      end
    end
  end
end

local function sessions_are_over(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.databases())) do
    local sessions = facts_of(before, "database", name, "secondary").sessions
    if came_online(before, after, name) and math.type(sessions) == "integer" and sessions > 0
      and not registry.of(registry.copy_named(name .. ".secondary")).minds_no_sessions then
      return ("%s is brought online while %d of its sessions are open"):format(name, sessions)
    end
  end
end

local function chain_is_respected(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.databases())) do
    local was = facts_of(before, "log_backups", name, "secondary")
    local now = facts_of(after, "log_backups", name, "secondary")
    if math.type(was.applied_lsn) == "integer" and math.type(now.applied_lsn) == "integer"
      and now.applied_lsn > was.applied_lsn and was.problem ~= "none" then
      return ("log backups of %s are applied although its chain has a problem: %s"):format(name,
        tostring(was.problem_text or was.problem))
    end
  end
end

-- The copy that a pool in this state uses.
local function database_of(pool, state)
  local role = ({ Normal = "primary", FailedOver = "secondary" })[state]
  return pool.database, role
end

local function pool_points_at_database(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.pools())) do
    local was, now = before["pool:" .. name], after["pool:" .. name]
    local database, role = database_of(inventory.pools()[name], now.state)
    if was.state ~= now.state and role and inventory.copy(database, role)
      and facts_of(after, "database", database, role).state ~= "online" then
      return ("the pool %s is set to %s, and the %s of %s is %s"):format(name, now.state, role,
        database, tostring(facts_of(after, "database", database, role).state))
    end
  end
end

local function homes(after, name)
  return list.map(writable_roles(after, name), function(role)
    return inventory.data_centre_of(inventory.copy(name, role).server)
  end)
end

local function is_near_any(server, centres)
  for _, centre in ipairs(centres) do
    if inventory.is_near(inventory.data_centre_of(server), centre) then
      return true
    end
  end
  return false
end

local function servers_are_near(before, after, changed)
  for _, name in ipairs(concerned(changed, inventory.pools())) do
    local pool = inventory.pools()[name]
    local was, now = before["pool:" .. name], after["pool:" .. name]
    local centres = pool.database and homes(after, pool.database) or {}
    if not list.same(was.active_servers, now.active_servers) then
      for _, server in ipairs(now.active_servers or {}) do
        if not is_near_any(server, centres) then
          return ("server %s of the pool %s is made active, away from the database"):format(server,
            name)
        end
      end
    end
  end
end

-- The populations of a directory, by the id of their resource.
local function populations_of(people)
  return list.map(platform.populations(people), function(who)
    return ("homes:%s.%s"):format(people.name, who)
  end)
end

-- Those among the changed resources that are homes, with their facts before and after.
local function homes_changed(before, after, changed, broken)
  for _, id in ipairs(changed) do
    local text = id:find("^homes:") and broken(before[id], after[id], id:sub(#"homes:" + 1))
    if text then
      return text
    end
  end
end

-- How many there are in all pools, counted anew: an unknown count is no loss.
local function sum(facts)
  local all = 0
  for _, key in ipairs { "legacy", "new", "elsewhere" } do
    if math.type(facts[key]) ~= "integer" then
      return nil
    end
    all = all + facts[key]
  end
  return all
end

local function nobody_is_lost(before, after, changed)
  return homes_changed(before, after, changed, function(was, now, title)
    local first, last = sum(was), sum(now)
    if first and last and last < first then
      return ("%s: %d had a home before, and %d have one now"):format(title, first, last)
    end
  end)
end

local function nobody_is_twice(before, after, changed)
  return homes_changed(before, after, changed, function(was, now, title)
    local first, last = sum(was), sum(now)
    if first and last and last > first then
      return ("%s: %d had a home before, and there are %d homes now"):format(title, first, last)
    end
  end)
end

-- Whoever is still there when their pool is retired has no home.
local function no_pool_is_retired_under_anybody(before, after, changed)
  for _, id in ipairs(changed) do
    local name, side = id:match("^deployment:(.*)%.(%l+)$")
    if name and before[id].state ~= "retired" and after[id].state == "retired" then
      for _, resource in ipairs(populations_of(platform.named(name))) do
        local count = after[resource][side]
        if count ~= 0 then
          return ("the %s pool of %s is retired while %s of %s have their home in it"):format(side,
            name, math.type(count) == "integer" and count or "some",
            resource:sub(#"homes:" + 1))
        end
      end
    end
  end
end

local shipped = {
  { title = "at most one copy of a database can be written to", broken = one_writable_copy,
    mend = "Use database.recover, which looks at the other copies first, without an override." },
  { title = "no log backup is skipped", broken = no_log_backup_skipped,
    mend = "Put log_backups.copy and log_backups.apply before the step." },
  { title = "nothing is lost by a hand-over", broken = nothing_handed_over_is_lost,
    mend = "Put database.catch_up before the step." },
  { title = "no session is open when a database comes online", broken = sessions_are_over,
    mend = "Put sessions.kill_all before the step." },
  { title = "the log chain is respected", broken = chain_is_respected,
    mend = "Guard it: db.secondary:log_chain_is_whole()." },
  { title = "a pool points at a database that is online", broken = pool_points_at_database,
    mend = "Set the state of the pool after the database was brought online." },
  { title = "active servers are near the database", broken = servers_are_near,
    mend = "Use pool.set_active_servers(pool, near(db.secondary))." },
  { title = "nobody is lost when users are moved", broken = nobody_is_lost,
    mend = "Use each(people.users, {}, move_to(people.new))." },
  { title = "nobody is in two pools", broken = nobody_is_twice,
    mend = "Use each(people.users, {}, move_to(people.new))." },
  { title = "no pool is retired while somebody has a home in it",
    broken = no_pool_is_retired_under_anybody,
    mend = "Put each(…, move_to(people.new)) for users and applications before the step." },
}

-- Why a condition does not hold, or nil. `assumed` is for what cannot be known: see cond.check.
local function reason_against(condition, facts, assumed)
  local ok, reason = cond.check(condition, function(resource)
    return facts[handles.resource(resource)]
  end, assumed)
  return not ok and reason or nil
end

-- The first condition of an invariant that held before the change, or may have, and may not hold
-- after it.
local function newly_broken(invariant, before, after)
  for _, each in ipairs(invariant.conditions) do
    local reason = reason_against(each, after, false)
    if reason and not reason_against(each, before, true) then
      return reason
    end
  end
end

local function add(found, title, text, mend, line)
  found[#found + 1] = { title = title, text = text, mend = mend, line = line }
end

-- {changed}: ids of the resources that one change has made others → {{title, text, mend, line}},
-- what the change has broken. Yields look {when = "before"|"after", resource}, for facts.
function M.broken(args)
  local found, before, after = {}, view "before", view "after"
  for _, each in ipairs(shipped) do
    local text = each.broken(before, after, args.changed)
    if text then
      add(found, each.title, text, each.mend)
    end
  end
  for _, each in ipairs(book.invariants) do
    local text = newly_broken(each, before, after)
    if text then
      add(found, each.title, text, each.mend or each.because, each.place.line)
    end
  end
  return found
end

return M
