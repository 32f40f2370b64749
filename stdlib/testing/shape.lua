-- Which keys the tables of a file of tests may have, and of what kind their values are.

local book = require "bascule/language/book"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local nearest = require "bascule/core/nearest"
local poison = require "bascule/core/poison"

local M = {}

local function is_map(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local function every(value, accept)
  for _, each in next, value do
    if not accept(each) then
      return false
    end
  end
  return true
end

local function is_text(value)
  return type(value) == "string"
end

local function is_plain(value)
  return value ~= nil and type(value) ~= "function" and (type(value) ~= "table"
    or getmetatable(value) == nil and every(value, is_plain))
end

local function is_count(value)
  return math.type(value) == "integer" and value >= 0
end

local function is_fact_map(accept)
  return function(value)
    return is_map(value) and every(value, function(facts)
      return poison.is(facts) or is_map(facts) and every(facts, accept)
    end)
  end
end

local kinds = {
  text = { "a text", is_text },
  truth = { "true or false", function(value)
    return type(value) == "boolean"
  end },
  count = { "a whole number", is_count },
  ordinal = { "1, 2, 3, …", function(value)
    return is_count(value) and value > 0
  end },
  texts = { 'texts in braces: { "…", "…" }', function(value)
    return is_map(value) and #value > 0 and list.is_list(value) and every(value, is_text)
  end },
  words = { 'words by title: { ["title"] = "changed" }', function(value)
    return is_map(value) and every(value, is_text)
  end },
  settings = { 'values by name: { pool = "chat" }', function(value)
    return is_map(value) and every(value, function(each)
      return type(each) ~= "table" and type(each) ~= "function"
    end)
  end },
  facts = { 'facts by resource: { ["pool:chat"] = { state = "Normal" } }', is_fact_map(is_plain) },
  demands = { 'facts by resource: { ["pool:chat"] = { state = "Normal" } }',
    is_fact_map(function(value)
      return match.is_matcher(value) or is_plain(value)
    end) },
  map = { "a table in braces", is_map },
}

kinds.record = { 'the name of a file, or facts by resource', function(value)
  return is_text(value) or kinds.facts[2](value)
end }

local shapes = {
  tests = { site = "text", facts = "record", set = "settings" },
  test = { given = "facts", set = "settings", fault = "map", resume = "truth", expect = "map" },
  fault = { step = "text", before = "text", change = "ordinal", look = "ordinal", given = "facts" },
  expect = {
    outcome = "text", reason = "text", stops_at = "text", steps = "words", statements = "texts",
    including = "texts", without = "texts", changes = "count", facts = "demands", says = "texts",
    resumed = "count", violates = "texts",
  },
}

local articles = { tests = "tests", test = "a test", fault = "a fault", expect = "expect" }

local function read(shape, key, value, place)
  local kind = kinds[shapes[shape][key]]
  local at = book.errors:find_key(place, key)
  if not kind then
    local verb = shape == "tests" and "have" or "has"
    book.mistake(("%s %s no %q"):format(articles[shape], verb, tostring(key)),
      nearest.hint(tostring(key), list.keys(shapes[shape])), at)
  elseif not kind[2](value) then
    book.mistake(("%q of %s must be %s"):format(key, articles[shape], kind[1]), nil, at)
  else
    return value
  end
end

-- The table without what is wrong with it, which is reported. `skip`: a key that is not looked at.
function M.read(shape, given, place, skip)
  local result = {}
  for _, key in ipairs(list.keys(given)) do
    if key ~= skip and not poison.is(given[key]) then
      result[key] = read(shape, key, given[key], place)
    end
  end
  return result
end

return M
