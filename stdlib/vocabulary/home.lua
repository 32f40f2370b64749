-- The way home after a failover, and the planned change of sides: the copy of one side is closed at
-- its last commit and the copy of the other is brought up to that very commit, so that nothing is
-- lost and two copies that can be written to never exist.
--
-- What a platform has to be able to do for it, each as one change:
--   seed(from, copy)      a full copy left restoring; what was there is kept aside, never
--                         overwritten (pg_rewind or a base backup; BACKUP and RESTORE … WITH
--                         REPLACE, NORECOVERY after what is there has been set aside)
--   unseed(from, copy, restore)
--                         takes that back; with `restore` what was there gets its place again
--   catch_up(from, copy)  whatever `from` has committed is in `copy` too, or it fails (RESTORE LOG
--                         … WITH NORECOVERY; replay to the end of the last WAL record)
--   hand_over(copy)       the last log backup, after which the copy is restoring (BACKUP LOG …
--                         WITH NORECOVERY; a clean shutdown, all WAL archived, standby.signal)
--   reopen(copy)          opens it again where it was closed (RESTORE … WITH RECOVERY; a start
--                         without standby.signal)
--   install_log_shipping(from, copy, job, anew), log_shipping_job(copy), remove_mirror(copy)
-- A change may say itself what else it makes true (`becomes`). `closed_state` of a platform is what
-- a copy is that takes log backups: restoring, unless it says otherwise.

local _, host = ...
local book = require "bascule/language/book"
local chain = require "bascule/vocabulary/chain"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local principals = require "bascule/vocabulary/principals"
local registry = require "bascule/platforms/registry"
local rivals = require "bascule/vocabulary/rivals"
local schema = require "bascule/facts/schema"

local both = { "secondary", "primary" }
local other_side = { primary = "secondary", secondary = "primary" }

local function other_of(copy)
  return registry.copy_named(copy.database .. "." .. other_side[copy.role])
end

-- While loading: both must be copies of one database that ships its log.
local function check_sides(copy, other)
  if other and (other.database ~= copy.database or other.role == copy.role) then
    book.mistake(("%s and %s are not the two sides of a database"):format(copy.title, other.title),
      "write the primary and the secondary of the same one")
    return false
  end
  return chain.check_shipping(copy)
end

local closed = registry.closed_state

local is_half_closed = rivals.is_half_closed

-- A change with what it makes true beside what its platform says.
local function becoming(change, becomes)
  for key, value in next, change.becomes or {} do
    becomes[key] = value
  end
  change.becomes = becomes
  return change
end

-- Whether it is known how far an online copy has come.
local function is_counted(facts)
  return (facts.fork or "") ~= "" and (facts.reason or "") == ""
end

-- Everything that is known of a secondary's log backups counts from another LSN afterwards.
local function chain_afterwards(copy, changed)
  changed[("log_backups:%s.secondary"):format(copy.database)] = schema.unknown "log_backups"
  changed[("log_chain:%s.secondary"):format(copy.database)] = schema.unknown "log_chain"
  changed[("tail:%s.primary"):format(copy.database)] = schema.unknown "tail"
  return changed
end

-- Whether the clients' work can be counted in a secondary changes with its state.
local function counted_anew(copy, changed)
  local found = inventory.database(copy.database)
  if copy.role == "secondary" and found and found.loss_check then
    changed[("sql:%s.kept"):format(copy.database)] = schema.unknown_count()
  end
  return changed
end

-- Seeding

local gone = {
  state = "missing", writable = false, database_id = host.null, fork = host.null, lsn = host.null,
  time = host.null, recovered_lsn = host.null, recovered_time = host.null,
  incomplete_lsn = host.null, handed_over_lsn = host.null,
}

