-- The platform `postgresql`: copies are databases of servers that are asked by SQL; log backups are
-- the log files that the primary archives. How to look at them; what changes a standby is in
-- standby.lua, what makes a mirror in pg_mirror.lua.

local _, host = ...
local effects = require "bascule/effects"
local haste = require "bascule/platforms/haste"
local inventory = require "bascule/language/inventory"
local libpq = require "bascule/platforms/libpq"
local list = require "bascule/core/list"
local pg_home = require "bascule/platforms/pg_home"
local pg_mirror = require "bascule/platforms/pg_mirror"
local salvage = require "bascule/platforms/salvage"
local standby = require "bascule/platforms/standby"
local text = require "bascule/core/text"
local wal = require "bascule/platforms/wal"

local M = { observe = {} }

-- After a promotion the timeline of a primary is told by its log alone: what the control file holds
-- is that of the last checkpoint.
local database_query = [[
SELECT pg_is_in_recovery()::int AS restoring,
  (SELECT system_identifier::text FROM pg_control_system()) AS system,
  CASE WHEN pg_is_in_recovery()
    THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver),
      (SELECT greatest(timeline_id, min_recovery_end_timeline)
        FROM pg_control_checkpoint(), pg_control_recovery()))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int
  END AS timeline,
  (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
    - '0/0')::bigint AS lsn,
  to_char(CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp()
    WHEN current_setting('track_commit_timestamp') = 'on'
    THEN (SELECT timestamp FROM pg_last_committed_xact()) END AT TIME ZONE 'UTC',
    'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time,
  pg_size_bytes(current_setting('wal_segment_size')) AS segment,
]] .. standby.columns .. "," .. pg_home.columns

-- With whether our role may end each.
local sessions_query = [[
SELECT pid, coalesce(nullif(application_name, ''), usename, ''),
  (me.rolsuper OR NOT coalesce(other.rolsuper, false)
    AND (pg_has_role('pg_signal_backend', 'usage')
      OR coalesce(pg_has_role(other.oid, 'usage'), true)))::int
FROM pg_stat_activity session LEFT JOIN pg_roles other ON other.oid = session.usesysid,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) me
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY pid]]

-- What is asked again and again in any run says so with `often`; `call` is effects.call when left
-- out.
local function ask(copy, sql, max_rows, often, call)
  return (call or effects.call)("sql.query", { server = copy.server, database = copy.site.database,
    sql = sql, max_rows = max_rows, often = often })
end

-- The first row by column, or nil and why not; {} when there is no row. What is null is left out.
local function ask_row(copy, sql, often, call)
  local value, failure = ask(copy, sql, 1, often, call)
  if not value then
    return nil, failure
  end
  local row, first = {}, value.rows[1] or {}
  for index, column in ipairs(value.columns) do
    local item = first[index]
    row[column] = item ~= host.null and item or nil
  end
  return row
end

-- What a server says of itself, of one moment for all that is seen of it together.
local function ask_about(copy)
  local key = ("%s %s"):format(copy.server, copy.site.database)
  local row, failure = ask_row(copy, database_query, true, effects.call_once)
  row, failure = standby.with_settings(key, row, failure, function(sql)
    return ask_row(copy, sql, false, effects.call_once)
  end)
  return pg_home.mended(row), failure
end

-- The files of a folder that may be on another machine; nil and why where it cannot be looked at.
local function listed(path)
  if path then
    return effects.call_once("folder.list", { path = path })
  end
end

-- What failed, with the words of the driver on one line.
local function words_of(failure)
  local cause = failure.cause and failure.cause ~= "" and ": " .. failure.cause or ""
  return text.trim(((failure.message .. cause):gsub("%s+", " ")))
end

-- The state by what a client says. A server that takes connections and does not answer them hangs;
-- it may go on at any time.
local function state_of_failure(copy, failure)
  local words = words_of(failure)
  local state = libpq.state(words)
  if state == "unreachable" and libpq.was_late(words) then
    local found = effects.call("server.listens", { server = copy.server })
    if found and found.listens then
      return "unknown", "it takes connections and does not answer them, so it is not dead"
    elseif found and not found.known then
      return "unknown", "whether it takes connections cannot be told, so it may not be dead: say "
        .. "Servername and Port in its connection, and nothing else of where it is"
    end
  end
  return state
end

