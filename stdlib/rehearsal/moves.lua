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
}

-- "database:mgc.primary" → "database", "the primary of mgc", "primary"
local function parts(resource)
  local kind, rest = resource:match("^([^:]*):(.*)$")
  local name, role = (rest or ""):match("^(.*)%.([^.]*)$")
  if not name or not inventory.copy(name, role) then
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
