-- Log backups: copying what is on the share, applying it in order, and salvaging the tail that
-- never became a log backup.

local chain = require "bascule/vocabulary/chain"
local cond = require "bascule/core/cond"
local handles = require "bascule/language/handles"
local inventory = require "bascule/language/inventory"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"
local text = require "bascule/core/text"

local function backups_id(copy)
  return ("log_backups:%s.secondary"):format(copy.database)
end

-- What must be true when the chain cannot be trusted: nothing is known to be done then, although
-- there seems to be nothing to do.
local whole = { share_readable = true, problem = "none" }

local function backups_of(a)
  return backups_id(handles.of(a.copy))
end

-- Once the copy was brought online it takes no log backups: there is nothing to be done, and those
-- that turned up later are told.
local function over(a, facts, observe)
  local secondary, now = handles.of(a.copy), observe(a.copy)
  if not recovered.has_left(now) then
    return nil
  end
  local words = { recovered.words(secondary, now)
    .. ": log backups are not applied to it any more" }
  if (facts.last_lsn or 0) > now.recovered_lsn then
    words[#words + 1] = ("those up to LSN %d came too late"):format(facts.last_lsn)
  end
  if facts.problem and facts.problem ~= "none" then
    words[#words + 1] = ("of those that came later, %s"):format(facts.problem_text
      or facts.problem)
  end
  return #words > 1 and "skipped" or "kept", table.concat(words, "; ")
end

-- While loading: the site must say where the log backups are.
local function check_shipping(a)
  return chain.check_shipping(handles.of(a.copy))
end

-- Copies every log backup that is on the share and not yet in the destination folder, 64 files to
-- a change. Refuses when the chain has a gap or a damaged or foreign file, when the share cannot
-- be read, or when there is no room.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 2.
local copy = primitive.shipped {
  name = "log_backups.copy",
  doc = "Copies the log backups not yet copied from the share to the secondary's folder.",
  args = { { "copy", "copy", role = "secondary", doc = "the copy that they are for" } },
  usage = "log_backups.copy(db.secondary)",
  check = check_shipping,
  resource = backups_of,
  moot = over,
  wants = function(a, facts)
    if chain.refusal(handles.of(a.copy), facts) then
      return whole
    elseif chain.uncopied(facts) == 0 then
      return {}
    end
    return { copied_lsn = facts.last_lsn }
  end,
  requires = function(a, facts)
    return chain.refusal(handles.of(a.copy), facts) or chain.no_room(handles.of(a.copy), facts)
  end,
  changes = function(a, facts)
    return chain.copying(handles.of(a.copy), facts)
  end,
  harmless = "log shipping would have copied them anyway",
}

-- Applies every log backup after the copy's LSN, strictly in order, 64 files to a change.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 3.
local apply = primitive.shipped {
  name = "log_backups.apply",
  doc = "Applies the copied log backups to the secondary in the order of their LSNs.",
  args = { { "copy", "copy", role = "secondary", doc = "the copy to apply them to" } },
  usage = "log_backups.apply(db.secondary)",
  check = check_shipping,
  resource = backups_of,
  moot = over,
  wants = function(a, facts, observe)
    if chain.refusal(handles.of(a.copy), facts) then
      return whole
    end
    local secondary = handles.of(a.copy)
    if #(facts.chain or {}) > 0 then
      return { applied_lsn = match.at_least(facts.last_lsn) }
    end
    local left = chain.hastens(secondary) and chain.out_of_haste(secondary, observe(a.copy))
    return { [secondary.id] = left and left.becomes or nil }
  end,
  requires = function(a, facts, observe)
    return chain.refusal(handles.of(a.copy), facts)
      or chain.not_copied(facts) or chain.not_receptive(observe(a.copy), handles.of(a.copy))
  end,
  changes = function(a, facts, observe)
    return chain.applying(handles.of(a.copy), facts, observe(a.copy))
  end,
  harmless = "log shipping would have applied them anyway",
  mends = function(a)
    local secondary = handles.of(a.copy)
    return chain.hastens(secondary) and function(_, _, _, _, observe)
      local change = chain.out_of_haste(secondary, observe(a.copy))
      return change and { change } or ("%s fetches log backups as before"):format(secondary.title)
    end
  end,
}

local function secondary_of(a)
  return registry.copy_named(handles.of(a.copy).database .. ".secondary")
end

local tail_refusals = {
  unavailable = "the disk of %s cannot be read%s",
  damaged = "the log of %s is damaged%s",
}

-- Whether the tail got into the copy before it was brought online; afterwards it is too late.
local function too_late(a, tail, observe)
  local dead, secondary = handles.of(a.copy), secondary_of(a)
  local now = observe(secondary.id)
  if not recovered.has_left(now) then
    return nil
  end
  local words = recovered.words(secondary, now)
  if tail.state == "salvaged" then
    return "kept", words .. ": the tail was salvaged and applied before"
  elseif tail.state == "empty" then
    return "kept", ("%s: it holds all that is in the log of %s"):format(words, dead.title)
  elseif tail.state == "too_late" and tail.commits > 0 then
    return "skipped", ("%s: %s (LSN %d–%d) in the log of %s cannot be applied to it any "
      .. "more"):format(words, text.count(tail.commits, "commit"), tail.first_lsn, tail.last_lsn,
        dead.title)
  elseif tail.state == "too_late" then
    return "skipped", ("%s: the log of %s went on to LSN %d without it"):format(words, dead.title,
      tail.last_lsn)
  end
  return "skipped", ("%s: what the log of %s may hold comes too late"):format(words, dead.title)
end

-- Reads the commits that no log backup contains from the log of a dead primary, where its disk can
-- still be read, and applies them to the secondary. Usually optional = true: when the disk is gone
-- there is nothing to salvage, and the failover goes on without.
-- Source: BACKUP LOG WITH NO_TRUNCATE (tail-log backup); the Lync procedure assumes total loss.
local salvage = primitive.shipped {
  name = "log_backups.salvage",
  doc = "Salvages the tail of a dead primary's log and applies it to the secondary.",
  args = { { "copy", "copy", role = "primary", doc = "the dead primary" } },
  usage = "log_backups.salvage(db.primary)",
  check = function(a)
    return chain.check_shipping(handles.of(a.copy))
  end,
  resource = function(a)
    return ("tail:%s.primary"):format(handles.of(a.copy).database)
  end,
  moot = too_late,
  wants = function(a, facts)
    if facts.state ~= "salvaged" and facts.state ~= "available" then
      return { state = "empty" }
    end
    return {
      state = "salvaged",
      ["database:" .. handles.of(a.copy).database .. ".secondary"] =
        { lsn = match.at_least(facts.last_lsn) },
    }
  end,
  requires = function(a, facts, observe)
    local words = tail_refusals[facts.state]
    if words then
      return words:format(handles.of(a.copy).title, facts.reason and ": " .. facts.reason or "")
    end
    local secondary = secondary_of(a)
    local backups = observe(backups_id(secondary))
    return chain.troubled(secondary, backups) or chain.no_room_for_tail(secondary, facts, backups)
      or chain.not_receptive(observe(secondary.id), secondary)
      or chain.behind_tail(observe(secondary.id), facts)
  end,
  changes = function(a, facts, observe)
    local secondary = secondary_of(a)
    return chain.salvaging(handles.of(a.copy), secondary, facts, observe(secondary.id))
  end,
  harmless = "what the primary had committed belongs into the secondary",
}

-- A condition on the log backups of a copy that takes them; `past.when(facts)` says when it does
-- not any more, and `past.test`, if any, what speaks against it all the same.
local function chain_condition(kind, words, test, past)
  return function(inner)
    if inner.role ~= "secondary" then
      return chain.wrong_role(inner)
    end
    if chain.check_shipping(inner) == false then
      return chain.placeholder()
    end
    local id = ("%s:%s.secondary"):format(kind, inner.database)
    return cond.new(id, words:format(inner.database), function(facts, observe)
      local now = past and observe(inner.id)
      if not (now and past.when(now)) then
        local reason = test(inner, facts)
        return reason == nil, reason
      end
      local reason = past.test and past.test(inner, facts)
      return reason == nil, reason or recovered.words(inner, now) .. ": it needs no log backup"
    end)
  end
end

-- Conditions for guards: db.secondary:log_chain_is_whole(), …
handles.method("copy", "log_chain_is_whole",
  chain_condition("log_chain", "the log chain of %s is whole", chain.broken,
    { when = recovered.is_online, test = chain.other_fork }))
handles.method("copy", "can_read_log_share",
  chain_condition("log_backups", "the backup share of %s can be read", chain.unreadable))
handles.method("copy", "has_room_for_log_backups",
  chain_condition("log_backups", "there is room for the log backups of %s", chain.no_room,
    { when = recovered.has_left }))
handles.method("copy", "follows", function(inner, principal)
  local other = handles.of(principal)
  if not other or other.type ~= "copy" or inventory.principal_of[inner.role] ~= other.role then
    return chain.wrong_mirror(inner)
  end
  return cond.facts(("mirror:%s.%s"):format(inner.database, inner.role),
    ("mirroring of %s to %s"):format(inner.database, inner.site and inventory.place(inner.site)
      or inner.role), { state = "following" })
end)

return {
  { name = "log_backups.copy", value = copy },
  { name = "log_backups.apply", value = apply },
  { name = "log_backups.salvage", value = salvage },
}
