-- What is wrong with a site whatever a runbook may do to it: told to whoever looks.

local inventory = require "bascule/language/inventory"
local list = require "bascule/core/list"
local text = require "bascule/core/text"

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

local function two_homes(facts, name)
  local users = facts[("homes:%s.users"):format(name)]
  if users and math.type(users.twice) == "integer" and users.twice > 0 then
    local who = text.count(users.twice, ("user of %s is"):format(name),
      ("users of %s are"):format(name))
    return who .. " in more than one pool: a message for one of them arrives in either; leave each "
      .. "of them in one"
  end
end

-- Sentences, by database in order of name, and then by directory.
function M.of(facts)
  local found = list.map(list.keys(inventory.databases()), function(name)
    return split_brain(facts, name)
  end)
  local more = list.map(list.keys(inventory.directories()), function(name)
    return two_homes(facts, name)
  end)
  return table.move(more, 1, #more, #found + 1, found)
end

return M