-- The state of a copy whose server does not answer, and what its folder tells.
local function state_without_answer(copy, failure)
  local state, words = state_of_failure(copy, failure)
  if state == "unreachable" then
    local missing
    missing, words = pg_mirror.is_missing(copy)
    state = missing and "missing" or state
  end
  local stopped, why
  if state == "unreachable" then
    stopped, why = pg_home.stopped(copy)
  end
  return stopped or state, why or words, why
end

local function state_of(row)
  if row.restoring == 0 then
    return "online"
  end
  return row.streams == 1 and "mirror" or "standby"
end

local function add_sessions(copy, facts)
  local value, failure = ask(copy, sessions_query, nil, true)
  if not value then
    facts.reason = words_of(failure)
    return
  end
  local kept = list.map(value.rows, function(row)
    return row[3] == 0 and ("%d (%s)"):format(row[1], row[2]) or nil
  end)
  facts.sessions_kept = #kept > 0 and ("%s; it needs membership in pg_signal_backend, and for "
    .. "sessions of superusers to be one"):format(table.concat(kept, ", ")) or nil
  facts.sessions = #value.rows
  facts.session_list = host.list(list.map(value.rows, function(row)
    return { pid = row[1], program = row[2] }
  end))
end

local function shipping_of(copy)
  local database = inventory.database(copy.database)
  return database and database.log_shipping
end

-- The copy job is a process of the site's own, known by its pid file and, where the site says so,
-- by words in its command line. A process that has other words may be whoever got the pid after the
-- job had ended, or the job under another name than the site has.
local function add_log_shipping(copy, facts)
  local shipping = shipping_of(copy)
  if copy.role ~= "secondary" or not shipping then
    return
  elseif not shipping.pid_file then
    facts.reason = facts.reason or ("the site does not say by what the copy job is known: give "
      .. "databases.%s.log_shipping a pid_file"):format(copy.database)
    return
  end
  local words = standby.job_words(shipping)
  local job, failure = effects.call("process.state", { pid_file = shipping.pid_file, job = words })
  if not job then
    facts.reason = words_of(failure)
    return
  end
  facts.log_shipping_job = job.program
  if job.alive and words and not job.is_job then
    facts.reason = ("process %d, whose pid is in %s, is %s, and not the job of the site (%s): "
      .. "remove that file if the job has ended, else mend job in log_shipping"):format(job.pid,
        shipping.pid_file, job.program ~= "" and job.program or "a program that cannot be seen",
        table.concat(words, " "))
  else
    facts.log_shipping = job.alive and "configured" or "none"
  end
end

function M.observe.database(copy)
  local row, failure = ask_about(copy)
  local facts
  if row then
    local state = state_of(row)
    local function ask_here(sql)
      return ask_row(copy, sql)
    end
    facts = {
      state = state,
      writable = state == "online" and not standby.read_only(row, ask_here),
      database_id = row.system,
      fork = ("timeline %d"):format(row.timeline),
      lsn = row.lsn,
      time = row.time,
    }
    local coming = state ~= "online" and ask_here(standby.coming_query)
    facts.coming_online = coming and coming.told == 1 or nil
    standby.add_facts(row, state == "online" and ask_row(copy, standby.history_query), facts,
      ask_here)
    facts.restore_command = haste.told(copy, row)
    pg_home.add_facts(row, facts)
    add_sessions(copy, facts)
  else
    local state, words, held_by = state_without_answer(copy, failure)
    facts = { state = state, reason = words_of(failure) .. (words and "; " .. words or ""),
      held_by = held_by }
    facts.at_rest = state == "unreachable" and inventory.principal_of[copy.role]
      and pg_mirror.is_at_rest(copy) or nil
  end
  add_log_shipping(copy, facts)
  return facts
end

-- What is left of the room in the destination, or of its limit.
local function room_in(destination, limit)
  if not limit then
    return destination.free_bytes
  end
  local used = 0
  for _, line in ipairs(destination.files) do
    used = used + tonumber(line:match("^%d+"))
  end
  return math.max(0, math.min(destination.free_bytes, limit - used))
end

