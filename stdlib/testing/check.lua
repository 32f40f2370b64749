-- Holds a file of tests against the runbook that it tests: every title, resource, fact and fault
-- that a test names must be there.

local _, host = ...
local book = require "bascule/language/book"
local file = require "bascule/testing/file"
local list = require "bascule/core/list"
local match = require "bascule/core/match"
local nearest = require "bascule/core/nearest"
local schema = require "bascule/facts/schema"

local M = {}

local outcomes = {
  "done", "killed", "refused", "failed", "diverged", "timeout", "interrupted", "unknown",
  "parked",
}

local step_outcomes = {
  "kept", "changed", "skipped", "refused", "failed", "diverged", "timeout", "interrupted",
  "unknown", "killed", "not reached", "parked",
}

-- {titles = {title = index}, ids = {…}, faults = {name = {looks}}}
local function known_of(args)
  local known = { titles = {}, ids = list.keys(args.facts), faults = {} }
  for _, item in ipairs(args.items) do
    known.titles[item.title] = item.index
  end
  for _, id in ipairs(args.resources) do
    if not args.facts[id] then
      known.ids[#known.ids + 1] = id
    end
  end
  for _, each in ipairs(args.faults) do
    known.faults[each.name] = each
  end
  return known
end

local function mistake(place, words, message, hint)
  book.errors:add(book.errors:find_text(place, words), message, hint)
end

local function check_title(known, title, place)
  if title and not known.titles[title] then
    mistake(place, title, ("the runbook has no statement %q"):format(title),
      nearest.hint(title, list.keys(known.titles)))
    return nil
  end
  return known.titles[title]
end

local function check_word(word, words, place)
  if word and not list.contains(words, word) then
    mistake(place, word, ("%q is no outcome here"):format(word), nearest.hint(word, words))
  end
end

-- Values that are looked for in another way than by being the same are not held against the schema.
local function plain_value(value)
  local is_pattern = type(value) == "string" and value:find("*", 1, true)
  return not is_pattern and not match.is_matcher(value) and value or nil
end

local function check_keys(id, facts, place)
  for _, key in ipairs(list.keys(facts)) do
    local fine, message, hint = schema.allows(schema.kind_of(id), key, plain_value(facts[key]))
    if not fine then
      book.errors:add(book.errors:find_key(book.errors:find_text(place, id), key), message, hint)
    end
  end
end

local function check_facts(known, facts, place)
  for _, id in ipairs(list.keys(facts or {})) do
    if not list.contains(known.ids, id) then
      mistake(place, id, ("nothing is known of %q"):format(tostring(id)),
        nearest.hint(tostring(id), known.ids, "name it as bascule observe does"))
    else
      check_keys(id, facts[id], place)
    end
  end
end

-- The facts that the file of tests gives itself.
local function check_record(facts)
  local begin = book.errors:find_key(file.about.place, "facts")
  for _, each in ipairs(schema.complaints(facts)) do
    local place = book.errors:find_text(begin, each.resource)
    book.errors:add(each.key and book.errors:find_key(place, each.key) or place, each.message,
      each.hint)
  end
end

-- What a test does with the faults of the world itself.
local function check_before(known, fault, place)
  if fault.step or fault.change or fault.look then
    mistake(place, fault.before, "what happens before a step is no fault of one of its changes",
      'write { "…", before = "…" }, or { "…", step = "…" }')
  elseif not fault.name and not fault.given then
    mistake(place, fault.before, "nothing happens there",
      'say what: { "the primary of mgc comes back", before = "…" }, or give facts')
  elseif known.faults[fault.name] then
    mistake(place, fault.name, ("%q happens in a step, not before it"):format(fault.name),
      'write step = "…"')
  end
  check_facts(known, fault.given, place)
end

local function check_in_step(known, fault, place)
  local kind = known.faults[fault.name]
  local at = book.errors:find_key(place, "fault")
  if not fault.step then
    book.errors:add(at, "a fault needs the step that it happens in",
      'write { "lost-after", step = "…" }, or before = "…" for what the world does')
  elseif not kind then
    mistake(place, fault.name, ("there is no fault %q"):format(tostring(fault.name)),
      nearest.hint(tostring(fault.name), list.keys(known.faults), ("known are: %s"):format(
        table.concat(list.keys(known.faults), ", "))))
  elseif fault.change and not kind.change or fault.look and not kind.look then
    mistake(place, fault.name, ("%q does not happen to a %s"):format(fault.name,
      fault.change and "change" or "look"), kind.change and "write change = 2, or leave it out"
      or kind.look and "write look = 2, or leave it out" or "leave the number out")
  elseif fault.given then
    mistake(place, fault.name, "facts become otherwise before a step, not in it",
      'write { before = "…", given = { … } }')
  end
end

-- A fault as the walk takes it.
local function fault_of(known, fault, place)
  local index = check_title(known, fault.before or fault.step, place)
  if fault.before then
    check_before(known, fault, place)
    return { item = index, move = fault.name, facts = fault.given }
  end
  check_in_step(known, fault, place)
  return { item = index, fault = fault.name, nth = fault.change or fault.look or 1,
    looks = fault.look ~= nil }
end

local function check_expect(known, expect, place)
  check_word(expect.outcome, outcomes, place)
  check_title(known, expect.stops_at, place)
  for _, title in ipairs(list.keys(expect.steps or {})) do
    check_title(known, title, place)
    check_word(expect.steps[title], step_outcomes, place)
  end
  check_facts(known, expect.facts, place)
end

local function merged(facts, given)
  local result = list.copy(facts)
  for id, keys in next, given or {} do
    local copy = list.copy(result[id] or {})
    for key, value in next, keys do
      copy[key] = value
    end
    result[id] = copy
  end
  return result
end

local function entry_of(known, test, facts)
  check_facts(known, test.given, test.place)
  check_expect(known, test.expect, test.place)
  local set = list.copy(file.about.set)
  for key, value in next, test.set do
    set[key] = value
  end
  return {
    title = test.title, line = test.place.line, set = set, resume = test.resume == true,
    facts = merged(facts, test.given),
    faults = host.list(list.map(test.faults, function(fault)
      return fault_of(known, fault, test.place)
    end)),
  }
end

-- The entry function `tests_check`; see host.lua.
function M.check(args)
  local known = known_of(args)
  if type(file.about.facts) == "table" then
    check_record(file.about.facts)
  end
  local entries = list.map(file.list, function(test)
    return entry_of(known, test, args.facts)
  end)
  return { errors = book.errors:sorted(), tests = host.list(entries) }
end

return M
