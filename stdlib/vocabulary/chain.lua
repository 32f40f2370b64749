-- The chain of log backups: what speaks against using it, and its changes in batches.
--
-- A chain may hold ten thousand files, so it is never copied: it is walked by index, and each batch
-- is made when it is its turn. Only the last batch says what has become of the whole chain, since
-- to see that all of it has to be read again.

local _, host = ...
local book = require "bascule/language/book"
local entry = require "bascule/platforms/entry"
local inventory = require "bascule/language/inventory"
local match = require "bascule/core/match"
local poison = require "bascule/core/poison"
local registry = require "bascule/platforms/registry"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"

local M = {}

-- Files in one change.
local batch_files = 64

local function backups_id(copy)
  return ("log_backups:%s.secondary"):format(copy.database)
end

M.placeholder = poison.new

function M.wrong_role(copy)
  book.mistake(("only a secondary copy receives log backups, not %s"):format(copy.title),
    "did you mean .secondary?")
  return poison.new()
end

function M.wrong_mirror(copy)
  book.mistake(("%s does not follow that copy"):format(copy.title),
    "write db.secondary_mirror:follows(db.secondary) or db.mirror:follows(db.primary)")
  return poison.new()
end

-- While loading: false when the site does not say where the database's log backups are.
function M.check_shipping(copy)
  local database = inventory.database(copy.database)
  if not database then
    return true
  elseif not database.log_shipping then
    book.mistake(("database %q has no log shipping in the site"):format(copy.database),
      ("add databases.%s.log_shipping with share and destination"):format(copy.database))
    return false
  elseif not database.secondary then
    book.mistake(("database %q has no secondary in the site"):format(copy.database),
      ("add databases.%s.secondary"):format(copy.database))
    return false
  end
  return true
end

local function shipping(copy)
  return inventory.database(copy.database).log_shipping
end

-- Each of these gives a reason why the chain cannot be used, or nil.

function M.unreadable(copy, facts)
  if facts.share_readable ~= false then
    return nil
  end
  local why = facts.problem_text and facts.problem_text ~= "" and ": " .. facts.problem_text or ""
  return ("the backup share %s cannot be read%s"):format(shipping(copy).share, why)
end

-- What is wrong with the log backups that can be read.
function M.troubled(copy, facts)
  if facts.problem == nil or match.matches("none", facts.problem) then
    return nil
  end
  if match.is_unknown(facts.problem) then
    return ("whether the log chain of %s is whole is not known yet"):format(copy.database)
  end
  return ("the log chain of %s is not whole (%s): %s"):format(copy.database,
    facts.problem:gsub("_", " "), facts.problem_text or "no details")
end

function M.broken(copy, facts)
  return M.troubled(copy, facts) or M.unreadable(copy, facts)
end

-- Which log backups a copy needs is told by where it has come to.
local function untold(copy, facts)
  if facts.applied_lsn == nil then
    return ("which log backups %s needs cannot be told: %s"):format(copy.title,
      facts.problem_text or "nothing tells where it has come to")
  end
end

function M.refusal(copy, facts)
  return M.unreadable(copy, facts) or M.broken(copy, facts) or untold(copy, facts)
end

-- What speaks against a copy that takes no log backups any more: those of another fork come from a
-- third copy that was brought online, and two would be writable.
function M.other_fork(copy, facts)
  return facts.problem == "foreign_fork" and M.broken(copy, facts) or nil
end

local function lacks_room(copy, what, needed, free)
  if not free or free >= needed then
    return nil
  end
  return ("there is no room in %s for %s: %s (%d bytes) are needed, %s (%d bytes) are free"):format(
    shipping(copy).destination, what, text.bytes(needed), needed, text.bytes(free), free)
end

function M.no_room(copy, facts)
  return lacks_room(copy, "the log backups still to be copied", facts.pending_bytes or 0,
    facts.free_bytes)
end