-- What is there may hold the only trace of a commit: it is put aside, and only when nobody uses it.
local function not_replaceable(copy, facts)
  if facts.state == "unreachable" or facts.state == "unknown" then
    local why = (facts.reason or "") ~= "" and (" (%s)"):format(facts.reason) or ""
    return ("%s is %s%s: its data centre must be back first"):format(copy.title, facts.state, why)
  elseif facts.writable or facts.state == "online" then
    return ("%s can be written to: fence it first, for what it has taken since the failover would "
      .. "be put aside"):format(copy.title)
  end
  return rivals.in_use(copy, facts)
end

local function not_seeding(from, facts)
  if facts.state ~= "online" or not facts.writable then
    return ("%s is %s, so nothing can be seeded from it"):format(from.title, tostring(facts.state))
  elseif not is_counted(facts) then
    return ("how far %s has come is not known%s; install its mirror anew, which counts from then "
      .. "on"):format(from.title, (facts.reason or "") ~= "" and ": " .. facts.reason or "")
  end
end

-- Where a copy stands whose clients go on meanwhile is seen only afterwards.
local unknown_lsn = schema.unknown_fact("database", "lsn")

local function seeded(copy, from, there)
  local becomes = list.copy(gone)
  becomes.state, becomes.database_id, becomes.fork = closed(copy), there.database_id, there.fork
  becomes.lsn, becomes.time, becomes.reason = there.lsn, there.time, registry.no_reason(copy)
  becomes[from.id] = { lsn = unknown_lsn }
  return becomes
end

-- Copies the side that is online in full to the other, while its clients work, and leaves that copy
-- restoring. What was there is renamed, never overwritten. A copy that was seeded from the same
-- recovery fork before is kept.
-- Source: Lync Server 2013, Failing back Persistent Chat Server, steps 3 and 4, but WITH
-- NORECOVERY: the page restores with recovery, and what clients wrote since the backup would be
-- lost.
local seed = primitive.shipped {
  name = "database.seed",
  doc = "Copies a database in full to its other side and leaves the copy there restoring.",
  args = {
    { "copy", "copy", role = "primary", doc = "the copy to make" },
    { "from", "copy", role = "secondary", doc = "the copy that is online" },
  },
  usage = "database.seed { copy = db.primary, from = db.secondary }",
  check = function(a)
    return check_sides(handles.of(a.copy), handles.of(a.from))
  end,
  wants = function(a, facts, observe)
    local there = observe(a.from)
    return {
      state = closed(handles.of(a.copy)),
      fork = is_counted(there) and there.fork or match.other_than(facts.fork),
    }
  end,
  requires = function(a, facts, observe)
    return not_seeding(handles.of(a.from), observe(a.from))
      or not_replaceable(handles.of(a.copy), facts)
  end,
  changes = function(a, facts, observe)
    local copy, from = handles.of(a.copy), handles.of(a.from)
    local change = registry.able(copy, "seed")(from, copy)
    local becomes = seeded(copy, from, observe(a.from))
    if registry.of(copy).mirrors_dial then
      principals.moves(copy, facts, observe, becomes)
    end
    return { becoming(change, becomes) }
  end,
  undo = function(a, before)
    local copy = handles.of(a.copy)
    local change = registry.able(copy, "unseed")(handles.of(a.from), copy,
      before.state ~= "missing", before)
    local becomes = list.copy(gone)
    for key in next, gone do
      if before[key] ~= nil then
        becomes[key] = before[key]
      end
    end
    return { becoming(change, becomes) }
  end,
}

-- Catching up

local function not_catching_up(copy, facts, from, there)
  if there.state ~= "online" and there.state ~= closed(from) then
    return ("%s is %s"):format(from.title, tostring(there.state))
  elseif facts.state ~= closed(copy) then
    return ("%s is %s, so no log backup can be applied to it"):format(copy.title,
      tostring(facts.state))
  elseif copy.role == "secondary" and facts.log_shipping == "configured" then
    return ("log shipping into %s is still set up"):format(copy.title)
  elseif facts.database_id ~= there.database_id or facts.fork ~= there.fork then
    return ("%s is not on the recovery fork of %s: seed it first"):format(copy.title, from.title)
  elseif there.state == "online" and not is_counted(there) then
    return ("how far %s has come is not known: %s"):format(from.title, there.reason or "")
  end
  return rivals.in_use(copy, facts)
