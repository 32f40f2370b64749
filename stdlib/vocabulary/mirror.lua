-- Mirrors: a copy that follows its principal all the time.

local _, host = ...
local book = require "bascule/language/book"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local primitive = require "bascule/primitive"
local registry = require "bascule/platforms/registry"
local schema = require "bascule/facts/schema"

-- While loading: a mirror belongs to the copy of its own data centre, and the mirror of a lost
-- primary is not the mirror of the new one.
local function check_pair(a)
  local principal, mirror = handles.of(a.principal), handles.of(a.mirror)
  if inventory.principal_of[mirror.role] == principal.role
    and principal.database == mirror.database then
    return true
  end
  local right = principal.role == "secondary" and "secondary_mirror" or "mirror"
  book.mistake(("%s is not the mirror of %s"):format(mirror.title, principal.title),
    ("did you mean mirror = db.%s?"):format(right))
  return false
end

local function link_id(mirror)
  return ("mirror:%s.%s"):format(mirror.database, mirror.role)
end

-- Sessions on the copy that is to be replaced or removed, where those are in the way. The agent
-- that feeds it is ended with it.
local function in_use(link, mirror, there)
  if registry.of(mirror).minds_no_sessions then
    return nil
  end
  local others = list.map(there.session_list or {}, function(session)
    return link.agent ~= ("pid %d"):format(session.pid) and session or nil
  end)
  if #others > 0 then
    return ("%s open on %s; end them with sessions.kill_all first"):format(
      #others == 1 and "1 session is" or #others .. " sessions are", mirror.title)
  end
end

local function not_ready(principal, facts, mirror, there)
  if facts.state ~= "online" or not facts.writable then
    return ("%s is %s, so it cannot be mirrored"):format(principal.title, tostring(facts.state))
  elseif there.state == "unreachable" or there.state == "unknown" then
    return ("%s is %s%s"):format(mirror.title, there.state,
      there.reason and there.reason ~= "" and ": " .. there.reason or "")
  elseif there.state == "online" and there.writable then
    return ("%s is online and writable; installing a mirror would replace it"):format(mirror.title)
  end
end

-- What becomes of the principal: where its log was reset while nobody counted its commits, cloning
-- begins a fork; one that was never counted gets an identity, and of log backups meant for it it
-- shows only then what they are to it.
local function identity(principal, facts)
  local unknown = schema.unknown "database"
  local becomes = { [principal.id] = { fork = unknown.fork } }
  if facts.database_id ~= "" then
    return becomes
  end
  becomes[principal.id].database_id = unknown.database_id
  local found = inventory.database(principal.database)
  if principal.role == "secondary" and found and found.log_shipping then
    becomes[("log_backups:%s.secondary"):format(principal.database)] = schema.unknown "log_backups"
    becomes[("log_chain:%s.secondary"):format(principal.database)] = schema.unknown "log_chain"
    becomes[("tail:%s.primary"):format(principal.database)] = schema.unknown "tail"
  end
  return becomes
end

-- Which fork the mirror gets is seen afterwards; following asks for the same on both sides.
local function changes(principal, mirror, facts, was, is_fed)
  local platform = registry.of(mirror)
  local install, link = platform.install_mirror(principal, mirror, was)
  install.resource = mirror.id
  local unknown = schema.unknown "database"
  install.becomes = identity(principal, facts)
  install.becomes[mirror.id] = { state = "mirror", writable = false,
    database_id = facts.database_id ~= "" and facts.database_id or unknown.database_id,
    fork = unknown.fork, recovered_lsn = host.null, recovered_time = host.null,
    incomplete_lsn = host.null }
  install.becomes[link_id(mirror)] = link
  local follow, followed = platform.follow(principal, mirror)
  -- Whoever feeds the mirror has the principal open.
  followed[principal.id] = { sessions = schema.unknown_fact("database", "sessions"),
    session_list = schema.unknown_fact("database", "session_list") }
  follow.becomes = followed
  return is_fed and { follow } or { install, follow }
end

-- Whether the mirror is kept up to date already, if not in every way that is wanted of it.
local function is_fed(principal, mirror, link)
  return link.state == "following"
    and link.principal == registry.of(mirror).mirrored(principal).principal
end

local function take_back(a, before)
  local mirror = handles.of(a.mirror)
  return registry.of(mirror).take_back_mirror(handles.of(a.principal), mirror, before)
end

-- Clones a database to its mirror and keeps it up to date from then on.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 6 (Install-CsMirrorDatabase):
-- not the mirror of the old primary.
local install = primitive.shipped {
  name = "mirror.install",
  doc = "Clones a database to its mirror and keeps the mirror following.",
  args = {
    { "principal", "copy", role = { "secondary", "primary" }, doc = "the copy that is online" },
    { "mirror", "copy", role = { "secondary_mirror", "mirror" }, doc = "the copy that follows" },
  },
  usage = "mirror.install { principal = db.secondary, mirror = db.secondary_mirror }",
  check = check_pair,
  resource = function(a)
    return link_id(handles.of(a.mirror))
  end,
  wants = function(a)
    local principal = handles.of(a.principal)
    local wanted = registry.of(handles.of(a.mirror)).mirrored(principal)
    wanted[a.mirror] = { state = "mirror" }
    return wanted
  end,
  -- Nobody knows a way back where the site is not known.
  undoes = function(a)
    local platform = registry.platforms[inventory.platform_of(handles.of(a.mirror).server)]
    return platform and platform.take_back_mirror and take_back
  end,
  undo_word = "automatic where the platform can",
  requires = function(a, facts, observe)
    local mirror, there = handles.of(a.mirror), observe(a.mirror)
    return not_ready(handles.of(a.principal), observe(a.principal), mirror, there)
      or in_use(facts, mirror, there)
  end,
  changes = function(a, facts, observe)
    local principal, mirror = handles.of(a.principal), handles.of(a.mirror)
    return changes(principal, mirror, observe(a.principal), facts,
      is_fed(principal, mirror, facts) and observe(a.mirror).state == "mirror")
  end,
}

local function principal_of(mirror)
  return registry.copy_named(mirror.database .. "." .. inventory.principal_of[mirror.role])
end

local function not_removable(link, mirror, there)
  if there.at_rest or there.state == "damaged" and not there.writable then
    return in_use(link, mirror, there) -- as a removal leaves it that was cut short
  elseif there.state == "unreachable" or there.state == "unknown" then
    return ("%s is %s%s"):format(mirror.title, there.state,
      (there.reason or "") ~= "" and ": " .. there.reason or "")
  elseif there.state ~= "mirror" and there.state ~= "missing" then
    return ("%s is %s and no mirror"):format(mirror.title, there.state)
  end
  return in_use(link, mirror, there)
end

-- Ends a mirror. Its file is renamed and kept; the undo makes a new one.
-- Source: Lync Server 2013, Failing back Persistent Chat Server, step 2 (SET PARTNER OFF); the page
-- leaves the former mirror restoring.
local remove = primitive.shipped {
  name = "mirror.remove",
  doc = "Ends a mirror and sets its copy aside; the undo installs it anew.",
  args = { { "mirror", "copy", role = { "secondary_mirror", "mirror" }, doc = "the mirror" } },
  usage = "mirror.remove(db.secondary_mirror)",
  resource = function(a)
    return link_id(handles.of(a.mirror))
  end,
  wants = function(a)
    return { state = "none", principal = "", [a.mirror] = { state = "missing" } }
  end,
  requires = function(a, facts, observe)
    return not_removable(facts, handles.of(a.mirror), observe(a.mirror))
  end,
  changes = function(a, facts)
    local mirror = handles.of(a.mirror)
    local change, before = registry.able(mirror, "remove_mirror")(mirror, principal_of(mirror),
      facts)
    local unknown = schema.unknown_fact
    local becomes = { state = "none", principal = "",
      [mirror.id] = { state = "missing", writable = false, database_id = host.null,
        fork = host.null, lsn = host.null, time = host.null, incomplete_lsn = host.null },
      [principal_of(mirror).id] = { sessions = unknown("database", "sessions"),
        session_list = unknown("database", "session_list") } }
    for key, value in next, change.becomes or {} do
      becomes[key] = value
    end
    change.becomes = becomes
    return before and { before, change } or { change }
  end,
  undo = function(a, before)
    if before.state ~= "following" then
      return ("%s was not following"):format(handles.of(a.mirror).title)
    end
    local mirror = handles.of(a.mirror)
    local database = { name = mirror.database, site = inventory.database(mirror.database) }
    local principal = handles.copy(database, inventory.principal_of[mirror.role])
    return { install { principal = principal, mirror = a.mirror } }
  end,
}

return {
  { name = "mirror.install", value = install },
  { name = "mirror.remove", value = remove },
}