-- What a standby that a row tells of needs of both folders, and has in its own.
local function chain_of(copy, row, share, destination)
  local at = { timeline = row.timeline, lsn = row.lsn, segment = row.segment }
  local shipping, share_files = shipping_of(copy), share and share.files
  local histories = standby.histories(shipping, at, share_files, destination.files)
  local worse = standby.worse(shipping, at, share_files, destination.files)
  local copied = list.copy(destination.files)
  for _, line in ipairs(standby.in_pg_wal(copy)) do
    copied[#copied + 1] = line
  end
  return wal.chain(at, share_files, copied, histories, worse), at
end

-- Where the copy has come to, as its server says in `row`, decides what it needs: without that only
-- the folders can be told of.
local function log_backups_of(copy, row)
  local shipping = shipping_of(copy)
  local share, unreadable = listed(shipping.share)
  local destination, closed = listed(shipping.destination)
  local facts = { share_readable = share ~= nil and share.exists }
  if destination and destination.exists then
    facts.free_bytes = room_in(destination, shipping.destination_limit)
  end
  local is_standby = row ~= nil and row.restoring == 1
  if is_standby and destination then
    local chain, at = chain_of(copy, row, share, destination)
    for key, value in pairs(chain) do
      facts[key] = value
    end
    facts.applied_time = row.time
    standby.find_end(shipping, at, row, facts, share and share.files)
    facts.chain, facts.ignored = host.list(facts.chain), host.list(facts.ignored)
    facts.timelines = host.list(facts.timelines)
  end
  local failure = closed or unreadable
  if failure and is_standby and (facts.problem or "none") == "none" then
    facts.problem_text = failure.message
  end
  return facts
end

function M.observe.log_backups(copy)
  return log_backups_of(copy, (ask_about(copy)))
end

-- The names of log files are looked at all the time, and what was copied is held against the share
-- once. Their records are read only when it is asked whether the whole chain can be trusted: with a
-- large backlog that takes as long as copying it.
function M.observe.log_chain(copy)
  local shipping = shipping_of(copy)
  local share, destination = listed(shipping.share), listed(shipping.destination)
  local facts = { share_readable = share ~= nil and share.exists }
  local row = ask_about(copy)
  if row and row.restoring == 1 and destination then
    local chain, at = chain_of(copy, row, share, destination)
    for key, value in pairs(standby.check_chain(shipping, at, chain)) do
      facts[key] = value
    end
  end
  return facts
end

-- What a server that answers goes on to write is no tail. One that says that it has no such
-- database answers too.
local function add_life(copies, facts)
  for _, copy in ipairs(facts.state ~= "unavailable" and copies or {}) do
    local _, failure = ask_row(copy, "SELECT 1")
    if not failure or state_of_failure(copy, failure) ~= "unreachable" then
      return { state = "unavailable", reason = ("the server%s is not dead: %s"):format(
        copy.role == "mirror" and " of the mirror" or "",
        failure and words_of(failure) or "it answers") }
    end
  end
  return facts
end

function M.observe.tail(copy, secondary)
  local row, failure = ask_about(secondary)
  if not row then
    return { state = "unavailable", reason = ("it is not known how far the secondary has come: %s")
      :format(words_of(failure)) }
  end
  local history = row.restoring == 0 and ask_row(secondary, standby.history_query)
  return add_life(salvage.dead(copy), salvage.facts(copy, row, history and history.history,
    log_backups_of(secondary, row)))
end

function M.observe.mirror(copy, principal)
  return pg_mirror.observe({
    ask = ask, ask_row = ask_row, state_of = state_without_answer, words_of = words_of,
    row_of = function(of)
      return ask_about(of)
    end,
  }, copy, principal)
end

M.mirrored = pg_mirror.mirrored
M.install_mirror = pg_mirror.install_mirror
M.follow = pg_mirror.follow
M.take_back_mirror = pg_mirror.take_back_mirror
M.remove_mirror = pg_mirror.remove_mirror

-- A mirror that has lost its principal dials again and again.
M.mirrors_dial = true

-- A standby cannot be written to, so its lease lies in the folder from which it takes its log; that
-- of any other server beside its data folder. A folder of another machine cannot hold one.
function M.lease(copy)
  local shipping = copy.role == "secondary" and shipping_of(copy)
  if shipping then
    return shipping.destination .. "/bascule"
  end
  local server = inventory.servers()[copy.server]
  return not server.ssh and server.folder or nil
end

-- Its log says how far it has come: there is no count that could be lost.
M.counts_itself = true

-- A standby replays what is in its folder by itself, beside those who read it.
M.applies_itself = true

-- What a copy is that takes log backups: everybody may read it.
M.closed_state = "standby"

for _, verbs in ipairs { standby.verbs, haste.verbs, salvage.verbs, pg_home.verbs } do
  for name, verb in pairs(verbs) do
    M[name] = verb
  end
end

-- It is asked over a network, which may take its time.
M.is_remote = true

-- Which database a statement for the copy goes to.
function M.target(copy)
  return { server = copy.server, database = copy.site.database }
end

return M
