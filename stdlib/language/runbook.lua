-- `runbook "name" { summary = …, params = { … } }` and `params.<name>`.

local book = require "bascule/language/book"
local errors = require "bascule/core/errors"
local line = require "bascule/language/line"
local list = require "bascule/core/list"
local nearest = require "bascule/core/nearest"
local param = require "bascule/language/param"
local poison = require "bascule/core/poison"

local M = {}

local keys = { "summary", "params", "doc" }

local function check_keys(about, place)
  for _, key in ipairs(list.keys(about)) do
    if not list.contains(keys, key) then
      book.mistake(("a runbook has no %q"):format(tostring(key)),
        nearest.hint(tostring(key), keys), book.errors:find_key(place, key))
    end
  end
  local at = book.errors:find_key(place, "summary")
  if type(about.summary) == "string" then
    line.check("the summary of a runbook", about.summary, at)
  elseif about.summary ~= nil then
    book.mistake("the summary of a runbook must be a text", nil, at)
  end
end

local function declare_params(given, place)
  for _, name in ipairs(list.keys(given)) do
    line.check("the name of a parameter", tostring(name), place)
    local spec = param.of(given[name])
    if spec then
      local value, recorded = param.resolve(name, spec)
      book.params[name] = value
      if type(spec.default) ~= "table" then
        book.defaults[name] = spec.default
      end
      book.param_list[name] = { type = spec.kind, value = recorded, doc = spec.doc }
    else
      book.params[name] = poison.new()
      if not poison.is(given[name]) then
        book.mistake(("the parameter %q has no type"):format(name),
          ("write %s = param.text {}, param.pool(), …"):format(name),
          book.errors:find_key(place, name))
      end
    end
  end
end

local function declare(name, about, place)
  if book.about then
    book.mistake("a file holds one runbook", ("the first is %q"):format(book.about.name), place)
    return
  end
  if type(name) ~= "string" or name == "" then
    book.mistake("a runbook needs a name", 'write runbook "failover" { … }', place)
    name = "?"
  elseif not line.check("the name of a runbook", name, place) then
    name = "?"
  end
  if type(about) ~= "table" then
    book.mistake(("the runbook %q has no description"):format(name),
      ("write runbook %q { summary = \"…\" }"):format(name), place)
    about = {}
  end
  book.about = { name = name, summary = about.summary, place = place }
  check_keys(about, place)
  if about.params ~= nil and type(about.params) ~= "table" then
    book.mistake("params of a runbook must be a table", "write params = { pool = param.pool() }",
      book.errors:find_key(place, "params"))
  else
    declare_params(about.params or {}, place)
  end
end

function M.runbook(name)
  local place = errors.here()
  if type(name) == "table" then
    declare(nil, name, place)
    return
  end
  book.unfinished = { place = place, message = ("the runbook %q has no description"):format(
    tostring(name)), hint = "write runbook \"name\" { summary = \"…\" }" }
  return function(about)
    book.unfinished = nil
    declare(name, about, place)
  end
end

local function unknown_param(key)
  if not book.about then
    book.mistake("params are known only after the runbook has been declared",
      'begin the file with runbook "name" { … }')
  else
    book.mistake(("the runbook has no parameter %q"):format(tostring(key)),
      nearest.hint(tostring(key), list.keys(book.params),
        ("declare it: params = { %s = param.text {} }"):format(tostring(key))))
  end
  return poison.new()
end

M.params = setmetatable({}, {
  __metatable = false,
  __name = "params",
  __index = function(_, key)
    local value = book.params[key]
    if value == nil then
      return unknown_param(key)
    end
    return value
  end,
  __newindex = function(_, key)
    book.mistake(("the parameter %q cannot be assigned"):format(tostring(key)),
      ("give it a default, or pass --set %s=VALUE"):format(tostring(key)))
  end,
})

return M
