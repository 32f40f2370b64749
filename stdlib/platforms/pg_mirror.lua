-- Mirrors on PostgreSQL: streaming standbys whose principal waits for them with every commit.
--
-- A mirror is known to its principal by the name that its server has in the site file: that is the
-- application_name it streams under, and what stands in synchronous_standby_names.

local _, host = ...
local effects = require "bascule/effects"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local schema = require "bascule/facts/schema"

local M = {}

-- In a data folder while its server has not begun to stream (interp/lib/pg_place_int.h). One that
-- was brought online has lost its standby.signal, and is no unfinished mirror, whatever else lies
-- there.
local unfinished = "bascule.installing"

-- ------------------------------------------------------------ looking

local receiver_query = [[
SELECT status, sender_host || ':' || sender_port AS sender,
  (pg_last_wal_replay_lsn() - '0/0')::bigint AS lsn,
  (latest_end_lsn - '0/0')::bigint AS known_lsn,
  coalesce(substring(conninfo from '(?:^|\s)application_name=''?([^\s'']+)'),
    substring(conninfo from 'fallback_application_name=''?([^\s'']+)')) AS name
FROM pg_stat_wal_receiver]]

local senders_query = [[
SELECT application_name || ' ' || state || ' ' || sync_state,
  application_name, (state = 'streaming')::int, (sync_state IN ('sync', 'quorum'))::int
FROM pg_stat_replication ORDER BY application_name, pid]]

local waits_query = "SELECT current_setting('synchronous_standby_names') AS names"

