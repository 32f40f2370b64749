-- What a failover cannot save: before it, as a window; after it, as counts.

local effects = require "bascule/effects"
local entry = require "bascule/platforms/entry"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"
local text = require "bascule/core/text"

local M = {}

local function at(lsn, time)
  return ("LSN %s (%s)"):format(text.value(lsn), text.time(time))
end


local function is_counted(database)
  local found = inventory.database(database)
  return found ~= nil and found.loss_check ~= nil
end

-- What a standby holds can be counted before anybody can write to it: that count tells what is lost
-- whatever its clients do afterwards.
local function count_before(copy, facts, observe)
  if facts.state ~= "standby" or not is_counted(copy.database) then
    return nil
  end
  local count = observe("sql:" .. copy.database .. ".kept").count
  return type(count) == "number" and count or nil
end

-- Facts of everything that knows how far the database had come; absent ones are empty. Bringing
-- the copy online starts a new fork, after which old log backups and the old primary's log say
-- nothing about it any more: whoever reports a loss afterwards asks for these before. `observe`
-- gives facts that were seen already.
function M.sources(copy, observe)
  local found = inventory.database(copy.database) or {}
  local has_backups = found.log_shipping and copy.role == "secondary"
  observe = observe or effects.observe
  local function observe_if(wanted, resource)
    return wanted and observe(resource:format(copy.database)) or {}
  end
  local facts = observe(copy.id)
  return {
    copy = facts,
    kept = count_before(copy, facts, observe),
    handed_over = observe_if(copy.role == "primary" and found.secondary, "database:%s.secondary"),
    backups = observe_if(has_backups, "log_backups:%s.secondary"),
    tail = observe_if(has_backups, "tail:%s.primary"),
  }
end

-- An LSN that is known, else 0.
local function lsn_of(value)
  return math.type(value) == "integer" and value or 0
end

-- How far the copy had come when it left the fork of its log backups, or has come so far. What
-- clients have written to it since then is of its own fork and says nothing about the loss.
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
  if math.type(lsn) ~= "integer" then
    return lsn, time, where -- it is seen only once it is online
  end
  if lsn_of(seen.backups.last_lsn) > lsn then
    lsn, time, where = seen.backups.last_lsn, seen.backups.last_time, "the log backups"
  end
  local tail = seen.tail
  if list.contains(ended_tails, tail.state) and lsn_of(tail.last_lsn) > lsn then
    lsn, time, where = tail.last_lsn, tail.time, "the log of the dead primary"
  end
  return lsn, time, where
end

local complete_tails = { "salvaged", "empty" }

-- What is wrong with a tail that was salvaged as far as it could be, or nil.
local function flaw_of(tail)
  local has_flaw = tail.state == "salvaged" and (tail.reason or "") ~= ""
  return has_flaw and tail.reason or nil
end

-- Whether it is certain that the copy has all that was ever committed on the fork of its log
-- backups. That a copy is online does not tell: it may have been brought online long ago, for
-- another purpose, and the primary may have gone on without it.
function M.is_excluded(seen)
  return lsn_of((M.last_known(seen))) <= lsn_of((applied(seen)))
    and seen.backups.share_readable == true and seen.backups.problem == "none"
    and not seen.backups.doubt
    and list.contains(complete_tails, seen.tail.state) and not flaw_of(seen.tail)
end

local function where_line(copy, seen)
  local title, place = text.sentence(copy.title), at(applied(seen))
  if recovered.is_online(seen.copy) then
    return ("%s is online since %s, on a recovery fork of its own: no log backup can be applied to "
      .. "it any more."):format(title, place)
  end
  return ("%s comes online at %s."):format(title, place)
end

-- Why there may be log backups of which nothing is known, or nil.
local function doubt(seen)
  local backups = seen.backups
  if backups.share_readable == false then
    return "The backup share cannot be read: what it holds beyond that is not known."
  elseif backups.problem and backups.problem ~= "none" then
    return ("The log backups cannot be followed beyond that: %s."):format(backups.problem_text
      or backups.problem)
  elseif backups.doubt then
    return text.sentence(backups.doubt) .. "."
  end
end

-- Timelines that left before the copy got so far, as a text; nil where there is none. Nothing tells
-- one that was tried and given up from one that somebody works on.
local function other_timelines(seen)
  local words = list.map(seen.backups.timelines or {}, function(line)
    local history = entry.read(line)
    return ("%s (left at LSN %d)"):format(history.file, history.first_lsn)
  end)
  return #words > 0 and table.concat(words, ", ") or nil
end

local function timelines_line(seen)
  local words = other_timelines(seen)
  return words and ("Taken for timelines that were tried and given up: %s. If a server works on "
    .. "one of them, this copy becomes a second primary."):format(words)
end

