-- The tail of a PostgreSQL log: what a server that is down has committed and no log file that was
-- shipped contains, told from its disk, or from its mirror's, which holds the same log.

local _, host = ...
local effects = require "bascule/effects"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local standby = require "bascule/platforms/standby"
local text = require "bascule/core/text"
local wal = require "bascule/platforms/wal"

local M = { verbs = {} }

local function shipping_of(copy)
  return inventory.database(copy.database).log_shipping
end

-- Where disks of the dead servers can be read, as the site says; and how many of them, the last
-- ones, are mirrors'.
local function disks_of(dead)
  local mirror = inventory.copy(dead.database, "mirror")
  local disks = { dead.site.salvage }
  disks[#disks + 1] = mirror and mirror.salvage
  return disks, mirror and mirror.salvage and 1 or nil
end

-- The copies that must be dead: the primary, and the mirror where its disk is used.
function M.dead(copy)
  local mirror = inventory.copy(copy.database, "mirror")
  return { copy, mirror and mirror.salvage
    and handles.describe_copy(copy.database, "mirror", mirror) or nil }
end

-- The last line of a timeline's history is like "1<tab>0/39FFFE8<tab>why": the timeline that was
-- left, and where.
local function parting_of(history)
  local timeline, lsn
  for before, at in (history or ""):gmatch("%f[^\n\0]%s*(%d+)%s+(%x+/%x+)") do
    timeline, lsn = tonumber(before), wal.lsn(at)
  end
  return timeline, lsn
end

local function unavailable(reason)
  return { state = "unavailable", reason = reason }
end

-- Of which timeline the tail is, and after which LSN it begins: `row` and `history` are what the
-- secondary says of itself, `backups` the facts of its log backups.
local function place_of(row, history, backups)
  if row.restoring == 1 then
    return { timeline = row.timeline,
      lsn = math.max(row.lsn, backups.last_lsn or 0, backups.copied_lsn or 0) }
  end
  local timeline, lsn = parting_of(history)
  return timeline and { timeline = timeline, lsn = lsn, parted = true }
end

function M.facts(dead, row, history, backups)
  local disks, mirrors = disks_of(dead)
  if #disks == 0 then
    return unavailable("the site names no place where its disk can be read")
  end
  local place = place_of(row, history, backups)
  if not place then
    return unavailable("it is not known where the secondary has left its timeline")
  end
  local shipping = shipping_of(dead)
  local facts, failure = effects.call("wal.tail", {
    salvage = host.list(disks),
    destination = shipping.destination,
    share = shipping.share,
    timeline = place.timeline,
    segment = row.segment,
    system = row.system,
    after_lsn = place.lsn,
    parted = place.parted,
    mirrors = mirrors,
  })
  if not facts then
    return unavailable(failure.message)
  end
  facts.commit_list = facts.commit_list and host.list(facts.commit_list)
  return facts
end

function M.verbs.salvage_tail(dead, copy, tail)
  local shipping, disks = shipping_of(copy), disks_of(dead)
  return {
    row = "wal.salvage",
    args = {
      salvage = host.list(disks),
      destination = shipping.destination,
      share = shipping.share,
      server = copy.server,
      database = copy.site.database,
      after_lsn = tail.first_lsn,
      last_lsn = tail.last_lsn,
    },
    statement = ("salvage %s (LSN %d–%d) from the log in %s into %s"):format(
      text.count(tail.commits or 0, "commit"), tail.first_lsn, tail.last_lsn,
      table.concat(list.copy(disks), " or "), shipping.destination),
  }
end

-- How many commits the facts of a tail list, and an answer of `wal.commits`.
local listed, at_once = 1000, 200000

-- What is not in a copy that was brought online, where the facts of the tail, as they were before,
-- list a part of it only: changes that put the whole list into the journal.
function M.verbs.list_lost(copy, tail)
  local dead = handles.describe_copy(copy.database, "primary",
    inventory.copy(copy.database, "primary"))
  local changes, commits = {}, tail.state == "available" and tail.commits
  if math.type(commits) ~= "integer" or commits <= listed then
    return changes
  end
  local shipping, disks, mirrors = shipping_of(copy), disks_of(dead)
  for from = 0, commits - 1, at_once do
    changes[#changes + 1] = {
      row = "wal.commits",
      args = {
        salvage = host.list(disks),
        destination = shipping.destination,
        share = shipping.share,
        server = copy.server,
        database = copy.site.database,
        from = from,
        mirrors = mirrors,
      },
      statement = ("list in the journal which commits in %s %s lacks, from number %s on"):format(
        table.concat(list.copy(disks), " or "), copy.server, text.thousands(from + 1)),
      becomes = {},
      repeatable = true,
    }
  end
  return changes
end

function M.verbs.apply_tail(_, copy, tail)
  return standby.verbs.replay_log_backups(copy, tail)
end

-- Here an LSN counts bytes; the files are whole, so that it takes a little more.
function M.verbs.tail_bytes(tail)
  return tail.last_lsn - tail.first_lsn
end

function M.verbs.log_words(bytes)
  return text.thousands(bytes) .. " bytes of log"
end

return M
