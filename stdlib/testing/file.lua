-- A file of tests: which runbook it tests, and the tests as data. Reading it does nothing else.

local _, host = ...
local book = require "bascule/language/book"
local errors = require "bascule/core/errors"
local line = require "bascule/language/line"
local list = require "bascule/core/list"
local loader = require "bascule/language/loader"
local match = require "bascule/core/match"
local poison = require "bascule/core/poison"
local sandbox = require "bascule/core/sandbox"
local shape = require "bascule/testing/shape"

local M = {
  about = nil, -- {runbook, site, facts, set, place}
  list = {}, -- {title, place, given, set, faults, resume, expect}
}

local hints = {
  io = "a test touches no file; name site and facts in tests",
  os = "a test touches nothing but the modelled site",
}
for _, name in ipairs { "runbook", "guard", "step", "gate", "phase", "invariant", "params" } do
  hints[name] = "a runbook is a file of its own; tests speak of its titles"
end

-- Values of parameters, as they are given with --set.
local function settings(given)
  local set = {}
  for key, value in next, given or {} do
    set[tostring(key)] = tostring(value)
  end
  return set
end

local function declare(runbook, given, place)
  local about = shape.read("tests", type(given) == "table" and given or {}, place)
  if M.about then
    book.mistake("a file tests one runbook",
      ("the first is %q in line %d"):format(M.about.runbook, M.about.place.line), place)
    return
  end
  M.about = { runbook = runbook, site = about.site, facts = about.facts, place = place,
    set = settings(about.set) }
  for _, key in ipairs { "site", "facts" } do
    if about[key] == nil and (type(given) ~= "table" or given[key] == nil) then
      book.mistake(("tests need %q"):format(key), key == "site" and 'write site = "site.yaml"'
        or 'write facts = "facts.json", as bascule observe -o facts.json records them', place)
    end
  end
end

local function named(kind, example, define)
  return function(name)
    local place = errors.here()
    if type(name) ~= "string" or name == "" then
      book.mistake(("a %s needs a text"):format(kind), "write " .. example, place)
      return poison.new()
    end
    local pending = { place = place, message = ("the %s %q has no body"):format(kind, name),
      hint = "write " .. example }
    book.unfinished = book.unfinished or pending
    return function(body)
      if book.unfinished == pending then
        book.unfinished = nil
      end
      return define(name, body, place)
    end
  end
end

local function read_fault(given, place)
  local fault = shape.read("fault", given, place, 1)
  if given[1] ~= nil and type(given[1]) ~= "string" then
    book.mistake("a fault begins with its name", 'write fault = { "fails", step = "…" }',
      book.errors:find_key(place, "fault"))
    return nil
  end
  fault.name = given[1]
  return fault
end

-- One fault, or several in the order in which they happen.
local function read_faults(given, place)
  local faults = {}
  local is_several = type(given[1]) == "table" and not poison.is(given[1])
  for _, each in ipairs(is_several and given or { given }) do
    if type(each) == "table" then
      faults[#faults + 1] = read_fault(each, place)
    end
  end
  return faults
end

local function check_expect(test, given)
  if given.expect == nil or type(given.expect) == "table" and next(given.expect) == nil then
    book.mistake(("the test %q expects nothing"):format(test.title),
      'give it expect = { outcome = "done" }', test.place)
  end
end

local function check_title(title, place)
  for _, each in ipairs(M.list) do
    if each.title == title then
      book.mistake(("there are two tests %q"):format(title),
        ("the first is in line %d"):format(each.place.line), place)
    end
  end
  return line.check("the title of a test", title, place)
end

local function add_test(title, given, place)
  if type(given) ~= "table" or getmetatable(given) ~= nil then
    book.mistake(("the test %q needs braces"):format(title),
      ('write test %q { expect = { … } }'):format(title), place)
    return
  end
  check_title(title, place)
  local test = shape.read("test", given, place)
  test.title, test.place = title, place
  check_expect(test, given)
  test.set = settings(test.set)
  test.faults = test.fault and read_faults(test.fault, place) or {}
  test.expect = shape.read("expect", test.expect or {}, place)
  M.list[#M.list + 1] = test
end

local function names_with(require_module)
  local names = sandbox.base()
  names.tests = named("file of tests", 'tests "failover.lua" { site = "…", facts = "…" }', declare)
  names.test = named("test", 'test "What happens" { expect = { … } }', add_test)
  names.at_most, names.at_least = match.at_most, match.at_least
  names.require = function(name)
    return type(name) == "string" and require_module(name) or poison.new()
  end
  for name, value in pairs(names) do
    names[name] = type(value) == "table" and sandbox.namespace(name, value, names) or value
  end
  return names
end

local function check_whole()
  local first = { file = book.path, line = 1 }
  if book.unfinished then
    book.mistake(book.unfinished.message, book.unfinished.hint, book.unfinished.place)
  elseif not M.about then
    book.mistake("the file does not say what it tests",
      'begin it with tests "failover.lua" { site = "…", facts = "…" }', first)
  elseif #M.list == 0 then
    book.mistake("the file has no test", 'write test "What happens" { expect = { … } }', first)
  end
end

-- The entry function `tests`; see host.lua.
function M.load(args)
  book.reset(args)
  book.unfinished = nil
  M.about, M.list = nil, {}
  local vocabulary = loader.vocabulary(names_with)
  local complete = loader.run_file(args.path, args.source, sandbox.new(vocabulary, hints))
  if complete then
    check_whole()
  end
  local about = M.about and list.copy(M.about)
  if about then
    about.line, about.place = about.place.line, nil
  end
  return { errors = book.errors:sorted(), about = about, modules = host.list(book.modules) }
end

return M