end

-- The LSN to come to. Where the other side is online it goes on meanwhile.
local function where(from, there)
  if math.type(there.lsn) ~= "integer" then
    return match.not_known_yet("where " .. from.title .. " stands")
  end
  return there.state == closed(from) and there.lsn or match.brought_to(there.lsn)
end

local function caught_up(copy, from, there)
  local unknown = schema.unknown "log_backups"
  local is_over = there.state == closed(from)
  local lsn, time = there.lsn, there.time
  local becomes = { lsn = lsn, time = time, incomplete_lsn = host.null,
    handed_over_lsn = host.null }
  if copy.role == "secondary" then
    lsn, time = is_over and lsn or unknown.last_lsn, is_over and time or unknown.last_time
  end
  if copy.role == "secondary" and closed(copy) == "standby" then
    counted_anew(copy, becomes)
  end
  if inventory.database(copy.database).log_shipping then
    becomes[("log_backups:%s.secondary"):format(copy.database)] = copy.role == "secondary"
      and { applied_lsn = lsn, copied_lsn = lsn, last_lsn = lsn, applied_time = time,
        last_time = time } or nil
  end
  return becomes
end

-- Brings a restoring copy up to where the other side stands: up to its last commit when that was
-- handed over, otherwise up to a moment during the step, whether or not it stood there before.
-- Fails when the log backups do not lead there.
-- Source: RESTORE LOG … WITH NORECOVERY of what BACKUP LOG … WITH NORECOVERY has written.
local catch_up = primitive.shipped {
  name = "database.catch_up",
  doc = "Brings a restoring copy up to where the other side of its database stands.",
  args = {
    { "copy", "copy", role = both, doc = "the restoring copy" },
    { "from", "copy", role = both, doc = "the other side, online or handed over" },
  },
  usage = "database.catch_up { copy = db.primary, from = db.secondary }",
  check = function(a)
    return check_sides(handles.of(a.copy), handles.of(a.from))
  end,
  wants = function(a, facts, observe)
    local there = observe(a.from)
    return {
      fork = there.fork or match.other_than(facts.fork),
      lsn = where(handles.of(a.from), there),
    }
  end,
  requires = function(a, facts, observe)
    return not_catching_up(handles.of(a.copy), facts, handles.of(a.from), observe(a.from))
  end,
  changes = function(a, _, observe)
    local copy, from = handles.of(a.copy), handles.of(a.from)
    local there = observe(a.from)
    local change = registry.able(copy, "catch_up")(from, copy, there)
    return { becoming(change, caught_up(copy, from, there)) }
  end,
  harmless = "the copy has to have it anyway",
}

-- Handing over

-- Why nobody could go on where this copy ends, or nil.
local function no_heir(copy, facts, observe)
  local other = other_of(copy)
  local there = observe(other.id)
  if there.state ~= closed(other) then
    return ("%s is %s, so it cannot take over"):format(other.title, tostring(there.state))
  elseif there.database_id ~= facts.database_id or there.fork ~= facts.fork then
    return ("%s is not on the recovery fork of %s, so it cannot take over: seed it first"):format(
      other.title, copy.title)
  end
end

local function is_mirrored(copy, observe)
  for mirror, principal in pairs(inventory.principal_of) do
    if principal == copy.role and inventory.copy(copy.database, mirror)
      and observe(("mirror:%s.%s"):format(copy.database, mirror)).state == "following" then
      return ("%s has a mirror that follows it: remove it first"):format(copy.title)
    end
  end
end

-- A copy that is half closed cannot be asked what it is: that the other side is on its fork was
-- seen before.
local function like_the_other(copy, facts, observe)
  return is_half_closed(copy, facts) and observe(other_of(copy).id) or {}
end

