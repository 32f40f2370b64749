-- Other copies of a database: two that can be written to must never exist.

local fence = require "bascule/platforms/fence"
local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local registry = require "bascule/platforms/registry"

local M = {}

-- States in which another copy cannot take writes, now or by itself later.
local harmless_states = { "unreachable", "missing", "damaged", "restoring", "standby", "mirror" }

-- The reason why another copy of the database forbids bringing this one online, or nil.
function M.of(copy, observe)
  for _, role in ipairs(inventory.roles) do
    local id = ("database:%s.%s"):format(copy.database, role)
    if role ~= copy.role and inventory.copy(copy.database, role) then
      local facts, other = observe(id), registry.copy_named(("%s.%s"):format(copy.database, role))
      local doubt = fence.doubt(other, facts)
      if doubt then
        return doubt .. ": two writable copies must never exist"
      elseif facts.writable or not list.contains(harmless_states, facts.state) then
        return ("%s is %s: two writable copies must never exist"):format(other.title, facts.state)
      end
    end
  end
end

return M
