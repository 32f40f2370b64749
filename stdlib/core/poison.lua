-- Placeholders for what is wrong or not known yet.
--
-- A mistake gives one error and a placeholder that takes part in everything afterwards without
-- giving another: it can be indexed, called, compared and listed. (Joining it to a text cannot be
-- absorbed: a metatable cannot have __concat here.)

local M = {}

local details = {}

local function again(self)
  return self
end

-- Operators may have the placeholder on either side.
local function either(a, b)
  return details[a] and a or b
end

local meta = {
  __metatable = false,
  __name = "placeholder",
  __call = again,
  __add = either,
  __sub = either,
  __mul = either,
  __div = either,
  __idiv = either,
  __mod = either,
  __unm = again,
  __newindex = function() end,
  __len = function()
    return 0
  end,
  __lt = function()
    return false
  end,
  __le = function()
    return false
  end,
  __tostring = function()
    return "(not known)"
  end,
}

function meta.__index(self, key)
  if math.type(key) == "integer" then
    return nil -- so that walking it as a list ends at once
  end
  local refine = details[self].refine
  if refine then
    details[self].refine = nil
    refine(key)
  end
  return self
end

-- `refine(key)` is called once, when the placeholder is first indexed: the error that it stands
-- for can then name the whole expression.
function M.new(refine)
  local poison = setmetatable({}, meta)
  details[poison] = { refine = refine }
  return poison
end

function M.is(value)
  return details[value] ~= nil
end

return M
