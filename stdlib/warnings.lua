-- What is wrong with a site whatever a runbook may do to it: told to whoever looks.

local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"

local M = {}

-- The roles of a database whose copies take writes now. `facts` are of every copy, by id.
function M.writable_roles(facts, name)
  return list.map(inventory.roles, function(role)
    local copy = facts[("database:%s.%s"):format(name, role)]
    return copy and copy.state == "online" and copy.writable ~= false and role or nil
  end)
end

local function split_brain(facts, name)
  local roles = M.writable_roles(facts, name)
  if #roles > 1 then
    return ("%s can be written to on its %s at once: whatever is written to one of them is not in "
      .. "the other; keep clients away from all but one"):format(name, table.concat(roles,
      " and its "))
  end
end

-- Sentences, by database in order of name.
function M.of(facts)
  return list.map(list.keys(inventory.databases()), function(name)
    return split_brain(facts, name)
  end)
end

return M