-- What the principal says of its standbys: a text for people, and of the one with this name
-- whether it streams and whether commits wait for it.
local function senders_of(eyes, principal, name)
  local value = eyes.ask(principal, senders_query)
  local words, streams, synchronous = {}, false, false
  for _, row in ipairs(value and value.rows or {}) do
    words[#words + 1] = row[1]
    if row[2] == name and row[3] == 1 then
      streams, synchronous = true, synchronous or row[4] == 1
    end
  end
  return value and table.concat(words, ", "), streams, synchronous
end

-- Who is at the other end of the line is told by the other end.
local function following(eyes, principal, receiver)
  local words, streams, synchronous = senders_of(eyes, principal, receiver.name)
  return {
    state = "following",
    principal = streams and principal.server or receiver.sender,
    synchronous = synchronous,
    lsn = receiver.lsn,
    lag = math.max(0, (receiver.known_lsn or receiver.lsn) - receiver.lsn),
    agent = words,
  }
end

local function facts_of(eyes, copy, principal)
  local at, failure = eyes.row_of(copy)
  if not at then
    if eyes.state_of(copy, failure) == "missing" then
      return { state = "none", principal = "", synchronous = false,
        agent = eyes.words_of(failure) }
    end
    return { state = "broken", agent = eyes.words_of(failure) }
  elseif at.restoring == 0 or at.streams ~= 1 then
    return { state = "none", principal = "", synchronous = false, lsn = at.lsn }
  end
  local receiver = eyes.ask_row(copy, receiver_query)
  if receiver and receiver.status == "streaming" then
    return following(eyes, principal, receiver)
  end
  return { state = "stalled", principal = "", synchronous = false, lsn = at.lsn,
    agent = senders_of(eyes, principal) }
end

-- `eyes` are the platform's ways to ask: ask, ask_row, row_of, state_of, words_of. Where the mirror
-- is lost, its principal often is as well, and nobody waits for that to be found out twice.
function M.observe(eyes, copy, principal)
  local facts = facts_of(eyes, copy, principal)
  local row = facts.state ~= "broken" and eyes.ask_row(principal, waits_query)
  facts.waits_for = row and row.names or nil
  return facts
end

-- {names…} of a folder over ssh, and whether the folder around it is there; or nil and why it
-- cannot be looked at.
local function names_there(server)
  local looked, failure = effects.call("command.probe", { host = server.ssh,
    argv = host.list { "env", "LC_ALL=C", "ls", "-A", "--", server.folder } })
  if not looked then
    return nil, failure.message
  elseif looked.exit == 0 then
    local names = {}
    for name in looked.out:gmatch("[^\n]+") do
      names[#names + 1] = name
    end
    return names, true
  elseif not looked.err:find("No such file or directory", 1, true) then
    return nil, (looked.err:gsub("%s+$", ""))
  end
  local around = effects.call("command.probe", { host = server.ssh,
    argv = host.list { "test", "-d", server.folder:match("^(.+)/[^/]+$") or "/" } })
  return {}, around ~= nil and around.exit == 0
end

local function names_here(server)
  local folder, failure = effects.call("folder.list", { path = server.folder })
  if not folder then
    return nil, failure.message
  end
  local names = list.map(folder.files, function(line)
    return line:match("^%d+ (.+)$")
  end)
  for index = #names + 1, folder.entries do
    names[index] = "" -- something that is no ordinary file
  end
  return names, folder.parent
end

-- What is in the data folder of a copy, {[name] = true}; nil where nobody can look.
function M.names_of(copy)
  local server = inventory.servers()[copy.server]
  local names = server and server.folder and (server.ssh and names_there or names_here)(server)
  local there = {}
  for _, name in ipairs(names or {}) do
    there[name] = true
  end
  return names and there or nil
end

-- What the data folder tells of a server that does not answer: whether nobody has made one there
-- yet, and words for people. A mirror that was never finished is none.
function M.is_missing(copy)
  local server = inventory.servers()[copy.server]
  if not server or not server.folder then
    return false
  end
  local names, around = (server.ssh and names_there or names_here)(server)
  if not names then
    return false, around
  elseif list.contains(names, unfinished) and list.contains(names, "standby.signal") then
    return true, ("%s holds a mirror whose installation has not ended"):format(server.folder)
  elseif #names > 0 then
    return false, ("%s is not empty"):format(server.folder)
  end
  return around == true
end

-- ------------------------------------------------------------ changing

-- As a name is written in synchronous_standby_names; FIRST and ANY mean something else there.
local function written(name)
  local plain = name:find("^[a-z_][a-z0-9_]*$") and name ~= "first" and name ~= "any"
  return plain and name or ('"%s"'):format(name)
end

-- What a mirror is to be.
function M.mirrored(principal)
  return { state = "following", principal = principal.server, synchronous = true }
end

local function site_of(copy)
  local server = inventory.servers()[copy.server]
  if not server.folder then
    error(("the site does not say in which folder server %s has its data; add folder: PATH to it")
      :format(copy.server), 0)
  end
  return server
end

M.site_of = site_of

-- Whether a server that does not answer is a standby that was stopped in good order.
function M.is_at_rest(copy)
  local names = M.names_of(copy)
  return names ~= nil and names["standby.signal"] == true and not names["postmaster.pid"]
end

local function start_words(server)
  return #server.start > 0 and table.concat(server.start, " ") or "pg_ctl start"
end

-- The change, and what becomes of the link by it, which was `link` before: it streams, and whether
-- somebody waits for it already depends on what was set before.
function M.install_mirror(principal, copy, link)
  local server = site_of(copy)
  local is_awaited = not (link and link.waits_for == "")
  return {
    row = "mirrors.pg_make",
    args = { principal = principal.server, mirror = copy.server,
      database = principal.site.database },
    statement = ("pg_basebackup of %s to %s%s, with standby.signal and a primary_conninfo for %s;"
      .. " start it (%s) and wait until it streams"):format(principal.server, server.folder,
      server.ssh and " on " .. server.ssh or "", copy.server, start_words(server)),
  }, {
    state = "following", principal = principal.server,
    synchronous = is_awaited and schema.unknown_fact("mirror", "synchronous"),
    waits_for = link and link.waits_for == nil and schema.unknown_fact("mirror", "waits_for")
      or nil,
  }
end

function M.follow(principal, copy)
  local names = written(copy.server)
  local becomes = M.mirrored(principal)
  becomes.waits_for = names
  return {
    row = "mirrors.pg_follow",
    args = { principal = principal.server, mirror = copy.server,
      database = principal.site.database, names = names },
    statement = ("ALTER SYSTEM SET synchronous_standby_names = '%s' on %s, and wait until every"
      .. " commit waits for %s"):format(names, principal.server, copy.server),
  }, becomes
end

-- The commits of the principal wait for whom they waited before.
local function wait_again(principal, copy, names)
  return {
    row = "mirrors.pg_waits",
    args = { principal = principal.server, database = principal.site.database,
      names = names ~= "" and names or nil },
    statement = ("ALTER SYSTEM SET synchronous_standby_names = '%s' on %s"):format(names,
      principal.server),
    becomes = { waits_for = names, synchronous = names == written(copy.server) },
  }
end

local function remove(copy)
  local server = site_of(copy)
  local becomes = { state = "none", principal = "", synchronous = false }
  local gone = { state = "missing" }
  for key in next, schema.unknown "database" do
    gone[key] = gone[key] or host.null
  end
  becomes[copy.id] = gone
  return {
    row = "mirrors.pg_remove",
    args = { mirror = copy.server },
    statement = ("stop the mirror on %s and rename %s"):format(copy.server, server.folder),
    becomes = becomes,
  }
end

-- Takes an installation back: `before` are the facts of the link from before it. A mirror that was
-- in the way has been renamed and is not put back; and nobody waits for one that is removed.
function M.take_back_mirror(principal, copy, before)
  local names = before.waits_for or ""
  if before.state == "following" and before.principal == principal.server then
    return { wait_again(principal, copy, names) }
  end
  return { wait_again(principal, copy, names ~= written(copy.server) and names or ""),
    remove(copy) }
end

-- Ends a mirror, and that anybody waits for it; `link` are the facts of it. The change, and the one
-- before it. For whom commits wait is not asked while the mirror is out of reach.
function M.remove_mirror(copy, principal, link)
  local change, waits = remove(copy), link.waits_for ~= "" and wait_again(principal, copy, "")
  if waits and link.waits_for == nil then
    local unknown = schema.unknown "mirror"
    waits.becomes = { waits_for = unknown.waits_for, synchronous = unknown.synchronous }
    change.becomes.waits_for = unknown.waits_for
  end
  return change, waits or nil
end

return M
