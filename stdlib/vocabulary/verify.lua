-- Making sure, at the end or on the way, that things are as they should be.

local cond = require "bascule/core/cond"
local list = require "bascule/core/list"
local book = require "bascule/language/book"
local poison = require "bascule/core/poison"
local primitive = require "bascule/primitive"

local function check_conditions(a)
  local clean = {}
  for _, each in ipairs(a.conditions) do
    if cond.is(each) then
      clean[#clean + 1] = each
      book.touch(cond.resource(each))
    elseif not poison.is(each) then
      book.mistake("verify takes conditions", 'write verify { db.secondary:is "online" }')
      return false
    end
  end
  a.conditions = clean
  return #clean > 0
end

-- Checks conditions without changing anything. One that is not true ends the run as diverged, with
-- what was found and what was wanted.
local verify = primitive.shipped {
  name = "verify",
  doc = "Makes sure that conditions are true; changes nothing.",
  args = { { "conditions", "list", doc = "what must be true" } },
  usage = 'verify { db.secondary:is "online" }',
  takes_list = true,
  read_only = true,
  check = check_conditions,
  resource = function(a)
    return cond.resource(a.conditions[1])
  end,
  performs = function(a, _, observe)
    local reasons = list.map(a.conditions, function(each)
      local ok, reason = cond.check(each, observe)
      return not ok and reason or nil
    end)
    if #reasons > 0 then
      return "diverged", table.concat(reasons, "; ")
    end
    return "kept"
  end,
}

return { { name = "verify", value = verify } }
