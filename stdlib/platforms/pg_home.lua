-- The way home and the change of sides on PostgreSQL: a server that is closed at its last commit is
-- a standby again, and takes its log from a folder. A primary reads the share itself; a secondary
-- has a folder of its own, into which log files are copied.

local _, host = ...
local inventory = require "bascule/language/inventory"
local pg_mirror = require "bascule/platforms/pg_mirror"
local schema = require "bascule/facts/schema"
local standby = require "bascule/platforms/standby"

local M = { verbs = {} }

-- In a data folder while its server is down to be handed over, or to follow another
-- (interp/lib/pg_feed_int.h).
local closing, following = "bascule.closing", "bascule.following"

-- The record of a checkpoint is shorter than this.
local checkpoint_bytes = 256

-- Further columns of the query for a copy. Where it was handed over stands in a setting of its own.
M.columns = [[
  current_setting('bascule.handed_over', true) AS handed_over,
  current_setting('bascule.follows', true) AS follows,
  (SELECT (checkpoint_lsn - '0/0')::bigint FROM pg_control_checkpoint()) AS checkpoint_lsn]]

-- The row of that query. The control file of a standby is late to tell of a timeline that it has
-- gone over to.
function M.mended(row)
  local timeline, lsn = (row and row.follows or ""):match("^(%d+) (%d+)$")
  if timeline and row.restoring == 1 and (row.lsn or 0) > tonumber(lsn) then
    row.timeline = math.max(row.timeline, tonumber(timeline))
  end
  return row
end

-- A server that was handed over can be opened again as long as the last thing in its log is the
-- checkpoint with which it was stopped.
function M.add_facts(row, facts)
  local at = tonumber(row.handed_over or "") or 0
  local past = (row.lsn or 0) - at
  if row.restoring == 1 and at > 0 and row.checkpoint_lsn == at and past > 0
    and past <= checkpoint_bytes then
    facts.handed_over_lsn = row.lsn
  end
end

-- The state of a server that does not answer and is known to be closed, and why; or nil. One that
-- was killed while it was to be closed has left the file with its pid, and may have committed what
-- it does not tell. One that was a standby before is one as long as it would start as such.
function M.stopped(copy)
  local names = pg_mirror.names_of(copy) or {}
  if names[closing] and not names["postmaster.pid"] then
    return "restoring", "its server was stopped to be handed over, and that has not ended"
  elseif names[following] and names["standby.signal"] and copy.role == "secondary" then
    return "standby", "its server was stopped to follow another, and that has not ended"
  end
end

local function shipping_of(copy)
  return inventory.database(copy.database).log_shipping
end

-- Where log files are put for a copy; nil where it reads the share itself.
local function destination_of(copy)
  return copy.role == "secondary" and shipping_of(copy).destination or nil
end

local function source_of(copy)
  return destination_of(copy) or shipping_of(copy).share
end

local function args_of(copy, args)
  args.server, args.database = copy.server, copy.site.database
  return args
end

local function folder_of(copy)
  return pg_mirror.site_of(copy).folder
end

-- What its own settings said of a standby counts no more: those of one that is fed count.
local function fed()
  return { held_by = host.null, commits_await = host.null }
end

-- What a change makes true of a copy, and nobody can foretell how far it comes.
local function unforetold(becomes)
  becomes.lsn = schema.unknown_fact("database", "lsn")
  becomes.time = schema.unknown_fact("database", "time")
  return becomes
end

-- The log goes on while it is made: what is shipped for it is more than there was.
function M.verbs.seed(from, copy)
  local folder, becomes = folder_of(copy), unforetold(fed())
  return {
    row = "standby.seed",
    args = args_of(copy, { from = from.server, share = shipping_of(copy).share,
      destination = destination_of(copy) }),
    statement = ("pg_rewind of a copy of %s to what %s is, or pg_basebackup of %s; the copy gets "
      .. "the name, what is there is renamed to %s.before-…; start it as a standby that takes its "
      .. "log from %s"):format(folder, from.server, from.server, folder, source_of(copy)),
    becomes = becomes,
  }
end

-- With `restore` what was there before gets its place again; `before` are the facts of then.
function M.verbs.unseed(_, copy, restore, before)
  local folder = folder_of(copy)
  local is_started = restore and before.state ~= "restoring" and before.state ~= "damaged"
  return {
    row = "standby.unseed",
    args = args_of(copy, { restore = restore, start = is_started }),
    statement = ("stop %s and rename %s to %s.seeded-…%s"):format(copy.server, folder, folder,
      restore and ", put back what was set aside last" or ""),
    becomes = { held_by = before.held_by or host.null,
      commits_await = before.commits_await or host.null },
  }
end

-- What is shipped of a server that is online is more than there was: its log is filled up to the
-- end of a file, and goes on meanwhile.
function M.verbs.catch_up(from, copy, there)
  local shipping = shipping_of(copy)
  return {
    row = "standby.catch_up",
    args = args_of(copy, { from = from.server, share = shipping.share,
      destination = destination_of(copy) }),
    statement = ("SELECT pg_switch_wal() on %s where it is online; wait until %s has replayed all "
      .. "that %s has shipped to %s"):format(from.server, copy.server, from.server, shipping.share),
    becomes = there.state == "online" and unforetold {} or nil,
  }
end

function M.verbs.hand_over(copy)
  local share = shipping_of(copy).share
  return {
    row = "standby.hand_over",
    args = args_of(copy, { share = share, destination = destination_of(copy) }),
    statement = ("stop %s in good order, ship its log to the last record to %s, and start it with "
      .. "standby.signal"):format(copy.server, share),
    becomes = fed(),
  }
end

-- The last log file was shipped to the share and may have been copied from there.
function M.verbs.reopen(copy)
  local shipping = shipping_of(copy)
  return {
    row = "standby.reopen",
    args = args_of(copy, { share = shipping.share, destination = shipping.destination }),
    statement = ("stop %s, take back the log file that was shipped as its last one, and start it "
      .. "without standby.signal"):format(copy.server),
    becomes = fed(),
  }
end

-- What the job is it says of itself once it is there. That it is the one of the site is known by
-- then, so nothing more is wanted of it.
function M.verbs.log_shipping_job()
  return nil
end

-- Why log shipping cannot be set up, or nil.
function M.verbs.no_log_shipping(copy)
  local words = standby.verbs.begin_log_shipping(copy)
  return type(words) == "string" and words or nil
end

-- The change, those before it, and the one that begins the job.
function M.verbs.install_log_shipping(from, copy, _, anew)
  local shipping = shipping_of(copy)
  return {
    row = "standby.ship_from",
    args = args_of(copy, { from = from.server, share = shipping.share,
      destination = shipping.destination }),
    statement = ("copy the log files of %s up to now to %s, start %s again to follow their "
      .. "timeline, and wait until it does"):format(from.server, shipping.destination, copy.server),
    becomes = fed(),
  }, { anew and M.verbs.seed(from, copy) or nil }, standby.verbs.begin_log_shipping(copy)
end

-- What starts a standby again that was stopped to follow another server, which it does not any
-- more.
function M.verbs.end_half_install(copy)
  return {
    row = "standby.go_on",
    args = args_of(copy, {}),
    statement = ("start %s again, which was stopped to follow another server"):format(copy.server),
    becomes = fed(),
  }
end

return M