-- `facts` are those of the log backups. How much a tail needs not every platform can tell.
function M.no_room_for_tail(copy, tail, facts)
  local bytes_of = registry.of(copy).tail_bytes
  if tail.state ~= "available" or not bytes_of then
    return nil
  end
  return lacks_room(copy, "the tail of the log", bytes_of(tail), facts.free_bytes)
end

local function count_of(facts, is_meant)
  local count = 0
  for _, line in ipairs(facts.chain or {}) do
    count = count + (is_meant(line) and 1 or 0)
  end
  return count
end

-- How many backups of the chain are not in the destination folder.
function M.uncopied(facts)
  return #(facts.chain or {}) - count_of(facts, entry.is_copied)
end

-- What was copied and has to be replaced is no reason: applying does that.
function M.not_copied(facts)
  if (facts.copied_lsn or 0) >= (facts.last_lsn or 0)
    or M.uncopied(facts) == count_of(facts, entry.differs) then
    return nil
  end
  return ("log backups up to LSN %d have not been copied, only up to LSN %d"):format(facts.last_lsn,
    facts.copied_lsn or 0)
end

-- Whether a copy takes log backups in its present state. Where it is closed to its readers while it
-- does, that is not done behind their backs.
function M.not_receptive(facts, copy)
  local sessions = math.type(facts.sessions) == "integer" and facts.sessions or 0
  if facts.held_by then
    return ("%s takes no log backups: %s"):format(copy.title, facts.held_by)
  elseif facts.state == "standby" and sessions > 0 and not registry.of(copy).applies_itself then
    return ("%s is read by %s; end them with sessions.kill_all first"):format(copy.title,
      text.count(sessions, "session"))
  elseif facts.state == "restoring" or facts.state == "standby" then
    return nil
  end
  return ("%s is %s, so no log backup can be applied to it"):format(copy.title,
    text.value(facts.state))
end

-- Whether log backups must be applied before the tail can be.
function M.behind_tail(facts, tail)
  if (facts.lsn or 0) >= tail.first_lsn then
    return nil
  end
  return ("the tail begins after LSN %d, but only LSN %d has been applied"):format(tail.first_lsn,
    facts.lsn or 0)
end

