-- Compares facts with what is wanted of them: a value, one of several, or a bound.

local _, host = ...
local list = require "bascule/core/list"
local text = require "bascule/core/text"

local M = {}

local matchers = {}

-- `sort` is what kind of value it takes, for where the value is not known yet.
local function matcher(sort, test, words)
  local value = setmetatable({}, {
    __metatable = false,
    __tostring = function()
      return words
    end,
  })
  matchers[value] = { sort = sort, test = test, words = words }
  return value
end

-- A value that cannot be known beforehand, {["$unknown"] = what it will be}, equals anything.
function M.is_unknown(value)
  return type(value) == "table" and rawget(value, "$unknown") ~= nil
end

function M.any_of(values)
  local words = text.join(list.map(values, text.value), "or")
  return matcher(type(values[1]) == "string" and "text" or "int", function(value)
    for _, each in ipairs(values) do
      if list.same(value, each) then
        return true
      end
    end
    return false
  end, words)
end

-- For a guard such as `queue:has { rows = at_most(100) }`.
function M.at_most(limit)
  return matcher("int", function(value)
    return math.type(value) == "integer" and value <= limit
  end, "at most " .. limit)
end

function M.at_least(limit)
  return matcher("int", function(value)
    return math.type(value) == "integer" and value >= limit
  end, "at least " .. limit)
end

-- For what is brought as far as something that goes on meanwhile: afterwards it has come at least
-- so far, and beforehand nothing tells that it is there still.
function M.brought_to(limit)
  return matcher("int", function(value, likely)
    return likely and math.type(value) == "integer" and value >= limit
  end, "at least " .. limit)
end

-- For what is made anew and gets a name that nobody knows before.
function M.other_than(old)
  return matcher("text", function(value)
    return type(value) == "string" and value ~= old
  end, "another than " .. text.value(old))
end

-- For what shall not be so any more, whatever becomes of it.
function M.no_longer(old)
  return matcher("text", function(value)
    return value ~= old
  end, "another than " .. text.value(old))
end

-- For what somebody else will have come to: no number that is known now can be told to be that.
function M.not_known_yet(words)
  return matcher("int", function()
    return false
  end, words)
end

function M.is_matcher(value)
  return matchers[value] ~= nil
end

-- What will be there when a matcher has come true: a value that is seen only afterwards.
function M.foretold(wanted)
  local found = matchers[wanted]
  return found and { ["$unknown"] = found.sort } or wanted
end

function M.words(wanted)
  local found = matchers[wanted]
  return found and found.words or text.value(wanted)
end

-- Whether a value that is not known yet is as wanted; replaced by whoever can ask the world.
function M.undecided()
  return true
end

-- `likely` says what a plan takes a fact that is not known yet for: as wanted unless it is false.
function M.matches(wanted, value, likely)
  if M.is_unknown(wanted) then
    return true
  elseif M.is_unknown(value) then
    return M.undecided(value["$unknown"], M.words(wanted), likely ~= false)
  elseif wanted == host.null then -- a fact that shall be gone
    return value == nil or value == host.null
  end
  local found = matchers[wanted]
  if found then
    return found.test(value, likely ~= false)
  end
  return list.same(wanted, value)
end

return M
