-- Log shipping: the job that copies log backups to a secondary and applies them.

local _, host = ...
local chain = require "bascule/vocabulary/chain"
local handles = require "bascule/language/handles"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local primitive = require "bascule/primitive"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"
local schema = require "bascule/facts/schema"

-- Into a copy that takes no log backups a job would bring none, and none can be set up.
local function can_have_job(facts)
  return list.contains({ "restoring", "standby" }, facts.state) and not recovered.has_left(facts)
end

-- Whether the copy was stopped to go on with the primary, and has not been started again: all that
-- is known of it is that it is closed. It was found to fit before.
local function is_half_set_up(copy, facts)
  return facts.state == registry.closed_state(copy) and facts.held_by ~= nil and facts.lsn == nil
end

local function primary_id(copy)
  return ("database:%s.primary"):format(copy.database)
end

-- Everything that is known of its log backups is seen anew.
local function counted_anew(copy, becomes)
  becomes[("log_backups:%s.secondary"):format(copy.database)] = schema.unknown "log_backups"
  becomes[("log_chain:%s.secondary"):format(copy.database)] = schema.unknown "log_chain"
  becomes[("tail:%s.primary"):format(copy.database)] = schema.unknown "tail"
  return becomes
end

local function afterwards(copy, there, job, anew)
  local unknown = schema.unknown "database"
  local becomes = { state = registry.closed_state(copy), writable = false, fork = there.fork,
    handed_over_lsn = host.null, log_shipping = "configured",
    log_shipping_job = job and match.foretold(job)
      or schema.unknown_fact("database", "log_shipping_job") }
  if anew then
    becomes.fork, becomes.database_id = unknown.fork, unknown.database_id
    becomes[primary_id(copy)] = { fork = unknown.fork, database_id = unknown.database_id,
      reason = "" }
  end
  return counted_anew(copy, becomes)
end

-- Whether the copy is on the primary's recovery fork, or ends where that fork began.
local function fits(facts, there)
  return facts.fork == there.fork or (there.recovered_lsn ~= nil
    and match.matches(there.recovered_lsn, facts.lsn))
end

-- Whether the copy has to be made anew. That nobody wrote to a primary before its commits were
-- counted cannot be told afterwards, when whoever brought it online was killed at that moment; what
-- the copy holds it has taken over in any case.
local function is_for_nothing(facts, there)
  local is_counted = (there.fork or "") ~= "" and (there.reason or "") == ""
  return facts.state == "missing" or not is_counted and facts.handed_over_lsn ~= nil
    and match.matches(there.recovered_lsn, facts.handed_over_lsn)
end

-- Why log backups of the primary would not fit the copy, or nil. One that was handed over at the
-- very LSN at which the primary was brought online goes on with it.
local function unfit(copy, facts, primary, there)
  if there.state ~= "online" or not there.writable then
    return ("%s is %s, so there is nothing to ship from"):format(primary.title,
      tostring(there.state))
  elseif is_for_nothing(facts, there) or is_half_set_up(copy, facts) then
    return nil
  elseif facts.state ~= registry.closed_state(copy) or facts.incomplete_lsn then
    return ("%s is %s%s, so it takes no log backups"):format(copy.title, tostring(facts.state),
      facts.incomplete_lsn and " with log backups in it in part only" or "")
  elseif facts.database_id ~= there.database_id
    or not fits(facts, there) then
    return ("%s does not end where %s was brought online: it has to be made anew"):format(
      copy.title, primary.title)
  end
end

