-- A standby of PostgreSQL: what else is to be known of it, and the changes that bring it online.

local _, host = ...
local effects = require "bascule/effects"
local entry = require "bascule/platforms/entry"
local haste = require "bascule/platforms/haste"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local schema = require "bascule/facts/schema"
local text = require "bascule/core/text"
local wal = require "bascule/platforms/wal"

local M = { verbs = {} }

-- Further columns of the query for a copy; `configured` tells the settings of one moment from those
-- of another, as they count for our session. A function that a version does not have, or has with
-- other arguments, is no right that is missing.
M.columns = [[
  concat_ws(' ', pg_backend_pid(), pg_postmaster_start_time(), pg_conf_load_time(),
    pg_has_role('pg_read_all_settings', 'usage')) AS configured,
  (CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END)::int AS paused,
  (SELECT names FROM (SELECT current_setting('synchronous_standby_names') AS names) sync
    WHERE NOT pg_is_in_recovery() AND names <> ''
      AND current_setting('synchronous_commit') NOT IN ('off', 'local')
      AND pg_has_role('pg_read_all_stats', 'usage')
      AND (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'
        AND sync_state IN ('sync', 'quorum')) < coalesce((regexp_match(lower(names),
          '^ *(first|any|) *([0-9]+) *[(]'))[2]::int, 1)) AS commits_held_by,
  (SELECT string_agg(f, ', ') FROM unnest(ARRAY['pg_promote(boolean,integer)',
    'pg_read_file(text,bigint,bigint,boolean)', 'pg_logical_emit_message(boolean,text,text)',
    'pg_logical_emit_message(boolean,text,text,boolean)']) f
    WHERE NOT coalesce(has_function_privilege(to_regprocedure(f)::oid, 'execute'), true))
    AS rights_missing,
  current_setting('server_version_num')::int AS version,
  to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS since,
  (SELECT count(*) FROM pg_db_role_setting, unnest(setconfig) written
    WHERE written LIKE 'default_transaction_read_only=%'
      AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))) AS overridden,
  (SELECT string_agg(CASE setdatabase WHEN 0 THEN 'ALTER ROLE ALL'
      ELSE 'ALTER DATABASE ' || quote_ident(current_database()) END || ' SET ' || written, ', ')
    FROM pg_db_role_setting, unnest(setconfig) written
    WHERE written ~* '^default_transaction_read_only=(on|true|yes|1)$' AND setrole = 0
      AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())))
    AS closed_by,
  (CASE WHEN pg_is_in_recovery() THEN NULL ELSE
    to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
    END) AS left_at]]

-- Settings as they count for a session that begins now. The view makes all of its rows each time
-- that it is asked for one, which takes longer than all else that is asked.
local settings_query = [[
SELECT concat_ws(' ', pg_backend_pid(), pg_postmaster_start_time(), pg_conf_load_time(),
    pg_has_role('pg_read_all_settings', 'usage')) AS configured,
  (set->>'primary_conninfo' <> '')::int AS streams,
  (set->>'default_transaction_read_only' = 'on')::int AS read_only,
  (set->>'recovery_min_apply_delay')::bigint AS delay_ms,
  set->>'restore_command' AS restore_command, altered::int AS restore_altered,
  (SELECT string_agg(key || ' = ' || value, ', ' ORDER BY key) FROM jsonb_each_text(set)
    WHERE key IN ('recovery_target', 'recovery_target_lsn', 'recovery_target_name',
      'recovery_target_time', 'recovery_target_xid') AND value <> '') AS target,
  set->>'synchronous_standby_names' AS commits_await
FROM (SELECT jsonb_object_agg(name, CASE name WHEN 'default_transaction_read_only' THEN reset_val
    ELSE setting END) AS set,
    bool_or(sourcefile LIKE '%/postgresql.auto.conf')
      FILTER (WHERE name = 'restore_command' AND context = 'sighup') AS altered FROM pg_settings
  WHERE name IN ('primary_conninfo', 'default_transaction_read_only', 'restore_command',
    'recovery_min_apply_delay', 'recovery_target', 'recovery_target_lsn', 'recovery_target_name',
    'recovery_target_time', 'recovery_target_xid', 'synchronous_standby_names')) AS settings]]

