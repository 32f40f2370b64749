-- Databases: bringing a copy online.

local _, host = ...
local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local loss = require "bascule/loss"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local principals = require "bascule/vocabulary/principals"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"
local rivals = require "bascule/vocabulary/rivals"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"

-- What the other side gave up when it was handed over, and has not arrived here.
local function behind_handed_over(copy, facts, observe)
  local other = copy.role == "primary" and inventory.copy(copy.database, "secondary")
  local there = other and observe(("database:%s.secondary"):format(copy.database)) or {}
  if there.handed_over_lsn and math.type(there.lsn) == "integer"
    and not match.matches(match.at_least(there.lsn), facts.lsn) then
    return ("%s was handed over at LSN %d, and %s has come to LSN %s: apply its last log backup "
      .. "first"):format(registry.copy_named(copy.database .. ".secondary").title, there.lsn,
        copy.title, text.value(facts.lsn))
  end
end

-- Why the facts of log backups do not tell which of them there are, or nil.
local function doubt_of(backups)
  if backups.problem == nil then
    return backups.problem_text or "nothing tells which of them it needs"
  elseif type(backups.problem) == "string" and backups.problem ~= "none" then
    return backups.problem_text or backups.problem
  end
end

-- Up to which LSN there are log backups that can be applied. What is on a share that nobody can
-- read any more is nothing to wait for; what was copied is there.
local function applicable_lsn(backups)
  return backups.share_readable and backups.last_lsn or backups.copied_lsn
end

-- Log backups that came in after the others were applied would be lost for this copy.
local function behind(copy, facts, observe)
  local found = inventory.database(copy.database)
  if copy.role == "primary" then
    return behind_handed_over(copy, facts, observe)
  elseif copy.role ~= "secondary" or not (found and found.log_shipping) then
    return nil
  end
  local backups = observe(("log_backups:%s.secondary"):format(copy.database))
  local last, applied, doubt = applicable_lsn(backups), backups.applied_lsn, doubt_of(backups)
  if doubt then
    return ("what log backups %s has not applied is in doubt: %s"):format(copy.title, doubt)
  elseif math.type(last) == "integer" and math.type(applied) == "integer" and last > applied then
    return ("%s has log backups up to LSN %d and has applied them up to LSN %d: copy and apply the "
      .. "rest first"):format(copy.title, last, applied)
  end
end

local function waived(a)
  return a.override and book.set[a.override]
end

local function check_override(a)
  if a.override then
    book.overrides[a.override] = true
  end
end

local function unready(copy, facts)
  if facts.commits_held_by then
    return ("%s is online, but its commits wait for %s (synchronous_standby_names), which is not "
      .. "there: bring that standby back, or change the setting"):format(copy.title,
        facts.commits_held_by)
  elseif facts.state == "online" and facts.writable == false then
    return ("%s is online, but its own settings refuse writes: change them, then go on"):format(
      copy.title)
  elseif facts.state ~= "restoring" and facts.state ~= "standby" then
    return ("%s is %s, so it cannot be brought online"):format(copy.title, tostring(facts.state))
  elseif facts.log_shipping == "configured" then
    return ("log shipping into %s is still set up"):format(copy.title)
  elseif facts.log_shipping == nil and facts.log_shipping_job then
    return ("whether log shipping into %s is still set up is in doubt: %s"):format(copy.title,
      facts.reason or facts.log_shipping_job)
  elseif facts.incomplete_lsn then
    return ("log backups up to LSN %d are in %s in part only; apply them first"):format(
      facts.incomplete_lsn, copy.title)
  elseif facts.rights_missing then
    return ("the role that connects to %s may not do what that needs: GRANT %s"):format(copy.title,
      facts.rights_missing)
  end
end

-- What becomes of the tail of the old primary's log: whatever of it is not in the copy stays out
-- of it for good. Where the copy is behind its beginning it is seen afterwards how much that is,
-- and of a log that could not be followed up to here, everything.
local function tail_facts(tail, lsn)
  local unknown = schema.unknown "tail"
  if tail.state == "damaged" then
    return unknown
  elseif tail.state == "unavailable" or tail.state == "too_late" or tail.last_lsn == lsn then
    return nil
  elseif tail.state ~= "empty" and tail.first_lsn == lsn then
    return { state = "too_late" }
  end
  return { state = "too_late", first_lsn = unknown.first_lsn, commits = unknown.commits,
    prepared = tail.prepared and unknown.prepared,
    time = tail.state == "empty" and unknown.time or nil }
end

-- The tail that a copy leaves behind when it is brought online, or nil.
local function tail_of(copy)
  local found = inventory.database(copy.database)
  return found and found.log_shipping and copy.role == "secondary"
    and ("tail:%s.primary"):format(copy.database) or nil
end

local function tail_afterwards(copy, facts, observe, changed)
  local id = tail_of(copy)
  if id then
    changed[id] = tail_facts(observe(id), facts.lsn)
  end
  return changed
end

-- The facts of the log backups that it takes; none of a copy that takes none.
local function backups_of(copy, observe)
  local found = inventory.database(copy.database)
  return found and found.log_shipping and copy.role == "secondary"
    and observe(("log_backups:%s.secondary"):format(copy.database)) or {}
end

-- What is told of the log backups once a copy was brought online, where its platform tells less, or
-- another thing. Of what was never looked at nobody could say afterwards whether it has become
-- another.
local function backups_afterwards(copy, observe, changed)
  local found, afterwards = inventory.database(copy.database), registry.of(copy).backups_afterwards
  if afterwards and found and found.log_shipping then
    for id, facts in pairs(afterwards(copy, backups_of(copy, observe))) do
      changed[id] = observe(id) and facts
    end
  end
  return changed
