-- What becomes of a mirror when its principal goes over to another recovery fork.

local inventory = require "bascule/language/inventory"
local recovered = require "bascule/recovered"
local registry = require "bascule/platforms/registry"
local schema = require "bascule/facts/schema"

local M = {}

-- Whether a mirror was made of the very fork on which a recovery that was cut short goes on.
local function fits(copy, mirror, facts, observe)
  local there = observe(("database:%s.%s"):format(copy.database, mirror))
  return recovered.has_left(facts) and there.fork == facts.fork
end

-- A mirror that dials again and again goes over as well, if it has not gone further than where the
-- forks part; which of that is seen only afterwards.
local function finds_out(copy, mirror, link, changed)
  if link.state == "following" or link.state == "stalled" then
    local unknown = schema.unknown "mirror"
    changed[("mirror:%s.%s"):format(copy.database, mirror)] = { state = unknown.state,
      principal = unknown.principal, synchronous = unknown.synchronous }
    changed[("database:%s.%s"):format(copy.database, mirror)] = {
      fork = schema.unknown_fact("database", "fork") }
  end
end

-- Whose mirror it was to wait for could not be asked of a copy that did not answer; now it can.
local function tells(id, link, changed)
  if link.state ~= "broken" and link.waits_for == nil then
    changed[id] = changed[id] or {}
    changed[id].waits_for = schema.unknown "mirror".waits_for
  end
end

-- Adds to `changed` what becomes of the mirrors of a copy with these facts. One that was made of
-- the copy before does not fit its new fork.
function M.moves(copy, facts, observe, changed)
  local dials = registry.of(copy).mirrors_dial
  for mirror, principal in pairs(inventory.principal_of) do
    local id = ("mirror:%s.%s"):format(copy.database, mirror)
    if principal == copy.role and inventory.copy(copy.database, mirror) then
      local link = observe(id)
      if dials then
        finds_out(copy, mirror, link, changed)
        tells(id, link, changed)
      elseif link.state == "stalled" and not fits(copy, mirror, facts, observe) then
        changed[id] = { state = "broken" }
      end
    end
  end
  return changed
end

return M
