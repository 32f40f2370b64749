-- Conditions as data: what a guard demands of a resource. Nothing is looked up when one is made;
-- `M.check` asks the world when its step is performed.

local list = require "bascule/core/list"
local match = require "bascule/core/match"
local text = require "bascule/core/text"

local M = {}

local details = {}

local meta = { __metatable = false, __name = "condition" }

function meta.__tostring(self)
  return details[self].words
end

-- A condition on the facts of `resource`. `test(facts, observe, assumed)` gives true, perhaps with
-- words for the operator, or false and a reason; `words` describe it in a listing. What `assumed`
-- is stands at M.check.
function M.new(resource, words, test)
  local cond = setmetatable({}, meta)
  details[cond] = { resource = resource, words = words, test = test }
  return cond
end

function M.is(value)
  return details[value] ~= nil
end

function M.resource(cond)
  return details[cond].resource
end

-- The resources of a condition and of all that it is made of.
function M.resources(cond)
  local ids = { details[cond].resource }
  for _, part in ipairs(details[cond].parts or {}) do
    table.move(M.resources(part), 1, #M.resources(part), #ids + 1, ids)
  end
  return ids
end

function M.words(cond)
  return details[cond].words
end

-- Returns true, perhaps with why that is enough, or false and the reason with the value found.
-- Whether a condition on what cannot be known beforehand holds, the world is asked; it is not where
-- `assumed` says so, true or false.
function M.check(cond, observe, assumed)
  local inner = details[cond]
  return inner.test(observe(inner.resource), observe, assumed)
end

local function wanted_value(wanted)
  local is_plain_list = type(wanted) == "table" and not match.is_matcher(wanted)
    and not match.is_unknown(wanted)
  return is_plain_list
end

-- "state" is what a resource *is*; everything else is what it *has*.
local function found_words(title, key, facts)
  if key == "state" then
    local why = facts.state == "unknown" and facts.reason or ""
    return ("%s is %s%s"):format(title, text.value(facts.state), why ~= "" and ": " .. why or "")
  end
  return ("%s has %s %s"):format(title, key, text.value(facts[key]))
end

local function holds(test, value, negated, assumed)
  if assumed ~= nil and match.is_unknown(value) and not match.is_unknown(test.want) then
    return assumed
  end
  return match.matches(test.want, value) ~= negated
end

-- Every key of `wanted` must match, or, when `negated`, none of them. For a key that is not a
-- list itself, a list of values means any of them.
function M.facts(resource, title, wanted, negated)
  local tests, words = {}, {}
  negated = negated or false
  for _, key in ipairs(list.keys(wanted)) do
    local want = wanted[key]
    if wanted_value(want) and key ~= "active_servers" then
      want = match.any_of(want)
    end
    tests[#tests + 1] = { key = key, want = want }
    words[#words + 1] = (key == "state" and "" or key .. " ") .. match.words(want)
  end
  local all = text.join(words, "and")
  local verb = (wanted.state and "is " or "has ") .. (negated and "not " or "")
  return M.new(resource, title .. " " .. verb .. all, function(facts, _, assumed)
    for _, test in ipairs(tests) do
      if not holds(test, facts[test.key], negated, assumed) then
        return false, ("%s, wanted %s%s"):format(found_words(title, test.key, facts),
          negated and "anything but " or "", match.words(test.want))
      end
    end
    return true
  end)
end

-- One of several conditions is enough; when none holds, the reasons of all are given.
function M.either(conds)
  local words = list.map(conds, M.words)
  local test = function(_, observe, assumed)
    local reasons = {}
    for _, each in ipairs(conds) do
      local ok, reason = M.check(each, observe, assumed)
      if ok then
        return true, reason
      end
      reasons[#reasons + 1] = reason
    end
    return false, table.concat(reasons, "; ")
  end
  local either = M.new(M.resource(conds[1]), table.concat(words, ", or "), test)
  details[either].parts = conds
  return either
end

return M