end

-- Which fork it will be on, where its platform can tell.
local function next_fork(copy, facts, observe)
  local next_of = registry.of(copy).next_fork
  return next_of and next_of(copy, facts, backups_of(copy, observe))
    or schema.unknown_fact("database", "fork")
end

-- What is left behind for good is listed once the copy is online: nothing waits for that before.
local function losses(copy, platform, observe)
  local found = inventory.database(copy.database)
  if not platform.list_lost or copy.role ~= "secondary" or not found.log_shipping then
    return {}
  end
  return platform.list_lost(copy, observe(("tail:%s.primary"):format(copy.database)))
end

local function becomes(copy, facts, observe)
  local changed = {
    state = "online",
    writable = true,
    fork = next_fork(copy, facts, observe),
    recovered_lsn = facts.lsn,
    recovered_time = facts.time,
    reason = copy.role == "primary" and registry.no_reason(copy) or nil,
  }
  -- One that is still to come online shows that the order was given.
  changed.coming_online = registry.of(copy).tells_coming and host.null
  -- Told only of a copy that takes log backups.
  changed.held_by = facts.held_by and host.null
  local found = inventory.database(copy.database)
  if found and found.loss_check and copy.role == "secondary" then
    changed[("sql:%s.kept"):format(copy.database)] = schema.unknown_count()
  end
  return changed
end

-- Why the copy must not be brought online now, or nothing.
local function in_the_way(a, facts, observe)
  local copy = handles.of(a.copy)
  local free = waived(a)
  return not free and rivals.of(copy, observe) or unready(copy, facts)
    or not free and (behind(copy, facts, observe) or rivals.in_use(copy, facts))
end

-- A dead server may take its time to say nothing when its log is looked at. What is in the way is
-- asked afterwards, so that it is not old by the time that the copy comes online; and which log
-- backups there are is seen once the primary is known to send no more, not before.
local function speaks_against(a, facts, observe)
  local tail = tail_of(handles.of(a.copy))
  if tail then
    observe(tail, true)
  end
  return in_the_way(a, facts, observe)
end

-- Brings a restoring copy online on a new recovery fork: from then on no log backup can ever be
-- applied to it. Refuses while another copy answers and could be written to, or does not and is not
-- proved to be fenced where the site says how that is done, while log backups are left to be
-- applied or it is in doubt which are, and while sessions are open where those are in the way;
-- `override` names a setting whose value is the reason to do it all the same. Reports what could
-- not be saved, and which databases stay behind.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 4 (RESTORE … WITH RECOVERY).
local recover = primitive.shipped {
  name = "database.recover",
  doc = "Brings a restoring copy online, writable, on a new recovery fork. The point of no return.",
  args = {
    { "copy", "copy", role = { "secondary", "primary" }, doc = "the copy to bring online" },
    { "override", "text", optional = true,
      doc = "name of the setting that allows it although another copy answers or is not fenced, "
        .. "log backups are left or in doubt, or sessions are open" },
  },
  usage = "database.recover(db.secondary)",
  irreversible = true,
  check = check_override,
  wants = function(_, facts)
    return { state = "online", writable = true,
      commits_held_by = facts.commits_held_by and host.null }
  end,
  requires = speaks_against,
  remembers = function(a, _, observe)
    return loss.sources(handles.of(a.copy), observe)
  end,
  changes = function(a, facts, observe)
    local copy = handles.of(a.copy)
    local platform = registry.of(copy)
    local changes = platform.opens and platform.opens(copy, facts) or {}
    local change = platform.recover(copy, backups_of(copy, observe), facts)
    change.becomes = principals.moves(copy, facts, observe, tail_afterwards(copy, facts, observe,
      backups_afterwards(copy, observe, becomes(copy, facts, observe))))
    -- What comes before takes time, in which a server may have come back, or log backups in. Where
    -- nothing does, that was asked last of all.
    local is_asked = #changes == 0
    change.why_not = function()
      local reason = not is_asked and in_the_way(a, observe(a.copy), observe) or nil
      is_asked = false
      return reason
    end
    changes[#changes + 1] = change
    changes[#changes + 1] = platform.prove and platform.prove(copy)
    for _, listing in ipairs(losses(copy, platform, observe)) do
      changes[#changes + 1] = listing
    end
    return changes
  end,
  -- Of what was changed before it was to come online; it has not, or nothing would be taken back.
  undo = function(a, before)
    local copy = handles.of(a.copy)
    local platform = registry.of(copy)
    return platform.closes and platform.closes(copy, before) or {}
  end,
  tells = function(a, before, _, seen)
    local notes = loss.notes(a.copy, seen)
    if before.closed_by then
      notes[#notes + 1] = { kind = "warning", text = ("clients of %s are refused writes, as they "
        .. "were before: %s"):format(handles.of(a.copy).title, before.closed_by) }
    end
    if waived(a) then
      table.insert(notes, 1, { kind = "warning",
        text = ("%s was given: %s"):format(a.override, waived(a)) })
    end
    return notes
  end,
}

-- Condition for guards: db.secondary:was_recovered(). It is online since this runbook, or another,
-- brought it online.
handles.method("copy", "was_recovered", function(inner)
  return cond.new(inner.id, inner.title .. " was brought online on a recovery fork of its own",
    function(facts)
      if recovered.is_online(facts) then
        return true, recovered.words(inner, facts) .. ", on a recovery fork of its own"
      end
      return false, inner.title .. " was not brought online on a recovery fork of its own"
    end)
end)

return { { name = "database.recover", value = recover } }
