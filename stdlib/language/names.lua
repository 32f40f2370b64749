-- Every name that a runbook can use, in one place.

local _, host = ...
local book = require "bascule/language/book"
local cond = require "bascule/core/cond"
local directories = require "bascule/language/directories"
local effects = require "bascule/effects"
local errors = require "bascule/core/errors"
local list = require "bascule/core/list"
local loose = require "bascule/language/loose"
local match = require "bascule/core/match"
local param = require "bascule/language/param"
local poison = require "bascule/core/poison"
local primitive = require "bascule/primitive"
local runbook = require "bascule/language/runbook"
local sandbox = require "bascule/core/sandbox"
local servers = require "bascule/language/servers"
local step = require "bascule/language/step"

local M = {}

-- Each file gives primitives by name; a name without a dot is a function of its own.
M.vocabulary = {
  "log_shipping", "log_backups", "sessions", "database", "home", "pool", "mirror", "sql",
  "command", "file", "wait", "ask", "verify", "directory", "pools", "each",
}

-- The line of a module on which it defines a primitive: `return primitive { … }` leaves no frame
-- on the stack to ask.
local function definition_place(file)
  local lines = book.errors.sources[file] or {}
  for number, line in ipairs(lines) do
    if line:find("%f[%w_]primitive%s*[{(]") then
      return { file = file, line = number }
    end
  end
  return { file = file, line = 1 }
end

local function define_primitive(spec)
  local module = book.module
  local place = errors.here()
  if module and place.file ~= module.file then
    place = definition_place(module.file)
  end
  return primitive.define(spec, place, module and module.name)
end

-- Printing while a runbook is being read would make reading it have an effect.
local function print_note(...)
  local parts = list.map(table.pack(...), tostring)
  if book.loading then
    book.mistake("print says nothing while a runbook is being read",
      "use it in the functions of a primitive")
    return
  end
  effects.note("info", table.concat(parts, "\t"))
end

-- either { condition, condition }: one of them is enough.
local function either(conds)
  local is_braces = type(conds) == "table" and getmetatable(conds) == nil and list.is_list(conds)
  local given, clean = is_braces and conds or {}, {}
  loose.take(given)
  for _, each in ipairs(given) do
    if poison.is(each) then
      return each
    elseif not cond.is(each) then
      clean = {}
      break
    end
    book.touch(cond.resource(each))
    clean[#clean + 1] = each
  end
  if #clean == 0 then
    book.mistake("either takes conditions in braces", 'write either { db.secondary:is "restoring", '
      .. "db.secondary:was_recovered() }")
    return poison.new()
  end
  return loose.note(cond.either(clean), "either", nil, true)
end

local function add_vocabulary(names)
  for _, file in ipairs(M.vocabulary) do
    for _, entry in ipairs(require("bascule/vocabulary/" .. file)) do
      local space, field = entry.name:match("^([^.]+)%.(.+)$")
      if space then
        names[space] = names[space] or {}
        names[space][field] = entry.value
      else
        names[entry.name] = entry.value
      end
    end
  end
end

local function add_language(names)
  names.runbook, names.params, names.param = runbook.runbook, runbook.params, param.constructors
  names.guard, names.step, names.gate, names.phase = step.guard, step.step, step.gate, step.phase
  names.invariant = step.invariant
  names.move_to, names.move_back = directories.move_to, directories.move_back
  names.near, names.primitive, names.print = servers.near, define_primitive, print_note
  names.either = either
  names.at_most, names.at_least = match.at_most, match.at_least
end

-- All names. `require_module(name)` is what a runbook's `require` does.
function M.all(require_module)
  local names, own = {}, sandbox.base()
  add_vocabulary(own)
  add_language(own)
  own.require = function(name)
    return type(name) == "string" and require_module(name) or poison.new()
  end
  for name, value in pairs(own) do
    local is_space = type(value) == "table" and getmetatable(value) == nil
    names[name] = is_space and sandbox.namespace(name, value, names) or value
  end
  return names
end

-- Arguments are written by position, and a table with positions and names cannot leave Lua.
local function plain_arguments(spec)
  return host.list(list.map(spec.args or {}, function(arg)
    local plain = list.copy(arg)
    plain[1], plain[2] = nil, nil
    plain.name, plain.type = arg[1], arg[2]
    return plain
  end))
end

-- The primitives as data for the reference: {name, args, doc, undo, usage}.
function M.describe()
  local result = {}
  for _, file in ipairs(M.vocabulary) do
    for _, entry in ipairs(require("bascule/vocabulary/" .. file)) do
      local spec = primitive.describe(entry.value) or entry
      local undo = spec.irreversible and "point of no return" or spec.undo and "automatic"
        or spec.harmless and "not needed: " .. spec.harmless or spec.read_only and "changes nothing"
        or spec.undo_word or spec.undoes and "declared" or "none"
      result[#result + 1] = { name = entry.name, doc = spec.doc, undo = undo,
        args = plain_arguments(spec), usage = spec.usage }
    end
  end
  return result
end

return M
