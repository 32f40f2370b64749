-- Sessions: who has a database open.

local handles = require "bascule/language/handles"
local primitive = require "bascule/primitive"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"

-- New sessions may come while old ones are ended; after so many rounds something keeps opening
-- them that has to be found first.
local most_rounds = 3

local function rounds(copy, first)
  local round, facts = 0, first
  return function(latest)
    facts = latest or facts
    round = round + 1
    if round > most_rounds or (facts.sessions or 0) == 0 then
      return nil
    end
    local change = registry.of(copy).end_sessions(copy, facts.session_list or {})
    change.becomes = { sessions = 0, session_list = {} }
    return change
  end
end

-- Ends every session on a copy. Which those are differs from moment to moment, so the statement is
-- marked volatile.
-- Before its copy is brought online the sessions are in the way of that; when it was brought online
-- before, they are its clients and stay.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 4 (sp_who2, kill).
local kill_all = primitive.shipped {
  name = "sessions.kill_all",
  doc = "Ends every session that is open on a copy.",
  args = { { "copy", "copy", doc = "the copy to be freed" } },
  usage = "sessions.kill_all(db.secondary)",
  wants = function()
    return { sessions = 0 }
  end,
  moot = function(a, facts, _, prepares_recovery)
    if prepares_recovery and recovered.is_online(facts) then
      return "kept", ("%s is online already: its sessions are those of its clients"):format(
        handles.of(a.copy).title)
    end
  end,
  requires = function(a, facts)
    if facts.sessions == nil then
      return ("the sessions on %s cannot be seen: %s"):format(handles.of(a.copy).title,
        facts.reason or "it is " .. tostring(facts.state))
    elseif facts.sessions_kept then
      return ("the role that connects to %s may not end its sessions %s"):format(
        handles.of(a.copy).title, facts.sessions_kept)
    end
  end,
  changes = function(a, facts)
    return rounds(handles.of(a.copy), facts)
  end,
  harmless = "sessions reconnect",
}

return { { name = "sessions.kill_all", value = kill_all } }