-- How much of the log lies between two LSNs, in the words of the copy's platform.
local function log_words(copy, lsns)
  local words = registry.of(copy).log_words
  return words and words(lsns) or text.count(lsns, "LSN")
end

local function missing_line(copy, seen)
  local lsn, time, where = M.last_known(seen)
  local applied_lsn, applied_time = applied(seen)
  if lsn_of(lsn) <= lsn_of(applied_lsn) then
    return doubt(seen) and ("Nothing later than %s is known of."):format(at(lsn, time))
      or ("Nothing later is known of: every log backup up to %s has been applied."):format(
        at(lsn, time))
  end
  local from, to = text.instant(applied_time), text.instant(time)
  local span = from and to and to >= from and " over " .. text.duration(to - from) or ""
  return ("The last commit that is known of is %s, in %s: %s%s %s lost."):format(at(lsn, time),
    where, log_words(copy, lsn - applied_lsn), span,
    recovered.is_online(seen.copy) and "are" or "will be")
end

-- What a copy has left behind is not lost for good as long as somebody can read it.
local function savable_line(seen)
  local last = lsn_of(seen.backups.last_lsn)
  if not recovered.has_left(seen.copy) or last <= seen.copy.recovered_lsn then
    return nil
  end
  return ("What the log backups hold up to LSN %d can still be saved, but only into a copy that "
    .. "has not left their recovery fork: whoever wants that answers no."):format(last)
end

local tail_words = {
  unavailable = "The disk of the old primary cannot be read: what it committed after its last log "
    .. "backup is lost.",
  damaged = "The log of the old primary is damaged: what it committed after its last log backup is "
    .. "lost.",
  empty = "The old primary's log holds nothing that is not in the log backups.",
  available = "The old primary's log can be read, but what it holds has not been salvaged.",
  too_late = "The old primary's log can be read, but what it holds came too late for this copy.",
}

local function tail_line(seen)
  if seen.tail.state ~= "salvaged" then
    return tail_words[seen.tail.state]
  elseif lsn_of((applied(seen))) >= lsn_of(seen.tail.last_lsn) then
    local flaw = flaw_of(seen.tail)
    return "The tail of the old primary's log has been salvaged and applied"
      .. (flaw and ", as far as it is whole: " .. flaw or "") .. "."
  end
  return "The tail of the old primary's log has been salvaged, but it is not applied."
end

-- Whether the copy is still as it was when it was brought online, so that counting its messages
-- tells how many were lost. Messages that came since then cannot be told from those.
local function is_untouched(facts)
  return not recovered.is_online(facts)
    or (facts.lsn == facts.recovered_lsn and (facts.reason or "") == "")
end

local function counted(known, kept, untouched)
  if type(known.count) ~= "number" then
    return ("how many messages were acknowledged cannot be read: %s"):format(tostring(
      known.reason or "unknown"))
  elseif match.is_unknown(kept.count) then
    return ("how many of %s committed messages are in it is counted once it is online"):format(
      text.thousands(known.count))
  elseif type(kept.count) ~= "number" then
    return ("how many of %s committed messages are in it cannot be read: %s"):format(
      text.thousands(known.count), tostring(kept.reason or "unknown"))
  elseif not untouched then
    return ("%s are in it now, with what was written since then; how many of %s committed messages "
      .. "are lost can no longer be counted"):format(
        text.count(text.thousands(kept.count), "message"), text.thousands(known.count))
  end
  return ("%s of %s committed messages are in the new primary, %s are lost"):format(
    text.thousands(math.min(kept.count, known.count)), text.thousands(known.count),
    text.thousands(math.max(0, known.count - kept.count)))
end

local function counts_of(database)
  return effects.observe("sql:" .. database .. ".known"),
    effects.observe("sql:" .. database .. ".kept")
end