-- The changes in order: those that a platform has before the one that makes the rest true, that
-- one, and the one that begins the job where that is another.
local function with_job(copy, becomes, change, before, begin)
  local changes = list.copy(before or {})
  for _, each in ipairs(changes) do
    each.becomes = { state = becomes.state, fork = schema.unknown_fact("database", "fork") }
  end
  if begin then
    begin.becomes = { log_shipping = becomes.log_shipping,
      log_shipping_job = becomes.log_shipping_job }
    becomes.log_shipping, becomes.log_shipping_job = nil, nil
  end
  for key, value in next, change.becomes or {} do
    becomes[key] = value
  end
  change.becomes, change.resource = becomes, copy.id
  changes[#changes + 1], changes[#changes + 2] = change, begin
  return changes
end

-- No copy stays down because a run is taken back. Whether it had gone on with the primary by then,
-- or can be opened again, is seen only afterwards.
local function mend_half(a, before, _, _, observe)
  local copy = handles.of(a.copy)
  if not is_half_set_up(copy, observe(a.copy)) then
    return ("%s was not left half set up, and goes on with what it follows"):format(copy.title)
  end
  local change = registry.of(copy).end_half_install(copy)
  local becomes = counted_anew(copy, change.becomes)
  becomes.state, becomes.writable = registry.closed_state(copy), false
  becomes.database_id, becomes.fork = before.database_id, schema.unknown_fact("database", "fork")
  becomes.handed_over_lsn = schema.unknown_fact("database", "handed_over_lsn")
  return { change }
end

-- Begins log shipping from the primary into a secondary that ends where the primary began, and sets
-- up its job as the site describes it. Nothing is copied, and a secondary that ends elsewhere is
-- refused; only one that is missing, or handed over to a primary whose count was lost, is made
-- anew. There is no way back: the copy has left the fork on which it was handed over.
-- Source: Lync Server 2013, Setting up SQL Server log shipping, with "No, the secondary database is
-- initialized".
local install = primitive.shipped {
  name = "log_shipping.install",
  doc = "Begins log shipping from the primary into a secondary that ends where the primary began.",
  args = { { "copy", "copy", role = "secondary", doc = "the copy that is to receive them" } },
  usage = "log_shipping.install(db.secondary)",
  check = function(a)
    return chain.check_shipping(handles.of(a.copy))
  end,
  wants = function(a, facts, observe)
    local copy = handles.of(a.copy)
    local there = observe(primary_id(copy))
    local is_known = there.fork and not is_for_nothing(facts, there)
    return {
      state = registry.closed_state(copy),
      log_shipping = "configured",
      log_shipping_job = registry.able(copy, "log_shipping_job")(copy),
      fork = is_known and there.fork or match.other_than(facts.fork),
    }
  end,
  requires = function(a, facts, observe)
    local copy = handles.of(a.copy)
    local lacks = registry.of(copy).no_log_shipping
    return lacks and lacks(copy) or unfit(copy, facts,
      registry.copy_named(copy.database .. ".primary"), observe(primary_id(copy)))
  end,
  changes = function(a, facts, observe)
    local copy = handles.of(a.copy)
    local platform, from = registry.of(copy), registry.copy_named(copy.database .. ".primary")
    local job, there = platform.log_shipping_job(copy), observe(primary_id(copy))
    local anew = is_for_nothing(facts, there)
    local becomes = afterwards(copy, there, job, anew)
    becomes.database_id = becomes.database_id
      or is_half_set_up(copy, facts) and there.database_id or nil
    return with_job(copy, becomes,
      registry.able(copy, "install_log_shipping")(from, copy, job, anew))
  end,
  mends = function(a)
    local copy = handles.of(a.copy)
    return registry.of(copy).end_half_install and mend_half
  end,
}

-- Ends log shipping into a secondary copy: the job finishes what it has under way, as far as its
-- platform knows of that. The job as it was seen before is kept in the journal, and the undo makes
-- it again.
-- Source: Lync Server 2013, Failing over Persistent Chat Server, step 1.
local remove = primitive.shipped {
  name = "log_shipping.remove",
  doc = "Ends log shipping into a secondary copy; the undo sets it up again as it was.",
  args = { { "copy", "copy", role = "secondary", doc = "the copy that receives the log backups" } },
  usage = "log_shipping.remove(db.secondary)",
  wants = function()
    return { log_shipping = "none" }
  end,
  requires = function(a, facts)
    local copy = handles.of(a.copy)
    local not_endable = registry.of(copy).not_endable
    local why = facts.log_shipping == "configured" and not_endable and not_endable(copy)
    if why then
      return why
    elseif facts.log_shipping == "configured" and facts.log_shipping_job == "" then
      return ("the log shipping job of %s cannot be read, so it could not be set up again; repair "
        .. "or remove it by hand"):format(copy.title)
    elseif facts.state == "unreachable" or facts.state == "missing" then
      return ("%s is %s"):format(copy.title, facts.state)
    elseif facts.log_shipping == nil then
      return ("nothing tells whether log shipping into %s is set up%s"):format(
        copy.title, facts.reason and ": " .. facts.reason or "")
    end
  end,
  changes = function(a, facts)
    local copy = handles.of(a.copy)
    local change = registry.of(copy).end_log_shipping(copy, facts)
    change.becomes = { log_shipping = "none", log_shipping_job = "" }
    return { change }
  end,
  undo = function(a, before)
    local copy = handles.of(a.copy)
    if not can_have_job(before) then
      return ("no log backups can be applied to %s, so it needs no job"):format(copy.title)
    elseif not before.log_shipping_job then
      return {}
    end
    local change = registry.of(copy).begin_log_shipping(copy, before.log_shipping_job)
    if type(change) == "string" then
      return change
    end
    change.becomes = change.becomes or {}
    change.becomes.log_shipping = "configured"
    change.becomes.log_shipping_job = before.log_shipping_job
    return { change }
  end,
}

return {
  { name = "log_shipping.remove", value = remove },
  { name = "log_shipping.install", value = install },
}
