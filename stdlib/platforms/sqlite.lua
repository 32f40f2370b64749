-- The platform `sqlite`: copies are files, log backups are files, and log shipping is done by
-- bascule itself. How to look at a copy and how to change it; the statements say it in words,
-- since what happens is work on files and not SQL.

local _, host = ...
local effects = require "bascule/effects"
local entry = require "bascule/platforms/entry"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local text = require "bascule/core/text"

local M = { observe = {} }

-- The keys of `source` that `keys` names.
local function pick(source, keys)
  local facts = {}
  for _, key in ipairs(keys) do
    facts[key] = source[key]
  end
  return facts
end

local function shipping_of(copy)
  local database = inventory.database(copy.database)
  return database and database.log_shipping
end

local function session_words(session)
  return ("%s (%s)"):format(tostring(session.pid), session.program or "unknown program")
end

-- What is open on a copy, where anything can be.
local function add_sessions(copy, facts)
  if facts.state == "unreachable" or facts.state == "missing" then
    return
  end
  local value, failure = effects.call("logs.sessions", { path = copy.path })
  if value then
    facts.sessions = #value.sessions
    facts.session_list = value.sessions
  else
    facts.reason = failure.message
  end
end

function M.observe.database(copy)
  local state, failure = effects.call("logs.copy_state", { path = copy.path })
  if not state then
    return { state = "unknown", reason = failure.message }
  end
  local facts = pick(state, { "state", "writable", "database_id", "fork", "lsn", "time",
    "recovered_lsn", "recovered_time", "incomplete_lsn", "handed_over_lsn", "log_shipping",
    "log_shipping_job", "reason" })
  if facts.state == "mirror" then
    facts.incomplete_lsn = nil -- its agent is at it all the time
  end
  add_sessions(copy, facts)
  return facts
end

local function chain(copy, options)
  local shipping = shipping_of(copy)
  return effects.call("logs.chain", {
    share = shipping.share,
    destination = shipping.destination,
    destination_limit = shipping.destination_limit,
    path = copy.path,
    verify = options and options.verify,
    brief = options and options.brief,
  })
end

function M.observe.log_backups(copy)
  local facts, failure = chain(copy)
  if not facts then
    return { problem = "damaged", problem_text = failure.message }
  end
  return facts
end

-- The headers of log backups are read all the time, their pages only when it is asked whether the
-- whole chain can be trusted: with a large backlog that takes as long as copying it.
function M.observe.log_chain(copy)
  local facts, failure = chain(copy, { verify = true, brief = true })
  if not facts then
    return { problem = "damaged", problem_text = failure.message }
  end
  return pick(facts, { "share_readable", "problem", "problem_text", "last_lsn" })
end

-- The tail is what comes after the last log backup, wherever that lies.
function M.observe.tail(copy, secondary)
  local shipping = shipping_of(copy)
  local backups, unreadable = chain(secondary, { brief = true })
  if not backups then
    return { state = "unavailable", reason = unreadable.message }
  end
  local after = math.max(backups.last_lsn or 0, backups.copied_lsn or 0, backups.applied_lsn or 0)
  local facts, failure = effects.call("logs.tail", {
    path = copy.path,
    salvage = copy.site.salvage,
    destination = shipping.destination,
    copy = secondary.path,
    after_lsn = after,
  })
  if not facts then
    return { state = "unavailable", reason = failure.message }
  elseif facts.state == "too_late" then
    -- Its reason is when the copy was brought online, which speaks against nothing that is told.
    facts.reason = ""
  end
  return facts
end

function M.observe.mirror(copy, principal)
  local facts, failure = effects.call("mirrors.state",
    { principal = principal.path, mirror = copy.path })
  return facts or { state = "broken", agent = failure.message }
end

-- Which database a statement for the copy goes to.
function M.lease(copy)
  return inventory.leased_file(copy.server, copy.path)
end

function M.target(copy)
  return { server = copy.server, file = copy.path }
end

function M.end_log_shipping(copy)
  return {
    row = "logs.unship",
    args = { path = copy.path },
    statement = ("end log shipping into %s, once a running copy or apply has ended"):format(
      copy.path),
  }
end

-- `job` is the fact log_shipping_job.
function M.begin_log_shipping(copy, job)
  return {
    row = "logs.ship",
    args = { path = copy.path, job = job },
    statement = ("ship log backups into %s again: %s"):format(copy.path, job),
  }
end

local function range_words(first, last)
  return ("LSN %d–%d"):format(first, last)
end

