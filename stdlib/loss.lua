-- What a failover cannot save: before it, as a window; after it, as counts.

local effects = require "bascule/effects"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local text = require "bascule/core/text"

local M = {}

local function at(lsn, time)
  return ("LSN %s (%s)"):format(text.value(lsn), text.time(time))
end

local function observe_if(wanted, resource)
  return wanted and effects.observe(resource) or {}
end

-- Facts of everything that knows how far the database had come; absent ones are empty. Bringing
-- the copy online starts a new fork, after which old log backups and the old primary's log say
-- nothing about it any more: whoever reports a loss afterwards asks for these before.
function M.sources(copy)
  local found = inventory.database(copy.database) or {}
  local has_backups = found.log_shipping and copy.role == "secondary"
  return {
    copy = effects.observe(copy.id),
    backups = observe_if(has_backups, ("log_backups:%s.secondary"):format(copy.database)),
    tail = observe_if(has_backups, ("tail:%s.primary"):format(copy.database)),
  }
end

-- How far the copy had come when it was brought online, or has come so far. What clients have
-- written to it since then is of its own fork and says nothing about the loss.
local function applied(seen)
  if seen.copy.recovered_lsn then
    return seen.copy.recovered_lsn, seen.copy.recovered_time
  end
  return seen.copy.lsn or 0, seen.copy.time
end

-- States of a tail in which it is known where it ends.
local ended_tails = { "available", "salvaged", "damaged", "too_late" }

-- The last LSN that anything is known of: applied, in a log backup, or in the tail.
function M.last_known(seen)
  local lsn, time = applied(seen)
  local where = "this copy"
  if (seen.backups.last_lsn or 0) > lsn then
    lsn, time, where = seen.backups.last_lsn, seen.backups.last_time, "the log backups"
  end
  local tail = seen.tail
  if list.contains(ended_tails, tail.state) and (tail.last_lsn or 0) > lsn then
    lsn, time, where = tail.last_lsn, tail.time, "the log of the dead primary"
  end
  return lsn, time, where
end

local function missing_line(seen, lsn, time, where)
  local behind = lsn - (seen.copy.lsn or 0)
  if behind <= 0 then
    return nil
  end
  local from, to = text.instant(seen.copy.time), text.instant(time)
  local span = from and to and to >= from and " over " .. text.duration(to - from) or ""
  return ("The last commit that is known of is %s, in %s: %s%s will be lost."):format(at(lsn, time),
    where, text.count(behind, "LSN"), span)
end

local tail_words = {
  unavailable = "The disk of the old primary cannot be read: what it committed after its last log "
    .. "backup is lost.",
  damaged = "The log of the old primary is damaged: what it committed after its last log backup is "
    .. "lost.",
  empty = "The old primary's log holds nothing that is not in the log backups.",
  available = "The old primary's log can be read, but what it holds has not been salvaged.",
}

local function tail_line(seen)
  if seen.tail.state ~= "salvaged" then
    return tail_words[seen.tail.state]
  elseif (seen.copy.lsn or 0) >= (seen.tail.last_lsn or 0) then
    return "The tail of the old primary's log has been salvaged and applied."
  end
  return "The tail of the old primary's log has been salvaged, but it is not applied."
end

local function known_line(database)
  local found = inventory.database(database)
  if not (found and found.loss_check) then
    return nil
  end
  local known = effects.observe("sql:" .. database .. ".known")
  if type(known.count) == "number" then
    return ("%s were acknowledged to clients; how many of them are here is counted when it is "
      .. "online."):format(text.count(text.thousands(known.count), "message"))
  end
  return "How many messages were acknowledged to clients cannot be read: "
    .. tostring(known.reason or "unknown") .. "."
end

-- One sentence for each database that stays behind, with its backlog where it can be read.
local function left_behind()
  local lines = {}
  for _, name in ipairs(inventory.never_failed_over()) do
    local found = inventory.database(name)
    local line = ("%s is not failed over."):format(name)
    if found.note then
      line = line .. " " .. text.trim(found.note)
    end
    if found.backlog then
      local backlog = effects.observe("sql:" .. name .. ".backlog")
      line = line .. (type(backlog.count) == "number"
        and (" Its backlog is %s."):format(text.count(text.thousands(backlog.count), "row"))
        or " Its backlog cannot be counted while its server is down.")
    end
    lines[#lines + 1] = line
  end
  return lines
end

-- The lines that a gate shows before `copy_handle` is brought online, and how many of them, from
-- the first, say what is lost: those are approved as the plan shows them, or not at all.
function M.window(copy_handle)
  local copy = handles.of(copy_handle)
  local seen = M.sources(copy)
  local lsn, time, where = M.last_known(seen)
  local lines = { ("%s comes online at %s."):format(text.sentence(copy.title),
    at(seen.copy.lsn, seen.copy.time)) }
  lines[#lines + 1] = missing_line(seen, lsn, time, where)
    or ("Nothing later is known of: every log backup up to %s has been applied."):format(
      at(lsn, time))
  lines[#lines + 1] = tail_line(seen)
  local binding = #lines
  lines[#lines + 1] = known_line(copy.database)
  for _, line in ipairs(left_behind()) do
    lines[#lines + 1] = line
  end
  return lines, binding
end

local function counted(known, kept, since)
  if type(known.count) ~= "number" then
    return ("how many messages were acknowledged cannot be read: %s"):format(tostring(
      known.reason or "unknown"))
  elseif match.is_unknown(kept.count) then
    return ("how many of %s committed messages are in it is counted once it is online"):format(
      text.thousands(known.count))
  elseif type(kept.count) ~= "number" then
    return ("how many of %s committed messages are in it cannot be read: %s"):format(
      text.thousands(known.count), tostring(kept.reason or "unknown"))
  end
  return ("%s of %s committed messages are in the new primary, %s are lost%s"):format(
    text.thousands(math.min(kept.count, known.count)), text.thousands(known.count),
    text.thousands(math.max(0, known.count - kept.count)), since)
end

-- Messages can only be counted as they are now.
local function since_words(facts)
  local is_as_it_was = facts.lsn == facts.recovered_lsn and (facts.reason or "") == ""
  return is_as_it_was and "" or ", counted with what was written since then"
end

local function loss_note(copy, seen)
  local lsn, time = M.last_known(seen)
  local applied_lsn, applied_time = applied(seen)
  local words = ("%s is online: last applied %s of last known %s"):format(
    text.sentence(copy.title), at(applied_lsn, applied_time), at(lsn, time))
  local data = { applied_lsn = applied_lsn, applied_time = applied_time, known_lsn = lsn,
    known_time = time }
  local found = inventory.database(copy.database)
  if found and found.loss_check then
    local known = effects.observe("sql:" .. copy.database .. ".known")
    local kept = effects.observe("sql:" .. copy.database .. ".kept")
    local since = seen.copy.recovered_lsn and since_words(seen.copy) or ""
    words = words .. "; " .. counted(known, kept, since)
    data.known, data.kept = known.count, kept.count
    if type(known.count) == "number" and type(kept.count) == "number" then
      data.lost = math.max(0, known.count - kept.count)
    end
  end
  return { kind = "loss", text = words, data = data }
end

-- The notes that follow bringing a copy online; `seen` are its sources before that.
function M.notes(copy_handle, seen)
  local copy = handles.of(copy_handle)
  local notes = { loss_note(copy, seen or M.sources(copy)) }
  for _, line in ipairs(left_behind()) do
    notes[#notes + 1] = { kind = "warning", text = line }
  end
  return notes
end

return M
