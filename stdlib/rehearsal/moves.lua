-- What the world may do by itself while a runbook is at work: for each kind of resource, how its
-- facts could be all of a sudden.

local entry = require "bascule/platforms/entry"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

local function changed(facts, becomes)
  local copy = list.copy(facts)
  for key, value in next, becomes do
    copy[key] = value
  end
  return copy
end

local function is_down(facts)
  return facts.state == "unreachable" or facts.state == "missing"
end

-- One more or less of the users in a pool, where the counts are known.
local function one_more(facts, who, side, by)
  if who ~= "users" or math.type(facts[side]) ~= "integer" or math.type(facts.total) ~= "integer"
    or facts[side] + by < 0 then
    return nil
  end
  return changed(facts, { [side] = facts[side] + by, total = facts.total + by })
end

-- {kind, words, happens(facts, role) → the facts afterwards, or nil when it cannot happen}
local moves = {
  {
    kind = "database",
    words = "%s comes back",
    happens = function(facts, role)
      return role == "primary" and is_down(facts)
        and changed(facts, { state = "online", writable = true }) or nil
    end,
  },
  {
    kind = "database",
    words = "%s goes down",
    happens = function(facts)
      return not is_down(facts) and { state = "unreachable" } or nil
    end,
  },
  {
    kind = "database",
    words = "a session connects to %s",
    happens = function(facts, role)
      return role == "secondary" and math.type(facts.sessions) == "integer"
        and changed(facts, { sessions = facts.sessions + 1 }) or nil
    end,
  },
  {
    kind = "log_backups",
    words = "a late log backup appears for %s",
    happens = function(facts)
      local last = facts.last_lsn
      if not facts.share_readable or facts.problem ~= "none" or math.type(last) ~= "integer" then
        return nil
      end
      local chain = list.copy(facts.chain or {})
      chain[#chain + 1] = entry.write { first_lsn = last, last_lsn = last + 1, file = "late.blog" }
      return changed(facts, { last_lsn = last + 1, chain = chain })
    end,
  },
  {
    kind = "log_backups",
    words = "the backup share of %s goes away",
    happens = function(facts)
      return facts.share_readable and changed(facts, { share_readable = false }) or nil
    end,
  },
  {
    kind = "pool",
    words = "the table of %s cannot be read any more",
    happens = function(facts)
      return facts.state ~= "unreachable" and { state = "unreachable" } or nil
    end,
  },
  {
    kind = "homes",
    words = "somebody joins %s in the legacy pool",
    happens = function(facts, who)
      return one_more(facts, who, "legacy", 1)
    end,
  },
  {
    kind = "homes",
    words = "somebody leaves %s",
    happens = function(facts, who)
      return one_more(facts, who, facts.legacy == 0 and "new" or "legacy", -1)
    end,
  },
  {
    kind = "homes",
    words = "the directory of %s cannot be read any more",
    happens = function(facts, who)
      return who == "users" and facts.state == "online" and { state = "unreachable" } or nil
    end,
  },
  {
    kind = "deployment",
    words = "replication to %s stops",
    happens = function(facts)
      return facts.state == "deployed" and facts.replicated
        and changed(facts, { replicated = false }) or nil
    end,
  },
  {
    kind = "services",
    words = "a service of %s stops",
    happens = function(facts)
      return facts.state == "running"
        and changed(facts, { state = "stopped", not_running = { "a service" } }) or nil
    end,
  },
  {
    kind = "talk",
    words = "a route between the pools of %s breaks",
    happens = function(facts)
      return facts.state ~= "broken" and facts.state ~= "unreachable"
        and changed(facts, { state = "broken", reason = "messages fail" }) or nil
    end,
  },
}

-- "database:mgc.primary" → "database", "the primary of mgc", "primary"
local function parts(resource)
  local kind, rest = resource:match("^([^:]*):(.*)$")
  local name, role = (rest or ""):match("^(.*)%.([^.]*)$")
  if kind == "homes" then
    return kind, name, role
  elseif not name or not inventory.copy(name, role) then
    return kind or resource, rest or resource
  elseif kind == "database" then
    return kind, ("the %s of %s"):format(role:gsub("_", " "), name), role
  end
  return kind, name, role
end

-- What can happen at all, for the reference: {{kind, words}}, "…" for the resource.
function M.describe()
  return list.map(moves, function(move)
    return { kind = move.kind, words = move.words:format "…" }
  end)
end

-- {resource, facts} → {{words, facts}}: everything that could happen to it now.
function M.of(args)
  local kind, title, role = parts(args.resource)
  local found = {}
  for _, move in ipairs(moves) do
    local facts = move.kind == kind and move.happens(args.facts, role)
    if facts then
      found[#found + 1] = { words = move.words:format(title), facts = facts }
    end
  end
  return found
end

return M