local function known_line(copy, seen)
  local facts = seen.copy
  if not is_counted(copy.database) then
    return nil
  end
  local known, kept = counts_of(copy.database)
  if seen.kept and type(known.count) == "number" then
    return ("%s were acknowledged to clients; %s are here so far."):format(
      text.count(text.thousands(known.count), "message"), text.thousands(seen.kept))
  elseif recovered.is_online(facts) then
    return text.sentence(counted(known, kept, is_untouched(facts))) .. "."
  elseif type(known.count) == "number" then
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
-- the first, say what is lost: those are approved as the plan shows them, or not at all. `seen` are
-- the copy's sources, where they have been looked at, and `observe` gives facts that were.
function M.window(copy_handle, seen, observe)
  local copy = handles.of(copy_handle)
  seen = seen or M.sources(copy, observe)
  local lines = { where_line(copy, seen), missing_line(copy, seen) }
  for _, line_of in ipairs { doubt, timelines_line, savable_line, tail_line } do
    lines[#lines + 1] = line_of(seen)
  end
  local binding = #lines
  lines[#lines + 1] = known_line(copy, seen)
  for _, line in ipairs(left_behind()) do
    lines[#lines + 1] = line
  end
  return lines, binding
end

-- The words about the counts, which also go into `data`. Where it was not counted before, whether
-- somebody has written to the copy is asked after counting: clients may come in as soon as it is
-- online.
local function add_counts(copy, seen, data)
  local known, kept = counts_of(copy.database)
  local untouched = seen.kept ~= nil or is_untouched(effects.observe(copy.id))
  kept = seen.kept and { count = seen.kept } or kept
  data.known = known.count
  if untouched then
    data.kept = kept.count
    if type(known.count) == "number" and type(kept.count) == "number" then
      data.lost = math.max(0, known.count - kept.count)
    end
  end
  return "; " .. counted(known, kept, untouched)
end

-- What the old primary's log holds and the copy does not, as exactly as it can be told: a tail that
-- was not salvaged is told from where the copy has left its log.
local function lost_tail(copy, seen)
  if seen.tail.state ~= "available" then
    return seen.tail
  end
  local now = effects.observe(("tail:%s.primary"):format(copy.database))
  return list.contains({ "too_late", "empty", "salvaged" }, now.state) and now or seen.tail
end

local function span_of(tail)
  local first = text.time(tail.commit_list[1]:match("^%S+"))
  local last = text.time(tail.commit_list[#tail.commit_list]:match("^%S+"))
  if #tail.commit_list < tail.commits then
    last = text.time(tail.time)
  end
  return first == last and first or first .. " to " .. last
end

local function count_words(facts, key, word)
  local number = math.type(facts[key]) == "integer" and facts[key] or 0
  return number > 0 and text.count(text.thousands(number), word) or nil
end

-- The words about it; the list of commits goes into `data`.
local function add_lost_commits(copy, seen, data)
  local tail = lost_tail(copy, seen)
  if tail.state ~= "available" and tail.state ~= "too_late" then
    return ""
  end
  local commits = count_words(tail, "commits", "commit")
  local prepared = count_words(tail, "prepared", "prepared transaction")
  if commits and tail.commit_list and #tail.commit_list > 0 then
    data.lost_commits = tail.commit_list
    commits = ("%s in the log of the old primary, of %s"):format(commits, span_of(tail))
    if #tail.commit_list < tail.commits then
      commits = ("%s (the first %s are in lost_commits, all in the results of wal.commits)"):format(
        commits, text.thousands(#tail.commit_list))
    end
  end
  local words = table.concat({ commits or prepared, commits and prepared }, " and ")
  -- A log with a reason to doubt its end may have held more.
  return words ~= "" and ("; not in it: %s%s"):format(
    (tail.reason or "") ~= "" and "at least " or "", words) or ""
end

local function loss_note(copy, seen)
  local lsn, time = M.last_known(seen)
  local applied_lsn, applied_time = applied(seen)
  local words = ("%s is online: last applied %s of last known %s"):format(
    text.sentence(copy.title), at(applied_lsn, applied_time), at(lsn, time))
  local data = { applied_lsn = applied_lsn, applied_time = applied_time, known_lsn = lsn,
    known_time = time }
  words = words .. add_lost_commits(copy, seen, data)
  data.timelines = other_timelines(seen)
  if data.timelines then
    words = ("%s; taken for timelines that were given up: %s"):format(words, data.timelines)
  end
  if is_counted(copy.database) then
    words = words .. add_counts(copy, seen, data)
  end
  return { kind = "loss", text = words, data = data }
end

-- A primary comes online on the way home: what its clients did is where they did it last, on the
-- other side, and nothing that was left behind in its data centre was ever failed over.
local function home_note(copy, seen)
  local there = seen.handed_over or {}
  local lsn = applied(seen)
  local is_all = there.handed_over_lsn ~= nil and math.type(there.lsn) == "integer"
    and math.type(lsn) == "integer" and there.lsn <= lsn
  return { kind = "loss", text = ("%s is online at %s%s"):format(text.sentence(copy.title),
    at(applied(seen)),
      is_all and ": everything that the secondary held when it was handed over" or ""),
    data = { applied_lsn = lsn, known_lsn = is_all and there.lsn or nil } }
end

-- The notes that follow bringing a copy online; `seen` are its sources before that.
function M.notes(copy_handle, seen)
  local copy = handles.of(copy_handle)
  if copy.role == "primary" then
    return { home_note(copy, seen or M.sources(copy)) }
  end
  local notes = { loss_note(copy, seen or M.sources(copy)) }
  for _, line in ipairs(left_behind()) do
    notes[#notes + 1] = { kind = "warning", text = line }
  end
  return notes
end

return M