-- Whatever came in last is in the last log backup.
local function handed_over(copy, facts, observe)
  local heir = like_the_other(copy, facts, observe)
  return chain_afterwards(copy, counted_anew(copy, {
    state = closed(copy), writable = false, recovered_lsn = host.null, recovered_time = host.null,
    database_id = heir.database_id, fork = heir.fork,
    handed_over_lsn = schema.unknown_fact("database", "handed_over_lsn"), lsn = unknown_lsn,
  }))
end

-- Takes the last log backup of a copy and leaves it restoring: from then on nobody can write to it,
-- and whoever applies that log backup holds everything. It can be opened again without loss, and
-- the undo does so, until the other side is brought online.
-- Source: BACKUP LOG … WITH NORECOVERY (tail-log backup); the failback page has no such step and
-- leaves two copies that can be written to.
local hand_over
local reopen

hand_over = primitive.shipped {
  name = "database.hand_over",
  doc = "Takes the last log backup of a copy and leaves it restoring; the undo opens it again.",
  args = { { "copy", "copy", role = both, doc = "the copy that is online" } },
  usage = "database.hand_over(db.secondary)",
  check = function(a)
    return check_sides(handles.of(a.copy))
  end,
  wants = function(a)
    return { state = closed(handles.of(a.copy)) }
  end,
  requires = function(a, facts, observe)
    local copy = handles.of(a.copy)
    if is_half_closed(copy, facts) then
      return nil
    elseif facts.state ~= "online" then
      return ("%s is %s, so it cannot be handed over"):format(copy.title, tostring(facts.state))
    elseif facts.writable and not is_counted(facts) then
      return ("how far %s has come is not known, so its last log backup cannot be taken%s"):format(
        copy.title, (facts.reason or "") ~= "" and ": " .. facts.reason or "")
    end
    return no_heir(copy, facts, observe) or is_mirrored(copy, observe) or rivals.in_use(copy, facts)
  end,
  changes = function(a, facts, observe)
    local copy = handles.of(a.copy)
    return { becoming(registry.able(copy, "hand_over")(copy), handed_over(copy, facts, observe)) }
  end,
  undo = function(a)
    return { reopen(a.copy) }
  end,
}

local function reopened(copy, facts, observe)
  local unknown, heir = schema.unknown "database", like_the_other(copy, facts, observe)
  return chain_afterwards(copy, counted_anew(copy, {
    state = "online", writable = true, handed_over_lsn = host.null,
    database_id = heir.database_id, fork = heir.fork,
    recovered_lsn = unknown.recovered_lsn, recovered_time = unknown.recovered_time,
  }))
end

-- Opens a copy again that was handed over, on the recovery fork that it had, as long as no other
-- copy was brought online instead.
-- Source: RESTORE DATABASE … WITH RECOVERY after a tail-log backup that nobody needs.
reopen = primitive.shipped {
  name = "database.reopen",
  doc = "Opens a copy again that was handed over, unless another was brought online instead.",
  args = { { "copy", "copy", role = both, doc = "the copy that was handed over" } },
  usage = "database.reopen(db.secondary)",
  check = function(a)
    return check_sides(handles.of(a.copy))
  end,
  wants = function()
    return { state = "online", writable = true }
  end,
  requires = function(a, facts, observe)
    local copy = handles.of(a.copy)
    local reason = rivals.of(copy, observe)
    if reason then
      return reason
    elseif facts.state ~= "online" and not facts.handed_over_lsn
      and not is_half_closed(copy, facts) then
      return ("%s is %s and was not handed over, or has taken log backups since"):format(copy.title,
        tostring(facts.state))
    end
    return rivals.in_use(copy, facts)
  end,
  changes = function(a, facts, observe)
    local copy = handles.of(a.copy)
    return { becoming(registry.able(copy, "reopen")(copy), reopened(copy, facts, observe)) }
  end,
  undo = function(a)
    return { hand_over(a.copy) }
  end,
}

return {
  { name = "database.seed", value = seed },
  { name = "database.catch_up", value = catch_up },
  { name = "database.hand_over", value = hand_over },
  { name = "database.reopen", value = reopen },
}