-- "64 log backups (LSN 1201–2410)", and each of them with its own range. `lines` are entries of a
-- chain.
local function files_words(lines)
  local each = list.map(lines, function(line)
    local file = entry.read(line)
    return ("%s (%s)"):format(file.file, range_words(file.first_lsn, file.last_lsn))
  end)
  local all = range_words(entry.read(lines[1]).first_lsn, entry.read(lines[#lines]).last_lsn)
  return ("%s (%s)"):format(text.count(#lines, "log backup"), all), table.concat(each, ", ")
end

function M.copy_log_backups(copy, files)
  local shipping = shipping_of(copy)
  local all, each = files_words(files)
  return {
    row = "logs.copy",
    args = {
      share = shipping.share,
      destination = shipping.destination,
      files = host.list(files),
    },
    statement = ("copy %s from %s to %s: %s"):format(all, shipping.share, shipping.destination,
      each),
  }
end

-- A plan is made before they are copied and carried out afterwards: both must ask for the same.
function M.apply_log_backups(copy, files)
  local shipping = shipping_of(copy)
  local all, each = files_words(files)
  return {
    row = "logs.apply",
    args = {
      path = copy.path,
      folder = shipping.destination,
      files = host.list(list.map(files, entry.as_copied)),
    },
    statement = ("apply %s to %s in order: %s"):format(all, copy.path, each),
  }
end

-- The salvaged tail gets the name of a log backup that ends where it ends.
local function tail_file(dead, tail)
  local name = (dead.site.salvage or dead.path):match("([^/]+)$"):gsub("%.[^.]*$", "")
  return entry.write {
    file = ("%s_%020d.blog"):format(name, tail.last_lsn),
    first_lsn = tail.first_lsn,
    last_lsn = tail.last_lsn,
    copied = true,
  }
end

function M.salvage_tail(dead, copy, tail)
  local shipping = shipping_of(copy)
  return {
    row = "logs.salvage",
    args = {
      salvage = dead.site.salvage,
      destination = shipping.destination,
      copy = copy.path,
      after_lsn = tail.first_lsn,
    },
    statement = ("salvage %s (%s) from the log of %s into %s"):format(
      text.count(tail.commits or 0, "commit"), range_words(tail.first_lsn, tail.last_lsn),
      dead.site.salvage or dead.path, shipping.destination),
  }
end

function M.apply_tail(dead, copy, tail)
  return M.apply_log_backups(copy, { tail_file(dead, tail) })
end

function M.end_sessions(copy, sessions)
  return {
    row = "logs.end_sessions",
    args = {
      path = copy.path,
      pids = host.list(list.map(sessions, function(session)
        return session.pid
      end)),
    },
    statement = ("end %s on %s: %s"):format(text.count(#sessions, "session"), copy.path,
      table.concat(list.map(sessions, session_words), ", ")),
    volatile = true,
  }
end

function M.recover(copy)
  return {
    row = "logs.recover",
    args = { path = copy.path },
    statement = ("bring %s online, on a new recovery fork"):format(copy.path),
  }
end

-- What a mirror is to be.
function M.mirrored(principal)
  return { state = "following", principal = principal.path }
end

-- A change, and what becomes of the link by it.
function M.install_mirror(principal, copy)
  return {
    row = "mirrors.install",
    args = { principal = principal.path, mirror = copy.path },
    statement = ("clone %s to %s as its mirror"):format(principal.path, copy.path),
  }, { state = "stalled", principal = "" }
end

function M.remove_mirror(copy)
  return {
    row = "mirrors.remove",
    args = { mirror = copy.path },
    statement = ("end the mirror %s and rename it to %s.before-…"):format(copy.path, copy.path),
  }
end

function M.follow(principal, copy)
  return {
    row = "mirrors.follow",
    args = { principal = principal.path, mirror = copy.path },
    statement = ("ship every commit of %s to %s from now on"):format(principal.path, copy.path),
  }, M.mirrored(principal)
end

-- The way home and the planned change of sides. Both directions use the one share.

function M.seed(from, copy)
  return {
    row = "logs.seed",
    args = { principal = from.path, path = copy.path, share = shipping_of(copy).share },
    statement = ("copy %s to %s in full and leave it restoring; what is there now is renamed to "
      .. "%s.before-…"):format(from.path, copy.path, copy.path),
  }
end

-- With `restore` what was there before gets its place again.
function M.unseed(from, copy, restore)
  return {
    row = "logs.unseed",
    args = { principal = from.path, path = copy.path, restore = restore },
    statement = ("rename %s to %s.seeded-…%s, and take no log backups of %s for it any more")
      :format(copy.path, copy.path,
        restore and ", put back what was set aside last" or "", from.path),
  }
end

-- A secondary has a folder of its own for log backups; a primary reads them on the share.
function M.catch_up(from, copy)
  local shipping = shipping_of(copy)
  return {
    row = "logs.catch_up",
    args = {
      from = from.path,
      path = copy.path,
      share = shipping.share,
      destination = copy.role == "secondary" and shipping.destination or nil,
    },
    statement = ("bring %s up to the last commit of %s by its log backups in %s"):format(copy.path,
      from.path, shipping.share),
  }
end

function M.hand_over(copy)
  local share = shipping_of(copy).share
  return {
    row = "logs.hand_over",
    args = { path = copy.path, share = share },
    statement = ("take the last log backup of %s into %s and leave it restoring"):format(copy.path,
      share),
  }
end

function M.reopen(copy)
  return {
    row = "logs.reopen",
    args = { path = copy.path },
    statement = ("open %s again, on the recovery fork that it had"):format(copy.path),
  }
end

-- Every quarter of an hour, like the jobs that the setup of log shipping makes.
local job_interval_ms = 900000

local function json_text(value)
  return '"' .. value:gsub('[\\"]', "\\%0") .. '"'
end

-- The fact log_shipping_job that the copy is to have, as the host writes it.
function M.log_shipping_job(copy)
  local shipping = shipping_of(copy)
  return ('{"destination":%s,"interval_ms":%d,"share":%s}'):format(
    json_text(shipping.destination), job_interval_ms, json_text(shipping.share))
end

-- With `anew` the copy is made first.
function M.install_log_shipping(from, copy, job, anew)
  return {
    row = "logs.ship_from",
    args = { principal = from.path, path = copy.path, job = job, anew = anew or nil },
    statement = ("%sship log backups of %s into %s: %s"):format(anew
      and ("copy %s to %s in full, which is renamed to %s.before-…, and "):format(from.path,
        copy.path, copy.path) or "", from.path, copy.path, job),
  }
end

return M
