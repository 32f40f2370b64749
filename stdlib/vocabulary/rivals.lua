-- Who stands in the way of opening, closing or replacing a copy: another copy, since two that can
-- be written to must never exist, and whoever uses it.

local fence = require "bascule/platforms/fence"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local registry = require "bascule/platforms/registry"
local text = require "bascule/core/text"

local M = {}

-- States in which another copy cannot take writes, now or by itself later.
local harmless_states = { "unreachable", "missing", "damaged", "restoring", "standby", "mirror" }

-- Whether the copy was stopped on its way to be closed: nobody can write to it, and it does not
-- take log backups yet.
function M.is_half_closed(copy, facts)
  return facts.state == "restoring" and facts.state ~= registry.closed_state(copy)
    and facts.held_by ~= nil
end

-- The reason why another copy of the database forbids bringing this one online, or nil.
function M.of(copy, observe)
  for _, role in ipairs(inventory.roles) do
    local id = ("database:%s.%s"):format(copy.database, role)
    if role ~= copy.role and inventory.copy(copy.database, role) then
      local facts, other = observe(id), registry.copy_named(("%s.%s"):format(copy.database, role))
      local doubt = fence.doubt(other, facts)
      if doubt then
        return doubt .. ": two writable copies must never exist"
      elseif M.is_half_closed(other, facts) then
        return ("%s is not closed yet, and may have committed what nobody else has: %s"):format(
          other.title, text.value(facts.held_by))
      elseif facts.writable or not list.contains(harmless_states, facts.state) then
        return ("%s is %s: two writable copies must never exist"):format(other.title, facts.state)
      elseif facts.coming_online then
        return ("%s was told to come online: two writable copies must never exist"):format(
          other.title)
      end
    end
  end
end

-- The sessions that are open on it, or nil.
function M.in_use(copy, facts)
  if registry.of(copy).minds_no_sessions then
    return nil
  elseif math.type(facts.sessions) == "integer" and facts.sessions > 0 then
    return ("%s has %s: end them first"):format(copy.title, text.count(facts.sessions,
      "open session"))
  end
end

return M