-- The last settings of each server and database, by a key for it.
local known_settings = {}

-- The row of the query for a copy with the settings of its server, which are asked for when the
-- server has read its configuration again, or we have another session, or other rights. A nil
-- `row` stays nil.
function M.with_settings(key, row, failure, ask_row)
  local settings = row and known_settings[key]
  if row and not (settings and row.configured and settings.configured == row.configured) then
    settings, failure = ask_row(settings_query)
    known_settings[key] = settings
  end
  if not row or not settings then
    return nil, failure
  end
  for name, value in pairs(settings) do
    row[name] = value
  end
  return row
end

-- Of a server that is online: the history of its timeline. It needs a right of its own, which is
-- asked for before anything of a statement is carried out.
M.history_query = [[
SELECT pg_read_file('pg_wal/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  || '.history', 0, 1048576, true) AS history]]

-- What the server's own setting is where a setting of our role or of the database hides it. Only
-- superusers may ask for that unless they let others.
local hidden_query = [[
SELECT (lower(setting) IN ('on', 'true', 'yes', '1'))::int AS read_only FROM pg_file_settings
WHERE name = 'default_transaction_read_only' AND applied ORDER BY seqno DESC LIMIT 1]]

-- Whether the server's own settings refuse writes to whoever does not ask for them. What a role or
-- a database has is part of the database: it was so on the old primary, and nothing can change it
-- before the copy is online.
function M.read_only(row, ask_row)
  if row.overridden == 0 or not row.overridden then
    return row.read_only == 1
  end
  local own = ask_row(hidden_query)
  return own ~= nil and own.read_only == 1
end

-- What a setting that has to be changed needs.
local system_queries = {
  [15] = [[SELECT string_agg('ALTER SYSTEM ON PARAMETER ' || name, ', ') AS parameters,
    (NOT has_function_privilege('pg_reload_conf()', 'execute'))::int AS deaf
    FROM (SELECT name FROM unnest(ARRAY[%s]) name
      WHERE NOT has_parameter_privilege(name, 'alter system')) missing]],
  [13] = [[SELECT CASE WHEN rolsuper THEN NULL ELSE 'being a superuser' END AS parameters,
    (NOT has_function_privilege('pg_reload_conf()', 'execute'))::int AS deaf
    FROM pg_roles WHERE rolname = current_user]],
}

-- What bringing the copy online needs and its role may not do, as a text; nil for nothing.
local function rights_missing(row, facts, ask_row)
  local settings, missing = {}, {}
  settings[1] = facts.commits_await and "'synchronous_standby_names'" or nil
  settings[#settings + 1] = facts.refuses_writes and "'default_transaction_read_only'" or nil
  local found = #settings > 0 and ask_row(system_queries[(row.version or 0) >= 150000 and 15 or 13]
    :format(table.concat(settings, ", "))) or {}
  local functions = {}
  functions[1] = row.rights_missing
  functions[#functions + 1] = found.deaf == 1 and "pg_reload_conf()" or nil
  missing[1] = #functions > 0 and "EXECUTE ON FUNCTION " .. table.concat(functions, ", ") or nil
  missing[#missing + 1] = found.parameters
  return #missing > 0 and table.concat(missing, "; ") or nil
end

-- Of a standby: whether it was told to come online and has yet to begin with it. It looks for that
-- when it is done with what it does, such as a restore_command.
M.coming_query = "SELECT (pg_read_file('promote', 0, 1, true) IS NOT NULL)::int AS told"
M.verbs.tells_coming = true

-- Readers of a standby stay connected when it comes online, and a server that is stopped ends them.
-- Some come back at once, such as those of what watches it, and must not keep a run from going on.
M.verbs.minds_no_sessions = true

-- Why a standby does not take what is in its folder, or nil.
local function held_by(row)
  if row.streams == 1 then
    return nil
  elseif row.paused == 1 then
    return "its replay is paused; SELECT pg_wal_replay_resume() lets it go on"
  elseif row.target then
    return ("it would stop at a recovery target: %s"):format(row.target)
  elseif (row.delay_ms or 0) > 0 then
    return ("recovery_min_apply_delay keeps it %s behind"):format(text.duration(row.delay_ms))
  elseif row.restore_command == "" then
    return "it has no restore_command"
  end
end

local function known(words)
  return words ~= "" and words or nil
end

-- Where the server left the timeline before the one it is on: the last line of its history is like
-- "1<tab>0/39FFFE8<tab>why".
local function left_lsn(history)
  local found
  for written in (history or ""):gmatch("%f[^\n\0]%s*%d+%s+(%x+/%x+)") do
    found = wal.lsn(written)
  end
  return found
end

-- `history` is the row of the query for it, where there is one; `ask_row(sql)` asks the server.
function M.add_facts(row, history, facts, ask_row)
  facts.closed_by, facts.serving_since = row.closed_by, row.since
  if row.restoring == 1 then
    facts.held_by = held_by(row)
    facts.commits_await = known(row.commits_await)
    facts.refuses_writes = M.read_only(row, ask_row) or nil
    facts.rights_missing = rights_missing(row, facts, ask_row)
    return
  end
  facts.commits_held_by = row.commits_held_by
  facts.recovered_lsn = left_lsn(history and history.history)
  facts.recovered_time = facts.recovered_lsn and row.left_at
end

-- The histories of later timelines, and what they say; one that cannot be read says nothing, and
-- copying it is refused.
function M.histories(shipping, at, share_files, destination_files)
  local found = wal.histories(at.timeline, share_files, destination_files)
  for _, history in ipairs(found) do
    local folder = share_files and shipping.share or shipping.destination
    local said = effects.call("wal.history", { path = folder .. "/" .. history.file })
      or effects.call("wal.history", { path = shipping.destination .. "/" .. history.file })
    history.parent, history.lsn = said and said.parent or 0, said and said.lsn or 0
  end
  return found
end

-- Pairs of files that were found to be the same: name to mark, as of the last look. What is to be
-- compared may be many files, so none is read twice without need.
local seen_same = {}

-- The names of the copied files that are worse than those of the share, as keys: of what was
-- damaged on its way, or after it. Where that cannot be told none is; whoever reads them says why.
function M.worse(shipping, at, share_files, destination_files)
  local names = share_files and wal.pairs(at, share_files, destination_files) or {}
  if #names == 0 then
    return {}
  end
  local found = effects.call("wal.compare", { share = shipping.share,
    destination = shipping.destination, files = host.list(names), segment = at.segment,
    lsn = at.lsn, known = seen_same[shipping.destination] })
  seen_same[shipping.destination] = found and found.same
  local worse = {}
  for _, name in ipairs(found and found.shared or {}) do
    worse[name] = true
  end
  return worse
end

-- Where the last log file begins.
local function last_file(facts)
  local line = facts.chain[#facts.chain]
  return line and entry.read(line).first_lsn or facts.last_lsn
end

-- Where the log files end, by the records in them: a log file is rarely full to its last byte,
-- since its last record goes on in the next one. With `all`, every record is read.
local function read_log(shipping, at, facts, all)
  local without = list.map(facts.chain, function(line)
    return entry.differs(line) and entry.read(line).file or nil
  end)
  return effects.call("wal.end", { folders = { shipping.destination, shipping.share },
    timeline = at.timeline, segment = at.segment, lsn = at.lsn, last_file = last_file(facts),
    without = #without > 0 and host.list(without) or nil, all = all })
end

-- What is wrong with the log, and in which file.
local function wrong_words(at, found, failure)
  if not found then
    return failure.message
  end
  local first = found.bad_lsn // at.segment * at.segment
  return ("%s: %s"):format(wal.name(at.timeline, first, at.segment), found.reason)
end

local function min(a, b)
  return a < b and a or b
end

-- A log file that was shipped ends full, or with a record that says that it was closed. One that
-- was salvaged ends with zeros, and is not in the share.
local function zeros_doubt(shipping, at, found, share_files)
  if not found.zeros then
    return nil
  end
  local name = wal.name(at.timeline, found.bad_lsn // at.segment * at.segment, at.segment)
  for _, line in ipairs(share_files or {}) do
    if line:match("^%d+ (.+)$") == name then
      return ("%s in %s ends with zeros from LSN %d on: whether commits behind it were lost "
        .. "does not show"):format(name, shipping.share, found.bad_lsn)
    end
  end
end

-- A share that is not mounted is an empty folder.
local function doubt_of(shipping, at, found, share_files)
  if share_files and not wal.has_any(share_files, at.segment) then
    return ("there is no log file in %s: whether that is the share does not show"):format(
      shipping.share)
  end
  return zeros_doubt(shipping, at, found, share_files)
end

function M.find_end(shipping, at, row, facts, share_files)
  local found, failure = read_log(shipping, at, facts)
  if not found or not found.whole then
    if facts.problem == "none" then
      facts.problem = "damaged"
      facts.problem_text = wrong_words(at, found, failure)
    end
    return
  end
  facts.doubt = doubt_of(shipping, at, found, share_files)
  local is_copied = facts.copied_lsn == facts.last_lsn
  facts.last_lsn = found.lsn
  facts.copied_lsn = is_copied and found.lsn or min(facts.copied_lsn, found.lsn)
  facts.last_time = found.time ~= "" and found.time or row.time
end

-- Whether every record of the chain is whole: {problem, problem_text, last_lsn}.
function M.check_chain(shipping, at, facts)
  if facts.problem ~= "none" then
    return { problem = facts.problem, problem_text = facts.problem_text }
  end
  local found, failure = read_log(shipping, at, facts, true)
  local is_whole = found and found.whole
  return {
    problem = is_whole and "none" or "damaged",
    problem_text = is_whole and "" or wrong_words(at, found, failure),
    last_lsn = found and found.lsn,
  }
end

local function shipping_of(copy)
  return inventory.database(copy.database).log_shipping
end

-- What the site leaves out is an empty list.
local function has_words(argv)
  return argv ~= nil and #argv > 0
end

local function target_of(copy, args)
  args.server, args.database = copy.server, copy.site.database
  return args
end

-- The words that the job's command line holds; nil where the site does not say.
function M.job_words(shipping)
  return has_words(shipping.job) and shipping.job or nil
end

-- A pid alone tells nothing of the process that has it: after the machine was started anew, it is
-- another one's.
function M.verbs.not_endable(copy)
  local shipping = shipping_of(copy)
  if has_words(shipping.stop) or has_words(shipping.job) then
    return nil
  end
  return ("nothing tells the job that ships to %s from another program that got its pid: give "
    .. "databases.%s.log_shipping a job, with words of its command line, or a stop"):format(
      copy.server, copy.database)
end

-- The process that was seen gets a signal, and no other that has got its pid meanwhile.
function M.verbs.end_log_shipping(copy, facts)
  local shipping = shipping_of(copy)
  local stop = has_words(shipping.stop) and shipping.stop or nil
  local words = stop and table.concat(stop, " ") or ("SIGTERM to the process in %s: %s"):format(
    shipping.pid_file, tostring(facts.log_shipping_job))
  return {
    row = "process.end",
    args = { pid_file = shipping.pid_file, program = facts.log_shipping_job, argv = stop },
    statement = ("end log shipping to %s: %s"):format(copy.server, words),
  }
end

-- A job may copy what is there the moment that it is begun. `program` is what it was, where that is
-- known: it shall be that again.
function M.verbs.begin_log_shipping(copy, program)
  local shipping = shipping_of(copy)
  if not has_words(shipping.start) then
    return ("the site does not say how log shipping to %s is begun (start in log_shipping): begin "
      .. "it by hand"):format(copy.server)
  end
  return {
    row = "process.begin",
    args = { argv = shipping.start, pid_file = shipping.pid_file, job = M.job_words(shipping),
      program = program },
    statement = ("begin log shipping to %s again: %s"):format(copy.server,
      table.concat(shipping.start, " ")),
    becomes = {
      [("log_backups:%s.secondary"):format(copy.database)] = schema.unknown "log_backups",
    },
  }
end

local function names_of(files)
  return list.map(files, function(line)
    return entry.read(line).file
  end)
end

-- The data folder of the standby where log files go straight into its pg_wal.
local function own_folder(copy)
  return shipping_of(copy).into_pg_wal and inventory.servers()[copy.server].folder or nil
end

-- The log files that the standby has whole in its pg_wal, as lines of a listed folder.
function M.in_pg_wal(copy)
  local data = own_folder(copy)
  local there = data and effects.call_once("wal.own", target_of(copy, { data = data }))
  return there and there.files or {}
end

function M.verbs.copy_log_backups(copy, files)
  local shipping, names, data = shipping_of(copy), names_of(files), own_folder(copy)
  local words = list.map(files, function(line)
    return entry.read(line).file .. (entry.differs(line) and " (in place of a damaged one)" or "")
  end)
  return {
    row = "wal.copy",
    args = target_of(copy, {
      share = shipping.share,
      destination = shipping.destination,
      data = data,
      files = host.list(names),
    }),
    statement = ("copy %s from %s to %s%s, each for %s to take at once: %s"):format(
      text.count(#files, "file"), shipping.share,
      data and data .. "/pg_wal, or where that cannot be to " or "", shipping.destination,
      copy.server, table.concat(words, ", ")),
  }
end

-- One wait for all of it: which files are left differs from moment to moment. With `now`, the facts
-- of the copy, it may be hastened; what it fetches log files with is no part of what is planned.
function M.verbs.replay_log_backups(copy, facts, now)
  local plain, quick = haste.ways(now and now.restore_command)
  return {
    row = "standby.replay",
    args = target_of(copy, { lsn = facts.last_lsn }),
    bound = quick and { plain = plain, quick = quick },
    statement = ("wait until %s has replayed its log up to LSN %d%s"):format(copy.server,
      facts.last_lsn, now and haste.verbs.hastens(copy) and haste.words or ""),
  }
end

local function session_words(session)
  return ("%s (%s)"):format(tostring(session.pid), session.program or "")
end

function M.verbs.end_sessions(copy, sessions)
  return {
    row = "standby.clear",
    args = target_of(copy, {}),
    statement = ("SELECT pg_terminate_backend(pid) on %s for %s: %s"):format(copy.server,
      text.count(#sessions, "session"), table.concat(list.map(sessions, session_words), ", ")),
    volatile = true,
  }
end

local function setting(copy, name, value, becomes)
  return {
    row = "standby.set",
    args = target_of(copy, { name = name, value = value }),
    statement = ("ALTER SYSTEM SET %s = '%s' on %s, and have it read its settings"):format(name,
      value, copy.server),
    becomes = becomes,
    returns = true,
  }
end

local function put_back(copy, name, value, becomes)
  return {
    row = "standby.put_back",
    args = target_of(copy, { name = name, value = value }),
    statement = ("ALTER SYSTEM RESET %s on %s, or SET it where it is not '%s' then"):format(name,
      copy.server, value),
    becomes = becomes,
    repeatable = true,
  }
end

-- The names of the histories that a standby must have when it chooses the number of its timeline.
local function histories_of(backups)
  return names_of(list.map(backups.timelines or {}, function(line)
    return not entry.is_copied(line) and line or nil
  end))
end

-- The link of its mirror, where the site has one, tells of that setting as well.
local function nobody_awaited(copy)
  local becomes = { commits_await = host.null }
  for mirror, principal in pairs(inventory.principal_of) do
    if principal == copy.role and inventory.copy(copy.database, mirror) then
      becomes[("mirror:%s.%s"):format(copy.database, mirror)] = { waits_for = "" }
    end
  end
  return becomes
end

-- What must be done to a standby before it is brought online: settings that would close it to its
-- clients.
function M.verbs.opens(copy, facts)
  local changes = {}
  if facts.commits_await then
    changes[#changes + 1] = setting(copy, "synchronous_standby_names", "", nobody_awaited(copy))
  end
  if facts.refuses_writes then
    changes[#changes + 1] = setting(copy, "default_transaction_read_only", "off",
      { refuses_writes = host.null })
  end
  return changes
end

-- What takes that back while the standby has not come online: `before` are its facts from before.
function M.verbs.closes(copy, before)
  local changes = {}
  if before.refuses_writes then
    changes[#changes + 1] = put_back(copy, "default_transaction_read_only", "on",
      { refuses_writes = true })
  end
  if before.commits_await then
    changes[#changes + 1] = put_back(copy, "synchronous_standby_names", before.commits_await,
      { commits_await = before.commits_await })
  end
  return changes
end

-- The histories are handed over by the change that promotes, and not before: with them in its
-- folder a standby that is started again takes the latest of them for its own and does not go on.
-- A server that was told takes its time, and tells nobody but standby.order that it is at it.
function M.verbs.recover(copy, backups, facts)
  local shipping, names = shipping_of(copy), histories_of(backups)
  local args = target_of(copy, {})
  local words = ""
  if #names > 0 then
    args.share, args.destination = shipping.share, shipping.destination
    args.histories = host.list(names)
    words = (", with %s from %s in %s"):format(table.concat(names, ", "), shipping.share,
      shipping.destination)
  end
  return {
    row = "standby.promote",
    args = args,
    statement = ("SELECT pg_promote() on %s%s, and prove its new timeline"):format(copy.server,
      words),
    bound = facts.serving_since and { since = facts.serving_since },
    settles = "standby.order",
  }
end

-- A secondary that has not come to where a new timeline of the primary begins, or ends right there,
-- is told of another way when the history of it is shipped, which takes its time.
local function another_way(copy)
  local unknown = schema.unknown "log_chain"
  local told = { problem = unknown.problem, problem_text = unknown.problem_text }
  return {
    [("log_backups:%s.secondary"):format(copy.database)] = told,
    [("log_chain:%s.secondary"):format(copy.database)] = told,
  }
end

-- Which log files are needed is told of a standby only: what becomes of the other facts when it is
-- brought online. `backups` are those of now; what is not told now is no sign of it afterwards.
function M.verbs.backups_afterwards(copy, backups)
  if copy.role == "primary" then
    return another_way(copy)
  end
  local id, gone = ("log_backups:%s.secondary"):format(copy.database), {}
  for key in next, backups do
    gone[key] = key ~= "share_readable" and schema.is_steady(id, key) and host.null or nil
  end
  return {
    [id] = gone,
    [("log_chain:%s.secondary"):format(copy.database)] = { problem = host.null,
      problem_text = host.null },
  }
end

-- A change of its own: whatever is observed of a server that is online, a commit that does not come
-- through is a failure.
function M.verbs.prove(copy)
  return {
    row = "standby.prove",
    args = target_of(copy, {}),
    statement = ("SELECT pg_logical_emit_message() on %s: prove that a commit comes through"
      ):format(copy.server),
    becomes = {},
    repeatable = true,
  }
end

-- The fork of a copy that is brought online. Which numbers are taken is told only of a copy that
-- takes log backups.
function M.verbs.next_fork(copy, facts, backups)
  local now = (facts.fork or ""):match("^timeline (%d+)$")
  if not now or copy.role ~= "secondary" then
    return schema.unknown_fact("database", "fork")
  end
  return ("timeline %d"):format(wal.next_timeline(tonumber(now), backups.timelines or {}))
end

return M