-- The next batch of wanted entries after `index`. Returns the batch, where it ended, and whether
-- nothing wanted comes behind it.
local function next_batch(entries, index, is_wanted)
  local files = {}
  while entries[index + 1] do
    if is_wanted(entries[index + 1]) then
      if #files == batch_files then
        return files, index, false
      end
      files[#files + 1] = entries[index + 1]
    end
    index = index + 1
  end
  return files, index, true
end

-- A function that makes the changes one by one: `make(files)` gives the change and `finish(change)`
-- says what the last of them makes true.
local function in_batches(entries, is_wanted, make, finish)
  local index, is_over = 0, false
  return function()
    if is_over then
      return nil
    end
    local files
    files, index, is_over = next_batch(entries, index, is_wanted)
    if #files == 0 then
      return nil
    end
    local change = make(files)
    if is_over then
      finish(change)
    end
    return change, is_over
  end
end

-- Changes that copy what is missing. They are about the copy whose folder is filled: looking at it
-- is cheap, looking at the whole chain is not.
function M.copying(copy, facts)
  local platform = registry.of(copy)
  return in_batches(facts.chain, function(line)
    return not entry.is_copied(line)
  end, function(files)
    local change = platform.copy_log_backups(copy, files)
    change.resource, change.becomes, change.repeatable = copy.id, {}, true
    return change
  end, function(change)
    change.becomes[backups_id(copy)] = M.applied_meanwhile(copy,
      { copied_lsn = facts.last_lsn, pending_bytes = 0 })
  end)
end

-- A copy that applies what it is given by itself has done so with some of it, or all.
function M.applied_meanwhile(copy, becomes)
  if registry.of(copy).applies_itself then
    becomes.applied_lsn = schema.unknown_fact("log_backups", "applied_lsn")
    becomes.applied_time = schema.unknown_fact("log_backups", "applied_time")
  end
  return becomes
end

-- A standby can be read, so that it is counted anew what of the clients' work is in it.
local function counted_anew(copy, now)
  local database = inventory.database(copy.database)
  if now.state ~= "standby" or not (database and database.loss_check) then
    return nil
  end
  return schema.unknown_count()
end

local function kept_id(copy)
  return ("sql:%s.kept"):format(copy.database)
end

-- What an apply that was killed has left in part is whole once all of it is applied.
function M.whole_after(now, lsn)
  return lsn >= (now.incomplete_lsn or lsn + 1) and host.null or nil
end

-- The changes that replace what was damaged since it was copied, or when. A copy that applies what
-- it is given by itself comes to a halt there.
local function replacing(copy, facts)
  local changes = {}
  if (facts.copied_lsn or 0) < (facts.last_lsn or 0) then
    for change in M.copying(copy, facts) do
      changes[#changes + 1] = change
    end
  end
  return changes
end

-- Whether a copy may fetch log backups in another way while it is waited for.
function M.hastens(copy)
  local platform = registry.of(copy)
  return platform.hastens ~= nil and platform.hastens(copy)
end

-- The change that puts back how a copy fetches log backups, where it was left to do that otherwise.
function M.out_of_haste(copy, now)
  local platform = registry.of(copy)
  local change = platform.out_of_haste and platform.out_of_haste(copy, now)
  if change then
    change.resource = copy.id
  end
  return change
end

-- The last change of a copy that applies what it is given by itself: waiting for that.
local function awaiting(copy, facts, now)
  if #(facts.chain or {}) == 0 then
    return { M.out_of_haste(copy, now) }
  end
  local changes = replacing(copy, facts)
  local change = registry.of(copy).replay_log_backups(copy, facts, now)
  local time = facts.last_time or schema.unknown_fact("log_backups", "applied_time")
  change.resource = copy.id
  change.becomes = { lsn = facts.last_lsn, time = time,
    incomplete_lsn = M.whole_after(now, facts.last_lsn),
    [backups_id(copy)] = { applied_lsn = facts.last_lsn, applied_time = time },
    [kept_id(copy)] = counted_anew(copy, now) }
  changes[#changes + 1] = change
  return changes
end

-- `now` are the facts of the copy itself.
function M.applying(copy, facts, now)
  local platform = registry.of(copy)
  if platform.applies_itself then
    return awaiting(copy, facts, now)
  end
  return in_batches(facts.chain, function(line)
    return entry.last_lsn(line) > (facts.applied_lsn or 0)
  end, function(files)
    local last = entry.read(files[#files])
    local change = platform.apply_log_backups(copy, files)
    change.resource = copy.id
    change.becomes = { lsn = last.last_lsn, time = last.time,
      incomplete_lsn = M.whole_after(now, last.last_lsn) }
    return change
  end, function(change)
    change.becomes[backups_id(copy)] = { applied_lsn = change.becomes.lsn,
      applied_time = change.becomes.time }
    change.becomes[kept_id(copy)] = counted_anew(copy, now)
  end)
end

-- Two changes: the tail becomes a log backup, and that is applied.
function M.salvaging(dead, copy, tail, now)
  local platform = registry.of(copy)
  local salvage = platform.salvage_tail(dead, copy, tail)
  salvage.becomes = {
    state = "salvaged",
    [backups_id(copy)] = M.applied_meanwhile(copy, { last_lsn = tail.last_lsn,
      last_time = tail.time, copied_lsn = tail.last_lsn }),
  }
  local apply = platform.apply_tail(dead, copy, tail)
  apply.resource = copy.id
  apply.becomes = {
    lsn = tail.last_lsn, time = tail.time,
    incomplete_lsn = M.whole_after(now, tail.last_lsn),
    [backups_id(copy)] = { applied_lsn = tail.last_lsn, applied_time = tail.time },
    [kept_id(copy)] = counted_anew(copy, now),
  }
  if tail.state == "salvaged" then
    return { apply }
  end
  return { salvage, apply }
end

return M
